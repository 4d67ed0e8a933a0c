import contextlib
import datetime as dt
import http.server
import io
import json
import os
import re
import subprocess
import sys
import threading
import urllib.parse
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from fpe_station import STATION_ID, STATION_NAME, USERS, fpe_station, usable_photos
from PIL import Image
from station_folder import dataset_params, write

from fperank.ground.errors import DataError, ParameterError, PhotoError
from fperank.handover import tables
from fperank.remote.downloads import Downloads
from fperank.remote.fetching import Fetcher
from fperank.stations import dataset
from fperank.stations.answers.files import hashed_user_id
from fperank.stations.compose import open_source
from fperank.stations.fpe import queries as fpe_queries
from fperank.stations.fpe.database import photos_of
from fperank.stations.fpe.records import FpePhotos

AWKWARD_NAMES = ["x#y.JPG", "50%25.JPG", "why?.JPG", "a?b=c.JPG", "1+1 (ü).JPG", "DCIM/100/A.JPG"]


class Files(http.server.ThreadingHTTPServer):
    """Serves bytes by key, and counts how often each was asked for."""

    def __init__(self):
        self.content: dict[str, bytes] = {}
        self.asked: Counter[str] = Counter()
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        key = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path).lstrip("/")
        self.server.asked[key] += 1
        body = self.server.content.get(key)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def file_server():
    with Files() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def station(file_server):
    return fpe_station(file_server.url)


@pytest.fixture
def files(file_server, station):
    """The server of the station's files; what a test changes is gone in the next one."""
    file_server.content = dict(station.files)
    file_server.asked.clear()
    return file_server


class Loaded:
    """A database that holds the station's rows, and does again after a test has changed them."""

    def __init__(self, database, station):
        self.database, self.station = database, station
        self.changed = True

    @property
    def environment(self):
        return self.database.environment

    def execute(self, statement, *values):
        self.changed = True
        self.database.execute(statement, *values)

    def renew(self):
        if self.changed:
            self.database.execute("TRUNCATE stations, variables CASCADE")
            self.database.load(self.station)
            self.changed = False


@pytest.fixture(scope="module")
def home(postgres, station):
    with postgres.database() as made:
        yield Loaded(made, station)


@pytest.fixture
def loaded(home, files, monkeypatch):
    """The station, in the database that the environment names."""
    for name in [name for name in os.environ if name.startswith(("FPE_DB_", "PG"))]:
        monkeypatch.delenv(name)
    for name, value in home.environment.items():
        monkeypatch.setenv(name, value)
    home.renew()
    return home


@pytest.fixture
def source(tmp_path):
    """Open a source of the database; parameters can be changed."""

    def opened(**changes):
        given = {"source": "fpe_database", "fpe_station": str(STATION_ID), "timezone": ""}
        fetcher = Fetcher(first_wait_seconds=0.01)
        return open_source(dataset_params(**given | changes), tmp_path, fetcher)

    return opened


@pytest.fixture
def imageset(tmp_path):
    """The photos of an image set."""

    def photos(uuid):
        downloads = Downloads(tmp_path / "downloads", Fetcher(first_wait_seconds=0.01))
        return FpePhotos(lambda: photos_of(uuid), "", downloads)

    return photos


def excluded(data, kind):
    rows = data.excluded[data.excluded["kind"] == kind]
    return dict(zip(rows["name"], rows["reason"], strict=True))


def key_of(photo):
    return photo["full_s3"]["Key"]


