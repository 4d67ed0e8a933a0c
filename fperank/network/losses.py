"""The losses that compare the scores of two photos with a person's answer.

Each is minus the logarithm of what a model of paired comparisons says of the answer, and depends on
the two scores by their difference d alone. All three are RankNet where no tie is to be expected:
Davidson's at nu = 0, Rao's and Kupper's at theta = 1. nu and theta are learnt.
"""

import torch
from torch import Tensor
from torch.nn import functional as nnf

LOSSES = ("ranknet", "davidson", "rao_kupper")


def pair_log_probabilities(difference: Tensor, loss: str, tie_parameter: Tensor) -> Tensor:
    """What a loss's model says of each answer.

    Args:
        difference: score of the first photo minus the second's, `[pairs]`.
        loss: one of `LOSSES`.
        tie_parameter: the learnt parameter t, a scalar; RankNet has none and ignores it.

    Returns:
        `[pairs, 3]`: logarithms of P(first shows more), P(no difference), P(second shows more).
    """
    if loss == "davidson":
        return davidson(difference, tie_parameter)
    if loss == "rao_kupper":
        return rao_kupper(difference, tie_parameter)
    return ranknet(difference)


def ranknet(difference: Tensor) -> Tensor:
    """RankNet's model, which knows no ties: P(first) = 1 / (1 + exp(-d)), P(second) likewise, -d.

    Burges et al. 2005, "Learning to rank using gradient descent", ICML, doi
    10.1145/1102351.1102363; as a model of comparisons that of Bradley and Terry 1952, doi
    10.2307/2334029.

    Returns:
        As `pair_log_probabilities`; the middle column is minus infinity.
    """
    no_tie = torch.full_like(difference, -torch.inf)
    return torch.stack([nnf.logsigmoid(difference), no_tie, nnf.logsigmoid(-difference)], dim=1)


def davidson(difference: Tensor, tie_parameter: Tensor) -> Tensor:
    """Davidson's model of ties.

    With z = exp(d/2) + nu + exp(-d/2) and nu = exp(t): P(first) = exp(d/2) / z, P(tie) = nu / z,
    P(second) = exp(-d/2) / z.

    Davidson 1970, "On extending the Bradley-Terry model to accommodate ties in paired comparison
    experiments", JASA 65, doi 10.1080/01621459.1970.10481082.

    Returns:
        As `pair_log_probabilities`.
    """
    logits = [difference / 2, tie_parameter.expand_as(difference), -difference / 2]
    return torch.stack(logits, dim=1).log_softmax(dim=1)


def rao_kupper(difference: Tensor, tie_parameter: Tensor) -> Tensor:
    """Rao's and Kupper's model of ties.

    With theta = exp(softplus(t)), which is above 1: P(first) = 1 / (1 + theta exp(-d)), P(second)
    likewise with -d, P(tie) the rest, which is (theta^2 - 1) P(first) P(second).

    Rao and Kupper 1967, "Ties in paired-comparison experiments: a generalization of the
    Bradley-Terry model", JASA 62, doi 10.1080/01621459.1967.10482901.

    Returns:
        As `pair_log_probabilities`.
    """
    log_theta = nnf.softplus(tie_parameter)
    first = nnf.logsigmoid(difference - log_theta)
    second = nnf.logsigmoid(-difference - log_theta)
    # The product is free of the cancellation of 1 - P(first) - P(second).
    tie = torch.log(torch.expm1(2 * log_theta)) + first + second
    return torch.stack([first, tie, second], dim=1)


def pair_loss(difference: Tensor, label: Tensor, loss: str, tie_parameter: Tensor) -> Tensor:
    """Loss of each pair: -log P(its answer).

    RankNet takes a tie for half of each answer, as Burges et al. 2005 do: its loss is the
    cross-entropy -y log P(first) - (1 - y) log P(second) with y = (label + 1) / 2.

    Args:
        difference: score of the first photo minus the second's, `[pairs]`.
        label: 1, 0 or -1, `[pairs]`.
        loss: one of `LOSSES`.
        tie_parameter: see `pair_log_probabilities`.

    Returns:
        `[pairs]`.
    """
    if loss == "ranknet":
        target = (label.to(difference.dtype) + 1) / 2
        return nnf.binary_cross_entropy_with_logits(difference, target, reduction="none")
    log_probabilities = pair_log_probabilities(difference, loss, tie_parameter)
    column = (1 - label.long()).unsqueeze(1)
    return -log_probabilities.gather(1, column).squeeze(1)
