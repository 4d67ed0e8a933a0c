import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from s3_proxy import Proxy
from station_folder import dataset_params, folder_source, save_photo

from fperank.ground.errors import DataError
from fperank.remote.fetching import Fetcher
from fperank.stations.compose import open_source
from fperank.stations.photos.s3_folder import mirror_prefix


class Counting(Proxy):
    """Counts the requests that read, and passes them on."""

    n_reads = 0

    def _next_fault(self, method):
        self.n_reads += method == "GET"
        return super()._next_fault(method)


@pytest.fixture
def environment(s3, monkeypatch):
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def proxy(s3, environment, monkeypatch):
    proxy = Counting(s3.endpoint)
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
    yield proxy
    proxy.close()


def upload(s3, files):
    for key, content in files.items():
        s3.client.put_object(Bucket=s3.bucket, Key=key, Body=content)


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def quick():
    return Fetcher(first_wait_seconds=0.01)


def mirror(s3, tmp_path, prefix="west", **more):
    return mirror_prefix(f"s3://{s3.bucket}/{prefix}", tmp_path, fetcher=quick(), **more)


NINE = {f"west/images/{n}.jpg": f"photo {n}".encode() for n in range(9)}


def test_photos_and_the_station_s_files_are_mirrored_whole(s3, environment, tmp_path):
    files = {
        "images/a b#1?.jpg": b"one",
        "images/río/c.PNG": b"two",
        "images.csv": b"filename\n",
        "annotations/7.json": b"[]",
        "station.json": b"{}",
        "images/empty.jpg": b"",
    }
    upload(s3, {f"stations/west brook (1)/{name}": content for name, content in files.items()})
    upload(s3, {"stations/west brook (1)2/other.jpg": b"", "stations/west brook (1)/images/": b""})
    found = mirror(s3, tmp_path, "stations/west brook (1)/")
    assert contents(found.folder) == files
    assert found.skipped == ()


ODD = "its name holds a backslash, a line break or a control character: rename it"
LONG = "its name is longer than the 255 bytes that a disk takes: rename it"
OUT = "its name leads out of the folder, or is no plain one"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("images/.b.jpg", "hidden files"),
        ("images/._a.jpg", "._ files of a Mac"),
        (".trash/c.jpg", "in hidden folders"),
        ("images/@eaDir/c.jpg", "in @eaDir, a folder of the system"),
        ("images/Thumbs.db", "no photo: Thumbs.db"),
        (f"images/{'é' * 126}.jpg", LONG),
        ("thumbs/d.jpg", "beside the folder images, which holds the photos"),
        ("images/movie.mp4", "a video (.mp4), no photo"),
        ("images/notes.txt", "no photo: .txt files"),
        ("sub/station.json", "no photo: .json files"),
        ("annotations/sub/x.json", "no photo: .json files"),
        ("images/a.jpg/x.jpg", ""),
        ("images/two\nlines.jpg", ODD),
        ("images/two\\parts.jpg", ODD),
        ("images/../../../w.jpg", OUT),
        ("..\\w.jpg", OUT),
        ("/etc/w.jpg", OUT),
        ("images//w.jpg", OUT),
        ("images/./w.jpg", OUT),
        ("C:/w.jpg", OUT),
    ],
)
def test_what_does_not_serve_is_left_out_with_its_reason(tmp_path, monkeypatch, name, reason):
    """S3 knows names that its clients and test servers tidy up, so the listing is told here."""
    listed = [{"Key": f"west/{one}", "Size": 1, "ETag": '"1-1"'} for one in ("images/a.jpg", name)]

    class Client:
        def get_paginator(self, operation):
            return self

        def paginate(self, **where):
            return [{"Contents": listed}, {}]

    class Written(Fetcher):
        def download(self, address, target, max_bytes):
            target.write_bytes(b"x")

    monkeypatch.setattr("fperank.stations.photos.s3_folder.s3_client", lambda **more: Client())
    found = mirror_prefix("s3://bucket/west", tmp_path / "scratch", fetcher=Written())
    folder = "its name is also that of a folder"
    assert found.skipped == (((name, reason),) if reason else (("images/a.jpg", folder),))
    assert set(contents(found.folder)) == ({"images/a.jpg"} if reason else {name})
    assert [path.name for path in tmp_path.iterdir()] == ["scratch"]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"StorageClass": "DEEP_ARCHIVE"}, "archived in S3 (DEEP_ARCHIVE): restore it first"),
        ({"Size": 1_000_000_001}, "larger than 1,000,000,000 bytes"),
    ],
)
def test_objects_that_cannot_be_had_are_left_out(
    s3, environment, tmp_path, monkeypatch, more, reason
):
    upload(s3, {"west/a.jpg": b"x"})
    s3_folder = sys.modules["fperank.stations.photos.s3_folder"]
    listed = {"Key": "west/b.jpg", "Size": 1, "ETag": "", **more}
    client = s3_folder.s3_client()
    monkeypatch.setattr(client, "get_paginator", lambda _: client)
    whole = {"Key": "west/a.jpg", "Size": 1, "ETag": ""}
    client.paginate = lambda **_: [{"Contents": [whole, listed]}]
    monkeypatch.setattr(s3_folder, "s3_client", lambda **_: client)
    found = mirror(s3, tmp_path)
    assert found.skipped == (("b.jpg", reason),)
    assert set(contents(found.folder)) == {"a.jpg"}


