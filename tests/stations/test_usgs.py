"""USGS's API is spoken by a server on this machine, with recorded answers of its shape."""

import datetime as dt
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import dataretrieval
import pytest
from dataretrieval.waterdata import WaterdataConfiguration

from fperank.ground.errors import DataError, ParameterError
from fperank.handover import tables
from fperank.handover.dataset import OBSERVATIONS
from fperank.stations.observed.usgs import read_usgs, site_id

RESPONSES = Path(__file__).parent / "usgs_responses"
OFFICIAL = "https://api.waterdata.usgs.gov"
JANUARY = (dt.date(2024, 1, 15), dt.date(2024, 1, 15))


class Api:
    """Answers each request with the next of `answers`: a file's name, or a status and headers."""

    def __init__(self):
        self.answers, self.requests = [], []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

            def do_GET(self):
                url = urlsplit(self.path)
                api.requests.append((url.path, {k: v[0] for k, v in parse_qs(url.query).items()}))
                answer = api.answers.pop(0)
                status, headers = (200, {}) if isinstance(answer, str) else answer
                body = b'{"code": "Busy", "description": "key 4711 used up"}'
                if isinstance(answer, str):
                    text = (RESPONSES / answer).read_text(encoding="utf-8")
                    body = text.replace(OFFICIAL, api.address).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/geo+json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def api(monkeypatch):
    monkeypatch.setenv("API_USGS_PAT", "secret-4711")
    server = Api()
    with dataretrieval.configure(WaterdataConfiguration(base_url=server.address, retries=1)):
        yield server
    server.close()


def read(tmp_path, dates=JANUARY, variable_id="FLOW_CFS", interval="continuous"):
    return read_usgs(
        "01171100",
        variable_id,
        interval,
        *dates,
        timezone="America/New_York",
        scratch=tmp_path,
    )


def test_all_pages_of_an_answer_are_read(tmp_path, api):
    api.answers = ["continuous-page-1.json", "continuous-page-2.json"]
    found = read(tmp_path)
    assert found.values["value"].tolist() == [412, 413, 415, 416, 417.5]
    assert tables.iso_times(found.values["timestamp"]).tolist()[::4] == [
        "2024-01-15T00:00:00-05:00",
        "2024-01-15T01:15:00-05:00",
    ]
    assert found.values["status"].tolist() == ["approved"] * 4 + ["provisional"]
    tables.checked(found.values, OBSERVATIONS, "observations")
    assert found.notes == ("Observed values are the continuous discharge of USGS site 01171100.",)
    assert api.requests[1][1]["cursor"] == "MDAwMDAwMGM"


def test_times_without_a_value_are_counted_by_what_usgs_says_of_them(tmp_path, api):
    api.answers = ["continuous-page-1.json", "continuous-page-2.json"]
    assert read(tmp_path).excluded == [
        ("observation", "1 row", "no value at USGS"),
        ("observation", "2 rows", "no value at USGS, marked EQUIP"),
        ("observation", "1 row", "no value at USGS, marked ICE"),
    ]


def test_what_is_asked_names_site_parameter_and_a_day_more_on_both_sides(tmp_path, api):
    api.answers = ["continuous-stage.json"]
    found = read(tmp_path, variable_id="STAGE_FT")
    path, query = api.requests[0]
    assert path == "/ogcapi/v1/collections/continuous/items"
    assert query["monitoring_location_id"] == "USGS-01171100"
    assert query["parameter_code"] == "00065"
    assert query["time"] == "2024-01-14T00:00:00Z/2024-01-16T23:59:59Z"
    assert found.values["value"].tolist() == [3.21]
    assert "gage height" in found.notes[0]


def test_daily_means_are_stamped_at_local_noon(tmp_path, api):
    api.answers = ["daily.json"]
    found = read(tmp_path, (dt.date(2024, 3, 10), dt.date(2024, 3, 11)), interval="daily")
    path, query = api.requests[0]
    assert path == "/ogcapi/v1/collections/daily/items"
    assert query["statistic_id"] == "00003"
    assert query["time"] == "2024-03-09/2024-03-12"
    assert tables.iso_times(found.values["timestamp"]).tolist() == [
        "2024-03-09T12:00:00-05:00",
        "2024-03-10T12:00:00-04:00",
        "2024-03-11T12:00:00-04:00",
    ]
    assert found.values["status"].tolist() == ["approved", "approved", "provisional"]
    assert found.excluded == [("observation", "1 row", "no value at USGS, marked ICE")]


LONG = (dt.date(2018, 1, 2), dt.date(2024, 6, 30))
LONG_PIECES = [
    "2018-01-01T00:00:00Z/2020-12-31T23:59:59Z",
    "2021-01-01T00:00:00Z/2023-12-31T23:59:59Z",
    "2024-01-01T00:00:00Z/2024-07-01T23:59:59Z",
]


def asked(api):
    times = [query["time"] for _, query in api.requests]
    api.requests.clear()
    return times


def test_long_spans_are_asked_for_in_pieces_of_three_years(tmp_path, api):
    api.answers = ["continuous-approved.json", "empty.json", "continuous-page-2.json"]
    found = read(tmp_path, LONG)
    assert asked(api) == LONG_PIECES
    assert found.values["value"].tolist() == [88.1, 88.4, 416, 417.5]


