"""One small station of the Flow Photo Explorer: the rows of its tables and the files they name.

Tests serve it by a database, by an API, or as a folder. Rows hold Python's own values: instants
with their zone, dicts for JSON, NaN for a value that was empty in the uploaded file.
"""

import csv
import datetime as dt
import io
import json
import math
import random
import uuid
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import ExifTags
from toy import water_photo

from fperank.stations.demo.annotator import answers

Row = dict[str, object]

BUCKET = "fpe-storage"
STATION_ID = 29
STATION_NAME = "West Brook 0 (Lower)"
TIMEZONE = "America/New_York"
USERS = ("3f0c1f6e-54d1-4c7e-9a53-2a2a3a4be001", "8d5a2be1-1f0d-4f3a-b7c9-50c1a79c0002")
MODEL_CODE = "RANK-FLOW-20240424"
VARIABLES = {
    "FLOW_CFS": "Discharge (cfs)",
    "STAGE_FT": "Stage (ft)",
    "WTEMP_C": "Water temperature (deg C)",
    "SNOW_FT": "Snow depth (ft)",
    "CHLA_PPB": "Chlorophyll a (ppb)",
    "ANIMAL_COUNT": "Animals",
    "ICE": "Ice",
    "OTHER": "Other",
}

_CAMERA_ZONE = dt.timezone(dt.timedelta(hours=-5))
# Summer time begins on 10 March; the camera's clock does not follow it.
_START = dt.datetime(2024, 3, 5, 0, 30, tzinfo=_CAMERA_ZONE)
_PHOTO_HOURS = 3
_VALUE_MINUTES = 30
_ADDED = dt.datetime(2024, 6, 1, 12, 0, tzinfo=dt.UTC)
_STAMPS: Row = {"created_at": _ADDED, "updated_at": _ADDED}
_NO_PII: Row = {"pii_person": 0.0, "pii_vehicle": 0.0, "pii_on": None, "pii_off": None}

# By place in the station's photos: those of the first day and one that answers name.
_PII: dict[int, Row] = {
    0: {"pii_person": 0.2},
    1: {"pii_vehicle": 0.79},
    2: {"pii_vehicle": 0.8},
    3: {"pii_person": 0.19, "pii_on": False, "pii_off": False},
    4: {"pii_on": True},
    5: {"pii_person": 0.97, "pii_off": True},
    6: {"pii_person": None, "pii_vehicle": None},
    12: {"pii_person": 0.55, "pii_on": False},
}
_STATUS = {9: "FAILED", 14: "PROCESSING"}
_ANNOTATED_PII_PHOTO = 12


@dataclass
class FpeStation:
    """Rows by table, and the content of the files by key.

    The address of a file is `base_url + "/" + key`, or `s3://BUCKET/key`.
    """

    base_url: str
    stations: list[Row] = field(default_factory=list)
    imagesets: list[Row] = field(default_factory=list)
    images: list[Row] = field(default_factory=list)
    annotations: list[Row] = field(default_factory=list)
    datasets: list[Row] = field(default_factory=list)
    series: list[Row] = field(default_factory=list)
    values: list[Row] = field(default_factory=list)
    variables: list[Row] = field(default_factory=list)
    models: list[Row] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def address(self, key: str) -> Row:
        """The two columns that tell where a file lies."""
        return {"s3": {"Bucket": BUCKET, "Key": key}, "url": f"{self.base_url}/{key}"}


