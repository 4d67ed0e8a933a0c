"""Photos of one moment: taken within two minutes, they are nearly the same photo.

A trail camera takes three at once, and a held-out photo whose twin the network was trained on
tells nothing. So no split parts them: days, groups or pairs held out, a burst is one photo.
A time that is only a date is noon: all photos of that day are one burst then.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fperank.handover.tables import local_dates

BURST_SECONDS = 120
"""Two photos that are at most so long apart belong to one burst, and so do their neighbours."""

Codes = NDArray[np.int64]


def whole_days(times: pd.Series) -> Codes:
    """Number the local days, in order of time; days that a burst joins over midnight are one.

    Args:
        times: of photos, in the station's zone, `[photos]`.

    Returns:
        The day of each, counted from 0, `[photos]`.
    """
    dates = local_dates(times).to_numpy()
    seconds = _seconds(times)
    order = np.argsort(seconds, kind="stable")
    another_day = dates[order][1:] != dates[order][:-1]
    return _numbered(order, another_day & (np.diff(seconds[order]) > BURST_SECONDS))


def bursts(times: pd.Series) -> Codes:
    """Number the bursts, in order of time; a photo by itself is one too.

    Args:
        times: of photos, `[photos]`.

    Returns:
        The burst of each, counted from 0, `[photos]`.
    """
    seconds = _seconds(times)
    order = np.argsort(seconds, kind="stable")
    return _numbered(order, np.diff(seconds[order]) > BURST_SECONDS)


def near(times: pd.Series, others: pd.Series) -> NDArray[np.bool_]:
    """Whether any of the others was taken at most `BURST_SECONDS` before or after, `[photos]`."""
    at, sorted_others = _seconds(times), np.sort(_seconds(others))
    first = np.searchsorted(sorted_others, at - BURST_SECONDS, side="left")
    last = np.searchsorted(sorted_others, at + BURST_SECONDS, side="right")
    return np.asarray(last > first)


def _numbered(order: Codes, begins: NDArray[np.bool_]) -> Codes:
    """The number of each one's part; in order, a part begins where it says so."""
    numbers = np.empty(len(order), dtype=np.int64)
    numbers[order] = np.cumsum(np.concatenate([[False], begins]))[: len(order)]
    return numbers


def _seconds(times: pd.Series) -> Codes:
    utc = times.dt.tz_convert("UTC").dt.tz_localize(None)
    return np.asarray(utc.to_numpy(dtype="datetime64[s]").astype(np.int64))