def test_an_interrupted_read_goes_on_and_only_approved_answers_are_kept_after_it(tmp_path, api):
    api.answers = ["continuous-approved.json", "continuous-provisional.json"]
    api.answers += [(500, {}), (500, {})]
    with pytest.raises(DataError, match="with status 500"):
        read(tmp_path, LONG)
    assert asked(api) == [*LONG_PIECES, LONG_PIECES[2]]
    api.answers = ["continuous-page-2.json"]
    resumed = read(tmp_path, LONG)
    assert asked(api) == LONG_PIECES[2:]
    assert len(resumed.values) == 5
    api.answers = ["continuous-provisional.json", "continuous-page-2.json"]
    again = read(tmp_path, LONG)
    assert asked(api) == LONG_PIECES[1:]
    assert again.values.equals(resumed.values)


def test_too_many_requests_are_waited_out(tmp_path, api):
    api.answers = [(429, {"Retry-After": "0"}), "continuous-approved.json"]
    assert len(read(tmp_path).values) == 2


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (429, r"with status 429 \(too many requests\): run again later: .*API_USGS_PAT"),
        (500, r"with status 500: its server is in trouble; run again later: answers so far are"),
        (403, r"with status 403: is the key in API_USGS_PAT valid\?"),
        (400, r"with status 400: check usgs_site, or the station's nwis_id"),
    ],
)
def test_a_refusal_is_told_with_what_was_asked_and_what_to_do(tmp_path, api, status, message):
    api.answers = [(status, {"Retry-After": "0"})] * 2
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path)
    told = str(caught.value)
    assert (
        "continuous values of parameter 00060 at site USGS-01171100 from 2024-01-14 to 2024-01-16"
    ) in told
    assert "4711" not in told
    assert "127.0.0.1" not in told


def test_a_fault_on_a_later_page_is_told_once_and_nothing_half_is_kept(
    tmp_path, api, capfd, caplog
):
    api.answers = ["continuous-page-1.json", (400, {})]
    with pytest.raises(DataError, match=r"USGS refused continuous .* with status 400: check usgs_"):
        read(tmp_path)
    assert list(tmp_path.rglob("*.csv")) == []
    assert [one for one in caplog.records if one.name.startswith("dataretrieval")] == []
    assert capfd.readouterr() == ("", "")


def test_a_server_that_is_not_there_is_told(tmp_path, monkeypatch):
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = WaterdataConfiguration(base_url=address, retries=0)
    with (
        dataretrieval.configure(settings),
        pytest.raises(DataError, match=r"USGS could not be asked for continuous .* no connection"),
    ):
        read(tmp_path)


def test_an_answer_that_is_no_json_is_told(tmp_path, api):
    (tmp_path / "page.json").write_text("<html>maintenance</html>")
    api.answers = [str(tmp_path / "page.json")] * 2
    with pytest.raises(DataError, match=r"no answer that can be read\. Check the network"):
        read(tmp_path / "scratch")


def test_no_data_is_told_with_what_to_try(tmp_path, api):
    api.answers = ["empty.json"]
    with pytest.raises(
        DataError,
        match=r"USGS has no continuous values of parameter 00060 .*: check usgs_site .*, or try "
        "usgs_interval: daily",
    ):
        read(tmp_path)


def test_series_that_tell_of_the_same_times_are_refused(tmp_path, api):
    api.answers = ["continuous-rivals.json"]
    with pytest.raises(
        DataError, match=r"several series .*: 0{32} \(1 values\), f3a1\w+ \(2 values\)\. .* as CSV"
    ):
        read(tmp_path, variable_id="STAGE_FT")


def test_a_series_that_follows_another_is_one_record_with_it(tmp_path, api):
    api.answers = ["continuous-successors.json"]
    found = read(tmp_path, variable_id="STAGE_FT")
    assert found.values["value"].tolist() == [3.21, 4.45]


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("m^3/s", 3111.2221), ("ft3/s", 88.1)],
)
def test_the_unit_that_usgs_names_is_converted(tmp_path, api, unit, expected):
    answer = json.loads((RESPONSES / "continuous-approved.json").read_text())
    for feature in answer["features"]:
        feature["properties"]["unit_of_measure"] = unit
    (tmp_path / "answer.json").write_text(json.dumps(answer))
    api.answers = [str(tmp_path / "answer.json")]
    found = read(tmp_path)
    assert found.values["value"].iloc[0] == pytest.approx(expected)
    assert len(found.notes) == (2 if unit == "m^3/s" else 1)


@pytest.mark.parametrize(
    ("unit", "message"),
    [("ft", "the unit ft cannot become cfs"), ("furlongs", "its unit 'furlongs' is not known")],
)
def test_a_unit_that_does_not_fit_is_refused(tmp_path, api, unit, message):
    answer = json.loads((RESPONSES / "continuous-approved.json").read_text())
    answer["features"][1]["properties"]["unit_of_measure"] = unit
    (tmp_path / "answer.json").write_text(json.dumps(answer))
    api.answers = [str(tmp_path / "answer.json")]
    with pytest.raises(DataError, match=f"USGS site USGS-01171100, parameter 00060: {message}"):
        read(tmp_path)


def test_variables_that_usgs_does_not_serve_are_refused(tmp_path):
    with pytest.raises(
        ParameterError, match=r"variable is ICE, .* only FLOW_CFS \(parameter 00060\), STAGE_FT"
    ):
        read(tmp_path, variable_id="ICE")


@pytest.mark.parametrize("text", ["01171100", "USGS-01171100", " usgs-01171100 "])
def test_site_numbers_are_read_with_and_without_the_agency(text):
    assert site_id(text, "here") == "USGS-01171100"


def test_what_is_no_site_number_is_refused():
    with pytest.raises(DataError, match=r"nwis_id is 'Mill River': a USGS site number has 8 to 15"):
        site_id("Mill River", "the station's nwis_id")