class TestStation:
    def test_it_is_found_by_its_number(self, loaded, source):
        found = source().read().station
        assert (found.id, found.name) == (str(STATION_ID), STATION_NAME)
        assert (found.timezone, found.nwis_id) == ("America/New_York", "01171100")
        assert (found.latitude, found.waterbody_type) == (42.41, "ST")

    def test_it_is_found_by_its_name(self, loaded, source):
        assert source(fpe_station=STATION_NAME).read().station.id == str(STATION_ID)

    def test_nothing_of_its_owner_is_kept(self, loaded, source):
        assert USERS[0] not in source().read().station.model_dump_json()

    def test_a_number_goes_before_a_name_of_digits(self, loaded, source):
        loaded.execute("INSERT INTO stations (user_id, name) VALUES ('u', '29')")
        assert source(fpe_station="29").read().station.name == STATION_NAME

    def test_a_name_of_digits_is_found_too(self, loaded, source):
        loaded.execute("UPDATE stations SET name = '01171100'")
        assert source(fpe_station="01171100").read().station.id == str(STATION_ID)

    def test_the_zone_of_the_parameters_is_taken_where_it_has_none(self, loaded, source):
        loaded.execute("UPDATE stations SET timezone = NULL")
        data = source(timezone="America/Chicago").read()
        assert str(data.images["timestamp"].dt.tz) == "America/Chicago"
        assert str(data.observations["timestamp"].dt.tz) == "America/Chicago"

    @pytest.mark.parametrize(
        "name",
        [
            "O'Brien's; DROP TABLE images; --",
            'Bob"); DELETE FROM stations; --',
            "%(station_id)s %s {} \\",
            "Fluß 東 (upper)",
        ],
    )
    def test_a_name_is_never_read_as_a_command(self, loaded, source, name):
        loaded.execute("UPDATE stations SET name = %s", name)
        assert source(fpe_station=name).read().station.name == name
        with pytest.raises(DataError, match="no station of the number or name"):
            source(fpe_station=name + "'").read()

    def test_a_name_that_is_not_there_is_told_with_names_near_it(self, loaded, source):
        wanted = r"no station of .* 'West Brook 0' \(fpe_station\); near it are 'West Brook 0 \(Low"
        with pytest.raises(DataError, match=wanted):
            source(fpe_station="West Brook 0").read()

    @pytest.mark.parametrize("wanted", ["30", "029", "9" * 30])
    def test_a_number_that_is_not_there_is_told(self, loaded, source, wanted):
        with pytest.raises(DataError, match=rf"no station of the number or name '{wanted}'"):
            source(fpe_station=wanted).read()

    def test_names_of_private_stations_are_not_told(self, loaded, source):
        loaded.execute("UPDATE stations SET private = true")
        with pytest.raises(DataError, match=r"\(fpe_station\)$"):
            source(fpe_station="West Brook 0 (Lowe)").read()

    def test_a_name_of_several_users_is_told_with_their_numbers(self, loaded, source):
        loaded.execute(
            "INSERT INTO stations (id, user_id, name, description, private) VALUES "
            "(40, 'b', %s, 'In my garden', true), (41, 'c', %s, NULL, false)",
            *(STATION_NAME, STATION_NAME),
        )
        with pytest.raises(DataError, match="has 3 stations of the name") as error:
            source(fpe_station=STATION_NAME).read()
        wanted = "as fpe_station: 29 (Below the road bridge); 40 (private); 41 (no text)"
        assert str(error.value).endswith(wanted)

    def test_the_parameter_must_not_be_empty(self, source):
        with pytest.raises(ParameterError, match='fpe_station is "" but source is fpe_database'):
            source(fpe_station="").read()

    def test_a_name_with_a_zero_byte_is_refused(self, loaded, source):
        with pytest.raises(DataError, match="the database could not tell the stations"):
            source(fpe_station="a\0b").read()


