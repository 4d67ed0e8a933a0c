"""How far apart the observed values of the compared photos are, and whether people could tell.

Needs observed values. A difference has no sign here: which photo of a pair is the first is chance.
"""

from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fperank.agreement.material import Material
from fperank.report.charts import (
    NO_PAIRS,
    Absent,
    Chart,
    Numbers,
    Trace,
    axis,
    observed_words,
    plain_numbers,
)

FOLLOWS, TIED, CONTRADICTS = (
    "answer follows the values",
    "annotator saw no difference",
    "answer contradicts the values",
)
_COLOURS = {FOLLOWS: "#009E73", TIED: "var(--grey)", CONTRADICTS: "#D55E00"}
_DECADES = 5
_RELATIVE_ENDS = np.array([0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8])


def differences(material: Material, *, relative: bool = False) -> Chart | Absent:
    """Pairs by the difference of their two observed values, and what was answered.

    Args:
        material: what the report is made from.
        relative: the difference over the mean of both values, 0 to 2, in place of the difference
            in the variable's unit. Pairs whose mean is not above 0 then have none.
    """
    words = observed_words(material.variable)
    title = f"Pairs by {'relative ' * relative}difference in {words}"
    if material.pairs.empty:
        return Absent(title, NO_PAIRS)
    pairs = material.pairs.dropna(subset=["value_1", "value_2"])
    mean = (pairs["value_1"] + pairs["value_2"]) / 2
    if relative:
        pairs = pairs[mean > 0]
    if pairs.empty:
        why = ", with a mean above 0" * relative
        return Absent(title, f"No annotated pair has observed values for both photos{why}.")
    difference = pairs["value_1"] - pairs["value_2"]
    size = (difference / mean[pairs.index] if relative else difference).abs()
    numbers = size.to_numpy(dtype="float64")
    ends = _RELATIVE_ENDS if relative else round_ends(numbers)
    place = np.searchsorted(ends, numbers, side="right")
    names = _names([f"{end:.0%}" if relative else f"{end:,.10g}" for end in ends])
    counts = {
        outcome: np.bincount(place[rows], minlength=len(names))
        for outcome, rows in _outcomes(pairs["label"], difference).items()
    }
    total = sum(counts.values())
    traces: list[Trace] = [
        {
            "type": "bar",
            "name": outcome,
            "x": names,
            "y": [int(one) for one in n],
            "customdata": plain_numbers(n / np.maximum(total, 1)),
            "marker": {"color": _COLOURS[outcome]},
            "hovertemplate": "%{x}: %{y} pairs, %{customdata:.0%}<extra>" + outcome + "</extra>",
        }
        for outcome, n in counts.items()
    ]
    unit = "share of their mean" if relative else material.variable.unit
    measure = f" ({unit})" if unit else ""
    return Chart(
        title=title,
        alt=f"Stacked bars: number of pairs by the difference of their {words}, by the answer.",
        traces=traces,
        layout={
            "barmode": "stack",
            "bargap": 0.12,
            "xaxis": axis(f"Difference of both values{measure}", type="category"),
            "yaxis": axis("Pairs", rangemode="tozero"),
        },
    )


def round_ends(sizes: Numbers) -> Numbers:
    """Ends of bins that read well, 1, 2, 5, 10, 20 and so on, for numbers of any magnitude.

    Args:
        sizes: `[n]`, not negative.

    Returns:
        rising ends between the bins. What is below the first or from the last on has a bin too.
        They reach over five decades at most, and hold a single 1 where all numbers are 0.
    """
    positive = sizes[sizes > 0]
    if not len(positive):
        return np.array([1.0])
    high = float(positive.max())
    low = max(float(np.quantile(positive, 0.02)), high / 10.0**_DECADES)
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    # Written as text and read, so that 0.2 is the number that prints as 0.2.
    series = np.array([float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5)])
    inner = series[(series > low) & (series <= high)]
    return inner if len(inner) else series[series <= high][-1:]


def _names(ends: list[str]) -> list[str]:
    inner = [f"{low} to {high}" for low, high in pairwise(ends)]
    return [f"below {ends[0]}", *inner, f"{ends[-1]} and more"]


def _outcomes(label: pd.Series, difference: pd.Series) -> dict[str, NDArray[np.bool_]]:
    """Which pairs end how; an answer LEFT or RIGHT to equal values contradicts them."""
    tied = (label == 0).to_numpy()
    follows = (label == np.sign(difference)).to_numpy() & ~tied
    return {FOLLOWS: follows, TIED: tied, CONTRADICTS: ~tied & ~follows}
