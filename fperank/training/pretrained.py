"""Weights that training starts from: torchvision's ImageNet weights, or a file.

Refused: pickles that hold anything but tensors, weights of another network.
"""

import pickle
from pathlib import Path
from urllib.error import URLError

import torch
import torchvision
from torch import Tensor

from fperank.network.model_file import read_weights
from fperank.network.ranknet import FlowRanker
from fperank.running.errors import ParameterError

# What torch raises at files that it did not write, and at pickles that hold more than tensors.
_NOT_WEIGHTS = (pickle.UnpicklingError, RuntimeError, EOFError, LookupError, ValueError, TypeError)


def load_pretrained(network: FlowRanker, backbone: str, pretrained: str) -> None:
    """Fill a new network with the weights that `pretrained` names.

    Args:
        network: the network, changed in place.
        backbone: its torchvision name.
        pretrained: `none`: leave the random weights; `imagenet`: torchvision's weights, fetched
            once from its server; otherwise a file: a `model.safetensors` of fperank (backbone and
            head) or a torchvision `.pth` of the same network (backbone).

    Raises:
        ParameterError: the weights cannot be had or belong to another network.
    """
    if pretrained == "none":
        return
    if pretrained == "imagenet":
        _fill(network.backbone, _imagenet(backbone), backbone, pretrained)
        return
    path = Path(pretrained)
    if not path.is_file():
        raise ParameterError(
            f"pretrained is {pretrained!r}, which is no file: set it to imagenet, to none, or to "
            "the path of a weights file (.safetensors or .pth)"
        )
    if path.suffix == ".safetensors":
        _fill(network, read_weights(path), backbone, pretrained)
    else:
        _fill(network.backbone, _torch_file(path), backbone, pretrained)


def _imagenet(backbone: str) -> dict[str, Tensor]:
    weights = torchvision.models.get_model_weights(backbone).DEFAULT
    try:
        state: dict[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        raise ParameterError(
            f"pretrained is imagenet, but the weights of {backbone} cannot be fetched ({error}): "
            "connect to the internet once, set pretrained to a weights file, or set it to none"
        ) from None
    return state


def _torch_file(path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except _NOT_WEIGHTS as error:
        raise ParameterError(
            f"pretrained: {path} is not a file of plain weights ({type(error).__name__}): "
            "name a .safetensors file of fperank or a .pth of torchvision"
        ) from None
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ParameterError(f"pretrained: {path} must hold one table of names and tensors")
    return state


def _fill(module: torch.nn.Module, state: dict[str, Tensor], backbone: str, source: str) -> None:
    wanted = module.state_dict()
    found = {
        name: value
        for name, value in state.items()
        if name in wanted and value.shape == wanted[name].shape
    }
    if missing := sorted(wanted.keys() - found.keys()):
        raise ParameterError(
            f"pretrained: the weights of {source} do not fit backbone {backbone}: "
            f"{len(missing)} of {len(wanted)} are missing or of another size, first {missing[0]}"
        )
    module.load_state_dict(found)
