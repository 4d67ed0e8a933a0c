"""Observed values from a CSV file: which columns, which unit, which times, which rows are good.

A gauge's table is often another program's output: flags, gaps and words such as "Ice" stand among
the numbers. Rows that are not good values are left out and counted, one line a reason; how the
table was read is told in words, for a person to check.

Refused: a value column of text, a unit that is one in the table and another in the parameter, units
that are not known, and what `columns`, `quantities` and `times` refuse.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from fperank.ground.errors import DataError
from fperank.ground.variables import VARIABLES
from fperank.handover.dataset import ObservedTable
from fperank.handover.tables import iso_times
from fperank.params.parameters import ObservedTableParams
from fperank.stations.base import Excluded, Observed
from fperank.stations.csv_files import decoded, read_csv_text
from fperank.stations.observed.columns import (
    UNITS,
    TimeColumns,
    beside,
    column_among,
    kind_columns,
    says_values,
    time_columns,
    value_column,
)
from fperank.stations.observed.marks import read_marks
from fperank.stations.observed.numbers import MISSING, no_value_codes, numbers_of
from fperank.stations.observed.quantities import what_rows_are
from fperank.stations.observed.rdb import is_rdb, read_rdb
from fperank.stations.observed.rows import wanted_rows
from fperank.stations.observed.times import ReadTimes, read_times
from fperank.stations.observed.units import (
    conversion_note,
    factor_to,
    known_unit,
    split_unit,
    takes_unit,
    unknown_unit,
)

AS_IT_SAYS = ObservedTableParams(
    observations_unit="",
    observations_column="",
    observations_utc_offset="",
    observations_date_order="",
    observations_rows=[],
)
"""A table that says all itself."""


def no_observations(timezone: str) -> Observed:
    """What a station without observed values has."""
    none = pd.DatetimeIndex([], tz=timezone).as_unit("us")
    return Observed(_frame(pd.Series(none), [], pd.Series([], dtype="str")), [])


def read_observations(
    path: Path, variable_id: str, timezone: str, params: ObservedTableParams = AS_IT_SAYS
) -> Observed:
    """Read observed values.

    Args:
        path: a CSV file with columns of times and values, and maybe of marks.
        variable_id: a column of that name in lower case, such as `flow_cfs`, is the value column
            if there is no column `value`.
        timezone: IANA name of the zone that the times come back in.
        params: what the table does not say itself.

    Raises:
        DataError: the columns, the unit or the times are not clear, or the values are text.
    """
    whole = _table(path, variable_id)
    taken = wanted_rows(whole, params.observations_rows, path)
    frame = whole[taken]
    where = time_columns(frame, path)
    column = value_column(frame, variable_id, where, params.observations_column, path)
    frame = beside(frame, column, path)
    told_unit = column_among(frame, UNITS)
    kinds = [
        name
        for name in (*kind_columns(frame), told_unit)
        if name and name not in {column, where.name}
    ]
    rows_are = what_rows_are(frame, kinds, variable_id, path)
    factor, unit, note = _conversion(frame, column, variable_id, params.observations_unit, path)
    times = _times(frame, where, timezone, params, path)
    marks = read_marks(frame, column)
    text = frame[column]
    values = numbers_of(text)
    reasons = _no_values(text, values, path)
    excluded = counted(~taken, f"not {' and '.join(params.observations_rows)} (observations_rows)")
    left_out = np.zeros(len(frame), dtype=bool)
    for rows, reason in (*marks.left_out, *times.left_out, *reasons):
        excluded += counted(rows & ~left_out, reason)
        left_out |= rows
    good = _frame(times.instants[~left_out], values[~left_out] * factor, marks.status[~left_out])
    notes = []
    if marks.all_flagged:
        flags = frame[marks.all_flagged]
        notes.append(
            f"Every row of {path.name} is flagged, for example {flags.iloc[0]!r} on line "
            f"{flags.index[0]}, and a flag marks a row that must not serve. Empty the cells of "
            "good rows, or give the column another name, such as quality."
        )
    if not says_values(column, variable_id) and column != params.observations_column:
        notes.append(
            f"Observed values are the column {column} of {path.name}, the only one of numbers that "
            "could be meant: set observations_column if it is another one."
        )
    if note and len(good):
        notes.append(note)
    read = {*kinds, column, where.name, where.clock, where.zone, told_unit}
    table = ObservedTable(
        file=path.name,
        times=f"{' and '.join(filter(None, (where.name, where.clock)))}, {times.told}",
        values=column + _commas(text[~left_out], values[~left_out]),
        unit=unit,
        rows=tuple(f"{name}: {said}" for name, said in (rows_are | marks.told).items()),
        passed_over=tuple(
            name for name in frame.columns if name and name not in read and name not in marks.told
        ),
        first_rows=_first_rows(frame, where, column, good, left_out),
    )
    return Observed(good, excluded, tuple(notes), table=table)


def _table(path: Path, variable_id: str) -> pd.DataFrame:
    """The rows of a file as text, those of USGS's tab-delimited tables in our own columns."""
    try:
        text = decoded(path.read_bytes())
    except (OSError, UnicodeDecodeError):
        text = ""  # What is wrong with the file is said by the reader of CSV files.
    return read_rdb(text, variable_id, path) if is_rdb(text) else read_csv_text(path, repeats=True)


