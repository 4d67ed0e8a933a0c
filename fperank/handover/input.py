"""What stage `input` hands over: the photos and pairs of one model version, with their splits.

images.csv pairs.csv station.json input.json manifest.json
"""

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ConfigDict

from fperank.ground.files import write_json
from fperank.handover.station import STATION_FILE, Station, read_station, write_station
from fperank.handover.summaries import read_summary
from fperank.handover.tables import (
    IMAGE_COLUMNS,
    SPLITS,
    count_column,
    number_column,
    read_table,
    table_schema,
    text_column,
    time_column,
    write_table,
)
from fperank.params.parameters import InputParams
from fperank.params.types import VariableId

INPUT_IMAGES = table_schema(
    "input images", {"split": text_column(among=SPLITS), **IMAGE_COLUMNS}, unique="image_id"
)
"""The photos that one model version works with, each with its split."""

PAIRS = table_schema(
    "pairs",
    {
        "split": text_column(among=("train", "val")),
        "pair_id": text_column(),
        "image_id_1": text_column(),
        "timestamp_1": time_column(),
        "filename_1": text_column(),
        "value_1": number_column(),
        "image_id_2": text_column(),
        "timestamp_2": time_column(),
        "filename_2": text_column(),
        "value_2": number_column(),
        "label": count_column(among=(1, 0, -1)),
    },
    unique="pair_id",
)
"""Labelled pairs: 1 photo 1 shows more, -1 photo 2 shows more, 0 no difference. Each pair once."""

_SUMMARY, _IMAGES, _PAIRS, _MANIFEST = "input.json", "images.csv", "pairs.csv", "manifest.json"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InputPhotos(_Part):
    """Photos that are kept, and how many are in each split."""

    n: int
    first_date: dt.date
    last_date: dt.date
    splits: dict[str, int]


class InputPairs(_Part):
    """Pairs that are kept, by split and by label (`1`, `0`, `-1`)."""

    n: int
    splits: dict[str, int]
    labels: dict[str, int]


class InputSummary(_Part):
    """The content of `input.json`.

    Attributes:
        annotation_first_date: first local date of a photo of a pair.
        annotation_last_date: the last one.
        excluded: how many photos and annotations were left out, by kind and reason.
        parameters: those of stage `input`.
    """

    dataset_version: str
    variable: VariableId
    photos: InputPhotos
    pairs: InputPairs
    annotation_first_date: dt.date
    annotation_last_date: dt.date
    excluded: dict[str, dict[str, int]]
    parameters: InputParams


@dataclass(frozen=True)
class ModelInput:
    """What the later stages work with.

    Attributes:
        station: whose photos they are.
        images: `INPUT_IMAGES`, by time.
        pairs: `PAIRS`.
        summary: counts, dates and parameters.
    """

    station: Station
    images: pd.DataFrame
    pairs: pd.DataFrame
    summary: InputSummary


class InputFolder:
    """The folder of a model version's input; each part is read when it is first asked for.

    Everything raises `DataError` where a file is absent or is not what it should be.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images_file, self.pairs_file = folder / _IMAGES, folder / _PAIRS
        self.station_file, self.summary_file = folder / STATION_FILE, folder / _SUMMARY

    @cached_property
    def station(self) -> Station:
        """The station."""
        return read_station(self.folder)

    @cached_property
    def images(self) -> pd.DataFrame:
        """`INPUT_IMAGES`."""
        return read_table(self.images_file, INPUT_IMAGES, self.station.timezone)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """`PAIRS`."""
        return read_table(self.pairs_file, PAIRS, self.station.timezone)

    @cached_property
    def summary(self) -> InputSummary:
        """What `input.json` holds."""
        return read_summary(self.summary_file, InputSummary)


def write_input(made: ModelInput, folder: Path) -> None:
    """Write all files of the hand-over."""
    write_table(made.images, INPUT_IMAGES, folder / _IMAGES)
    write_table(made.pairs, PAIRS, folder / _PAIRS)
    write_station(made.station, folder)
    # The form that the Flow Photo Explorer's batch scoring reads.
    write_json([{"prefix": "photos/"}, *made.images["filename"]], folder / _MANIFEST)
    write_json(made.summary.model_dump(), folder / _SUMMARY)
