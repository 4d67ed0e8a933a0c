"""Two pictures that show at a glance what a dataset holds.

One shows when there are photos and observed values; the other when the annotated photos were taken
and how annotations add up over the record, by which the end of the training period is chosen.
Nothing is refused: a part without data says so in words.
"""

import io

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from fperank.ground.variables import Variable
from fperank.handover.tables import local_dates

_INK = "#333333"
_GRID = "#d9dde1"
_OBSERVED = "#7f8c99"
_PHOTO = "#0b6fa4"
_ANSWERS = {
    "LEFT": ("left shows more", "#0b6fa4"),
    "RIGHT": ("right shows more", "#c8553d"),
    "SAME": ("the same", "#3a9a63"),
    "UNKNOWN": ("skipped", "#a8a8a8"),
}

Times = npt.NDArray[np.datetime64]


def plot_images(images: pd.DataFrame, observations: pd.DataFrame, variable: Variable) -> bytes:
    """Draw observed values and photos over the time of the photos, and the photos a day.

    Args:
        images: `tables.IMAGES`.
        observations: `tables.OBSERVATIONS`, maybe empty: the photos' hours are drawn instead.
        variable: names the axis.

    Returns:
        A PNG image; the same bytes for the same data.
    """
    figure = Figure(figsize=(10, 5.2), dpi=110, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    days = pd.to_datetime(local_dates(images["timestamp"])).value_counts().sort_index()
    begin, end = days.index[0], days.index[-1] + pd.Timedelta(days=1)
    margin = (end - begin) * 0.02
    clock = observations["timestamp"].dt.tz_localize(None)
    seen = observations[(clock >= begin - margin) & (clock <= end + margin)]
    if seen.empty and images["value"].isna().all():
        _draw_hours(upper, images)
    else:
        _draw_values(upper, images, seen, variable)
    lower.bar(
        days.index.to_numpy(),
        days.to_numpy(),
        width=np.timedelta64(1, "D"),
        align="edge",
        color=_PHOTO,
        linewidth=0,
    )
    lower.set_xlim(begin - margin, end + margin)
    lower.set_ylabel("Photos a day")
    lower.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=4, min_n_ticks=1))
    lower.set_ylim(bottom=0)
    _dates_on(lower.xaxis)
    lower.set_xlabel("Local date")
    return _png(figure, [upper, lower])


def plot_annotations(pairs: pd.DataFrame, variable: Variable) -> bytes:
    """Draw the annotated pairs by the times of their photos, and how they add up.

    A training period that ends on a day uses the pairs whose photos were both taken by then: the
    cumulative count at that day.

    Args:
        pairs: `tables.DATASET_PAIRS`, maybe empty.
        variable: names what was compared.

    Returns:
        A PNG image; the same bytes for the same data.
    """
    figure = Figure(figsize=(10, 8), dpi=110, layout="constrained")
    if pairs.empty:
        axes = figure.subplots()
        axes.text(0.5, 0.5, "no annotations", transform=axes.transAxes, ha="center", color=_INK)
        axes.set_xticks([])
        axes.set_yticks([])
        return _png(figure, [axes])
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1.3])
    left, right = _local(pairs["left_timestamp"]), _local(pairs["right_timestamp"])
    earlier, later = np.minimum(left, right), np.maximum(left, right)
    for rank, (meaning, color) in _ANSWERS.items():
        of_rank = (pairs["rank"] == rank).to_numpy()
        if of_rank.any():
            label = f"{meaning} ({of_rank.sum():,})"
            _points(upper, earlier[of_rank], later[of_rank], color, label)
    ends = np.array([earlier.min(), later.max()])
    upper.plot(ends, ends, color=_OBSERVED, linewidth=0.8)
    upper.set_xlabel("The pair's earlier photo")
    upper.set_ylabel("The pair's later photo")
    _dates_on(upper.yaxis)
    # The axis below shows the year already.
    upper.yaxis.get_offset_text().set_visible(False)
    _legend_above(upper, f"Which photo shows more {variable.question}?")

    answered = np.sort(later[(pairs["rank"] != "UNKNOWN").to_numpy()])
    n = len(answered)
    lower.step(
        np.concatenate([ends[:1], answered, ends[1:]]),
        np.concatenate([[0], np.arange(1, n + 1), [n]]),
        where="post",
        color=_INK,
        linewidth=1.4,
    )
    lower.set_xlabel("A training period that ends here ...")
    lower.set_ylabel("... has so many\nanswered pairs")
    lower.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5, min_n_ticks=1))
    lower.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
    lower.set_ylim(bottom=0)
    if n:
        share = lower.secondary_yaxis(
            "right", functions=(lambda count: count / n, lambda part: part * n)
        )
        share.yaxis.set_major_formatter(FuncFormatter(lambda part, _: f"{part:.0%}"))
        share.spines["right"].set_visible(False)
    _dates_on(lower.xaxis)
    return _png(figure, [upper, lower])


