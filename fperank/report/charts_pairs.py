"""Charts of the annotated pairs: only one of them needs observed values."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from fperank.agreement.evaluation import tie_probability
from fperank.agreement.material import Material
from fperank.report.charts import (
    ANSWER_COLOUR,
    ANSWER_MARK,
    ANSWERS,
    EVERY_NTH_RULE,
    INK,
    NO_PAIRS,
    SPLIT_COLOUR,
    Absent,
    Chart,
    Layout,
    Numbers,
    Trace,
    View,
    axis,
    equal_count_bins,
    every_nth,
    percent_axis,
    plain_numbers,
    stamps,
    thinned_note,
)

SPLIT_WORDS = {"val": "Held-out pairs", "train": "Training pairs"}
AGREES, DIFFERS, TIED = "model agrees", "model disagrees", "annotator saw no difference"


def pairs_by_time(material: Material) -> Chart | Absent:
    """The times of both photos of each pair, coloured by the answer."""
    title = "Annotated pairs by time"
    if material.pairs.empty:
        return Absent(title, NO_PAIRS)
    return _two_sided(
        material.pairs,
        title,
        "Each annotated pair by the times of its two photos, coloured by the answer.",
        "timestamp",
        stamps,
        {
            "xaxis": axis("Time of photo 1", type="date"),
            "yaxis": axis("Time of photo 2", type="date"),
        },
    )


def pairs_by_value(material: Material) -> Chart | Absent:
    """The observed values of both photos of each pair, coloured by the answer."""
    title = "Annotated pairs by observed value"
    if material.pairs.empty:
        return Absent(title, NO_PAIRS)
    known = material.pairs.dropna(subset=["value_1", "value_2"])
    if known.empty:
        return Absent(title, "No annotated pair has observed values for both photos.")
    both = pd.concat([known["value_1"], known["value_2"]])
    log = material.variable.log_axis and bool((both > 0).all())
    chart = _two_sided(
        known,
        title,
        "Each annotated pair by the observed values of its two photos, coloured by the answer.",
        "value",
        plain_numbers,
        {
            "xaxis": axis(f"Photo 1: {material.variable.axis_label}", log=log),
            "yaxis": axis(f"Photo 2: {material.variable.axis_label}", log=log),
        },
    )
    ends = plain_numbers([both.min(), both.max()])
    chart.traces.insert(0, equal_line(ends))
    return chart


def equal_line(ends: list[float | None]) -> Trace:
    """The line on which both axes show the same number."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "equal",
        "x": ends,
        "y": ends,
        "line": {"color": INK, "width": 1, "dash": "dot"},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def annotator_agreement(material: Material) -> tuple[int, int]:
    """How many answers name the photo with the higher observed value, of how many that can.

    Only pairs with two different values and an answer other than "no difference" count.
    """
    known = material.pairs.dropna(subset=["value_1", "value_2"])
    order = np.sign(known["value_1"] - known["value_2"])
    decided = (known["label"] != 0) & (order != 0)
    return int((known["label"] == order)[decided].sum()), int(decided.sum())


def answers_by_score_difference(material: Material) -> Chart | Absent:
    """Shares of pairs that the model orders as the annotator did, or not, or that tie."""
    title = "Right, wrong and tied, by score difference"
    scored = scored_pairs(material)
    if scored.empty:
        return Absent(title, _why_no_scored_pairs(material))
    traces: list[Trace] = []
    views: list[View] = []
    for split, words in SPLIT_WORDS.items():
        rows = scored[scored["split"] == split]
        if rows.empty:
            continue
        names, shares, counts = _outcomes_by_bin(rows)
        start = len(traces)
        for outcome, colour in ((AGREES, "#009E73"), (TIED, "var(--grey)"), (DIFFERS, "#D55E00")):
            traces.append(
                {
                    "type": "bar",
                    "name": outcome,
                    "x": names,
                    "y": plain_numbers(shares[outcome]),
                    "customdata": counts,
                    "marker": {"color": colour},
                    "hovertemplate": "%{y:.0%} of %{customdata} pairs<extra>"
                    + outcome
                    + "</extra>",
                }
            )
        views.append(View(words, tuple(range(start, len(traces)))))
    return Chart(
        title=title,
        alt="Stacked bars: pairs in groups by the difference of the two scores.",
        traces=traces,
        layout={
            "barmode": "stack",
            "bargap": 0.12,
            "xaxis": axis("Difference of the two scores (groups of equal count)", type="category"),
            "yaxis": axis("Share of pairs", tickformat=".0%", range=[0, 1]),
        },
        views=tuple(views),
    )


