"""A real HTTP server that speaks the Flow Photo Explorer's public routes, with faults to order.

`{url}/api` is what `api_url` names; the station's files lie at `{url}/<key>`. `answers` gives a
path other answers than its own, a number of times or for ever.
"""

import datetime as dt
import http.server
import json
import math
import sys
import threading
import types
import urllib.parse
import zoneinfo
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from fpe_station import FpeStation, Row

from fperank.stations.fpe.records import PERSON_THRESHOLD, VEHICLE_THRESHOLD

FOR_EVER = 10**9
_IMAGE_COLUMNS = (
    *("id", "imageset_id", "filename", "timestamp", "full_url", "thumb_url", "status"),
    *("error_message", "pii_person", "pii_vehicle", "pii_animal", "pii_on", "pii_off"),
)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        mine: FpeApiServer = self.server.mine
        parts = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(parts.path)
        query = dict(urllib.parse.parse_qsl(parts.query))
        with mine.lock:
            mine.requests[path] += 1
            mine.asked.append((path, query))
            mine.headers[path] = dict(self.headers)
            ordered = mine.ordered.get(path)
            answer = None
            if ordered:
                answer, times = ordered[0]
                ordered[0] = (answer, times - 1)
                if times == 1:
                    ordered.pop(0)
        (answer or mine.own_answer(path, query))(self)

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *arguments: object) -> None:
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of the tests."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


Answer = Callable[[_Handler], None]


def status(code: int, body: bytes = b"{}", **headers: str) -> Answer:
    """Any status; `Retry_After="7"` adds that header."""
    return lambda handler: handler.send(code, body, **headers)


def redirect(to: str) -> Answer:
    return status(302, b"", Location=to)


def content(body: bytes, **headers: str) -> Answer:
    return status(200, body, **headers)


def page() -> Answer:
    """A web page where something else was asked for, as a proxy's log-in."""
    return content(b"<!DOCTYPE html>\n<title>Log in</title>", Content_Type="text/html")


def silence(handler: _Handler) -> None:
    """Take the request and never answer."""
    handler.close_connection = True
    stopping: threading.Event = handler.server.mine.stopping
    stopping.wait(30)


def cut(body: bytes, n: int, **headers: str) -> Answer:
    """Declare the whole body, send `n` bytes of it, and hang up."""

    def answer(handler: _Handler) -> None:
        handler.close_connection = True
        handler.send(200, body[:n], Content_Length=str(len(body)), **headers)

    return answer


def cut_chunks(body: bytes) -> Answer:
    """A chunked answer that hangs up before its last chunk."""

    def answer(handler: _Handler) -> None:
        handler.close_connection = True
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))

    return answer


def chunks(*bodies: bytes) -> Answer:
    """A chunked answer without a size."""

    def answer(handler: _Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for body in bodies:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))
        handler.wfile.write(b"0\r\n\r\n")

    return answer


def drip(declared: int = 10**6) -> Answer:
    """A byte every fiftieth of a second, until the other side hangs up, for ten seconds at most."""

    def answer(handler: _Handler) -> None:
        mine = handler.server.mine
        stopping, dripped = mine.stopping, mine.dripped
        handler.close_connection = True
        handler.send_response(200)
        handler.send_header("Content-Length", str(declared))
        handler.end_headers()
        try:
            for _ in range(500):
                if stopping.wait(0.02):
                    break
                handler.wfile.write(b"x")
                handler.wfile.flush()
                dripped.set()
        except OSError:
            pass

    return answer


def together(parties: int, then: Answer) -> Answer:
    """Answer when that many requests have come."""
    barrier = threading.Barrier(parties, timeout=20)

    def answer(handler: _Handler) -> None:
        barrier.wait()
        then(handler)

    return answer


