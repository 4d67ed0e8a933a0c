"""Units of observed values: how a column's name holds one, and the way into the variable's unit.

A gauge's table may be metric while the pipeline counts in cubic feet per second and feet. Values
whose unit is not known to fit would be wrong by a factor that no chart shows.

Sources of the constants: the international foot is 0.3048 m and the inch 2.54 cm, exactly (NIST
Special Publication 811, appendix B.6), the U.S. gallon 231 cubic inches (the same, appendix C);
standard gravity is 9.80665 m/s2, exactly (CGPM 1901).
A pressure becomes a height of fresh water of 1000 kg/m3: p / (1000 kg/m3 x 9.80665 m/s2).

Refused: units that cannot become the variable's, units of variables that have none to convert.
"""

import re

from fperank.ground.errors import DataError
from fperank.ground.variables import VARIABLES

_FOOT_M = 0.3048
_WATER_KG_M3 = 1000.0
_GRAVITY_M_S2 = 9.80665

_GALLON_M3 = 231 * 0.0254**3
_DAY_S = 86400

_LENGTHS_IN_FT = {
    "ft": 1.0,
    "m": 1 / _FOOT_M,
    "in": 1 / 12,
    "cm": 0.01 / _FOOT_M,
    "mm": 0.001 / _FOOT_M,
}
_WATER_IN_FT = {"kPa": 1000 / (_WATER_KG_M3 * _GRAVITY_M_S2) / _FOOT_M}
_FACTORS: dict[str, dict[str, float]] = {
    "FLOW_CFS": {
        "cfs": 1.0,
        "m3/s": 1 / _FOOT_M**3,
        "L/s": 0.001 / _FOOT_M**3,
        "ML/d": 1000 / _DAY_S / _FOOT_M**3,
        "m3/d": 1 / _DAY_S / _FOOT_M**3,
        "gpm": _GALLON_M3 / 60 / _FOOT_M**3,
        "mgd": 1e6 * _GALLON_M3 / _DAY_S / _FOOT_M**3,
    },
    "STAGE_FT": _LENGTHS_IN_FT | _WATER_IN_FT,
    "SNOW_FT": _LENGTHS_IN_FT,
}
"""What one of a unit is in the variable's own."""

_SPELLINGS = {
    "cfs": ("cfs", "ft3/s", "ft^3/s", "ft³/s", "ft3s", "ft3/sec", "cusecs",
            "cubic feet per second"),
    "m3/s": ("m3/s", "m^3/s", "m³/s", "m3s", "cms", "cumecs", "m3/sec", "m3 s-1", "m3.s-1",
             "cubic meters per second", "cubic metres per second"),
    "L/s": ("l/s", "lps", "l/sec", "l s-1", "ls", "liters per second", "litres per second"),
    "ML/d": ("ml/d", "ml/day", "mld", "megalitres per day"),
    "m3/d": ("m3/d", "m3/day", "m^3/d", "m³/d", "m³/day", "m^3/day"),
    "gpm": ("gpm", "gal/min"),
    "mgd": ("mgd", "mgal/d", "mgal/day"),
    "ft": ("ft", "feet", "foot"),
    "m": ("m", "meter", "meters", "metre", "metres"),
    "in": ("in", "inch", "inches"),
    "cm": ("cm", "centimeter", "centimeters", "centimetre", "centimetres"),
    "mm": ("mm", "millimeter", "millimeters", "millimetre", "millimetres"),
    "kPa": ("kpa",),
}  # fmt: skip
_UNIT_OF = {text.replace(" ", ""): unit for unit, texts in _SPELLINGS.items() for text in texts}
_BRACKETS = re.compile(r"(?P<words>.*?)[ _,]*[(\[](?P<unit>[^()\[\]]*)[)\]]")
_SERIAL_NUMBERS = re.compile(r"\s*\((?:LGR )?S/N:[^()]*\)$", re.IGNORECASE)
"""Behind the names of columns in the exports of loggers."""


def known_unit(text: str) -> str:
    """The unit that a text is a spelling of, such as `cfs` of `ft^3/s`; "" if it is none."""
    return _UNIT_OF.get(text.replace(" ", "").lower(), "")


def split_unit(column: str) -> tuple[str, str]:
    """Split a column's name into what it names and the unit that it ends with.

    The unit stands in brackets, `value (m3/s)`, or behind the last underscore or space, `stage_ft`;
    or the name is a unit, `cfs`.

    Returns:
        The words in lower case and the unit, or the whole name in lower case and "".
    """
    name = _SERIAL_NUMBERS.sub("", column.strip()).lower()
    if match := _BRACKETS.fullmatch(name):
        words, text = match["words"], match["unit"]
    elif ", " in name:
        words, _, text = name.rpartition(", ")
    else:
        words, _, text = name.replace(" ", "_").rpartition("_")
    unit = known_unit(text)
    return (words.strip(), unit) if unit else (name, "")


def unknown_unit(column: str) -> str:
    """What stands in brackets at the end of a column's name and is no unit that is known, or ""."""
    match = _BRACKETS.fullmatch(_SERIAL_NUMBERS.sub("", column.strip()))
    return match["unit"].strip() if match and not known_unit(match["unit"]) else ""


def takes_unit(variable_id: str) -> bool:
    """Whether observed values of the variable have a unit that others can be converted to."""
    return variable_id in _FACTORS


def factor_to(variable_id: str, unit: str, where: str) -> float:
    """What values in a unit are multiplied by to be in the variable's own.

    Args:
        variable_id: a key of `VARIABLES`.
        unit: a key of `_SPELLINGS`.
        where: what to name in an error, such as `observations.csv, column stage_m`.

    Raises:
        DataError: the unit cannot become the variable's.
    """
    factors = _FACTORS.get(variable_id)
    if factors is None:
        raise DataError(
            f"{where}: the unit is given as {unit}, but values of {variable_id} are taken as they "
            'are: set observations_unit to ""'
        )
    if unit not in factors:
        raise DataError(
            f"{where}: the unit {unit} cannot become {VARIABLES[variable_id].unit}, the unit of "
            f"{variable_id}; units that can: {', '.join(factors)}"
        )
    return factors[unit]


def conversion_note(variable_id: str, unit: str, factor: float) -> str:
    """The sentence for the user on a conversion; "" where values stay as they are."""
    own = VARIABLES[variable_id].unit
    if unit == own:
        return ""
    means = " (the height of fresh water of that pressure)" if unit == "kPa" else ""
    return f"Observed values were converted from {unit} to {own}, times {factor:.6g}{means}."
