"""A station from a folder of photos, with what a person has put beside them.

`observations.csv`, `annotations.json` or `.csv` and `station.json` are optional, as is
`images.csv`: see `photo_folder`. Docs: docs/your-own-photos.md.

Refused: files that are not what they should be, a station without a time zone.
"""

import shutil
from pathlib import Path

import pandas as pd

from fperank.handover.dataset import EXCLUDED
from fperank.params.parameters import DatasetParams
from fperank.running.errors import PhotoError
from fperank.stations.answers.files import (
    annotations_table,
    keep_known_photos,
    read_annotations,
)
from fperank.stations.base import StationData
from fperank.stations.observed.table import Observed, no_observations, read_observations
from fperank.stations.photos.files import tellable
from fperank.stations.photos.folder import PhotoFolder
from fperank.stations.station_file import station_of_folder


class FolderSource:
    """A station that lies in a folder.

    Args:
        folder: the station's folder.
        params: station name and zone where `station.json` does not give them, and how to find the
            photos' times.
    """

    def __init__(self, folder: Path, params: DatasetParams) -> None:
        self.folder = folder
        self.params = params
        self._photos = PhotoFolder(folder, params)

    def read(self) -> StationData:
        """Read everything but the pixels.

        Raises:
            DataError: a file of the station contradicts itself or another, or no photo has a time.
            ParameterError: the file-name pattern is absent or cannot be understood.
        """
        self._photos.check()
        station = station_of_folder(self.folder, self.params)
        photos = self._photos.read(station.timezone)
        excluded = sorted(
            ("photo", tellable(photo.filename), reason) for photo, reason in photos.left_out
        )
        observed = self._observations(station.timezone)
        annotations, unanswered = (
            # What stands here in their place is not even looked at.
            (annotations_table([]), list[tuple[str, str, str]]())
            if self.params.annotations_from
            else read_annotations(self.folder)
        )
        annotations, unknown = keep_known_photos(
            annotations,
            known=set(photos.images["image_id"]),
            excluded_photos={photo.image_id: reason for photo, reason in photos.left_out},
        )
        return StationData(
            station=station,
            images=photos.images,
            observations=observed.values,
            annotations=annotations,
            excluded=pd.DataFrame(
                excluded + observed.excluded + unanswered + unknown,
                columns=list(EXCLUDED.columns),
                dtype="str",
            ),
            notes=(*photos.notes, *observed.notes),
        )

    def fetch(self, filename: str, target: Path) -> None:
        """Copy a photo; the copy is the pipeline's own and never a link to the person's file.

        Raises:
            PhotoError: the file cannot be read.
        """
        try:
            shutil.copyfile(self._photos.photo_root / filename, target)
        except OSError as error:
            raise PhotoError(f"{filename} cannot be copied: {error.strerror}") from None

    def _observations(self, timezone: str) -> Observed:
        path = self.folder / "observations.csv"
        if self.params.observations_from or not path.is_file():
            return no_observations(timezone)
        unit = self.params.observations_unit
        return read_observations(path, self.params.variable, timezone, unit)
