"""Numbers as tables write them: thousands separated, a decimal comma, a code for "no value"."""

import numpy as np
import numpy.typing as npt
import pandas as pd

MISSING = frozenset({"", "NA", "N/A", "na", "NaN", "nan", "NAN", "null", "NULL", "None"})

_LOW_CODES = (
    *(-(10.0**digits - 1) for digits in range(2, 8)),
    *(-99.9, -99.99, -999.9, -999.99, -9999.9, -9999.99, -6999.0, -7999.0, -8999.0),
)
_HIGH_CODES = tuple(10.0**digits - 1 for digits in range(4, 8))
"""What databases and loggers write where there is no value; -999999 is USGS's."""

# One reading each: the sign and the digits tell whether a comma ends the whole part.
_DECIMAL_COMMA = r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+"
_THOUSANDS_COMMA = r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?"


def numbers_of(texts: pd.Series) -> npt.NDArray[np.float64]:
    """The numbers of a column's cells; not a number where a cell is none.

    A comma is read in the one way that all cells of the column allow; where both are possible, as
    in `1,234` and nothing else with a comma, the cells are no numbers.
    """
    plain = texts.where(~texts.isin(MISSING))
    commas = plain[plain.str.contains(",", na=False)]
    # With a decimal comma no cell has a decimal point.
    points = bool(plain.str.fullmatch(r"[+-]?\d+\.\d+", na=False).any())
    thousands = bool(commas.str.fullmatch(_THOUSANDS_COMMA).all())
    decimal = bool(commas.str.fullmatch(_DECIMAL_COMMA).all()) and not (thousands and points)
    if decimal and not thousands:
        grouped = plain.str.fullmatch(r"[+-]?\d{1,3}(?:\.\d{3})+(?:,\d+)?", na=False)
        plain = plain.mask(grouped, plain.str.replace(".", "", regex=False))
        plain = plain.str.replace(",", ".", regex=False)
    elif thousands and not decimal:
        plain = plain.str.replace(",", "", regex=False)
    return pd.to_numeric(plain, errors="coerce").to_numpy(dtype="float64")


def no_value_codes(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Where a column holds a number that stands for "no value", such as -999999 or 9999.

    It is far below or above all values: a stage or a tidal flow may be negative too, and a river
    may carry 9,999 cfs.
    """
    low, high = np.isin(values, _LOW_CODES), np.isin(values, _HIGH_CODES)
    plain = values[np.isfinite(values) & ~low & ~high]
    if not len(plain):
        return low
    lowest, highest = float(plain.min()), float(plain.max())
    codes: npt.NDArray[np.bool_] = (low & (values / 2 < lowest)) | (high & (values / 2 > highest))
    return codes
