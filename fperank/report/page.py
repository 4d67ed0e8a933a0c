"""The report page: one HTML file that opens without a network and without anything beside it.

Plotly, the style and the photos stand in the file. By its content security policy the page forbids
itself every request, and every script and style but the ones that it names by their hashes: text of
a stranger that got into the page by a mistake would still not run. The same material gives the same
bytes.

However long the station's record, the page stays under 15 MB: a chart draws as many marks as a
screen can show (`charts.MAX_POINTS`), tables and photos are bounded too, and each says what it
leaves out.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from plotly.offline import get_plotlyjs

from fperank.agreement.material import Material, day_starts
from fperank.agreement.metrics import MAX_DRAWN_ROWS
from fperank.ground.files import json_text, write_text
from fperank.handover.report import Figures
from fperank.params.parameters import ReportParams
from fperank.report import summary
from fperank.report.charts import SPLIT_COLOUR, Absent, Chart, Trace
from fperank.report.charts_differences import differences
from fperank.report.charts_hydrograph import daily_hydrograph, hydrograph
from fperank.report.charts_marks import scores_by_mark
from fperank.report.charts_pairs import (
    annotator_agreement,
    answers_by_score_difference,
    pairs_by_time,
    pairs_by_value,
    tie_calibration,
)
from fperank.report.charts_time import photos_over_time, values_over_time
from fperank.report.charts_training import accuracy_curve, loss_curves
from fperank.report.charts_values import (
    ecdf,
    histogram,
    percentile_against_percentile,
    residuals_by_hour,
    residuals_by_month,
    residuals_by_rank,
    residuals_over_time,
    score_against_value,
)
from fperank.report.thumbnails import Album, Thumbnail, embed_marked, embed_photos

CHARTS: dict[str, Callable[[Material], Chart | Absent]] = {
    "photos-over-time": photos_over_time,
    "values-over-time": values_over_time,
    "value-histogram": partial(histogram, column="value"),
    "value-ecdf": partial(ecdf, column="value"),
    "score-histogram": partial(histogram, column="score"),
    "score-ecdf": partial(ecdf, column="score"),
    "marks": scores_by_mark,
    "pairs-by-time": pairs_by_time,
    "pairs-by-value": pairs_by_value,
    "pair-differences": differences,
    "pair-relative-differences": partial(differences, relative=True),
    "answers": answers_by_score_difference,
    "ties": tie_calibration,
    "loss": loss_curves,
    "accuracy": accuracy_curve,
    "hydrograph": hydrograph,
    "scatter": score_against_value,
    "ranks": percentile_against_percentile,
    "residuals-time": residuals_over_time,
    "residuals-hour": residuals_by_hour,
    "residuals-month": residuals_by_month,
    "residuals-rank": residuals_by_rank,
    "daily-hydrograph": daily_hydrograph,
    "daily-scatter": partial(score_against_value, daily=True),
    "daily-ranks": partial(percentile_against_percentile, daily=True),
}
"""Every chart of the page, by the name that the template places it with."""

MAX_ROWS = 200
"""Rows that a table of photos or of reasons shows at most."""

_STRIP = 11


def write_page(material: Material, metrics: Figures, path: Path, params: ReportParams) -> None:
    """Write the report as one HTML file.

    Args:
        material: what the report is made from.
        metrics: the content of `metrics.json`, see `evaluation.evaluate`.
        path: the file to write.
        params: how many photos the page holds at most; listed like those of the other stages.
    """
    charts = {name: draw(material) for name, draw in CHARTS.items()}
    album = embed_photos(material, params.report_photos)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fperank", "report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, plotly, script = _own("page.css"), _plotly(), _own("page.js")
    page = environment.get_template("page.html").render(
        **_facts(material, metrics, album, params),
        charts=charts,
        data=script_json(_chart_data(material, charts, album.photos)),
        style=style,
        script=script,
        plotly=plotly,
        policy={
            "scripts": f"{_source(plotly)} {_source(script)}",
            # Plotly makes style elements that it fills by a script, which needs no leave.
            "styles": f"{_source(style)} {_source('')}",
        },
    )
    write_text(path, page)


def script_json(content: Any) -> str:
    """JSON that may stand inside a script element, whatever text it holds."""
    text = json_text(content, compact=True)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def strip_of_ranks(photos: list[Thumbnail]) -> list[Thumbnail]:
    """Embedded photos from the lowest to the highest rank, about evenly; none twice."""
    ranked = sorted(
        (photo for photo in photos if photo.rank_percentile == photo.rank_percentile),
        key=lambda photo: photo.rank_percentile,
    )
    chosen: list[Thumbnail] = []
    for step in range(_STRIP):
        left = [photo for photo in ranked if photo not in chosen]
        if not left:
            break
        target = step / (_STRIP - 1)
        chosen.append(min(left, key=lambda photo: abs(photo.rank_percentile - target)))
    return sorted(chosen, key=lambda photo: photo.rank_percentile)


def _source(text: str) -> str:
    """A script or style as a content security policy names it."""
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def _plotly() -> str:
    """Plotly's script as a browser hashes it, without the style of maps, which the policy forbids.

    HTML knows one kind of line break.
    """
    text = get_plotlyjs().replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"(?<=textContent=')\.maplibregl[^']*(?=')", "", text)


def _own(name: str) -> str:
    return resources.files("fperank.report").joinpath(name).read_text(encoding="utf-8")


def _chart_data(
    material: Material, charts: dict[str, Chart | Absent], photos: list[Thumbnail]
) -> dict[str, Any]:
    place_of = {str(photo.facts[1]): place for place, photo in enumerate(photos)}
    drawn = {
        name: {
            "traces": [_with_places(trace, place_of) for trace in chart.traces],
            "layout": chart.layout,
            "views": [
                {"label": view.label, "traces": view.traces, "layout": view.layout}
                for view in chart.views
            ],
        }
        for name, chart in charts.items()
        if isinstance(chart, Chart)
    }
    return {
        "unit": material.variable.unit,
        "charts": drawn,
        "photos": [{"facts": photo.facts, "uri": photo.uri} for photo in photos],
    }


def _with_places(trace: Trace, place_of: dict[str, int]) -> Trace:
    """The trace with each photo's place among the embedded ones instead of its filename.

    A mark whose photo is not embedded gets None: names of thousands of photos would fill the page.
    """
    facts = trace.get("customdata")
    if not facts or not isinstance(facts[0], list):
        return trace
    shown = [[time, place_of.get(str(filename)), *more] for time, filename, *more in facts]
    return {**trace, "customdata": shown}


def _facts(
    material: Material, metrics: Figures, album: Album, params: ReportParams
) -> dict[str, Any]:
    """All that the template shows beside the charts."""
    predictions = material.predictions
    days = day_starts(predictions["timestamp"])
    splits = predictions["split"].value_counts()
    pairs = material.pairs["split"].value_counts()
    agreed, decided = annotator_agreement(material)
    left_out = summary.left_out_rows(material)
    return {
        "station": material.station,
        "label": material.label,
        "variable": material.variable,
        "dataset_version": material.input.dataset_version,
        "model_version": material.input.parameters.model_version,
        "split_method": material.input.parameters.split_method,
        "notes": material.dataset.notes,
        "period": (str(days.min().date()), str(days.max().date())) if len(days) else None,
        "annotated": (material.input.annotation_first_date, material.input.annotation_last_date),
        "n_photos": len(predictions),
        "n_days": int(days.nunique()),
        "n_pairs": len(material.pairs),
        "n_answers": len(material.answers),
        "n_ties": int((material.pairs["label"] == 0).sum()),
        "splits": [
            (split, int(splits.get(split, 0)), summary.SPLIT_MEANING[split], colour)
            for split, colour in SPLIT_COLOUR.items()
        ],
        "pairs_train": int(pairs.get("train", 0)),
        "pairs_val": int(pairs.get("val", 0)),
        "has_values": material.has_values,
        "agreed": agreed,
        "decided": decided,
        "verdict": summary.verdict(material, metrics),
        "cards": summary.cards(material, metrics),
        "columns": list(summary.COLUMNS.values()),
        "photo_rows": summary.metric_rows(metrics.get("photo", {})),
        "day_rows": summary.metric_rows(metrics.get("day", {})),
        "pair_rows": summary.pair_rows(metrics),
        "mark_rows": summary.mark_rows(metrics),
        "training": metrics.get("training", {}),
        "strip": strip_of_ranks(album.photos),
        "n_embedded": len(album.photos),
        "n_unreadable": album.unreadable,
        "n_dropped": album.dropped,
        "max_drawn_rows": MAX_DRAWN_ROWS,
        "n_scored": int(predictions["score"].notna().sum()),
        "failures": material.failures.head(MAX_ROWS).to_dict("records"),
        "n_failures": len(material.failures),
        "marked": embed_marked(material),
        "quality_rows": summary.quality_rows(material),
        "n_marked": len(material.marked),
        "clocks": list(material.dataset.photos.by_clock.items()),
        "table": material.dataset.observed_table and material.dataset.observed_table.model_dump(),
        "left_out": left_out[:MAX_ROWS],
        "n_left_out": len(left_out),
        "parameters": summary.parameter_rows(material, params),
    }
