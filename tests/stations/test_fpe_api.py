import copy
import csv
import datetime as dt
import io
import json
import math
import tempfile
import urllib.parse

import pandas as pd
import pytest
from fpe_api_server import FOR_EVER, content, cut, cut_chunks, page, redirect, silence, status
from fpe_station import (
    MODEL_CODE,
    STATION_ID,
    STATION_NAME,
    USERS,
    fpe_station,
    usable_photos,
    without_clock,
)
from station_folder import dataset_params, folder_source, write

from fperank.ground.errors import DataError, ParameterError, PhotoError
from fperank.remote.downloads import Downloads
from fperank.remote.fetching import Fetcher
from fperank.stations import dataset
from fperank.stations.answers.files import hashed_user_id
from fperank.stations.compose import open_source
from fperank.stations.fpe import api as fpe_api_module
from fperank.stations.fpe import routes as fpe_routes
from fperank.stations.fpe.api import ApiStation
from fperank.stations.fpe.records import FpePhotos

BASE = "/api/public/stations"
AWKWARD_NAMES = ["x#y.JPG", "50%25.JPG", "why?.JPG", "a?b=c.JPG", "1+1 (ü).JPG", "DCIM/100/A.JPG"]
MINE = f"{BASE}/{STATION_ID}"
ROUTES = (MINE, f"{MINE}/imagesets", f"{MINE}/imagesets/101", f"{MINE}/values", f"{MINE}/models")


@pytest.fixture(scope="session")
def made_station(fpe_api_server):
    return fpe_station(fpe_api_server.url)


