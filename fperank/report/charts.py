"""What all charts of the report share: their form, colours, axes, and how many points they draw.

A chart is plain data for Plotly, so that the same rows give the same bytes. A chart that cannot be
drawn is `Absent` and says why: the page prints its sentence in the chart's place.

Colours are of the Okabe-Ito palette, told apart with any colour vision; splits also differ in the
shape of their marks. A colour `var(--name)` is the page's, light or dark as the reader's screen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fperank.ground.numbers import rounded
from fperank.ground.variables import Variable
from fperank.handover.tables import SPLITS

MAX_POINTS = 4000
"""Points that a chart draws at most, all its splits together."""

SPLIT_COLOUR = {
    "train": "#0072B2",
    "val": "#E69F00",
    "test-in": "#009E73",
    "test-out": "#CC5A9B",
}
SPLIT_MARK = {"train": "circle", "val": "diamond", "test-in": "square", "test-out": "triangle-up"}
ANSWERS = {1: "photo 1 shows more", -1: "photo 2 shows more", 0: "no difference"}
ANSWER_COLOUR = {1: "#0072B2", -1: "#D55E00", 0: "var(--grey)"}
ANSWER_MARK = {1: "triangle-up", -1: "triangle-down", 0: "circle-open"}
INK = "var(--ink)"
GREY = "var(--grey)"
BAND = "var(--band)"

_BOX = (0.05, 0.25, 0.5, 0.75, 0.95)

Trace = dict[str, Any]
Layout = dict[str, Any]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class View:
    """One of several ways to look at a chart, chosen by a button.

    Attributes:
        label: text of the button.
        traces: places of the traces that are shown.
        layout: what of the layout differs.
    """

    label: str
    traces: tuple[int, ...]
    layout: Layout = field(default_factory=dict)


@dataclass(frozen=True)
class Chart:
    """A chart that can be drawn.

    Attributes:
        title: heading.
        alt: what the chart shows, for those who do not see it.
        traces: Plotly traces.
        layout: Plotly layout, without colours and fonts, which are the page's.
        views: ways to look at it, if there are several; the first is shown at the beginning.
        note: what the reader must know of the points drawn, or empty.
        photos: whether pointing at a mark shows its photo. Marks then carry `photo_facts`.
        height: of the chart on a wide screen, in CSS pixels.
    """

    title: str
    alt: str
    traces: list[Trace]
    layout: Layout
    views: tuple[View, ...] = ()
    note: str = ""
    photos: bool = False
    height: int = 380


@dataclass(frozen=True)
class Absent:
    """A chart that cannot be drawn.

    Attributes:
        title: heading.
        reason: a sentence that says why.
    """

    title: str
    reason: str


NO_VALUES = "No photo of this model version has an observed value, so there is nothing to compare."
NO_SCORES = "No photo could be scored."
NO_PAIRS = "There are no labelled pairs."


def observed_words(variable: Variable) -> str:
    """How prose calls the observed values, as in "observed streamflow"."""
    label = variable.label[:1].lower() + variable.label[1:]
    return label if label.startswith("observed") else f"observed {label}"


def plain_numbers(
    values: Sequence[float] | Numbers | pd.Series, digits: int = 5
) -> list[float | None]:
    """Numbers for the page, to significant digits; absent and infinite ones become None."""
    return [
        rounded(float(value), digits) if np.isfinite(value) else None
        for value in np.asarray(values, dtype="float64")
    ]


def stamps(times: pd.Series) -> list[str]:
    """The station's wall-clock times for a date axis, which knows no time zones."""
    return list(times.dt.strftime("%Y-%m-%d %H:%M"))


def axis(title: str, *, log: bool = False, **more: Any) -> Layout:
    """An axis with its title; logarithmic if asked."""
    made: Layout = {"title": {"text": title}, "automargin": True, **more}
    return made | {"type": "log", "dtick": "D2", "exponentformat": "none"} if log else made


def percent_axis(title: str, **more: Any) -> Layout:
    """An axis from 0 to 100 %; the numbers are fractions."""
    return axis(title, tickformat=".0%", range=[-0.03, 1.03], **more)


