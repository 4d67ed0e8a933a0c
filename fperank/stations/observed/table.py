"""Observed values from a CSV file: which columns, which unit, which rows are good.

A gauge's table is often another program's output: flags, gaps and words such as "Ice" stand among
the numbers. Rows that are not good values are left out and counted, one line a reason.

Refused: times without an offset, a value column of text, a unit that is one in the table and
another in the parameter, a status that is none.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from fperank.ground.errors import DataError
from fperank.handover.dataset import OBSERVATION_STATUS
from fperank.handover.tables import parse_times
from fperank.stations.base import Excluded, Observed
from fperank.stations.csv_files import decoded, read_csv_text
from fperank.stations.observed.columns import (
    FLAG_COLUMN,
    STATUS_COLUMNS,
    TIME_COLUMNS,
    one_kind_of_row,
    says_values,
    unit_of_rows,
    value_column,
)
from fperank.stations.observed.numbers import MISSING, no_value_codes, numbers_of
from fperank.stations.observed.rdb import is_rdb, read_rdb
from fperank.stations.observed.units import (
    conversion_note,
    factor_to,
    known_unit,
    split_unit,
    takes_unit,
)

_STATUS_OF = {word[0]: word for word in OBSERVATION_STATUS} | {w: w for w in OBSERVATION_STATUS}


def no_observations(timezone: str) -> Observed:
    """What a station without observed values has."""
    none = pd.DatetimeIndex([], tz=timezone).as_unit("us")
    return Observed(_frame(pd.Series(none), [], pd.Series([], dtype="str")), [])


def read_observations(path: Path, variable_id: str, timezone: str, unit: str = "") -> Observed:
    """Read observed values.

    Args:
        path: a CSV file with a time column and a value column, and maybe `flag` and `status`.
        variable_id: a column of that name in lower case, such as `flow_cfs`, is the value column
            if there is no column `value`.
        timezone: IANA name of the zone that the times come back in.
        unit: of the values, if the column's name does not hold it.

    Raises:
        DataError: the columns or the unit are not clear, a time has no offset, the values are
            text, or a status is none.
    """
    frame = _table(path, variable_id)
    time_column = next((name for name in TIME_COLUMNS if name in frame.columns), None)
    if time_column is None:
        raise DataError(
            f"{path}: no column of times; name it {', '.join(TIME_COLUMNS[:-1])} or "
            f"{TIME_COLUMNS[-1]}; columns found: {', '.join(frame.columns)}"
        )
    one_kind_of_row(frame, path)
    column = value_column(frame, variable_id, path)
    factor, note = _conversion(frame, column, variable_id, unit, path)
    text = frame[column]
    missing = text.isin(MISSING).to_numpy()
    values = numbers_of(text)
    not_number = np.isnan(values) & ~missing
    if not_number.any() and not np.isfinite(values).any():
        raise DataError(
            f"{path}: the column {column} holds text, for example "
            f"{text[not_number].iloc[0]!r} on line {text[not_number].index[0]}: write numbers "
            "with a decimal point and no unit"
        )
    codes = no_value_codes(values)
    timestamps = parse_times(frame[time_column], timezone, f"{path}, column {time_column}")
    status = _status(frame, path)
    notes: list[str] = []
    flagged = np.zeros(len(frame), dtype=bool)
    if FLAG_COLUMN in frame.columns:
        flags = frame[FLAG_COLUMN]
        flagged = ~flags.isin(MISSING).to_numpy()
        if len(flags) and flagged.all():
            notes.append(
                f"Every row of {path.name} is flagged, for example {flags.iloc[0]!r} on line "
                f"{flags.index[0]}, and a flag marks a row that must not serve. Empty the cells of "
                "good rows; approved and provisional belong into a column status."
            )
    left_out = flagged.copy()
    excluded = counted(flagged, "flagged")
    for bad, reason in (
        (missing, "no value"),
        (codes, f"no value ({values.min(where=codes, initial=0):.0f})"),
        (not_number, "not a number"),
        (np.isinf(values), "not a finite number"),
    ):
        bad = bad & ~left_out
        if bad.any() and not reason.startswith("no value"):
            reason += f", for example {text[bad].iloc[0]!r} on line {text[bad].index[0]}"
        excluded += counted(bad, reason)
        left_out |= bad
    good = _frame(timestamps[~left_out], values[~left_out] * factor, status[~left_out])
    if not says_values(column, variable_id):
        notes.append(
            f"Observed values are the column {column} of {path.name}, the only one of numbers: "
            "correct the file if it is something else."
        )
    if note and len(good):
        notes.append(note)
    return Observed(good, excluded, tuple(notes))


def _table(path: Path, variable_id: str) -> pd.DataFrame:
    """The rows of a file as text, those of USGS's tab-delimited tables in our own columns."""
    try:
        text = decoded(path.read_bytes())
    except (OSError, UnicodeDecodeError):
        text = ""  # What is wrong with the file is said by the reader of CSV files.
    return read_rdb(text, variable_id, path) if is_rdb(text) else read_csv_text(path)


def _conversion(
    frame: pd.DataFrame, column: str, variable_id: str, unit: str, path: Path
) -> tuple[float, str]:
    """The factor to the variable's unit, and the note on it."""
    if not takes_unit(variable_id):
        return (factor_to(variable_id, unit, str(path)) if unit else 1.0), ""
    where = f"{path}, column {column}"
    named = split_unit(column)[1]
    unit_column, written = unit_of_rows(frame)
    said = {f"its name tells the unit {named}": named} if named else {}
    if written:
        of_rows = known_unit(written)
        if not of_rows:
            raise DataError(
                f"{path}: the column {unit_column} holds {written!r}, a unit that fperank does not "
                "know: convert the values, then write cfs, m3/s, ft, m, in, cm or kPa there"
            )
        said[f"the column {unit_column} tells the unit {of_rows}"] = of_rows
    if unit:
        said[f"observations_unit is {unit}"] = unit
    if len(set(said.values())) > 1:
        raise DataError(
            f"{where}: {', but '.join(said)}: correct what is wrong"
            + (', or set observations_unit to ""' if unit else "")
        )
    given = next(iter(said.values()), "")
    if not given:
        return 1.0, ""
    factor = factor_to(variable_id, given, where)
    return factor, conversion_note(variable_id, given, factor)


def _status(frame: pd.DataFrame, path: Path) -> pd.Series:
    column = next((name for name in STATUS_COLUMNS if name in frame.columns), None)
    if column is None:
        return pd.Series(None, index=frame.index, dtype="str")
    cells = frame[column].where(~frame[column].isin(MISSING))
    status = cells.str.lower().map(_STATUS_OF)
    unknown = cells[cells.notna() & status.isna()]
    if len(unknown):
        raise DataError(
            f"{path}: the column {column} holds {unknown.iloc[0]!r} on line "
            f"{unknown.index[0]}: write {' or '.join(OBSERVATION_STATUS)} (or their first letter), "
            "or leave it empty; rows that must not serve go into a column flag"
        )
    return status.astype("str")


def _frame(times: pd.Series, values: npt.ArrayLike, status: pd.Series) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "timestamp": times.reset_index(drop=True),
            "value": np.asarray(values, dtype="float64"),
            "status": status.reset_index(drop=True),
        }
    )


def counted(rows: npt.NDArray[np.bool_], reason: str) -> Excluded:
    """Rows that were left out for one reason, as one line of what was left out."""
    n = int(rows.sum())
    return [("observation", f"{n} row{'' if n == 1 else 's'}", reason)] if n else []
