"""Seconds of a training epoch: the plain reference, fperank, and the network alone.

    python -m benchmarks.train --photos 400 --pairs 300

Unfrozen epochs with validation, on five-megapixel photos, the same photos, pairs, network, weights
and input size; the reference computes in float32. The limit is the network alone: forward,
backward and the optimizer's step on ready tensors, in batches of the very sizes that fperank's
epoch had and in the same precision, and forward for its validation. Decoding is in the reference's
epochs, as it decodes in each, and beside fperank's.
"""

import copy
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benchmarks import measure
from benchmarks.photos import CAMERAS, LOSSLESS, build_photos, compare
from benchmarks.reference import Reader, ReferenceScorer, ReferenceTrainer, rows_of
from fperank.network.devices import mixed_precision, set_determinism, uses_bfloat16
from fperank.network.ranknet import FlowRanker
from fperank.params.parameters import TrainParams
from fperank.photos.cache import PixelCache
from fperank.photos.view import PhotoView
from fperank.training.data import IMAGENET_MEAN, IMAGENET_STD, TrainingData, load_data
from fperank.training.loop import Trainer

SPLITS = ("train", "val")
_SAME_WITHIN = 1e-4
_NO_AUGMENTATION: dict[str, Any] = {
    "augment_flip": False,
    "augment_shift": 0,
    "augment_zoom": 0,
    "augment_rotation_degrees": 0,
    "augment_brightness": 0,
    "augment_contrast": 0,
}


