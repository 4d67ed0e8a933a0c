"""A station from a folder of EcoSHEDS' Flow Photo RankNet Model (the seed).

Two kinds of folder are read: a dataset (`images.csv`, `annotations.csv`, maybe `values.csv`) and a
model's input (`images.csv` with splits, `pairs.csv`), each with `station.json` if there is one.
Columns are found by name. Photos lie beside, in `images/` or in the folder itself, or are fetched.

Refused: ids or file names twice, labels that do not exist, photos without a time or a name at all.
Counted and left out: names that lead out of the folder, photos without a time, flagged values.
"""

import shutil
from pathlib import Path

import pandas as pd

from fperank.handover.dataset import ANNOTATIONS, EXCLUDED
from fperank.handover.tables import SPLITS
from fperank.params.parameters import DatasetParams
from fperank.remote.downloads import Downloads
from fperank.running.errors import AbsentError, DataError, PhotoError, TooLargeError
from fperank.stations.answers.files import (
    Excluded,
    annotations_table,
    keep_known_photos,
)
from fperank.stations.base import StationData
from fperank.stations.photos.files import tellable
from fperank.stations.seed.tables import (
    answers_of_pairs,
    listed_photos,
    observed,
    read_answers,
    read_values,
    usable_photos,
)
from fperank.stations.station_file import station_of_folder

_FETCHED = ("https://", "http://", "s3://")


class SeedSource:
    """A station that lies in a folder of the seed.

    Args:
        folder: the folder.
        params: station name and zone where `station.json` does not give them; the variable.
        downloads: fetches photos that do not lie beside.
    """

    def __init__(self, folder: Path, params: DatasetParams, downloads: Downloads) -> None:
        self.folder = folder
        self.params = params
        self.downloads = downloads
        self._urls: dict[str, str] | None = None

    def read(self) -> StationData:
        """Read everything but the pixels.

        Raises:
            DataError: the folder is not one of the seed, or a file of it contradicts itself.
        """
        if not self.folder.is_dir():
            raise DataError(
                f"source_path {self.folder} is no folder: give the seed's folder that holds "
                "images.csv"
            )
        station = station_of_folder(self.folder, self.params)
        path = self.folder / "images.csv"
        listed = listed_photos(path)
        self._urls = dict(zip(listed["filename"], listed["url"], strict=True))
        images, left_out = usable_photos(listed, station.timezone, path)
        observations, excluded, notes = self._observations(images, station.timezone)
        annotations, more_notes = self._annotations()
        if "split" in listed.columns:
            counts = [f"{name} {int((listed['split'] == name).sum()):,}" for name in SPLITS]
            more_notes.append(
                f"the seed's splits of photos ({', '.join(counts)}) are not used: fperank splits "
                "anew"
            )
        annotations, unknown = keep_known_photos(
            annotations.reindex(columns=list(ANNOTATIONS.columns)),
            set(images["image_id"]),
            left_out,
        )
        names = dict(zip(listed["image_id"], listed["filename"], strict=True))
        photos = sorted(("photo", tellable(names[i]), reason) for i, reason in left_out.items())
        return StationData(
            station=station,
            images=images.drop(columns="value"),
            observations=observations,
            annotations=annotations,
            excluded=pd.DataFrame(
                [*photos, *excluded, *unknown], columns=list(EXCLUDED.columns), dtype="str"
            ),
            notes=(*notes, *more_notes),
        )

    def fetch(self, filename: str, target: Path) -> None:
        """Copy the photo that lies beside, or fetch it from its address.

        Raises:
            PhotoError: it is in neither place.
            DataError: its server does not answer.
        """
        for root in (self.folder / "images", self.folder):
            path = root / filename
            if not path.is_file():
                continue
            if not path.resolve().is_relative_to(self.folder.resolve()):
                raise PhotoError(f"{filename} is a symbolic link that leads out of the folder")
            try:
                shutil.copyfile(path, target)
            except OSError as error:
                raise PhotoError(f"{filename} cannot be copied: {error.strerror}") from None
            return
        url = self._url(filename)
        if not url.startswith(_FETCHED):
            raise PhotoError(
                f"{filename} does not lie in the folder, and images.csv gives no address of it "
                "that begins with https://, http:// or s3://"
            )
        try:
            self.downloads.put(url, target)
        except (AbsentError, TooLargeError) as error:
            raise PhotoError(f"{filename} does not lie in the folder; {error}") from None

    def _url(self, filename: str) -> str:
        if self._urls is None:
            listed = listed_photos(self.folder / "images.csv")
            self._urls = dict(zip(listed["filename"], listed["url"], strict=True))
        return self._urls.get(filename, "")

    def _observations(
        self, images: pd.DataFrame, timezone: str
    ) -> tuple[pd.DataFrame, Excluded, list[str]]:
        path = self.folder / "values.csv"
        if path.is_file():
            variable = self.params.variable
            values, excluded, others = read_values(path, variable, timezone)
            note = f"values.csv holds no value of {variable}, only of {', '.join(others)}"
            return values, excluded, [note] if others else []
        values = observed(images["timestamp"], images["value"].to_numpy())
        note = (
            "observed values are those of images.csv, which the seed had interpolated to the "
            "photos' times: there is no values.csv"
        )
        return values, [], [note] if len(values) else []

    def _annotations(self) -> tuple[pd.DataFrame, list[str]]:
        pairs, answers = (self.folder / name for name in ("pairs.csv", "annotations.csv"))
        if pairs.is_file():
            table, mirrors = answers_of_pairs(pairs)
            notes = [f"{mirrors:,} mirrored pairs of pairs.csv were dropped"] if mirrors else []
            if answers.is_file():
                notes.append("annotations.csv was not read: pairs.csv beside it counts")
            return table, notes
        if not answers.is_file():
            return annotations_table([]), ["neither pairs.csv nor annotations.csv is there"]
        return read_answers(answers), []
