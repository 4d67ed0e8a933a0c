"""The chart of the annotators' marks: do dry photos score lower than the others?

People mark photos as dry, disconnected, icy or bad while they compare them. The network never sees
the marks, so how far the scores of dry photos lie apart is a test that needs no gauge.
"""

import numpy as np

from fperank.agreement.material import UNMARKED, Material, photos_by_mark
from fperank.report.charts import (
    GREY,
    Absent,
    Chart,
    Trace,
    percent_axis,
    plain_numbers,
)
from fperank.report.summary import MARK_WORDS

_COLOUR = {
    "DRY": "#D55E00",
    "DISCONNECTED": "#E69F00",
    "ICE_PARTIAL": "#56B4E9",
    "ICE": "#0072B2",
    "BAD": "#CC5A9B",
    UNMARKED: GREY,
}
_LINE_POINTS = 300


def scores_by_mark(material: Material) -> Chart | Absent:
    """Share of each mark's photos at or below a rank percentile."""
    title = "Scores by the annotators' marks"
    by_mark = photos_by_mark(material)
    if set(by_mark) <= {UNMARKED}:
        return Absent(title, "No scored photo was marked as dry, disconnected, icy or bad.")
    traces: list[Trace] = []
    for name, photos in by_mark.items():
        ranks = np.sort(photos["rank_percentile"].to_numpy())
        share = np.arange(1, len(ranks) + 1) / len(ranks)
        shown = np.unique(np.linspace(0, len(ranks) - 1, _LINE_POINTS).round().astype(int))
        words = MARK_WORDS[name]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers" if len(ranks) < 20 else "lines",
                "name": f"{words} ({len(ranks):,})",
                "x": plain_numbers(np.concatenate([ranks[:1], ranks[shown]])),
                "y": plain_numbers(np.concatenate([[0.0], share[shown]])),
                "line": {"color": _COLOUR[name], "width": 2, "shape": "hv"},
                "marker": {"size": 5},
                "hovertemplate": "%{y:.0%} at or below %{x:.0%}<extra>" + words + "</extra>",
            }
        )
    return Chart(
        title=title,
        alt="Cumulative distribution of the photos' rank percentiles, one line for each mark.",
        traces=traces,
        layout={
            "xaxis": percent_axis("Rank percentile of the score"),
            "yaxis": percent_axis("Share at or below"),
        },
        note="Photos that annotators saw. A photo with two marks stands in both lines.",
        height=340,
    )