def tie_calibration(material: Material) -> Chart | Absent:
    """How often annotators see no difference, and how often the model expects them to."""
    title = "Ties: seen and expected"
    scored = scored_pairs(material)
    if scored.empty:
        return Absent(title, _why_no_scored_pairs(material))
    traces: list[Trace] = []
    widest = float(scored["difference"].abs().max())
    for split, words in SPLIT_WORDS.items():
        rows = scored[scored["split"] == split]
        if rows.empty:
            continue
        bins = tie_bins(rows)
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"seen, {words.lower()}",
                "x": plain_numbers(bins["difference"]),
                "y": plain_numbers(bins["share"]),
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": plain_numbers(bins["high"] - bins["share"]),
                    "arrayminus": plain_numbers(bins["share"] - bins["low"]),
                    "thickness": 1,
                    "width": 3,
                },
                "marker": {"color": SPLIT_COLOUR[split], "size": 8},
                "customdata": [int(n) for n in bins["n"]],
                "hovertemplate": "%{y:.0%} of %{customdata} pairs<extra></extra>",
                **({} if split == "val" else {"visible": "legendonly"} if len(traces) else {}),
            }
        )
    grid = np.linspace(0, widest, 81)
    expected = tie_probability(grid, material.model)
    if expected is not None:
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": "expected by the model",
                "x": plain_numbers(grid),
                "y": plain_numbers(expected),
                "line": {"color": INK, "width": 2},
                "hovertemplate": "%{y:.0%}<extra>expected</extra>",
            }
        )
    return Chart(
        title=title,
        alt='Share of pairs answered "no difference" against the difference of the two scores.',
        traces=traces,
        layout={
            "xaxis": axis("Difference of the two scores, without its sign", rangemode="tozero"),
            "yaxis": percent_axis('Share answered "no difference"'),
        },
        note=""
        if expected is not None
        else "The loss of this model (ranknet) has no probability of a tie of its own.",
    )


def scored_pairs(material: Material) -> pd.DataFrame:
    """The pairs with two scores, and `difference`: score of photo 1 minus that of photo 2."""
    scored = material.pairs.dropna(subset=["score_1", "score_2"])
    return scored.assign(difference=scored["score_1"] - scored["score_2"])


def tie_bins(pairs: pd.DataFrame) -> pd.DataFrame:
    """Ties seen, in bins of the score difference without its sign.

    Args:
        pairs: label and difference, one row a pair.

    Returns:
        difference (mean of the bin), n, share (of ties), low and high (95% interval of the share,
        Wilson 1927, doi 10.1080/01621459.1927.10502953).
    """
    size = pairs["difference"].abs()
    groups = pairs.assign(size=size, tie=pairs["label"] == 0).groupby(equal_count_bins(size))
    bins = groups.agg(difference=("size", "mean"), n=("tie", "size"), share=("tie", "mean"))
    z = 1.959964
    n, share = bins["n"], bins["share"]
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    bins["low"] = np.minimum(middle - half, share)
    bins["high"] = np.maximum(middle + half, share)
    return bins.reset_index(drop=True)


def _two_sided(
    pairs: pd.DataFrame,
    title: str,
    alt: str,
    column: str,
    written: Callable[[pd.Series], list[str] | list[float | None]],
    layout: Layout,
) -> Chart:
    drawn = every_nth(pairs)
    traces: list[Trace] = []
    for label, words in ANSWERS.items():
        rows = drawn[drawn["label"] == label]
        if rows.empty:
            continue
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": words,
                "x": written(rows[f"{column}_1"]),
                "y": written(rows[f"{column}_2"]),
                "marker": {
                    "color": ANSWER_COLOUR[label],
                    "symbol": ANSWER_MARK[label],
                    "size": 6,
                    "opacity": 0.7,
                },
                "customdata": list(rows["split"]),
                "hovertemplate": "photo 1: %{x}<br>photo 2: %{y}<br>%{customdata}<extra></extra>",
            }
        )
    note = thinned_note(
        len(drawn), len(pairs), EVERY_NTH_RULE.replace(" in order of time", ""), "pairs"
    )
    return Chart(title=title, alt=alt, traces=traces, layout=layout, note=note, height=420)


def _why_no_scored_pairs(material: Material) -> str:
    return NO_PAIRS if material.pairs.empty else "No pair has a score for both of its photos."


def _outcomes_by_bin(pairs: pd.DataFrame) -> tuple[list[str], dict[str, Numbers], list[int]]:
    size = pairs["difference"].abs()
    bins = equal_count_bins(size)
    right = (np.sign(pairs["difference"]) == pairs["label"]) & (pairs["label"] != 0)
    tied = pairs["label"] == 0
    groups = size.groupby(bins)
    # Invisible spaces keep two groups apart whose bounds read the same.
    names = [
        f"{group.min():.2f} to {group.max():.2f}" + "\u200b" * place
        for place, (_, group) in enumerate(groups)
    ]
    shares = {
        AGREES: right.groupby(bins).mean().to_numpy(),
        TIED: tied.groupby(bins).mean().to_numpy(),
        DIFFERS: (~right & ~tied).groupby(bins).mean().to_numpy(),
    }
    return names, shares, [len(group) for _, group in groups]
