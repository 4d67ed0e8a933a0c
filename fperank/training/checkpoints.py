"""What lets a killed training go on: one file a run, outside the outputs that DVC clears.

A checkpoint belongs to the exact data, parameters, pretrained weights, code, torch version, kind of
device and kind of numbers (bfloat16 or not) that wrote it; any other run starts afresh.
"""

import hashlib
import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from fperank.ground.files import write_bytes
from fperank.network.devices import choose_device, uses_bfloat16
from fperank.params.parameters import TrainParams
from fperank.training.data import TrainingData

_CODE = ("ground", "network", "photos", "training")
"""The packages that decide on a training's numbers."""


@dataclass(frozen=True)
class Checkpoint:
    """The checkpoint of one run.

    Attributes:
        path: the file; its name is a hash of everything that the run depends on.
    """

    path: Path

    @classmethod
    def for_run(
        cls,
        scratch: Path,
        data: TrainingData,
        params: TrainParams,
        pretrained_sha256: str | None = None,
    ) -> "Checkpoint":
        """The checkpoint of a run with this data, these parameters and the code as it is now.

        Args:
            scratch: folder for what is kept between two runs.
            data: the photos and pairs.
            params: the parameters of the stage.
            pretrained_sha256: digest of the weights that the run starts from, as
                `pretrained.load_pretrained` gives it.
        """
        digest = hashlib.sha256(params.model_dump_json().encode())
        device = choose_device(params.accelerator)
        bfloat16 = uses_bfloat16(device, params.precision)
        kind = f"{torch.__version__} {device.type} {bfloat16} {pretrained_sha256}"
        digest.update(kind.encode())
        for package in _CODE:
            for module in sorted((Path(__file__).parents[1] / package).rglob("*.py")):
                digest.update(module.read_bytes())
        for pairs in (data.train, data.val):
            for column in (pairs.first, pairs.second, pairs.label):
                digest.update(column.numpy().tobytes())
        digest.update(data.pixels.numpy().data)
        return cls(scratch / "checkpoints" / f"{digest.hexdigest()[:32]}.pt")

    def load(self) -> dict[str, Any] | None:
        """What the run last saved, or none if it has not saved yet."""
        try:
            state: dict[str, Any] = torch.load(self.path, weights_only=True)
        except FileNotFoundError:
            return None
        except (pickle.UnpicklingError, RuntimeError, EOFError, LookupError, ValueError):
            # Of no use to anyone: the run starts afresh and writes it anew.
            return None
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Save, whole or not at all."""
        buffer = io.BytesIO()
        torch.save(state, buffer)
        write_bytes(self.path, buffer.getvalue())

    def remove(self) -> None:
        """Forget the run: its model is written."""
        self.path.unlink(missing_ok=True)
