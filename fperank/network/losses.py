"""The losses that compare the scores of two photos with a person's answer.

RankNet: Burges et al. 2005, "Learning to rank using gradient descent", ICML, doi
10.1145/1102351.1102363. Ties: Davidson 1970, doi 10.1080/01621459.1970.10481082; Rao and Kupper
1967, doi 10.1080/01621459.1967.10482901. With d the difference of two scores, Davidson's model has
P(tie) proportional to nu beside exp(d/2) and exp(-d/2); Rao's and Kupper's is
P(first) = 1 / (1 + theta exp(-d)), P(second) likewise with -d, P(tie) the rest. At nu = 0 and
theta = 1 both are RankNet. nu and theta are learnt.
"""

import torch
from torch import Tensor
from torch.nn import functional as nnf

LOSSES = ("ranknet", "davidson", "rao_kupper")


def pair_log_probabilities(difference: Tensor, loss: str, tie_parameter: Tensor) -> Tensor:
    """What a loss's model says of each answer.

    Args:
        difference: score of the first photo minus the second's, `[pairs]`.
        loss: one of `LOSSES`; RankNet knows no ties, so its middle column is minus infinity.
        tie_parameter: the learnt parameter, a scalar: nu = exp(it), theta = exp(softplus(it)).

    Returns:
        `[pairs, 3]`: logarithms of P(first shows more), P(no difference), P(second shows more).
    """
    if loss == "davidson":
        logits = [difference / 2, tie_parameter.expand_as(difference), -difference / 2]
        return torch.stack(logits, dim=1).log_softmax(dim=1)
    if loss == "rao_kupper":
        log_theta = nnf.softplus(tie_parameter)
        first = nnf.logsigmoid(difference - log_theta)
        second = nnf.logsigmoid(-difference - log_theta)
        # P(tie) = (theta^2 - 1) P(first) P(second), free of the cancellation of 1 - P - P.
        tie = torch.log(torch.expm1(2 * log_theta)) + first + second
        return torch.stack([first, tie, second], dim=1)
    no_tie = torch.full_like(difference, -torch.inf)
    return torch.stack([nnf.logsigmoid(difference), no_tie, nnf.logsigmoid(-difference)], dim=1)


def pair_loss(difference: Tensor, label: Tensor, loss: str, tie_parameter: Tensor) -> Tensor:
    """Loss of each pair: minus the log-likelihood of its answer.

    RankNet gives a tie half of each answer, as Burges et al. do.

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
