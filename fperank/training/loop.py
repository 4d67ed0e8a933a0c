"""The training loop: batches of pairs, freeze and unfreeze, schedule, early stopping, exact resume.

A plain loop and not a framework's: a frozen backbone must keep its BatchNorm statistics, and a run
that was killed must end with the very weights of a run that was not. Both hold because every random
number of an epoch follows from (seed, epoch) alone.

Each distinct photo of a batch goes through the network once, however many of its pairs are in it.
What validates, and is kept, is a running mean of the weights over the last steps, as it orders
photos a little better than those of one step (benchmarks/lab-book.md).

While the backbone is frozen, what it makes of a photo cannot change: each photo goes through it
once for all frozen epochs, in evaluation mode and without augmentation, which starts with the first
unfrozen epoch. A resumed run computes these features anew, to the same bits, and stores none.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from fperank.ground.errors import DataError
from fperank.handover.model import ModelDescription
from fperank.network.devices import choose_device, mixed_precision, set_determinism
from fperank.network.losses import pair_loss
from fperank.network.model_file import normalise, to_tensor
from fperank.network.ranknet import FlowRanker
from fperank.params.parameters import TrainParams
from fperank.training.augment import augment
from fperank.training.best_epoch import kept_epoch, lowest_epoch
from fperank.training.checkpoints import Checkpoint
from fperank.training.data import TrainingData
from fperank.training.optimizer import make_optimizer
from fperank.training.pair_batches import pair_batches
from fperank.training.pretrained import load_pretrained
from fperank.training.processes import ProcessGroup
from fperank.training.schedule import learning_rate

_CHUNK = 64
_STEPS_OF_MEAN = 10


@dataclass
class TrainedModel:
    """What training gives: the kept epoch's weights, their description, and every epoch's figures.

    Attributes:
        state: the weights.
        description: what scoring needs beside them.
        history: the columns of `handover.model.HISTORY`.
        pretrained_sha256: as `load_pretrained` gives it.
        checkpoint: what a killed run would go on from; remove it once the model is written.
    """

    state: dict[str, Tensor]
    description: ModelDescription
    history: pd.DataFrame
    pretrained_sha256: str | None
    checkpoint: Checkpoint


@dataclass
class Trainer:
    """One training run, epoch by epoch.

    Attributes:
        network: that learns.
        mean: the running mean of its weights and BatchNorm statistics.
        pretrained_sha256: as `load_pretrained` gives it.
        history: the finished epochs' figures.
        val_losses: `[pairs]`, each finished epoch's.
        best_state: the mean weights of the epoch to keep.
        features: `[photos, channels]`, the frozen backbone's; none once it is unfrozen.
    """

    data: TrainingData
    params: TrainParams
    network: FlowRanker
    mean: AveragedModel
    optimizer: torch.optim.Optimizer
    group: ProcessGroup
    pretrained_sha256: str | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    val_losses: list[Tensor] = field(default_factory=list)
    best_state: dict[str, Tensor] = field(default_factory=dict)
    features: Tensor | None = None

    @classmethod
    def start(
        cls, data: TrainingData, params: TrainParams, group: ProcessGroup | None = None
    ) -> "Trainer":
        """A run before its first epoch.

        Args:
            data: the photos and pairs.
            params: the parameters of the stage.
            group: the processes that train together; none: this one alone.

        Raises:
            ParameterError: the backbone, its weights or the accelerator cannot be had.
        """
        set_determinism(params.threads, params.seed)
        group = group or ProcessGroup(choose_device(params.accelerator))
        network = FlowRanker(
            params.backbone, params.hidden_units, params.loss, data.view.height, data.view.width
        )
        pretrained_sha256 = load_pretrained(network, params.backbone, params.pretrained)
        network.to(group.device).to(memory_format=torch.channels_last)
        optimizer = make_optimizer([p for p in network.parameters() if p.requires_grad], params)
        share = 1 - 1 / _STEPS_OF_MEAN
        running = get_ema_multi_avg_fn(share)  # type: ignore[no-untyped-call]  # untyped in torch
        mean = AveragedModel(network, multi_avg_fn=running, use_buffers=True)
        return cls(data, params, network, mean, optimizer, group, pretrained_sha256)

    def finished(self) -> bool:
        """Whether all epochs ran, or validation has not improved for long enough."""
        epochs, patience = len(self.history), self.params.early_stopping_epochs
        if epochs >= self.params.epochs:
            return True
        # Frozen epochs say nothing of what the unfrozen network can do.
        waited = epochs - max(lowest_epoch(self.val_losses), self.params.freeze_epochs)
        return bool(patience) and waited >= patience

    def run_epoch(self) -> None:
        """Train for one epoch, validate, and keep the weights if it is the epoch to keep."""
        epoch = len(self.history) + 1
        generator = self._generator(epoch, rank=0)
        frozen = epoch <= self.params.freeze_epochs
        self.features = self._frozen_features() if frozen else None
        self.network.train()
        # In evaluation mode BatchNorm also leaves its running statistics alone.
        self.network.backbone.train(not frozen)
        for weight in self.network.backbone.parameters():
            weight.requires_grad_(not frozen)
        losses: list[Tensor] = []
        # All processes make the same batches and share them out; each changes photos its own way.
        size, shares = self.params.batch_pairs, self.group.world_size
        batches = self.group.own(pair_batches(self.data.train, size, generator, shares))
        if self.group.rank:
            generator = self._generator(epoch, self.group.rank)
        bar = tqdm(batches, f"epoch {epoch} of {self.params.epochs}", leave=False, disable=None)
        for step, batch in enumerate(bar):
            done = epoch - 1 + step / len(batches)
            rate = learning_rate(self.params, done, [row["val_loss"] for row in self.history])
            for weights in self.optimizer.param_groups:
                weights["lr"] = rate
            pair_losses = self._pair_losses(batch, generator)
            self.optimizer.zero_grad(set_to_none=True)
            pair_losses.mean().backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            self.group.average([p.grad for p in self.network.parameters() if p.grad is not None])
            self.optimizer.step()
            self.mean.update_parameters(self.network)
            losses.append(pair_losses.detach())
        # BatchNorm's running statistics are each process's own until here.
        buffers = [*self.network.buffers(), *self.mean.module.buffers()]
        self.group.average([b for b in buffers if b.is_floating_point()])
        own_loss = float(torch.cat(losses).cpu().double().sum())
        train_loss = self.group.mean(own_loss) * self.group.world_size / len(self.data.train)
        val_losses, accuracy = self.validate()
        val_losses = val_losses.to(self.group.device, copy=True)
        self.group.average([val_losses])
        self.val_losses.append(val_losses.cpu())
        val_loss, accuracy = float(val_losses.cpu().double().mean()), self.group.mean(accuracy)
        self.history.append(
            {
                "epoch": epoch,
                "train_loss": train_loss,
                "val_loss": val_loss,
                "val_pair_accuracy": accuracy,
                "learning_rate": rate,
                "backbone_frozen": frozen,
            }
        )
        if not math.isfinite(val_loss) or not math.isfinite(train_loss):
            raise DataError(
                f"training ran away in epoch {epoch} (the loss is no longer a number): lower "
                f"learning_rate (now {self.params.learning_rate})"
            )
        if kept_epoch(self.val_losses) == epoch:
            kept = self.mean.module.state_dict()
            self.best_state = {name: value.detach().clone() for name, value in kept.items()}

    def _generator(self, epoch: int, rank: int) -> torch.Generator:
        """What makes all that is random in an epoch, for one of the processes."""
        key = (self.params.seed, epoch, rank)
        seed = int(np.random.SeedSequence(key).generate_state(1)[0])
        torch.manual_seed(seed)  # of dropout
        return torch.Generator().manual_seed(seed)

    def _pair_losses(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of each pair of a batch, `[pairs]`; a step goes by the mean's gradient."""
        pairs = self.data.train
        both = torch.cat([pairs.first[batch], pairs.second[batch]])
        distinct, position = torch.unique(both, return_inverse=True)
        if self.features is not None:
            features = self.features[distinct.to(self.group.device)]
        else:
            pixels = to_tensor(self.data.pixels[distinct], self.group.device)
            changed = augment(pixels, self.params, generator)
            photos = normalise(changed, self.data.mean, self.data.std)
            with mixed_precision(self.group.device, self.params.precision):
                features = self.network.backbone(photos)
        scores = self.network.head(features.float()).squeeze(1)
        first, second = scores[position.to(self.group.device)].chunk(2)
        label = pairs.label[batch].to(self.group.device)
        return pair_loss(first - second, label, self.params.loss, self.network.tie_parameter)

    # Not in inference mode: the head's gradient could not be computed from what is made there.
    @torch.no_grad()
    def _frozen_features(self) -> Tensor:
        """What the backbone makes of each photo of a pair; computed in the first frozen epoch."""
        if self.features is not None:
            return self.features
        self.network.eval()
        sets = (self.data.train, self.data.val)
        ends = [ends for pairs in sets for ends in (pairs.first, pairs.second)]
        used = torch.unique(torch.cat(ends))
        made = self._evaluate(self.network.backbone, used)
        features = made.new_zeros(len(self.data.pixels), made.shape[1])
        features[used.to(self.group.device)] = made
        return features

    def _evaluate(self, module: nn.Module, positions: Tensor) -> Tensor:
        """A module's answers to photos as they are, a few at a time."""
        pixels = (self.data.pixels[chunk] for chunk in torch.split(positions, _CHUNK))
        photos = (to_tensor(chunk, self.group.device) for chunk in pixels)
        return torch.cat([module(normalise(p, self.data.mean, self.data.std)) for p in photos])

    @torch.inference_mode()
    def validate(self) -> tuple[Tensor, float]:
        """Each validation pair's loss, and the share of untied pairs in the right order."""
        pairs = self.data.val
        network = cast(FlowRanker, self.mean.module.eval())
        both = torch.cat([pairs.first, pairs.second])
        distinct, position = torch.unique(both, return_inverse=True)
        if self.features is not None:
            scores = network.head(self.features[distinct.to(self.group.device)]).squeeze(1).cpu()
        else:
            scores = self._evaluate(network, distinct).cpu()
        first, second = scores[position].chunk(2)
        tie = network.tie_parameter.cpu()
        losses = pair_loss(first - second, pairs.label, self.params.loss, tie)
        untied = pairs.label != 0
        right = torch.sign(first - second)[untied] == pairs.label[untied]
        return losses, float(right.double().mean()) if len(right) else math.nan

    def state(self) -> dict[str, Any]:
        """Everything that a later process needs to go on from here."""
        return {
            "network": self.network.state_dict(),
            "mean": self.mean.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "best_state": self.best_state,
            "val_losses": self.val_losses,
            "history": self.history,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to what `state` gave."""
        self.network.load_state_dict(state["network"])
        self.mean.load_state_dict(state["mean"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.best_state, self.history = state["best_state"], state["history"]
        self.val_losses = state["val_losses"]
        self.features = None

    def tie_parameter(self) -> float | None:
        """The kept epoch's learnt tie parameter; none for a loss that has none."""
        return None if self.params.loss == "ranknet" else float(self.best_state["tie_parameter"])


def train(
    data: TrainingData,
    params: TrainParams,
    variable: str,
    station: str,
    scratch: Path,
    on_epoch: Callable[[dict[str, Any]], None],
    group: ProcessGroup | None = None,
) -> TrainedModel:
    """Train to the end, or go on from where a killed run of the same data and parameters stood.

    Args:
        data: the photos and pairs.
        params: the parameters of the stage.
        variable: what the annotators compared, such as FLOW_CFS.
        station: name of the station.
        scratch: folder for the checkpoint, which survives a kill and is removed at the end.
        on_epoch: called with every epoch's figures, those of resumed epochs too.
        group: the processes that train together; none: this one alone.

    Raises:
        DataError: the loss is no longer a number.
        ParameterError: the backbone, its weights or the accelerator cannot be had.
    """
    trainer = Trainer.start(data, params, group)
    checkpoint = Checkpoint.for_run(scratch, data, params, trainer.pretrained_sha256)
    if (state := checkpoint.load()) is not None:
        trainer.restore(state)
    for row in trainer.history:
        on_epoch(row)
    while not trainer.finished():
        trainer.run_epoch()
        if trainer.group.rank == 0:
            checkpoint.save(trainer.state())
        on_epoch(trainer.history[-1])
    history, kept = pd.DataFrame(trainer.history), kept_epoch(trainer.val_losses)
    history["kept"] = history["epoch"] == kept
    description = ModelDescription(
        backbone=params.backbone,
        hidden_units=params.hidden_units,
        loss=params.loss,
        tie_parameter=trainer.tie_parameter(),
        view=data.view,
        mean=data.mean,
        std=data.std,
        kept_epoch=kept,
        variable=variable,
        station=station,
    )
    return TrainedModel(
        trainer.best_state, description, history, trainer.pretrained_sha256, checkpoint
    )
