"""Tables as schemas, and the one way to read and write them; each hand-over has its own schemas.

Every table is a CSV file. In memory a timestamp is an instant with the station's time zone; in a
file it is ISO 8601 with its offset, `2024-04-30T07:15:00-04:00`. Hours, months and dates are read
in the station's zone, never in UTC and never in the zone of the machine.

Refused: absent columns, values that are not allowed, timestamps without an offset, ids twice.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa

from fperank.ground.cells import plain_cells
from fperank.ground.errors import DataError
from fperank.ground.files import csv_text, write_text
from fperank.ground.numbers import DIGITS

Schema = pa.DataFrameSchema
RANKS = ("LEFT", "RIGHT", "SAME", "UNKNOWN")
"""A person's answers: which photo of a pair shows more."""

LABEL_OF_RANK = {"LEFT": 1, "SAME": 0, "RIGHT": -1}
"""What the network learns from an answer; UNKNOWN teaches nothing."""

ATTRIBUTES = ("DRY", "DISCONNECTED", "ICE_PARTIAL", "ICE", "BAD")
"""Marks that annotators give to photos."""

SPLITS = ("train", "val", "test-in", "test-out")


def text_column(*, nullable: bool = False, among: tuple[str, ...] = ()) -> pa.Column:
    """A column of text, of some words only where they are given."""
    checks = pa.Check.isin(among) if among else None
    return pa.Column("str", nullable=nullable, coerce=True, checks=checks)


def number_column() -> pa.Column:
    """A column of numbers, which may be absent."""
    return pa.Column("float64", nullable=True, coerce=True)


def count_column(among: tuple[int, ...] = ()) -> pa.Column:
    """A column of whole numbers, of some only where they are given."""
    checks = pa.Check.isin(among) if among else None
    return pa.Column("int64", coerce=True, checks=checks)


def truth_column() -> pa.Column:
    """A column of True and False."""
    return pa.Column("bool", coerce=True)


def time_column() -> pa.Column:
    """A column of instants in a time zone."""
    zoned = pa.Check(
        lambda series: isinstance(series.dtype, pd.DatetimeTZDtype), name="has a time zone"
    )
    return pa.Column(nullable=False, checks=zoned)


def table_schema(name: str, columns: dict[str, pa.Column], unique: str | None = None) -> Schema:
    """A table's schema; further columns of a file are left behind."""
    return Schema(
        columns, name=name, strict="filter", ordered=False, unique=[unique] if unique else None
    )


IMAGE_COLUMNS = {
    "image_id": text_column(),
    "timestamp": time_column(),
    "filename": text_column(),
    "url": text_column(nullable=True),
    "value": number_column(),
    "attributes": text_column(nullable=True),
    "quality": text_column(nullable=True),
}
"""A photo: `value` is the observed value at its time, in the variable's unit.

`attributes` are all the marks that annotators gave to the photo, joined by commas; `quality` those
that its picture gave it, see `fperank.quality.judge`.
"""


def parse_times(values: pd.Series, timezone: str, where: str) -> pd.Series:
    """Parse ISO 8601 timestamps with offsets to instants in a zone.

    Args:
        values: text, one timestamp each; an index called `line` holds the lines of the file.
        timezone: IANA name of the zone that the result is in.
        where: what to name in an error, such as `images.csv, column timestamp`.

    Raises:
        DataError: a value is empty, is no timestamp, or has no offset.
    """
    text = values.astype("str").str.strip()
    # Hours alone, as PostgreSQL writes them, only behind a time: a date ends likewise.
    offset = text.str.contains(r"(?:[Zz]|[+-]\d{2}:?\d{2}|:[\d.:]*[+-]\d{2})$", regex=True)
    times = pd.to_datetime(text.where(offset), format="ISO8601", utc=True, errors="coerce")
    bad = times.isna()
    if bad.any():
        row = int(bad.to_numpy().argmax())
        line = values.index[row] if values.index.name == "line" else row + 2
        raise DataError(
            f"{where}: line {line} holds {values.iloc[row]!r}: write times as ISO 8601 with "
            "their UTC offset, for example 2024-04-30T07:15:00-04:00"
        )
    return times.dt.tz_convert(timezone).dt.as_unit("us")


def read_table(path: Path, schema: Schema, timezone: str) -> pd.DataFrame:
    """Read a table and hold it against its schema.

    Args:
        path: the CSV file.
        schema: one of this module's schemas.
        timezone: IANA name of the station's zone, which the timestamps get.

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
    frame = plain_cells(frame)
    for name in frame.columns.intersection(list(schema.columns)):
        if name.startswith("timestamp") or name.endswith("timestamp"):
            frame[name] = parse_times(frame[name], timezone, f"{path}, column {name}")
        elif str(schema.columns[name].dtype) == "bool":
            frame[name] = frame[name].eq("True")
    return checked(frame, schema, str(path))


def checked(frame: pd.DataFrame, schema: Schema, where: str) -> pd.DataFrame:
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


def write_table(frame: pd.DataFrame, schema: Schema, path: Path, digits: int = DIGITS) -> None:
    """Check a table and write it as CSV, whole or not at all; parents are created.

    Args:
        frame: the table.
        schema: what it must be.
        path: the file.
        digits: significant digits of fractions, see `ground.numbers`.
    """
    out = checked(frame, schema, path.name).copy()
    for name, dtype in out.dtypes.items():
        if isinstance(dtype, pd.DatetimeTZDtype):
            out[name] = iso_times(out[name])
    write_text(path, csv_text(out, digits))


def iso_times(times: pd.Series) -> pd.Series:
    """Instants as ISO 8601 with seconds and offset, `2024-04-30T07:15:00-04:00`."""
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
    stamps: pd.Series = pd.Series(text, index=times.index, dtype="str")
    stamps += ahead_minutes.map(offsets)
    return stamps


def local_dates(times: pd.Series) -> pd.Series:
    """The station-local calendar date of each instant, as `datetime.date`."""
    dates: pd.Series = times.dt.date
    return dates
