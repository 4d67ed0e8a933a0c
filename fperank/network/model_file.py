"""A trained model on disk: weights as safetensors and everything that scoring needs as JSON.

Never a pickle: a model file from elsewhere must not be able to run code.
"""

from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from fperank.ground.errors import DataError
from fperank.ground.files import write_bytes
from fperank.handover.model import (
    DESCRIPTION_FILE,
    WEIGHTS_FILE,
    ModelDescription,
    ModelFolder,
    write_description,
)
from fperank.network.ranknet import FlowRanker
from fperank.photos.decode import Fractions, Pixels


def network_of(description: ModelDescription) -> FlowRanker:
    """The network that a description is of, with random weights."""
    view = description.view
    return FlowRanker(
        description.backbone, description.hidden_units, description.loss, view.height, view.width
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
    write_bytes(folder / WEIGHTS_FILE, safetensors.torch.save(plain))
    write_description(description, folder)


def load_model(folder: Path) -> tuple[FlowRanker, ModelDescription]:
    """Read a model, on the CPU, ready to score.

    Raises:
        DataError: a file is absent, broken, or the two do not belong together.
    """
    description = ModelFolder(folder).description
    network = network_of(description)
    try:
        network.load_state_dict(read_weights(folder / WEIGHTS_FILE))
    except RuntimeError as error:
        raise DataError(
            f"{folder / WEIGHTS_FILE} does not fit {DESCRIPTION_FILE} beside it ({error}): take "
            "both files from one training"
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
