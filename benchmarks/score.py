"""Photos per second of scoring: the plain reference, fperank, and the network alone.

    python -m benchmarks.score --photos 1000

Five-megapixel photos, scored by a model that was trained on some of them: for the first time, when
each must be decoded, and again from the cache of decoded photos. The files themselves lie in the
operating system's memory for all alike. The limit is the network alone on ready tensors, in the
best of several batch sizes; for the first time, that and decoding together, as they share the
processor's cores.
"""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from benchmarks import measure
from benchmarks.photos import CAMERAS, LOSSLESS, build_photos, compare
from benchmarks.reference import ReferenceScorer
from fperank.agreement.metrics import tau
from fperank.ground.parallel import in_order
from fperank.network.model_file import save_model
from fperank.params.parameters import PredictParams, TrainParams
from fperank.photos.cache import PixelCache
from fperank.photos.decode import read_many
from fperank.scoring.scorer import Scorer
from fperank.training.data import load_data
from fperank.training.loop import train

_SAME_WITHIN = 1e-4
_BATCHES = (16, 32, 64, 128)


@dataclass(frozen=True)
class Setting:
    """What is measured.

    Attributes:
        model: folder of the model.
        paths: the photos.
        params: of stage `predict`.
    """

    model: Path
    paths: list[Path]
    params: PredictParams


def train_model(folder: Path, photos: Path, pairs: pd.DataFrame, params: TrainParams) -> None:
    """Train on the benchmark's photos, so that scores mean something, and write the model."""
    data = load_data(pairs, photos, params)
    model = train(data, params, "FLOW_CFS", "Benchmark", folder / "scratch", lambda row: None)
    save_model(folder, model.state, model.description)
    model.checkpoint.remove()


def apart(reference: NDArray[np.float32], own: NDArray[np.float32]) -> tuple[float, float | None]:
    """How far scores lie apart.

    Returns:
        The largest difference, in standard deviations of the reference's scores, and Kendall's tau.
    """
    spread = max(float(reference.std()), 1e-12)
    largest = float(np.abs(reference - own).max() / spread)
    return largest, tau(reference.astype(np.float64), own.astype(np.float64))


def network_alone(scorer: Scorer, n: int) -> dict[str, Callable[[], None]]:
    """Scoring `n` photos without anything around the network, by batch size.

    In two ways: all threads share each batch, or each has batches of its own.
    """
    view, network = scorer.description.view, scorer.network

    def alone(size: int, *, shared: bool) -> Callable[[], None]:
        ready = torch.randn(size, 3, view.height, view.width, device=scorer.device)
        ready = ready.contiguous(memory_format=torch.channels_last)
        sizes = [min(size, n - start) for start in range(0, n, size)]

        @torch.inference_mode()
        def one(photos: int) -> None:
            network(ready[:photos])

        def score() -> None:
            torch.set_num_threads(scorer.threads if shared else 1)
            for _ in in_order(one, sizes, 1 if shared else scorer.threads, ahead=8):
                pass

        return score

    ways = {"shared": True, "own": False}
    return {
        f"limit_{size}_{way}": alone(size, shared=shared)
        for size in _BATCHES
        for way, shared in ways.items()
    }


def score_with_cache(scorer: Scorer, paths: list[Path], cache: Path) -> NDArray[np.float32]:
    """Score as stage `predict` does, with decoded photos kept in a folder."""
    with PixelCache(cache, measure.CACHE_BYTES) as kept:
        return replace(scorer, read=kept.read).score(paths).score


