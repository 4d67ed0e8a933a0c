"""What stage `dataset` hands over: a station's photos, observed values and answers.

images.csv quality.csv pairs.csv observations.csv excluded.csv station.json dataset.json
photos/       the files, by `filename`
images.png    annotations.png, to look at
"""

import datetime as dt
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict

from fperank.ground.files import write_json
from fperank.handover.quality import QUALITY, StationLook
from fperank.handover.station import STATION_FILE, Station, read_station, write_station
from fperank.handover.summaries import read_summary
from fperank.handover.tables import (
    IMAGE_COLUMNS,
    RANKS,
    number_column,
    read_table,
    table_schema,
    text_column,
    time_column,
    write_table,
)
from fperank.params.types import QualityMark, VariableId

OBSERVATION_STATUS = ("approved", "provisional")

IMAGES = table_schema("images", {**IMAGE_COLUMNS, "clock": text_column()}, unique="image_id")
"""A station's photos, see `tables.IMAGE_COLUMNS`; `clock` says what told their time."""

OBSERVATIONS = table_schema(
    "observations",
    {
        "timestamp": time_column(),
        "value": number_column(),
        "status": text_column(nullable=True, among=OBSERVATION_STATUS),
    },
)
"""Observed values, one a time, in the variable's unit; `status` where the source has one."""

ANNOTATIONS = table_schema(
    "annotations",
    {
        "pair_id": text_column(),
        "user_id": text_column(nullable=True),
        "left_image_id": text_column(),
        "left_attributes": text_column(nullable=True),
        "right_image_id": text_column(),
        "right_attributes": text_column(nullable=True),
        "rank": text_column(among=RANKS),
        "comment": text_column(nullable=True),
    },
    unique="pair_id",
)
"""A person's answers; `rank` names the photo that shows more. Attributes are joined by commas."""

DATASET_PAIRS = table_schema(
    "dataset pairs",
    {
        **ANNOTATIONS.columns,
        "left_timestamp": time_column(),
        "left_filename": text_column(),
        "left_value": number_column(),
        "right_timestamp": time_column(),
        "right_filename": text_column(),
        "right_value": number_column(),
        "delta_value": number_column(),
        "avg_value": number_column(),
        "rel_delta_value": number_column(),
        "true_rank": text_column(nullable=True, among=RANKS),
    },
    unique="pair_id",
)
"""The annotations with both photos' times and values.

`delta_value` is left minus right, `rel_delta_value` its absolute value over `avg_value`;
`true_rank` is the order of the observed values, empty where one of them is absent.
"""

EXCLUDED = table_schema(
    "excluded", {"kind": text_column(), "name": text_column(), "reason": text_column()}
)
"""What was left out: kind (photo, observation, annotation), which one, and why."""

_SUMMARY, _IMAGES, _PAIRS = "dataset.json", "images.csv", "pairs.csv"
_OBSERVATIONS, _EXCLUDED, _PHOTOS = "observations.csv", "excluded.csv", "photos"
_QUALITY = "quality.csv"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReadFile(_Part):
    """A file from outside that decided on the dataset.

    Attributes:
        role: what it gave: `observations`, `annotations`, `images` or `station`.
        name: its name or address, without the folders of one person's machine.
        sha256: of its content when it was read.
    """

    role: str
    name: str
    sha256: str


class Period(_Part):
    """Local dates of some rows; none where there are no rows."""

    first_date: dt.date | None
    last_date: dt.date | None


class PhotoCounts(Period):
    """Photos, how many have an observed value, and how many were timed by each clock."""

    n: int
    n_with_value: int
    by_clock: dict[str, int]


class ObservationCounts(Period):
    """Observed values."""

    n: int


class ObservedTable(_Part):
    """How a table of observed values was read, in words, for a person to check.

    Attributes:
        file: its name or address.
        times: the column of times, and what they mean.
        values: the column of values, and how its numbers are written.
        unit: the unit, what tells it, and the factor to the variable's own.
        rows: what other columns say of the rows: parameter, flags, status and the like.
        passed_over: the columns that were not read.
        first_rows: up to three good rows: line, time and value as written, then as read.
    """

    file: str
    times: str
    values: str
    unit: str
    rows: tuple[str, ...]
    passed_over: tuple[str, ...]
    first_rows: tuple[tuple[str, str, str, str, str], ...]


