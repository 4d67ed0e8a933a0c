"""Which column of a table holds the observed values, and what other columns say of every row.

A table of a gauge may hold several quantities side by side, or several below one another. A column
is taken by its name, or because no other could be meant; never because the others hold a word such
as "Ice" among their numbers, and never if its name says another quantity or a day's extreme. Names
count without their capitals, spaces and signs: `Date Time`, `date_time` and `DATE-TIME` are one.

Refused: no column of times or values, or several that could be meant.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fperank.ground.errors import DataError
from fperank.stations.observed.numbers import numbers_of
from fperank.stations.observed.quantities import foreign_words, says_extreme
from fperank.stations.observed.units import split_unit

FLAGS = {"flag", "flags", "flagged", "exclude"}
STATUSES = {
    "status", "approval_status", "approval", "approvals", "approval_cd", "approval_code",
    "approval_level",
}  # fmt: skip
QUALITIES = {
    "qualifier", "qualifiers", "quality", "quality_code", "quality_flag", "data_quality", "qc",
    "qc_flag", "qaqc", "qa_qc", "grade", "grade_code", "remark", "remarks", "symbol",
}  # fmt: skip
UNITS = {
    "unit", "units", "uom", "unit_of_measure", "units_of_measure", "unit_code", "value_unit",
    "value_units", "measure_unit",
}  # fmt: skip
ZONES = {"tz_cd", "tz", "timezone", "time_zone", "utc_offset", "tz_offset", "timezone_code"}
_ROW_KINDS = re.compile(
    r"(usgs_)?(parameter|param)(_?(code|cd|name|id))?|p_?(code|cd)|stat(istic)?(_?(code|cd|id|name))?"
    r"|variable(_?(code|id|name))?|characteristic(_?name)?|observed_property|sensor(_?(id|name))?"
    r"|type|measurement_type|(time_?)?series(_?(id|name))?"
    r"|(monitoring_)?location(_?(id|code|no|name))?"
    r"|(site|station)(_?(id|no|code|number|name))?|agency(_?(cd|code))?|device(_?(id|name))?"
)
"""Columns that say what a row is; site numbers and codes are numbers too, and no values."""

_TIMES = (
    {"timestamp"},
    {"datetime", "date_time", "date_and_time", "time_stamp"},
    {"iso_8601_utc", "timestamp_utc", "datetime_utc", "date_time_utc"},
)
"""Names of a column of times, those first that count more; others end with these words."""

# The words that tables use, those of USGS among them.
_WORDS = {
    "FLOW_CFS": {"discharge", "flow", "streamflow", "q", "00060"},
    "STAGE_FT": {"stage", "level", "height", "gage", "gauge", "00065"},
    "SNOW_FT": {"snow"},
    "ICE": {"ice"},
    "CHLA_PPB": {"chla", "chlorophyll"},
    "ANIMAL_COUNT": {"animals", "count"},
}


def plain_name(column: str) -> str:
    """A column's name in lower case, its words joined by underscores: `date_time`."""
    spread = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column.strip())
    return "_".join(word for word in re.split(r"[^0-9a-z]+", spread.lower()) if word)


@dataclass(frozen=True)
class TimeColumns:
    """Where a table's times stand.

    Attributes:
        name: the column of times, or of days.
        clock: a column of times of day beside it, or "".
        zone: a column of zones or offsets, or "".
    """

    name: str
    clock: str
    zone: str


def time_columns(frame: pd.DataFrame, path: Path) -> TimeColumns:
    """Find the columns of times.

    Raises:
        DataError: there is none, or several could be meant.
    """
    plain = {str(name): plain_name(str(name)) for name in frame.columns if name}
    zone = next((name for name, key in plain.items() if key in ZONES), "")
    others = [name for name in plain if name != zone]
    dates = [name for name in others if plain[name] in {"date", "day", "dates"}]
    clocks = [name for name in others if plain[name] in {"time", "hour", "time_of_day"}]
    for keys in _TIMES:
        if len(named := [name for name in others if plain[name] in keys]) == 1:
            return TimeColumns(named[0], "", zone)
    if len(dates) == 1 and len(clocks) == 1:
        return TimeColumns(dates[0], clocks[0], zone)
    for one in ([name for name in clocks if plain[name] == "time"], dates):
        if len(one) == 1:
            return TimeColumns(one[0], "", zone)
    words = [name for name in others if _says_time(plain[name])]
    if len(words) == 1:
        return TimeColumns(words[0], "", zone)
    found = ", ".join(frame.columns)
    if words:
        raise DataError(
            f"{path}: the columns {', '.join(words)} could each hold the times: name one timestamp"
        )
    raise DataError(
        f"{path}: no column of times; name it timestamp, datetime or time; columns found: {found}. "
        "If the columns' names stand further down, remove the lines above them"
    )