class TestPhotos:
    def test_the_photos_are_those_that_are_done_and_show_nobody(self, loaded, source, station):
        images = source().read().images
        photos = sorted(usable_photos(station), key=lambda one: one["timestamp"])
        assert images["image_id"].tolist() == [str(one["id"]) for one in photos]
        assert images["filename"].tolist() == [key_of(one) for one in photos]
        assert images["url"].tolist() == [one["full_url"] for one in photos]
        assert images["timestamp"].tolist() == [one["timestamp"] for one in photos]
        assert str(images["timestamp"].dt.tz) == "America/New_York"

    def test_what_was_left_out_is_told(self, loaded, source):
        reasons = Counter(excluded(source().read(), "photo").values())
        assert reasons == {
            "shows a person or vehicle": 4,
            "not DONE in the Flow Photo Explorer": 2 + 3,
        }

    def test_photos_of_other_stations_are_not_taken(self, loaded, source):
        loaded.execute("INSERT INTO stations (id, user_id, name) VALUES (50, 'b', 'Other')")
        loaded.execute("UPDATE imagesets SET station_id = 50 WHERE id = 102")
        assert len(source().read().images) == 90 - 48

    def test_a_fetched_photo_is_the_original_byte_for_byte(self, loaded, source, station, tmp_path):
        one = source()
        one.read()
        photo = usable_photos(station)[3]
        one.fetch(key_of(photo), tmp_path / "photo.jpg")
        assert (tmp_path / "photo.jpg").read_bytes() == station.files[key_of(photo)]

    def test_a_photo_is_downloaded_once(self, loaded, source, station, files, tmp_path):
        key = key_of(usable_photos(station)[3])
        for run in range(2):
            one = source()
            one.read()
            one.fetch(key, tmp_path / f"{run}.jpg")
        assert files.asked[key] == 1

    def test_a_photo_that_is_gone_does_not_stop_the_others(
        self, loaded, source, station, files, tmp_path
    ):
        key = key_of(usable_photos(station)[3])
        del files.content[key]
        one = source()
        one.read()
        with pytest.raises(PhotoError, match=f"nothing that may be read lies at .*{key}"):
            one.fetch(key, tmp_path / "photo.jpg")
        assert not (tmp_path / "photo.jpg").exists()

    def test_only_photos_that_were_read_can_be_fetched(self, loaded, source, station, tmp_path):
        one = source()
        one.read()
        shows_a_person = key_of(station.images[0])
        for name in (shows_a_person, "../../etc/passwd"):
            with pytest.raises(PhotoError, match="none of the photos that were read"):
                one.fetch(name, tmp_path / "photo.jpg")

    def test_file_names_never_lead_out_of_the_dataset(self, loaded, source, files):
        hostile = {
            664020: "imagesets/../../../etc/passwd",
            664021: "../../up.jpg",
            664022: "C:\\windows\\x.jpg",
            664023: "/etc/absolute.jpg",
        }
        for image_id, key in hostile.items():
            loaded.execute(
                "UPDATE images SET full_url = %s, full_s3 = json_build_object('Bucket', 'b', "
                "'Key', %s::text) WHERE id = %s",
                *(f"{files.url}/{key}", key, image_id),
            )
        data = source().read()
        names = dict(zip(data.images["image_id"], data.images["filename"], strict=True))
        assert names["664023"] == "etc/absolute.jpg"
        assert not {"664020", "664021", "664022"} & set(names)
        told = Counter(excluded(data, "photo").values())
        assert told["its address leads out of the dataset"] == 3

    @pytest.mark.parametrize("name", AWKWARD_NAMES)
    def test_a_name_is_the_key_letter_for_letter(
        self, loaded, source, station, files, tmp_path, name
    ):
        key = f"imagesets/u/images/{name}"
        files.content[key] = b"the photo"
        loaded.execute(
            "UPDATE images SET full_url = %s, full_s3 = json_build_object('Bucket', 'b', 'Key', "
            "%s::text) WHERE id = 664030",
            *(f"{files.url}/{key}", key),
        )
        one = source()
        images = one.read().images.set_index("image_id")
        assert images.loc["664030", "filename"] == key
        one.fetch(key, tmp_path / "photo.jpg")
        assert (tmp_path / "photo.jpg").read_bytes() == b"the photo"

    def test_photos_of_amazons_host_come_from_their_bucket(
        self, s3, loaded, source, monkeypatch, tmp_path
    ):
        for name, value in s3.environment.items():
            monkeypatch.setenv(name, value)
        key = "imagesets/u/images/DCIM/100/x#y 50%25?.JPG"
        s3.client.put_object(Bucket=s3.bucket, Key=key, Body=b"the photo")
        host = f"https://{s3.bucket}.s3.us-west-2.amazonaws.com"
        loaded.execute(
            "UPDATE images SET full_url = %s, full_s3 = json_build_object('Bucket', %s::text, "
            "'Key', %s::text) WHERE id = 664030",
            *(f"{host}/{key}", s3.bucket, key),
        )
        one = source()
        images = one.read().images.set_index("image_id")
        assert images.loc["664030", "url"] == (
            f"{host}/imagesets/u/images/DCIM/100/x%23y%2050%2525%3F.JPG"
        )
        one.fetch(key, tmp_path / "photo.jpg")
        assert (tmp_path / "photo.jpg").read_bytes() == b"the photo"

    def test_original_names_with_paths_are_not_used(self, loaded, source):
        loaded.execute("UPDATE images SET filename = '../../' || filename")
        assert source().read().images["filename"].str.startswith("imagesets/").all()

    def test_times_that_no_table_can_hold_are_left_out(self, loaded, source):
        for image_id, time in (
            *((664030, "infinity"), (664031, "-infinity"), (664032, "0044-03-15 BC")),
            *((664033, "294276-12-31"), (664034, None)),
        ):
            loaded.execute("UPDATE images SET timestamp = %s WHERE id = %s", time, image_id)
        reasons = Counter(excluded(source().read(), "photo").values())
        assert reasons["has no time in the Flow Photo Explorer"] == 5

    def test_a_time_between_seconds_is_kept(self, loaded, source):
        time = "2024-03-07T12:00:00.123456Z"
        loaded.execute("UPDATE images SET timestamp = %s WHERE id = 664030", time)
        images = source().read().images.set_index("image_id")
        assert images.loc["664030", "timestamp"] == pd.Timestamp(time)

    def test_a_station_without_photos_is_told(self, loaded, source):
        loaded.execute("DELETE FROM images")
        wanted = r"station West Brook 0 \(Lower\): none of 0 photos can be used: it has none at all"
        with pytest.raises(DataError, match=wanted):
            source().read()

    def test_a_station_whose_photos_all_fail_is_told_why(self, loaded, source):
        loaded.execute("UPDATE imagesets SET status = 'PROCESSING'")
        wanted = "none of 99 photos can be used: 99 not DONE in the Flow Photo Explorer"
        with pytest.raises(DataError, match=wanted):
            source().read()

    def test_photos_that_lie_in_s3_alone_are_fetched_from_there(
        self, s3, loaded, source, station, monkeypatch, tmp_path
    ):
        for name, value in s3.environment.items():
            monkeypatch.setenv(name, value)
        for key, content in station.files.items():
            s3.client.put_object(Bucket=s3.bucket, Key=key, Body=content)
        place = "json_build_object('Bucket', %s::text, 'Key', {} ->> 'Key')"
        loaded.execute(
            f"UPDATE images SET full_url = NULL, full_s3 = {place.format('full_s3')}", s3.bucket
        )
        loaded.execute(f"UPDATE annotations SET url = '', s3 = {place.format('s3')}", s3.bucket)
        one = source()
        data = one.read()
        photo = usable_photos(station)[3]
        assert data.images["filename"].isin([key_of(photo)]).sum() == 1
        assert f"s3://{s3.bucket}/{key_of(photo)}" in set(data.images["url"])
        assert len(data.annotations) == 139
        one.fetch(key_of(photo), tmp_path / "photo.jpg")
        assert (tmp_path / "photo.jpg").read_bytes() == station.files[key_of(photo)]

    @pytest.mark.parametrize("s3", ["null", "{}", '"text"', "[]", '{"Bucket": "b"}', '{"Key": 1}'])
    def test_a_photo_without_an_address_is_left_out(self, loaded, source, s3):
        loaded.execute(
            "UPDATE images SET full_url = 'file:///etc/passwd', full_s3 = %s WHERE id = 664030", s3
        )
        assert excluded(source().read(), "photo")["664030"] == (
            "has no address in the Flow Photo Explorer"
        )


