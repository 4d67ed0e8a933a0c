import dataclasses

import numpy as np
import pandas as pd
import pytest

from fperank.agreement import metrics
from fperank.agreement.evaluation import TEST_SPLITS, evaluate, tie_probability
from fperank.agreement.material import UNMARKED, daily_means, photos_by_mark, whole_days
from fperank.handover.tables import SPLITS
from fperank.params.parameters import ReportParams

PARAMS = ReportParams(bootstrap_samples=20, bootstrap_block_days=2, report_photos=5)


@pytest.fixture(scope="module")
def figures(material):
    return evaluate(material, PARAMS)


def test_every_split_and_all_have_figures_for_photos_and_days(figures, material):
    for level in ("photo", "day"):
        assert set(figures[level]) == {*SPLITS, "test", "all"}
    told = material.predictions.dropna(subset=["value", "score"])
    for split in SPLITS:
        part = told[told["split"] == split]
        assert figures["photo"][split]["n"] == len(part)
        assert figures["photo"][split]["tau"] == metrics.tau(
            part["value"].to_numpy(), part["score"].to_numpy()
        )


def test_days_are_means_of_a_splits_photos_on_the_stations_dates(figures, material):
    told = material.predictions.dropna(subset=["value", "score"])
    part = told[told["split"] == "test-out"]
    days = part.groupby(part["timestamp"].dt.date)[["value", "score"]].mean()
    assert figures["day"]["test-out"]["n"] == len(days)
    expected = metrics.tau(days["value"].to_numpy(), days["score"].to_numpy())
    assert figures["day"]["test-out"]["tau"] == pytest.approx(expected)


def test_photos_of_both_test_splits_have_figures_together(figures, material):
    told = material.predictions.dropna(subset=["value", "score"])
    part = told[told["split"].isin(TEST_SPLITS)]
    assert figures["photo"]["test"]["n"] == len(part)
    expected = metrics.tau(part["value"].to_numpy(), part["score"].to_numpy())
    assert figures["photo"]["test"]["tau"] == expected
    photos = material.predictions[material.predictions["split"].isin(TEST_SPLITS)]
    days = photos.groupby(["split", photos["timestamp"].dt.date])[["value", "score"]].mean()
    assert figures["day"]["test"]["n"] == len(days)
    expected = metrics.tau(days["value"].to_numpy(), days["score"].to_numpy())
    assert figures["day"]["test"]["tau"] == pytest.approx(expected)
    assert figures["day"]["test"]["tau_ci_low"] < expected < figures["day"]["test"]["tau_ci_high"]


def test_a_day_that_mixes_splits_counts_once_in_each_and_once_in_all(material):
    split = material.predictions["split"].mask(material.predictions["split"] == "test-in", "train")
    day = material.predictions["timestamp"].dt.date
    mixed = (day == day[30]) & (material.predictions["timestamp"].dt.hour > 12)
    predictions = material.predictions.assign(split=split.mask(mixed, "test-in"))
    daily, days = daily_means(predictions), whole_days(predictions)
    figures = evaluate(
        dataclasses.replace(material, predictions=predictions, daily=daily, days=days), PARAMS
    )
    assert figures["day"]["test"]["n"] == figures["day"]["test-out"]["n"] + 1
    per_split = sum(figures["day"][split]["n"] for split in SPLITS if split in figures["day"])
    assert per_split == figures["day"]["all"]["n"] + 1


def test_counts_and_training_are_those_of_the_tables(figures, material):
    counts = figures["counts"]
    assert counts["photos"] == len(material.predictions)
    assert counts["photos_failed"] == len(material.failures)
    assert counts["photos_scored"] + counts["photos_failed"] == counts["photos"]
    assert counts["pairs_train"] + counts["pairs_val"] == len(material.pairs)
    kept = material.history[material.history["kept"]].iloc[0]
    assert figures["training"]["kept_epoch"] == kept["epoch"]
    assert figures["training"]["val_loss"] == kept["val_loss"]


def test_held_out_pairs_are_measured_without_any_gauge(material_without_values):
    figures = evaluate(material_without_values, PARAMS)
    assert figures["photo"] == figures["day"] == {}
    assert 0.5 < figures["pairs"]["val"]["accuracy"] <= 1
    assert "tie_share_model" not in figures["pairs"]["val"]
    assert figures["counts"]["photos_observed"] == 0


def test_a_tie_model_tells_its_expected_share(figures):
    assert 0 < figures["pairs"]["val"]["tie_share_model"] < 1
    assert figures["pairs"]["val"]["tie_calibration_error"] >= 0


def test_the_tie_probability_falls_with_the_difference_and_is_none_for_ranknet(material):
    difference = np.array([0.0, 1.0, -1.0, 5.0])
    model = material.model.model_copy(update={"loss": "davidson", "tie_parameter": 0.0})
    told = tie_probability(difference, model)
    assert told[0] == pytest.approx(1 / 3)
    assert told[1] == pytest.approx(told[2])
    assert told[3] < told[1] < told[0]
    ranknet = model.model_copy(update={"loss": "ranknet", "tie_parameter": None})
    assert tie_probability(difference, ranknet) is None


def test_every_figure_is_a_plain_number(figures):
    flat = pd.json_normalize(figures)
    assert all(isinstance(value, int | float) for value in flat.iloc[0])
    assert np.isfinite(flat.iloc[0].astype(float)).all()


def test_how_far_dry_photos_lie_apart_is_a_figure(figures):
    assert list(figures["marks"]) == ["DRY"]
    dry = figures["marks"]["DRY"]
    assert dry["n"] > 5
    assert dry["n_rest"] > 50
    assert dry["ks"] > 0.3
    assert dry["share_below"] > 0.6


def test_the_unmarked_are_only_photos_that_annotators_saw(material):
    photos = photos_by_mark(material)
    assert set(photos) == {"DRY", UNMARKED}
    seen = set(material.answers["left_image_id"]) | set(material.answers["right_image_id"])
    assert set(photos[UNMARKED]["image_id"]) < seen < set(material.predictions["image_id"])