@dataclass
class Encoded:
    """The photos that a trainer's network encodes, batch by batch.

    Attributes:
        training: sizes of the batches that were learnt from.
        scoring: sizes of the others.
    """

    training: list[int] = field(default_factory=list)
    scoring: list[int] = field(default_factory=list)

    @classmethod
    def watch(cls, trainer: Trainer) -> "Encoded":
        """Count what goes through this trainer's backbones from now on."""
        seen = cls()

        def count(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            (seen.training if torch.is_grad_enabled() else seen.scoring).append(len(inputs[0]))

        for network in (trainer.network, trainer.mean.module):
            network.backbone.register_forward_pre_hook(count)
        return seen

    def clear(self) -> None:
        """Begin another epoch."""
        self.training.clear()
        self.scoring.clear()


def same_losses(folder: Path, params: TrainParams) -> dict[str, float]:
    """How far the losses of reference and fperank lie apart where they must be the same.

    Without augmentation, on photos that can be decoded in one way only, with the same weights: in
    evaluation, and in the first step of training. For that step the backbone's BatchNorm must not
    see the batch (frozen), or the network must have none: two passes have other batch statistics
    than one.

    Args:
        folder: for the photos.
        params: of the benchmark; the networks are resnet18, and one without BatchNorm.

    Returns:
        Absolute difference by what was compared.
    """
    images = build_photos(folder, 24, LOSSLESS)
    pairs = compare(images, 40, 12)
    plain = {
        **params.model_dump(),
        **_NO_AUGMENTATION,
        "batch_pairs": 2 * len(pairs),
        "precision": "float32",
    }
    apart = {}
    for name, backbone, frozen in (
        ("batch_norm_frozen", "resnet18", 1),
        ("no_batch_norm", "squeezenet1_1", 0),
    ):
        changes = {"backbone": backbone, "freeze_epochs": frozen}
        own, reference = both_trainers(
            folder, pairs, TrainParams.model_validate({**plain, **changes})
        )
        apart[f"{name}_evaluation"] = abs(_val_loss(own) - _val_loss(reference))
        own.run_epoch()
        reference.run_epoch()
        ours, theirs = own.history[0]["train_loss"], reference.history[0]["train_loss"]
        apart[f"{name}_first_step"] = abs(ours - theirs)
    return apart


def _val_loss(trainer: Trainer | ReferenceTrainer) -> float:
    return float(trainer.validate()[0].mean())


def both_trainers(
    photos: Path, pairs: pd.DataFrame, params: TrainParams
) -> tuple[Trainer, ReferenceTrainer]:
    """Both, the reference and fperank, before their first epoch, with the same weights.

    The head's last layer is scaled until scores spread by 1: a new network gives nearly the same
    score to every photo, and then any two losses agree.
    """
    data = load_data(pairs, photos, params)
    own = Trainer.start(data, params)
    reader = Reader(data.view, data.mean, data.std)
    paths = [photos / name for name in sorted(set(pairs["filename_1"]))[:50]]
    spread = float(ReferenceScorer(copy.deepcopy(own.network), reader).score(paths).std())
    with torch.no_grad():
        *_, weight, _ = own.network.head.parameters()
        weight.div_(spread)
    own.mean.module.load_state_dict(own.network.state_dict())
    # The plain memory format, not fperank's.
    network = copy.deepcopy(own.network).to(memory_format=torch.contiguous_format)
    train, val = (rows_of(pairs, photos, split, mirrored=split == "train") for split in SPLITS)
    return own, ReferenceTrainer(reader, params, network, train, val)


def network_alone(own: Trainer, encoded: Encoded) -> Callable[[], None]:
    """An epoch of the network without anything around it.

    Args:
        own: whose network, optimizer and input size to use; it is not changed.
        encoded: the sizes of the batches.
    """
    network = copy.deepcopy(own.network)
    network.backbone._forward_pre_hooks.clear()
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    kind = torch.optim.SGD if own.params.optimizer == "sgd" else torch.optim.AdamW
    optimizer = kind(weights, lr=own.params.learning_rate, fused=True)
    view = own.data.view
    # Batches differ from epoch to epoch; none has more than 1.5 times as many pairs as asked for.
    most = max(3 * own.params.batch_pairs, *encoded.scoring)
    ready = torch.randn(most, 3, view.height, view.width, device=own.group.device)
    ready = ready.contiguous(memory_format=torch.channels_last)

    def epoch() -> None:
        network.train()
        for n in encoded.training:
            optimizer.zero_grad(set_to_none=True)
            with mixed_precision(own.group.device, own.params.precision):
                features = network.backbone(ready[:n])
            network.head(features.float()).sum().backward()
            optimizer.step()
        network.eval()
        with torch.inference_mode():
            for n in encoded.scoring:
                network(ready[:n])

    return epoch


@dataclass(frozen=True)
class Setting:
    """What is measured.

    Attributes:
        photos: the folder of the photos.
        images: of `build_photos`.
        pairs: `tables.PAIRS`.
        params: of stage `train`.
    """

    photos: Path
    images: pd.DataFrame
    pairs: pd.DataFrame
    params: TrainParams


def read_all(setting: Setting, cache: Path) -> TrainingData:
    """Read the photos as stage `train` does, with decoded ones kept in a folder."""
    with PixelCache(cache, measure.CACHE_BYTES) as kept:
        return load_data(setting.pairs, setting.photos, setting.params, kept.read)


def measure_epochs(setting: Setting, repeats: int, result: measure.Result) -> None:
    """Time epochs and what they are made of, in turn."""
    photos, pairs, params = setting.photos, setting.pairs, setting.params
    with tempfile.TemporaryDirectory() as cache:
        first, later = (measure.seconds(lambda: read_all(setting, Path(cache))) for _ in range(2))
    own, reference = both_trainers(photos, pairs, params)
    first_losses = _val_loss(own), _val_loss(reference)
    encoded = Encoded.watch(own)
    own.run_epoch()
    alone = network_alone(own, encoded)
    some = [photos / name for name in setting.images["filename"]][:50]

    def own_epoch() -> None:
        encoded.clear()
        own.run_epoch()

    taken = measure.in_turn(
        {
            "reference": reference.run_epoch,
            "own": own_epoch,
            "limit": alone,
            "decode": lambda: [reference.reader.read(path) for path in some],
        },
        repeats,
    )
    n_reference = 2 * (len(reference.train) + len(reference.val))
    n_own = sum(encoded.training) + sum(encoded.scoring)
    result.figures |= {
        "reference_seconds_per_epoch": taken["reference"],
        "fperank_seconds_per_epoch": taken["own"],
        "times_faster": taken["reference"] / taken["own"],
        "limit_forward_backward_seconds": taken["limit"],
        "share_of_limit": taken["limit"] / taken["own"],
        "reference_photos_encoded": n_reference,
        "fperank_photos_encoded": n_own,
        "reference_photos_per_second": n_reference / taken["reference"],
        "fperank_photos_per_second": n_own / taken["own"],
        "limit_photos_per_second": n_own / taken["limit"],
        "reference_decode_milliseconds_per_photo": 1000 * taken["decode"] / len(some),
        "fperank_first_reading_seconds": first,
        "fperank_later_reading_seconds": later,
        "loss_apart_by_decoding": abs(first_losses[0] - first_losses[1]),
    }
    result.at_least("times_faster", 8)
    result.at_least("share_of_limit", 0.7)


def one_epoch(setting: Setting, who: str) -> None:
    """An epoch by one of the two alone, for its memory."""
    params = setting.params
    if who == "fperank":
        with tempfile.TemporaryDirectory() as cache:
            Trainer.start(read_all(setting, Path(cache)), params).run_epoch()
        return
    set_determinism(params.threads, params.seed)
    view = PhotoView(height=params.input_size, width=round(params.input_size * 4 / 3))
    network = FlowRanker(params.backbone, params.hidden_units, params.loss, view.height, view.width)
    reader = Reader(view, IMAGENET_MEAN, IMAGENET_STD)
    photos, pairs = setting.photos, setting.pairs
    train, val = (rows_of(pairs, photos, split, mirrored=split == "train") for split in SPLITS)
    ReferenceTrainer(reader, params, network, train, val).run_epoch()


def main() -> None:
    """Measure and tell."""
    options = measure.arguments(
        __doc__,
        photos=(400, "five-megapixel photos"),
        pairs=(300, "training pairs, among four fifths of the photos"),
        val_pairs=(75, "validation pairs, among the rest"),
        input_size=(120, "height of the network's input, pixels"),
        backbone=("resnet18", "torchvision network"),
        repeats=(3, "epochs of each, in turn"),
        camera=("large", "large (five megapixels) or small (480 x 360)"),
        only=("", "run one epoch of `reference` or `fperank` and tell nothing"),
    )
    params = measure.parameters(
        TrainParams,
        **measure.UNCUT,
        input_size=options.input_size,
        backbone=options.backbone,
        epochs=options.repeats + 1,
        freeze_epochs=0,
    )
    camera = CAMERAS[options.camera]
    photos = measure.SCRATCH / f"{options.camera}-{options.photos}"
    images = build_photos(photos, options.photos, camera)
    pairs = compare(images, options.pairs, options.val_pairs)
    setting = Setting(photos, images, pairs, params)
    if options.only:
        one_epoch(setting, options.only)
        return
    result = measure.Result(
        "train",
        {
            "photos": options.photos,
            "photo_pixels": f"{camera.width} x {camera.height}",
            "training_pairs": options.pairs,
            "validation_pairs": options.val_pairs,
            "input_height_pixels": options.input_size,
            "backbone": options.backbone,
            "batch_pairs": params.batch_pairs,
            "bfloat16": uses_bfloat16(torch.device("cpu"), params.precision),
            "threads": params.threads,
            "repeats": options.repeats,
        },
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, apart in same_losses(Path(folder), params).items():
            result.figures[f"loss_apart_{name}"] = apart
            result.at_most(f"loss_apart_{name}", _SAME_WITHIN)
    measure_epochs(setting, options.repeats, result)
    names = ("photos", "pairs", "val_pairs", "input_size", "backbone", "camera")
    same = [f"--{name.replace('_', '-')}={getattr(options, name)}" for name in names]
    for who in ("reference", "fperank"):
        peak = measure.peak_mib("benchmarks.train", *same, f"--only={who}")
        result.figures[f"{who}_peak_mib"] = peak
    result.tell(options.out)


if __name__ == "__main__":
    main()
