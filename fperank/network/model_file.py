"""A trained model on disk: weights as safetensors and everything that scoring needs as JSON.

Never a pickle: a model file from elsewhere must not be able to run code. Nor may it take memory for
what it only claims: names and sizes of weights are compared before one is read.
"""

from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from fperank.ground.errors import DataError, ParameterError
from fperank.ground.files import require_file, write_bytes
from fperank.handover.model import (
    DESCRIPTION_FILE,
    WEIGHTS_FILE,
    ModelDescription,
    ModelFolder,
    write_description,
)
from fperank.network.ranknet import FlowRanker
from fperank.photos.decode import Fractions, Pixels

# Names and sizes of weights, before the weights themselves.
_MAX_HEAD_BYTES = 1_000_000


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
    model = ModelFolder(folder)
    description, path = model.description, model.weights_file
    try:
        # Names and sizes only: no weight is drawn, nothing is computed.
        with torch.device("meta"):
            wanted = network_of(description).state_dict()
    except ParameterError as error:
        raise DataError(f"{model.description_file}: {error}") from None
    _require_sizes(path, wanted)
    state = read_weights(path)
    for name, value in state.items():
        if not value.isfinite().all():
            raise DataError(f"{path}: {name} holds what is no number: train the model again")
    network = network_of(description)
    network.load_state_dict(state)
    return network.eval(), description


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises:
        DataError: the file is absent or is none.
    """
    require_file(path)
    try:
        return safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise _no_weights(path, error) from None


def _require_sizes(path: Path, network: Mapping[str, Tensor]) -> None:
    """Refuse weights of another network by the file's size, and by what its head says of them."""
    size, room = require_file(path), sum(value.nbytes for value in network.values())
    if size > 2 * room + _MAX_HEAD_BYTES:
        raise DataError(
            f"{path} has {size:,} bytes, but the network that {DESCRIPTION_FILE} beside it "
            f"describes takes {room:,}: take both files from one training"
        )
    wanted = {name: tuple(value.shape) for name, value in network.items()}
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            held = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise _no_weights(path, error) from None
    differ = sorted(
        name for name in held.keys() | wanted.keys() if held.get(name) != wanted.get(name)
    )
    if differ:
        first = differ[0]
        raise DataError(
            f"{path} does not fit {DESCRIPTION_FILE} beside it: {len(differ)} weights have another "
            f"name or size, such as {first}, which is {_size(held.get(first))} in the file and "
            f"{_size(wanted.get(first))} in the network described: take both files from one "
            "training"
        )


def _size(shape: tuple[int, ...] | None) -> str:
    if shape is None:
        return "absent"
    return " x ".join(map(str, shape)) if shape else "one number"


def _no_weights(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} is not a safetensors file: {error}")
