"""When the photos were taken, and what was observed meanwhile."""

import pandas as pd

from fperank.agreement.material import Material
from fperank.report.charts import (
    EVERY_NTH_RULE,
    EXTREMES_RULE,
    INK,
    Absent,
    Chart,
    Trace,
    axis,
    every_nth,
    marks,
    observed_words,
    plain_numbers,
    present_splits,
    stamps,
    thinned_note,
    with_extremes,
)


def photos_over_time(material: Material) -> Chart | Absent:
    """Date and local hour of every photo, by split."""
    title = "When the photos were taken"
    photos = material.predictions
    if photos.empty:
        return Absent(title, "This model version has no photos.")
    drawn = every_nth(photos)
    traces: list[Trace] = []
    for split in present_splits(drawn):
        rows = drawn[drawn["split"] == split]
        hour = rows["timestamp"].dt.hour + rows["timestamp"].dt.minute / 60
        traces.append(_points(rows, hour, split, size=4))
    return Chart(
        title=title,
        alt="Each photo by its date and its local hour, coloured by split.",
        traces=traces,
        layout={
            "xaxis": axis("Date", type="date"),
            "yaxis": axis("Local hour", range=[-0.5, 24.5], dtick=6),
        },
        note=thinned_note(len(drawn), len(photos), EVERY_NTH_RULE),
        height=300,
    )


def values_over_time(material: Material) -> Chart | Absent:
    """The observed record, and the value that each photo got from it, by split."""
    title = f"{observed_words(material.variable).capitalize()} over time"
    photos = material.predictions[material.predictions["value"].notna()]
    if photos.empty and material.observations.empty:
        return Absent(title, "This station has no observed values.")
    drawn = every_nth(photos)
    traces = [observed_record(material)] if len(material.observations) else []
    for split in present_splits(drawn):
        rows = drawn[drawn["split"] == split]
        traces.append(_points(rows, rows["value"], split, number="<br>%{y}"))
    return Chart(
        title=title,
        alt="The observed values as a line, and on it the photos, coloured by split.",
        traces=traces,
        layout={
            "xaxis": axis("Date", type="date"),
            "yaxis": axis(material.variable.axis_label, log=material.log_values),
        },
        note=join_notes(
            thinned_note(len(drawn), len(photos), EVERY_NTH_RULE), observed_note(material)
        ),
    )


def _points(
    rows: pd.DataFrame, numbers: pd.Series, split: str, *, size: float = 5, number: str = ""
) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": split,
        "x": stamps(rows["timestamp"]),
        "y": plain_numbers(numbers),
        "marker": marks(split, size=size),
        "hovertemplate": "%{x|%d %b %Y %H:%M}" + number + "<extra>" + split + "</extra>",
    }


def line(x: list[str], y: list[float | None], name: str, axis_name: str) -> Trace:
    """A thin line that is broken where a number is None."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": x,
        "y": y,
        "yaxis": axis_name,
        "line": {"color": INK, "width": 1.3},
        "opacity": 0.75,
        "connectgaps": False,
        "hoverinfo": "skip",
    }


def with_gaps(
    times: pd.Series, numbers: pd.Series, gap: pd.Timedelta
) -> tuple[list[str], list[float | None]]:
    """Points of a line that is broken where two neighbours are further apart than `gap`."""
    x: list[str] = []
    y: list[float | None] = []
    stamped = stamps(times)
    far = (times.diff() > gap).to_numpy()
    for place, number in enumerate(plain_numbers(numbers)):
        if far[place]:
            x.append(stamped[place])
            y.append(None)
        x.append(stamped[place])
        y.append(number)
    return x, y


def observed_record(material: Material) -> Trace:
    """The station's observed values as a line."""
    return _observed_line(material.observations.sort_values("timestamp", ignore_index=True))


def observed_note(material: Material) -> str:
    """How much of the record `observed_record` draws, empty where it is all of it."""
    drawn = len(with_extremes(material.observations, "value"))
    return thinned_note(drawn, len(material.observations), EXTREMES_RULE, "observed values")


def join_notes(*notes: str) -> str:
    """The notes that say something, one after the other."""
    return " ".join(note for note in notes if note)


def photo_values(material: Material) -> Trace:
    """The photos' own values as a line, for a station without a record beside them."""
    return _observed_line(material.predictions[material.predictions["value"].notna()])


def _observed_line(values: pd.DataFrame) -> Trace:
    drawn = with_extremes(values, "value")
    x, y = with_gaps(drawn["timestamp"], drawn["value"], usual_gap(drawn["timestamp"]))
    return line(x, y, "observed", "y")


def usual_gap(times: pd.Series) -> pd.Timedelta:
    """Longer than a night and than five usual steps: a break in the record."""
    day = pd.Timedelta(days=1)
    usual = times.diff().dt.total_seconds().median()
    return day if pd.isna(usual) else max(day, pd.Timedelta(seconds=5 * usual))
