"""The parameters of `params.yaml`: typed once, for every stage.

The file is flat, because people type `dvc exp run -S min_hour=7`. Each stage has a model that
holds just the parameters it reads; `dvc.yaml` lists the same names, and a test compares the two.

Refused: unknown keys, wrong types, dates that are not dates, versions that a YAML reader could take
for a number, station names that cannot be a folder name inside a quoted shell argument.
"""

from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fperank.params.types import (
    Address,
    ApiUrl,
    Attribute,
    ClockShifts,
    Date,
    FolderName,
    Fraction,
    HiddenUnits,
    KindsOfRows,
    NumberOrName,
    ObservedUnit,
    OffsetOfTable,
    PretrainedName,
    QualityMark,
    Timezone,
    UsgsSite,
    UtcOffset,
    VariableId,
    Version,
)


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


GroupT = TypeVar("GroupT", bound=_Group)


class FpeParams(_Group):
    """Which station of the Flow Photo Explorer, and where its API answers."""

    fpe_station: NumberOrName
    api_url: ApiUrl


class PhotoTimeParams(_Group):
    """How the times of a folder's photos are found."""

    timezone: Timezone
    timestamp_source: Literal["auto", "csv", "exif", "filename"]
    timestamp_pattern: str
    utc_offset: UtcOffset
    clock_shift: ClockShifts


class ObservedTableParams(_Group):
    """How a table of observed values is read, where it does not say it itself."""

    observations_unit: ObservedUnit
    observations_column: str
    observations_utc_offset: OffsetOfTable
    observations_date_order: Literal["", "dmy", "mdy"]
    observations_rows: KindsOfRows


class DatasetParams(PhotoTimeParams, ObservedTableParams, FpeParams):
    """What the `dataset` stage reads. Meanings and units stand in `params.yaml`."""

    station: FolderName
    variable: VariableId
    dataset_version: Version
    source: Literal["demo", "folder", "fpe_database", "fpe_api", "seed"]
    source_path: str
    annotations_from: Address
    observations_from: Address
    usgs_site: UsgsSite
    usgs_interval: Literal["continuous", "daily"]
    max_gap_minutes: Annotated[float, Field(gt=0)]
    min_whole_share: Annotated[float, Field(gt=0, le=1)]
    demo_days: Annotated[int, Field(ge=4, le=3660)]
    demo_interval_minutes: Annotated[int, Field(ge=5, le=1440)]
    demo_annotations: Annotated[int, Field(ge=0)]
    demo_seed: Annotated[int, Field(ge=0)]


class VersionParams(_Group):
    """What names a model version: `handover.version.Version` says where its files lie."""

    station: FolderName
    variable: VariableId
    dataset_version: Version
    model_version: Version


class InputParams(_Group):
    """What the `input` stage reads."""

    model_version: Version
    min_hour: Annotated[int, Field(ge=0, le=23)]
    max_hour: Annotated[int, Field(ge=0, le=23)]
    min_month: Annotated[int, Field(ge=1, le=12)]
    max_month: Annotated[int, Field(ge=1, le=12)]
    start_date: Date
    end_date: Date
    annotation_start_date: Date
    annotation_end_date: Date
    annotations_max_n: Annotated[int, Field(ge=0)]
    split_method: Literal["image", "graph", "random"]
    train_frac: Annotated[float, Field(gt=0, lt=1)]
    test_frac: Annotated[float, Field(ge=0, le=0.5)]
    exclude_attributes: list[Attribute]
    exclude_quality: list[QualityMark]
    split_seed: int
    min_train_pairs: Annotated[int, Field(ge=1)]
    min_val_pairs: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _hours_and_dates_in_order(self) -> Self:
        if self.min_hour > self.max_hour:
            raise ValueError(
                f"min_hour is {self.min_hour} but max_hour is {self.max_hour}: "
                "min_hour must not be later than max_hour"
            )
        for first, last in (
            ("start_date", "end_date"),
            ("annotation_start_date", "annotation_end_date"),
        ):
            begin, end = getattr(self, first), getattr(self, last)
            if begin and end and begin > end:
                raise ValueError(f"{first} is {begin}, after {last} {end}: exchange them")
        return self


class ComputeParams(_Group):
    """On what a network runs: read by `train` and `predict`."""

    threads: Annotated[int, Field(ge=1, le=256)]
    accelerator: Literal["cpu", "auto", "cuda", "mps"]


class PhotoParams(_Group):
    """How a photo becomes the network's pixels."""

    input_size: Annotated[int, Field(ge=32, le=2048)]
    crop_top: Fraction
    crop_bottom: Fraction
    crop_left: Fraction
    crop_right: Fraction

    @model_validator(mode="after")
    def _crops_leave_something(self) -> Self:
        for first, second in (("crop_top", "crop_bottom"), ("crop_left", "crop_right")):
            left = 1 - getattr(self, first) - getattr(self, second)
            if left < 0.1:
                raise ValueError(
                    f"{first} + {second} leave {max(left, 0):.0%} of the photo: keep at least 10 %"
                )
        return self


class AugmentParams(_Group):
    """Random changes of training photos."""

    augment_flip: bool
    augment_shift: Annotated[float, Field(ge=0, le=0.5)]
    augment_zoom: Annotated[float, Field(ge=0, le=0.5)]
    augment_rotation_degrees: Annotated[float, Field(ge=0, le=45)]
    augment_brightness: Annotated[float, Field(ge=0, lt=1)]
    augment_contrast: Annotated[float, Field(ge=0, lt=1)]


class TrainParams(ComputeParams, PhotoParams, AugmentParams):
    """What the `train` stage reads."""

    backbone: str
    pretrained: PretrainedName
    normalisation: Literal["imagenet", "station"]
    hidden_units: HiddenUnits
    loss: Literal["ranknet", "davidson", "rao_kupper"]
    epochs: Annotated[int, Field(ge=1)]
    freeze_epochs: Annotated[int, Field(ge=0)]
    batch_pairs: Annotated[int, Field(ge=1)]
    optimizer: Literal["sgd", "adamw"]
    learning_rate: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    lr_schedule: Literal["plateau", "cosine", "constant"]
    early_stopping_epochs: Annotated[int, Field(ge=0)]
    seed: Annotated[int, Field(ge=0)]
    precision: Literal["auto", "float32"]
    processes: Annotated[int, Field(ge=1, le=64)]


class PredictParams(ComputeParams):
    """What the `predict` stage reads."""


class ReportParams(_Group):
    """What the `report` stage reads."""

    bootstrap_samples: Annotated[int, Field(ge=0, le=10000)]
    bootstrap_block_days: Annotated[int, Field(ge=1)]
    report_photos: Annotated[int, Field(ge=0, le=2000)]


class LocalParams(_Group):
    """What stages read of this machine; `dvc.yaml` lists none of it, for it changes no result."""

    cache_gb: Annotated[float, Field(ge=0)]

    @property
    def cache_bytes(self) -> int:
        """What decoded photos may take."""
        return int(self.cache_gb * 1e9)


class Params(DatasetParams, InputParams, TrainParams, PredictParams, ReportParams, LocalParams):
    """Every key of `params.yaml`."""

    @model_validator(mode="after")
    def _ice_is_not_left_out_where_it_is_ranked(self) -> Self:
        if self.variable == "ICE" and "ICE" in self.exclude_attributes:
            raise ValueError(
                "exclude_attributes holds ICE, but variable is ICE: photos full of ice are what "
                "the model must learn; write exclude_attributes: [BAD]"
            )
        return self
