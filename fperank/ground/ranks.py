"""Rank percentiles: the unit-free scale that scores and observed values share."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Values = NDArray[np.float64]


def percentiles(values: Values) -> Values:
    """Where each value stands among all: (rank - 1) / (n - 1), 0 to 1, ties averaged.

    A single value stands at 0.5; what is not a number does not count and stays none.
    """
    there = ~np.isnan(values)
    n = int(there.sum())
    if n == 1:
        return np.where(there, 0.5, np.nan)
    result = np.full(len(values), np.nan)
    result[there] = (rankdata(values[there]) - 1) / max(n - 1, 1)
    return result