class TestObservations:
    def test_good_values_are_read_in_order(self, loaded, source, station):
        observations = source().read().observations
        good = [
            one
            for one in station.values
            if one["series_id"] == 501 and one["flag"] is None and one["value"] == one["value"]
        ]
        assert observations["value"].tolist() == [one["value"] for one in good]
        assert observations["timestamp"].tolist() == [one["timestamp"] for one in good]
        assert observations["status"].isna().all()

    def test_a_value_has_the_digits_that_were_uploaded(self, loaded, source):
        loaded.execute('UPDATE "values" SET value = 24.12345 WHERE id = 9011')
        assert 24.12345 in set(source().read().observations["value"])

    def test_what_was_left_out_is_counted(self, loaded, source):
        loaded.execute(
            "UPDATE \"values\" SET value = 'infinity' WHERE id = 9011;"
            'UPDATE "values" SET value = NULL WHERE id = 9012;'
            "UPDATE \"values\" SET timestamp = '-infinity' WHERE id = 9015"
        )
        rows = source().read().excluded
        rows = rows[rows["kind"] == "observation"]
        assert list(zip(rows["name"], rows["reason"], strict=True)) == [
            ("3 rows", "flagged"),
            ("2 rows", "no value"),
            ("1 row", "not a finite number"),
            ("1 row", "no time"),
        ]

    def test_values_of_data_sets_that_are_not_done_are_not_read(self, loaded, source):
        loaded.execute("UPDATE series SET dataset_id = 72")
        assert source().read().observations.empty

    def test_values_of_another_variable_are_not_read_but_told_of(self, loaded, source):
        data = source(variable="STAGE_FT").read()
        assert data.observations.empty
        assert str(data.observations["timestamp"].dt.tz) == "America/New_York"
        assert data.notes == (
            "The Flow Photo Explorer has no values of STAGE_FT for this station; it has FLOW_CFS, "
            "WTEMP_C.",
        )

    def test_they_are_not_read_where_others_take_their_place(
        self, loaded, source, monkeypatch, tmp_path
    ):
        monkeypatch.setattr(fpe_queries, "values", None)
        gauge = write(tmp_path / "gauge.csv", "timestamp,value\n2024-03-06T12:00Z,5\n")
        data = source(observations_from=str(gauge)).read()
        assert data.observations["value"].tolist() == [5]
        assert excluded(data, "observation") == {}


