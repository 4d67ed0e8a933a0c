"""The demo station: a simulated brook, written as a user's own folder of photos and files.

The demo walks the users' way: JPEG photos with EXIF times, `observations.csv`, `annotations.json`
as the Flow Photo Explorer writes it, and `station.json`, all read back by the `folder` source. The
gauge's record has the usual faults: flagged wrong values, a gap, a time that stands twice.

Refused: more annotations than the annotated photos have pairs.
"""

import contextlib
import csv
import datetime as dt
import io
import shutil
import threading
import zoneinfo
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image
from tqdm import tqdm

from fperank.ground.errors import ParameterError
from fperank.ground.files import write_bytes, write_json, write_text
from fperank.stations import own_folder
from fperank.stations.base import Excluded
from fperank.stations.demo.annotator import answers
from fperank.stations.demo.scene import Scene
from fperank.stations.demo.weather import (
    LATITUDE_DEGREES,
    Conditions,
    simulate_conditions,
    simulate_discharge,
)

START = dt.datetime(2022, 10, 1)
"""First midnight of the record, by the camera's clock."""

CAMERA_ZONE = dt.timezone(dt.timedelta(hours=-5))
"""The camera's clock stays at this offset: it knows no summer time."""

ANNOTATED_SHARE = 0.7
"""Share of the days, from the start, whose photos are compared; the later ones test."""

_AWAKE_HOURS = (5, 20)
_ANNOTATED_HOURS = range(7, 19)
_PAIRS_A_PHOTO = 2.5
_JPEG_QUALITY = 85
_LONGITUDE_DEGREES = -72.7
_DESCRIPTION = (
    "Not a real place: a brook drawn by fperank for demonstration. Its discharge, its photos and "
    "the annotator's answers are all simulated."
)

# Each random matter has a stream of its own: a change of one leaves the others' bytes alone.
_DISCHARGE, _CONDITIONS, _PHOTOS, _GAUGE, _PAIRS = range(5)


def write_demo_station(
    folder: Path,
    *,
    days: int,
    interval_minutes: int,
    annotations: int,
    seed: int,
    name: str,
    timezone: str,
) -> None:
    """Write a simulated station as a folder of photos and files.

    Writes `images/<YYYY-MM>/DEMO_<nnnn>.JPG`, `observations.csv`, `annotations.json` and
    `station.json`. The same arguments give the same bytes.

    Args:
        folder: where to write; created if absent.
        days: length of the record from 2022-10-01.
        interval_minutes: time from photo to photo; the camera sleeps from 20:00 to 05:00.
        annotations: photo pairs to compare, within the first 70 % of the days.
        seed: of everything random.
        name: the station's name.
        timezone: IANA name of the station's zone.

    Raises:
        ParameterError: there are fewer photo pairs than `annotations`.
    """
    rng = np.random.default_rng([abs(seed), _DISCHARGE])
    hours, discharge_cfs = simulate_discharge(START, days, rng)
    clocks = _photo_clocks(days, interval_minutes)
    since = [(clock - START).total_seconds() / 3600 for clock in clocks]
    flows = np.exp(np.interp(since, hours, np.log(discharge_cfs)))
    conditions = simulate_conditions(clocks, np.random.default_rng([abs(seed), _CONDITIONS]))
    digits = max(4, len(str(len(clocks))))
    image_ids = [
        f"{clock:%Y-%m}/DEMO_{number:0{digits}d}.JPG" for number, clock in enumerate(clocks, 1)
    ]

    entries = _annotate(image_ids, flows, conditions, days, annotations, seed, timezone)
    write_json(
        {
            "name": name,
            "timezone": timezone,
            "latitude": LATITUDE_DEGREES,
            "longitude": _LONGITUDE_DEGREES,
            "description": _DESCRIPTION,
            "waterbody_type": "ST",
        },
        folder / own_folder.STATION,
    )
    write_json(entries, folder / own_folder.ANSWERS_JSON)
    write_text(folder / own_folder.OBSERVATIONS, _gauge_record(hours, discharge_cfs, seed))

    scene = Scene(abs(seed))

    def write_photo(index: int) -> None:
        rng = np.random.default_rng([abs(seed), _PHOTOS, index])
        photo = scene.draw(float(flows[index]), conditions[index], rng)
        write_bytes(folder / own_folder.PHOTOS / image_ids[index], _jpeg(photo, clocks[index]))

    # Threads, because numpy and Pillow let go of the interpreter's lock; photos are independent.
    with ThreadPoolExecutor(max_workers=2) as pool:
        drawn = pool.map(write_photo, range(len(clocks)))
        for _ in tqdm(drawn, "drawing photos", len(clocks), leave=False, disable=None):
            pass


class DemoFolder:
    """The demo station's folder, written afresh when it is first opened.

    Args:
        path: where to write; what lies there is replaced.
        draw: writes the station into a folder, see `write_demo_station`.
    """

    def __init__(self, path: Path, draw: Callable[[Path], None]) -> None:
        self._path = path
        self._draw = draw
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def opened(self) -> Iterator[Path]:
        """The folder."""
        with self._lock:
            folder = self._written
        yield folder

    def skipped(self) -> Excluded:
        """None."""
        return []

    @cached_property
    def _written(self) -> Path:
        if self._path.exists():
            shutil.rmtree(self._path)
        self._draw(self._path)
        return self._path