def present_splits(frame: pd.DataFrame) -> list[str]:
    """The splits that have rows, in their usual order."""
    there = set(frame["split"].unique())
    return [split for split in SPLITS if split in there]


def every_nth(frame: pd.DataFrame, limit: int = MAX_POINTS) -> pd.DataFrame:
    """Every n-th row, such that at most `limit` are left: a fair sample for a cloud of points.

    Its peaks alone would make the cloud look wider than it is.
    """
    step = -(-len(frame) // limit) if len(frame) else 1
    return frame.iloc[::step]


def with_extremes(frame: pd.DataFrame, column: str, limit: int = MAX_POINTS) -> pd.DataFrame:
    """The lowest and the highest row of each run of neighbours: a time series keeps its peaks.

    Args:
        frame: rows in order of time.
        column: the numbers whose peaks count; rows without one go first where rows must go.
        limit: rows left at most.
    """
    if len(frame) <= limit:
        return frame
    runs = max(limit // 2, 1)
    run = np.arange(len(frame)) * runs // len(frame)
    numbers = frame[column].reset_index(drop=True).dropna()
    grouped = numbers.groupby(run[numbers.index.to_numpy()])
    keep = np.union1d(grouped.idxmin().to_numpy(), grouped.idxmax().to_numpy())
    return frame.iloc[keep]


def thinned_note(drawn: int, total: int, rule: str, noun: str = "photos") -> str:
    """The sentence that says how many rows are drawn, empty where it is all of them."""
    if drawn >= total:
        return ""
    return f"{drawn:,} of {total:,} {noun} are drawn: {rule}."


EVERY_NTH_RULE = "every n-th one in order of time"
EXTREMES_RULE = "the lowest and the highest of each run of neighbours, so that no peak is lost"


def marks(split: str, *, size: float = 5, opacity: float = 0.65) -> Layout:
    """How the marks of a split look."""
    return {
        "color": SPLIT_COLOUR[split],
        "symbol": SPLIT_MARK[split],
        "size": size,
        "opacity": opacity,
    }


def photo_facts(rows: pd.DataFrame) -> list[list[Any]]:
    """What pointing at a mark tells: time, filename, value, score, rank percentile, split."""
    return [
        list(row)
        for row in zip(
            stamps(rows["timestamp"]),
            rows["filename"],
            plain_numbers(rows["value"], 4),
            plain_numbers(rows["score"], 4),
            plain_numbers(rows["rank_percentile"], 4),
            rows["split"],
            strict=True,
        )
    ]


def equal_count_bins(values: pd.Series, least: int = 20, most: int = 10) -> pd.Series:
    """Number the values by size into bins of nearly equal count, from 0.

    Args:
        values: numbers, [n].
        least: values that a bin holds at least, if there are as many.
        most: bins at most.
    """
    bins = int(min(max(len(values) // least, 1), most))
    order: pd.Series = values.rank(method="first") - 1
    return (order * bins // max(len(values), 1)).astype("int64")


def box_trace(x: Sequence[Any], groups: Sequence[pd.Series], name: str, colour: str) -> Trace:
    """Box plots from five figures each: 5, 25, 50, 75 and 95 % of the group's values."""
    table = [
        plain_numbers(np.quantile(group, [0.05, 0.25, 0.5, 0.75, 0.95]))
        if len(group)
        else [None] * 5
        for group in groups
    ]
    low, first, middle, third, high = zip(*table, strict=True) if table else ([],) * 5
    return {
        "type": "box",
        "name": name,
        "x": list(x),
        "lowerfence": list(low),
        "q1": list(first),
        "median": list(middle),
        "q3": list(third),
        "upperfence": list(high),
        "line": {"color": colour, "width": 1.5},
        "fillcolor": "var(--box)",
        "hoverinfo": "y",
    }


def split_views(names: Sequence[str]) -> tuple[View, ...]:
    """One view a trace, where there is more than one to choose from."""
    if len(names) < 2:
        return ()
    return tuple(View(name, (place,)) for place, name in enumerate(names))


def zero_line(axis_name: str = "y") -> Layout:
    """A line across the chart where the numbers are zero."""
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "yref": axis_name,
        "y0": 0,
        "y1": 0,
        "line": {"color": INK, "width": 1},
        "layer": "below",
    }
