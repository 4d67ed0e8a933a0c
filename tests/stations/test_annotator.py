"""The simulated annotator behaves as the published table says."""

import numpy as np
import pytest

from fperank.ground.errors import DataError
from fperank.stations.demo.annotator import (
    UNKNOWN_SHARE,
    answers,
    probability_correct,
    probability_same,
    relative_difference,
)

PAIRS = 40_000
TABLE = [  # relative difference, share of SAME, share of right sides
    (0.1, 0.62, 0.64),
    (0.25, 0.48, 0.77),
    (0.5, 0.28, 0.89),
    (0.75, 0.13, 0.95),
    (1.0, 0.05, 0.97),
    (1.5, 0.02, 1.0),
]


def flows_that_differ_by(relative: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs with the larger flow on the left, at many sizes of stream."""
    mean = np.random.default_rng(1).lognormal(2, 1, PAIRS)
    return mean * (1 + relative / 2), mean * (1 - relative / 2)


@pytest.mark.parametrize(("relative", "same", "right"), TABLE)
def test_answers_have_the_fitted_shares(relative, same, right):
    more, less = flows_that_differ_by(relative)
    given = answers(more, less, np.random.default_rng(2))
    known = given[given != "UNKNOWN"]
    sided = known[known != "SAME"]
    assert (known == "SAME").mean() == pytest.approx(same, abs=0.015)
    assert (sided == "LEFT").mean() == pytest.approx(right, abs=0.02)


def test_equal_flows_are_mostly_called_the_same_and_otherwise_guessed():
    assert probability_same(0.0) == pytest.approx(0.71, abs=0.005)
    assert probability_correct(0.0) == pytest.approx(0.52, abs=0.005)


def test_left_means_that_the_left_photo_shows_more():
    assert set(answers([90.0] * 50, [1.0] * 50, np.random.default_rng(3))) <= {"LEFT", "UNKNOWN"}
    assert set(answers([1.0] * 50, [90.0] * 50, np.random.default_rng(3))) <= {"RIGHT", "UNKNOWN"}


def test_exchanging_the_photos_exchanges_the_answers():
    more, less = flows_that_differ_by(0.3)
    one = answers(more, less, np.random.default_rng(4))
    other = answers(less, more, np.random.default_rng(4))
    exchanged = {"LEFT": "RIGHT", "RIGHT": "LEFT", "SAME": "SAME", "UNKNOWN": "UNKNOWN"}
    assert [exchanged[answer] for answer in one] == other.tolist()


def test_the_unit_of_the_flows_does_not_matter():
    more, less = flows_that_differ_by(0.4)
    in_cfs = answers(more, less, np.random.default_rng(5))
    in_litres = answers(28.0 * more, 28.0 * less, np.random.default_rng(5))
    assert (in_cfs == in_litres).mean() > 0.999


def test_about_two_percent_are_skipped_however_clear_the_pair():
    more, less = flows_that_differ_by(1.9)
    given = answers(more, less, np.random.default_rng(6))
    assert (given == "UNKNOWN").mean() == pytest.approx(UNKNOWN_SHARE, abs=0.004)


def test_probabilities_stay_between_zero_and_one():
    relative = np.linspace(0, 2, 401)
    for probability in (probability_same(relative), probability_correct(relative)):
        assert probability.min() >= 0
        assert probability.max() <= 1


def test_two_dry_photos_do_not_differ():
    assert relative_difference([0.0, 0.0, 3.0], [0.0, 5.0, 1.0]).tolist() == [0.0, 2.0, 1.0]


def test_the_same_seed_gives_the_same_answers():
    more, less = flows_that_differ_by(0.2)
    one, other = (answers(more, less, np.random.default_rng(7)) for _ in range(2))
    assert one.tolist() == other.tolist()


@pytest.mark.parametrize("bad", [np.nan, -1.0, np.inf])
def test_a_flow_that_cannot_be_compared_is_refused(bad):
    with pytest.raises(DataError, match=f"the right flow of a pair is {bad}: flows to compare"):
        answers([1.0, 2.0], [1.0, bad], np.random.default_rng(8))
