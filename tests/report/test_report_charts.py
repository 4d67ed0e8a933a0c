import dataclasses
import json

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from fperank.report import charts
from fperank.report.charts import Absent, Chart
from fperank.report.charts_differences import differences, round_ends
from fperank.report.charts_hydrograph import daily_hydrograph, hydrograph
from fperank.report.charts_pairs import (
    annotator_agreement,
    answers_by_score_difference,
    scored_pairs,
    tie_bins,
    tie_calibration,
)
from fperank.report.charts_time import values_over_time, with_gaps
from fperank.report.charts_training import loss_curves
from fperank.report.charts_values import (
    compared,
    ecdf,
    histogram,
    residuals_by_hour,
    score_against_value,
)
from fperank.report.page import CHARTS

NEEDS_VALUES = {
    "values-over-time",
    "value-histogram",
    "value-ecdf",
    "pairs-by-value",
    "pair-differences",
    "pair-relative-differences",
    "scatter",
    "ranks",
    "residuals-time",
    "residuals-hour",
    "residuals-month",
    "residuals-rank",
    "daily-scatter",
    "daily-ranks",
}


def valid(chart: Chart) -> None:
    """Plotly's own check of every property, for the layout at first and that of each view."""
    for layout in [{}, *(view.layout for view in chart.views)]:
        text = json.dumps({"data": chart.traces, "layout": {**chart.layout, **layout}})
        for name in ("ink", "grey", "band", "box", "muted", "accent"):
            text = text.replace(f"var(--{name})", "#123456")
        go.Figure(json.loads(text))


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_is_valid_and_its_axes_have_titles(material, name):
    chart = CHARTS[name](material)
    assert isinstance(chart, Chart)
    valid(chart)
    assert chart.alt
    for axis in ("xaxis", "yaxis"):
        assert chart.layout[axis]["title"]["text"]
    for view in chart.views:
        assert view.traces
        assert max(view.traces) < len(chart.traces)


@pytest.mark.parametrize("name", CHARTS)
def test_without_observed_values_only_charts_that_need_them_are_absent(
    material_without_values, name
):
    chart = CHARTS[name](material_without_values)
    assert isinstance(chart, Absent) == (name in NEEDS_VALUES)
    if isinstance(chart, Absent):
        assert "observed value" in chart.reason
    else:
        valid(chart)


@pytest.mark.parametrize(
    "properties",
    [
        {"days": 1, "photos_per_day": 3, "n_pairs": 4, "n_failed": 0},
        {"days": 1, "photos_per_day": 1, "n_pairs": 0, "n_failed": 0},
        {"days": 5, "photos_per_day": 3, "n_failed": 15},
        {"days": 8, "photos_per_day": 3, "splits": ("train", "val"), "n_pairs": 40},
        {"days": 5, "photos_per_day": 3, "variable": "OTHER"},
        {"days": 5, "photos_per_day": 3, "marks": False},
    ],
    ids=["one day", "one photo", "all failed", "no test photos", "other variable", "no marks"],
)
def test_charts_of_odd_stations_are_drawn_or_say_why_not(station, properties):
    material = station(**properties)
    for draw in CHARTS.values():
        chart = draw(material)
        if isinstance(chart, Chart):
            valid(chart)
            assert chart.traces
        else:
            assert chart.reason.endswith(".")


def test_the_same_split_has_the_same_colour_everywhere(material):
    for draw in (hydrograph, daily_hydrograph, values_over_time, score_against_value):
        for trace in draw(material).traces:
            if trace["name"] in charts.SPLIT_COLOUR:
                assert trace["marker"]["color"] == charts.SPLIT_COLOUR[trace["name"]]


def test_a_long_series_is_thinned_and_keeps_its_peaks():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"score": rng.normal(size=50_000)})
    frame.loc[31_313, "score"] = 99.0
    frame.loc[4_242, "score"] = -99.0
    drawn = charts.with_extremes(frame, "score", 1000)
    assert len(drawn) <= 1000
    assert {99.0, -99.0} <= set(drawn["score"])
    assert drawn.index.is_monotonic_increasing


def test_a_cloud_is_thinned_to_every_nth_row():
    drawn = charts.every_nth(pd.DataFrame({"a": range(10_001)}), 4000)
    assert drawn["a"].tolist() == list(range(0, 10_001, 3))


