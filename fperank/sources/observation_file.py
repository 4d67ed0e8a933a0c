"""Observed values from `observations.csv`: which columns, which rows are good.

A gauge's table is often another program's output: flags, gaps and words such as "Ice" stand among
the numbers. Rows that are not good values are left out and counted, one line a reason.

Refused: times without an offset, no value column that can be told, a value column of text.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from fperank.errors import DataError
from fperank.sources.csv_files import read_csv_text
from fperank.tables import parse_times

TIME_COLUMNS = ("timestamp", "datetime", "time")
FLAG_COLUMN = "flag"
_MISSING = {"", "NA", "N/A", "na", "NaN", "nan", "NAN", "null", "NULL", "None"}


def read_observations(
    path: Path, variable_id: str, timezone: str
) -> tuple[pd.DataFrame, list[tuple[str, str, str]]]:
    """Read observed values.

    Args:
        path: a CSV file with a time column and a value column, and maybe `flag`.
        variable_id: a column of that name in lower case, such as `flow_cfs`, is the value column
            if there is no column `value`.
        timezone: IANA name of the zone that the times are told in.

    Returns:
        The good rows (timestamp, value), and what was left out as (kind, name, reason), one a
        reason, where the name tells the number of rows.

    Raises:
        DataError: the columns cannot be told, a time has no offset, or the values are text.
    """
    frame = read_csv_text(path)
    time_column = next((name for name in TIME_COLUMNS if name in frame.columns), None)
    if time_column is None:
        raise DataError(
            f"{path}: no column of times; name it {', '.join(TIME_COLUMNS[:-1])} or "
            f"{TIME_COLUMNS[-1]}; columns found: {', '.join(frame.columns)}"
        )
    value_column = _value_column(frame, time_column, variable_id, path)
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
    flagged = np.zeros(len(frame), dtype=bool)
    if FLAG_COLUMN in frame.columns:
        flagged = ~frame[FLAG_COLUMN].isin(_MISSING).to_numpy()
    left_out = flagged.copy()
    excluded = _counted(flagged, "flagged")
    for bad, reason in (
        (missing, "no value"),
        (not_number, "not a number"),
        (np.isinf(values), "not a finite number"),
    ):
        bad = bad & ~left_out
        if bad.any() and reason != "no value":
            reason += f", for example {text[bad].iloc[0]!r} on line {text[bad].index[0]}"
        excluded += _counted(bad, reason)
        left_out |= bad
    good = pd.DataFrame({"timestamp": timestamps[~left_out], "value": values[~left_out]})
    return good.reset_index(drop=True), excluded


def _value_column(frame: pd.DataFrame, time_column: str, variable_id: str, path: Path) -> str:
    for name in ("value", variable_id.lower()):
        if name in frame.columns:
            return name
    others = [name for name in frame.columns if name not in {time_column, FLAG_COLUMN}]
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


def _counted(rows: np.ndarray, reason: str) -> list[tuple[str, str, str]]:
    n = int(rows.sum())
    return [("observation", f"{n} row{'' if n == 1 else 's'}", reason)] if n else []