def fpe_station(base_url: str, days: int = 12, seed: int = 1) -> FpeStation:
    """Build the station.

    Args:
        base_url: where the files are served, without a slash at the end.
        days: of photos and flows; at least 6.
        seed: of everything that is drawn by chance.
    """
    rng = random.Random(seed)
    made = FpeStation(base_url)
    made.stations.append(
        {
            "id": STATION_ID,
            "user_id": USERS[0],
            "name": STATION_NAME,
            "description": "Below the road bridge",
            "latitude": 42.41,
            "longitude": -72.63,
            "timezone": TIMEZONE,
            "metadata": {"camera": "trail"},
            "private": False,
            "nwis_id": "01171100",
            "waterbody_type": "ST",
            "status": "ACTIVE",
            "annotation_priority": False,
            **_STAMPS,
        }
    )
    made.variables += [{"id": one, "description": told} for one, told in VARIABLES.items()]
    flow = _flow(rng, days)
    _add_values(made, flow, days, rng)
    _add_photos(made, flow, days, rng)
    _add_annotations(made, flow, days, rng, seed)
    return made


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _flow(rng: random.Random, days: int) -> Callable[[dt.datetime], float]:
    """Flow in cfs of an instant: a low base and two floods."""
    peaks = [days * (0.3 + 0.04 * rng.random()), days * (0.72 + 0.04 * rng.random())]

    def flow(time: dt.datetime) -> float:
        day = (time - _START).total_seconds() / 86400
        log = 0.4 + 0.15 * math.sin(day)
        log += sum(1.6 * math.exp(-(((day - peak) / (days / 14)) ** 2)) for peak in peaks)
        return float(f"{10**log:.4g}")

    return flow


def _add_values(
    made: FpeStation, flow: Callable[[dt.datetime], float], days: int, rng: random.Random
) -> None:
    for number, status in ((71, "DONE"), (72, "FAILED")):
        key_uuid = _uuid(rng)
        address = made.address(f"datasets/{key_uuid}/flow.csv")
        made.datasets.append(
            {
                "id": number,
                "station_id": STATION_ID,
                "uuid": key_uuid,
                "status": status,
                "filename": "flow.csv",
                "config": {
                    "timestamp": {"column": "time", "timeColumn": None, "utcOffset": -5},
                    "variables": [
                        {"id": "FLOW_CFS", "column": "q", "flag": "", "scale": 1, "offset": 0}
                    ],
                },
                "url": address["url"],
                "s3": address["s3"],
                "start_timestamp": _START,
                "end_timestamp": _START + dt.timedelta(days=days),
                "n_rows": days * 24 * 60 // _VALUE_MINUTES,
                **_STAMPS,
            }
        )
    made.series += [
        {"id": 501, "dataset_id": 71, "variable_id": "FLOW_CFS"},
        {"id": 502, "dataset_id": 71, "variable_id": "WTEMP_C"},
    ]
    gap = range(int(days * 0.8) * 48 + 20, int(days * 0.8) * 48 + 36)
    for place in range(-4, days * 48 + 4):
        time = _START + dt.timedelta(minutes=place * _VALUE_MINUTES)
        value, flag = flow(time), None
        if place in (30, 31, 150):
            value, flag = 99999.0, "E"
        elif place == 77:
            value = math.nan
        if place not in gap:
            made.values.append(_value(len(made.values), 501, time, value, flag))
        if place % 8 == 0:
            made.values.append(_value(len(made.values), 502, time, 4.5 + 0.01 * place, None))


def _value(place: int, series: int, time: dt.datetime, value: float, flag: str | None) -> Row:
    return {
        "id": 9000 + place,
        "series_id": series,
        "date": time.astimezone(zoneinfo.ZoneInfo(TIMEZONE)).date(),
        "timestamp": time.astimezone(dt.UTC),
        "value": value,
        "flag": flag,
    }


