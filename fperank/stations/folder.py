"""A station from a folder of photos, with what a person has put beside them.

The files beside the photos are optional: see `own_folder`. A folder is opened when the first of its
readers needs it, for it may have to be fetched or made first. Docs: docs/your-own-photos.md.

Refused: files that are not what they should be, a station without a time zone.
"""

import contextlib
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from fperank.ground.errors import PhotoError
from fperank.params.parameters import ObservedTableParams, PhotoTimeParams
from fperank.stations.answers.files import answer_files, read_annotations, unread_files
from fperank.stations.base import Answers, Excluded, Observed, Photos
from fperank.stations.observed.table import no_observations, read_observations
from fperank.stations.own_folder import (
    IMAGES,
    OBSERVATIONS,
    STATION,
    own_file,
    read_file,
    read_files,
)
from fperank.stations.photos.files import tellable
from fperank.stations.photos.folder import PhotoFolder
from fperank.stations.photos.listing import others_in_words
from fperank.stations.station_file import station_of_folder


class StationFolder(Protocol):
    """A station's folder, which lies on this machine once it is opened."""

    def opened(self) -> AbstractContextManager[Path]:
        """The folder; messages of what goes wrong within name it as the user does.

        Raises:
            DataError: it cannot be brought to this machine.
        """
        ...

    def skipped(self) -> Excluded:
        """Photos that were not brought to this machine."""
        ...


class OwnFolder:
    """A folder that lies on this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextlib.contextmanager
    def opened(self) -> Iterator[Path]:
        """The folder."""
        yield self.path

    def skipped(self) -> Excluded:
        """None."""
        return []


class FolderPhotos:
    """The photos of a station's folder, and the station.

    Args:
        folder: the station's folder.
        station: its name, where `station.json` holds none.
        times: how to find the photos' times, and the zone where `station.json` holds none.
    """

    def __init__(self, folder: StationFolder, station: str, times: PhotoTimeParams) -> None:
        self.folder = folder
        self._name = station
        self._times = times

    def read(self) -> Photos:
        """Read everything but the pixels.

        Raises:
            DataError: a file contradicts itself or another, or no photo has a time.
            ParameterError: the file-name pattern is absent or cannot be understood.
        """
        with self.folder.opened() as folder:
            lying = PhotoFolder(folder, self._times)
            lying.check()
            station = station_of_folder(folder, self._name, self._times.timezone)
            found = lying.read(station.timezone)
            files = (
                *read_files("station", own_file(folder, STATION)),
                *read_files("images", own_file(folder, IMAGES)),
            )
        kept = {copy.filename: f" (of {one.filename})" for copy, one in found.copies}
        excluded = sorted(
            ("photo", tellable(one.filename + kept.get(one.filename, "")), why)
            for one, why in found.left_out
        )
        return Photos(
            station=station,
            images=found.images,
            excluded=self.folder.skipped() + excluded,
            reasons={photo.image_id: reason for photo, reason in found.left_out},
            same_as={copy.image_id: one.image_id for copy, one in found.copies},
            notes=found.notes + others_in_words(found.others),
            read_files=files,
        )

    def fetch(self, filename: str, target: Path) -> None:
        """Copy a photo; the copy is the pipeline's own and never a link to the person's file.

        Raises:
            PhotoError: the file cannot be read.
        """
        with self.folder.opened() as folder:
            root = PhotoFolder(folder, self._times).photo_root
        try:
            shutil.copyfile(root / filename, target)
        except OSError as error:
            raise PhotoError(f"{filename} cannot be copied: {error.strerror}") from None


class FolderObservations:
    """The `observations.csv` of a station's folder.

    Args:
        folder: the station's folder.
        variable: see `read_observations`.
        params: likewise.
    """

    def __init__(self, folder: StationFolder, variable: str, params: ObservedTableParams) -> None:
        self._folder = folder
        self._variable = variable
        self._params = params

    def read(self, photos: Photos) -> Observed:
        """Read the file, if there is one; `DataError` where it is not what it should be."""
        with self._folder.opened() as folder:
            path = own_file(folder, OBSERVATIONS)
            if not path.is_file():
                return no_observations(photos.station.timezone)
            timezone = photos.station.timezone
            observed = read_observations(path, self._variable, timezone, self._params)
            return replace(observed, read_files=(read_file("observations", path),))


class FolderAnswers:
    """The comparisons of a station's folder."""

    def __init__(self, folder: StationFolder) -> None:
        self._folder = folder

    def read(self) -> Answers:
        """Read them, if there are some; `DataError` where a file is not what it should be."""
        with self._folder.opened() as folder:
            table, excluded = read_annotations(folder)
            files = read_files("annotations", *answer_files(folder))
            unread = unread_files(folder)
        notes = (f"Not read, for comparisons are .json files: {', '.join(unread)}.",)
        return Answers(table, excluded, notes if unread else (), files)
