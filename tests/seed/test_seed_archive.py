import gzip
import io
import tarfile
import tracemalloc

import pytest

from fperank.ground.errors import DataError
from fperank.seed.archive import read_checkpoint_bytes

CONTENT = b"PK\x03\x04" + bytes(range(256)) * 40


def entry(name, content=CONTENT, **more):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in more.items():
        setattr(info, key, value)
    return info, content


# Python's tarfile and gzip, as SageMaker packs a model's folder; hostile entries by their fields.
def archive(path, *entries, form=tarfile.PAX_FORMAT):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=form) as tar:
        for info, content in entries:
            tar.addfile(info, io.BytesIO(content) if info.isreg() else None)
    path.write_bytes(gzip.compress(raw.getvalue(), mtime=0))
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.tar.gz"


@pytest.mark.parametrize("name", ["model.pth", "./model.pth", "code/model.pth"])
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_the_checkpoint_is_found_among_other_files(path, name, form):
    folder = entry("code", b"", type=tarfile.DIRTYPE)
    other = entry("code/" + "long" * 20 + ".txt", b"x" * 3_000_000)
    archive(path, folder, entry("args.json", b"{}"), entry(name), other, form=form)
    assert read_checkpoint_bytes(path) == CONTENT
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_a_checkpoint_alone_is_read_in_both_its_forms(tmp_path):
    for content in (CONTENT, b"\x80\x02" + CONTENT):
        (tmp_path / "model.pth").write_bytes(content)
        assert read_checkpoint_bytes(tmp_path / "model.pth") == content


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (entry("../model.pth"), r"an entry that leads out of it, '../model.pth': it is refused"),
        (entry("a/../../b"), "an entry that leads out of it"),
        (entry("..\\\\b"), "an entry that leads out of it"),
        (entry("/etc/passwd"), "an entry with an absolute name, '/etc/passwd'"),
        (entry("C:/model.pth"), "an entry with an absolute name, 'C:/model.pth'"),
        (entry("l", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "a symbolic link, 'l'"),
        (entry("l", b"", type=tarfile.LNKTYPE, linkname="model.pth"), "a hard link, 'l'"),
        (entry("d", b"", type=tarfile.CHRTYPE), "a device or pipe, 'd'"),
        (entry("d", b"", type=tarfile.BLKTYPE), "a device or pipe, 'd'"),
        (entry("d", b"", type=tarfile.FIFOTYPE), "a device or pipe, 'd'"),
        (entry("d", b"", type=tarfile.CONTTYPE), "an entry of an unusual kind, 'd'"),
        (entry("d", b"", type=b"V"), "an entry of an unusual kind, 'd'"),
        (entry("sub/model.pth"), r"holds more than one model\.pth: which one counts"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_entries_that_no_model_needs_are_refused(path, bad, words, first):
    good = entry("model.pth")
    archive(path, *((bad, good) if first else (good, bad)))
    with pytest.raises(DataError, match=words):
        read_checkpoint_bytes(path)


def test_too_many_entries_are_refused(path):
    archive(path, entry("model.pth"), *(entry(f"{k}", b"") for k in range(99)))
    assert read_checkpoint_bytes(path) == CONTENT
    archive(path, entry("model.pth"), *(entry(f"{k}", b"") for k in range(100)))
    with pytest.raises(DataError, match="holds more than 100 entries: a model needs a few"):
        read_checkpoint_bytes(path)


def test_one_entry_or_all_together_may_not_exceed_the_limit(path, tmp_path):
    half = b"PK\x03\x04" + bytes(60_000)
    for entries in (
        [entry("model.pth", half + half)],
        [entry("model.pth", half), entry("b", half)],
    ):
        archive(path, *entries)
        with pytest.raises(DataError, match="unpacks to more than 100,000 bytes: it is refused"):
            read_checkpoint_bytes(path, max_bytes=100_000)
    (tmp_path / "model.pth").write_bytes(half)
    with pytest.raises(DataError, match="larger than the 50,000 bytes that a checkpoint may have"):
        read_checkpoint_bytes(tmp_path / "model.pth", max_bytes=50_000)


def bomb(path, header, megabytes=200):
    """A gzip of a few hundred kilobytes: the header, then zeros."""
    with gzip.open(path, "wb", compresslevel=6) as file:
        file.write(header)
        for _ in range(megabytes):
            file.write(bytes(1 << 20))
    assert path.stat().st_size < 2_000_000


def peak_bytes(path, words):
    tracemalloc.start()
    with pytest.raises(DataError, match=words):
        read_checkpoint_bytes(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_bombs_end_before_the_memory_fills(path):
    size = 200 << 20
    claims = {
        "it begins with other bytes": entry("model.pth")[0],
        "more data between its entries": entry("././@LongLink", type=tarfile.GNUTYPE_LONGNAME)[0],
        "between its entries than any name": entry("x", type=tarfile.XHDTYPE)[0],
    }
    for words, info in claims.items():
        info.size = size
        bomb(path, info.tobuf(tarfile.GNU_FORMAT))
        assert peak_bytes(path, words) < 30 << 20
    info, content = entry("model.pth")
    padding = bytes(-len(content) % 512)
    bomb(path, info.tobuf(tarfile.GNU_FORMAT) + content + padding)
    assert peak_bytes(path, "more data between its entries") < 30 << 20


def test_a_declared_size_beyond_the_limit_is_not_even_read(path):
    info = tarfile.TarInfo("model.pth")
    info.size = 3_000_000_000
    path.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT)))
    with pytest.raises(DataError, match="unpacks to more than 2,000,000,000 bytes"):
        read_checkpoint_bytes(path)


