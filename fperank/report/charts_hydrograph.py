"""The relative hydrograph, photo by photo and day by day, beside the observed values."""

from typing import Any

import pandas as pd

from fperank.agreement.material import Material, day_starts, rank_percentile
from fperank.report.charts import (
    BAND,
    EVERY_NTH_RULE,
    EXTREMES_RULE,
    MAX_POINTS,
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
    plain_numbers,
    present_splits,
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
    days = scored.groupby(day_starts(scored["timestamp"]), sort=True)
    means = days[["rank_percentile", "score"]].mean()
    gap = _day_gap(len(means))
    means = with_extremes(means, "rank_percentile")
    by_rank.append(_mean_line(means["rank_percentile"], "daily mean", "y", gap))
    by_score.append(_mean_line(means["score"], "daily mean score", axis_name, gap))
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
    observed = days[days["value"].notna()]
    drawn = with_extremes(days, "percentile").merge(_midday_photos(material), on="date", how="left")
    by_rank: list[Trace] = []
    by_score: list[Trace] = []
    axis_name = "y2" if len(observed) else "y"
    if len(observed):
        known = observed.assign(percentile=rank_percentile(observed["value"]))
        known = with_extremes(known, "percentile")
        for traces, column in ((by_rank, "percentile"), (by_score, "value")):
            dates = pd.to_datetime(known["date"])
            x, y = with_gaps(dates, known[column], _day_gap(len(observed)))
            traces.append(line(x, y, "observed", "y"))
    for split in present_splits(drawn):
        rows = drawn[drawn["split"] == split]
        facts = [
            [f"{date} 12:00", filename, *values, split]
            for date, filename, *values in zip(
                rows["date"],
                rows["filename"],
                plain_numbers(rows["value"], 4),
                plain_numbers(rows["score"], 4),
                plain_numbers(rows["percentile"], 4),
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
        note=thinned_note(len(drawn), len(days), EXTREMES_RULE, "days"),
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
    first, last = material.input.annotation_first_date, material.input.annotation_last_date
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
        "y": plain_numbers(y),
        "yaxis": axis_name,
        "marker": marks(split, size=size),
        "customdata": facts,
        "hovertemplate": "%{x|%d %b %Y %H:%M}<br>" + number + "<extra>" + split + "</extra>",
    }


def _mean_line(means: pd.Series, name: str, axis_name: str, gap: pd.Timedelta) -> Trace:
    noon = means.index.to_series() + pd.Timedelta(hours=12)
    times, numbers = with_gaps(noon, means, gap)
    return {
        **line(times, numbers, name, axis_name),
        "line": {"color": DAY_MEAN, "width": 2},
        "opacity": 1,
    }


def _day_gap(n_days: int) -> pd.Timedelta:
    """Days further apart than this are not joined; where days are left out, by so much more."""
    run = n_days / (MAX_POINTS // 2) if n_days > MAX_POINTS else 0
    return pd.Timedelta(days=3 + 2 * run)


def _observed_percentiles(material: Material) -> Trace:
    known = material.predictions[material.predictions["value"].notna()]
    known = known.assign(percentile=rank_percentile(known["value"]))
    drawn = with_extremes(known, "percentile")
    x, y = with_gaps(drawn["timestamp"], drawn["percentile"], usual_gap(drawn["timestamp"]))
    return line(x, y, "observed", "y")


def _midday_photos(material: Material) -> pd.DataFrame:
    """The scored photo of each date that is nearest to noon."""
    photos = material.predictions
    scored = photos.loc[photos["score"].notna(), ["timestamp", "filename"]]
    hour = scored["timestamp"].dt.hour + scored["timestamp"].dt.minute / 60
    rows = scored.assign(date=day_starts(scored["timestamp"]), from_noon=(hour - 12).abs())
    nearest = rows.sort_values(["from_noon", "timestamp"], kind="stable").drop_duplicates("date")
    return nearest.assign(date=nearest["date"].dt.date)[["date", "filename"]]
