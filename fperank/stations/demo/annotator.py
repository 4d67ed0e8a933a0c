"""A simulated annotator: answers to photo pairs as people give them, errors and ties included.

The behaviour was fitted to 51,636 answers of people who compared photos of gauged streams (an
unpublished analysis notebook in EcoSHEDS/fpe-model, August 2023). It depends on the relative
difference of the two flows alone: the closer they are, the more often a person answers SAME, and
the more often a chosen side is wrong.
"""

import numpy as np
import numpy.typing as npt

from fperank.ground.errors import DataError

UNKNOWN_SHARE = 0.02
"""Share of pairs that are skipped, whatever they show."""

_SAME = (0.71307982, -0.96119405, 0.000344227, 0.44504692, -0.14926225)
_CORRECT = (0.524, 1.300, -1.480, 0.771, -0.148)

FloatArray = npt.NDArray[np.float64]


def relative_difference(flow_left: npt.ArrayLike, flow_right: npt.ArrayLike) -> FloatArray:
    """Absolute difference of two flows over their mean: 0 (equal) to 2 (one of them is dry).

    Args:
        flow_left: discharge `[pairs]`, never negative, in any unit.
        flow_right: discharge `[pairs]` in the same unit.

    Raises:
        DataError: a flow is negative or not a number.
    """
    left, right = np.asarray(flow_left, dtype=np.float64), np.asarray(flow_right, dtype=np.float64)
    for side, flow in (("left", left), ("right", right)):
        bad = ~(np.isfinite(flow) & (flow >= 0))
        if bad.any():
            raise DataError(
                f"the {side} flow of a pair is {flow[bad].flat[0]}: flows to compare must be "
                "numbers of 0 or more; leave out pairs without an observed flow"
            )
    mean = (left + right) / 2
    return np.divide(np.abs(left - right), mean, out=np.zeros_like(mean), where=mean > 0)


def probability_same(relative: npt.ArrayLike) -> FloatArray:
    """Probability of the answer SAME at a relative difference (0 to 2)."""
    return _clamped(_SAME, relative)


def probability_correct(relative: npt.ArrayLike) -> FloatArray:
    """Probability that a chosen side is the right one, at a relative difference (0 to 2)."""
    return _clamped(_CORRECT, relative)


def answers(
    flow_left: npt.ArrayLike, flow_right: npt.ArrayLike, rng: np.random.Generator
) -> npt.NDArray[np.str_]:
    """Answer pairs as a person would.

    Args:
        flow_left: discharge at each left photo `[pairs]`.
        flow_right: discharge at each right photo `[pairs]`, in the same unit.
        rng: source of all randomness.

    Returns:
        LEFT (the left photo shows more), RIGHT, SAME or UNKNOWN (skipped), `[pairs]`.

    Raises:
        DataError: a flow is negative or not a number.
    """
    relative = relative_difference(flow_left, flow_right)
    # One draw each for every pair, used or not: an answer depends on its own pair alone.
    skip, same, correct = rng.random((3, *relative.shape))
    left_is_more = np.asarray(flow_left) >= np.asarray(flow_right)
    says_left = left_is_more == (correct < probability_correct(relative))
    side = np.where(says_left, "LEFT", "RIGHT")
    answer = np.where(same < probability_same(relative), "SAME", side)
    return np.where(skip < UNKNOWN_SHARE, "UNKNOWN", answer)


def _clamped(coefficients: tuple[float, ...], relative: npt.ArrayLike) -> FloatArray:
    values = np.polynomial.polynomial.polyval(np.asarray(relative, dtype=np.float64), coefficients)
    return np.clip(values, 0.0, 1.0)
