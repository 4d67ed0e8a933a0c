"""Ways of cutting an epoch's pairs into batches: photos encoded, time, and rank agreement.

    python -m benchmarks.batching --dataset DATA --input INPUT --params params.yaml

DATA and INPUT are the folders that the stages `dataset` and `input` wrote. Every way trains the
same network with the same seeds for the epochs of the parameters. Time is processor seconds of one
thread, which other work disturbs least. The default in `fperank.training.pair_batches` was
chosen by the held-out pairs (val); the agreement on test photos is evidence only.
"""

import argparse
import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fperank.agreement.metrics import tau
from fperank.ground.errors import PhotoError
from fperank.handover.dataset import DatasetFolder
from fperank.handover.input import InputFolder
from fperank.network.model_file import normalise, to_tensor
from fperank.params.file import load_params
from fperank.params.parameters import TrainParams
from fperank.photos.decode import Pixels, read_many
from fperank.training import loop as training
from fperank.training.best_epoch import kept_epoch
from fperank.training.data import PairSet, load_data
from fperank.training.pair_batches import pair_batches

Way = Callable[[PairSet, int, torch.Generator], list[Tensor]]


def random_pairs(pairs: PairSet, size: int, generator: torch.Generator) -> list[Tensor]:
    """Pairs in random order."""
    return _cut(torch.randperm(len(pairs), generator=generator), size)


def walked_pairs(pairs: PairSet, size: int, generator: torch.Generator) -> list[Tensor]:
    """Pairs in the order of a breadth-first walk over the photos, batches shuffled."""
    return _shuffled(_cut(torch.tensor(list(_walk(pairs, generator))), size), generator)


def photo_batches(pairs: PairSet, size: int, generator: torch.Generator) -> list[Tensor]:
    """Groups of `size` photos along the walk with all pairs within; other pairs are left out."""
    inside, _ = _photo_groups(pairs, size, generator)
    return _shuffled(inside, generator)


def photo_batches_and_rest(pairs: PairSet, size: int, generator: torch.Generator) -> list[Tensor]:
    """As `photo_batches`, and the pairs between groups in random batches beside them."""
    inside, between = _photo_groups(pairs, size, generator)
    rest = between[torch.randperm(len(between), generator=generator)]
    return _shuffled([*inside, *_cut(rest, size)], generator)


WAYS: dict[str, Way] = {
    "random": random_pairs,
    "grown": pair_batches,
    "walk": walked_pairs,
    "photos": photo_batches,
    "photos+rest": photo_batches_and_rest,
}


def _cut(order: Tensor, size: int) -> list[Tensor]:
    return list(order.tensor_split(max(round(len(order) / size), 1)))


def _shuffled(batches: list[Tensor], generator: torch.Generator) -> list[Tensor]:
    return [batches[k] for k in torch.randperm(len(batches), generator=generator).tolist()]


def _walk(pairs: PairSet, generator: torch.Generator) -> Iterator[int]:
    ends = list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    of_photo: dict[int, list[int]] = {}
    for pair in torch.randperm(len(ends), generator=generator).tolist():
        for photo in ends[pair]:
            of_photo.setdefault(photo, []).append(pair)
    walked, reached = set(), set()
    for start in of_photo:
        waiting = deque([start])
        while waiting:
            photo = waiting.popleft()
            if photo in reached:
                continue
            reached.add(photo)
            for pair in of_photo[photo]:
                if pair not in walked:
                    walked.add(pair)
                    waiting.extend(ends[pair])
                    yield pair


def _photo_groups(
    pairs: PairSet, size: int, generator: torch.Generator
) -> tuple[list[Tensor], Tensor]:
    """Pairs within each group of photos, and the pairs between groups."""
    place: dict[int, int] = {}
    for pair in _walk(pairs, generator):
        for photo in (int(pairs.first[pair]), int(pairs.second[pair])):
            place.setdefault(photo, len(place))
    n = max(round(len(place) / size), 1)
    group = torch.zeros(max(place) + 1, dtype=torch.long)
    for photo, k in place.items():
        group[photo] = k * n // len(place)
    first, second = group[pairs.first], group[pairs.second]
    inside = [torch.nonzero((first == k) & (second == k)).flatten() for k in range(n)]
    return [batch for batch in inside if len(batch)], torch.nonzero(first != second).flatten()


@dataclass(frozen=True)
class Job:
    """One training to measure."""

    dataset: Path
    input: Path
    params: Path
    way: str
    batch_pairs: int
    seed: int
    threads: int


