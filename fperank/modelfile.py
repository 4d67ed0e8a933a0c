"""A trained model on disk: weights as safetensors and everything that scoring needs as JSON.

Never a pickle: a model file from elsewhere must not be able to run code.
"""

from pathlib import Path
from typing import Annotated, Any

import safetensors
import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, Discriminator, Tag, ValidationError
from torch import Tensor

from fperank.errors import DataError
from fperank.files import read_json, write_bytes, write_json
from fperank.images import PhotoView, Pixels
from fperank.photo_filter import PhotoFilter
from fperank.ranknet import FlowRanker
from fperank.seed.view import Fractions, SeedView

WEIGHTS = "model.safetensors"
DESCRIPTION = "model.json"


def _kind_of_view(view: Any) -> str:
    kind = view.get("kind", "") if isinstance(view, dict) else getattr(view, "kind", "")
    return "stretched" if kind == "stretched" else "covered"


View = Annotated[
    Annotated[PhotoView, Tag("covered")] | Annotated[SeedView, Tag("stretched")],
    Discriminator(_kind_of_view),
]
"""How a network sees photos: fperank's own way, or that of an imported model, told by `kind`."""


class ModelDescription(BaseModel):
    """What a model is, beside its weights.

    Attributes:
        backbone: name of the torchvision network.
        hidden_units: sizes of the head's hidden layers.
        loss: the loss that it was trained with.
        tie_parameter: what the loss has learnt of ties, as `losses.pair_log_probabilities` takes
            it; none for `ranknet`.
        view: what part of a photo it sees, and at what size.
        mean: of red, green and blue, 0 to 1, taken from the pixels before scoring.
        std: likewise, that they are divided by.
        kept_epoch: the epoch whose weights these are.
        variable: what the score ranks, such as FLOW_CFS.
        station: name of the station whose photos it learnt from.
        timezone: IANA name of that station's zone, where it is known.
        utc_offset: fixed offset of its camera's clock, "" for local time, where it is known.
        photo_filter: the hours and months that the model is meant for, where they are known.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    backbone: str
    hidden_units: list[int]
    loss: str
    tie_parameter: float | None
    view: View
    mean: list[float]
    std: list[float]
    kept_epoch: int
    variable: str
    station: str
    timezone: str | None = None
    utc_offset: str | None = None
    photo_filter: PhotoFilter | None = None

    def network(self) -> FlowRanker:
        """The network that the description tells of, with random weights."""
        return FlowRanker(
            self.backbone, self.hidden_units, self.loss, self.view.height, self.view.width
        )


def normalise(photos: Tensor, mean: list[float], std: list[float]) -> Tensor:
    """Normalise `[photos, 3, height, width]`, 0 to 1, by the model's mean and deviation."""
    shape = (1, 3, 1, 1)
    return (photos - photos.new_tensor(mean).view(shape)) / photos.new_tensor(std).view(shape)


def to_tensor(pixels: Pixels | Fractions | Tensor, device: torch.device) -> Tensor:
    """`[photos, height, width, 3]` to `[photos, 3, height, width]`, 0 to 1.

    The result lies in memory as the pixels do, channels last, which convolutions are fastest on.

    Args:
        pixels: whole numbers of 0 to 255, or fractions of 0 to 1.
        device: where the result lies.
    """
    photos = torch.as_tensor(pixels).to(device).permute(0, 3, 1, 2)
    return photos if photos.is_floating_point() else photos.float() / 255


def save_model(folder: Path, state: dict[str, Tensor], description: ModelDescription) -> None:
    """Write weights and description; both whole or not at all."""
    plain = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    write_bytes(folder / WEIGHTS, safetensors.torch.save(plain))
    write_json(description.model_dump(), folder / DESCRIPTION)


def load_model(folder: Path) -> tuple[FlowRanker, ModelDescription]:
    """Read a model, on the CPU, ready to score.

    Raises:
        DataError: a file is absent, broken, or the two do not belong together.
    """
    values: Any = read_json(folder / DESCRIPTION)
    try:
        description = ModelDescription.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{folder / DESCRIPTION}: {key}: {first['msg']}") from None
    network = description.network()
    try:
        network.load_state_dict(read_weights(folder / WEIGHTS))
    except RuntimeError as error:
        raise DataError(
            f"{folder / WEIGHTS} does not fit {DESCRIPTION} beside it ({error}): take both files "
            "from one training"
        ) from None
    return network.eval(), description


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises:
        DataError: the file is absent or is none.
    """
    try:
        return safetensors.torch.load(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except safetensors.SafetensorError as error:
        raise DataError(f"{path} is not a safetensors file: {error}") from None
