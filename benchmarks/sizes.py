"""Speed against rank agreement over input sizes: what a taller picture costs, and what it brings.

    python -m benchmarks.sizes --heights 48 72 96 144 --seeds 2

Trains and scores one station with each height of the network's input, everything else as in
params.yaml, and tells the medians of the epochs' seconds and the means of the agreement.
"""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import measure
from benchmarks.agreement import (
    SAWMILL,
    STATIONS,
    StationInput,
    fperank_scores,
    judge,
    make_input,
)
from fperank.params.parameters import Params, TrainParams
from fperank.training.data import load_data

_TOLD = ("tau_held_out", "val_pair_accuracy")


def one_run(station: StationInput, params: TrainParams, folder: Path) -> dict[str, float]:
    """Train and score once; the time of both, and their agreement."""
    data = load_data(station.pairs, station.photos, params)
    ends = [time.perf_counter()]
    scores = fperank_scores(
        station, data, params, folder, lambda _row: ends.append(time.perf_counter())
    )
    scoring = time.perf_counter() - ends[-1]
    # The first epoch also waits for what torch makes ready once.
    epochs = np.diff(ends[1:]) if len(ends) > 2 else np.diff(ends)
    return {
        "width_pixels": data.view.width,
        "seconds_per_epoch": float(np.median(epochs)),
        "photos_scored_per_second": len(scores) / scoring,
        **{name: value for name, value in judge(scores, station).items() if name in _TOLD},
    }


def main() -> None:
    """Measure each height, print a table, write JSON."""
    options = measure.arguments(
        __doc__,
        station=("demo", f"one of {', '.join(STATIONS)}"),
        heights=([48, 72, 96, 144], "heights of the network's input, pixels"),
        seeds=(2, "training runs of each"),
        epochs=(0, "epochs; 0 for those of params.yaml"),
    )
    if options.station == "sawmill" and not SAWMILL.is_dir():
        raise SystemExit("../shared/data/sawmill is absent: choose --station demo")
    changes: dict[str, Any] = {"early_stopping_epochs": 0}
    if options.epochs:
        changes["epochs"] = options.epochs
    params = measure.parameters(Params, **STATIONS[options.station], **changes)
    settings = {"station": options.station, "seeds": options.seeds, "epochs": params.epochs}
    result = measure.Result("sizes", {**settings, "threads": params.threads})
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        station = make_input(folder, params)
        own = params.model_dump(include=set(TrainParams.model_fields))
        for height in options.heights:
            runs = []
            for seed in range(1, options.seeds + 1):
                chosen = TrainParams.model_validate({**own, "input_size": height, "seed": seed})
                runs.append(one_run(station, chosen, folder))
                print(f"  {height} pixels, seed {seed}: {runs[-1]}", flush=True)
            for name in runs[0]:
                told = statistics.fmean(run[name] for run in runs)
                result.figures[f"height_{height}_{name}"] = told
    result.tell(options.out)


if __name__ == "__main__":
    main()
