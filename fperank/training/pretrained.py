"""Weights that training starts from: none, torchvision's ImageNet weights, or a file of `weights/`.

`dvc.yaml` names `weights/${pretrained}` among what stage `train` depends on, so another content
under the same name trains anew, and a clone has the very file. So weights lie in that folder only.

Refused: pickles that hold anything but tensors, weights of another network, files elsewhere.
"""

import pickle
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.error import URLError
from urllib.parse import urlparse

import torch
from torch import Tensor, nn

from fperank.ground.errors import ParameterError
from fperank.ground.files import file_digest
from fperank.network.backbones import torchvision_models
from fperank.network.model_file import read_weights
from fperank.network.ranknet import FlowRanker

WEIGHTS_FOLDER = Path("weights")
"""From the top of the repository, where stages run."""

# What torch raises at files that it did not write, and at pickles that hold more than tensors.
_NOT_WEIGHTS = (pickle.UnpicklingError, RuntimeError, EOFError, LookupError, ValueError, TypeError)


def load_pretrained(network: FlowRanker, backbone: str, pretrained: str) -> str | None:
    """Fill a new network with the weights that `pretrained` names.

    Args:
        network: the network, changed in place.
        backbone: its torchvision name.
        pretrained: `none`: leave the random weights; `imagenet`: torchvision's weights, fetched
            once from its server; otherwise a file in `weights/`: a `.safetensors` of fperank
            (backbone and head) or a `.pth` of torchvision, of the same network (backbone).

    Returns:
        The SHA-256 of the file that the weights came from; none where they stay random.

    Raises:
        ParameterError: the weights cannot be had or belong to another network.
    """
    if pretrained == "none":
        return None
    if pretrained == "imagenet":
        state, path = _imagenet(backbone)
        _fill(network.backbone, state, backbone, pretrained)
        return file_digest(path)
    path = WEIGHTS_FOLDER / pretrained
    if not path.is_file():
        raise ParameterError(
            f"pretrained is {pretrained!r}, but {path} does not exist: copy the file there "
            f"({WEIGHTS_FOLDER}/README.md says how), or set pretrained to imagenet or none"
        )
    if path.suffix == ".safetensors":
        _fill(network, read_weights(path), backbone, str(path))
    else:
        _fill(network.backbone, _torch_file(path), backbone, str(path))
    return file_digest(path)


def _imagenet(backbone: str) -> tuple[dict[str, Tensor], Path]:
    """The default weights of torchvision, and the file that torch keeps them in.

    Torch holds a file against the digest in its name when it fetches it, and not again later.
    """
    weights: Any = torchvision_models().get_model_weights(backbone).DEFAULT
    try:
        state: dict[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        raise ParameterError(
            f"pretrained is imagenet, but the weights of {backbone} cannot be fetched ({error}): "
            f"connect to the internet once, copy a weights file into {WEIGHTS_FOLDER}/ and name it "
            "in pretrained, or set it to none"
        ) from None
    name = PurePosixPath(urlparse(weights.url).path).name
    return state, Path(torch.hub.get_dir(), "checkpoints", name)


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


def _fill(module: nn.Module, state: dict[str, Tensor], backbone: str, source: str) -> None:
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
