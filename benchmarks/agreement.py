"""Rank agreement at the end of training: the plain reference and fperank, several seeds each.

    python -m benchmarks.agreement --seeds 3

The same stations, splits, network, first weights and number of epochs. The reference keeps the
epoch with the lowest validation loss, as the published method does; how it would do with the epoch
that fperank's rule keeps is told beside it. In this benchmark alone the reference keeps photos
decoded: that changes its time, which is not told here, and not its results; without, three seeds
would take hours.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks import measure
from benchmarks.reference import Reader, ReferenceScorer, ReferenceTrainer, rows_of
from fperank.agreement.metrics import tau
from fperank.ground.files import write_json
from fperank.handover.dataset import DatasetFolder
from fperank.handover.input import InputFolder
from fperank.handover.version import Version
from fperank.network.model_file import save_model
from fperank.params.parameters import Params, PredictParams, TrainParams
from fperank.scoring.scorer import Scorer
from fperank.training.data import TrainingData, load_data
from fperank.training.loop import Trainer, train

SAWMILL = measure.ROOT.parent / "shared" / "data" / "sawmill"
STATIONS: dict[str, dict[str, Any]] = {
    "demo": {},
    "sawmill": {
        "station": "Sawmill River",
        "source": "folder",
        "source_path": str(SAWMILL),
        "timestamp_source": "csv",
        "max_gap_minutes": 1440,
        "min_whole_share": 0.95,
        "crop_bottom": 0,
        "input_size": 96,
    },
}
"""What differs from params.yaml. Sawmill: daily photos and daily means of a real river, compared
by a simulated annotator."""

Scores = dict[str, NDArray[np.float32]]
"""Scores in the order of the station's photos, by who gave them."""

MEASURES = ("tau_held_out", "tau_test_in", "tau_test_out", "val_pair_accuracy")


@dataclass(frozen=True)
class StationInput:
    """What training and its judgement take.

    Attributes:
        images: `tables.INPUT_IMAGES`.
        pairs: `tables.PAIRS`.
        photos: the folder of the photos.
    """

    images: pd.DataFrame
    pairs: pd.DataFrame
    photos: Path


def make_input(folder: Path, params: Params) -> StationInput:
    """Run the stages `dataset` and `input` in a folder of their own."""
    write_json(params.model_dump(), folder / "params.yaml")  # JSON is YAML
    for name in ("dataset", "input"):
        _stage(name, folder)
    version = Version.of(params)
    chosen = InputFolder(folder / version.input)
    return StationInput(chosen.images, chosen.pairs, DatasetFolder(folder / version.dataset).photos)


def _stage(name: str, folder: Path) -> None:
    command = [sys.executable, "-m", f"stages.{name}"]
    environment = {**os.environ, "PYTHONPATH": str(measure.ROOT)}
    subprocess.run(command, cwd=folder, env=environment, check=True)  # noqa: S603


def judge(scores: NDArray[np.float32], station: StationInput) -> dict[str, float]:
    """Rank agreement of scores in the order of the station's photos; nan where there is none."""
    images, pairs = station.images, station.pairs
    value, score = images["value"].to_numpy(), scores.astype(np.float64)
    there = ~np.isnan(value) & ~np.isnan(score)

    def agreement(rows: pd.Series) -> float:
        chosen = rows.to_numpy() & there
        told = tau(value[chosen], score[chosen])
        return math.nan if told is None else told

    of_photo = pd.Series(score, images["image_id"])
    held = pairs[(pairs["split"] == "val") & (pairs["label"] != 0)]
    difference = (
        of_photo.loc[held["image_id_1"]].to_numpy() - of_photo.loc[held["image_id_2"]].to_numpy()
    )
    return {
        "tau_held_out": agreement(images["split"] != "train"),
        "tau_test_in": agreement(images["split"] == "test-in"),
        "tau_test_out": agreement(images["split"] == "test-out"),
        "val_pair_accuracy": float((np.sign(difference) == held["label"]).mean()),
    }


def fperank_scores(
    station: StationInput,
    data: TrainingData,
    params: TrainParams,
    folder: Path,
    tell: Callable[[str], None],
) -> NDArray[np.float32]:
    """Train and score as the stages do."""
    model = train(
        data,
        params,
        "FLOW_CFS",
        "Benchmark",
        folder / "scratch",
        lambda row: tell(f"epoch {row['epoch']}: val loss {row['val_loss']:.4f}"),
    )
    save_model(folder, model.state, model.description)
    model.checkpoint.remove()
    compute = PredictParams(**{name: getattr(params, name) for name in PredictParams.model_fields})
    return Scorer.load(folder, compute).score(_paths(station)).score