@pytest.fixture
def server(fpe_api, made_station, waits, monkeypatch, tmp_path):
    """The API with the station; what is written outside of the scratch folder lies in `temp`."""
    fpe_api.station = copy.deepcopy(made_station)
    (tmp_path / "temp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    return fpe_api


@pytest.fixture
def source(server, tmp_path):
    """Open a source of the API; parameters can be changed."""

    def opened(read_timeout=30, **changes):
        given = {"api_url": f"{server.url}/api", "fpe_station": str(STATION_ID), "timezone": ""}
        params = dataset_params(**{"source": "fpe_api", **given} | changes)
        return open_source(params, tmp_path, Fetcher(timeouts_seconds=(5, read_timeout)))

    return opened


@pytest.fixture
def imageset(server, tmp_path):
    """The photos of an image set."""

    def photos(uuid):
        fetcher = Fetcher()
        one = ApiStation(f"{server.url}/api", str(STATION_ID), fetcher)
        downloads = Downloads(tmp_path / "downloads", fetcher)
        return FpePhotos(lambda: one.photos_of(uuid), "", downloads)

    return photos


def excluded(data, kind):
    rows = data.excluded[data.excluded["kind"] == kind]
    return dict(zip(rows["name"], rows["reason"], strict=True))


def frames(data):
    return data.images, data.observations, data.annotations, data.excluded


def own_json(server, path, **query):
    """What the server would answer, parsed."""
    _, value = server._route(path.removeprefix("/api/public/").split("/"), query)
    return json.loads(json.dumps(server._told(value)))


def key_of(photo):
    return photo["full_s3"]["Key"]


def publish_as_r_does(station):
    """Write the model's table as R does; returns its key."""
    key = next(key for key in station.files if key.endswith("annotations.csv"))
    rows = list(csv.DictReader(io.StringIO(station.files[key].decode())))
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    for row in rows:
        if row["rank"] != "UNKNOWN":
            table.writerow({name: cell or "NA" for name, cell in row.items()})
    station.files[key] = text.getvalue().encode()
    return key


class TestStation:
    @pytest.mark.parametrize("wanted", [str(STATION_ID), STATION_NAME, f" {STATION_NAME} "])
    def test_it_is_found_by_number_and_by_name(self, source, wanted):
        found = source(fpe_station=wanted).read().station
        assert (found.id, found.name) == (str(STATION_ID), STATION_NAME)
        assert (found.timezone, found.nwis_id) == ("America/New_York", "01171100")
        assert USERS[0] not in found.model_dump_json()
        assert hashed_user_id(USERS[0]) not in found.model_dump_json()

    def test_a_slash_at_the_end_of_the_address_does_no_harm(self, server, source):
        assert source(api_url=f"{server.url}/api/").read().station.name == STATION_NAME

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"api_url": ""}, r'api_url is "" but source is fpe_api: give the address below which'),
            ({"fpe_station": ""}, r'fpe_station is "" but source is fpe_api: give the station'),
        ],
    )
    def test_what_is_not_given_is_asked_for(self, source, changes, message):
        with pytest.raises(ParameterError, match=message):
            source(**changes).read()

    def test_a_name_that_is_nearly_one_is_answered_with_that(self, source):
        with pytest.raises(
            DataError, match=r"none of the 1 public stations .* 'West Brook 0'"
        ) as e:
            source(fpe_station="West Brook 0").read()
        assert f"near it are '{STATION_NAME}' (29)" in str(e.value)

    def test_a_name_that_none_is_near_is_told(self, source):
        with pytest.raises(DataError, match=r"has the name 'Xylophone' \(fpe_station\)$"):
            source(fpe_station="Xylophone").read()

    def test_a_private_station_has_no_public_name(self, server, source):
        server.station.stations[0]["private"] = True
        with pytest.raises(DataError, match="none of the 0 public stations"):
            source(fpe_station=STATION_NAME).read()

    def test_several_stations_of_one_name_are_told_by_number(self, server, source):
        server.station.stations.append({**server.station.stations[0], "id": 31})
        with pytest.raises(DataError, match=r"2 stations have the name .* fpe_station: 29, 31"):
            source(fpe_station=STATION_NAME).read()

    def test_a_number_that_there_is_not_is_told(self, server, source):
        with pytest.raises(DataError, match=r"public/stations/30 is not there: is api_url right"):
            source(fpe_station="30").read()
        assert server.requests[f"{BASE}/30"] == 1

    def test_a_wrong_address_is_told(self, server, source):
        with pytest.raises(DataError, match=r"/other/public/stations/29 is not there: is api_url"):
            source(api_url=f"{server.url}/other").read()

    def test_the_zone_of_the_parameters_is_taken_where_it_has_none(self, server, source):
        server.station.stations[0]["timezone"] = None
        server.answers(f"{MINE}/values", content(b"[]"))
        data = source(timezone="America/Chicago").read()
        assert str(data.images["timestamp"].dt.tz) == "America/Chicago"
        assert str(data.observations["timestamp"].dt.tz) == "America/Chicago"
        with pytest.raises(DataError, match="has no time zone in the Flow Photo Explorer: set"):
            source().read()