def _times(
    frame: pd.DataFrame,
    columns: TimeColumns,
    timezone: str,
    params: ObservedTableParams,
    path: Path,
) -> ReadTimes:
    texts = frame[columns.name]
    if columns.clock:
        # A column of days may hold midnight beside each, as spreadsheets write it.
        days = texts.str.replace(r"[ T]0{1,2}:00(?::00)?$", "", regex=True)
        texts = (days + " " + frame[columns.clock]).str.strip()
    return read_times(
        texts,
        frame[columns.zone] if columns.zone else None,
        columns.clock or columns.name,
        timezone,
        params.observations_utc_offset,
        params.observations_date_order,
        f"{path}, column {columns.name}",
    )


def _no_values(
    text: pd.Series, values: npt.NDArray[np.float64], path: Path
) -> list[tuple[npt.NDArray[np.bool_], str]]:
    """The rows whose cell is no value, by the reason."""
    missing = text.isin(MISSING).to_numpy()
    not_number = np.isnan(values) & ~missing
    if not_number.any() and not np.isfinite(values).any():
        raise DataError(
            f"{path}: the column {text.name} holds text, for example "
            f"{text[not_number].iloc[0]!r} on line {text[not_number].index[0]}: write numbers "
            "with a decimal point and no unit"
        )
    codes = no_value_codes(values)
    found = [(missing, "no value")]
    for code in np.unique(values[codes]):
        found.append((codes & (values == code), f"no value ({code:.12g})"))
    for bad, reason in (
        (not_number, "not a number"),
        (np.isinf(values), "not a finite number"),
    ):
        if bad.any():
            reason += f", for example {text[bad].iloc[0]!r} on line {text[bad].index[0]}"
        found.append((bad, reason))
    return found


def _conversion(
    frame: pd.DataFrame, column: str, variable_id: str, unit: str, path: Path
) -> tuple[float, str, str]:
    """The factor to the variable's unit, the unit in words, and the note on a conversion."""
    own = VARIABLES[variable_id].unit
    if not takes_unit(variable_id):
        factor = factor_to(variable_id, unit, str(path)) if unit else 1.0
        return factor, f"taken as {own}" if own else "taken as given", ""
    where = f"{path}, column {column}"
    named = split_unit(column)[1]
    name = column_among(frame, UNITS)
    written = next((cell for cell in frame[name] if cell), "") if name else ""
    said = {f"its name tells the unit {named}": named} if named else {}
    unclear = unknown_unit(column)
    if written:
        of_rows = known_unit(written)
        if not of_rows and not unit:
            raise DataError(
                f"{path}: the column {name} holds {written!r}, a unit that fperank does not "
                f"know: set observations_unit to what it means, or convert the values to {own} "
                "and write that there"
            )
        if of_rows:
            said[f"the column {name} tells the unit {of_rows}"] = of_rows
    elif unclear and not unit:
        raise DataError(
            f"{where}: its name ends with {unclear!r}, which is no unit that fperank knows: set "
            f"observations_unit to the values' unit, such as {own}"
        )
    if unit:
        said[f"observations_unit is {unit}"] = unit
    if len(set(said.values())) > 1:
        raise DataError(
            f"{where}: {', but '.join(said)}: correct what is wrong"
            + (', or set observations_unit to ""' if unit else "")
        )
    if not said:
        return 1.0, f"{own}, for nothing tells another one (observations_unit would)", ""
    words, given = next(iter(said.items()))
    factor = factor_to(variable_id, given, where)
    return factor, f"{given}, for {words}", conversion_note(variable_id, given, factor)


def _commas(text: pd.Series, values: npt.NDArray[np.float64]) -> str:
    """How commas in numbers were read, if there are any."""
    commas = text[text.str.contains(",", regex=False) & np.isfinite(values)]
    if commas.empty:
        return ""
    example = commas.iloc[0]
    read = values[text.index.get_loc(commas.index[0])]
    return f", where {example} is {read:.12g}"


def _first_rows(
    frame: pd.DataFrame,
    columns: TimeColumns,
    column: str,
    good: pd.DataFrame,
    left_out: npt.NDArray[np.bool_],
) -> tuple[tuple[str, str, str, str, str], ...]:
    rows = frame[~left_out].head(3)
    written = rows[columns.name] + (" " + rows[columns.clock] if columns.clock else "")
    times = iso_times(good["timestamp"].head(3))
    return tuple(
        (str(line), time, cell, read, f"{value:.6g}")
        for line, time, cell, read, value in zip(
            rows.index, written, rows[column], times, good["value"].head(3), strict=True
        )
    )


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
