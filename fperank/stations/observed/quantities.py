"""What a table says that its rows are: parameter, statistic, series, site.

Refused: rows of several kinds below one another, rows of another quantity than the variable, and
the lowest or highest values of a day, which no photo can be held against.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from fperank.ground.errors import DataError

_CODES = {
    "00010": "water temperature", "00020": "air temperature", "00045": "precipitation",
    "00055": "velocity", "00060": "discharge", "00061": "discharge", "00065": "stage",
    "00095": "specific conductance", "00300": "dissolved oxygen", "00400": "pH",
    "63680": "turbidity", "72255": "velocity", "72254": "velocity", "99133": "nitrate",
}  # fmt: skip
"""USGS's codes of frequent parameters (its list of parameter codes)."""

_OWN = {"FLOW_CFS": {"discharge"}, "STAGE_FT": {"stage"}}
_EXTREMES = {
    "00001": "maximum", "00002": "minimum", "max": "maximum", "maximum": "maximum",
    "min": "minimum", "minimum": "minimum",
}  # fmt: skip

_QUANTITIES = {
    "temp", "temperature", "wtemp", "watertemp", "airtemp", "precip", "precipitation", "rain",
    "rainfall", "ph", "conductance", "conductivity", "turbidity", "oxygen", "velocity", "battery",
    "batt", "voltage", "humidity", "wind", "barometric", "baro", "salinity",
}  # fmt: skip
"""Words that say another quantity than any variable's but OTHER."""

_NO_QUANTITIES = {
    "lat", "latitude", "lon", "lng", "longitude", "year", "month", "day", "hour", "minute", "doy",
    "id", "index", "record", "row", "number",
}  # fmt: skip
"""Words that say where, when or which one."""

_OF_OTHERS = {
    "FLOW_CFS": {"stage", "level", "height", "depth", "gage"},
    "STAGE_FT": {"discharge", "flow", "streamflow"},
    "SNOW_FT": {"stage", "discharge", "flow", "streamflow"},
}


def _words(text: str) -> set[str]:
    return {word for word in re.split(r"[^0-9a-z]+", text.lower()) if word}


def says_extreme(text: str) -> bool:
    """Whether a text names the highest or lowest value of some time, in words or by USGS's code."""
    return bool(_words(text) & set(_EXTREMES))


def foreign_words(text: str, variable_id: str) -> set[str]:
    """The words, and USGS's codes, of a text that say another quantity than the variable."""
    words = _words(text)
    own = _OWN.get(variable_id)
    codes = {word for word in words & set(_CODES) if own and _CODES[word] not in own}
    other = set() if variable_id == "OTHER" else _QUANTITIES | _OF_OTHERS.get(variable_id, set())
    return codes | words & (_NO_QUANTITIES | other)


def what_rows_are(
    frame: pd.DataFrame, columns: Iterable[str], variable_id: str, path: Path
) -> dict[str, str]:
    """What each of a table's columns that say what a row is holds: one thing in all rows.

    Args:
        frame: the table as text.
        columns: these columns.
        variable_id: a key of `VARIABLES`.
        path: what to name in an error.

    Raises:
        DataError: one holds several things, or another quantity than the variable.
    """
    told = {}
    for name in columns:
        kinds = sorted(set(frame[name]) - {""})
        if len(kinds) > 1:
            more = f" and {len(kinds) - 4} more" if len(kinds) > 4 else ""
            fit = next((one for one in kinds if _fits(name, one, variable_id, path)), kinds[0])
            raise DataError(
                f"{path}: the column {name} holds {', '.join(kinds[:4])}{more}: rows of several "
                f"kinds must not be mixed; set observations_rows to the kind to take, such as "
                f'["{name}={fit}"]'
            )
        if kinds:
            _check_kind(name, kinds[0], variable_id, path)
            told[name] = kinds[0]
    return told


def _fits(column: str, kind: str, variable_id: str, path: Path) -> bool:
    try:
        _check_kind(column, kind, variable_id, path)
    except DataError:
        return False
    return True


def _check_kind(column: str, kind: str, variable_id: str, path: Path) -> None:
    name = column.lower()
    where = f"{path}: every row says {kind!r} in the column {column}"
    if re.match(r"stat", name) and not name.startswith("station"):
        if extreme := _EXTREMES.get(kind.lower()):
            raise DataError(
                f"{where}, a {extreme}, which is not the value at a photo's time: use a table of "
                "instantaneous or mean values"
            )
        return
    if re.search(r"site|station|location|agency|series|device", name):
        return
    code = re.fullmatch(r"(?:\D*[^0-9])?(\d{5})", kind)
    quantity = _CODES.get(code[1], "") if code else ""
    if (quantity and quantity not in _OWN.get(variable_id, {quantity})) or (
        not quantity and _only_foreign(kind, variable_id)
    ):
        what = f" ({quantity})" if quantity else ""
        raise DataError(
            f"{where}{what}, but the variable is {variable_id}: use a table of {variable_id}, or "
            "empty the column if the table says it wrongly"
        )


def _only_foreign(kind: str, variable_id: str) -> bool:
    """Whether a text names another quantity and nothing of the variable's own."""
    own = {"FLOW_CFS": {"discharge", "flow", "streamflow"}, "STAGE_FT": {"stage", "gage", "level"}}
    foreign = foreign_words(kind, variable_id) - _NO_QUANTITIES
    return bool(foreign) and not _words(kind) & own.get(variable_id, set())
