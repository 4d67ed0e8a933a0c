"""What stage `train` hands over: the weights, what scoring needs beside them, how it learnt.

model.safetensors model.json        the model: all that `fperank score` needs
history.csv live/ train.json        how it was trained
"""

from functools import cached_property
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from fperank.ground.errors import DataError
from fperank.ground.files import require_file, write_json
from fperank.ground.numbers import LOSS_DIGITS
from fperank.handover.photo_filter import PhotoFilter
from fperank.handover.quality import StationLook
from fperank.handover.summaries import read_summary
from fperank.handover.tables import (
    count_column,
    number_column,
    read_table,
    table_schema,
    truth_column,
    write_table,
)
from fperank.params.parameters import TrainParams
from fperank.params.types import HiddenUnits
from fperank.photos.views import View

HISTORY = table_schema(
    "history",
    {
        "epoch": count_column(),
        "train_loss": number_column(),
        "val_loss": number_column(),
        "val_pair_accuracy": number_column(),
        "learning_rate": number_column(),
        "backbone_frozen": truth_column(),
        "kept": truth_column(),
    },
    unique="epoch",
)
"""Training, one row an epoch, counted from 1; `kept` marks the epoch whose weights are kept."""

WEIGHTS_FILE = "model.safetensors"
DESCRIPTION_FILE = "model.json"
CURVES_FOLDER = "live"
"""What DVCLive writes; nothing of fperank reads it."""

_HISTORY, _SUMMARY = "history.csv", "train.json"
# A description takes some kilobytes; one from a stranger must not fill the memory.
_MAX_DESCRIPTION_BYTES = 10_000_000

_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_Spread = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


class ModelDescription(BaseModel):
    """What a model is, beside its weights: the content of `model.json`.

    Attributes:
        backbone: name of the torchvision network.
        hidden_units: sizes of the head's hidden layers.
        loss: the loss that it was trained with.
        tie_parameter: what the loss has learnt of ties, as `losses.pair_log_probabilities` takes
            it; none for `ranknet`.
        view: what part of a photo it sees, and at what size.
        mean: of red, green and blue, 0 to 1, taken from the pixels before scoring.
        std: likewise, that they are divided by.
        kept_epoch: the epoch whose weights these are.
        variable: what the score ranks, such as FLOW_CFS.
        station: name of the station whose photos it learnt from.
        timezone: IANA name of that station's zone, where it is known.
        utc_offset: fixed offset of its camera's clock, "" for local time, where it is known.
        photo_filter: which photos the model is meant for, where that is known.
        look: what the station's good photos look like, where that is known.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    backbone: str
    hidden_units: HiddenUnits
    loss: str
    tie_parameter: float | None
    view: View
    mean: Annotated[list[_Share], Field(min_length=3, max_length=3)]
    std: Annotated[list[_Spread], Field(min_length=3, max_length=3)]
    kept_epoch: int
    variable: str
    station: str
    timezone: str | None = None
    utc_offset: str | None = None
    photo_filter: PhotoFilter | None = None
    look: StationLook | None = None


class TrainingSummary(BaseModel):
    """The content of `train.json`.

    Attributes:
        pairs_train: pairs that were learnt from.
        pairs_val: pairs that chose the epoch.
        photos: photos that were read.
        photos_unreadable: those that could not be, and the reason, by image_id.
        pairs_lost: how many pairs hold such a photo.
        bfloat16: whether the backbone was trained with 16-bit numbers, see `precision`.
        pretrained_sha256: of the weights file that training started from; none for random weights.
        parameters: those of stage `train`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pairs_train: int
    pairs_val: int
    photos: int
    photos_unreadable: dict[str, str]
    pairs_lost: int
    bfloat16: bool
    pretrained_sha256: str | None
    parameters: TrainParams


class ModelFolder:
    """The folder of a model; each part is read when it is first asked for.

    A model that was imported has weights and description only. Everything raises `DataError` where
    a file is absent or is not what it should be.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.weights_file, self.description_file = folder / WEIGHTS_FILE, folder / DESCRIPTION_FILE
        self.history_file, self.summary_file = folder / _HISTORY, folder / _SUMMARY

    @cached_property
    def description(self) -> ModelDescription:
        """What `model.json` holds."""
        size = require_file(self.description_file)
        if size > _MAX_DESCRIPTION_BYTES:
            raise DataError(
                f"{self.description_file} has {size:,} bytes; the description of a model takes "
                "some thousand: is it another file?"
            )
        return read_summary(self.description_file, ModelDescription)

    @cached_property
    def history(self) -> pd.DataFrame:
        """`HISTORY`."""
        return read_table(self.history_file, HISTORY, "UTC")

    @cached_property
    def summary(self) -> TrainingSummary:
        """What `train.json` holds."""
        return read_summary(self.summary_file, TrainingSummary)


def write_description(description: ModelDescription, folder: Path) -> None:
    """Write `model.json`; `network.model_file.save_model` writes it with the weights."""
    write_json(description.model_dump(), folder / DESCRIPTION_FILE)


def write_training(history: pd.DataFrame, summary: TrainingSummary, folder: Path) -> None:
    """Write how a model was trained: `HISTORY` and the summary."""
    write_table(history, HISTORY, folder / _HISTORY, LOSS_DIGITS)
    write_json(summary.model_dump(), folder / _SUMMARY)