def test_a_thinned_chart_says_so(station, monkeypatch):
    material = station(days=12, photos_per_day=10)
    assert hydrograph(material).note == ""
    monkeypatch.setattr(charts.every_nth, "__defaults__", (50,))
    monkeypatch.setattr(charts.with_extremes, "__defaults__", (100,))
    chart = hydrograph(material)
    assert chart.note == (
        "39 of 117 photos are drawn: every n-th one in order of time. "
        "100 of 288 observed values are drawn: the lowest and the highest of each run of "
        "neighbours, so that no peak is lost."
    )
    marks = [t for t in chart.traces if t["mode"] == "markers" and t.get("yaxis") == "y"]
    assert sum(len(trace["x"]) for trace in marks) == 39


def test_positive_flow_is_drawn_on_a_logarithmic_axis_and_stage_is_not(station, material):
    assert values_over_time(material).layout["yaxis"]["type"] == "log"
    stage = station(days=4, photos_per_day=3, variable="STAGE_FT")
    assert "type" not in values_over_time(stage).layout["yaxis"]
    assert values_over_time(stage).layout["yaxis"]["title"]["text"] == "Stage (ft)"


def test_a_histogram_shares_out_all_photos_of_a_split(material):
    for trace in histogram(material, "value").traces:
        assert sum(trace["y"][1:-2]) == pytest.approx(1, abs=1e-3)


def test_an_ecdf_rises_to_1_at_the_highest_value(material):
    for trace in ecdf(material, "score").traces:
        assert trace["y"] == sorted(trace["y"])
        assert trace["y"][-1] == 1.0
        of_split = material.predictions["split"] == trace["name"]
        highest = material.predictions.loc[of_split, "score"].max()
        assert trace["x"][-1] == pytest.approx(highest, rel=1e-4)


def test_shares_of_right_wrong_and_tied_pairs_sum_to_1(material):
    chart = answers_by_score_difference(material)
    for view in chart.views:
        shares = np.array([chart.traces[place]["y"] for place in view.traces])
        assert shares.sum(axis=0) == pytest.approx(1, abs=1e-4)
    agrees = chart.traces[0]
    assert agrees["name"] == "model agrees"
    assert agrees["y"][-1] > agrees["y"][0], "pairs far apart are easier"


def test_bins_of_ties_hold_all_pairs_and_intervals_hold_their_share(material):
    pairs = scored_pairs(material)
    bins = tie_bins(pairs)
    assert bins["n"].sum() == len(pairs)
    assert (bins["low"] <= bins["share"]).all()
    assert (bins["share"] <= bins["high"]).all()
    assert bins["difference"].is_monotonic_increasing


def test_the_expected_share_of_ties_is_that_of_davidsons_model(material):
    line = tie_calibration(material).traces[-1]
    assert line["name"] == "expected by the model"
    nu = np.exp(-0.2)
    assert line["y"][0] == pytest.approx(nu / (2 + nu), rel=1e-4)
    far = line["x"][-1]
    expected = nu / (np.exp(far / 2) + np.exp(-far / 2) + nu)
    assert line["y"][-1] == pytest.approx(expected, rel=1e-3)


def test_a_loss_without_ties_has_no_expected_share_and_says_so(material_without_values):
    chart = tie_calibration(material_without_values)
    assert all("expected" not in trace["name"] for trace in chart.traces)
    assert "no probability of a tie" in chart.note


def test_annotators_are_held_against_clear_pairs_only(material):
    pairs = pd.DataFrame(
        {
            "label": [1, -1, 0, 1, 1],
            "value_1": [2.0, 2.0, 2.0, 3.0, np.nan],
            "value_2": [1.0, 1.0, 1.0, 3.0, 1.0],
        }
    )
    assert annotator_agreement(dataclasses.replace(material, pairs=pairs)) == (1, 2)


def test_pairs_are_counted_by_difference_and_by_what_was_answered(material):
    pairs = pd.DataFrame(
        {
            "label": [1, -1, 0, 1, 1, -1],
            "value_1": [12.0, 3.0, 2.0, 3.0, np.nan, 0.0],
            "value_2": [9.0, 1.5, 2.0, 3.0, 1.0, 0.0],
        }
    )
    one = dataclasses.replace(material, pairs=pairs)
    names = ["answer follows the values", "annotator saw no difference"]
    chart = differences(one)
    assert [trace["name"] for trace in chart.traces] == [*names, "answer contradicts the values"]
    counts = {
        trace["name"]: dict(zip(trace["x"], trace["y"], strict=True)) for trace in chart.traces
    }
    assert counts[names[0]] == {"below 2": 0, "2 and more": 1}
    assert counts[names[1]] == {"below 2": 1, "2 and more": 0}
    assert counts["answer contradicts the values"] == {"below 2": 3, "2 and more": 0}
    relative = differences(one, relative=True)
    follows, tied, contradicts = relative.traces
    assert follows["y"][follows["x"].index("20% to 40%")] == 1, "3 of 10.5"
    assert contradicts["y"][contradicts["x"].index("60% to 80%")] == 1, "1.5 of 2.25"
    assert sum(sum(trace["y"]) for trace in relative.traces) == 4, "no share of a mean of 0"
    assert (tied["y"][0], contradicts["y"][0]) == (1, 1)


