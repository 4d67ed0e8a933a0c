"""The tables that stages hand on, as schemas, and the one way to read and write them.

Every table is a CSV file. In memory a timestamp is an instant with the station's time zone; in a
file it is ISO 8601 with its offset, `2024-04-30T07:15:00-04:00`. Hours, months and dates are read
in the station's zone, never in UTC and never in the zone of the machine.

Refused: absent columns, values that are not allowed, timestamps without an offset, ids twice.
"""

import zoneinfo
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from fperank.errors import DataError
from fperank.files import read_json, write_text

RANKS = ("LEFT", "RIGHT", "SAME", "UNKNOWN")
ATTRIBUTES = ("DRY", "DISCONNECTED", "ICE_PARTIAL", "ICE", "BAD")
"""Marks that annotators give to photos."""

OBSERVATION_STATUS = ("approved", "provisional")
SPLITS = ("train", "val", "test-in", "test-out")
LABEL_OF_RANK = {"LEFT": 1, "SAME": 0, "RIGHT": -1}


def _text(*, nullable: bool = False, **more: Any) -> pa.Column:
    return pa.Column("str", nullable=nullable, coerce=True, **more)


def _number() -> pa.Column:
    return pa.Column("float64", nullable=True, coerce=True)


def _time() -> pa.Column:
    zoned = pa.Check(
        lambda series: isinstance(series.dtype, pd.DatetimeTZDtype), name="has a time zone"
    )
    return pa.Column(nullable=False, checks=zoned)


def _table(
    name: str, columns: dict[str, pa.Column], unique: str | None = None
) -> pa.DataFrameSchema:
    return pa.DataFrameSchema(
        columns, name=name, strict="filter", ordered=False, unique=[unique] if unique else None
    )


_IMAGE = {
    "image_id": _text(),
    "timestamp": _time(),
    "filename": _text(),
    "url": _text(nullable=True),
    "value": _number(),
    "attributes": _text(nullable=True),
}
IMAGES = _table("images", _IMAGE, unique="image_id")
"""A station's photos: `value` is the observed value at the photo's time, in the variable's unit.

`attributes` are all the marks that annotators gave to the photo, joined by commas.
"""

_SPLIT = {"split": _text(checks=pa.Check.isin(SPLITS))}
INPUT_IMAGES = _table("input images", {**_SPLIT, **_IMAGE}, unique="image_id")
"""The photos that one model version works with, each with its split."""

PREDICTIONS = _table(
    "predictions",
    {**_SPLIT, **_IMAGE, "score": _number(), "rank_percentile": _number()},
    unique="image_id",
)
"""Every photo of the input with its score, empty where the photo could not be read."""

OBSERVATIONS = _table(
    "observations",
    {
        "timestamp": _time(),
        "value": _number(),
        "status": _text(nullable=True, checks=pa.Check.isin(OBSERVATION_STATUS)),
    },
)
"""Observed values, one a time, in the variable's unit; `status` where the source tells one."""

ANNOTATIONS = _table(
    "annotations",
    {
        "pair_id": _text(),
        "user_id": _text(nullable=True),
        "left_image_id": _text(),
        "left_attributes": _text(nullable=True),
        "right_image_id": _text(),
        "right_attributes": _text(nullable=True),
        "rank": _text(checks=pa.Check.isin(RANKS)),
        "comment": _text(nullable=True),
    },
    unique="pair_id",
)
"""A person's answers; `rank` names the photo that shows more. Attributes are joined by commas."""

DATASET_PAIRS = _table(
    "dataset pairs",
    {
        **ANNOTATIONS.columns,
        "left_timestamp": _time(),
        "left_filename": _text(),
        "left_value": _number(),
        "right_timestamp": _time(),
        "right_filename": _text(),
        "right_value": _number(),
        "delta_value": _number(),
        "avg_value": _number(),
        "rel_delta_value": _number(),
        "true_rank": _text(nullable=True, checks=pa.Check.isin(RANKS)),
    },
    unique="pair_id",
)
"""The annotations with both photos' times and values.

`delta_value` is left minus right, `rel_delta_value` its absolute value over `avg_value`;
`true_rank` is the order of the observed values, empty where one of them is absent.
"""

PAIRS = _table(
    "pairs",
    {
        "split": _text(checks=pa.Check.isin(("train", "val"))),
        "pair_id": _text(),
        "image_id_1": _text(),
        "timestamp_1": _time(),
        "filename_1": _text(),
        "value_1": _number(),
        "image_id_2": _text(),
        "timestamp_2": _time(),
        "filename_2": _text(),
        "value_2": _number(),
        "label": pa.Column("int64", checks=pa.Check.isin((1, 0, -1)), coerce=True),
    },
    unique="pair_id",
)
"""Labelled pairs: 1 photo 1 shows more, -1 photo 2 shows more, 0 no difference. Each pair once."""

EXCLUDED = _table("excluded", {"kind": _text(), "name": _text(), "reason": _text()})
"""What was left out: kind (photo, observation, annotation), which one, and why."""

FAILURES = _table(
    "failures", {"image_id": _text(), "filename": _text(), "reason": _text()}, unique="image_id"
)
"""Photos without a score, and why."""

HISTORY = _table(
    "history",
    {
        "epoch": pa.Column("int64", coerce=True),
        "train_loss": _number(),
        "val_loss": _number(),
        "val_pair_accuracy": _number(),
        "learning_rate": _number(),
        "backbone_frozen": pa.Column("bool", coerce=True),
        "kept": pa.Column("bool", coerce=True),
    },
    unique="epoch",
)
"""Training, one row an epoch, counted from 1; `kept` marks the epoch whose weights are kept."""