def _add_photos(
    made: FpeStation, flow: Callable[[dt.datetime], float], days: int, rng: random.Random
) -> None:
    half = days * 24 // _PHOTO_HOURS // 2
    # The failed set has photos of days that the station has no others of.
    sets = ((101, "DONE", 0, half), (102, "DONE", half, 2 * half), (103, "FAILED", 2 * half, None))
    for imageset_id, status, first, end in sets:
        set_uuid = _uuid(rng)
        places = range(first, 2 * half + 3 if end is None else end)
        times = [_START + dt.timedelta(hours=place * _PHOTO_HOURS) for place in places]
        made.imagesets.append(
            {
                "id": imageset_id,
                "station_id": STATION_ID,
                "uuid": set_uuid,
                "status": status,
                "error_message": "A photo could not be read" if status == "FAILED" else None,
                "config": {"timestamp": {"utcOffset": -5}},
                "metadata": None,
                "n_images": len(places),
                "n_failed": sum(place in _STATUS for place in places),
                "start_timestamp": times[0].astimezone(dt.UTC),
                "end_timestamp": times[-1].astimezone(dt.UTC),
                "pii_status": "DONE",
                **_STAMPS,
            }
        )
        for number, (place, time) in enumerate(zip(places, times, strict=True), start=1):
            name = f"IMG_{number:04d}.JPG"
            key = f"imagesets/{set_uuid}/images/{name}"
            full, thumb = made.address(key), made.address(key.replace("/images/", "/thumbs/"))
            made.images.append(
                {
                    "id": 664000 + place,
                    "imageset_id": imageset_id,
                    "filename": name,
                    "timestamp": time.astimezone(dt.UTC),
                    "width": 64,
                    "height": 48,
                    "full_s3": full["s3"],
                    "full_url": full["url"],
                    "thumb_s3": thumb["s3"],
                    "thumb_url": thumb["url"],
                    "status": _STATUS.get(place, "DONE"),
                    "error_message": "Not a JPEG file" if place in _STATUS else None,
                    "pii_animal": 0.0,
                    **_NO_PII,
                    "pii_detections": None,
                    **_STAMPS,
                    **_PII.get(place, {}),
                }
            )
            made.files[key] = _jpeg(math.log10(flow(time)) / 2.4, place, time)


def _jpeg(level: float, seed: int, time: dt.datetime) -> bytes:
    exif = ExifTags.IFD.Exif
    photo = water_photo(level, seed=seed, size=(64, 48))
    tags = photo.getexif()
    tags.get_ifd(exif)[ExifTags.Base.DateTimeOriginal] = f"{time:%Y:%m:%d %H:%M:%S}"
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=90, exif=tags)
    return buffer.getvalue()


def usable_photos(made: FpeStation) -> list[Row]:
    """The photos that every source must give: DONE, of sets that are DONE, without PII."""
    done = {one["id"] for one in made.imagesets if one["status"] == "DONE"}
    pii = {664000 + place for place in (0, 2, 4, _ANNOTATED_PII_PHOTO)}
    return [
        photo
        for photo in made.images
        if photo["imageset_id"] in done and photo["status"] == "DONE" and photo["id"] not in pii
    ]


def _add_annotations(
    made: FpeStation,
    flow: Callable[[dt.datetime], float],
    days: int,
    rng: random.Random,
    seed: int,
) -> None:
    zone = zoneinfo.ZoneInfo(TIMEZONE)
    photos = [
        photo for photo in usable_photos(made) if 7 <= photo["timestamp"].astimezone(zone).hour < 19
    ]
    answering = np.random.default_rng(seed)
    marks = (["BAD"], ["ICE"], ["DRY"], ["ICE_PARTIAL", "DRY"], ["ICE"])
    marked = dict(zip(rng.sample([photo["id"] for photo in photos], 5), marks, strict=True))
    submissions: list[tuple[int, str, Row]] = [
        (301, USERS[1], {}),
        (302, USERS[0], {"flag": True}),
        (303, USERS[0], {"training": True}),
        (304, USERS[1], {"status": "CREATED"}),
        (305, USERS[1], {"variable": "STAGE"}),
        (308, USERS[0], {}),
    ]
    published: list[Row] = []
    for annotation_id, user_id, different in submissions:
        pairs = [rng.sample(photos, 2) for _ in range(7 if different else 70)]
        if annotation_id == 301:
            pii = made.images[_ANNOTATED_PII_PHOTO]
            pairs[4] = [pii, photos[0]]
        flows = [[flow(photo["timestamp"]) for photo in pair] for pair in pairs]
        ranks = [str(rank) for rank in answers(*np.array(flows).T, answering)]
        sides = [
            [{"imageId": photo["id"], "attributes": marked.get(photo["id"], [])} for photo in pair]
            for pair in pairs
        ]
        comments = [
            "fog on the left, I think" if place == 2 else None for place in range(len(pairs))
        ]
        content = [
            {"left": left, "right": right, "rank": rank, "comment": comment}
            for (left, right), rank, comment in zip(sides, ranks, comments, strict=True)
        ]
        submission_uuid = _uuid(rng)
        address = made.address(f"annotations/{submission_uuid}.json")
        row: Row = {
            "id": annotation_id,
            "user_id": user_id,
            "station_id": STATION_ID,
            "uuid": submission_uuid,
            "status": "DONE",
            "duration_sec": 600.0 + annotation_id,
            "n": len(pairs),
            "n_daytime": len(pairs),
            "url": address["url"],
            "s3": address["s3"],
            "flag": False,
            "training": False,
            "training_total": None,
            "training_completed": None,
            "training_dataset_url": None,
            "variable": "FLOW",
            **_STAMPS,
            **different,
        }
        made.annotations.append(row)
        made.files[address["s3"]["Key"]] = json.dumps(content).encode()
        if not different:
            published += _published(made, row, content, flow)
    _add_model(made, published, rng)


