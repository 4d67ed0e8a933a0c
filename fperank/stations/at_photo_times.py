"""What is known of each photo beside its pixels: the observed value of its time, and its marks.

Observed values are interpolated to the photos' times, but never across a gap: a photo has a value
only if the observations on both sides of it are near enough.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from fperank.handover.tables import ATTRIBUTES

Floats = npt.NDArray[np.float64]


def interpolate(observations: pd.DataFrame, times: pd.Series, max_gap_minutes: float) -> Floats:
    """Linearly interpolate observed values to photo times, never across a gap.

    Args:
        observations: timestamp, value; any order; values at one time are averaged.
        times: the photos' instants, `[photos]`.
        max_gap_minutes: a photo has a value only if the previous observation and the next one are
            each at most this far from it; an observation at the photo's own time is both.

    Returns:
        Values in the observations' unit, `[photos]`; NaN where there is none.
    """
    known = unique_observations(observations)
    values = np.full(len(times), np.nan)
    if known.empty:
        return values
    at, value = _microseconds(known["timestamp"]), known["value"].to_numpy(dtype="float64")
    photo = _microseconds(times)
    before = np.searchsorted(at, photo, side="right") - 1
    after = np.searchsorted(at, photo, side="left")
    inside = (before >= 0) & (after < len(at))
    before, after, photo = before[inside], after[inside], photo[inside]
    gap = max_gap_minutes * 60e6
    near = (photo - at[before] <= gap) & (at[after] - photo <= gap)
    # Where an observation stands at the photo's time, before and after are the same one.
    share = (photo - at[before]) / np.maximum(at[after] - at[before], 1)
    between = value[before] + share * (value[after] - value[before])
    values[inside] = np.where(near, between, np.nan)
    return values


def unique_observations(observations: pd.DataFrame) -> pd.DataFrame:
    """The observations sorted by time, values at one time averaged; `status` is the weakest."""
    good = observations.dropna(subset="value").sort_values("timestamp", ignore_index=True)
    if not good["timestamp"].duplicated().any():
        return good
    by_time = good.groupby("timestamp", sort=True)
    return by_time.agg({"value": "mean", "status": "max"}).reset_index()


def photo_attributes(annotations: pd.DataFrame) -> dict[str, str]:
    """The marks that annotators gave to photos, by image_id, joined by commas.

    A photo that several pairs hold has all marks that any of them gives it.
    """
    marks: dict[str, set[str]] = {}
    for side in ("left", "right"):
        given = annotations.dropna(subset=f"{side}_attributes")
        for image_id, attributes in zip(
            given[f"{side}_image_id"], given[f"{side}_attributes"], strict=True
        ):
            marks.setdefault(image_id, set()).update(attributes.split(","))
    order = {name: position for position, name in enumerate(ATTRIBUTES)}
    return {
        image_id: ",".join(sorted(names, key=lambda name: (order.get(name, len(order)), name)))
        for image_id, names in marks.items()
    }


def _microseconds(times: pd.Series) -> npt.NDArray[np.int64]:
    utc = times.dt.tz_convert("UTC").dt.as_unit("us")
    return np.asarray(utc, dtype="datetime64[us]").astype(np.int64)
