import dataclasses

import pytest
from toy import group

from fperank.params.parameters import (
    DatasetParams,
    InputParams,
    PredictParams,
    ReportParams,
    TrainParams,
)
from fperank.report.summary import (
    DASH,
    cards,
    left_out_rows,
    metric_rows,
    number,
    parameter_rows,
    verdict,
)


def figures(tau: float, low: float, high: float, n: int = 500) -> dict[str, float]:
    return {"n": n, "tau": tau, "tau_ci_low": low, "tau_ci_high": high}


def test_the_verdict_is_that_of_test_out_photos(material):
    metrics = {
        "photo": {"test-out": figures(0.82, 0.78, 0.86), "test-in": figures(0.95, 0.9, 0.97)},
        "day": {"test-out": {"n": 60}},
    }
    assert verdict(material, metrics) == (
        "On the 500 photos not in any pair, outside the annotated dates (test-out), the score "
        "follows the observed streamflow very closely (Kendall's tau 0.82, 95% interval 0.78 to "
        "0.86): of two such photos with different observed values it puts the higher one first "
        "about 91 times in 100, where chance is 50."
    )


def test_photos_near_training_photos_are_never_taken_for_new_ones(material):
    text = verdict(material, {"photo": {"test-in": figures(0.9, 0.8, 0.95)}})
    assert "test-in" in text
    assert text.endswith("expect less of new ones.")


@pytest.mark.parametrize(
    ("tau", "words"),
    [
        (0.7, "closely"),
        (0.55, "moderately well"),
        (0.35, "weakly"),
        (0.1, "hardly or not at all"),
        (-1.0, "hardly or not at all"),
    ],
)
def test_a_weak_agreement_is_called_weak(material, tau, words):
    text = verdict(material, {"photo": {"test-out": figures(tau, tau - 0.05, tau + 0.05)}})
    assert f"observed streamflow {words} (" in text


def test_an_interval_that_holds_zero_is_not_told_from_chance(material):
    text = verdict(material, {"photo": {"test-out": figures(0.1, -0.1, 0.3)}})
    assert text.endswith("This cannot be told from chance.")


def test_photos_of_few_days_are_called_too_few(material):
    metrics = {"photo": {"test-out": figures(0.9, 0.8, 1.0)}, "day": {"test-out": {"n": 1}}}
    assert verdict(material, metrics).endswith("from one day only: too few to rely on.")


def test_without_observed_values_the_verdict_is_that_of_held_out_pairs(material_without_values):
    pairs = {"n": 100, "n_ties": 25, "accuracy": 0.9}
    text = verdict(material_without_values, {"pairs": {"val": pairs}})
    assert "There are no observed values" in text
    assert "on 75 held-out pairs with a clear answer it agrees in 90%" in text
    labels = [card.label for card in cards(material_without_values, {"pairs": {"val": pairs}})]
    assert labels == ["accuracy, held-out pairs", "photos without a score"]


def test_with_nothing_to_measure_the_verdict_says_so(material, material_without_values):
    assert "nothing can be said" in verdict(material_without_values, {})
    failed = material.predictions.assign(score=float("nan"))
    nothing = dataclasses.replace(material, predictions=failed)
    assert verdict(nothing, {}).startswith("No photo could be scored")


def test_cards_of_absent_figures_show_a_dash(material):
    made = cards(material, {})
    assert made[0].value == "\N{EN DASH}"
    assert made[0].hint == "no such photos"
    assert made[-1].value == "3"


def test_rows_of_figures_are_in_the_order_of_splits_and_skip_absent_ones():
    both = {"all": {"n": 9, "tau": -0.5}, "test": figures(0.6, 0.5, 0.7)}
    rows = metric_rows({**both, "train": figures(0.8, 0.7, 0.9)})
    assert [row["split"] for row in rows] == ["train", "test", "all"]
    assert [row["name"] for row in rows] == ["train", "test-in and test-out", "all"]
    assert rows[0]["cells"][0] == ("0.80", "0.70 to 0.90")
    assert rows[2]["cells"][0] == ("\N{MINUS SIGN}0.50", "")
    assert rows[2]["cells"][1] == ("\N{EN DASH}", "")


def test_what_was_left_out_is_counted_by_stage_and_reason(material):
    assert left_out_rows(material) == [
        ("dataset", "annotation", "names an unknown photo", 1),
        ("dataset", "photo", "no time in EXIF <b>", 2),
        ("input", "annotation", "answer is UNKNOWN", 4),
        ("input", "photo", "outside the hours", 12),
        ("train", "pair", "one of its photos cannot be read", 2),
    ]


def test_the_report_lists_every_parameter_of_every_stage_with_its_value(material, params):
    groups = {
        "dataset": DatasetParams,
        "input": InputParams,
        "train": TrainParams,
        "predict": PredictParams,
        "report": ReportParams,
    }
    rows = parameter_rows(material, group(params, ReportParams))
    for stage, kind in groups.items():
        listed = [name for where, name, _ in rows if where == stage]
        assert sorted(listed) == sorted(kind.model_fields), stage
    assert all(value for _, _, value in rows)


def test_parameters_and_the_model_are_shown_in_plain_text(material, params):
    rows = parameter_rows(material, group(params, ReportParams))
    assert ("dataset", "source", "folder") in rows
    assert ("dataset", "max_gap_minutes", "65") in rows
    assert ("dataset", "clock_shift", DASH) in rows
    assert ("train", "augment_flip", "no") in rows
    assert ("train", "hidden_units", "64") in rows
    assert ("report", "report_photos", "300") in rows
    assert ("model", "loss", "davidson") in rows
    assert ("model", "bfloat16", "no") in rows
    assert ("files read", "observations: observations.csv", f"SHA-256 {'0' * 64}") in rows
    assert any(name == "view" and "crop_bottom 0.06" in value for _, name, value in rows)


def test_numbers_have_a_true_minus_sign():
    assert number(-0.256) == "\N{MINUS SIGN}0.26"
    assert number(0.94, ".0%") == "94%"
