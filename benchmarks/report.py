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
from fperank.handover.dataset import DATASET_PAIRS, EXCLUDED, IMAGES, OBSERVATIONS
from fperank.handover.input import INPUT_IMAGES, LABEL_OF_RANK, PAIRS
from fperank.handover.model import HISTORY
from fperank.handover.predictions import FAILURES, PREDICTIONS
from fperank.handover.tables import write_table
from fperank.params.parameters import ReportParams, load_params
from fperank.report.page import write_page
from fperank.report.plots import write_plots

ZONE = "America/New_York"
FOLDERS = ("data", "input", "model", "predictions")
_PHOTOS_PER_DAY = 96
_ANNOTATED_SHARE = 0.6
_HELD_OUT_EVERY = 5


def write_station(root: Path, n_photos: int, n_pairs: int) -> None:
    """Write the folders of dataset, input, train and predict of a made-up station.

    A photo every 15 minutes, an observation each hour, a value for every photo, a score for all but
    one in a thousand; pairs of random photos from the first 60 % of the time, every fifth day of it
    held out.

    Args:
        root: where the four folders are written.
        n_photos: photos, at least 1,000.
        n_pairs: labelled pairs.
    """
    rng = np.random.default_rng(1)
    dataset, input_, _, predictions = (root / name for name in FOLDERS)
    start = pd.Timestamp("1996-01-01", tz=ZONE)
    times = pd.Series(pd.date_range(start, periods=n_photos, freq="15min").as_unit("us"))
    log_flow = lfilter([0.05], [1, -0.998], rng.normal(size=n_photos)) + 2
    number = pd.Series(np.arange(n_photos)).astype("str")
    name = "imagesets/0f8fad5b-d9cb-469f-a165-70867728950e/images/IMG_" + number + ".JPG"
    annotated = int(n_photos * _ANNOTATED_SHARE)
    left = rng.integers(0, annotated, n_pairs)
    right = (left + rng.integers(1, annotated - 1, n_pairs)) % annotated
    day = np.arange(n_photos) // _PHOTOS_PER_DAY
    held_out = day % _HELD_OUT_EVERY == 0
    split = np.where(np.arange(n_photos) < annotated, "test-in", "test-out").astype(object)
    paired = np.union1d(left, right)
    split[paired] = np.where(held_out[paired], "val", "train")
    dry = np.zeros(n_photos, dtype=bool)
    dry[paired] = log_flow[paired] < np.quantile(log_flow, 0.1)
    images = pd.DataFrame(
        {
            "image_id": number,
            "timestamp": times,
            "filename": name,
            "url": "https://bucket.s3.example.org/" + name,
            "value": np.exp(log_flow),
            "attributes": pd.Series(dry).map({True: "DRY", False: None}),
        }
    )
    write_table(images, IMAGES, dataset / "images.csv")
    chosen = images.assign(split=split)
    write_table(chosen, INPUT_IMAGES, input_ / "images.csv")
    score = 2 * log_flow + lfilter([0.05], [1, -0.99], rng.normal(size=n_photos))
    score += rng.normal(scale=0.5, size=n_photos)
    score[::1000] = np.nan
    scored = chosen.assign(score=score, rank_percentile=percentiles(score))
    write_table(scored, PREDICTIONS, predictions / "predictions.csv")
    failures = images.loc[np.isnan(score), ["image_id", "filename"]].assign(reason="is broken")
    write_table(failures, FAILURES, predictions / "failures.csv")

    ratio = log_flow[left] - log_flow[right] + rng.normal(scale=0.2, size=n_pairs)
    answer = np.where(np.abs(ratio) < 0.2, "SAME", np.where(ratio > 0, "LEFT", "RIGHT"))
    answers = pd.DataFrame({"pair_id": pd.Series(range(n_pairs)).astype("str"), "rank": answer})
    pairs = answers[["pair_id"]].assign(
        split=np.where(held_out[left] | held_out[right], "val", "train"),
        label=answers["rank"].map(LABEL_OF_RANK),
    )
    for side, place, rows in (("left", "1", left), ("right", "2", right)):
        photo = images.iloc[rows].reset_index(drop=True)
        for column in ("image_id", "timestamp", "filename", "value"):
            answers[f"{side}_{column}"] = photo[column]
            pairs[f"{column}_{place}"] = photo[column]
        answers[f"{side}_attributes"] = photo["attributes"]
    answers["delta_value"] = answers["left_value"] - answers["right_value"]
    absent = [name for name in DATASET_PAIRS.columns if name not in answers]
    answers[absent] = None
    write_table(answers, DATASET_PAIRS, dataset / "pairs.csv")
    write_table(pairs, PAIRS, input_ / "pairs.csv")
    record = images.loc[::4, ["timestamp", "value"]].assign(status="approved")
    write_table(record, OBSERVATIONS, dataset / "observations.csv")
    nothing = pd.DataFrame(columns=list(EXCLUDED.columns), dtype="str")
    write_table(nothing, EXCLUDED, dataset / "excluded.csv")
    _write_facts(root, str(times.iloc[0].date()), str(times.iloc[annotated - 1].date()))


def _write_facts(root: Path, first: str, last: str) -> None:
    dataset, input_, model, _ = (root / name for name in FOLDERS)
    station = {"name": "Large", "label": "Large", "variable": "FLOW_CFS", "timezone": ZONE}
    write_json(station, dataset / "station.json")
    write_json(station, input_ / "station.json")
    write_json({"source": "made up", "notes": [], "parameters": {}}, dataset / "dataset.json")
    facts = {"dataset_version": "LARGE", "split_method": "image", "excluded": {}, "parameters": {}}
    facts |= {"annotation_first_date": first, "annotation_last_date": last}
    write_json(facts, input_ / "input.json")
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
    write_table(history, HISTORY, model / "history.csv")
    view = {"height": 96, "width": 128}
    network = {"loss": "davidson", "tie_parameter": -0.2, "kept_epoch": 20, "view": view}
    write_json(network, model / "model.json")
    write_json({"pairs_lost": 0, "parameters": {}}, model / "train.json")


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
    write_page(material, metrics, root / "report.html", params.report_photos)
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
