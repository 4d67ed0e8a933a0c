"""The bytes of `model.pth`, alone or in a `model.tar.gz`, from a file that nobody vouches for.

An archive is read as a stream; nothing is ever written to disk, and reading stops where it grows
beyond what it declares or what is allowed.

Refused, each with its own sentence: absolute names and names that climb with `..`, links, devices
and other special entries, no `model.pth` or several, over 100 entries, over 2 GB, files that are no
gzip, no tar, cut off or damaged.
"""

import gzip
import io
import tarfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath

from fperank.ground.errors import DataError

CHECKPOINT = "model.pth"
MAX_BYTES = 2_000_000_000
MAX_ENTRIES = 100
_GZIP_MAGIC = b"\x1f\x8b"
_CHECKPOINT_MAGIC = (b"PK\x03\x04", b"\x80")
_BLOCK = 1 << 20
_READ_AHEAD = 1 << 16
# Between two entries an archive holds names and padding; a real one needs a few kilobytes.
_MAX_HEADER_BYTES = 1 << 20


def read_checkpoint_bytes(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """Read a checkpoint's bytes without interpreting them.

    Args:
        path: a `model.pth`, or a `.tar.gz` that holds one.
        max_bytes: most that a checkpoint, or all entries of an archive together, may have.

    Raises:
        DataError: the file is absent, too large, or not such a file; see the module.
    """
    if not path.exists():
        raise DataError(f"{path} does not exist: name a model.pth or a model.tar.gz")
    if not path.is_file():
        raise DataError(f"{path} is no file: name a model.pth or a model.tar.gz")
    try:
        with path.open("rb") as file:
            begin = file.read(len(_CHECKPOINT_MAGIC[0]))
            file.seek(0)
            if begin.startswith(_GZIP_MAGIC):
                return _from_archive(file, path, max_bytes)
            if path.suffix.lower() in {".gz", ".tgz"}:
                raise DataError(f"{path} is not a gzip archive, although its name says so")
            _check_begin(begin, str(path))
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or 'damaged'}") from None
    if len(content) > max_bytes:
        raise DataError(f"{path} is larger than the {max_bytes:,} bytes that a checkpoint may have")
    return content


class _Metered(io.RawIOBase):
    """A stream that ends with an error where more is read than was allowed beforehand."""

    def __init__(self, stream: gzip.GzipFile, path: Path) -> None:
        self._stream = stream
        self._path = path
        self.allowed = _MAX_HEADER_BYTES

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(min(size, _BLOCK) if size >= 0 else _BLOCK)
        self.allowed -= len(content)
        if self.allowed < 0:
            raise DataError(
                f"{self._path} holds more data between its entries than any name needs: it was "
                "not made by an archive program, and is not read further"
            )
        return content


def _from_archive(file: io.BufferedReader, path: Path, max_bytes: int) -> bytes:
    try:
        with gzip.GzipFile(fileobj=file) as unzipped:
            stream = _Metered(unzipped, path)
            with tarfile.open(fileobj=stream, mode="r|", bufsize=_READ_AHEAD) as archive:
                content = _read_entries(archive, stream, path, max_bytes)
            # The gzip's checksum stands behind the tar's end.
            stream.allowed = _MAX_HEADER_BYTES
            while stream.read(_BLOCK):
                pass
    except EOFError:
        raise DataError(f"{path} is cut off: copy it again") from None
    except (gzip.BadGzipFile, zlib.error):
        raise DataError(f"{path} is a damaged gzip archive: copy it again") from None
    except tarfile.ReadError as error:
        cut = "unexpected end of data" in str(error)
        what = "is cut off: copy it again" if cut else "holds no tar archive"
        raise DataError(f"{path} {what}") from None
    except (tarfile.TarError, ValueError, RecursionError):
        raise DataError(f"{path} holds a damaged tar archive: copy it again") from None
    if content is None:
        raise DataError(f"{path} holds no {CHECKPOINT}: is it the model.tar.gz of a training?")
    return content


def _read_entries(
    archive: tarfile.TarFile, stream: _Metered, path: Path, max_bytes: int
) -> bytes | None:
    content: bytes | None = None
    total = 0
    for number, entry in enumerate(archive, start=1):
        if number > MAX_ENTRIES:
            raise DataError(f"{path} holds more than {MAX_ENTRIES} entries: a model needs a few")
        _check_entry(entry, path)
        total += entry.size
        if total > max_bytes:
            raise DataError(
                f"{path} unpacks to more than {max_bytes:,} bytes: it is refused before they are "
                "read"
            )
        if not entry.isreg():
            continue
        wanted = PurePosixPath(entry.name).name == CHECKPOINT
        if wanted and content is not None:
            raise DataError(f"{path} holds more than one {CHECKPOINT}: which one counts?")
        stream.allowed = entry.size + _MAX_HEADER_BYTES
        kept = _read_entry(archive, entry, path, keep=wanted)
        content = kept if wanted else content
        stream.allowed = _MAX_HEADER_BYTES
    return content


def _read_entry(
    archive: tarfile.TarFile, entry: tarfile.TarInfo, path: Path, *, keep: bool
) -> bytes:
    source = archive.extractfile(entry)
    kept = io.BytesIO()
    left = entry.size
    while source is not None and left:
        block = source.read(min(left, _BLOCK))
        if not block:
            raise DataError(f"{path} is cut off: copy it again")
        if keep and left == entry.size:
            # A bomb of zeros ends here, not when it fills the memory.
            _check_begin(block, f"{CHECKPOINT} in {path}")
        left -= len(block)
        if keep:
            kept.write(block)
    if keep and not entry.size:
        _check_begin(b"", f"{CHECKPOINT} in {path}")
    return kept.getvalue()


def _check_entry(entry: tarfile.TarInfo, path: Path) -> None:
    name = ascii(entry.name[:100])
    ways = (PurePosixPath(entry.name), PureWindowsPath(entry.name))
    if any(way.is_absolute() or way.drive for way in ways):
        raise DataError(f"{path} holds an entry with an absolute name, {name}: it is refused")
    if any(".." in way.parts for way in ways):
        raise DataError(f"{path} holds an entry that leads out of it, {name}: it is refused")
    if entry.issym():
        raise DataError(f"{path} holds a symbolic link, {name}: it is refused")
    if entry.islnk():
        raise DataError(f"{path} holds a hard link, {name}: it is refused")
    if entry.isdev():
        raise DataError(f"{path} holds a device or pipe, {name}: it is refused")
    if entry.size < 0:
        raise DataError(f"{path} holds a damaged tar archive: copy it again")
    if entry.issparse() or entry.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE):
        raise DataError(f"{path} holds an entry of an unusual kind, {name}: it is refused")


def _check_begin(content: bytes, what: str) -> None:
    if not content.startswith(_CHECKPOINT_MAGIC):
        raise DataError(f"{what} is no checkpoint of PyTorch: it begins with other bytes")
