"""Time and memory of stage `report` for a very large station, step by step.

    python -m benchmarks.report --photos 1000000 --pairs 100000

Writes the folders that the earlier stages would have written, then reads, evaluates and reports
them as the stage does. Photos are rows only: no file of theirs exists, and the page must say so.
Peak memory is that of the reporting process; the folders are written by another one.
"""

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from fperank.agreement.evaluation import evaluate
from fperank.agreement.material import load_material
from fperank.ground.files import write_json
from fperank.ground.ranks import percentiles
from fperank.handover.dataset import (
    DATASET_PAIRS,
    EXCLUDED,
    Dataset,
    DatasetFolder,
    write_dataset,
)
from fperank.handover.input import ModelInput, write_input
from fperank.handover.model import (
    ModelDescription,
    TrainingSummary,
    write_description,
    write_training,
)
from fperank.handover.predictions import write_predictions
from fperank.handover.station import Station
from fperank.pairs.build import build
from fperank.params.file import load_params
from fperank.params.parameters import (
    DatasetParams,
    GroupT,
    InputParams,
    Params,
    PredictParams,
    ReportParams,
    TrainParams,
)
from fperank.photos.view import PhotoView
from fperank.report.page import write_page
from fperank.report.plots import write_plots
from fperank.stations.base import StationData
from fperank.stations.dataset import summarise

ZONE = "America/New_York"
FOLDERS = ("data", "input", "model", "predictions")
_ANNOTATED_SHARE = 0.6


def write_station(root: Path, n_photos: int, n_pairs: int) -> None:
    """Write the folders of dataset, input, train and predict of a made-up station.

    A photo every 15 minutes, an observation each hour, a value for every photo, a score for all but
    one in a thousand; pairs of random photos from the first 60 % of the time, split by the stage
    itself.

    Args:
        root: where the four folders are written.
        n_photos: photos, at least 1,000.
        n_pairs: labelled pairs.
    """
    params = load_params(Path("params.yaml"), Params)
    params = params.model_copy(update={"min_hour": 0, "max_hour": 23, "station": "Large"})
    rng = np.random.default_rng(1)
    dataset, input_, model, predictions = (root / name for name in FOLDERS)
    start = pd.Timestamp("1996-01-01", tz=ZONE)
    times = pd.Series(pd.date_range(start, periods=n_photos, freq="15min").as_unit("us"))
    log_flow = lfilter([0.05], [1, -0.998], rng.normal(size=n_photos)) + 2
    number = pd.Series(np.arange(n_photos)).astype("str")
    name = "imagesets/0f8fad5b-d9cb-469f-a165-70867728950e/images/IMG_" + number + ".JPG"
    annotated = int(n_photos * _ANNOTATED_SHARE)
    left = rng.integers(0, annotated, n_pairs)
    right = (left + rng.integers(1, annotated - 1, n_pairs)) % annotated
    paired = np.union1d(left, right)
    dry = np.zeros(n_photos, dtype=bool)
    dry[paired] = log_flow[paired] < np.quantile(log_flow, 0.1)
    images = pd.DataFrame(
        {
            "image_id": number,
            "timestamp": times,
            "filename": name,
            "url": "https://bucket.s3.example.org/" + name,
            "clock": "images.csv, with its own UTC offset",
            "value": np.exp(log_flow),
            "attributes": pd.Series(dry).map({True: "DRY", False: None}),
            "quality": None,
        }
    )
    ratio = log_flow[left] - log_flow[right] + rng.normal(scale=0.2, size=n_pairs)
    answer = np.where(np.abs(ratio) < 0.2, "SAME", np.where(ratio > 0, "LEFT", "RIGHT"))
    answers = pd.DataFrame({"pair_id": pd.Series(range(n_pairs)).astype("str"), "rank": answer})
    for side, rows in (("left", left), ("right", right)):
        for column in ("image_id", "timestamp", "filename", "value", "attributes"):
            answers[f"{side}_{column}"] = images[column].iloc[rows].reset_index(drop=True)
    answers["delta_value"] = answers["left_value"] - answers["right_value"]
    answers[[one for one in DATASET_PAIRS.columns if one not in answers]] = None
    station = Station(name="Large", label="Large", variable=params.variable, timezone=ZONE)
    data = StationData(
        station,
        images,
        images.loc[::4, ["timestamp", "value"]].assign(status="approved"),
        answers,
        pd.DataFrame(columns=list(EXCLUDED.columns), dtype="str"),
    )
    made = Dataset(station, images, answers, data.observations, data.excluded)
    write_dataset(made, summarise(made, data, share_of(params, DatasetParams)), dataset)
    chosen = build(DatasetFolder(dataset), share_of(params, InputParams))
    write_input(chosen, input_)
    score = 2 * log_flow + lfilter([0.05], [1, -0.99], rng.normal(size=n_photos))
    score += rng.normal(scale=0.5, size=n_photos)
    score[::1000] = np.nan
    scored = chosen.images.assign(score=score, rank_percentile=percentiles(score))
    failures = images.loc[np.isnan(score), ["image_id", "filename"]].assign(reason="is broken")
    write_predictions(scored, failures, share_of(params, PredictParams), predictions)
    _write_model(model, chosen, share_of(params, TrainParams))


