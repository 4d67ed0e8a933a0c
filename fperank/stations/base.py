"""A station is read by three readers: of its photos, its observed values and its comparisons.

Each may read from anywhere, whatever the other two read from; here they are put together. A reader
says what it left out and why. It does not filter by hour or date, does not interpolate and does not
label: that is the pipeline's.

Left out here, and counted: comparisons of photos that the station does not have.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from fperank.handover.dataset import EXCLUDED, ObservedTable, ReadFile
from fperank.handover.station import Station
from fperank.stations.photo_names import as_the_station_names

Excluded = list[tuple[str, str, str]]
"""What was left out: kind (photo, observation, annotation), which one, and why."""


@dataclass(frozen=True)
class Photos:
    """A station and its photos.

    Attributes:
        station: name, time zone and the rest of `station.json`.
        images: image_id, timestamp, filename, url, clock: one row a photo. `filename` is a relative
            path with forward slashes that never leads out of the folder it is put in; `clock` says
            what told the time.
        excluded: the photos that were left out.
        reasons: why, by image_id, where a photo that was left out has one.
        same_as: the photo whose copy a photo is, by image_id of the copy, which was left out.
        notes: sentences for the user about what was read.
        read_files: the files whose content decided on these.
    """

    station: Station
    images: pd.DataFrame
    excluded: Excluded
    reasons: dict[str, str] = field(default_factory=dict)
    same_as: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    read_files: tuple[ReadFile, ...] = ()


@dataclass(frozen=True)
class Observed:
    """Observed values.

    Attributes:
        values: timestamp, value, status: good ones only, not yet unique in time, in the variable's
            unit. `status` is one of `OBSERVATION_STATUS` or none.
        excluded: what was left out, one a reason, where the name holds the number of rows.
        notes: sentences for the user, such as a conversion of units.
        read_files: the files whose content decided on these.
        table: how they were read, where they come from a person's table.
    """

    values: pd.DataFrame
    excluded: Excluded
    notes: tuple[str, ...] = ()
    read_files: tuple[ReadFile, ...] = ()
    table: ObservedTable | None = None


@dataclass(frozen=True)
class Answers:
    """Comparisons of two photos, as a person answered them.

    Attributes:
        table: the columns of `ANNOTATIONS`, maybe of photos that the station does not have.
        excluded: what was left out.
        notes: sentences for the user.
        read_files: the files whose content decided on these.
        parameter: the parameter that names where they come from, if one does: the user is warned
            where they fit no photo.
    """

    table: pd.DataFrame
    excluded: Excluded
    notes: tuple[str, ...] = ()
    read_files: tuple[ReadFile, ...] = ()
    parameter: str = ""


class PhotoFetcher(Protocol):
    """What brings photos to this machine."""

    def fetch(self, filename: str, target: Path) -> None:
        """Put the photo of that `filename` at `target`, byte for byte; its folder exists.

        Several threads may ask at once.

        Raises:
            PhotoError: this photo cannot be had; the others may.
            DataError: no photo can be had now, as when a server does not answer.
        """
        ...


class PhotoReader(PhotoFetcher, Protocol):
    """Reads which photos a station has, and fetches them."""

    def read(self) -> Photos:
        """Read everything but the pixels.

        Raises:
            DataError: they cannot be read; the message says what to do.
        """
        ...


class ObservationReader(Protocol):
    """Reads observed values."""

    def read(self, photos: Photos) -> Observed:
        """Read the values of the photos' time, and others if they come with them.

        Args:
            photos: the station, whose zone the values are in, and the photos' times.

        Raises:
            DataError: they cannot be read; the message says what to do.
        """
        ...


class AnswerReader(Protocol):
    """Reads comparisons."""

    def read(self) -> Answers:
        """Read all of them.

        Raises:
            DataError: they cannot be read; the message says what to do.
        """
        ...


@dataclass(frozen=True)
class StationData:
    """A station as its readers give it.

    Attributes:
        station: see `Photos`.
        images: see `Photos`.
        observations: see `Observed.values`.
        annotations: the columns of `ANNOTATIONS`; both photos of each are in `images`.
        excluded: `EXCLUDED`: photos, then observations, then annotations.
        notes: sentences for the user, in the same order.
        read_files: the files from outside whose content is in these tables, with their digests.
        observed_table: see `Observed.table`.
    """

    station: Station
    images: pd.DataFrame
    observations: pd.DataFrame
    annotations: pd.DataFrame
    excluded: pd.DataFrame
    notes: tuple[str, ...] = ()
    read_files: tuple[ReadFile, ...] = ()
    observed_table: ObservedTable | None = None


@dataclass(frozen=True)
class Source:
    """Where a station comes from: its three readers."""

    photos: PhotoReader
    observations: ObservationReader
    answers: AnswerReader

    def read(self) -> StationData:
        """Read everything but the pixels.

        Raises:
            DataError: a part cannot be read; the message says what to do.
            ParameterError: parameters contradict each other, or one is absent.
        """
        # First what is quickest to read: to list a large station's photos may take an hour.
        answers = self.answers.read()
        photos = self.photos.read()
        return joined(photos, self.observations.read(photos), answers)

    def fetch(self, filename: str, target: Path) -> None:
        """Fetch a photo, see `PhotoFetcher`."""
        self.photos.fetch(filename, target)


def joined(photos: Photos, observed: Observed, answers: Answers) -> StationData:
    """Put together what the three readers gave."""
    named, renamed = as_the_station_names(
        answers.table, photos.images["image_id"], photos.same_as, photos.reasons
    )
    annotations, unknown = _of_known_photos(named, photos)
    notes = (*photos.notes, *observed.notes, *answers.notes, *renamed)
    if answers.parameter and annotations.empty and not answers.table.empty:
        theirs, ours = answers.table["left_image_id"].iloc[0], photos.images["image_id"].iloc[0]
        notes += (
            f"None of the {len(answers.table):,} comparisons of {answers.parameter} compares two "
            f"photos of this station: they name photos as {theirs!r}, the station as {ours!r}.",
        )
    return StationData(
        station=photos.station,
        images=photos.images,
        observations=observed.values,
        annotations=annotations,
        excluded=pd.DataFrame(
            photos.excluded + observed.excluded + answers.excluded + unknown,
            columns=list(EXCLUDED.columns),
            dtype="str",
        ),
        notes=notes,
        read_files=photos.read_files + observed.read_files + answers.read_files,
        observed_table=observed.table,
    )


def _of_known_photos(table: pd.DataFrame, photos: Photos) -> tuple[pd.DataFrame, Excluded]:
    """The comparisons of two different photos of the station, and what was left out."""
    known = set(photos.images["image_id"])
    keep: list[bool] = []
    excluded: Excluded = []
    ids = zip(table["pair_id"], table["left_image_id"], table["right_image_id"], strict=True)
    for pair_id, left, right in ids:
        unknown = [image_id for image_id in (left, right) if image_id not in known]
        if unknown:
            why = photos.reasons.get(unknown[0])
            reason = f"its photo was excluded: {why}" if why else "no such photo"
            excluded.append(("annotation", f"pair {pair_id} (photo {unknown[0]})", reason))
        elif left == right:
            reason = "compares a photo with itself"
            excluded.append(("annotation", f"pair {pair_id} (photo {left})", reason))
        keep.append(not unknown and left != right)
    return table[np.array(keep, dtype=bool)].reset_index(drop=True), excluded