def measure_scoring(setting: Setting, folder: Path, repeats: int, result: measure.Result) -> None:
    """Time both, and the network alone, in turn, and hold their scores against each other."""
    paths, n = setting.paths, len(setting.paths)
    own = Scorer.load(setting.model, setting.params)
    reference = ReferenceScorer.load(setting.model)
    scores: dict[str, NDArray[np.float32]] = {}

    def by_reference() -> None:
        torch.set_num_threads(setting.params.threads)
        scores["reference"] = reference.score(paths)

    def first() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        scores["first"] = score_with_cache(own, paths, folder)

    def again() -> None:
        scores["again"] = score_with_cache(own, paths, folder)

    def decode() -> None:
        for _ in read_many(paths, reference.reader.view.read, setting.params.threads):
            pass

    tasks = {"reference": by_reference, "first": first, "again": again, "decode": decode}
    own.score(paths[:64])
    limits = network_alone(own, n)
    taken = measure.in_turn({**tasks, **limits}, repeats)
    limit = min(taken[name] for name in limits)
    largest, agreement = apart(scores["reference"], scores["first"])
    result.figures |= {
        "reference_photos_per_second": n / taken["reference"],
        "fperank_first_time_photos_per_second": n / taken["first"],
        "fperank_from_cache_photos_per_second": n / taken["again"],
        "limit_forward_photos_per_second": n / limit,
        "limit_decode_photos_per_second": n / taken["decode"],
        "times_faster_first_time": taken["reference"] / taken["first"],
        "times_faster_from_cache": taken["reference"] / taken["again"],
        "share_of_decode_and_forward_limit_first_time": (taken["decode"] + limit) / taken["first"],
        "share_of_forward_limit_from_cache": limit / taken["again"],
        "largest_difference_standard_deviations": largest,
        "kendall_tau_of_both": agreement,
        "scores_changed_by_cache": int((scores["first"] != scores["again"]).sum()),
    }
    result.at_least("times_faster_first_time", 4)
    result.at_least("share_of_forward_limit_from_cache", 0.85)
    result.at_most("scores_changed_by_cache", 0)


def same_scores(folder: Path, setting: Setting, result: measure.Result) -> None:
    """Hold the scores against each other on photos that can be decoded in one way only."""
    images = build_photos(folder, 24, LOSSLESS)
    paths = [folder / name for name in images["filename"]]
    theirs = ReferenceScorer.load(setting.model).score(paths)
    ours = Scorer.load(setting.model, setting.params).score(paths).score
    name = "lossless_photos_largest_difference_standard_deviations"
    result.figures[name], _ = apart(theirs, ours)
    result.at_most(name, _SAME_WITHIN)


def main() -> None:
    """Measure and tell."""
    options = measure.arguments(
        __doc__,
        photos=(1000, "photos to score"),
        pairs=(300, "training pairs of the model"),
        epochs=(3, "epochs to train the model for"),
        input_size=(120, "height of the network's input, pixels"),
        backbone=("resnet18", "torchvision network"),
        repeats=(3, "rounds, in turn"),
        camera=("large", "large (five megapixels) or small (480 x 360)"),
        model=("", "folder of a model to use instead of training one"),
        only=("", "score once as `reference` or `fperank` and tell nothing"),
    )
    camera = CAMERAS[options.camera]
    photos = measure.SCRATCH / f"{options.camera}-{options.photos}"
    images = build_photos(photos, options.photos, camera)
    paths = [photos / name for name in images["filename"]]
    params = measure.parameters(PredictParams)
    if options.only == "reference":
        torch.set_num_threads(params.threads)
        ReferenceScorer.load(Path(options.model)).score(paths)
        return
    if options.only == "fperank":
        with tempfile.TemporaryDirectory() as cache:
            score_with_cache(Scorer.load(Path(options.model), params), paths, Path(cache))
        return
    result = measure.Result(
        "score",
        {
            "photos": options.photos,
            "photo_pixels": f"{camera.width} x {camera.height}",
            "input_height_pixels": options.input_size,
            "backbone": options.backbone,
            "threads": params.threads,
            "repeats": options.repeats,
        },
    )
    with tempfile.TemporaryDirectory() as folder:
        model = Path(options.model or folder)
        if not options.model:
            own = measure.parameters(
                TrainParams,
                **measure.UNCUT,
                input_size=options.input_size,
                backbone=options.backbone,
                epochs=options.epochs,
            )
            train_model(model, photos, compare(images, options.pairs, options.pairs // 4), own)
        setting = Setting(model, paths, params)
        same_scores(Path(folder) / "lossless", setting, result)
        measure_scoring(setting, Path(folder) / "cache", options.repeats, result)
        same = [f"--photos={options.photos}", f"--camera={options.camera}", f"--model={model}"]
        for who in ("reference", "fperank"):
            peak = measure.peak_mib("benchmarks.score", *same, f"--only={who}")
            result.figures[f"{who}_peak_mib"] = peak
    result.tell(options.out)


if __name__ == "__main__":
    main()