def test_a_histogram_of_differences_holds_every_pair_with_two_values(material):
    known = material.pairs.dropna(subset=["value_1", "value_2"])
    for relative in (False, True):
        chart = differences(material, relative=relative)
        assert sum(sum(trace["y"]) for trace in chart.traces) == len(known)
    follows, _, contradicts = (sum(trace["y"][4:]) for trace in chart.traces)
    assert follows > 5 * contradicts, "large ones are seen"


@pytest.mark.parametrize(
    ("sizes", "ends"),
    [
        ([0.3, 1.2, 4.0], [0.5, 1.0, 2.0]),
        ([0.0, 0.0], [1.0]),
        ([7.0], [5.0]),
        (
            [1e-9, 1e-9, 1e-9, 30.0],
            [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20],
        ),
    ],
)
def test_bins_of_differences_end_at_round_numbers(sizes, ends):
    assert round_ends(np.array(sizes)).tolist() == ends


def test_the_kept_epoch_and_the_frozen_epochs_are_marked(material):
    layout = loss_curves(material).layout
    band, line = layout["shapes"]
    assert (band["x0"], band["x1"]) == (0.5, 2.5)
    assert line["x0"] == line["x1"] == 9
    assert [one["text"] for one in layout["annotations"]] == ["backbone frozen", "kept: epoch 9"]


def test_residuals_are_rank_of_score_minus_rank_of_observed(material):
    rows = compared(material)
    assert rows["residual"].mean() == pytest.approx(0, abs=1e-9)
    lowest = rows.loc[rows["value"].idxmin()]
    assert lowest["residual"] == pytest.approx(lowest["score_percentile"])


def test_boxes_tell_five_quantiles_per_hour_and_split(material):
    chart = residuals_by_hour(material)
    assert [view.label for view in chart.views] == [
        "all photos",
        "train",
        "val",
        "test-in",
        "test-out",
    ]
    rows = compared(material)
    noon = rows.loc[rows["timestamp"].dt.hour == 11, "residual"]
    place = chart.traces[0]["x"].index("11")
    assert chart.traces[0]["median"][place] == pytest.approx(noon.median(), rel=1e-3)
    assert chart.traces[0]["upperfence"][place] == pytest.approx(noon.quantile(0.95), rel=1e-3)


def test_a_line_is_broken_where_the_record_has_a_gap():
    times = pd.Series(pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-09"]))
    x, y = with_gaps(times, pd.Series([1.0, 2.0, 3.0]), pd.Timedelta(days=3))
    assert y == [1.0, 2.0, None, 3.0]
    assert len(x) == 4


def test_the_hydrograph_offers_rank_and_score_on_their_own_axes(material):
    chart = hydrograph(material)
    rank, score = chart.views
    assert (rank.label, score.label) == ("Rank percentile", "Score and observed value")
    assert set(rank.traces).isdisjoint(score.traces)
    assert score.layout["yaxis"]["title"]["text"] == "Streamflow (cfs)"
    assert score.layout["yaxis2"]["title"]["text"] == "Score (no unit)"
    on_the_right = [chart.traces[place]["yaxis"] for place in score.traces]
    assert on_the_right.count("y") == 1, "only the observed values belong to the left axis"


def test_marks_of_the_hydrograph_tell_their_photo(material):
    trace = hydrograph(material).traces[0]
    time, filename, value, score, percentile, split = trace["customdata"][0]
    photo = material.predictions.set_index("filename").loc[filename]
    assert time == photo["timestamp"].strftime("%Y-%m-%d %H:%M")
    assert score == pytest.approx(photo["score"], rel=1e-3)
    assert percentile == pytest.approx(photo["rank_percentile"], abs=1e-3)
    assert split == photo["split"] == trace["name"]
    assert value == pytest.approx(photo["value"], rel=1e-3)
