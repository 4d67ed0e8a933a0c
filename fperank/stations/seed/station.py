"""A station from a folder of EcoSHEDS' Flow Photo RankNet Model (the seed).

Two kinds of folder are read: a dataset (`images.csv`, `annotations.csv`, maybe `values.csv`) and a
model's input (`images.csv` with splits, `pairs.csv`), each with `station.json` if there is one.
Columns are found by name. Photos lie beside, in `images/` or in the folder itself, or are fetched.

Refused: ids or file names twice, labels that do not exist, photos without a time or a name at all.
Counted and left out: names that lead out of the folder, photos without a time, flagged values.
"""

import os
import shutil
from pathlib import Path

from fperank.ground.errors import AbsentError, DataError, PhotoError, TooLargeError
from fperank.handover.tables import SPLITS
from fperank.remote.downloads import Downloads
from fperank.stations.answers.files import annotations_table, read_annotation_file
from fperank.stations.base import Answers, Observed, Photos
from fperank.stations.fpe.addresses import place_of
from fperank.stations.own_folder import (
    ANSWERS_CSV,
    IMAGES,
    PHOTOS,
    SEED_PAIRS,
    SEED_VALUES,
    STATION,
    read_file,
    read_files,
    require_own,
)
from fperank.stations.photos.files import tellable
from fperank.stations.seed.tables import (
    answers_of_pairs,
    listed_photos,
    observed,
    read_values,
    usable_photos,
)
from fperank.stations.station_file import station_of_folder

_FETCHED = ("https://", "http://", "s3://")


class SeedPhotos:
    """The photos of a folder of the seed, and the station.

    Args:
        folder: the folder.
        station: its name, where `station.json` holds none.
        timezone: IANA name of its zone, likewise.
        downloads: fetches photos that do not lie beside.
    """

    def __init__(self, folder: Path, station: str, timezone: str, downloads: Downloads) -> None:
        self.folder = folder
        self._name = station
        self._timezone = timezone
        self._downloads = downloads
        self._urls: dict[str, str] | None = None

    def read(self) -> Photos:
        """Read everything but the pixels.

        Raises:
            DataError: the folder is not one of the seed, or a file of it contradicts itself.
        """
        if not self.folder.is_dir():
            raise DataError(
                f"source_path {self.folder} is no folder: give the seed's folder that holds "
                "images.csv"
            )
        station = station_of_folder(self.folder, self._name, self._timezone)
        path = _table(self.folder, IMAGES)
        listed = listed_photos(path)
        self._urls = dict(zip(listed["filename"], listed["url"], strict=True))
        images, left_out = usable_photos(listed, station.timezone, path)
        notes: tuple[str, ...] = ()
        if "split" in listed.columns:
            counts = [f"{name} {int((listed['split'] == name).sum()):,}" for name in SPLITS]
            notes = (
                f"the seed's splits of photos ({', '.join(counts)}) are not used: fperank splits "
                "anew",
            )
        names = dict(zip(listed["image_id"], listed["filename"], strict=True))
        return Photos(
            station=station,
            images=images.drop(columns="value"),
            excluded=sorted(("photo", tellable(names[i]), why) for i, why in left_out.items()),
            reasons=left_out,
            notes=notes,
            read_files=(
                *read_files("station", self.folder / STATION),
                read_file("images", path),
            ),
        )

    def fetch(self, filename: str, target: Path) -> None:
        """Copy the photo that lies beside, or fetch it from its address.

        Raises:
            PhotoError: it is neither there nor there.
            DataError: its server does not answer.
        """
        for root in (self.folder / PHOTOS, self.folder):
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
        # The seed writes the explorer's addresses, in which nothing is encoded; others may be.
        fault = ""
        for address in dict.fromkeys([*place_of(url).addresses, url]):
            try:
                self._downloads.put(address, target)
            except (AbsentError, TooLargeError) as error:
                fault = fault or str(error)
            else:
                return
        raise PhotoError(f"{filename} does not lie in the folder; {fault}")

    def _url(self, filename: str) -> str:
        if self._urls is None:
            listed = listed_photos(self.folder / IMAGES)
            self._urls = dict(zip(listed["filename"], listed["url"], strict=True))
        return self._urls.get(filename, "")


def _table(folder: Path, name: str) -> Path:
    """Where a table of the folder lies, there or not, unless `require_own` refuses it."""
    if os.path.lexists(folder / name):
        require_own(folder / name, folder)
    return folder / name


class SeedObservations:
    """The observed values of a folder of the seed: of `values.csv`, else of `images.csv`."""

    def __init__(self, folder: Path, variable: str) -> None:
        self._folder = folder
        self._variable = variable

    def read(self, photos: Photos) -> Observed:
        """Read them; `DataError` where a file is not what it should be."""
        timezone = photos.station.timezone
        path = _table(self._folder, SEED_VALUES)
        if path.is_file():
            values, excluded, others = read_values(path, self._variable, timezone)
            note = f"values.csv holds no value of {self._variable}, only of {', '.join(others)}"
            files = (read_file("observations", path),)
            return Observed(values, excluded, (note,) if others else (), files)
        path = self._folder / IMAGES
        images, _ = usable_photos(listed_photos(path), timezone, path)
        values = observed(images["timestamp"], images["value"].to_numpy())
        note = (
            "observed values are those of images.csv, which the seed had interpolated to the "
            "photos' times: there is no values.csv"
        )
        return Observed(values, [], (note,) if len(values) else ())


class SeedAnswers:
    """The comparisons of a folder of the seed: of `pairs.csv`, else of `annotations.csv`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self) -> Answers:
        """Read them, if there are some; `DataError` where a file is not what it should be."""
        pairs, answers = (_table(self._folder, name) for name in (SEED_PAIRS, ANSWERS_CSV))
        if pairs.is_file():
            table, mirrors = answers_of_pairs(pairs)
            notes = [f"{mirrors:,} mirrored pairs of pairs.csv were dropped"] if mirrors else []
            if answers.is_file():
                notes.append("annotations.csv was not read: pairs.csv beside it counts")
            return Answers(table, [], tuple(notes), (read_file("annotations", pairs),))
        if not answers.is_file():
            note = "neither pairs.csv nor annotations.csv is there"
            return Answers(annotations_table([]), [], (note,))
        table, excluded = read_annotation_file(answers)
        return Answers(table, excluded, read_files=(read_file("annotations", answers),))
