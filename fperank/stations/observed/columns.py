"""Which column of a table holds the observed values, and what other columns say of every row.

A table of a gauge may hold several quantities side by side, or several below one another. A column
is taken by its name, or because no other could be meant; never because the others hold a word such
as "Ice" among their numbers.

Refused: no column of values, or several that could be meant; rows of several quantities, statistics
or units.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from fperank.ground.errors import DataError
from fperank.stations.observed.numbers import numbers_of
from fperank.stations.observed.units import split_unit

TIME_COLUMNS = ("timestamp", "datetime", "time")
FLAG_COLUMN = "flag"
STATUS_COLUMNS = ("status", "approval_status")
UNIT_COLUMNS = ("unit", "units", "unit_of_measure")

_ROW_KINDS = re.compile(
    r"parameter(_?(code|cd|name|id))?|stat(istic)?(_?(code|cd|id))?|variable(_?(code|id))?"
    r"|(time_)?series(_?id)?|(monitoring_)?location(_?(id|code|no))?"
    r"|(site|station)(_?(id|no|code|number|name))?|agency(_?(cd|code))?"
)
"""Columns that say what a row is; site numbers and codes are numbers too, and no values."""

# The words that tables use, those of USGS among them.
_WORDS = {
    "FLOW_CFS": {"discharge", "flow", "streamflow", "q", "00060"},
    "STAGE_FT": {"stage", "level", "height", "gage", "gauge", "00065"},
    "SNOW_FT": {"snow"},
    "ICE": {"ice"},
    "CHLA_PPB": {"chla", "chlorophyll"},
    "ANIMAL_COUNT": {"animals", "count"},
}


def value_column(frame: pd.DataFrame, variable_id: str, path: Path) -> str:
    """The name of the column of values.

    Args:
        frame: the table as text.
        variable_id: a key of `VARIABLES`.
        path: what to name in an error.

    Raises:
        DataError: there is none, or several could be meant.
    """
    known = {*TIME_COLUMNS, FLAG_COLUMN, *STATUS_COLUMNS, *UNIT_COLUMNS}
    others = [str(name) for name in frame.columns if name and name not in known]
    for wanted in ("value", variable_id.lower()):
        if wanted in others:
            return wanted
    with_numbers = [
        name
        for name in others
        if not _ROW_KINDS.fullmatch(name.lower()) and np.isfinite(numbers_of(frame[name])).any()
    ]
    for wished in ({"value"}, _WORDS.get(variable_id, set())):
        named = [name for name in with_numbers if wished & set(_words(name))]
        if len(named) == 1:
            return named[0]
        if named:
            raise DataError(_unclear(path, variable_id, named))
    if len(with_numbers) != 1:
        raise DataError(_unclear(path, variable_id, with_numbers, list(frame.columns)))
    return with_numbers[0]


def says_values(column: str, variable_id: str) -> bool:
    """Whether a column's name says that it holds values of the variable, or names a unit alone."""
    words = {"value", *_words(variable_id), *_WORDS.get(variable_id, set())}
    return bool(words & set(_words(column))) or split_unit(column) != (column.lower(), "")


def one_kind_of_row(frame: pd.DataFrame, path: Path) -> None:
    """Refuse a table whose rows are several things below one another.

    Raises:
        DataError: a column that says what a row is holds more than one value.
    """
    for name in frame.columns:
        if not _ROW_KINDS.fullmatch(str(name).lower()) and name not in UNIT_COLUMNS:
            continue
        kinds = sorted(set(frame[name]) - {""})
        if len(kinds) > 1:
            more = f" and {len(kinds) - 4} more" if len(kinds) > 4 else ""
            raise DataError(
                f"{path}: the column {name} holds {', '.join(kinds[:4])}{more}: rows of several "
                "kinds must not be mixed; keep the rows of one of them"
            )


def unit_of_rows(frame: pd.DataFrame) -> tuple[str, str]:
    """The name of the column that holds the unit of all rows, and that unit; empty without one."""
    for name in UNIT_COLUMNS:
        units = sorted(set(frame[name]) - {""}) if name in frame.columns else []
        if len(units) == 1:
            return name, units[0]
    return "", ""


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[^0-9a-z]+", split_unit(name)[0].lower()) if word]


def _unclear(
    path: Path, variable_id: str, named: list[str], columns: list[str] | None = None
) -> str:
    wish = f"name it value or {variable_id.lower()}"
    if not named:
        return f"{path}: no column of values; {wish}; columns found: {', '.join(columns or [])}"
    return f"{path}: the columns {', '.join(named)} could each hold the values: {wish}"