def test_headers_that_follow_headers_without_end_are_refused(path):
    header = entry("././@LongLink", b"x\0", type=tarfile.GNUTYPE_LONGNAME)[0]
    chained = (header.tobuf(tarfile.GNU_FORMAT) + b"x".ljust(512, b"\0")) * 900
    path.write_bytes(gzip.compress(chained))
    with pytest.raises(DataError, match=r"holds a damaged tar archive|between its entries"):
        read_checkpoint_bytes(path)


def test_what_is_no_gzip_no_tar_cut_off_or_damaged_is_told(path, tmp_path):
    whole = archive(path, entry("model.pth")).read_bytes()
    damaged = bytearray(whole)
    damaged[-6] ^= 1
    for content, words in {
        b"PK\x03\x04 plain": "is not a gzip archive, although its name says so",
        b"": "is not a gzip archive, although its name says so",
        gzip.compress(b"just text, no archive" * 100): "holds no tar archive",
        whole[: len(whole) // 2]: "is cut off: copy it again",
        whole[:-4]: "is cut off: copy it again",
        bytes(damaged): "is a damaged gzip archive: copy it again",
    }.items():
        path.write_bytes(content)
        with pytest.raises(DataError, match=words):
            read_checkpoint_bytes(path)
    archive(path, entry("other.txt"))
    with pytest.raises(DataError, match=r"holds no model\.pth: is it the model\.tar\.gz of a"):
        read_checkpoint_bytes(path)
    archive(path, entry("model.pth", b""))
    with pytest.raises(DataError, match="is no checkpoint of PyTorch: it begins with other bytes"):
        read_checkpoint_bytes(path)
    (tmp_path / "model.pth").write_text("hello")
    with pytest.raises(DataError, match="is no checkpoint of PyTorch"):
        read_checkpoint_bytes(tmp_path / "model.pth")
    with pytest.raises(DataError, match=r"absent\.pth does not exist: name a model\.pth or"):
        read_checkpoint_bytes(tmp_path / "absent.pth")
    with pytest.raises(DataError, match=r"is no file: name a model\.pth or"):
        read_checkpoint_bytes(tmp_path)