class Station(BaseModel):
    """A station as `station.json` tells it. Other keys of the file are carried along."""

    model_config = ConfigDict(frozen=True, extra="allow", coerce_numbers_to_str=True)

    name: str
    timezone: str
    id: str | None = None
    description: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    nwis_id: str | None = None
    waterbody_type: str | None = None

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in zoneinfo.available_timezones():
            raise ValueError(f"{value!r} is not a name of the IANA list such as America/New_York")
        return value


def read_station(path: Path) -> Station:
    """Read `station.json`.

    Raises:
        DataError: the file is absent, is not JSON or lacks a key.
    """
    return station_from(read_json(path), str(path))


def station_from(values: Any, where: str) -> Station:
    """A station from what somebody told of it.

    Args:
        values: a name, a time zone and what else there is.
        where: what to name in an error, such as the file.

    Raises:
        DataError: a key is absent or of a wrong kind.
    """
    try:
        return Station.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{where}: {key}: {first['msg']}") from None


def parse_times(values: pd.Series, timezone: str, where: str) -> pd.Series:
    """Parse ISO 8601 timestamps with offsets to instants in a zone.

    Args:
        values: text, one timestamp each.
        timezone: IANA name of the zone that the result is told in.
        where: what to name in an error, such as `images.csv, column timestamp`.

    Raises:
        DataError: a value is empty, is no timestamp, or has no offset.
    """
    text = values.astype("str").str.strip()
    offset = text.str.contains(r"(?:[Zz]|[+-]\d{2}:?\d{2})$", regex=True)
    times = pd.to_datetime(text.where(offset), format="ISO8601", utc=True, errors="coerce")
    bad = times.isna()
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise DataError(
            f"{where}: line {row + 2} holds {values.iloc[row]!r}: write times as ISO 8601 with "
            "their UTC offset, for example 2024-04-30T07:15:00-04:00"
        )
    return times.dt.tz_convert(timezone).dt.as_unit("us")


def read_table(path: Path, schema: pa.DataFrameSchema, timezone: str) -> pd.DataFrame:
    """Read a table and hold it against its schema.

    Args:
        path: the CSV file.
        schema: one of this module's schemas.
        timezone: IANA name of the station's zone, which the timestamps are told in.

    Raises:
        DataError: the file is absent or does not fit the schema.
    """
    try:
        frame = pd.read_csv(
            path, dtype="str", keep_default_na=False, na_values=[""], encoding="utf-8"
        )
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except pd.errors.EmptyDataError:
        raise DataError(f"{path} is empty: not even a line of column names") from None
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not a CSV file in UTF-8: {error}") from None
    for name in frame.columns.intersection(list(schema.columns)):
        if name.startswith("timestamp") or name.endswith("timestamp"):
            frame[name] = parse_times(frame[name], timezone, f"{path}, column {name}")
        elif str(schema.columns[name].dtype) == "bool":
            frame[name] = frame[name].eq("True")
    return checked(frame, schema, str(path))


def checked(frame: pd.DataFrame, schema: pa.DataFrameSchema, where: str) -> pd.DataFrame:
    """Return the table with the schema's columns and types, in the schema's order.

    Raises:
        DataError: a column is absent or a value is not allowed.
    """
    missing = [name for name in schema.columns if name not in frame.columns]
    if missing:
        raise DataError(
            f"{where}: the column {missing[0]} is missing; columns needed: "
            f"{', '.join(schema.columns)}; columns found: {', '.join(map(str, frame.columns))}"
        )
    try:
        valid: pd.DataFrame = schema.validate(frame[list(schema.columns)])
    except (pa.errors.SchemaError, pa.errors.SchemaErrors) as error:
        raise DataError(f"{where} is not a table of {schema.name}: {error}") from None
    return valid.reset_index(drop=True)


def write_table(frame: pd.DataFrame, schema: pa.DataFrameSchema, path: Path) -> None:
    """Check a table and write it as CSV, whole or not at all; parents are created."""
    out = checked(frame, schema, path.name).copy()
    for name, dtype in out.dtypes.items():
        if isinstance(dtype, pd.DatetimeTZDtype):
            out[name] = iso_times(out[name])
    # Nine digits bring every 32-bit float back exactly.
    write_text(path, out.to_csv(index=False, lineterminator="\n", float_format="%.9g"))


def iso_times(times: pd.Series) -> pd.Series:
    """Tell instants as ISO 8601 with seconds and offset, `2024-04-30T07:15:00-04:00`."""
    # Local time has no floor in the hour that comes twice, when summer time ends.
    utc = times.dt.tz_convert("UTC").dt.floor("s")
    local = utc.dt.tz_convert(times.dt.tz).dt.tz_localize(None)
    ahead = (local - utc.dt.tz_localize(None)).dt.total_seconds()
    ahead_minutes = (ahead / 60).round().astype("int64")
    offsets = {
        minutes: f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
        for minutes in ahead_minutes.unique()
    }
    # Much faster than strftime, which matters from some hundred thousand photos on.
    text = np.datetime_as_string(local.to_numpy(dtype="datetime64[s]"), unit="s")
    told: pd.Series = pd.Series(text, index=times.index, dtype="str") + ahead_minutes.map(offsets)
    return told


def local_dates(times: pd.Series) -> pd.Series:
    """The station-local calendar date of each instant, as `datetime.date`."""
    dates: pd.Series = times.dt.date
    return dates