class TestPhotos:
    def test_all_that_may_be_used_are_there_with_their_times(self, server, source):
        images = source().read().images
        usable = {str(photo["id"]): photo for photo in usable_photos(server.station)}
        assert sorted(images["image_id"]) == sorted(usable)
        for row in images.itertuples():
            photo = usable[row.image_id]
            assert row.timestamp == photo["timestamp"]
            assert (row.filename, row.url) == (key_of(photo), photo["full_url"])

    def test_what_is_not_done_is_left_out_and_told(self, server, source):
        data = source().read()
        assert set(excluded(data, "photo").values()) == {"not DONE in the Flow Photo Explorer"}
        assert len(excluded(data, "photo")) == 2
        assert any(note.startswith("1 of 3 image sets are not DONE") for note in data.notes)
        assert f"{MINE}/imagesets/103" not in server.requests

    def test_people_are_left_out_even_if_the_server_sends_them(self, server, source):
        for imageset in (101, 102):
            answer = own_json(server, f"{MINE}/imagesets/{imageset}")
            told = {one["id"] for one in answer["images"]}
            answer["images"] += [
                {name: server._told(one[name], name) for name in answer["images"][0]}
                for one in server.station.images
                if one["imageset_id"] == imageset and one["id"] not in told
            ]
            server.answers(f"{MINE}/imagesets/{imageset}", content(json.dumps(answer).encode()))
        data = source().read()
        assert list(excluded(data, "photo").values()).count("shows a person or vehicle") == 4
        usable = {str(photo["id"]) for photo in usable_photos(server.station)}
        assert set(data.images["image_id"]) == usable
        (unknown,) = excluded(data, "annotation").values()
        assert unknown == "its photo was excluded: shows a person or vehicle"

    def test_numbers_that_come_as_text_make_no_difference(self, server, source):
        numbers = source().read()
        server.numbers_as_text = True
        text = source().read()
        for one, other in zip(frames(numbers), frames(text), strict=True):
            pd.testing.assert_frame_equal(one, other)
        assert numbers.station == text.station

    def test_an_address_that_leads_out_of_the_dataset_is_left_out(self, server, source):
        image = server.station.images[20]
        image["full_url"] = f"{server.url}/a/../../../passwd"
        data = source().read()
        assert str(image["id"]) not in set(data.images["image_id"])
        assert "its address leads out of the dataset" in excluded(data, "photo").values()

    @pytest.mark.parametrize("name", AWKWARD_NAMES)
    def test_a_name_is_the_raw_text_behind_the_host(self, server, source, tmp_path, name):
        image = server.station.images[20]
        key = f"imagesets/u/images/{name}"
        content = server.station.files.pop(key_of(image))
        server.station.files[key] = content
        image["full_url"] = f"{server.url}/{key}"
        opened = source()
        data = opened.read()
        (row,) = data.images[data.images["image_id"] == str(image["id"])].itertuples()
        assert row.filename == key
        assert urllib.parse.unquote(urllib.parse.urlsplit(row.url).path) == f"/{key}"
        opened.fetch(row.filename, tmp_path / "photo.jpg")
        assert (tmp_path / "photo.jpg").read_bytes() == content

    def test_a_set_without_a_uuid_stops_nothing(self, server, source, imageset):
        sets = server.station.imagesets
        sets.append({**sets[0], "id": 104, "uuid": None, "status": "CREATED"})
        assert len(source().read().images) == len(usable_photos(server.station))
        assert len(imageset(sets[0]["uuid"]).read().images) > 10
        sets[0]["uuid"] = None
        assert len(source().read().images) == len(usable_photos(server.station))

    def test_photos_may_have_text_for_an_id(self, server, source):
        image = server.station.images[20]
        image["id"] = "nims:MA_West_Brook:2024-03-07T15-15-01Z"
        assert image["id"] in set(source().read().images["image_id"])

    def test_a_station_of_a_river_camera_is_told_where_its_photos_are(self, server, source):
        server.station.imagesets.clear()
        server.station.stations[0]["nims_camera_id"] = "MA_West_Brook"
        with pytest.raises(DataError, match="USGS's river camera MA_West_Brook, which the Flow"):
            source().read()

    def test_a_station_without_photos_is_told(self, server, source):
        server.station.imagesets.clear()
        with pytest.raises(DataError, match=r"stations/29: none of 0 photos can be used"):
            source().read()

    def test_a_clock_shift_is_not_used_and_told(self, source):
        shifted, plain = source(clock_shift=["+01:00:00"]).read(), source().read()
        pd.testing.assert_frame_equal(shifted.images, plain.images)
        assert any(note.startswith("clock_shift was not used") for note in shifted.notes)


