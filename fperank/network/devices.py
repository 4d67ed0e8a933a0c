"""The one place that sets threads, seeds and deterministic algorithms, and picks the device."""

import os
from collections.abc import Callable

import torch

from fperank.ground.errors import ParameterError

_DEVICES: dict[str, Callable[[], bool]] = {
    "cuda": torch.cuda.is_available,
    "mps": torch.backends.mps.is_available,
}


def set_determinism(threads: int, seed: int) -> None:
    """Make torch repeat itself: same seed and thread count, same bits on one kind of processor."""
    # cuBLAS reads this when it starts; without it deterministic algorithms are refused on CUDA.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    # The same as `use_deterministic_algorithms`, but for what that also sets in torch's compiler:
    # importing it takes seconds, and nothing here is compiled.
    torch.set_deterministic_debug_mode("error")
    torch.backends.cudnn.benchmark = False


def choose_device(accelerator: str) -> torch.device:
    """Turn the parameter `accelerator` into a device.

    Args:
        accelerator: `cpu`, `cuda`, `mps`, or `auto` for the first of cuda, mps, cpu that is there.

    Raises:
        ParameterError: the device is asked for by name and is not there.
    """
    if accelerator == "auto":
        return torch.device(next((name for name, there in _DEVICES.items() if there()), "cpu"))
    if accelerator in _DEVICES and not _DEVICES[accelerator]():
        raise ParameterError(
            f"accelerator is {accelerator!r}, but this machine has none that torch can use: "
            "set it to cpu or auto"
        )
    return torch.device(accelerator)


def uses_bfloat16(device: torch.device, precision: str) -> bool:
    """Whether to train with bfloat16: where it was measured faster and as good, or is built for it.

    Args:
        device: on which to train.
        precision: `float32` for 32-bit numbers everywhere, or `auto` for bfloat16 on processors
            with AVX-512's instructions for it, and on CUDA cards with theirs (not measured).
    """
    there = {
        "cuda": lambda: torch.cuda.is_bf16_supported(including_emulation=False),
        "cpu": lambda: torch.cpu.get_capabilities().get("avx512_bf16", False),
    }
    return precision == "auto" and device.type in there and bool(there[device.type]())


def mixed_precision(device: torch.device, precision: str) -> torch.autocast:
    """The context in which to train; photos are scored outside, as ranks need 32-bit numbers."""
    bfloat16 = uses_bfloat16(device, precision)
    return torch.autocast(device.type, torch.bfloat16, enabled=bfloat16)
