"""The network that scores a photo, and the losses that compare two scores.

RankNet: Burges et al. 2005, "Learning to rank using gradient descent", ICML, doi
10.1145/1102351.1102363. Ties: Davidson 1970, doi 10.1080/01621459.1970.10481082; Rao and Kupper
1967, doi 10.1080/01621459.1967.10482901. With d the difference of two scores, Davidson's model has
P(tie) proportional to nu beside exp(d/2) and exp(-d/2); Rao's and Kupper's is
P(first) = 1 / (1 + theta exp(-d)), P(second) likewise with -d, P(tie) the rest. At nu = 0 and
theta = 1 both are RankNet. nu and theta are learnt.
"""

from collections.abc import Sequence

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as nnf

from fperank.errors import ParameterError

LOSSES = ("ranknet", "davidson", "rao_kupper")
_HEADS = ("fc", "classifier", "head", "heads")


class _PoolAndFlatten(nn.Module):
    """Global average pooling: `[photos, channels, ...]` to `[photos, channels]`."""

    def forward(self, features: Tensor) -> Tensor:
        return features.flatten(2).mean(2) if features.dim() > 2 else features


def make_backbone(name: str) -> nn.Module:
    """Make a torchvision classification network without its head, with random weights.

    Returns:
        A network from `[photos, 3, height, width]` to `[photos, channels]`.

    Raises:
        ParameterError: torchvision has no such network, or it has no head to leave out.
    """
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise ParameterError(
            f"backbone is {name!r}: choose one of torchvision's classification networks: "
            f"{', '.join(known)}"
        )
    # These two answer with extra outputs while training unless told not to.
    plain = {"aux_logits": False, "init_weights": True} if name in _WITH_AUX_OUTPUTS else {}
    network: nn.Module = torchvision.models.get_model(name, weights=None, **plain)
    if isinstance(getattr(network, "avgpool", None), nn.AdaptiveAvgPool2d):
        network.avgpool = nn.AdaptiveAvgPool2d(1)
    for head in _HEADS:
        if hasattr(network, head):
            setattr(network, head, _PoolAndFlatten())
            return network
    raise ParameterError(f"backbone {name} has no classification head that could be left out")


_WITH_AUX_OUTPUTS = ("googlenet", "inception_v3")


class FlowRanker(nn.Module):
    """A photo's score: backbone, global average pooling, a small MLP, one number.

    Attributes:
        backbone: `[photos, 3, height, width]` to `[photos, channels]`.
        head: `[photos, channels]` to `[photos, 1]`.
        tie_parameter: the loss's learnt parameter before its bound; unused by `ranknet`.
    """

    def __init__(
        self, backbone: str, hidden_units: Sequence[int], loss: str, height: int, width: int
    ) -> None:
        """Make the network with random weights drawn from torch's global generator.

        Args:
            backbone: name of a torchvision classification network.
            hidden_units: sizes of the MLP's hidden layers.
            loss: one of `LOSSES`.
            height: pixels of the photos it will see.
            width: likewise.

        Raises:
            ParameterError: the network is unknown or cannot take photos of that size.
        """
        super().__init__()
        self.loss = loss
        self.backbone = make_backbone(backbone)
        channels = self._channels(backbone, height, width)
        layers: list[nn.Module] = []
        for units in hidden_units:
            layers += [nn.Linear(channels, units), nn.ReLU()]
            channels = units
        self.head = nn.Sequential(*layers, nn.Linear(channels, 1))
        self.tie_parameter = nn.Parameter(torch.zeros(()), requires_grad=loss != "ranknet")

    def _channels(self, name: str, height: int, width: int) -> int:
        self.backbone.eval()
        try:
            with torch.no_grad():
                features = self.backbone(torch.zeros(1, 3, height, width))
        except (RuntimeError, AssertionError, ValueError) as error:
            raise ParameterError(
                f"backbone {name} cannot take photos of {width} x {height} pixels ({error}): "
                "change input_size, or choose a network of any size such as resnet18"
            ) from None
        self.backbone.train()
        return int(features.shape[1])

    def forward(self, photos: Tensor) -> Tensor:
        """Score photos: `[photos, 3, height, width]`, normalised, to `[photos]`."""
        scores: Tensor = self.head(self.backbone(photos)).squeeze(1)
        return scores


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
