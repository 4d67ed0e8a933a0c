"""Charts of observed values against scores: distributions, agreement and residuals.

A residual is the rank percentile of the score minus that of the observed value, both among the
photos (or days) that have both: above zero the model sees more water than the gauge.
"""

import calendar

import numpy as np
import pandas as pd

from fperank.agreement.material import Material, rank_percentile
from fperank.report.charts import (
    EVERY_NTH_RULE,
    MAX_POINTS,
    NO_SCORES,
    NO_VALUES,
    SPLIT_COLOUR,
    Absent,
    Chart,
    Layout,
    Numbers,
    Trace,
    axis,
    box_trace,
    every_nth,
    marks,
    observed_words,
    percent_axis,
    photo_facts,
    plain_numbers,
    present_splits,
    split_views,
    stamps,
    thinned_note,
    zero_line,
)
from fperank.report.charts_pairs import equal_line

ALL = "all photos"


def histogram(material: Material, column: str) -> Chart | Absent:
    """Share of each split's photos by observed value or by score."""
    words, label, log = _column(material, column)
    title = f"Distribution of the {words}"
    photos = material.predictions[material.predictions[column].notna()]
    if photos.empty:
        return Absent(title, NO_VALUES if column == "value" else NO_SCORES)
    scale = np.log10 if log else np.asarray
    low, high = float(photos[column].min()), float(photos[column].max())
    edges = np.linspace(scale(low), scale(high) if high > low else scale(low) + 1, 31)
    ends = np.power(10, edges) if log else edges
    traces: list[Trace] = []
    for split in present_splits(photos):
        values = photos.loc[photos["split"] == split, column].to_numpy()
        counts, _ = np.histogram(np.clip(scale(values), edges[0], edges[-1]), bins=edges)
        share = counts / len(values)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": split,
                # A step needs a start at zero and an end at zero to read as a histogram.
                "x": plain_numbers(np.concatenate([ends[:1], ends[:-1], ends[-1:], ends[-1:]])),
                "y": plain_numbers(np.concatenate([[0.0], share, share[-1:], [0.0]])),
                "line": {"color": SPLIT_COLOUR[split], "width": 2, "shape": "hv"},
                "hovertemplate": "%{y:.1%} of photos<extra>" + split + "</extra>",
            }
        )
    return Chart(
        title=title,
        alt=f"Histogram of the {words}, one line a split.",
        traces=traces,
        layout={
            "xaxis": axis(label, log=log),
            "yaxis": axis("Share of the split's photos", tickformat=".0%", rangemode="tozero"),
        },
        height=340,
    )


def ecdf(material: Material, column: str) -> Chart | Absent:
    """Share of each split's photos at or below an observed value or a score."""
    words, label, log = _column(material, column)
    title = f"Cumulative distribution of the {words}"
    photos = material.predictions[material.predictions[column].notna()]
    if photos.empty:
        return Absent(title, NO_VALUES if column == "value" else NO_SCORES)
    traces: list[Trace] = []
    for split in present_splits(photos):
        values = np.sort(photos.loc[photos["split"] == split, column].to_numpy())
        share = np.arange(1, len(values) + 1) / len(values)
        shown = np.unique(np.linspace(0, len(values) - 1, 300).round().astype(int))
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": split,
                "x": plain_numbers(values[shown]),
                "y": plain_numbers(share[shown]),
                "line": {"color": SPLIT_COLOUR[split], "width": 2, "shape": "hv"},
                "hovertemplate": "%{y:.0%} at or below %{x}<extra>" + split + "</extra>",
            }
        )
    return Chart(
        title=title,
        alt=f"Empirical cumulative distribution of the {words}, one line a split.",
        traces=traces,
        layout={"xaxis": axis(label, log=log), "yaxis": percent_axis("Share at or below")},
        height=340,
    )


def score_against_value(material: Material, *, daily: bool = False) -> Chart | Absent:
    """Observed value and score, a mark a photo or a day."""
    title = f"Score against observed value, {'days' if daily else 'photos'}"
    rows = compared(material, daily=daily)
    if rows.empty:
        return Absent(title, _why_not_compared(material))
    layout = {
        "xaxis": axis(material.variable.axis_label, log=material.log_values),
        "yaxis": axis("Score (no unit)", zeroline=False),
    }
    return _cloud(rows, title, "value", "score", layout, daily=daily)


def percentile_against_percentile(material: Material, *, daily: bool = False) -> Chart | Absent:
    """Rank percentiles of observed value and score, a mark a photo or a day."""
    title = f"Rank against rank, {'days' if daily else 'photos'}"
    rows = compared(material, daily=daily)
    if rows.empty:
        return Absent(title, _why_not_compared(material))
    layout = {
        "xaxis": percent_axis("Rank percentile of the observed value"),
        "yaxis": percent_axis("Rank percentile of the score"),
    }
    chart = _cloud(rows, title, "observed_percentile", "score_percentile", layout, daily=daily)
    chart.traces.append(equal_line([0.0, 1.0]))
    return chart


