"""The plain way to rank photos, to measure fperank against: nothing is kept, nothing is shared.

The published method, written straight down. Each pair stands in the list twice, once mirrored. In
every epoch both photos of each row are decoded in full, one after another, and go through the
network separately. Validation goes pair by pair, scoring photo by photo.

The network, the loss, the amounts of augmentation, the optimizer and the schedule are fperank's
own. It computes in float32 and keeps the epoch of the lowest validation loss. Not a tool: it
refuses nothing and is used by benchmarks alone.
"""

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from PIL import Image, ImageOps
from torch import Tensor

from fperank.network.losses import pair_loss
from fperank.network.model_file import load_model
from fperank.network.ranknet import FlowRanker
from fperank.params.parameters import TrainParams
from fperank.photos.view import PhotoView
from fperank.training.augment import augment
from fperank.training.best_epoch import kept_epoch
from fperank.training.schedule import learning_rate


@dataclass
class Reader:
    """Photo files to the network's input.

    Attributes:
        view: the part of a photo that the network sees, and its size.
        mean: taken from each channel, 0 to 1.
        std: each channel is divided by it.
        kept: photos already decoded, by path; none: nothing is kept and all is decoded again.
    """

    view: PhotoView
    mean: list[float]
    std: list[float]
    kept: dict[Path, Tensor] | None = None

    def read(self, path: Path) -> Tensor:
        """One photo, decoded in full, `[3, height, width]`, 0 to 1."""
        if self.kept is not None and path in self.kept:
            return self.kept[path].float() / 255
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file).convert("RGB")
        view, (width, height) = self.view, image.size
        left, right = width * view.crop_left, width * (1 - view.crop_right)
        top, bottom = height * view.crop_top, height * (1 - view.crop_bottom)
        small = image.resize(
            (view.width, view.height), Image.Resampling.BILINEAR, box=(left, top, right, bottom)
        )
        pixels = torch.from_numpy(np.array(small)).permute(2, 0, 1)
        if self.kept is not None:
            self.kept[path] = pixels
        return pixels.float() / 255

    def normalise(self, photos: Tensor) -> Tensor:
        """`[photos, 3, height, width]`, less the mean, over the deviation."""
        shape = (1, 3, 1, 1)
        return (photos - torch.tensor(self.mean).view(shape)) / torch.tensor(self.std).view(shape)


@dataclass(frozen=True)
class Row:
    """One row of the pair list.

    Attributes:
        first: path of photo 1.
        second: path of photo 2.
        label: 1, 0 or -1.
    """

    first: Path
    second: Path
    label: int


def rows_of(pairs: pd.DataFrame, photos: Path, split: str, *, mirrored: bool) -> list[Row]:
    """The pair list of a split of `tables.PAIRS`; mirrored: each pair once more, turned round."""
    part = pairs[pairs["split"] == split]
    rows = [
        Row(photos / first, photos / second, label)
        for first, second, label in zip(
            part["filename_1"], part["filename_2"], part["label"], strict=True
        )
    ]
    if mirrored:
        rows += [Row(row.second, row.first, -row.label) for row in rows]
    return rows


