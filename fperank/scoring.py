"""A model and photos -> scores. The pipeline and `fperank score` both come here.

A photo's score does not depend on the photos beside it: batches always have the same size, filled
up with black where photos run out, because a network's last bits can change with the batch's size.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from fperank.compute import choose_device, set_determinism
from fperank.errors import PhotoError
from fperank.images import Pixels, read_many, read_photo
from fperank.modelfile import ModelDescription, View, load_model, normalise, to_tensor
from fperank.params import ComputeParams
from fperank.ranknet import FlowRanker
from fperank.ranks import percentiles
from fperank.seed.view import Fractions, SeedView, read_seed_photo

_BATCH = 32


@dataclass(frozen=True)
class Scores:
    """Scores in the order of the photos.

    Attributes:
        score: `[photos]`, not a number where a photo could not be read.
        reason: why not, by the photo's position.
    """

    score: NDArray[np.float32]
    reason: dict[int, str]


@dataclass(frozen=True)
class Scorer:
    """A model ready to score."""

    network: FlowRanker
    description: ModelDescription
    device: torch.device
    threads: int

    @classmethod
    def load(cls, folder: Path, params: ComputeParams) -> "Scorer":
        """Read a model's folder.

        Raises:
            DataError: the folder does not hold a whole model.
            ParameterError: the accelerator is not there.
        """
        set_determinism(params.threads, seed=0)
        device = choose_device(params.accelerator)
        network, description = load_model(folder)
        network.to(device).to(memory_format=torch.channels_last)
        return cls(network, description, device, params.threads)

    def score(self, paths: Sequence[Path]) -> Scores:
        """Score photos; those that cannot be read get a reason instead."""
        scores = np.full(len(paths), np.nan, dtype=np.float32)
        reasons: dict[int, str] = {}
        photos = read_many(paths, _reader(self.description.view), self.threads)
        bar = tqdm(total=len(paths), desc="scoring photos", leave=False, disable=None)
        for batch in _batched(enumerate(photos)):
            pixels: list[Pixels | Fractions] = []
            positions: list[int] = []
            for position, photo in batch:
                if isinstance(photo, PhotoError):
                    reasons[position] = str(photo)
                else:
                    pixels.append(photo)
                    positions.append(position)
            if pixels:
                scores[positions] = self._score_batch(pixels)
            bar.update(len(batch))
        bar.close()
        return Scores(scores, reasons)

    @torch.inference_mode()
    def _score_batch(self, pixels: list[Pixels | Fractions]) -> NDArray[np.float32]:
        full = np.zeros((_BATCH, *pixels[0].shape), dtype=pixels[0].dtype)
        full[: len(pixels)] = pixels
        photos = to_tensor(full, self.device)
        scores = self.network(normalise(photos, self.description.mean, self.description.std))
        result: NDArray[np.float32] = scores[: len(pixels)].cpu().numpy()
        return result


def _reader(view: View) -> Callable[[Path], Pixels | Fractions]:
    if isinstance(view, SeedView):
        return partial(read_seed_photo, view=view)
    return partial(read_photo, view=view)


def _batched(
    photos: Iterator[tuple[int, Pixels | Fractions | PhotoError]],
) -> Iterator[list[tuple[int, Pixels | Fractions | PhotoError]]]:
    while batch := list(islice(photos, _BATCH)):
        yield batch


def predict(
    images: pd.DataFrame, photos: Path, scorer: Scorer
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every photo of the input.

    Args:
        images: `tables.INPUT_IMAGES`.
        photos: the folder that the filenames are relative to.
        scorer: the model.

    Returns:
        The columns of `tables.PREDICTIONS`, and of `tables.FAILURES`.
    """
    result = scorer.score([photos / name for name in images["filename"]])
    scores = result.score.astype(np.float64)
    predictions = images.assign(score=scores, rank_percentile=percentiles(scores))
    failed = images.iloc[list(result.reason)]
    failures = failed[["image_id", "filename"]].assign(reason=list(result.reason.values()))
    return predictions, failures