def _photo_clocks(days: int, interval_minutes: int) -> list[dt.datetime]:
    """The camera's clock at each photo: one an interval, day and night, less those asleep.

    The first is at noon, so that an interval of a whole day does not fall into the camera's sleep.
    """
    wakes, sleeps = (dt.time(hour) for hour in _AWAKE_HOURS)
    first, ends = START + dt.timedelta(hours=12), START + dt.timedelta(days=days)
    steps = -(-(ends - first) // dt.timedelta(minutes=interval_minutes))
    clocks = [first + dt.timedelta(minutes=interval_minutes * step) for step in range(steps)]
    return [clock for clock in clocks if wakes <= clock.time() <= sleeps]


def _jpeg(photo: npt.NDArray[np.uint8], clock: dt.datetime) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "fperank"
    exif[ExifTags.Base.Model] = "Demo trail camera"
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeOriginal] = f"{clock:%Y:%m:%d %H:%M:%S}"
    buffer = io.BytesIO()
    Image.fromarray(photo).save(
        buffer, "JPEG", quality=_JPEG_QUALITY, subsampling="4:2:0", exif=exif
    )
    return buffer.getvalue()


def _gauge_record(
    hours: npt.NDArray[np.float64], discharge_cfs: npt.NDArray[np.float64], seed: int
) -> str:
    """`observations.csv`: the discharge as a gauge would record it, with a gauge's faults."""
    rng = np.random.default_rng([abs(seed), _GAUGE])
    values = discharge_cfs * np.exp(rng.normal(0, 0.01, hours.size))
    flags = [""] * hours.size
    for index in rng.choice(hours.size, 6, replace=False):
        values[index] *= rng.uniform(6, 20)
        flags[index] = "SPIKE"
    gap_begins = int(hours.size * rng.uniform(0.2, 0.8))
    gap = range(gap_begins, gap_begins + 26)
    twice = gap_begins + 40
    rows = io.StringIO()
    table = csv.writer(rows, lineterminator="\n")
    table.writerow(["timestamp", "value", "flag"])
    for index, hour in enumerate(hours.tolist()):
        if index in gap:
            continue
        time = (START + dt.timedelta(hours=hour)).replace(tzinfo=CAMERA_ZONE).isoformat()
        table.writerow([time, f"{values[index]:.4g}", flags[index]])
        if index == twice:
            table.writerow([time, f"{values[index] * 1.02:.4g}", flags[index]])
    return rows.getvalue()


def _annotate(
    image_ids: Sequence[str],
    flows: npt.NDArray[np.float64],
    conditions: Sequence[Conditions],
    days: int,
    annotations: int,
    seed: int,
    timezone: str,
) -> list[dict[str, Any]]:
    """`annotations.json`: answers to random pairs among a part of the annotated period's photos."""
    rng = np.random.default_rng([abs(seed), _PAIRS])
    ends = START + dt.timedelta(days=ANNOTATED_SHARE * days)
    zone = zoneinfo.ZoneInfo(timezone)
    shown = [
        index
        for index, photo in enumerate(conditions)
        if photo.clock < ends
        and photo.clock.replace(tzinfo=CAMERA_ZONE).astimezone(zone).hour in _ANNOTATED_HOURS
    ]
    # A photo is compared several times, as in practice, and has to be read only once in training.
    used = min(max(round(annotations / _PAIRS_A_PHOTO), 2), len(shown))
    while used < len(shown) and used * (used - 1) // 2 < annotations:
        used += 1
    possible = used * (used - 1) // 2
    if annotations > possible:
        raise ParameterError(
            f"demo_annotations is {annotations}: the {len(shown)} daytime photos of the first "
            f"{ANNOTATED_SHARE:.0%} of the days make only {possible} pairs; lower "
            "demo_annotations, or raise demo_days"
        )
    photos = rng.permutation(shown)[:used]
    first, second = np.triu_indices(used, 1)
    chosen = rng.choice(possible, annotations, replace=False)
    pairs = np.column_stack([photos[first[chosen]], photos[second[chosen]]])
    pairs = rng.permuted(pairs, axis=1)
    ranks = answers(flows[pairs[:, 0]], flows[pairs[:, 1]], rng)
    sides = [
        {"imageId": image_id, "attributes": _attributes(photo)}
        for image_id, photo in zip(image_ids, conditions, strict=True)
    ]
    return [
        {"left": sides[left], "right": sides[right], "rank": str(rank), "comment": None}
        for (left, right), rank in zip(pairs.tolist(), ranks, strict=True)
    ]


def _attributes(photo: Conditions) -> list[str]:
    """What a person would tick beside a photo. The brook never falls dry nor freezes over."""
    shown = {"ICE_PARTIAL": photo.ice > 0.35, "BAD": photo.fog > 0.6}
    return [name for name, seen in shown.items() if seen]
