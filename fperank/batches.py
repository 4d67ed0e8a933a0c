"""Annotated photos and their pairs in memory, as the training loop takes them.

Each photo file is decoded once, however many epochs and pairs use it. Photos that cannot be read
take their pairs with them, and both are counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from fperank.errors import DataError, PhotoError
from fperank.images import PhotoView, Pixels, read_photos, view_for
from fperank.params import PhotoParams, TrainParams

IMAGENET_MEAN, IMAGENET_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
"""Of red, green and blue; what torchvision's weights were trained with."""


@dataclass(frozen=True)
class PairSet:
    """Pairs as positions in the photo tensor.

    Attributes:
        first: `[pairs]`, position of photo 1.
        second: `[pairs]`.
        label: `[pairs]`, 1, 0 or -1.
    """

    first: Tensor
    second: Tensor
    label: Tensor

    def __len__(self) -> int:
        return len(self.label)


@dataclass(frozen=True)
class TrainingData:
    """Decoded photos and their pairs.

    Attributes:
        pixels: `[photos, height, width, 3]`, 0 to 255.
        view: how they were read.
        train: the pairs to learn from.
        val: the pairs to choose the epoch by.
        mean: per channel over the training photos, 0 to 1.
        std: likewise.
        unreadable: photos that could not be read and the reason, by image_id.
        pairs_lost: how many pairs hold such a photo.
    """

    pixels: Tensor
    view: PhotoView
    train: PairSet
    val: PairSet
    mean: list[float]
    std: list[float]
    unreadable: dict[str, str]
    pairs_lost: int


def load_data(pairs: pd.DataFrame, photos: Path, params: TrainParams) -> TrainingData:
    """Decode the annotated photos.

    Args:
        pairs: `tables.PAIRS`.
        photos: the folder that the filenames are relative to.
        params: input size, crops, normalisation, threads.

    Raises:
        DataError: no training or no validation pair is left with readable photos.
    """
    files = pd.concat(
        [
            pairs[["image_id_1", "filename_1"]].set_axis(["image_id", "filename"], axis=1),
            pairs[["image_id_2", "filename_2"]].set_axis(["image_id", "filename"], axis=1),
        ]
    ).drop_duplicates("image_id")
    files = files.sort_values("image_id", ignore_index=True)
    paths = [photos / name for name in files["filename"]]
    crops = {n: getattr(params, n) for n in PhotoParams.model_fields if n.startswith("crop_")}
    view = view_for(paths, params.input_size, crops)
    pixels: list[Pixels] = []
    position: dict[str, int] = {}
    unreadable: dict[str, str] = {}
    progress = tqdm(
        read_photos(paths, view, params.threads),
        "reading photos",
        len(paths),
        leave=False,
        disable=None,
    )
    for image_id, photo in zip(files["image_id"], progress, strict=True):
        if isinstance(photo, PhotoError):
            unreadable[str(image_id)] = str(photo)
        else:
            position[image_id] = len(pixels)
            pixels.append(photo)
    readable = pairs["image_id_1"].isin(position) & pairs["image_id_2"].isin(position)
    sets = {}
    for split in ("train", "val"):
        part = pairs[readable & (pairs["split"] == split)]
        if part.empty:
            raise DataError(
                f"no pair of the {split} split has two photos that can be read; "
                f"{len(unreadable)} photos cannot be read, the first because it "
                f"{next(iter(unreadable.values()), '')}"
            )
        sets[split] = PairSet(
            torch.tensor(part["image_id_1"].map(position).to_numpy(np.int64)),
            torch.tensor(part["image_id_2"].map(position).to_numpy(np.int64)),
            torch.tensor(part["label"].to_numpy(np.int64)),
        )
    stack = np.stack(pixels)
    mean, std = IMAGENET_MEAN, IMAGENET_STD
    if params.normalisation == "station":
        learnt = np.unique(torch.cat([sets["train"].first, sets["train"].second]).numpy())
        mean, std = _channel_statistics(stack[learnt])
    return TrainingData(
        torch.from_numpy(stack),
        view,
        sets["train"],
        sets["val"],
        mean,
        std,
        unreadable,
        int((~readable).sum()),
    )


def pair_batches(n: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """The positions 0 to n-1 in random order, in batches of nearly equal size.

    An undersized last batch would weigh its pairs more and, of one photo, break BatchNorm.
    """
    return iter(torch.randperm(n, generator=generator).tensor_split(max(round(n / size), 1)))


def _channel_statistics(pixels: Pixels) -> tuple[list[float], list[float]]:
    """Mean and deviation of each channel, 0 to 1, by way of exact counts of the 256 values."""
    values = np.arange(256) / 255
    means, deviations = [], []
    for channel in range(3):
        share = np.bincount(pixels[..., channel].ravel(), minlength=256) / pixels[..., 0].size
        mean = float(share @ values)
        means.append(mean)
        # A camera that writes grey photos has equal channels; a black one must not divide by 0.
        deviations.append(max(float(np.sqrt(share @ (values - mean) ** 2)), 1 / 255))
    return means, deviations
