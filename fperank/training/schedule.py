"""The learning rate at each step: a function of the past alone, so a resumed run goes on alike."""

import math
from collections.abc import Sequence

from fperank.params.parameters import TrainParams

_WARM_UP_EPOCHS = 0.5
_PATIENCE_EPOCHS = 1


def learning_rate(params: TrainParams, epochs_done: float, val_losses: Sequence[float]) -> float:
    """The learning rate of a step.

    `constant` keeps `learning_rate`. `cosine` rises to it over half an epoch and falls to zero at
    the last (Loshchilov and Hutter 2017, "SGDR"). `plateau` halves it whenever the validation loss
    has not reached a new low for two epochs.

    Args:
        params: `learning_rate`, `lr_schedule`, `epochs`.
        epochs_done: epochs before this step, with the running epoch's share.
        val_losses: of the finished epochs.
    """
    if params.lr_schedule == "cosine":
        warm = min(1.0, (epochs_done + 0.02) / _WARM_UP_EPOCHS)
        return (
            params.learning_rate * warm * (1 + math.cos(math.pi * epochs_done / params.epochs)) / 2
        )
    if params.lr_schedule == "plateau":
        return params.learning_rate * 0.5 ** _plateaus(val_losses)
    return params.learning_rate


def _plateaus(val_losses: Sequence[float]) -> int:
    lowest, waited, plateaus = math.inf, 0, 0
    for loss in val_losses:
        waited = 0 if loss < lowest else waited + 1
        lowest = min(lowest, loss)
        if waited > _PATIENCE_EPOCHS:
            plateaus, waited = plateaus + 1, 0
    return plateaus