class TestValues:
    def test_the_good_values_of_the_variable_are_there_and_the_others_counted(self, server, source):
        data = source().read()
        good = [
            one
            for one in server.station.values
            if one["series_id"] == 501 and one["flag"] is None and not math.isnan(one["value"])
        ]
        assert list(data.observations["timestamp"]) == [one["timestamp"] for one in good]
        assert list(data.observations["value"]) == [one["value"] for one in good]
        assert data.observations["status"].isna().all()
        assert excluded(data, "observation") == {"1 row": "no value"}

    def test_another_variable_has_other_values(self, source):
        data = source(variable="STAGE_FT").read()
        assert data.observations.empty
        assert str(data.observations["timestamp"].dt.tz) == "America/New_York"

    def test_two_values_at_one_time_are_both_told(self, server, source):
        twice = {**server.station.values[100], "id": 1}
        server.station.values.insert(100, twice)
        times = source().read().observations["timestamp"]
        assert list(times[times.duplicated()]) == [twice["timestamp"]]

    @pytest.mark.parametrize(
        ("zone", "date"),
        [
            ("America/New_York", "2024-03-10"),
            ("America/New_York", "2024-11-03"),
            ("America/Havana", "2024-03-10"),
            ("America/Havana", "2024-11-03"),
            ("Africa/Cairo", "2024-04-26"),
            ("Africa/Cairo", "2024-11-01"),
        ],
    )
    @pytest.mark.parametrize("bounds_in_utc", [False, True])
    def test_no_value_is_lost_or_doubled_where_summer_time_begins_or_ends(
        self, server, source, monkeypatch, zone, date, bounds_in_utc
    ):
        """In Havana and Cairo a midnight comes twice, or not at all, and is a piece's bound."""
        server.bounds_in_utc = bounds_in_utc
        monkeypatch.setattr(fpe_api_module, "_DAYS_AT_ONCE", 1)
        made = server.station
        made.stations[0]["timezone"] = zone
        first = dt.datetime.fromisoformat(date).replace(tzinfo=dt.UTC) - dt.timedelta(days=3)
        made.images[:] = made.images[20:22]
        for image, days in zip(made.images, (1, 5), strict=True):
            image["timestamp"] = first + dt.timedelta(days=days)
        times = [first + dt.timedelta(minutes=30 * place) for place in range(6 * 48)]
        template = made.values[0]
        made.values[:] = [
            {**template, "timestamp": time, "value": float(place)}
            for place, time in enumerate(times)
        ]
        found = source().read().observations
        assert list(found["timestamp"].dt.tz_convert("UTC")) == times
        assert list(found["value"]) == list(range(len(times)))
        assert server.requests[f"{MINE}/values"] > 6
        assert str(found["timestamp"].dt.tz) == zone

    def test_many_years_are_asked_in_pieces_of_a_year(self, server, source):
        made = server.station
        first = dt.datetime(2019, 5, 1, tzinfo=dt.UTC)
        made.images[:] = made.images[20:22]
        for image, days in zip(made.images, (0, 1500), strict=True):
            image["timestamp"] = first + dt.timedelta(days=days)
        template = made.values[0]
        times = [first + dt.timedelta(hours=12 * place) for place in range(3001)]
        made.values[:] = [{**template, "timestamp": time} for time in times]
        assert list(source().read().observations["timestamp"]) == times
        asked = [query for path, query in server.asked if path == f"{MINE}/values"]
        assert len(asked) == 5
        for query in asked:
            start, end = (dt.datetime.fromisoformat(query[name]) for name in ("start", "end"))
            assert start.tzinfo is None
            assert end - start <= dt.timedelta(days=365)
            assert query["variable"] == "FLOW_CFS"

    def test_the_values_around_the_first_and_last_photo_are_asked_too(self, server, source):
        data = source(max_gap_minutes=3 * 1440).read()
        (query,) = [query for path, query in server.asked if path == f"{MINE}/values"]
        assert query["start"] < "2024-03-02"
        assert dataset.build(data, dataset_params()).images["value"].notna().sum() > 80

    def test_values_that_come_from_elsewhere_are_not_asked_for(self, server, source, tmp_path):
        gauge = write(tmp_path / "gauge.csv", "timestamp,value\n2024-03-06T12:00Z,5\n")
        data = source(observations_from=str(gauge)).read()
        assert data.observations["value"].tolist() == [5]
        assert f"{MINE}/values" not in server.requests

    def test_the_server_wants_all_three_parameters(self, server):
        with pytest.raises(DataError, match="status 400 instead of 200"):
            Fetcher().read(f"{server.url}{MINE}/values?variable=FLOW_CFS&start=2024-01-01", 10**6)