class AnnotationCounts(Period):
    """Answers; `share_same` is of those that are not UNKNOWN."""

    n: int
    by_rank: dict[str, int]
    share_same: float | None
    n_with_true_rank: int


class AnswerAgreement(_Part):
    """Of `n` answers LEFT or RIGHT with different observed values, the share that is right."""

    n: int
    share_correct: float | None


class DatasetSummary(_Part):
    """The content of `dataset.json`.

    Attributes:
        observed_table: how the observed values were read, where they come from a table.
        quality: how many photos have each mark of their picture.
        look: what the station's good photos look like, where enough are good.
        excluded: how many were left out, by kind and reason.
        read_files: the files from outside whose content is in the tables.
        parameters: those of stage `dataset`, without the folders of one person's machine.
        notes: sentences for the user.
    """

    station: str
    variable: VariableId
    dataset_version: str
    source: str
    timezone: str
    photos: PhotoCounts
    observations: ObservationCounts
    observed_table: ObservedTable | None
    annotations: AnnotationCounts
    agreement: AnswerAgreement
    quality: dict[QualityMark, int]
    look: StationLook | None
    excluded: dict[str, dict[str, int]]
    read_files: tuple[ReadFile, ...]
    parameters: dict[str, Any]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Dataset:
    """A station's tables.

    Attributes:
        station: the station, with its label and variable.
        images: `IMAGES`, with observed values at the photos' times.
        pairs: `DATASET_PAIRS`.
        observations: `OBSERVATIONS`: sorted, one value a time.
        excluded: `EXCLUDED`.
        quality: `QUALITY`; empty where no picture was judged.
    """

    station: Station
    images: pd.DataFrame
    pairs: pd.DataFrame
    observations: pd.DataFrame
    excluded: pd.DataFrame
    quality: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=list(QUALITY.columns))
    )


class DatasetFolder:
    """The folder of a dataset; each part is read when it is first asked for.

    Everything raises `DataError` where a file is absent or is not what it should be.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.photos = folder / _PHOTOS
        self.images_file, self.pairs_file = folder / _IMAGES, folder / _PAIRS
        self.station_file = folder / STATION_FILE

    @cached_property
    def station(self) -> Station:
        """The station."""
        return read_station(self.folder)

    @cached_property
    def images(self) -> pd.DataFrame:
        """`IMAGES`."""
        return read_table(self.images_file, IMAGES, self.station.timezone)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """`DATASET_PAIRS`."""
        return read_table(self.pairs_file, DATASET_PAIRS, self.station.timezone)

    @cached_property
    def observations(self) -> pd.DataFrame:
        """`OBSERVATIONS`."""
        return read_table(self.folder / _OBSERVATIONS, OBSERVATIONS, self.station.timezone)

    @cached_property
    def excluded(self) -> pd.DataFrame:
        """`EXCLUDED`."""
        return read_table(self.folder / _EXCLUDED, EXCLUDED, self.station.timezone)

    @cached_property
    def quality(self) -> pd.DataFrame:
        """`QUALITY`."""
        return read_table(self.folder / _QUALITY, QUALITY, self.station.timezone)

    @cached_property
    def summary(self) -> DatasetSummary:
        """What `dataset.json` holds."""
        return read_summary(self.folder / _SUMMARY, DatasetSummary)


def write_dataset(dataset: Dataset, summary: DatasetSummary, folder: Path) -> None:
    """Write everything but the photos themselves, which lie in `DatasetFolder.photos`."""
    for frame, schema, name in (
        (dataset.images, IMAGES, _IMAGES),
        (dataset.pairs, DATASET_PAIRS, _PAIRS),
        (dataset.observations, OBSERVATIONS, _OBSERVATIONS),
        (dataset.excluded, EXCLUDED, _EXCLUDED),
        (dataset.quality, QUALITY, _QUALITY),
    ):
        write_table(frame, schema, folder / name)
    write_station(dataset.station, folder)
    write_json(summary.model_dump(), folder / _SUMMARY)
