"""Observed values from a CSV file: which columns, which unit, which rows are good.

A gauge's table is often another program's output: flags, gaps and words such as "Ice" stand among
the numbers. Rows that are not good values are left out and counted, one line a reason.

Refused: times without an offset, no column that is clearly the values', a value column of text, a
unit that is one in the column's name and another in the parameter, a status that is none.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from fperank.ground.errors import DataError
from fperank.handover.dataset import OBSERVATION_STATUS
from fperank.handover.tables import parse_times
from fperank.stations.base import Excluded, Observed
from fperank.stations.csv_files import read_csv_text
from fperank.stations.observed.units import conversion_note, factor_to, split_unit, takes_unit

TIME_COLUMNS = ("timestamp", "datetime", "time")
FLAG_COLUMN = "flag"
STATUS_COLUMN = "status"
_MISSING = {"", "NA", "N/A", "na", "NaN", "nan", "NAN", "null", "NULL", "None"}
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
    frame = read_csv_text(path)
    time_column = next((name for name in TIME_COLUMNS if name in frame.columns), None)
    if time_column is None:
        raise DataError(
            f"{path}: no column of times; name it {', '.join(TIME_COLUMNS[:-1])} or "
            f"{TIME_COLUMNS[-1]}; columns found: {', '.join(frame.columns)}"
        )
    value_column = _value_column(frame, time_column, variable_id, path)
    factor, note = _conversion(value_column, variable_id, unit, path)
    text = frame[value_column]
    missing = text.isin(_MISSING).to_numpy()
    values = pd.to_numeric(text.where(~missing), errors="coerce").to_numpy(dtype="float64")
    not_number = np.isnan(values) & ~missing
    if not_number.any() and not np.isfinite(values).any():
        raise DataError(
            f"{path}: the column {value_column} holds text, for example "
            f"{text[not_number].iloc[0]!r} on line {text[not_number].index[0]}: write numbers "
            "with a decimal point and no unit, no thousands separator"
        )
    timestamps = parse_times(frame[time_column], timezone, f"{path}, column {time_column}")
    status = _status(frame, path)
    flagged = np.zeros(len(frame), dtype=bool)
    if FLAG_COLUMN in frame.columns:
        flagged = ~frame[FLAG_COLUMN].isin(_MISSING).to_numpy()
    left_out = flagged.copy()
    excluded = counted(flagged, "flagged")
    for bad, reason in (
        (missing, "no value"),
        (not_number, "not a number"),
        (np.isinf(values), "not a finite number"),
    ):
        bad = bad & ~left_out
        if bad.any() and reason != "no value":
            reason += f", for example {text[bad].iloc[0]!r} on line {text[bad].index[0]}"
        excluded += counted(bad, reason)
        left_out |= bad
    good = _frame(timestamps[~left_out], values[~left_out] * factor, status[~left_out])
    return Observed(good, excluded, (note,) if note and len(good) else ())


def _value_column(frame: pd.DataFrame, time_column: str, variable_id: str, path: Path) -> str:
    others = [
        name for name in frame.columns if name not in {time_column, FLAG_COLUMN, STATUS_COLUMN}
    ]
    for wanted in ("value", variable_id.lower()):
        if wanted in others:
            return wanted
    named_value = [name for name in others if split_unit(name)[0] == "value"]
    if len(named_value) == 1:
        return str(named_value[0])
    numeric = []
    for name in others:
        cells = frame[name][~frame[name].isin(_MISSING)]
        if len(cells) and pd.to_numeric(cells, errors="coerce").notna().all():
            numeric.append(name)
    if len(numeric) != 1:
        raise DataError(
            f"{path}: no column of values; name it value or {variable_id.lower()}; columns found: "
            f"{', '.join(frame.columns)}"
        )
    return str(numeric[0])


def _conversion(column: str, variable_id: str, unit: str, path: Path) -> tuple[float, str]:
    """The factor to the variable's unit, and the note on it."""
    where = f"{path}, column {column}"
    named = split_unit(column)[1] if takes_unit(variable_id) else ""
    if named and unit and named != unit:
        raise DataError(
            f"{where}: its name tells the unit {named}, but observations_unit is {unit}: rename "
            'the column, or set observations_unit to ""'
        )
    given = named or unit
    if not given:
        return 1.0, ""
    factor = factor_to(variable_id, given, where)
    return factor, conversion_note(variable_id, given, factor)


def _status(frame: pd.DataFrame, path: Path) -> pd.Series:
    if STATUS_COLUMN not in frame.columns:
        return pd.Series(None, index=frame.index, dtype="str")
    cells = frame[STATUS_COLUMN].where(~frame[STATUS_COLUMN].isin(_MISSING))
    status = cells.str.lower().map(_STATUS_OF)
    unknown = cells[cells.notna() & status.isna()]
    if len(unknown):
        raise DataError(
            f"{path}: the column {STATUS_COLUMN} holds {unknown.iloc[0]!r} on line "
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