def test_photos_alone_are_mirrored_where_nothing_else_is_wanted(s3, environment, tmp_path):
    upload(s3, {"west/images/a.jpg": b"a", "west/b.jpg": b"b", "west/images.csv": b"x"})
    found = mirror(s3, tmp_path, station_files=False)
    assert set(contents(found.folder)) == {"images/a.jpg", "b.jpg"}
    assert found.skipped == (("images.csv", "no photo: .csv files"),)


def test_nothing_is_fetched_twice_and_changes_follow(s3, proxy, tmp_path):
    upload(s3, NINE)
    folder = mirror(s3, tmp_path).folder
    assert (proxy.n_reads, contents(folder)) == (
        10,
        {key.removeprefix("west/"): content for key, content in NINE.items()},
    )
    mirror(s3, tmp_path)
    assert proxy.n_reads == 11
    upload(s3, {"west/images/3.jpg": b"changed", "west/images/new/n.jpg": b"new"})
    for name in ("4", "5"):
        s3.client.delete_object(Bucket=s3.bucket, Key=f"west/images/{name}.jpg")
    now = contents(mirror(s3, tmp_path).folder)
    assert proxy.n_reads == 14
    assert now["images/3.jpg"] == b"changed"
    assert now["images/new/n.jpg"] == b"new"
    assert len(now) == 8
    s3.client.delete_object(Bucket=s3.bucket, Key="west/images/new/n.jpg")
    assert not (mirror(s3, tmp_path).folder / "images/new").exists()


def test_objects_uploaded_in_parts_are_fetched_once_too(s3, proxy, tmp_path):
    client, where = s3.client, {"Bucket": s3.bucket, "Key": "west/a.jpg"}
    upload_id = client.create_multipart_upload(**where)["UploadId"]
    parts = [
        {
            "PartNumber": n,
            "ETag": client.upload_part(**where, UploadId=upload_id, PartNumber=n, Body=body)[
                "ETag"
            ],
        }
        for n, body in ((1, b"x" * (5 << 20)), (2, b"end"))
    ]
    client.complete_multipart_upload(**where, UploadId=upload_id, MultipartUpload={"Parts": parts})
    folder = mirror(s3, tmp_path).folder
    assert (folder / "a.jpg").stat().st_size == (5 << 20) + 3
    mirror(s3, tmp_path)
    assert proxy.n_reads == 3


def test_a_killed_run_goes_on_where_it_stopped(s3, proxy, tmp_path):
    upload(s3, NINE)
    proxy.misbehave("hang", after=6, method="GET")
    code = (
        "import sys; from pathlib import Path;"
        "from fperank.stations.photos.s3_folder import mirror_prefix;"
        "mirror_prefix(sys.argv[1], Path(sys.argv[2]))"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", code, f"s3://{s3.bucket}/west", str(tmp_path)],
        cwd=Path(__file__).parents[2],
    )
    assert proxy.reached.wait(60)
    while len(list(tmp_path.glob("*/objects/??/*.jpg"))) < 5 and run.poll() is None:
        time.sleep(0.01)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    proxy.misbehave(None, times=0)
    proxy.n_reads = 0
    found = mirror(s3, tmp_path)
    assert len(contents(found.folder)) == 9
    assert proxy.n_reads == 1 + 4
    assert {path.suffix for path in found.folder.rglob("*") if path.is_file()} == {".jpg"}


