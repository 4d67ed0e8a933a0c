import numpy as np
import pytest
from scipy.signal import lfilter
from sklearn.metrics import average_precision_score

from fperank.agreement import metrics

RNG = np.random.default_rng(0)
OBSERVED = RNG.lognormal(size=300)
BLOCK = np.arange(300) // 10


def test_tau_counts_concordant_pairs_and_corrects_for_ties():
    # Of the six pairs five agree and one disagrees: (5 - 1) / 6.
    assert metrics.tau(np.array([1.0, 2, 3, 4]), np.array([1.0, 2, 4, 3])) == pytest.approx(4 / 6)
    # One tie among the values: 5 concordant / sqrt(5 * 6).
    tied = metrics.tau(np.array([1.0, 1, 2, 3]), np.array([1.0, 2, 3, 4]))
    assert tied == pytest.approx(5 / np.sqrt(30))


def test_a_perfect_and_a_reversed_order_are_the_ends_of_every_scale():
    for name, worst in (("tau", -1), ("spearman", -1)):
        assert metrics.METRICS[name](OBSERVED, OBSERVED) == pytest.approx(1)
        assert metrics.METRICS[name](OBSERVED, -OBSERVED) == pytest.approx(worst)
    assert metrics.rank_mae(OBSERVED, OBSERVED) == 0
    assert metrics.rank_mae(OBSERVED, -OBSERVED) == pytest.approx(0.5, abs=0.01)
    assert metrics.map_high(OBSERVED, OBSERVED) == pytest.approx(1)
    assert metrics.map_low(OBSERVED, OBSERVED) == pytest.approx(1)


def test_only_the_order_of_scores_counts():
    noisy = np.log(OBSERVED) + RNG.normal(size=300) * 0.5
    for metric in metrics.METRICS.values():
        assert metric(OBSERVED, noisy) == pytest.approx(metric(OBSERVED, np.exp(3 * noisy)))


def test_chance_has_the_figures_that_the_docs_tell():
    random = RNG.normal(size=20000)
    observed = RNG.normal(size=20000)
    assert metrics.tau(observed, random) == pytest.approx(0, abs=0.02)
    assert metrics.rank_mae(observed, random) == pytest.approx(1 / 3, abs=0.01)
    assert metrics.map_high(observed, random) == pytest.approx((0.25 + 0.1 + 0.05) / 3, abs=0.02)


def test_high_and_low_flow_are_told_apart():
    blind_to_low = np.where(np.median(OBSERVED) < OBSERVED, OBSERVED, RNG.random(300) * 0.01)
    assert metrics.map_high(OBSERVED, blind_to_low) == pytest.approx(1)
    assert metrics.map_low(OBSERVED, blind_to_low) < 0.6


@pytest.mark.parametrize("name", list(metrics.METRICS))
def test_a_question_without_an_answer_gets_none(name):
    metric = metrics.METRICS[name]
    assert metric(np.array([1.0]), np.array([2.0])) is None
    if name != "rank_mae":
        assert metric(np.ones(5), np.arange(5.0)) is None


def test_intervals_hold_the_value_and_repeat_themselves():
    noisy = np.log(OBSERVED) + RNG.normal(size=300)
    result = metrics.agreement(OBSERVED, noisy, BLOCK, samples=100)
    assert result["n"] == 300
    assert result == metrics.agreement(OBSERVED, noisy, BLOCK, samples=100)
    for name in metrics.METRICS:
        assert result[f"{name}_ci_low"] < result[name] < result[f"{name}_ci_high"]


def test_blocks_are_drawn_whole_so_that_neighbours_do_not_promise_certainty():
    # Ten copies of each photo are no more evidence than one.
    observed, score = RNG.normal(size=(2, 40))
    score += observed
    copies = np.repeat(observed, 10), np.repeat(score, 10)
    block = np.repeat(np.arange(40), 10)

    def width(blocks):
        result = metrics.agreement(*copies, blocks, samples=200)
        return result["tau_ci_high"] - result["tau_ci_low"]

    assert width(block) > 2 * width(np.arange(400))


def test_a_single_block_has_no_interval():
    result = metrics.agreement(OBSERVED, OBSERVED, np.zeros(300, dtype=int), samples=50)
    assert "tau" in result
    assert "tau_ci_low" not in result


def test_pair_accuracy_leaves_ties_out():
    label = np.array([1, 1, -1, 0, 0])
    difference = np.array([2.0, -1, -3, 0.1, 5])
    result = metrics.pair_agreement(label, difference, None, np.arange(5), samples=0)
    assert result == {"n": 5, "n_ties": 2, "accuracy": pytest.approx(2 / 3), "tie_share": 0.4}