def share_of(params: Params, group: type[GroupT]) -> GroupT:
    """One stage's share of all parameters."""
    return group.model_validate({name: getattr(params, name) for name in group.model_fields})


def _write_model(folder: Path, chosen: ModelInput, params: TrainParams) -> None:
    epochs = np.arange(1, 21)
    loss = 0.3 + 0.6 * np.exp(-epochs / 4)
    history = pd.DataFrame(
        {
            "epoch": epochs,
            "train_loss": loss,
            "val_loss": loss + 0.05,
            "val_pair_accuracy": 1.2 - loss,
            "learning_rate": 0.001,
            "backbone_frozen": epochs < 3,
            "kept": epochs == 20,
        }
    )
    summary = TrainingSummary(
        pairs_train=chosen.summary.pairs.splits["train"],
        pairs_val=chosen.summary.pairs.splits["val"],
        photos=chosen.summary.photos.n,
        photos_unreadable={},
        pairs_lost=0,
        bfloat16=False,
        pretrained_sha256=None,
        parameters=params,
    )
    write_training(history, summary, folder)
    description = ModelDescription(
        **{"backbone": "resnet18", "hidden_units": [64], "loss": "davidson", "tie_parameter": -0.2},
        **{"mean": [0.5] * 3, "std": [0.25] * 3, "kept_epoch": 20},
        **{"variable": chosen.summary.variable, "station": "Large"},
        view=PhotoView(height=96, width=128),
    )
    write_description(description, folder)


def peak_mib() -> int:
    """The most memory that this process has held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kilobytes on Linux, bytes on macOS.
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10))


def report(root: Path, params: ReportParams) -> dict[str, Any]:
    """Report the station of `write_station` as stage `report` does.

    Returns:
        Seconds of each step, peak memory after each, and the sizes of what was written.
    """
    seconds: dict[str, float] = {}
    peaks: dict[str, int] = {"before": peak_mib()}
    began, began_cpu = time.perf_counter(), time.process_time()

    def step(name: str) -> None:
        seconds[name] = round(time.perf_counter() - began - sum(seconds.values()), 2)
        peaks[name] = peak_mib()

    material = load_material(*(root / name for name in FOLDERS))
    step("load")
    percentiles(material.predictions["score"].to_numpy())
    step("rank")
    metrics = evaluate(material, params)
    step("evaluate")
    write_page(material, metrics, root / "report.html", params)
    step("page")
    write_json(metrics, root / "figures" / "metrics.json")
    write_plots(material, root / "figures")
    step("plot data")
    cpu = time.process_time() - began_cpu
    figures = sum(path.stat().st_size for path in (root / "figures").iterdir())
    return {
        "photos": len(material.predictions),
        "pairs": len(material.pairs),
        "seconds": seconds | {"total": round(sum(seconds.values()), 2)},
        "processor_seconds": round(cpu, 2),
        "peak_mib": peaks | {"end": peak_mib()},
        "page_mib": round((root / "report.html").stat().st_size / (1 << 20), 2),
        "plot_data_kib": round(figures / 1024),
    }


def main() -> None:
    """Write a large station, report it and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="keep the station here; used again if there")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    params = load_params(Path("params.yaml"), ReportParams)
    with tempfile.TemporaryDirectory() as temporary:
        root = arguments.folder or Path(temporary)
        if not (root / "model" / "model.json").exists():
            size = (arguments.photos, arguments.pairs)
            writer = multiprocessing.get_context("spawn").Process(
                target=write_station, args=(root, *size)
            )
            writer.start()
            writer.join()
            if writer.exitcode:
                sys.exit(f"writing the station ended with status {writer.exitcode}")
        told = report(root, params)
    print(f"{told['photos']:,} photos, {told['pairs']:,} pairs")
    for name, seconds in told["seconds"].items():
        peak = told["peak_mib"].get(name)
        print(f"{name:<10} {seconds:8.2f} s" + (f"   peak {peak:,} MiB" if peak else ""))
    print(f"processor time {told['processor_seconds']} s")
    print(f"page {told['page_mib']} MiB, plot data {told['plot_data_kib']} KiB")
    if arguments.out:
        write_json(told, arguments.out)


if __name__ == "__main__":
    main()