class FpeApiServer:
    """The server; `station` may be set after it has started, as files need its address.

    Attributes:
        requests: how many have come, by path.
        asked: all of them in order, as (path, query).
        headers: those of the last request, by path.
        numbers_as_text: whether ids and counts come as JSON strings, as of PostgreSQL's bigint.
        bounds_in_utc: whether the bounds of values are taken in UTC, and their end is not included.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.forget()
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.mine = self
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))
        self._thread.start()

    def forget(self) -> None:
        """Be as new; requests that are still answered go on as they were ordered."""
        self.station: FpeStation | None = None
        self.numbers_as_text = False
        self.bounds_in_utc = False
        self.requests: Counter[str] = Counter()
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.headers: dict[str, dict[str, str]] = {}
        self.ordered: dict[str, list[tuple[Answer, int]]] = {}
        self.stopping = threading.Event()
        self.dripped = threading.Event()

    def answers(self, path: str, *given: Answer, times: int = 1) -> str:
        """Give a path other answers, each `times` times in a row; returns its address."""
        self.ordered[path] = [(one, times) for one in given]
        return self.url + urllib.parse.quote(path)

    def stop(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def own_answer(self, path: str, query: dict[str, str]) -> Answer:
        route = path.strip("/").split("/")
        if self.station is None:
            return status(404)
        if route[:2] != ["api", "public"]:
            body = self.station.files.get(path.lstrip("/"))
            return status(404) if body is None else content(body)
        code, value = self._route(route[2:], query)
        return status(code, json.dumps(self._told(value)).encode(), Content_Type="application/json")

    def _route(self, route: list[str], query: dict[str, str]) -> tuple[int, object]:
        rows = self.station
        if route == ["variables"]:
            return 200, rows.variables
        if route == ["stations"]:
            return 200, [self._station(one) for one in rows.stations if not one["private"]]
        if len(route) < 2 or route[0] != "stations":
            return 404, {"message": "Not found"}
        mine = [one for one in rows.stations if str(one["id"]) == route[1]]
        if not mine:
            return 404, {"message": f"Station (id = {route[1]}) not found"}
        imagesets = [one for one in rows.imagesets if one["station_id"] == mine[0]["id"]]
        match route[2:]:
            case []:
                return 200, self._station(mine[0]) | {"summary": {}}
            case ["imagesets"]:
                return 200, imagesets
            case ["imagesets", imageset_id]:
                found = [one for one in imagesets if str(one["id"]) == imageset_id]
                return (200, found[0] | {"images": self._images(found[0])}) if found else (404, {})
            case ["models"]:
                return 200, self._models(mine[0])
            case ["values"]:
                return self._values(mine[0], query)
            case ["daily", "images"]:
                return 200, self._daily(mine[0], imagesets)
        return 404, {"message": "Not found"}

    def _station(self, row: Row) -> Row:
        return {
            **row,
            "affiliation_code": "EXAMPLE",
            "affiliation_name": "An example",
            "models": self._models(row),
        }

    def _models(self, station: Row) -> list[Row]:
        return [one for one in self.station.models if one["station_id"] == station["id"]]

    def _images(self, imageset: Row) -> list[Row]:
        """Those that show nobody, whatever their status."""
        return [
            {name: image[name] for name in _IMAGE_COLUMNS}
            for image in self.station.images
            if image["imageset_id"] == imageset["id"]
            and (
                image["pii_off"]
                or not (
                    image["pii_on"]
                    or (image["pii_person"] or 0) >= PERSON_THRESHOLD
                    or (image["pii_vehicle"] or 0) >= VEHICLE_THRESHOLD
                )
            )
        ]

    def _values(self, station: Row, query: dict[str, str]) -> tuple[int, object]:
        for name in ("variable", "start", "end"):
            if not query.get(name):
                return 400, {"message": f"Query parameter '{name}' missing"}
        zone = zoneinfo.ZoneInfo(station["timezone"])
        start, end = (dt.datetime.fromisoformat(query[name]) for name in ("start", "end"))
        if self.bounds_in_utc:
            zone, end = dt.UTC, end - dt.timedelta(microseconds=1)
        done = {one["id"] for one in self.station.datasets if one["status"] == "DONE"}
        series = {
            one["id"]
            for one in self.station.series
            if one["variable_id"] == query["variable"] and one["dataset_id"] in done
        }
        return 200, [
            {"timestamp": one["timestamp"], "value": one["value"]}
            for one in self.station.values
            if one["series_id"] in series
            and one["flag"] is None
            and start <= one["timestamp"].astimezone(zone).replace(tzinfo=None) <= end
        ]

    def _daily(self, station: Row, imagesets: list[Row]) -> list[Row]:
        zone = zoneinfo.ZoneInfo(station["timezone"])
        by_date: dict[str, list[Row]] = {}
        for imageset in imagesets:
            for image in self._images(imageset):
                date = image["timestamp"].astimezone(zone).date().isoformat()
                by_date.setdefault(date, []).append(image)
        return [
            {"date": date, "n_images": str(len(images)), "image": images[len(images) // 2]}
            for date, images in sorted(by_date.items())
        ]

    def _told(self, value: object, name: str = "") -> object:
        """As the API's JSON tells a value."""
        if isinstance(value, dict):
            return {key: self._told(one, key) for key, one in value.items()}
        if isinstance(value, list):
            return [self._told(one, name) for one in value]
        if isinstance(value, dt.datetime):
            return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        if isinstance(value, float) and math.isnan(value):
            return None
        if self.numbers_as_text and (name == "id" or name.endswith("_id") or name == "n_images"):
            return None if value is None else str(value)
        return value


@pytest.fixture(scope="session")
def fpe_api_server() -> Iterator[FpeApiServer]:
    server = FpeApiServer()
    yield server
    server.stop()


@pytest.fixture
def fpe_api(fpe_api_server: FpeApiServer) -> Iterator[FpeApiServer]:
    """The server as new for each test."""
    fpe_api_server.forget()
    yield fpe_api_server
    fpe_api_server.stopping.set()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nothing waits between attempts; the seconds that would have been waited, in order."""
    taken: list[float] = []
    clock = types.SimpleNamespace(sleep=taken.append)
    for module in ("tenacity.nap", "botocore.endpoint"):
        monkeypatch.setattr(f"{module}.time", clock)
    return taken
