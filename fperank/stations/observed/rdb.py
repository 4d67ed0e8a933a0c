"""USGS's tab-delimited tables (RDB), as its old web pages hand them out, brought to our columns.

Remarks (#) stand above the column names, a line of widths (5s 15s 20d) below them. The time is
local, with its zone in `tz_cd`; a series is a column such as `69928_00060`, its remarks on each
value a column `69928_00060_cd`.

Refused: no series of the variable or several of them, daily values, several sites, zones that are
unknown.
"""

import io
import re
from pathlib import Path

import pandas as pd

from fperank.ground.errors import DataError
from fperank.stations.observed.times import ZONE_OFFSETS

_PARAMETERS = {"FLOW_CFS": ("00060", "cfs"), "STAGE_FT": ("00065", "ft")}
"""USGS's code of a parameter, and the unit that its values have by definition."""

_STATUS_OF = {"A": "approved", "P": "provisional"}
_NO_FAULT = {"A", "P", "e", "R"}
"""Approved, provisional, estimated, revised; every other remark marks a row that must not serve."""


def is_rdb(text: str) -> bool:
    """Whether a text is such a table: the line of widths stands below its column names."""
    lines = [line for line in text.splitlines()[:200] if line.strip() and not line.startswith("#")]
    return len(lines) > 1 and all(
        re.fullmatch(r"\d+[sdn]", cell.strip()) for cell in lines[1].split("\t")
    )


def read_rdb(text: str, variable_id: str, path: Path) -> pd.DataFrame:
    """Read such a table.

    Args:
        text: the whole file.
        variable_id: a key of `VARIABLES`.
        path: what to name in an error.

    Returns:
        Text in the columns `timestamp` (ISO 8601 with offset), the series' own name, `unit`,
        `status` and `flag`; the index is the line number in the file, counted from 1.

    Raises:
        DataError: the series or the zone is not clear, or the values are of whole days.
    """
    rows, lines = [], []
    for number, line in enumerate(io.StringIO(text), start=1):
        if line.strip() and not line.startswith("#"):
            rows.append([cell.strip() for cell in line.rstrip("\r\n").split("\t")])
            lines.append(number)
    header = rows[0]
    for cells, number in zip(rows, lines, strict=True):
        if len(cells) > len(header):
            raise DataError(
                f"{path}: line {number} has {len(cells)} cells but there are {len(header)} columns"
            )
    frame = pd.DataFrame(
        [cells + [""] * (len(header) - len(cells)) for cells in rows[2:]],
        columns=header,
        index=pd.Index(lines[2:], name="line"),
        dtype="str",
    )
    series, unit = _series(header, variable_id, path)
    sites = sorted(set(frame["site_no"])) if "site_no" in header else []
    if len(sites) > 1:
        raise DataError(f"{path} holds several sites, {', '.join(sites[:4])}: keep one of them")
    out = pd.DataFrame({"timestamp": _times(frame, path), series: frame[series]})
    out["unit"] = unit
    remarks = frame.get(f"{series}_cd", pd.Series("", index=frame.index, dtype="str"))
    split = [re.split(r"[\s:,\[\]]+", cell) for cell in remarks]
    out["status"] = [next((_STATUS_OF[r] for r in cell if r in _STATUS_OF), "") for cell in split]
    out["flag"] = [" ".join(r for r in cell if r and r not in _NO_FAULT) for cell in split]
    return out.astype("str")


def _series(header: list[str], variable_id: str, path: Path) -> tuple[str, str]:
    """The name of the column of values and its unit."""
    if variable_id not in _PARAMETERS:
        raise DataError(
            f"{path} is a tab-delimited table of USGS, from which fperank reads "
            f"{' and '.join(_PARAMETERS)}, not {variable_id}: write the values into a CSV file "
            "with the columns timestamp and value"
        )
    code, unit = _PARAMETERS[variable_id]
    daily = [name for name in header if re.fullmatch(rf"\w+_{code}_\d{{5}}", name)]
    named = [name for name in header if re.fullmatch(rf"\w+_{code}", name)]
    if daily and not named:
        raise DataError(
            f"{path} holds daily values ({', '.join(daily)}), one for a whole day, and a photo "
            "needs the value at its time: download the instantaneous (current or historical) "
            "values instead, or have them fetched, by the parameter usgs_site"
        )
    if len(named) != 1:
        found = ", ".join(named or header)
        raise DataError(
            f"{path}: {'several columns' if named else 'no column'} of {variable_id}, which USGS "
            f"names by a number and _{code}; columns found: {found}"
            + ("; remove all but one, and its column of remarks (_cd)" if named else "")
        )
    return named[0], unit


def _times(frame: pd.DataFrame, path: Path) -> list[str]:
    """Times with the offset of their zone."""
    for name in ("datetime", "tz_cd"):
        if name not in frame.columns:
            raise DataError(
                f"{path}: no column {name}, which USGS's tables of instantaneous values have; "
                f"columns found: {', '.join(frame.columns)}"
            )
    unknown = frame.loc[~frame["tz_cd"].isin(list(ZONE_OFFSETS)), "tz_cd"]
    if len(unknown):
        raise DataError(
            f"{path}: the time zone {unknown.iloc[0]!r} in tz_cd on line {unknown.index[0]} is not "
            f"known; known are {', '.join(ZONE_OFFSETS)}"
        )
    return [
        time.replace(" ", "T") + ZONE_OFFSETS[zone]
        for time, zone in zip(frame["datetime"], frame["tz_cd"], strict=True)
    ]
