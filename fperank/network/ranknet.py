"""The network that scores a photo: a torchvision backbone, pooling, a small MLP, one number.

Refused: names that torchvision does not know, and networks that cannot take photos of that size.
"""

from collections.abc import Sequence

import torch
import torchvision
from torch import Tensor, nn

from fperank.running.errors import ParameterError

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
            loss: name of the loss, see `losses`.
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