def measure(job: Job) -> dict[str, float | int | str]:
    """Train once; tell what it cost and what it learnt."""
    loaded = load_params(job.params, TrainParams)
    own = {
        "seed": job.seed,
        "threads": job.threads,
        "batch_pairs": job.batch_pairs or loaded.batch_pairs,
    }
    params = TrainParams.model_validate({**loaded.model_dump(), **own})
    chosen, photos = InputFolder(job.input), DatasetFolder(job.dataset).photos
    data = load_data(chosen.pairs, photos, params)
    encoded: list[int] = []

    def counted(
        pairs: PairSet, size: int, generator: torch.Generator, _shares: int
    ) -> list[Tensor]:
        batches = WAYS[job.way](pairs, size, generator)
        distinct = [
            len(torch.unique(torch.cat([pairs.first[b], pairs.second[b]]))) for b in batches
        ]
        encoded.append(sum(distinct))
        return batches

    seconds = []
    with patch.object(training, "pair_batches", counted):
        trainer = training.Trainer.start(data, params)
        while not trainer.finished():
            begun = time.process_time()
            trainer.run_epoch()
            seconds.append(time.process_time() - begun)
    trainer.network.load_state_dict(trainer.best_state)
    kept = kept_epoch(trainer.val_losses)
    images = chosen.images
    result: dict[str, float | int | str] = {
        **{name: value for name, value in asdict(job).items() if not isinstance(value, Path)},
        "station": chosen.station.name,
        "encodes_per_epoch": float(np.mean(encoded)),
        "seconds_per_epoch": float(np.median(seconds)),
        "kept_epoch": kept,
        "val_loss": trainer.history[kept - 1]["val_loss"],
        "last_val_loss": trainer.history[-1]["val_loss"],
        "val_pair_accuracy": trainer.history[kept - 1]["val_pair_accuracy"],
    }
    for split in ("test-in", "test-out"):
        rows = images[(images["split"] == split) & images["value"].notna()]
        read = list(read_many([photos / name for name in rows["filename"]], data.view.read, 1))
        readable = [not isinstance(photo, PhotoError) for photo in read]
        scores = _scores(trainer, [photo for photo in read if not isinstance(photo, PhotoError)])
        agreement = tau(rows["value"].to_numpy()[readable], scores)
        result[f"tau_{split}"] = np.nan if agreement is None else agreement
    return result


@torch.inference_mode()
def _scores(trainer: training.Trainer, pixels: list[Pixels]) -> NDArray[np.float64]:
    trainer.network.eval()
    mean, std = trainer.data.mean, trainer.data.std
    chunks = [
        trainer.network(normalise(to_tensor(chunk, trainer.group.device), mean, std))
        for chunk in torch.split(torch.from_numpy(np.stack(pixels)), 64)
    ]
    return torch.cat(chunks).double().numpy()


def _table(rows: list[dict[str, float | int | str]], seeds: int) -> str:
    figures = [
        "encodes_per_epoch",
        "seconds_per_epoch",
        "val_pair_accuracy",
        "val_loss",
        "last_val_loss",
        "tau_test-in",
        "tau_test-out",
    ]
    lines = [f"{'way':14s}{'pairs':>6s}" + "".join(f"{name:>19s}" for name in figures)]
    for k in range(0, len(rows), seeds):
        part = rows[k : k + seeds]
        means = [f"{np.mean([float(row[name]) for row in part]):19.3f}" for name in figures]
        lines.append(f"{part[0]['way']:14s}{part[0]['batch_pairs']:6d}" + "".join(means))
    return "\n".join(lines)


def main() -> None:
    """Train every way with every seed, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--batch-pairs", type=int, default=0, help="0 for that of the parameters")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of each training")
    parser.add_argument(
        "--at-once", type=int, default=2, help="trainings that run beside each other"
    )
    parser.add_argument("--json", type=Path, help="write every training's figures here")
    asked = parser.parse_args()
    jobs = [
        Job(asked.dataset, asked.input, asked.params, way, asked.batch_pairs, seed, asked.threads)
        for way in asked.ways
        for seed in range(1, asked.seeds + 1)
    ]
    with ProcessPoolExecutor(asked.at_once, mp_context=get_context("spawn")) as pool:
        rows = []
        for row in pool.map(measure, jobs):
            print(json.dumps(row), file=sys.stderr, flush=True)
            rows.append(row)
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(_table(rows, asked.seeds))


if __name__ == "__main__":
    main()