def test_a_dropped_connection_is_tried_again(s3, proxy, tmp_path):
    upload(s3, NINE)
    proxy.misbehave("drop", times=1, after=3, method="GET")
    assert len(contents(mirror(s3, tmp_path).folder)) == 9
    assert proxy.met == 1


def test_bytes_that_are_not_those_of_the_listing_are_refused(s3, environment, tmp_path):
    upload(s3, {"west/a.jpg": b"first"})

    class Altering(Fetcher):
        n = 0

        def download(self, address, target, max_bytes):
            self.n += 1
            super().download(address, target, max_bytes)
            target.write_bytes(b"fir%dt" % self.n)

    with pytest.raises(DataError, match=r"west/a\.jpg came with other bytes than its ETag"):
        mirror_prefix(f"s3://{s3.bucket}/west", tmp_path, fetcher=Altering())
    assert list(tmp_path.rglob("*.jpg")) == []


def test_a_bucket_that_is_not_there_is_told(environment, tmp_path):
    with pytest.raises(
        DataError, match=r"S3 refused ListObjectsV2 of s3://no-such-bucket/west/ with NoSuchBucket"
    ):
        mirror_prefix("s3://no-such-bucket/west", tmp_path)


def test_credentials_that_the_server_refuses_are_told_without_them(s3, proxy, tmp_path):
    proxy.misbehave("InvalidAccessKeyId")
    with pytest.raises(DataError, match="with InvalidAccessKeyId: the credentials are not") as told:
        mirror(s3, tmp_path)
    assert s3.secret not in str(told.value)


def test_a_prefix_that_holds_nothing_is_told(s3, environment, tmp_path):
    upload(s3, {"western/a.jpg": b""})
    with pytest.raises(DataError, match=r"/west/ holds nothing: check the bucket and the prefix"):
        mirror(s3, tmp_path)


@pytest.mark.parametrize(
    "address", ["s3://", "s3:///x", "s3://key:secret@bucket/x", "/a", "s3://b"]
)
def test_an_address_that_names_no_bucket_is_refused_and_not_shown(address, tmp_path):
    with pytest.raises(DataError, match="names no valid bucket: write s3://bucket/prefix") as told:
        mirror_prefix(address, tmp_path)
    assert "secret" not in str(told.value)


class TestSource:
    def opened(self, address, scratch):
        return open_source(dataset_params(source_path=address), scratch, quick())

    def station(self, tmp_path):
        folder = tmp_path / "station"
        for hour in (7, 8):
            save_photo(folder / f"images/{hour}.jpg", f"2024:07:01 {hour:02d}:00:00")
        (folder / "observations.csv").write_text("timestamp,value\n2024-07-01T11:00Z,3\n")
        return folder

    def test_a_prefix_is_the_same_station_as_the_folder(self, s3, environment, tmp_path):
        folder = self.station(tmp_path)
        upload(s3, {f"west/{name}": content for name, content in contents(folder).items()})
        upload(s3, {"west/images/notes.txt": b""})
        source = self.opened(f"s3://{s3.bucket}/west", tmp_path / "scratch")
        found, expected = source.read(), folder_source(folder).read()
        assert found.images.equals(expected.images)
        assert found.observations.equals(expected.observations)
        assert found.excluded.to_numpy().tolist() == [
            ["photo", "images/notes.txt", "no photo: .txt files"]
        ]
        source.fetch("7.jpg", tmp_path / "copy.jpg")
        assert (tmp_path / "copy.jpg").read_bytes() == (folder / "images/7.jpg").read_bytes()
        assert (tmp_path / "copy.jpg").stat().st_nlink == 1

    def test_messages_tell_the_address_and_not_the_mirror(self, s3, environment, tmp_path):
        folder = self.station(tmp_path)
        (folder / "observations.csv").write_text("broken\n")
        upload(s3, {f"west/{name}": content for name, content in contents(folder).items()})
        source = self.opened(f"s3://{s3.bucket}/west/", tmp_path / "scratch")
        with pytest.raises(
            DataError, match=rf"^s3://{s3.bucket}/west/observations\.csv: no column of times"
        ):
            source.read()

    def test_a_photo_may_be_fetched_before_anything_is_read(self, s3, environment, tmp_path):
        upload(s3, {"west/a.jpg": b"photo"})
        source = self.opened(f"s3://{s3.bucket}/west", tmp_path / "scratch")
        source.fetch("a.jpg", tmp_path / "copy.jpg")
        assert (tmp_path / "copy.jpg").read_bytes() == b"photo"
