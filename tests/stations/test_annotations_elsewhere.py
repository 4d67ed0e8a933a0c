import json
import os
import tempfile

import pandas as pd
import pytest
from fpe_api_server import content, cut, status
from station_folder import folder_source, save_photo, write

from fperank.ground.errors import DataError
from fperank.remote.fetching import Fetcher
from fperank.stations.answers import elsewhere
from fperank.stations.answers.files import hashed_user_id
from fperank.stations.base import Source

USER = "8d5a2be1-1f0d-4f3a-b7c9-50c1a79c0002"
ENTRIES = [
    {"left": {"imageId": "a.jpg"}, "right": {"imageId": "b.jpg"}, "rank": "LEFT"},
    {"left": {"imageId": "b.jpg"}, "right": {"imageId": "c.jpg"}, "rank": "SAME"},
    {"left": {"imageId": "no time.jpg"}, "right": {"imageId": "c.jpg"}, "rank": "SAME"},
]
JSON = json.dumps([{"user_id": USER, **entry} for entry in ENTRIES])
CSV = "user_id,left.imageId,right.imageId,rank\n" + "".join(
    f"{USER},{one['left']['imageId']},{one['right']['imageId']},{one['rank']}\n" for one in ENTRIES
)


@pytest.fixture
def station(tmp_path):
    """Three photos with a time and one without; comparisons of its own, one of them not usable."""
    folder = tmp_path / "station"
    for hour, name in enumerate("abc", start=10):
        save_photo(folder / f"{name}.jpg", f"2024:05:01 {hour}:00:00")
    save_photo(folder / "no time.jpg")
    own = [
        {"left": {"imageId": "a.jpg"}, "right": {"imageId": "c.jpg"}, "rank": "RIGHT"},
        {"left": {"imageId": "a.jpg"}, "right": {"imageId": "gone.jpg"}, "rank": "RIGHT"},
    ]
    write(folder / "annotations.json", json.dumps(own))
    return folder


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Where temporary files are put."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def read(station, where):
    """Read the station with the comparisons of a path or address in place of its own."""
    answers = elsewhere.PathAnswers(str(where))
    if "://" in str(where):
        answers = elsewhere.AddressAnswers(where, Fetcher())
    own = folder_source(station)
    return Source(own.photos, own.observations, answers).read()


def told(data):
    columns = ["left_image_id", "right_image_id", "rank"]
    return [tuple(row) for row in data.annotations[columns].itertuples(index=False)]


def check_theirs(station, data):
    """Their two comparisons took the place of the station's, and nothing else changed."""
    own = folder_source(station).read()
    assert told(own) == [("a.jpg", "c.jpg", "RIGHT")]
    assert told(data) == [("a.jpg", "b.jpg", "LEFT"), ("b.jpg", "c.jpg", "SAME")]
    assert set(data.annotations["user_id"]) == {hashed_user_id(USER)}
    pd.testing.assert_frame_equal(data.images, own.images)
    pd.testing.assert_frame_equal(data.observations, own.observations)
    assert (data.station, data.notes) == (own.station, own.notes)
    excluded = list(data.excluded.itertuples(index=False, name=None))
    (photo,) = own.excluded[own.excluded["kind"] == "photo"].itertuples(index=False, name=None)
    reason = f"its photo was excluded: {photo[2]}"
    assert excluded == [photo, ("annotation", "pair 3 (photo no time.jpg)", reason)]


@pytest.mark.parametrize(("name", "text"), [("mine.json", JSON), ("mine.CSV", CSV)])
def test_a_file_takes_the_place_of_the_station_s_own(station, tmp_path, name, text):
    check_theirs(station, read(station, write(tmp_path / "my files" / name, text)))


@pytest.mark.parametrize(("name", "text"), [("/a b/x.json", JSON), ("/x.csv", CSV)])
def test_an_address_does_so_too_and_nothing_of_it_is_kept(
    station, fpe_api, temporary, tmp_path, name, text
):
    address = fpe_api.answers(name, content(text.encode()))
    check_theirs(station, read(station, f"{address}?X-Amz-Signature=abc123"))
    assert fpe_api.asked == [(name, {"X-Amz-Signature": "abc123"})]
    assert list(temporary.iterdir()) == []
    assert not any(USER.encode() in p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())


def test_an_object_of_s3_does_so_too(station, s3, temporary, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    s3.client.put_object(Bucket=s3.bucket, Key="annotations/a b.json", Body=JSON.encode())
    check_theirs(station, read(station, f"s3://{s3.bucket}/annotations/a b.json"))
    assert list(temporary.iterdir()) == []


def test_the_home_folder_is_understood(station, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "mine.csv", CSV)
    check_theirs(station, read(station, "~/mine.csv"))


def test_photos_are_fetched_from_the_station(station, tmp_path):
    source = folder_source(station, annotations_from="mine.csv")
    source.fetch("a.jpg", tmp_path / "copy.jpg")
    assert (tmp_path / "copy.jpg").read_bytes() == (station / "a.jpg").read_bytes()


def test_comparisons_of_other_photos_are_told(station, tmp_path):
    entry = {"left": {"imageId": 664978}, "right": {"imageId": 442036}, "rank": "LEFT"}
    data = read(station, write(tmp_path / "mine.json", json.dumps([entry, entry])))
    assert data.annotations.empty
    assert data.notes == (
        "None of the 2 comparisons of annotations_from compares two photos of this station: they "
        "name photos as '664978', the station as 'a.jpg'.",
    )


def test_a_file_without_comparisons_is_no_mistake(station, tmp_path):
    data = read(station, write(tmp_path / "mine.json", "[]"))
    assert data.annotations.empty
    assert data.notes == ()


@pytest.mark.parametrize("place", ["", "none.json", "folder"])
def test_a_path_that_is_no_file_is_told(station, tmp_path, place):
    (tmp_path / "folder").mkdir()
    path = tmp_path / place
    with pytest.raises(DataError, match=f"annotations_from {path} is no file: give the path of a"):
        read(station, path)


@pytest.mark.parametrize("address", ["https://example.org/a.xlsx?b.csv", "s3://bucket/mine"])
def test_another_kind_of_file_is_refused_before_it_is_fetched(station, address):
    with pytest.raises(DataError, match=r"is no file of annotations: fperank reads \.json and"):
        read(station, address)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (status(404), r"^annotations_from: nothing that may be read lies at URL \(status 404\)$"),
        (cut(b"[]  ", 2), r"^URL could not be fetched in 5 attempts: the answer broke off\."),
        (content(b"x" * 2000), r"^URL is larger than the 1,000 bytes that are allowed$"),
        (content(b"<html>"), r"^URL is not valid JSON"),
        (content(b'[{"left": 1}]'), r"^URL: entry 1"),
    ],
)
def test_what_goes_wrong_is_told_by_the_address_and_leaves_nothing(
    station, fpe_api, waits, temporary, monkeypatch, answer, message
):
    monkeypatch.setattr(elsewhere, "MAX_BYTES", 1000)
    address = fpe_api.answers("/a.json", answer, times=5)
    with pytest.raises(DataError, match=message.replace("URL", address)) as caught:
        read(station, f"{address}?X-Amz-Signature=abc123")
    assert "abc123" not in str(caught.value)
    assert list(temporary.iterdir()) == []


def test_a_file_that_cannot_be_read_is_told_before_the_station_is_read(tmp_path):
    class Unread:
        def read(self, photos=None):
            raise AssertionError("the station was read")

    with pytest.raises(DataError, match="is no file"):
        Source(Unread(), Unread(), elsewhere.PathAnswers(str(tmp_path / "none.csv"))).read()
