"""The network that scores a photo: a torchvision backbone, pooling, a small MLP, one number.

Refused: networks that cannot take photos of that size.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fperank.ground.errors import ParameterError
from fperank.network.backbones import make_backbone


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