class TestAnnotations:
    def test_they_are_those_of_the_published_model(self, server, source):
        data = source().read()
        submitted = {
            str(one["id"]): json.loads(server.station.files[one["s3"]["Key"]])
            for one in server.station.annotations
        }
        assert len(data.annotations) == 139
        for row in data.annotations.itertuples():
            submission, number = row.pair_id.split("-")
            entry = submitted[submission][int(number) - 1]
            assert row.left_image_id == str(entry["left"]["imageId"])
            assert row.rank == entry["rank"]
        assert {row.pair_id.split("-")[0] for row in data.annotations.itertuples()} == {
            "301",
            "308",
        }
        assert set(data.annotations["user_id"]) == {hashed_user_id(user) for user in USERS}
        assert f"The comparisons are those of the published model {MODEL_CODE}." in data.notes

    @pytest.mark.parametrize(
        ("default", "changes", "code"),
        [
            (True, {"created_at": "2024-06-02T00:00:00Z"}, MODEL_CODE),
            (False, {"default": True, "created_at": "2024-05-31T00:00:00Z"}, "OTHER"),
            (False, {"created_at": "2024-05-31T00:00:00Z"}, MODEL_CODE),
            (False, {"created_at": "2024-06-02T00:00:00Z"}, "OTHER"),
            (False, {}, "OTHER"),
            (False, {"created_at": None}, MODEL_CODE),
            (False, {"default": True, "status": "FAILED"}, MODEL_CODE),
            (False, {"default": True, "model_type_id": "OTHER"}, MODEL_CODE),
            (False, {"default": True, "variable_id": "STAGE_FT"}, MODEL_CODE),
            (False, {"default": True, "predictions_url": None}, MODEL_CODE),
        ],
    )
    def test_the_default_model_counts_and_else_the_newest(
        self, server, source, default, changes, code
    ):
        models = server.station.models
        models[0]["default"] = default
        models.append({**models[0], "id": 12, "code": "OTHER", "default": False, **changes})
        assert f"The comparisons are those of the published model {code}." in source().read().notes

    def test_without_a_model_there_are_none_and_what_to_do_is_told(self, server, source):
        server.station.models.clear()
        data = source().read()
        assert data.annotations.empty
        (note,) = [note for note in data.notes if "annotations_from" in note]
        assert note.startswith("The Flow Photo Explorer has no published model of FLOW_CFS")
        assert dataset.build(data, dataset_params()).pairs.empty

    @pytest.mark.parametrize("code", [403, 404])
    def test_comparisons_that_are_not_public_are_told(self, server, source, code):
        key = next(key for key in server.station.files if key.endswith("annotations.csv"))
        server.answers(f"/{key}", status(code))
        data = source().read()
        assert data.annotations.empty
        note = f"The comparisons of the model {MODEL_CODE} are not public"
        assert any(one.startswith(note) and "annotations_from" in one for one in data.notes)

    def test_comparisons_that_come_from_elsewhere_are_not_asked_for(self, server, source, tmp_path):
        data = source(annotations_from=str(write(tmp_path / "mine.json", "[]"))).read()
        assert data.annotations.empty
        assert f"{MINE}/models" not in server.requests

    def test_no_user_id_stays_anywhere(self, server, source, tmp_path):
        data = source().read()
        told = "".join(frame.to_csv() for frame in frames(data)) + data.station.model_dump_json()
        written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        for user in USERS:
            assert user not in told
            assert user.encode() not in written
        assert list((tmp_path / "temp").iterdir()) == []

    def test_answers_and_marks_that_the_published_table_leaves_out_are_read(self, server, source):
        """As rank-input.R writes it: NA where a cell is empty, and no UNKNOWN answers."""
        rows = server.station.annotations
        key = rows[0]["s3"]["Key"]
        entries = json.loads(server.station.files[key])
        entries[0] |= {"rank": "UNKNOWN"}
        entries[0]["left"]["attributes"] = ["BAD"]
        server.station.files[key] = json.dumps(entries).encode()
        publish_as_r_does(server.station)
        annotations = source().read().annotations.set_index("pair_id")
        assert list(annotations.loc["301-1", ["rank", "left_attributes"]]) == ["UNKNOWN", "BAD"]
        assert annotations.index.str.partition("-").unique(0).tolist() == ["301", "308"]
        assert len(annotations) == 70 + 70 - 1
        assert "NA" not in set(annotations.to_numpy().ravel())

    def test_where_they_are_not_public_the_table_counts_and_it_is_told(self, server, source):
        publish_as_r_does(server.station)
        whole = source().read().annotations
        address = server.answers(f"/{server.station.annotations[0]['s3']['Key']}", status(403))
        data = source().read()
        lost = (whole["rank"] == "UNKNOWN") & whole["pair_id"].str.startswith("301-")
        kept = data.annotations.sort_values("pair_id", ignore_index=True)
        known = whole[~lost].sort_values("pair_id", ignore_index=True)
        pd.testing.assert_frame_equal(kept, known, check_dtype=False)
        (note,) = [one for one in data.notes if "not public" in one]
        assert note.startswith("Of 2 submissions the files of 1 are not public: only what the publ")
        assert "exclude_attributes may find fewer photos" in note
        assert address not in note

    def test_files_on_other_servers_than_the_tables_are_not_asked_for(self, server, source):
        key = publish_as_r_does(server.station)
        here = server.url.encode()
        text = server.station.files[key].replace(here + b"/annotations", b"http://127.0.0.1:9/a")
        server.station.files[key] = text
        assert any("files of 2 are not public" in note for note in source().read().notes)

    def test_a_table_that_names_no_submissions_is_told_to_be_less(self, server, source):
        key = publish_as_r_does(server.station)
        text = server.station.files[key].replace(b"annotation_id", b"number")
        server.station.files[key] = text.replace(b"pair_id", b"pair")
        data = source().read()
        assert any("names no files of submissions" in note for note in data.notes)
        assert len(data.annotations) > 100

    def test_a_file_that_is_none_is_told_by_its_address(self, server, source, tmp_path):
        key = next(key for key in server.station.files if key.endswith("annotations.csv"))
        server.station.files[key] = b"a,b\n1,2\n"
        server.station.models[0]["predictions_url"] += "?X-Amz-Signature=abc123"
        with pytest.raises(DataError, match=f"^{server.url}/{key}: the column left_image_id is"):
            source().read()
        assert list((tmp_path / "temp").iterdir()) == []