def residuals_over_time(material: Material) -> Chart | Absent:
    """Residual of every photo, by split."""
    title = "Residuals over time"
    rows = compared(material)
    if rows.empty:
        return Absent(title, _why_not_compared(material))
    layout = {
        "xaxis": axis("Date", type="date"),
        "yaxis": _residual_axis(rows["residual"]),
        "shapes": [zero_line()],
    }
    return _cloud(rows, title, "time", "residual", layout, daily=False)


def residuals_by_hour(material: Material) -> Chart | Absent:
    """Residuals in boxes by the local hour."""
    rows = compared(material)
    return _boxes(
        material,
        rows,
        "Residuals by hour",
        rows["timestamp"].dt.hour,
        {hour: f"{hour:02d}" for hour in range(24)},
        "Local hour of the photo",
    )


def residuals_by_month(material: Material) -> Chart | Absent:
    """Residuals in boxes by the local month."""
    rows = compared(material)
    return _boxes(
        material,
        rows,
        "Residuals by month",
        rows["timestamp"].dt.month,
        {month: calendar.month_abbr[month] for month in range(1, 13)},
        "Month",
    )


def residuals_by_rank(material: Material) -> Chart | Absent:
    """Residuals in boxes by the tenth of the score's ranks that a photo is in."""
    rows = compared(material)
    tenth = (rows["score_percentile"] * 10).clip(upper=9).astype("int64")
    return _boxes(
        material,
        rows,
        "Residuals by predicted rank",
        tenth,
        {ten: f"{10 * ten} to {10 * ten + 10}%" for ten in range(10)},
        "Rank percentile of the score",
    )


def compared(material: Material, *, daily: bool = False) -> pd.DataFrame:
    """Photos or days with observed value and score, their percentiles among these, residuals.

    Returns:
        The columns of the predictions or of `Material.daily`, with observed_percentile,
        score_percentile and residual.
    """
    table = material.daily if daily else material.predictions
    rows = table.dropna(subset=["value", "score"]).reset_index(drop=True)
    observed, score = rank_percentile(rows["value"]), rank_percentile(rows["score"])
    return rows.assign(
        observed_percentile=observed, score_percentile=score, residual=score - observed
    )


def _column(material: Material, column: str) -> tuple[str, str, bool]:
    if column == "value":
        return observed_words(material.variable), material.variable.axis_label, material.log_values
    return "score", "Score (no unit)", False


def _why_not_compared(material: Material) -> str:
    if not material.has_values:
        return NO_VALUES
    return "No photo has both an observed value and a score." if material.has_scores else NO_SCORES


def _residual_axis(residuals: pd.Series) -> Layout:
    """Symmetric about zero, and wide enough that small residuals look small."""
    end = min(max(1.08 * float(residuals.abs().max()), 0.25), 1.05)
    return axis("Rank of score minus rank of observed", tickformat="+.0%", range=[-end, end])


def _cloud(rows: pd.DataFrame, title: str, x: str, y: str, layout: Layout, *, daily: bool) -> Chart:
    drawn = every_nth(rows, MAX_POINTS)
    traces: list[Trace] = []
    for split in present_splits(drawn):
        part = drawn[drawn["split"] == split]
        trace: Trace = {
            "type": "scatter",
            "mode": "markers",
            "name": split,
            "x": stamps(part["timestamp"]) if x == "time" else plain_numbers(part[x]),
            "y": plain_numbers(part[y]),
            "marker": marks(split, size=7 if daily else 5),
        }
        if daily:
            trace["text"] = [str(date) for date in part["date"]]
            trace["hovertemplate"] = "%{text}<br>%{x}, %{y}<extra>" + split + "</extra>"
        else:
            trace["customdata"] = photo_facts(part)
            trace["hovertemplate"] = "%{customdata[0]}<br>%{x}, %{y}<extra>" + split + "</extra>"
        traces.append(trace)
    noun = "days" if daily else "photos"
    return Chart(
        title=title,
        alt=f"{title}: one mark each, coloured by split.",
        traces=traces,
        layout=layout,
        note=thinned_note(len(drawn), len(rows), EVERY_NTH_RULE, noun),
        photos=not daily,
        height=420,
    )


def _boxes(
    material: Material,
    rows: pd.DataFrame,
    title: str,
    group: pd.Series,
    names: dict[int, str],
    label: str,
) -> Chart | Absent:
    if rows.empty:
        return Absent(title, _why_not_compared(material))
    numbers: Numbers = np.asarray(group)
    present = [one for one in names if (numbers == one).any()]
    traces: list[Trace] = []
    shown = [ALL, *present_splits(rows)]
    for name in shown:
        chosen = np.ones(len(rows), dtype=bool) if name == ALL else (rows["split"] == name)
        groups = [rows["residual"][chosen & (numbers == one)] for one in present]
        colour = SPLIT_COLOUR.get(name, "var(--ink)")
        traces.append(box_trace([names[one] for one in present], groups, name, colour))
    return Chart(
        title=title,
        alt=f"{title}: boxes of the middle half, whiskers from 5 to 95% of the photos.",
        traces=traces,
        layout={
            "xaxis": axis(
                label,
                type="category",
                categoryorder="array",
                categoryarray=[names[one] for one in present],
            ),
            "yaxis": _residual_axis(rows["residual"]),
            "shapes": [zero_line()],
            "showlegend": False,
        },
        views=split_views(shown),
        height=360,
    )