def test_tie_calibration_is_zero_for_a_model_that_knows_and_large_for_one_that_does_not():
    difference = RNG.normal(size=20000) * 3
    truth = 0.6 * np.exp(-(difference**2))
    ties = RNG.random(20000) < truth
    label = np.where(ties, 0, np.sign(difference)).astype(int)
    block = np.arange(20000) // 100
    knows = metrics.pair_agreement(label, difference, truth, block, samples=0)
    flat = metrics.pair_agreement(label, difference, np.full(20000, 0.5), block, samples=0)
    assert knows["tie_calibration_error"] < 0.02
    assert knows["tie_share_model"] == pytest.approx(knows["tie_share"], abs=0.02)
    assert flat["tie_calibration_error"] > 0.2


def test_no_pairs_and_only_ties_are_no_crash():
    none = np.array([], dtype=int)
    assert metrics.pair_agreement(none, none.astype(float), None, none, 10) == {"n": 0, "n_ties": 0}
    ties = metrics.pair_agreement(np.zeros(3, dtype=int), np.ones(3), None, np.arange(3), 10)
    assert "accuracy" not in ties
    assert ties["tie_share"] == 1


def test_separation_is_whole_without_overlap_and_none_between_equal_distributions():
    low, high = RNG.normal(size=50) - 20, RNG.normal(size=400)
    apart = metrics.separation(low, high)
    assert apart == {"n": 50, "n_rest": 400, "ks": 1.0, "share_below": 1.0}
    assert metrics.separation(high, high) == {
        "n": 400,
        "n_rest": 400,
        "ks": 0.0,
        "share_below": 0.5,
    }


def test_separation_by_hand():
    told = metrics.separation(np.array([1.0, 3.0]), np.array([2.0, 3.0, 4.0]))
    # Of six couples four have the marked photo below, one above, one is tied.
    assert told["share_below"] == pytest.approx((4 + 0.5) / 6)
    assert told["ks"] == pytest.approx(0.5)


def test_separation_from_nothing_has_no_figure():
    none = np.array([])
    assert metrics.separation(np.ones(3), none) == {"n": 3, "n_rest": 0}


def test_average_precision_is_that_of_scikit_learn_to_the_last_bit():
    for digits in (8, 1, 0):
        observed, score = RNG.lognormal(size=(2, 500)).round(digits)
        cuts = np.percentile(observed, [75, 90, 95])
        expected = [average_precision_score(observed >= cut, score) for cut in cuts]
        assert metrics.map_high(observed, score) == np.mean(expected)


def slow_water(n):
    """Values and scores of photos every 15 minutes, alike for days, and the week of each."""
    rng = np.random.default_rng(3)
    level = lfilter([0.05], [1, -0.998], rng.normal(size=n))
    score = level + lfilter([0.05], [1, -0.99], rng.normal(size=n)) + rng.normal(size=n) / 4
    return np.exp(level), score, np.arange(n) // 672


def test_intervals_of_many_rows_are_nearly_those_of_all_rows_and_figures_are_of_all(monkeypatch):
    rows = slow_water(40_000)
    few = metrics.agreement(*rows, samples=40)
    monkeypatch.setattr(metrics, "MAX_DRAWN_ROWS", 40_000)
    whole = metrics.agreement(*rows, samples=40)
    assert few["tau_ci_low"] != whole["tau_ci_low"]
    for name, value in whole.items():
        if "_ci_" not in name:
            assert few[name] == value
        else:
            tolerance = 0.006 if name.startswith("map") else 0.002
            assert few[name] == pytest.approx(value, abs=tolerance)


def test_up_to_the_limit_every_row_of_a_draw_counts():
    # Blocks of unlike length: a draw may hold more rows than there are.
    block = np.sort(RNG.integers(0, 9, 400))
    drawn = list(metrics._block_draws(block, 20, most=400))
    assert max(map(len, drawn)) > 400
    for with_limit, without in zip(drawn, metrics._block_draws(block, 20), strict=True):
        np.testing.assert_array_equal(with_limit, without)


def test_a_shortened_draw_takes_the_same_blocks_and_every_part_of_the_day():
    block = np.arange(96 * 7 * 40) // (96 * 7)
    shortened = list(metrics._block_draws(block, 5, most=280))
    for rows, whole in zip(shortened, metrics._block_draws(block, 5), strict=True):
        assert len(rows) == 280
        drawn, times = np.unique(block[whole], return_counts=True)
        kept, shares = np.unique(block[rows], return_counts=True)
        np.testing.assert_array_equal(kept, drawn)
        np.testing.assert_array_equal(shares, times / 96)
        # One row a day: at a fixed step all would be of the same hour.
        assert np.ptp(rows % 96) > 80
