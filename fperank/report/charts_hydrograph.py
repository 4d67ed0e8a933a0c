"""The relative hydrograph, photo by photo and day by day, beside the observed values."""

from typing import Any

import pandas as pd

from fperank.report.charts import (
    BAND,
    EVERY_NTH_RULE,
    NO_SCORES,
    Absent,
    Chart,
    Layout,
    Trace,
    View,
    axis,
    every_nth,
    marks,
    percent_axis,
    photo_facts,
    present_splits,
    rounded,
    stamps,
    thinned_note,
    with_extremes,
)
from fperank.report.charts_time import (
    join_notes,
    line,
    observed_note,
    observed_record,
    photo_values,
    usual_gap,
    with_gaps,
)
from fperank.report.material import Material, rank_percentile

DAY_MEAN = "#D55E00"
RIGHT: Layout = {"overlaying": "y", "side": "right"}
NO_RIGHT_AXIS: Layout = {**RIGHT, "visible": False}


def hydrograph(material: Material) -> Chart | Absent:
    """Score or rank percentile of every photo and day, beside the observed values."""
    title = "Relative hydrograph, photo by photo"
    scored = material.predictions[material.predictions["score"].notna()]
    if scored.empty:
        return Absent(title, NO_SCORES)
    drawn = every_nth(scored)
    by_rank: list[Trace] = []
    by_score: list[Trace] = []
    axis_name = "y2" if material.has_values else "y"
    for split in present_splits(drawn):
        rows = drawn[drawn["split"] == split]
        by_rank.append(_photo_marks(rows, split, "rank_percentile", "y"))
        by_score.append(_photo_marks(rows, split, "score", axis_name))
    # Lines lie above the marks, which would hide them.
    if material.has_values:
        by_rank.append(_observed_percentiles(material))
        record = observed_record(material) if len(material.observations) else photo_values(material)
        by_score.append(record)
    days = scored.groupby(scored["timestamp"].dt.date, sort=True)
    noon = [f"{date} 12:00" for date in days.groups]
    by_rank.append(_mean_line(noon, days["rank_percentile"].mean(), "daily mean", "y"))
    by_score.append(_mean_line(noon, days["score"].mean(), "daily mean score", axis_name))
    return Chart(
        title=title,
        alt=(
            "The model's score of every photo over time, coloured by split, with daily means"
            + (" and the observed values." if material.has_values else ".")
        ),
        traces=by_rank + by_score,
        layout={
            "xaxis": axis("Date", type="date"),
            "yaxis": percent_axis("Rank percentile"),
            "yaxis2": NO_RIGHT_AXIS,
            **_annotated_period(material),
        },
        views=_hydrograph_views(material, by_rank, by_score),
        note=join_notes(
            thinned_note(len(drawn), len(scored), EVERY_NTH_RULE), observed_note(material)
        ),
        photos=True,
        height=460,
    )


def daily_hydrograph(material: Material) -> Chart | Absent:
    """Daily means: rank percentiles among days, or score beside the observed values."""
    title = "Relative hydrograph, day by day"
    days = material.days[material.days["score"].notna()].reset_index(drop=True)
    if days.empty:
        return Absent(title, NO_SCORES)
    days["percentile"] = rank_percentile(days["score"])
    days = days.merge(_midday_photos(material), on="date", how="left")
    observed = days[days["value"].notna()]
    by_rank: list[Trace] = []
    by_score: list[Trace] = []
    axis_name = "y2" if len(observed) else "y"
    if len(observed):
        percentile = rank_percentile(observed["value"])
        x, y = with_gaps(pd.to_datetime(observed["date"]), percentile, pd.Timedelta(days=3))
        by_rank.append(line(x, y, "observed", "y"))
        x, y = with_gaps(pd.to_datetime(observed["date"]), observed["value"], pd.Timedelta(days=3))
        by_score.append(line(x, y, "observed", "y"))
    for split in present_splits(days):
        rows = days[days["split"] == split]
        facts = [
            [f"{date} 12:00", filename, *values, split]
            for date, filename, *values in zip(
                rows["date"],
                rows["filename"],
                rounded(rows["value"], 4),
                rounded(rows["score"], 4),
                rounded(rows["percentile"], 4),
                strict=True,
            )
        ]
        for traces, column, name in ((by_rank, "percentile", "y"), (by_score, "score", axis_name)):
            trace = _marks(list(map(str, rows["date"])), rows[column], split, name, facts, size=7)
            traces.append(trace)
    return Chart(
        title=title,
        alt="Daily means of the score over time, with those of the observed values where known.",
        traces=by_rank + by_score,
        layout={
            "xaxis": axis("Date", type="date"),
            "yaxis": percent_axis("Rank percentile"),
            "yaxis2": NO_RIGHT_AXIS,
            **_annotated_period(material),
        },
        views=_hydrograph_views(material, by_rank, by_score),
        photos=True,
        height=460,
    )


