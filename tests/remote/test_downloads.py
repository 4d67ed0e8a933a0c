import hashlib
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fpe_api_server import FOR_EVER, content, cut, drip, page, status, together

from fperank.ground.errors import AbsentError, DataError
from fperank.remote.downloads import Downloads
from fperank.remote.fetching import Fetcher

BODY = bytes(range(256)) * 1000
MD5 = hashlib.md5(BODY).hexdigest()
OTHER = BODY[::-1]

GETS = """
import sys
from pathlib import Path
from fperank.remote.downloads import Downloads
from fperank.remote.fetching import Fetcher

store = Downloads(Path(sys.argv[1]), Fetcher())
for address in sys.argv[2:]:
    print(store.get(address).name, flush=True)
"""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "scratch" / "downloads"


@pytest.fixture
def store(folder, waits):
    return Downloads(folder, Fetcher())


def kept(folder):
    """The files of the store; parts of files are told by their folder alone."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


def process(folder, *addresses):
    return subprocess.Popen(
        [sys.executable, "-c", GETS, str(folder), *addresses],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_file_is_fetched_once(fpe_api, store, folder):
    address = fpe_api.answers("/a b.JPG", content(BODY), times=FOR_EVER) + "?signature=abc123"
    path = store.get(address)
    assert path.read_bytes() == BODY
    assert path.suffix == ".jpg"
    assert "abc123" not in str(path)
    assert store.get(address) == path
    assert Downloads(folder, Fetcher()).get(address) == path
    assert fpe_api.requests["/a b.JPG"] == 1
    assert len(kept(folder)) == 1


def test_addresses_that_differ_in_their_query_are_two_files(fpe_api, store):
    address = fpe_api.answers("/a", content(BODY), content(OTHER))
    assert store.get(f"{address}?version=1").read_bytes() == BODY
    assert store.get(f"{address}?version=2").read_bytes() == OTHER


def test_an_object_that_changed_since_the_last_run_is_fetched_anew(fpe_api, store):
    address = fpe_api.answers("/a", content(BODY), content(OTHER))
    assert store.get(address, etag=f'"{MD5}"').read_bytes() == BODY
    assert store.get(address, etag=MD5).read_bytes() == BODY
    assert fpe_api.requests["/a"] == 1
    assert store.get(address, etag=hashlib.md5(OTHER).hexdigest()).read_bytes() == OTHER
    assert fpe_api.requests["/a"] == 2


def test_a_kept_file_of_another_size_than_listed_is_fetched_anew(fpe_api, store):
    address = fpe_api.answers("/a", content(b"short"), content(BODY))
    assert store.get(address, size=5).read_bytes() == b"short"
    assert store.get(address, size=len(BODY)).read_bytes() == BODY
    assert fpe_api.requests["/a"] == 2


def test_an_empty_file_is_kept(fpe_api, store):
    address = fpe_api.answers("/a.jpg", content(b""))
    assert store.get(address).read_bytes() == b""
    assert store.get(address).read_bytes() == b""
    assert fpe_api.requests["/a.jpg"] == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(status(404), AbsentError), (status(503), DataError), (cut(BODY, 10), DataError)],
)
def test_what_fails_leaves_nothing_and_is_tried_again_by_the_next_run(
    fpe_api, store, folder, answer, kind
):
    address = fpe_api.answers("/a.jpg", answer, times=FOR_EVER)
    with pytest.raises(kind):
        store.get(address)
    assert kept(folder) == []
    assert list((folder / "part").iterdir()) == []
    fpe_api.answers("/a.jpg", content(BODY))
    assert store.get(address).read_bytes() == BODY


def test_a_file_that_is_too_large_is_refused(fpe_api, folder):
    address = fpe_api.answers("/a.jpg", content(BODY))
    with pytest.raises(DataError, match=r"/a\.jpg is larger than the 1,000 bytes"):
        Downloads(folder, Fetcher(), max_bytes=1000).get(address)
    assert kept(folder) == []


def test_a_web_page_in_place_of_a_photo_is_not_kept(fpe_api, store, folder):
    address = fpe_api.answers("/a.jpg", page())
    with pytest.raises(AbsentError, match=r"/a\.jpg was answered with a web page instead of a"):
        store.get(address)
    assert kept(folder) == []


def test_another_size_than_listed_is_told(fpe_api, store, folder):
    address = fpe_api.answers("/a.jpg", content(BODY))
    with pytest.raises(DataError, match=r"changed after it was listed \(256,000 bytes came and 7 "):
        store.get(address, size=7)
    assert kept(folder) == []


def test_another_etag_than_listed_is_told(fpe_api, store, folder):
    address = fpe_api.answers("/a.jpg", content(OTHER, ETag='"another"'), times=FOR_EVER)
    with pytest.raises(DataError, match=r"changed after it was listed .* run again"):
        store.get(address, size=len(BODY), etag=MD5)
    assert kept(folder) == []
    assert fpe_api.requests["/a.jpg"] == 1


def test_damaged_bytes_are_fetched_again(fpe_api, store):
    tag = f'"{MD5}"'
    address = fpe_api.answers("/a.jpg", content(OTHER, ETag=tag), content(BODY, ETag=tag))
    assert store.get(address, etag=MD5).read_bytes() == BODY
    # That ETags are MD5 here is not forgotten.
    damaged = [content(OTHER[n:] + OTHER[:n], ETag=tag) for n in (1, 2)]
    address = fpe_api.answers("/b.jpg", *damaged)
    with pytest.raises(DataError, match=f"other bytes than its ETag {MD5} tells, twice"):
        store.get(address, etag=MD5)


def test_etags_that_are_no_md5_are_accepted(fpe_api, store):
    """Of uploads in parts by their form; of buckets with keys of their own by trying twice."""
    parts, kms = f"{MD5}-7", "0" * 32
    address = fpe_api.answers("/a.jpg", content(BODY, ETag=f'"{parts}"'), times=FOR_EVER)
    assert store.get(address, len(BODY), f'"{parts}"').read_bytes() == BODY
    assert fpe_api.requests["/a.jpg"] == 1
    for path, n in (("/b.jpg", 2), ("/c.jpg", 1)):
        address = fpe_api.answers(path, content(BODY, ETag=f'"{kms}"'), times=FOR_EVER)
        assert store.get(address, len(BODY), f'"{kms}"').read_bytes() == BODY
        assert fpe_api.requests[path] == n


def test_objects_of_a_real_s3_are_checked_and_kept(s3, folder, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    s3.client.put_object(Bucket=s3.bucket, Key="one.jpg", Body=BODY)
    upload = s3.client.create_multipart_upload(Bucket=s3.bucket, Key="parts.jpg")["UploadId"]
    part = {"Bucket": s3.bucket, "Key": "parts.jpg", "UploadId": upload}
    etag = s3.client.upload_part(**part, PartNumber=1, Body=BODY)["ETag"]
    s3.client.complete_multipart_upload(
        **part, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}
    )
    listed = s3.client.list_objects_v2(Bucket=s3.bucket)["Contents"]
    assert ["-" in one["ETag"] for one in listed] == [False, True]
    store = Downloads(folder, Fetcher())
    for one in listed:
        address = f"s3://{s3.bucket}/{one['Key']}"
        assert store.get(address, one["Size"], one["ETag"]).read_bytes() == BODY
    s3.client.put_object(Bucket=s3.bucket, Key="one.jpg", Body=OTHER)
    store = Downloads(folder, Fetcher())
    assert store.get(address, one["Size"], one["ETag"]).read_bytes() == BODY
    with pytest.raises(DataError, match=r"one\.jpg changed after it was listed"):
        Downloads(folder.with_name("other"), Fetcher()).get(
            f"s3://{s3.bucket}/one.jpg", listed[0]["Size"], listed[0]["ETag"]
        )


def test_a_file_is_put_at_its_target_and_replaces_what_is_there(fpe_api, store, tmp_path):
    address = fpe_api.answers("/a.jpg", content(BODY))
    target = tmp_path / "a b.jpg"
    target.write_bytes(b"old")
    store.put(address, target, len(BODY), MD5)
    assert target.read_bytes() == BODY
    target.unlink()
    store.put(address, target, len(BODY), MD5)
    assert target.read_bytes() == BODY
    assert fpe_api.requests["/a.jpg"] == 1


def test_a_file_is_copied_where_no_link_can_be(fpe_api, store, tmp_path, monkeypatch):
    def link(*_):
        raise OSError("another file system")

    monkeypatch.setattr(os, "link", link)
    store.put(fpe_api.answers("/a.jpg", content(BODY)), tmp_path / "a.jpg")
    assert (tmp_path / "a.jpg").read_bytes() == BODY


def test_a_folder_that_cannot_be_written_is_told(fpe_api, waits, tmp_path):
    (tmp_path / "file").write_text("")
    address = fpe_api.answers("/a.jpg", content(BODY), times=FOR_EVER)
    with pytest.raises(DataError, match=r"file/store cannot be written: Not a directory"):
        Downloads(tmp_path / "file" / "store", Fetcher()).get(address)
    with pytest.raises(DataError, match=r"none/a\.jpg cannot be written: No such file or"):
        Downloads(tmp_path, Fetcher()).put(address, tmp_path / "none" / "a.jpg")


@pytest.mark.parametrize(
    ("path", "suffix"),
    [
        ("../../a.j/pg", ""),
        ("a." + "x" * 300, ""),
        ("a.j\0g", ""),
        ("a.jpg/..", ""),
        ("ü \udc80.JPEG", ".jpeg"),
        ("a.jpg?b.exe", ".jpg"),
    ],
)
def test_an_odd_address_makes_a_plain_name_in_the_folder(folder, path, suffix):
    class Fetches(Fetcher):
        def download(self, address, target, max_bytes):
            target.write_bytes(BODY)
            return ""

    found = Downloads(folder, Fetches()).get(f"https://example.org/{path}")
    assert re.fullmatch(r"[0-9a-f]{64}", found.stem)
    assert found.suffix == suffix
    assert found.parent.parent == folder


def test_two_threads_that_ask_for_one_address_get_one_whole_file(fpe_api, store, folder):
    address = fpe_api.answers("/a.jpg", together(2, content(BODY)), times=2)
    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(store.get, [address, address]))
    assert paths[0] == paths[1]
    assert paths[0].read_bytes() == BODY
    assert len(kept(folder)) == 1


def test_two_processes_that_ask_for_one_address_get_one_whole_file(fpe_api, folder):
    address = fpe_api.answers("/a.jpg", together(2, content(BODY)), times=2)
    both = [process(folder, address) for _ in range(2)]
    names = {one.communicate(timeout=60)[0].strip() for one in both}
    assert [one.returncode for one in both] == [0, 0]
    assert len(names) == 1
    (name,) = kept(folder)
    assert name.endswith(names.pop())
    assert (folder / name).read_bytes() == BODY


def test_a_killed_process_leaves_no_half_file_and_the_next_goes_on(fpe_api, folder):
    first = fpe_api.answers("/a.jpg", content(BODY), times=FOR_EVER)
    second = fpe_api.answers("/b.jpg", drip(len(BODY)))
    killed = process(folder, first, second)
    assert fpe_api.dripped.wait(60)
    killed.kill()
    output, _ = killed.communicate(timeout=60)
    assert killed.returncode == -9
    (name,) = [one for one in kept(folder) if not one.startswith("part/")]
    assert name.endswith(output.strip())

    fpe_api.answers("/b.jpg", content(OTHER))
    again = process(folder, first, second)
    output, errors = again.communicate(timeout=60)
    assert again.returncode == 0, errors
    assert fpe_api.requests["/a.jpg"] == 1
    contents = {path.read_bytes() for path in folder.glob("??/*.jpg")}
    assert contents == {BODY, OTHER}


def test_parts_of_killed_runs_are_removed_when_they_are_old(folder):
    old, fresh = (folder / "part" / name for name in ("old", "fresh"))
    for part in (old, fresh):
        part.mkdir(parents=True)
        (part / "file").write_bytes(b"half")
    two_days_ago = time.time() - 2 * 86_400
    os.utime(old, (two_days_ago, two_days_ago))
    Downloads(folder, Fetcher())
    assert not old.exists()
    assert fresh.exists()