class TestFaults:
    @pytest.mark.parametrize("path", ROUTES)
    def test_those_that_pass_make_no_difference(self, server, source, waits, path):
        expected = source().read()
        server.answers(path, status(429, Retry_After="3"), status(500), cut(b"x" * 9, 4))
        for one, other in zip(frames(expected), frames(source().read()), strict=True):
            pd.testing.assert_frame_equal(one, other)
        assert waits == [3, 2, 4]

    def test_a_server_that_is_silent_once_is_asked_again(self, server, source):
        expected = source().read()
        for path in ROUTES:
            server.answers(path, silence)
        for one, other in zip(
            frames(expected), frames(source(read_timeout=0.3).read()), strict=True
        ):
            pd.testing.assert_frame_equal(one, other)
        assert all(server.requests[path] >= 3 for path in ROUTES)

    @pytest.mark.parametrize("path", ROUTES)
    @pytest.mark.parametrize("fault", [status(429), status(500), cut_chunks(b"[")])
    def test_one_that_stays_is_told_with_what_was_asked(self, server, source, path, fault):
        server.answers(path, fault, times=FOR_EVER)
        with pytest.raises(
            DataError, match=f"{server.url}{path} could not be fetched in 5 attempt"
        ):
            source().read()

    @pytest.mark.parametrize("path", ROUTES)
    @pytest.mark.parametrize(
        ("answer", "why"),
        [
            (page(), r"\(a web page came instead of JSON\): is api_url right"),
            (content(b'[{"id": 1,'), r"\(what came is not valid JSON\)"),
            (content(b'{"message": "down"}'), r"\((id|the answer|images): "),
            (content(b'"secret"'), r"\(the answer: Input should be "),
            (content(b"[" * 100_000), r"\(what came is not valid JSON\)"),
        ],
    )
    def test_an_answer_of_another_shape_is_told(self, server, source, path, answer, why):
        server.answers(path, answer)
        with pytest.raises(DataError, match=f"{server.url}{path} did not answer .*{why}") as caught:
            source().read()
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize(
        ("path", "row", "why"),
        [
            (f"{MINE}/imagesets", {"id": "../1", "uuid": "u", "status": "DONE"}, "0.id: String "),
            (f"{MINE}/imagesets", {"id": True, "uuid": "u", "status": "DONE"}, "0.id: Input "),
            (f"{MINE}/values", {"timestamp": "2024-03-05T00:00:00", "value": 1}, "timezone"),
            (f"{MINE}/values", {"timestamp": "2024-03-05T00:00:00Z", "value": "low"}, "0.value: "),
            (f"{MINE}/values", {"timestamp": "2024-03-05T00:00:00Z"}, "0.value: Field required"),
        ],
    )
    def test_a_row_that_is_none_is_told_by_its_place(self, server, source, path, row, why):
        server.answers(path, content(json.dumps([row]).encode()))
        with pytest.raises(DataError, match=f"{path} did not answer .*{why}"):
            source().read()

    def test_a_huge_answer_is_refused(self, server, source, monkeypatch):
        monkeypatch.setattr(fpe_routes, "MAX_ANSWER_BYTES", 10_000)
        with pytest.raises(DataError, match=r"imagesets/101 is larger than the 10,000 bytes that"):
            source().read()

    def test_a_redirect_of_the_api_is_followed(self, server, source):
        server.answers(MINE, redirect(f"{BASE}/{STATION_ID}/"))
        assert source().read().station.name == STATION_NAME