def _hydrograph_views(
    material: Material, by_rank: list[Trace], by_score: list[Trace]
) -> tuple[View, ...]:
    n_rank, n_score = len(by_rank), len(by_score)
    rank = View(
        "Rank percentile",
        tuple(range(n_rank)),
        {"yaxis": percent_axis("Rank percentile"), "yaxis2": NO_RIGHT_AXIS},
    )
    score_axis = axis("Score (no unit)", zeroline=False)
    if material.has_values:
        shown = {
            "yaxis": axis(material.variable.axis_label, log=material.log_values),
            "yaxis2": {**score_axis, **RIGHT, "showgrid": False, "tickmode": "auto"},
        }
        label = "Score and observed value"
    else:
        shown, label = {"yaxis": score_axis, "yaxis2": NO_RIGHT_AXIS}, "Score"
    return rank, View(label, tuple(range(n_rank, n_rank + n_score)), shown)


def _annotated_period(material: Material) -> Layout:
    first = material.input.get("annotation_first_date")
    last = material.input.get("annotation_last_date")
    if not first or not last:
        return {}
    band = {
        "type": "rect",
        "xref": "x",
        "x0": f"{first} 00:00",
        "x1": f"{last} 23:59",
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "fillcolor": BAND,
        "line": {"width": 0},
        "layer": "below",
    }
    name = {
        "text": "annotated dates",
        "showarrow": False,
        "xref": "x",
        "x": f"{first} 00:00",
        "yref": "paper",
        "y": 1,
        "xanchor": "left",
        "yanchor": "top",
        "font": {"size": 11, "color": "var(--muted)"},
    }
    return {"shapes": [band], "annotations": [name]}


def _photo_marks(rows: pd.DataFrame, split: str, column: str, axis_name: str) -> Trace:
    return _marks(stamps(rows["timestamp"]), rows[column], split, axis_name, photo_facts(rows))


def _marks(
    x: list[str],
    y: pd.Series,
    split: str,
    axis_name: str,
    facts: list[list[Any]],
    size: float = 5,
) -> Trace:
    number = "%{y:.0%}" if y.name in {"rank_percentile", "percentile"} else "%{y:.3f}"
    return {
        "type": "scatter",
        "mode": "markers",
        "name": split,
        "legendgroup": split,
        "x": x,
        "y": rounded(y),
        "yaxis": axis_name,
        "marker": marks(split, size=size),
        "customdata": facts,
        "hovertemplate": "%{x|%d %b %Y %H:%M}<br>" + number + "<extra>" + split + "</extra>",
    }


def _mean_line(x: list[str], y: pd.Series, name: str, axis_name: str) -> Trace:
    dates = pd.Series(pd.to_datetime(x))
    times, numbers = with_gaps(dates, y.reset_index(drop=True), pd.Timedelta(days=3))
    return {
        **line(times, numbers, name, axis_name),
        "line": {"color": DAY_MEAN, "width": 2},
        "opacity": 1,
    }


def _observed_percentiles(material: Material) -> Trace:
    known = material.predictions[material.predictions["value"].notna()]
    known = known.assign(percentile=rank_percentile(known["value"]))
    drawn = with_extremes(known, "percentile")
    x, y = with_gaps(drawn["timestamp"], drawn["percentile"], usual_gap(drawn["timestamp"]))
    return line(x, y, "observed", "y")


def _midday_photos(material: Material) -> pd.DataFrame:
    """The scored photo of each date that is nearest to noon."""
    scored = material.predictions[material.predictions["score"].notna()]
    hour = scored["timestamp"].dt.hour + scored["timestamp"].dt.minute / 60
    rows = scored.assign(date=scored["timestamp"].dt.date, from_noon=(hour - 12).abs())
    nearest = rows.sort_values(["from_noon", "timestamp"], kind="stable").drop_duplicates("date")
    return nearest[["date", "filename"]]
