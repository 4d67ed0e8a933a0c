"""A model and photos -> scores. The pipeline and `fperank score` both come here.

A photo's score does not depend on the photos beside it, nor on the number of threads: batches
always have the same size, filled up with black where photos run out, because a network's last bits
can change with the batch's size, and each batch is one thread's work.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from fperank.ground.errors import PhotoError
from fperank.ground.parallel import in_order
from fperank.handover.model import ModelDescription
from fperank.network.devices import choose_device, set_determinism
from fperank.network.model_file import load_model, normalise, to_tensor
from fperank.network.ranknet import FlowRanker
from fperank.params.parameters import ComputeParams
from fperank.photos.decode import Fractions, Pixels
from fperank.photos.views import ReadPhoto, read_photo

_MOST_PHOTOS = 32
# What a processor's caches and the system's allocator like best, measured for resnet18 at heights
# of 72 to 480 pixels (benchmarks/lab-book.md).
_PIXELS_AT_ONCE = 320_000


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
    """A model ready to score.

    Attributes:
        network: on its device, in evaluation mode.
        description: what the network needs of photos.
        device: where it runs.
        threads: batches that are read and scored at the same time, one by each thread.
        read: reads a photo by the model's view, as `photos.views.read_photo` does.
    """

    network: FlowRanker
    description: ModelDescription
    device: torch.device
    threads: int
    read: ReadPhoto

    @classmethod
    def load(cls, folder: Path, params: ComputeParams, read: ReadPhoto = read_photo) -> "Scorer":
        """Read a model's folder.

        Args:
            folder: as stage `train` or an import writes it.
            params: threads and accelerator.
            read: see `Scorer`.

        Raises:
            DataError: the folder does not hold a whole model.
            ParameterError: the accelerator is not there.
        """
        set_determinism(threads=1, seed=0)
        device = choose_device(params.accelerator)
        network, description = load_model(folder)
        network.to(device).to(memory_format=torch.channels_last)
        return cls(network, description, device, params.threads, read)

    def photos_at_once(self) -> int:
        """Photos of a batch: one number for a model on a kind of device, for scores' last bits."""
        if self.device.type != "cpu":
            return _MOST_PHOTOS
        fitting = _PIXELS_AT_ONCE // (self.description.view.height * self.description.view.width)
        return min(1 << (max(fitting, 1).bit_length() - 1), _MOST_PHOTOS)

    def score(self, paths: Sequence[Path]) -> Scores:
        """Score photos; those that cannot be read get a reason instead."""
        scores = np.full(len(paths), np.nan, dtype=np.float32)
        reasons: dict[int, str] = {}
        # Each thread reads and scores batches of its own: quicker than threads that share the
        # network's work and wait for one another. Threads that start from here on inherit it.
        torch.set_num_threads(1)
        size = self.photos_at_once()
        batches = [paths[first : first + size] for first in range(0, len(paths), size)]
        bar = tqdm(total=len(paths), desc="scoring photos", leave=False, disable=None)
        done = in_order(self._score_batch, batches, self.threads, ahead=2 * self.threads)
        for k, (batch_scores, batch_reasons) in enumerate(done):
            first = k * size
            scores[first : first + size] = batch_scores
            reasons |= {first + position: why for position, why in batch_reasons.items()}
            bar.update(len(batch_scores))
        bar.close()
        return Scores(scores, reasons)

    @torch.inference_mode()
    def _score_batch(self, paths: Sequence[Path]) -> tuple[NDArray[np.float32], dict[int, str]]:
        """Read one batch and score it, in the thread that it is called in."""
        view = self.description.view
        scores = np.full(len(paths), np.nan, dtype=np.float32)
        reasons: dict[int, str] = {}
        pixels: dict[int, Pixels | Fractions] = {}
        for position, path in enumerate(paths):
            try:
                pixels[position] = self.read(path, view)
            except PhotoError as error:
                reasons[position] = str(error)
        if pixels:
            photos = list(pixels.values())
            full = np.zeros((self.photos_at_once(), *photos[0].shape), dtype=photos[0].dtype)
            full[: len(photos)] = photos
            seen = normalise(
                to_tensor(full, self.device), self.description.mean, self.description.std
            )
            scores[list(pixels)] = self.network(seen)[: len(photos)].cpu().numpy()
        return scores, reasons


def predict(
    images: pd.DataFrame, photos: Path, scorer: Scorer
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every photo of the input.

    Args:
        images: `handover.input.INPUT_IMAGES`.
        photos: the folder that the filenames are relative to.
        scorer: the model.

    Returns:
        The columns of `PREDICTIONS` and of `FAILURES` of `handover.predictions`.
    """
    # Ranks need scipy.stats, which takes seconds to import; `fperank score` needs no ranks.
    from fperank.ground.ranks import percentiles

    result = scorer.score([photos / name for name in images["filename"]])
    scores = result.score.astype(np.float64)
    predictions = images.assign(score=scores, rank_percentile=percentiles(scores))
    failed = images.iloc[list(result.reason)]
    failures = failed[["image_id", "filename"]].assign(reason=list(result.reason.values()))
    return predictions, failures