class TestFetch:
    def test_a_photo_comes_byte_for_byte_and_once(self, server, source, tmp_path):
        one = source()
        filename = one.read().images["filename"].iloc[3]
        for opened in (one, one, source()):
            opened.read()
            opened.fetch(filename, tmp_path / "photo.jpg")
            assert (tmp_path / "photo.jpg").read_bytes() == server.station.files[filename]
        assert server.requests[f"/{filename}"] == 1

    def test_an_address_is_asked_with_its_query_and_shown_without(self, server, source, tmp_path):
        image = server.station.images[20]
        image["full_url"] += "?X-Amz-Signature=abc123"
        opened = source()
        data = opened.read()
        (row,) = data.images[data.images["image_id"] == str(image["id"])].itertuples()
        assert row.url == image["full_url"].partition("?")[0]
        opened.fetch(row.filename, tmp_path / "photo.jpg")
        assert server.asked[-1] == (f"/{row.filename}", {"X-Amz-Signature": "abc123"})

    @pytest.mark.parametrize(
        ("answer", "why"),
        [
            (status(404), r"nothing that may be read lies at .*\(status 404\)"),
            (status(403), r"nothing that may be read lies at .*\(status 403\)"),
            (page(), "was answered with a web page instead of a file"),
        ],
    )
    def test_a_photo_that_is_gone_is_one_photo_s_fault(self, server, source, tmp_path, answer, why):
        opened = source()
        filename = opened.read().images["filename"].iloc[3]
        server.answers(f"/{filename}", answer)
        with pytest.raises(PhotoError, match=why):
            opened.fetch(filename, tmp_path / "photo.jpg")
        assert not (tmp_path / "photo.jpg").exists()

    def test_a_server_that_does_not_answer_stops_the_run(self, server, source, tmp_path):
        opened = source()
        filename = opened.read().images["filename"].iloc[3]
        server.answers(f"/{filename}", status(503), times=FOR_EVER)
        with pytest.raises(DataError, match=f"{filename} could not be fetched in 5 attempts"):
            opened.fetch(filename, tmp_path / "photo.jpg")

    def test_a_photo_that_was_not_read_is_told(self, source, tmp_path):
        with pytest.raises(PhotoError, match=r"x\.jpg is none of the photos that were read"):
            source().fetch("x.jpg", tmp_path / "photo.jpg")

    def test_a_second_run_goes_on_where_the_first_stopped(self, server, source, tmp_path):
        first = source()
        data = first.read()
        names = list(data.images["filename"])
        server.answers(f"/{names[40]}", status(500), times=FOR_EVER)
        server.answers(f"/{names[7]}", status(404), times=FOR_EVER)
        built = dataset.build(data, dataset_params())
        with pytest.raises(DataError, match=f"{names[40]} could not be fetched"):
            dataset.write(built, data, first, tmp_path / "1", dataset_params())
        come = {name for name in names if server.requests[f"/{name}"]} - {names[40], names[7]}
        assert len(come) > 10

        server.ordered.pop(f"/{names[40]}")
        second = source()
        second.read()
        summary = dataset.write(built, data, second, tmp_path / "2", dataset_params())
        assert all(server.requests[f"/{name}"] == 1 for name in come)
        written = {
            path.relative_to(tmp_path / "2" / "photos").as_posix()
            for path in (tmp_path / "2" / "photos").rglob("*.JPG")
        }
        assert written == set(names) - {names[7]}
        assert any("1 photo could not be copied" in note for note in summary.notes)