@dataclass
class ReferenceTrainer:
    """A training run, epoch by epoch.

    Attributes:
        reader: how photos are read.
        params: the parameters of stage `train`.
        network: with the weights that training starts from.
        train: the mirrored pair list.
        val: the pair list of validation.
        history: `train_loss`, `val_loss` and `val_pair_accuracy` of each epoch.
        best_state: the weights of the epoch with the lowest validation loss.
        val_losses: each epoch's, `[pairs]`.
        state_kept_alike: the weights of the epoch that fperank's rule would keep.
    """

    reader: Reader
    params: TrainParams
    network: FlowRanker
    train: list[Row]
    val: list[Row]
    history: list[dict[str, float]] = field(default_factory=list)
    best_state: dict[str, Tensor] = field(default_factory=dict)
    val_losses: list[Tensor] = field(default_factory=list)
    state_kept_alike: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        weights = [p for p in self.network.parameters() if p.requires_grad]
        rate, decay = self.params.learning_rate, self.params.weight_decay
        self.optimizer: torch.optim.Optimizer
        if self.params.optimizer == "sgd":
            self.optimizer = torch.optim.SGD(weights, rate, momentum=0.9, weight_decay=decay)
        else:
            self.optimizer = torch.optim.AdamW(weights, rate, weight_decay=decay)

    def run_epoch(self) -> None:
        """Train for one epoch over the mirrored list, validate, keep the weights if the best."""
        epoch = len(self.history) + 1
        generator = torch.Generator().manual_seed(1000 * self.params.seed + epoch)
        frozen = epoch <= self.params.freeze_epochs
        self.network.train()
        self.network.backbone.train(not frozen)
        self.network.backbone.requires_grad_(not frozen)
        order = torch.randperm(len(self.train), generator=generator)
        batches = order.tensor_split(max(round(len(order) / self.params.batch_pairs), 1))
        val_losses = [row["val_loss"] for row in self.history]
        total = 0.0
        for step, batch in enumerate(batches):
            done = epoch - 1 + step / len(batches)
            for group in self.optimizer.param_groups:
                group["lr"] = learning_rate(self.params, done, val_losses)
            rows = [self.train[k] for k in batch.tolist()]
            first = torch.stack([self.reader.read(row.first) for row in rows])
            second = torch.stack([self.reader.read(row.second) for row in rows])
            first = augment(first, self.params, generator)
            second = augment(second, self.params, generator)
            loss = self._loss(first, second, torch.tensor([row.label for row in rows]))
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            self.optimizer.step()
            total += float(loss.detach()) * len(rows)
        losses, accuracy = self.validate()
        self.val_losses.append(losses)
        val_loss = float(losses.mean())
        if all(val_loss < earlier for earlier in val_losses):
            self.best_state = copy.deepcopy(self.network.state_dict())
        if kept_epoch(self.val_losses) == epoch:
            self.state_kept_alike = copy.deepcopy(self.network.state_dict())
        self.history.append(
            {
                "train_loss": total / len(self.train),
                "val_loss": val_loss,
                "val_pair_accuracy": accuracy,
            }
        )

    @torch.no_grad()
    def validate(self) -> tuple[Tensor, float]:
        """Each pair's loss, and the share of untied pairs in the right order, pair by pair."""
        self.network.eval()
        losses, right = [], []
        for row in self.val:
            first = self.reader.read(row.first).unsqueeze(0)
            second = self.reader.read(row.second).unsqueeze(0)
            first_score = self.network(self.reader.normalise(first))
            second_score = self.network(self.reader.normalise(second))
            difference = first_score - second_score
            losses.append(float(self._pair_loss(difference, torch.tensor([row.label]))))
            if row.label:
                right.append(float(torch.sign(difference)) == row.label)
        return torch.tensor(losses), float(np.mean(right)) if right else float("nan")

    def _loss(self, first: Tensor, second: Tensor, label: Tensor) -> Tensor:
        first_score = self.network(self.reader.normalise(first))
        second_score = self.network(self.reader.normalise(second))
        return self._pair_loss(first_score - second_score, label)

    def _pair_loss(self, difference: Tensor, label: Tensor) -> Tensor:
        tie_parameter = self.network.tie_parameter
        return pair_loss(difference, label, self.params.loss, tie_parameter).mean()


@dataclass(frozen=True)
class ReferenceScorer:
    """A trained network that scores one photo at a time."""

    network: FlowRanker
    reader: Reader

    @classmethod
    def load(cls, folder: Path) -> "ReferenceScorer":
        """Read a model that fperank has written."""
        network, description = load_model(folder)
        view: Any = description.view
        return cls(network, Reader(view, description.mean, description.std))

    @torch.no_grad()
    def score(self, paths: list[Path]) -> npt.NDArray[np.float32]:
        """A score for each photo, in their order."""
        self.network.eval()
        scores = []
        for path in paths:
            photo = self.reader.normalise(self.reader.read(path).unsqueeze(0))
            scores.append(float(self.network(photo)))
        return np.array(scores, np.float32)
