"""What every source of a station gives.

A source finds the photos' times, reads values and annotations, and says what it left out and why.
It does not filter by hour or date, does not interpolate and does not label: that is the pipeline's.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from fperank.handover.dataset import ReadFile
from fperank.handover.station import Station


@dataclass(frozen=True)
class StationData:
    """A station as a source tells it.

    Attributes:
        station: name, time zone and the rest of `station.json`.
        images: image_id, timestamp, filename, url: one row a photo. `filename` is a relative path
            with forward slashes that never leads out of the folder it is put in.
        observations: timestamp, value, status: good observations only, not yet unique in time, in
            the variable's unit. `status` is one of `tables.OBSERVATION_STATUS` or none.
        annotations: the columns of `tables.ANNOTATIONS`; both photos of each are in `images`.
        excluded: the columns of `tables.EXCLUDED`.
        notes: sentences for the user about what was read, such as a conversion of units.
        read_files: the files whose content is in these tables, with their digests.
    """

    station: Station
    images: pd.DataFrame
    observations: pd.DataFrame
    annotations: pd.DataFrame
    excluded: pd.DataFrame
    notes: tuple[str, ...] = ()
    read_files: tuple[ReadFile, ...] = ()


class Source(Protocol):
    """A place that a station comes from."""

    def read(self) -> StationData:
        """Read everything but the pixels.

        Raises:
            DataError: the station cannot be read; the message says what to do.
        """
        ...

    def fetch(self, filename: str, target: Path) -> None:
        """Put the photo of that `filename` at `target`, byte for byte; its folder exists.

        Several threads may ask at once.

        Raises:
            PhotoError: this photo cannot be had; the others may.
            DataError: no photo can be had now, as when a server does not answer.
        """
        ...
