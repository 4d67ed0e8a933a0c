"""A station's folder, or photos alone, that lie below a prefix of an S3 bucket.

All that serves is mirrored into the scratch folder, several objects at once, and read there as any
folder is. An object is fetched once: a killed run goes on where it stopped, and a later one fetches
only what is new or has another size or ETag. What is gone from S3 is gone from the mirror.

Left out and counted: names that lead out of the folder, hidden files, what is neither a photo nor a
file of the station, objects in an archive. Refused: addresses of no prefix, prefixes that hold
nothing.
"""

import contextlib
import hashlib
import re
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from fperank.ground.errors import DataError
from fperank.remote.downloads import Downloads
from fperank.remote.fetching import Fetcher
from fperank.remote.s3 import explained, s3_client
from fperank.stations import own_folder
from fperank.stations.base import Excluded
from fperank.stations.photos.files import leads_out, tellable
from fperank.stations.photos.kinds import hidden, is_picture, kind, litter, never_photo
from fperank.stations.stored_names import LONGEST_NAME

MAX_BYTES = 1_000_000_000
_FETCHES_AT_ONCE = 8
_ARCHIVES = {"GLACIER", "DEEP_ARCHIVE"}


@dataclass(frozen=True)
class Mirror:
    """What lies below a prefix, on this machine.

    Attributes:
        folder: holds the files under their names below the prefix.
        skipped: name and reason of each object that was left out.
    """

    folder: Path
    skipped: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Object:
    key: str
    name: str
    size: int
    etag: str
    storage: str


def mirror_prefix(
    address: str, scratch: Path, *, station_files: bool = True, fetcher: Fetcher | None = None
) -> Mirror:
    """Bring what lies below a prefix to this machine.

    Args:
        address: `s3://bucket/prefix`, or `s3://bucket`.
        scratch: folder for mirrors, each in a folder of its own.
        station_files: also fetch the station's files, see `own_folder`; otherwise photos alone.
        fetcher: fetches the objects.

    Raises:
        DataError: the address is none, nothing lies there, or it cannot be read now.
    """
    bucket, prefix = _parse(address)
    home = scratch / hashlib.sha256(f"{bucket}/{prefix}".encode()).hexdigest()[:16]
    folder = home / "files"
    listed = list(_listed(bucket, prefix))
    if not listed:
        raise DataError(
            f"s3://{bucket}/{prefix} holds nothing: check the bucket and the prefix (a prefix is a "
            "folder's path, and capital letters count)"
        )
    wanted, skipped = _sorted_out(listed, station_files=station_files)
    try:
        _remove_all_but({one.name for one in wanted}, folder)
        _fetch(wanted, bucket, folder, Downloads(home / "objects", fetcher or Fetcher(), MAX_BYTES))
    except OSError as error:
        raise DataError(f"{error.filename or home} cannot be written: {error.strerror}") from None
    return Mirror(folder, tuple(skipped))


class S3Folder:
    """A station's folder below a prefix of an S3 bucket, mirrored when it is first opened.

    Args:
        address: `s3://bucket/prefix`.
        scratch: folder for the mirror.
        fetcher: fetches the objects.
    """

    def __init__(self, address: str, scratch: Path, fetcher: Fetcher) -> None:
        self.address = address
        self._scratch = scratch
        self._fetcher = fetcher
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def opened(self) -> Iterator[Path]:
        """The mirror; messages name the address in its place."""
        with self._lock:
            folder = self._mirror.folder
        try:
            yield folder
        except DataError as error:
            message = str(error).replace(str(folder), self.address.rstrip("/"))
            raise DataError(message) from None

    def skipped(self) -> Excluded:
        """The objects that do not serve."""
        return [("photo", tellable(name), reason) for name, reason in self._mirror.skipped]

    @cached_property
    def _mirror(self) -> Mirror:
        return mirror_prefix(self.address, self._scratch, fetcher=self._fetcher)