class TestAnnotations:
    def test_the_answers_of_finished_submissions_are_read(self, loaded, source, station):
        annotations = source().read().annotations
        assert len(annotations) == 70 + 70 - 1
        content = {
            row["id"]: json.loads(station.files[row["s3"]["Key"]]) for row in station.annotations
        }
        for pair_id, left, right, rank in zip(
            annotations["pair_id"],
            annotations["left_image_id"],
            annotations["right_image_id"],
            annotations["rank"],
            strict=True,
        ):
            submission, position = map(int, pair_id.split("-"))
            entry = content[submission][position - 1]
            told = (str(entry["left"]["imageId"]), str(entry["right"]["imageId"]), entry["rank"])
            assert (left, right, rank) == told

    def test_the_order_is_that_of_submission_and_position(self, loaded, source):
        pairs = source().read().annotations["pair_id"].tolist()
        assert pairs == [f"301-{n}" for n in range(1, 71) if n != 5] + [
            f"308-{n}" for n in range(1, 71)
        ]

    def test_user_ids_are_hashed(self, loaded, source):
        data = source().read()
        assert data.annotations["user_id"].unique().tolist() == [
            hashed_user_id(USERS[1]),
            hashed_user_id(USERS[0]),
        ]
        told = data.annotations.to_csv() + data.excluded.to_csv() + str(data.notes)
        assert not any(user in told for user in USERS)

    def test_marks_of_photos_and_comments_are_kept(self, loaded, source):
        annotations = source().read().annotations
        marks = set(annotations["left_attributes"].dropna())
        assert {"BAD", "ICE", "ICE_PARTIAL,DRY"} <= marks | set(
            annotations["right_attributes"].dropna()
        )
        assert annotations["comment"].dropna().tolist() == ["fog on the left, I think"] * 2

    def test_what_was_left_out_is_told(self, loaded, source):
        assert excluded(source().read(), "annotation") == {
            "submission 302": "flagged in the Flow Photo Explorer",
            "submission 303": "the training of an annotator",
            "submission 304": "not DONE in the Flow Photo Explorer",
            "pair 301-5 (photo 664012)": "its photo was excluded: shows a person or vehicle",
        }

    def test_files_of_submissions_that_do_not_count_are_not_fetched(
        self, loaded, source, station, files
    ):
        source().read()
        wanted = {row["s3"]["Key"] for row in station.annotations if row["id"] in (301, 308)}
        assert set(files.asked) == wanted

    def test_those_of_another_variable_count_for_it(self, loaded, source):
        annotations = source(variable="STAGE_FT").read().annotations
        assert annotations["pair_id"].tolist() == [f"305-{n}" for n in range(1, 8)]

    def test_those_without_a_variable_compare_flow(self, loaded, source):
        loaded.execute("UPDATE annotations SET variable = NULL WHERE id = 305")
        assert len(source().read().annotations) == 139 + 7

    def test_all_files_together_have_one_digest_that_follows_a_changed_byte(
        self, loaded, source, station, files
    ):
        (first,) = source().read().read_files
        assert (first.role, first.name) == ("annotations", "submissions")
        assert source().read().read_files == (first,)
        files.content[station.annotations[0]["s3"]["Key"]] += b" "
        (changed,) = source().read().read_files
        assert changed.sha256 != first.sha256

    def test_a_file_that_is_gone_is_counted_and_told(self, loaded, source, station, files):
        del files.content[station.annotations[0]["s3"]["Key"]]
        data = source().read()
        assert excluded(data, "annotation")["submission 301"] == "its file is gone"
        assert data.notes == (
            "The files of 1 of 2 submissions of comparisons are gone from the Flow Photo Explorer: "
            "301.",
        )
        assert len(data.annotations) == 70

    def test_a_row_without_a_file_is_counted(self, loaded, source):
        loaded.execute("UPDATE annotations SET url = NULL, s3 = NULL WHERE id = 301")
        told = excluded(source().read(), "annotation")
        assert told["submission 301"] == "its row names no file"

    @pytest.mark.parametrize("content", [b"", b"<html>", b"\xff\xfe", b"[" * 50_000])
    def test_a_file_that_is_no_json_is_told(self, loaded, source, station, files, content):
        key = station.annotations[0]["s3"]["Key"]
        files.content[key] = content
        wanted = f"the annotation file {files.url}/{key} of submission 301 is not valid JSON"
        with pytest.raises(DataError, match=re.escape(wanted)):
            source().read()

    def test_a_file_of_something_else_is_told(self, loaded, source, station, files):
        files.content[station.annotations[0]["s3"]["Key"]] = b'[{"left": 1}]'
        with pytest.raises(DataError, match=r"the annotation file http.*: entry 1: left is 1"):
            source().read()

    def test_a_file_that_is_too_large_is_refused(self, loaded, source, monkeypatch):
        monkeypatch.setattr("fperank.stations.fpe.submissions.MAX_BYTES", 100)
        with pytest.raises(DataError, match="is larger than the 100 bytes that are allowed"):
            source().read()

    def test_signatures_in_addresses_are_not_told(self, loaded, source, files, station):
        loaded.execute("UPDATE annotations SET url = url || '?X-Amz-Signature=geheim'")
        loaded.execute("UPDATE images SET full_url = full_url || '?X-Amz-Signature=geheim'")
        data = source().read()
        told = data.images.to_csv() + data.annotations.to_csv() + data.excluded.to_csv()
        assert "geheim" not in told
        files.content[station.annotations[0]["s3"]["Key"]] = b"<html>"
        with pytest.raises(DataError, match="is not valid JSON") as error:
            source().read()
        assert "geheim" not in str(error.value)

    def test_they_are_not_read_where_others_take_their_place(
        self, loaded, source, files, monkeypatch, tmp_path
    ):
        monkeypatch.setattr(fpe_queries, "submissions", None)
        data = source(annotations_from=str(write(tmp_path / "answers.json", "[]"))).read()
        assert data.annotations.empty
        assert excluded(data, "annotation") == {}
        assert not files.asked


