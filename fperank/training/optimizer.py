"""The optimizer that takes the steps of training."""

from collections.abc import Sequence

import torch
from torch import Tensor

from fperank.params.parameters import TrainParams

_MOMENTUM = 0.9


def make_optimizer(weights: Sequence[Tensor], params: TrainParams) -> torch.optim.Optimizer:
    """Make it before the first step.

    `sgd` is stochastic gradient descent with momentum; `adamw` is Adam with weight decay apart from
    the gradient (Loshchilov and Hutter 2019, "Decoupled weight decay regularization").

    Args:
        weights: what may learn.
        params: `optimizer`, `learning_rate`, `weight_decay`.
    """
    rate, decay = params.learning_rate, params.weight_decay
    if params.optimizer == "sgd":
        # Not fused: torch's fused step fails where weights join after the first step.
        return torch.optim.SGD(weights, rate, _MOMENTUM, weight_decay=decay)
    return torch.optim.AdamW(weights, rate, weight_decay=decay, fused=True)