def _parse(address: str) -> tuple[str, str]:
    """Bucket, and prefix with a slash at its end, or "" for the whole bucket."""
    scheme, _, rest = address.partition("://")
    bucket, _, prefix = rest.partition("/")
    if scheme.lower() != "s3" or not re.fullmatch(
        r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]", bucket
    ):
        # Not shown: people write keys and passwords there.
        raise DataError(
            "the address names no valid bucket: write s3://bucket/prefix; credentials never belong "
            "into an address"
        )
    prefix = prefix.strip("/")
    return bucket, f"{prefix}/" if prefix else ""


def _listed(bucket: str, prefix: str) -> Iterator[_Object]:
    """The objects below a prefix, in the order of their keys."""
    with explained("ListObjectsV2", f"s3://{bucket}/{prefix}"):
        pages = s3_client(anonymous=True).get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=bucket, Prefix=prefix):
            for one in page.get("Contents", []):
                name = one["Key"].removeprefix(prefix)
                # What ends with a slash stands for a folder in S3's own web page.
                if name and not name.endswith("/"):
                    storage = one.get("StorageClass", "")
                    yield _Object(one["Key"], name, one["Size"], one["ETag"].strip('"'), storage)


def _sorted_out(
    listed: list[_Object], *, station_files: bool
) -> tuple[list[_Object], list[tuple[str, str]]]:
    """The objects that serve, and name and reason of the others."""
    folders = {str(parent) for one in listed for parent in PurePosixPath(one.name).parents}
    in_images = station_files and own_folder.PHOTOS in folders
    wanted, skipped = [], []
    for one in listed:
        photo = is_picture(one.name)
        if reason := _name_reason(one.name):
            pass
        elif not photo and not (station_files and own_folder.is_station_file(one.name)):
            reason = f"no photo: {kind(one.name)}"
        elif photo and (reason := litter(one.name) or never_photo(one.name)):
            pass
        elif photo and in_images and not one.name.startswith(f"{own_folder.PHOTOS}/"):
            reason = "beside the folder images, which holds the photos"
        elif one.name in folders:
            reason = "its name is also that of a folder"
        elif one.storage in _ARCHIVES:
            reason = f"archived in S3 ({one.storage}): restore it first"
        elif one.size > MAX_BYTES:
            reason = f"larger than {MAX_BYTES:,} bytes"
        if reason:
            skipped.append((one.name, reason))
        else:
            wanted.append(one)
    return wanted, skipped


def _name_reason(name: str) -> str:
    parts = name.split("/")
    if leads_out(name) or {"", "."} & set(parts):
        return "its name leads out of the folder, or is no plain one"
    if "\\" in name or tellable(name) != name:
        return "its name holds a backslash, a line break or a control character: rename it"
    if any(hidden(part) for part in parts):
        return hidden(parts[-1]) or "in hidden folders"
    if any(len(part.encode()) > LONGEST_NAME for part in parts):
        return f"its name is longer than the {LONGEST_NAME} bytes that a disk takes: rename it"
    return ""


def _remove_all_but(names: set[str], folder: Path) -> None:
    """Remove what is gone from S3, and the folders that are empty then."""
    deepest_first = sorted(folder.rglob("*"), key=lambda path: len(path.parts), reverse=True)
    for path in deepest_first:
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(folder).as_posix() not in names:
            path.unlink()


def _fetch(wanted: Iterable[_Object], bucket: str, folder: Path, downloads: Downloads) -> None:
    def put(one: _Object) -> None:
        target = folder / one.name
        target.parent.mkdir(parents=True, exist_ok=True)
        downloads.put(f"s3://{bucket}/{one.key}", target, one.size, one.etag)

    objects = list(wanted)
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(_FETCHES_AT_ONCE) as pool:
        try:
            done = pool.map(put, objects)
            for _ in tqdm(done, "fetching from S3", len(objects), leave=False, disable=None):
                pass
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