class TestImageSet:
    def test_its_photos_and_its_station_are_read(self, loaded, imageset, station, tmp_path):
        wanted = station.imagesets[1]
        one = imageset(wanted["uuid"].upper())
        found = one.read()
        images = found.images
        assert found.station.name == STATION_NAME
        photos = [one for one in usable_photos(station) if one["imageset_id"] == wanted["id"]]
        assert images["image_id"].tolist() == [str(photo["id"]) for photo in photos]
        one.fetch(images["filename"].iloc[0], tmp_path / "photo.jpg")
        assert Image.open(tmp_path / "photo.jpg").size == (64, 48)

    def test_photos_that_show_somebody_are_left_out_there_too(self, loaded, imageset, station):
        found = imageset(station.imagesets[0]["uuid"]).read()
        images = found.images
        assert "shows a person or vehicle" in {reason for _, _, reason in found.excluded}
        assert len(found.excluded) == 4 + 2
        assert len(images) == 48 - 4 - 2
        assert "664000" not in set(images["image_id"])

    def test_one_that_is_not_done_is_told(self, loaded, imageset, station):
        with pytest.raises(DataError, match=r"image set [0-9a-f-]{36} is FAILED, not DONE"):
            imageset(station.imagesets[2]["uuid"]).read()

    def test_one_that_is_not_there_is_told(self, loaded, imageset):
        with pytest.raises(DataError, match="there is none with this uuid"):
            imageset("0f8fad5b-d9cb-469f-a165-70867728950e").read()

    @pytest.mark.parametrize("text", ["", "101", "'; DROP TABLE images; --"])
    def test_what_is_no_uuid_is_told(self, loaded, imageset, text):
        with pytest.raises(DataError, match="is no uuid of an image set"):
            imageset(text).read()


