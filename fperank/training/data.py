"""Annotated photos and their pairs in memory, as the training loop takes them.

Each photo file is decoded once, however many epochs and pairs use it. Photos that cannot be read
take their pairs with them, and both are counted.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from fperank.ground.errors import DataError, PhotoError
from fperank.ground.numbers import rounded
from fperank.params.parameters import PhotoParams, TrainParams
from fperank.photos.decode import read_many
from fperank.photos.view import PhotoView, view_for
from fperank.photos.views import ReadPhoto, read_photo

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


def load_data(
    pairs: pd.DataFrame,
    photos: Path,
    params: TrainParams,
    read: ReadPhoto = read_photo,
) -> TrainingData:
    """Decode the annotated photos.

    Args:
        pairs: `handover.input.PAIRS`.
        photos: the folder that the filenames are relative to.
        params: input size, crops, normalisation, threads.
        read: reads one photo, as `photos.views.read_photo` does.

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
    pixels = np.empty((len(paths), view.height, view.width, 3), np.uint8)
    position: dict[str, int] = {}
    unreadable: dict[str, str] = {}
    progress = tqdm(
        read_many(paths, lambda path: read(path, view), params.threads),
        "reading photos",
        len(paths),
        leave=False,
        disable=None,
    )
    for image_id, photo in zip(files["image_id"], progress, strict=True):
        if isinstance(photo, PhotoError):
            unreadable[str(image_id)] = str(photo)
        else:
            pixels[len(position)] = photo
            position[image_id] = len(position)
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
    pixels = pixels[: len(position)]
    mean, std = IMAGENET_MEAN, IMAGENET_STD
    if params.normalisation == "station":
        learnt = np.unique(torch.cat([sets["train"].first, sets["train"].second]).numpy())
        mean, std = _channel_statistics(pixels, learnt)
    return TrainingData(
        torch.from_numpy(pixels),
        view,
        sets["train"],
        sets["val"],
        mean,
        std,
        unreadable,
        int((~readable).sum()),
    )


def _channel_statistics(
    pixels: NDArray[np.uint8], photos: NDArray[np.int64]
) -> tuple[list[float], list[float]]:
    """Mean and deviation of each channel of some photos, 0 to 1.

    By way of exact counts of the 256 values, taken photo by photo: no copy of all of them is made.
    The sums over the counts depend on the processor in their last digit, so they are rounded here
    already: training and scoring use the very numbers that `model.json` holds.
    """
    counts = np.zeros((3, 256), np.int64)
    for photo in photos:
        for channel in range(3):
            counts[channel] += np.bincount(pixels[photo, ..., channel].ravel(), minlength=256)
    values = np.arange(256) / 255
    means, deviations = [], []
    for share in counts / counts[0].sum():
        mean = float(share @ values)
        means.append(rounded(mean))
        # A camera that writes grey photos has equal channels; a black one must not divide by 0.
        deviation = float(np.sqrt(share @ (values - mean) ** 2))
        deviations.append(rounded(max(deviation, 1 / 255)))
    return means, deviations