def _draw_values(
    axes: Axes, images: pd.DataFrame, observations: pd.DataFrame, variable: Variable
) -> None:
    valued = images.dropna(subset="value")
    if len(observations):
        label = f"observed ({len(observations):,} values)"
        axes.plot(*_with_gaps(observations), color=_OBSERVED, linewidth=1, label=label)
    label = f"at a photo's time ({len(valued):,} of {len(images):,} photos)"
    _points(axes, _local(valued["timestamp"]), valued["value"].to_numpy(), _PHOTO, label)
    values = pd.concat([observations["value"], valued["value"]]).dropna()
    if variable.log_axis and (values > 0).all():
        axes.set_yscale("log")
        # Between 1, 10, 100 only 2 and 5 are written, and not even those over many decades.
        written = (1.0,) if values.max() > 1000 * values.min() else (1.0, 2.0, 5.0)
        plain = FuncFormatter(lambda v, _: f"{v:,.10g}" if float(f"{v:.6e}"[:8]) in written else "")
        axes.yaxis.set_major_formatter(plain)
        axes.yaxis.set_minor_formatter(plain)
    axes.set_ylabel(variable.axis_label)
    _legend_above(axes)


def _draw_hours(axes: Axes, images: pd.DataFrame) -> None:
    times = images["timestamp"].dt
    hours = (times.hour + times.minute / 60).to_numpy()
    label = f"photos ({len(images):,}); there are no observed values"
    _points(axes, _local(images["timestamp"]), hours, _PHOTO, label)
    axes.set_ylabel("Local hour of the photo")
    axes.set_ylim(0, 24)
    axes.set_yticks(range(0, 25, 6))
    _legend_above(axes)


def _points(axes: Axes, x: Times, y: npt.NDArray[np.generic], color: str, label: str) -> None:
    axes.plot(
        x,
        y,
        linestyle="none",
        marker="o",
        markersize=3.5,
        markeredgewidth=0,
        alpha=0.6,
        color=color,
        label=label,
    )


def _local(times: pd.Series) -> Times:
    """Clock times at the station, as the axis shows them."""
    return np.asarray(times.dt.tz_localize(None), dtype="datetime64[us]")


def _with_gaps(observations: pd.DataFrame) -> tuple[Times, npt.NDArray[np.float64]]:
    """Times and values with a break where observations are missing, so that no line spans it."""
    times = np.asarray(observations["timestamp"].dt.tz_convert("UTC"), dtype="datetime64[us]")
    clock = _local(observations["timestamp"])
    values = observations["value"].to_numpy(dtype="float64")
    steps = np.diff(times).astype(np.int64)
    if len(steps) < 2:
        return clock, values
    breaks = np.flatnonzero(steps > 3 * np.median(steps)) + 1
    return np.insert(clock, breaks, clock[breaks]), np.insert(values, breaks, np.nan)


def _legend_above(axes: Axes, title: str = "") -> None:
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        alignment="left",
        frameon=False,
        ncols=len(_ANSWERS),
        fontsize=9,
        title=title or None,
    )


def _dates_on(axis: Axis) -> None:
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axis.set_major_locator(locator)
    axis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _png(figure: Figure, panels: list[Axes]) -> bytes:
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color=_GRID, linewidth=0.8)
        axes.set_axisbelow(True)
    buffer = io.BytesIO()
    # Without the writer's version: the bytes follow from the data alone.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