def _published(
    made: FpeStation, row: Row, content: list[Row], flow: Callable[[dt.datetime], float]
) -> list[Row]:
    """The answers of one submission as a model's `annotations.csv` tells them.

    Columns as the seed's rank-dataset.R joins them, rows by Python's csv writer with empty cells
    where readr 2's write_csv is called with na = "".
    """
    photos = {photo["id"]: photo for photo in usable_photos(made)}
    rows = []
    for position, entry in enumerate(content, start=1):
        told: Row = {
            "annotation_id": row["id"],
            "user_id": row["user_id"],
            "station_id": STATION_ID,
            "station_name": STATION_NAME,
            "duration_sec": row["duration_sec"],
            "n": row["n"],
            "url": row["url"],
            "rank": entry["rank"],
            "comment": entry["comment"] or "",
        }
        values = []
        for side in ("left", "right"):
            told[f"{side}.imageId"] = entry[side]["imageId"]
            told[f"{side}.attributes"] = ",".join(entry[side]["attributes"])
        told["pair_id"] = position
        for side in ("left", "right"):
            photo = photos.get(entry[side]["imageId"])
            values.append(flow(photo["timestamp"]) if photo else math.nan)
            told[f"{side}.timestamp"] = f"{photo['timestamp']:%Y-%m-%dT%H:%M:%SZ}" if photo else ""
            told[f"{side}.value"] = values[-1] if photo else ""
            told[f"{side}.url"] = photo["full_url"] if photo else ""
            told[f"{side}.filename"] = photo["full_s3"]["Key"] if photo else ""
        left, right = values
        known = not math.isnan(left + right)
        told["delta_value"] = left - right if known else ""
        told["avg_value"] = (left + right) / 2 if known else ""
        told["rel_delta_value"] = abs(left - right) / ((left + right) / 2) if known else ""
        order = "LEFT" if left > right else "RIGHT" if left < right else "SAME"
        told["true_rank"] = order if known else ""
        told["data_nrow"] = 2 if known else 1
        rows.append(told)
    return rows


def _add_model(made: FpeStation, published: list[Row], rng: random.Random) -> None:
    model_uuid = _uuid(rng)
    folder = f"{made.base_url}/models/{model_uuid}"
    made.models.append(
        {
            "id": 11,
            "station_id": STATION_ID,
            "model_type_id": "RANK",
            "variable_id": "FLOW_CFS",
            "code": MODEL_CODE,
            "uuid": model_uuid,
            "default": True,
            "diagnostics_url": f"{folder}/{MODEL_CODE}.html",
            "predictions_url": f"{folder}/predictions.csv",
            "status": "DONE",
            **_STAMPS,
        }
    )
    text = io.StringIO()
    table = csv.DictWriter(text, list(published[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(published)
    made.files[f"models/{model_uuid}/annotations.csv"] = text.getvalue().encode()


def without_clock(path: Path) -> bytes:
    """A file's bytes; of a table of photos without its last column, which differs by source."""
    content = path.read_bytes()
    if not content.partition(b"\n")[0].endswith(b",clock"):
        return content
    return pd.read_csv(path, dtype="str").drop(columns="clock").to_csv(index=False).encode()