class TestImageset:
    def test_its_photos_can_be_read_and_fetched(self, server, imageset, tmp_path):
        wanted = server.station.imagesets[1]
        opened = imageset(wanted["uuid"].upper())
        found = opened.read()
        images = found.images
        assert found.station.name == STATION_NAME
        usable = {
            str(one["id"]): key_of(one)
            for one in usable_photos(server.station)
            if one["imageset_id"] == wanted["id"]
        }
        assert dict(zip(images["image_id"], images["filename"], strict=True)) == usable
        opened.fetch(images["filename"].iloc[0], tmp_path / "a.jpg")
        assert (tmp_path / "a.jpg").read_bytes() == server.station.files[images["filename"].iloc[0]]
        assert f"{MINE}/imagesets/101" not in server.requests

    def test_one_that_there_is_not_is_told(self, imageset):
        with pytest.raises(DataError, match=r"has no image set '0f8f' among its 3 at .*/imagesets"):
            imageset("0f8f").read()

    def test_one_that_is_not_done_is_told(self, server, imageset):
        uuid = server.station.imagesets[2]["uuid"]
        with pytest.raises(DataError, match=f"the image set {uuid} is FAILED, not DONE: score it"):
            imageset(uuid).read()


def folder_of(server, folder):
    """The station as a folder: what a person would have who downloaded it."""
    made = server.station
    folder.mkdir()
    rows = []
    for photo in usable_photos(made):
        path = folder / "images" / key_of(photo)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made.files[key_of(photo)])
        rows.append((photo["id"], photo["timestamp"].isoformat(), key_of(photo), photo["full_url"]))
    write_csv(folder / "images.csv", ["image_id", "timestamp", "filename", "url"], rows)
    good = [
        (one["timestamp"].isoformat(), one["value"])
        for one in made.values
        if one["series_id"] == 501 and one["flag"] is None and not math.isnan(one["value"])
    ]
    write_csv(folder / "observations.csv", ["timestamp", "value"], good)
    key = next(key for key in made.files if key.endswith("annotations.csv"))
    (folder / "annotations.csv").write_bytes(made.files[key])
    station = {"id": STATION_ID, "name": STATION_NAME, "timezone": "America/New_York"}
    (folder / "station.json").write_text(json.dumps(station))
    return folder_source(folder)


def write_csv(path, header, rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    path.write_text(text.getvalue())


def test_folder_database_and_api_give_the_same_dataset(
    server, source, postgres, monkeypatch, tmp_path
):
    api, folder = source(), folder_of(server, tmp_path / "station")
    with postgres.database(server.station) as database:
        for name, value in database.environment.items():
            monkeypatch.setenv(name, value)
        given = dataset_params(source="fpe_database", fpe_station=str(STATION_ID))
        by_database = open_source(given, tmp_path / "files")
        written = {}
        for name, one in (("api", api), ("folder", folder), ("database", by_database)):
            data = one.read()
            built = dataset.build(data, dataset_params())
            dataset.write(built, data, one, tmp_path / name, dataset_params())
            written[name] = {
                path.relative_to(tmp_path / name).as_posix(): without_clock(path)
                for path in sorted((tmp_path / name).rglob("*"))
                if path.name in {"images.csv", "pairs.csv", "observations.csv"}
                or path.suffix == ".JPG"
            }
    stations = [(tmp_path / name / "station.json").read_bytes() for name in ("api", "database")]
    assert stations[0] == stations[1]
    assert len(written["api"]) == 93
    assert written["api"] == written["folder"]
    assert written["api"] == written["database"]