def _says_time(plain: str) -> bool:
    words = set(plain.split("_"))
    return bool(words & {"timestamp", "datetime"}) or {"date", "time"} <= words


def column_among(frame: pd.DataFrame, names: set[str]) -> str:
    """The first column whose plain name is one of some; "" without one."""
    return next((str(name) for name in frame.columns if plain_name(str(name)) in names), "")


def columns_among(frame: pd.DataFrame, names: set[str]) -> list[str]:
    """Likewise, all of them."""
    return [str(name) for name in frame.columns if plain_name(str(name)) in names]


def kind_columns(frame: pd.DataFrame) -> list[str]:
    """The columns that say what a row is, by words or whole numbers; fractions are measured."""
    return [
        str(name)
        for name in frame.columns
        if _ROW_KINDS.fullmatch(plain_name(str(name)))
        and not frame[name].str.fullmatch(r"[+-]?\d*[.,]\d+").any()
    ]


def value_column(
    frame: pd.DataFrame, variable_id: str, times: TimeColumns, wanted: str, path: Path
) -> str:
    """The name of the column of values.

    Args:
        frame: the table as text.
        variable_id: a key of `VARIABLES`.
        times: its columns of times.
        wanted: the parameter observations_column, or "".
        path: what to name in an error.

    Raises:
        DataError: there is none, or several could be meant.
    """
    if wanted:
        named = [name for name in frame.columns if plain_name(name) == plain_name(wanted)]
        if wanted in frame.columns or len(named) == 1:
            return wanted if wanted in frame.columns else named[0]
        raise DataError(
            f"{path}: observations_column is {wanted!r}, but there is no such column; columns "
            f"found: {', '.join(frame.columns)}"
        )
    known = FLAGS | STATUSES | QUALITIES | UNITS | ZONES
    plain = {
        str(name): plain_name(str(name))
        for name in frame.columns
        if str(name) not in {times.name, times.clock}
    }
    others = [name for name, key in plain.items() if key and key not in known]
    for exact in ("value", variable_id.lower()):
        if len(named := [name for name in others if plain[name] == exact]) == 1:
            return named[0]
    kinds = kind_columns(frame)
    with_numbers = [
        name
        for name in others
        if name not in kinds
        and not _says_time(plain[name])
        and not says_extreme(name)
        and np.isfinite(numbers_of(frame[name])).any()
    ]
    for wished in ({"value"}, _WORDS.get(variable_id, set())):
        named = [name for name in with_numbers if wished & set(_words(name))]
        if len(named) == 1:
            return named[0]
        if named:
            raise DataError(_unclear(path, variable_id, named))
    possible = [name for name in with_numbers if not foreign_words(name, variable_id)]
    if len(possible) != 1:
        raise DataError(_unclear(path, variable_id, possible, list(frame.columns)))
    return possible[0]


def beside(frame: pd.DataFrame, column: str, path: Path) -> pd.DataFrame:
    """The table with, of columns of one name, that which belongs to the values under this name.

    Tables with two quantities give each its own grade and approval, to the right of it. The others
    keep a name with their number, `Grade #1`.

    Args:
        frame: the table as text; a name that stands there again is `Grade #2` and so on.
        column: its column of values.
        path: what to name in an error.

    Raises:
        DataError: the values' own name stands there twice.
    """
    names = [str(name) for name in frame.columns]
    groups: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        groups.setdefault(re.sub(r" #\d+$", "", name), []).append(place)
    at = names.index(column)
    for name, places in groups.items():
        if len(places) == 1:
            continue
        if at in places:
            raise DataError(f"{path} has the column {name} twice: remove or rename one of them")
        own = next((place for place in places if place > at), places[0])
        for number, place in enumerate(places, 1):
            names[place] = name if place == own else f"{name} #{number}"
    return frame.set_axis(names, axis="columns")


def says_values(column: str, variable_id: str) -> bool:
    """Whether a column's name says that it holds values of the variable, or names a unit alone."""
    words = {"value", *_words(variable_id), *_WORDS.get(variable_id, set())}
    return bool(words & set(_words(column))) or split_unit(column) != (column.lower(), "")


def _words(name: str) -> list[str]:
    return plain_name(split_unit(name)[0]).split("_")


def _unclear(
    path: Path, variable_id: str, named: list[str], columns: list[str] | None = None
) -> str:
    wish = f"name it value or {variable_id.lower()}, or set observations_column to its name"
    if not named:
        return f"{path}: no column of values; {wish}; columns found: {', '.join(columns or [])}"
    return f"{path}: the columns {', '.join(named)} could each hold the values: {wish}"
