"""torchvision's networks without their heads, and without torch's compiler.

Importing torchvision costs as much again as importing torch, and nearly all of it is one line of
its detection part, which takes one function of torch's compiler (`torch._dynamo`, which brings
`torch._inductor` and sympy) that no ranking network ever calls. While torchvision is imported, a
function stands in for that one, and imports the compiler when it is called: all of torchvision
stays usable, and nothing of torch is changed.

Refused: names that torchvision does not know.
"""

import sys
from functools import cache
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from fperank.ground.errors import ParameterError

_HEADS = ("fc", "classifier", "head", "heads")
# These two answer with extra outputs while training unless they are made without.
_WITH_AUX_OUTPUTS = ("googlenet", "inception_v3")
_COMPILER = "torch._dynamo.utils"


@cache
def torchvision_models() -> Any:
    """`torchvision.models`, imported on the first call.

    Returns:
        The module; it is untyped.
    """
    stand_in = _COMPILER not in sys.modules
    if stand_in:
        sys.modules[_COMPILER] = _compiler_on_demand()
    try:
        import torchvision.models
    finally:
        if stand_in:
            del sys.modules[_COMPILER]
    return torchvision.models


def _compiler_on_demand() -> ModuleType:
    """What torchvision imports of the compiler, importing it when it is called."""

    def is_compile_supported(device_type: str) -> Any:
        from torch._dynamo import utils

        return utils.is_compile_supported(device_type)

    module = ModuleType(_COMPILER)
    module.is_compile_supported = is_compile_supported  # type: ignore[attr-defined]  # of our making
    return module


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
    models = torchvision_models()
    known = models.list_models(module=models)
    if name not in known:
        raise ParameterError(
            f"backbone is {name!r}: choose one of torchvision's classification networks: "
            f"{', '.join(known)}"
        )
    plain = {"aux_logits": False, "init_weights": True} if name in _WITH_AUX_OUTPUTS else {}
    network: nn.Module = models.get_model(name, weights=None, **plain)
    if isinstance(getattr(network, "avgpool", None), nn.AdaptiveAvgPool2d):
        network.avgpool = nn.AdaptiveAvgPool2d(1)
    for head in _HEADS:
        if hasattr(network, head):
            setattr(network, head, _PoolAndFlatten())
            return network
    raise ParameterError(f"backbone {name} has no classification head that could be left out")
