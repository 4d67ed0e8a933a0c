"""Which epoch's weights a training keeps.

Few pairs validate, a hundred or two at a small station, and the same network can look best by
chance when it has hardly learnt. So an early epoch must be better beyond chance than a later one
to be kept instead. It also makes two trainings alike that differ in their last digits only: by the
lowest loss alone, one may keep its fifth epoch and the other its twelfth.

After the one-standard-error rule (Breiman, Friedman, Olshen and Stone 1984, "Classification and
Regression Trees"), used to the advantage of the epoch that learnt longer, and with two errors, as
pairs that share photos vary together.
"""

import math
from collections.abc import Sequence

from torch import Tensor

_STANDARD_ERRORS = 2


def lowest_epoch(losses: Sequence[Tensor]) -> int:
    """The epoch of the lowest mean validation loss.

    Args:
        losses: `[pairs]` for each finished epoch, of the same pairs in the same order.

    Returns:
        The epoch, counted from 1; 0 if none is finished.
    """
    means = [float(epoch.double().mean()) for epoch in losses]
    return 1 + means.index(min(means)) if means else 0


def kept_epoch(losses: Sequence[Tensor]) -> int:
    """The last epoch that is worse than the lowest by two standard errors at most.

    The error is that of the mean difference, pair by pair: what makes a pair hard makes it hard in
    both epochs, and falls out.

    Args:
        losses: as `lowest_epoch` takes them.

    Returns:
        The epoch, counted from 1; 0 if none is finished.
    """
    lowest = lowest_epoch(losses)
    for epoch in range(len(losses), lowest, -1):
        worse = losses[epoch - 1].double() - losses[lowest - 1].double()
        error = float(worse.std()) / math.sqrt(len(worse)) if len(worse) > 1 else 0.0
        if float(worse.mean()) <= _STANDARD_ERRORS * error:
            return epoch
    return lowest
