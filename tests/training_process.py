"""A program whose processes train together on noise; `test_processes.py` starts it.

    python training_process.py FOLDER WAY

Each process leaves in FOLDER what it ended with. WAY is `train`, or `fail` (the second process
fails), or `killed` (it is), or `wait` (both wait for ever, after writing their process numbers).
"""

import os
import signal
import sys
import time
from pathlib import Path

import torch

from fperank.params.file import load_params
from fperank.params.parameters import Params, TrainParams
from fperank.photos.view import PhotoView
from fperank.training.data import PairSet, TrainingData
from fperank.training.loop import Trainer
from fperank.training.processes import process_group

ROOT = Path(__file__).parents[1]
CHANGES = {
    "backbone": "resnet18",
    "hidden_units": [8],
    "optimizer": "sgd",
    "lr_schedule": "constant",
    "batch_pairs": 20,
    "loss": "davidson",
    "epochs": 2,
    "threads": 1,
    "processes": 2,
}


def settings(**changes):
    params = load_params(ROOT / "params.yaml", Params)
    values = params.model_dump(include=set(TrainParams.model_fields))
    return TrainParams.model_validate({**values, **CHANGES, **changes})


def noise():
    """Forty training pairs and ten for validation among thirty photos of noise."""
    generator = torch.Generator().manual_seed(4)

    def pairs(n, first, photos):
        one = torch.randint(photos, (n,), generator=generator)
        other = (one + torch.randint(1, photos, (n,), generator=generator)) % photos
        label = torch.randint(-1, 2, (n,), generator=generator)
        return PairSet(first + one, first + other, label)

    pixels = torch.randint(256, (30, 32, 32, 3), generator=generator, dtype=torch.uint8)
    view = PhotoView(height=32, width=32)
    return TrainingData(
        pixels, view, pairs(40, 0, 24), pairs(10, 24, 6), [0.5] * 3, [0.3] * 3, {}, 0
    )


def main(folder, way):
    with process_group(2, "cpu") as group:
        (folder / f"{group.rank}.pid").write_text(str(os.getpid()))
        if way == "fail" and group.rank:
            raise SystemExit(3)
        if way == "killed" and group.rank:
            os.kill(os.getpid(), signal.SIGKILL)
        if way == "wait":
            time.sleep(600)
        trainer = Trainer.start(noise(), settings(freeze_epochs=1), group)
        states = []
        for _ in range(2):
            trainer.run_epoch()
            network = trainer.network.state_dict()
            states.append({name: value.clone() for name, value in network.items()})
        left = {"states": states, "history": trainer.history}
        torch.save(left, folder / f"{group.rank}.part")
        (folder / f"{group.rank}.part").rename(folder / f"{group.rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