class TestWhole:
    def test_the_tables_fit_their_schemas(self, loaded, source):
        made = dataset.build(source().read(), dataset_params())
        assert (len(made.images), len(made.pairs)) == (90, 139)
        assert 0 < made.images["value"].isna().sum() < 10
        assert made.images["attributes"].notna().sum() == 5

    def test_twice_the_same_rows_give_twice_the_same_tables(self, loaded, source):
        first, second = source().read(), source().read()
        for name in ("images", "observations", "annotations", "excluded"):
            pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name))

    def test_a_correction_of_clocks_is_told_to_have_no_use(self, loaded, source):
        notes = source(clock_shift=["+01:00:00"]).read().notes
        assert notes == (
            "clock_shift was not used: the photos' times come from the Flow Photo Explorer.",
        )

    def test_what_changes_meanwhile_is_not_seen(self, loaded, source, monkeypatch):
        asked = fpe_queries.values

        def changed_meanwhile(*arguments):
            loaded.execute('DELETE FROM "values"')
            loaded.execute("DELETE FROM annotations")
            return asked(*arguments)

        monkeypatch.setattr(fpe_queries, "values", changed_meanwhile)
        data = source().read()
        assert (len(data.observations) > 500, len(data.annotations)) == (True, 139)

    @pytest.mark.parametrize(
        ("place", "what"),
        [
            ("stations", "the stations"),
            ("photos", "the photos"),
            ("values", "the observed values"),
            ("submissions", "the annotations"),
        ],
    )
    def test_a_connection_that_breaks_off_is_told(
        self, loaded, source, monkeypatch, caplog, place, what
    ):
        asked = getattr(fpe_queries, place)

        def broken(*arguments):
            with contextlib.suppress(Exception):
                loaded.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'fperank' AND datname = current_database()"
                )
            return asked(*arguments)

        monkeypatch.setattr(fpe_queries, place, broken)
        wanted = f"the connection to the database broke off while reading {what}: run again"
        with pytest.raises(DataError, match=wanted) as error:
            source().read()
        password = loaded.environment["FPE_DB_PASSWORD"]
        assert password not in str(error.value) + caplog.text

    @pytest.mark.slow
    def test_a_station_of_100_000_photos_is_read_in_little_memory(self, loaded, tmp_path):
        loaded.execute(
            "INSERT INTO images (id, imageset_id, filename, timestamp, full_url, full_s3, status, "
            "pii_person, pii_vehicle, pii_detections) SELECT 1000000 + n, 102, 'IMG_' || n, "
            "'2010-01-01Z'::timestamptz + n * interval '15 min', 'https://example.org/imagesets/"
            "7cbd8fd7-0b9f-4ab1-9dbf-a2ba3a1a3a4c/images/IMG_' || n || '.JPG', json_build_object("
            "'Bucket', 'b', 'Key', 'imagesets/7cbd8fd7-0b9f-4ab1-9dbf-a2ba3a1a3a4c/images/IMG_' "
            "|| n || '.JPG'), 'DONE', 0.01, 0.02, json_build_object('all', "
            "repeat('x', 200)) FROM generate_series(1, 100000) n"
        )
        loaded.execute(
            'INSERT INTO "values" (id, series_id, timestamp, value) SELECT 100000 + n, 501, '
            "'2010-01-01Z'::timestamptz + n * interval '1 hour', n * 0.1 "
            "FROM generate_series(1, 35000) n"
        )
        folder = repr(str(tmp_path))
        script = f"""
import json, resource, sys, time
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from station_folder import dataset_params
from fperank.stations.compose import open_source
begin = time.perf_counter()
params = dataset_params(source="fpe_database", fpe_station="29")
data = open_source(params, Path({folder})).read()
seconds = time.perf_counter() - begin
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
images, values = data.images, data.observations
print(json.dumps({{
    "seconds": seconds,
    "peak_bytes": peak * (1 if sys.platform == "darwin" else 1024),
    "photos": len(images),
    "first": [str(cell) for cell in images.iloc[0]],
    "last": [str(cell) for cell in images[images["timestamp"] < "2013-01-01"].iloc[-1]],
    "values": len(values),
}}))
"""
        # A shell between, since a process's peak counts what its parent held when it began.
        told = subprocess.run(
            ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", script],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": ""},
        )
        assert told.returncode == 0, told.stderr
        found = json.loads(told.stdout)
        print(f"{found['seconds']:.1f} s, {found['peak_bytes'] / 2**20:,.0f} MiB")
        assert found["photos"] == 100_090
        root = "imagesets/7cbd8fd7-0b9f-4ab1-9dbf-a2ba3a1a3a4c/images"
        assert found["first"] == [
            *("1000001", "2009-12-31 19:15:00-05:00", f"{root}/IMG_1.JPG"),
            f"https://example.org/{root}/IMG_1.JPG",
            "the Flow Photo Explorer",
        ]
        assert found["last"][:3] == [
            *("1100000", "2012-11-07 11:00:00-05:00", f"{root}/IMG_100000.JPG"),
        ]
        assert found["values"] > 35_000
        assert found["peak_bytes"] < 2**30


