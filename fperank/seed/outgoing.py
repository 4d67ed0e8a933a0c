"""A model of fperank -> a checkpoint that the seed's own loader reads, where its format holds it.

That loader builds a ResNet-18 with a head of 256 and 64 units, fills it by name, and prepares each
photo by the torchvision steps that lie in the file. Our steps are written in these: the whole photo
is scaled, and what the view cuts off is cut off by a padding below zero.

Not held: other networks (told in words), the EXIF orientation, which the seed does not look at, and
that photos of another shape are cut rather than stretched.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fperank.handover.model import ModelDescription
from fperank.network.backbones import torchvision_models
from fperank.photos.stretched import SeedView
from fperank.photos.view import PhotoView
from fperank.seed.checkpoint import BACKBONE, HIDDEN_UNITS, PARTS

_PLACES = {own: theirs for theirs, own in PARTS.items()}


def not_held(description: ModelDescription) -> str:
    """Why the seed's format cannot hold a model, in words; empty if it can."""
    faults = []
    if description.backbone != BACKBONE:
        faults.append(f"backbone is {description.backbone}")
    if description.hidden_units != HIDDEN_UNITS:
        faults.append(f"hidden_units are {description.hidden_units}")
    if not faults:
        return ""
    return (
        f"{' and '.join(faults)}, but the Flow Photo Explorer's program builds a {BACKBONE} with "
        f"hidden_units {HIDDEN_UNITS} whatever the file says"
    )


def write_checkpoint(
    state: dict[str, Tensor], description: ModelDescription, loss: float, path: Path
) -> None:
    """Write a checkpoint.

    Args:
        state: the model's weights under fperank's names.
        description: what they are of; `not_held` must be empty.
        loss: of training, in the epoch that was kept.
        path: the `model.pth` to write.
    """
    steps = _steps(description)
    view = description.view
    whole = _whole(view)
    checkpoint = {
        "epoch": description.kept_epoch - 1,
        "model_state_dict": {
            their_name(name): value for name, value in state.items() if name != "tie_parameter"
        },
        "optimizer_state_dict": {"state": {}, "param_groups": []},
        "training_loss": loss,
        # Training is not gone on with: photos are prepared alike for both.
        "transforms": {"train": steps, "eval": steps},
        "params": {
            "aspect": whole[1] / whole[0],
            "input_shape": [view.height, view.width],
            # Lists: arrays of numpy 2 cannot be read by the numpy of an older installation.
            "img_sample_mean": list(description.mean),
            "img_sample_std": list(description.std),
        },
    }
    torch.save(checkpoint, path)


def their_name(name: str) -> str:
    """The seed's name of a weight."""
    part, _, rest = name.partition(".")
    if part == "head":
        return f"module.fclayers.{rest}"
    layer, _, rest = rest.partition(".")
    return f"module.resnetbody.model.{_PLACES[layer]}.{rest}"


def _whole(view: PhotoView | SeedView) -> tuple[int, int]:
    """Height and width that the whole photo is scaled to."""
    if isinstance(view, SeedView):
        return view.resized_height, view.resized_width
    return (
        round(view.height / (1 - view.crop_top - view.crop_bottom)),
        round(view.width / (1 - view.crop_left - view.crop_right)),
    )


def _steps(description: ModelDescription) -> Any:
    """The preparation of a photo, as torchvision's steps."""
    # Imports torchvision without torch's compiler.
    torchvision_models()
    from torchvision import transforms

    view = description.view
    height, width = _whole(view)
    antialias = view.antialias if isinstance(view, SeedView) else True
    steps = [transforms.Resize([height, width], antialias=antialias), _cut(view, height, width)]
    steps.append(transforms.Normalize(list(description.mean), list(description.std)))
    return transforms.Compose(steps)


def _cut(view: PhotoView | SeedView, height: int, width: int) -> Any:
    """The step that takes the view out of the whole photo."""
    from torchvision import transforms

    spare = (height - view.height, width - view.width)
    if isinstance(view, SeedView):
        return transforms.CenterCrop([view.height, view.width])
    top, left = round(height * view.crop_top), round(width * view.crop_left)
    if (2 * top, 2 * left) == spare:
        return transforms.CenterCrop([view.height, view.width])
    return transforms.Pad([-left, -top, left - spare[1], top - spare[0]])