def reference_scores(
    station: StationInput,
    data: TrainingData,
    params: TrainParams,
    kept: dict[Path, Tensor],
    tell: Callable[[str], None],
) -> Scores:
    """Train and score the plain way, from fperank's first weights."""
    network = Trainer.start(data, params).network.to(memory_format=torch.contiguous_format)
    trainer = ReferenceTrainer(
        Reader(data.view, data.mean, data.std, kept),
        params,
        network,
        rows_of(station.pairs, station.photos, "train", mirrored=True),
        rows_of(station.pairs, station.photos, "val", mirrored=False),
    )
    for epoch in range(1, params.epochs + 1):
        trainer.run_epoch()
        tell(f"epoch {epoch}: val loss {trainer.history[-1]['val_loss']:.4f}")
    scores = {}
    for who, state in (
        ("reference", trainer.best_state),
        ("reference_kept_alike", trainer.state_kept_alike),
    ):
        network.load_state_dict(state)
        scores[who] = ReferenceScorer(network, trainer.reader).score(_paths(station))
    return scores


def _runs(
    station: StationInput,
    params: TrainParams,
    folder: Path,
    kept: dict[Path, Tensor],
    tell: Callable[[str], None],
) -> dict[str, Callable[[], Scores]]:
    data = load_data(station.pairs, station.photos, params)
    return {
        "fperank": lambda: {"fperank": fperank_scores(station, data, params, folder, tell)},
        "reference": lambda: reference_scores(station, data, params, kept, tell),
    }


def _paths(station: StationInput) -> list[Path]:
    return [station.photos / name for name in station.images["filename"]]


class Progress:
    """Tells on the screen what is done and how long the rest will take."""

    def __init__(self, runs: int) -> None:
        self._runs, self._done, self._began = runs, 0, time.monotonic()

    def tell(self, text: str) -> None:
        """One line, at once."""
        print(f"  [{time.monotonic() - self._began:6.0f} s] {text}", flush=True)

    def done(self) -> None:
        """A training run is over."""
        self._done += 1
        left = (time.monotonic() - self._began) / self._done * (self._runs - self._done)
        self.tell(f"about {left / 60:.0f} minutes left")


def _told(found: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in found.items())


def measure_station(
    name: str, epochs: int, seeds: int, progress: Progress, result: measure.Result
) -> None:
    """Train both with every seed on one station."""
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    kept: dict[Path, Tensor] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        changes = STATIONS[name] | ({"epochs": epochs} if epochs else {})
        params = measure.parameters(Params, **changes, early_stopping_epochs=0)
        station = make_input(folder, params)
        settings = params.model_dump(include=set(TrainParams.model_fields))
        for seed in range(1, seeds + 1):
            own = TrainParams.model_validate({**settings, "seed": seed})
            for who, run in _runs(station, own, folder, kept, progress.tell).items():
                progress.tell(f"{name}, seed {seed}: {who}")
                for scored, scores in run().items():
                    found[scored].append(judge(scores, station))
                    progress.tell(f"{name}, seed {seed}: {scored}: {_told(found[scored][-1])}")
                progress.done()
    summarise(name, found, result)
    splits = station.images["split"].value_counts().to_dict()
    result.settings[name] = json.dumps(
        {
            "input_height_pixels": params.input_size,
            "epochs": params.epochs,
            "pairs": station.pairs["split"].value_counts().to_dict(),
            "photos": splits,
        },
        sort_keys=True,
    )


def summarise(name: str, found: dict[str, list[dict[str, float]]], result: measure.Result) -> None:
    """Mean and standard deviation over the seeds, and whether fperank is not behind."""
    for what in MEASURES:
        for who, rows in found.items():
            values = [row[what] for row in rows if not math.isnan(row[what])]
            figure = f"{name}_{what}_{who}"
            result.figures[f"{figure}_mean"] = statistics.fmean(values) if values else None
            if len(values) > 1:
                result.figures[f"{figure}_deviation"] = statistics.stdev(values)
    own = result.figures[f"{name}_tau_held_out_fperank_mean"]
    for who, told in (("reference", ""), ("reference_kept_alike", ", epochs kept alike")):
        theirs = result.figures[f"{name}_tau_held_out_{who}_mean"]
        if isinstance(own, float) and isinstance(theirs, float):
            result.goals[f"{name}: tau of held-out photos is not lower{told}"] = own >= theirs


def main() -> None:
    """Train, judge and tell."""
    options = measure.arguments(
        __doc__,
        stations=(list(STATIONS), f"which of {', '.join(STATIONS)}"),
        seeds=(3, "training runs of each"),
        epochs=(0, "epochs; 0 for those of params.yaml"),
    )
    there = [name for name in options.stations if name != "sawmill" or SAWMILL.is_dir()]
    for name in set(options.stations) - set(there):
        print(f"{name} is left out: ../shared/data/{name} is absent")
    result = measure.Result("agreement", {"seeds": options.seeds})
    progress = Progress(2 * options.seeds * len(there))
    for name in there:
        measure_station(name, options.epochs, options.seeds, progress, result)
    result.tell(options.out)


if __name__ == "__main__":
    main()