class TestBuilder:
    """What the other tests take for granted of the generated station."""

    def test_the_published_table_holds_what_the_database_gives(self, loaded, source, station):
        (name,) = [key for key in station.files if key.endswith("annotations.csv")]
        table = pd.read_csv(io.BytesIO(station.files[name]), dtype="str", keep_default_na=False)
        annotations = source().read().annotations
        table["pair"] = table["annotation_id"] + "-" + table["pair_id"]
        shown = table[table["pair"].isin(annotations["pair_id"])]
        assert len(table) - len(shown) == 1
        for ours, theirs in (
            *(("pair_id", "pair"), ("rank", "rank"), ("comment", "comment")),
            *(("left_image_id", "left.imageId"), ("right_image_id", "right.imageId")),
            *(("left_attributes", "left.attributes"), ("right_attributes", "right.attributes")),
        ):
            assert annotations[ours].fillna("").tolist() == shown[theirs].tolist()
        assert annotations["user_id"].tolist() == shown["user_id"].map(hashed_user_id).tolist()

    def test_photos_show_more_structure_with_more_water(self, station):
        def brightness(photo):
            with Image.open(io.BytesIO(station.files[key_of(photo)])) as image:
                grey = image.convert("L").tobytes()
            return sum(grey) / len(grey)

        flows = {
            one["timestamp"]: one["value"]
            for one in station.values
            if one["series_id"] == 501 and one["flag"] is None
        }
        pairs = sorted(
            (flows[one["timestamp"]], brightness(one))
            for one in station.images
            if one["timestamp"] in flows and flows[one["timestamp"]] > 0
        )
        third = len(pairs) // 3
        low, high = (sum(b for _, b in part) / third for part in (pairs[:third], pairs[-third:]))
        assert high > low + 10

    def test_the_station_is_the_same_each_time(self, station, files):
        again = fpe_station(files.url)
        assert again.files == station.files
        assert repr(again) == repr(station)


def test_times_are_told_in_the_station_s_zone_over_the_change_to_summer_time(loaded, source):
    told = tables.iso_times(source().read().images["timestamp"])
    assert told.iloc[0].endswith("-05:00")
    assert told.iloc[-1].endswith("-04:00")
    assert dt.datetime.fromisoformat(told.iloc[-1]).hour == 22
