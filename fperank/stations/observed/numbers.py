"""Numbers as tables write them: thousands separated, a decimal comma, a code for "no value"."""

import numpy as np
import numpy.typing as npt
import pandas as pd

MISSING = frozenset({"", "NA", "N/A", "na", "NaN", "nan", "NAN", "null", "NULL", "None"})

_SENTINELS = (-999999.0, -99999.0, -9999.0, -999.0)
"""What gauges' databases write where there is no value; the first is USGS's."""

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
    """Where a column holds a number that stands for "no value".

    It is far below all values: a stage or a tidal flow may be negative too.
    """
    codes = np.isin(values, _SENTINELS)
    lowest = float(values[np.isfinite(values) & ~codes].min(initial=np.inf))
    return codes & (values / 2 < lowest)
