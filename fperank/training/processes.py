"""Processes that train one model together, each on a graphics card of its own.

Every process runs the whole stage on the same files; the first alone prints and writes. Each takes
batches of its own, and after each step's backward pass they take the mean of their gradients, so
that their weights stay equal to the bit. That mean is taken here and not by torch's wrapper of
networks, which would go on leaving out weights that were frozen when it was made.

If one process ends in error, all end; if the first is killed, so are the others.
"""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, distributed

from fperank.ground.errors import DataError, ParameterError
from fperank.network.devices import choose_device

T = TypeVar("T")

_RANK, _RENDEZVOUS = "FPERANK_RANK", "FPERANK_RENDEZVOUS"
_FAILED = "one of the processes that train together has failed: what it said stands above"
_SECONDS_TO_END = 10


@dataclass(frozen=True)
class ProcessGroup:
    """The processes that train together, as one of them sees it.

    Attributes:
        device: what this one trains on.
        rank: its number, from 0.
        world_size: how many there are.
    """

    device: torch.device
    rank: int = 0
    world_size: int = 1

    def own(self, things: Sequence[T]) -> Sequence[T]:
        """This process's share of what all of them hold."""
        return things[self.rank :: self.world_size]

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors of fractions by their means over the processes, in place."""
        if self.world_size == 1 or not tensors:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        distributed.all_reduce(flat)
        flat /= self.world_size
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view(tensor.shape))

    def mean(self, number: float) -> float:
        """The mean of a number over the processes, the same in all of them."""
        if self.world_size == 1:
            return number
        held = torch.tensor(number, dtype=torch.float64, device=self.device)
        self.average([held])
        return float(held)


@contextmanager
def process_group(processes: int, accelerator: str) -> Iterator[ProcessGroup]:
    """Start this program's other processes and join them, or join those that started this one.

    Args:
        processes: how many train together; 1 starts none.
        accelerator: as `devices.choose_device` takes it; with CUDA each process has its own card.

    Raises:
        ParameterError: the machine has not so many cards.
    """
    rank = int(os.environ.get(_RANK, "0"))
    device = choose_device(accelerator)
    if processes == 1:
        yield ProcessGroup(device)
        return
    if device.type == "mps" or (device.type == "cuda" and processes > torch.cuda.device_count()):
        cards = max(torch.cuda.device_count(), 1)
        raise ParameterError(
            f"processes is {processes}, but this machine has graphics cards for {cards}: "
            f"set processes to {cards} at most"
        )
    if device.type == "cuda":
        device = torch.device("cuda", rank)
        torch.cuda.set_device(device)
    if rank:
        threading.Thread(target=_end_with_the_first, daemon=True).start()
        with _joined(Path(os.environ[_RENDEZVOUS]), rank, processes, device) as group:
            yield group
        return
    with tempfile.TemporaryDirectory() as folder:
        rendezvous = Path(folder) / "rendezvous"
        others = [_start(other, rendezvous) for other in range(1, processes)]
        parted = threading.Event()
        for other in others:
            watch = threading.Thread(target=_end_if_it_fails, args=(other, parted), daemon=True)
            watch.start()
        try:
            with _joined(rendezvous, rank, processes, device) as group:
                yield group
        except BaseException as error:
            # Torch's own error when another process no longer answers would explain less.
            deserted = isinstance(error, RuntimeError) and any(map(_has_failed, others))
            parted.set()
            for other in others:
                other.kill()
            if deserted:
                raise DataError(_FAILED) from None
            raise
        for other in others:
            other.wait()


@contextmanager
def _joined(
    rendezvous: Path, rank: int, world_size: int, device: torch.device
) -> Iterator[ProcessGroup]:
    """The group while this process is in it; all find each other by the file `rendezvous`."""
    # Only this machine's processes take part: gloo would guess at the network interface.
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")
    distributed.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        init_method=rendezvous.absolute().as_uri(),
        rank=rank,
        world_size=world_size,
    )
    try:
        yield ProcessGroup(device, rank, world_size)
    finally:
        distributed.destroy_process_group()


def _start(rank: int, rendezvous: Path) -> "subprocess.Popen[bytes]":
    """Run this very command once more, as another process of the group."""
    own = {_RANK: str(rank), _RENDEZVOUS: str(rendezvous), "TQDM_DISABLE": "1"}
    return subprocess.Popen(  # noqa: S603
        [sys.executable, *sys.orig_argv[1:]],
        env={**os.environ, **own},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        # Ctrl-C is for the first process, which ends the others.
        start_new_session=True,
    )


def _has_failed(other: "subprocess.Popen[bytes]") -> bool:
    try:
        return other.wait(_SECONDS_TO_END) != 0
    except subprocess.TimeoutExpired:
        return False


def _end_if_it_fails(other: "subprocess.Popen[bytes]", parted: threading.Event) -> None:
    """End this process when another has failed: on a card it would wait for that one for ever."""
    if other.wait() != 0 and not parted.wait(_SECONDS_TO_END):
        print(f"error: {_FAILED}", file=sys.stderr)
        os._exit(1)


def _end_with_the_first() -> None:
    """End this process when the first is gone: its end of the pipe is closed then."""
    sys.stdin.read()
    os._exit(1)
