"""A station from a folder of photos, with what a person has put beside them.

The photos lie in the folder, or in its sub-folder `images`; `images.csv`, `observations.csv`,
`annotations.json` or `.csv` and `station.json` are all optional. Docs: docs/your-own-photos.md.

Refused: ids or file names twice, a folder without a photo whose time can be found, a camera whose
clock was never set. Counted and left out: photos without a time, photos on only one of disk and
`images.csv`, names and symbolic links that lead out of the folder.
"""

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import ValidationError

from fperank.errors import DataError, ParameterError, PhotoError
from fperank.files import read_json
from fperank.params import DatasetParams
from fperank.sources.annotation_files import hashed_user_id, keep_known_photos, read_annotations
from fperank.sources.base import StationData
from fperank.sources.csv_files import read_csv_text
from fperank.sources.observation_file import read_observations
from fperank.sources.photo_files import PHOTO_SUFFIXES, leads_out, plain_name, scan, tellable
from fperank.sources.photo_times import (
    CameraClock,
    FilenamePattern,
    PhotoTime,
    times_from_exif,
    times_from_names,
    times_from_text,
)
from fperank.tables import ANNOTATIONS, EXCLUDED, Station

UNLISTED = "not listed in images.csv"
Way = Literal["csv", "exif", "filename"]


@dataclass(frozen=True)
class _Photo:
    image_id: str
    filename: str
    timestamp: str = ""
    url: str | None = None


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

    @property
    def photo_root(self) -> Path:
        """What file names are relative to: the folder's `images` if there is one."""
        images = self.folder / "images"
        return images if images.is_dir() else self.folder

    def read(self) -> StationData:
        """Read everything but the pixels.

        Raises:
            DataError: a file of the station contradicts itself or another, or no photo has a time.
            ParameterError: the file-name pattern is absent or cannot be understood.
        """
        self._check_folder()
        station = self._station()
        listed, has_times = self._listed()
        photos, left_out = self._match_with_disk(listed)
        if not photos:
            raise DataError(self._no_photos(left_out))
        way = self._way(listed is not None, has_times)
        times = self._times(photos, way, CameraClock(station.timezone, self.params.utc_offset))
        left_out += [
            (photo, time.reason)
            for photo, time in zip(photos, times, strict=True)
            if time.instant is None
        ]
        images = _images_table(photos, times, station.timezone)
        if images.empty:
            raise DataError(self._no_times(left_out))
        if way != "csv":
            self._check_clock(images["timestamp"], way)
        excluded = sorted(("photo", tellable(photo.filename), reason) for photo, reason in left_out)

        observations, excluded_observations = self._observations(station.timezone)
        annotations, unanswered = read_annotations(self.folder)
        annotations, unknown = keep_known_photos(
            annotations.reindex(columns=list(ANNOTATIONS.columns)),
            known=set(images["image_id"]),
            excluded_photos={photo.image_id: reason for photo, reason in left_out},
        )
        return StationData(
            station=station,
            images=images,
            observations=observations,
            annotations=annotations,
            excluded=pd.DataFrame(
                excluded + excluded_observations + unanswered + unknown,
                columns=list(EXCLUDED.columns),
                dtype="str",
            ),
        )

    def fetch(self, filename: str, target: Path) -> None:
        """Copy a photo; the copy is the pipeline's own and never a link to the person's file.

        Raises:
            PhotoError: the file cannot be read.
        """
        try:
            shutil.copyfile(self.photo_root / filename, target)
        except OSError as error:
            raise PhotoError(f"{filename} cannot be copied: {error.strerror}") from None

    def _check_folder(self) -> None:
        if not self.folder.exists():
            raise DataError(
                f"source_path {self.folder} does not exist: give the folder that holds the photos"
            )
        if not self.folder.is_dir():
            raise DataError(
                f"source_path {self.folder} is a file: give the folder that holds the photos"
            )
        if not self.photo_root.resolve().is_relative_to(self.folder.resolve()):
            raise DataError(
                f"{self.photo_root} is a symbolic link that leads out of {self.folder}: put the "
                "photos inside, or give the folder they lie in as source_path"
            )

    def _station(self) -> Station:
        path = self.folder / "station.json"
        values = read_json(path) if path.is_file() else {}
        if not isinstance(values, dict):
            raise DataError(f'{path} must be an object such as {{"name": "West Brook"}}')
        values = dict(values)
        values["name"] = values.get("name") or self.params.station
        values["timezone"] = values.get("timezone") or self.params.timezone
        if not values["timezone"]:
            raise DataError(
                "the station's time zone is not known: give the parameter timezone, or "
                f'"timezone" in {path}, for example America/New_York'
            )
        if values.get("user_id"):
            values["user_id"] = hashed_user_id(str(values["user_id"]))
        try:
            return Station.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise DataError(f"{path}: {key}: {first['msg']}") from None

    def _listed(self) -> tuple[list[_Photo] | None, bool]:
        """The photos of `images.csv`, None without it, and whether it has a column of times."""
        path = self.folder / "images.csv"
        if not path.is_file():
            return None, False
        frame = read_csv_text(path)
        if "filename" not in frame.columns:
            raise DataError(
                f"{path}: the column filename is missing; columns found: {', '.join(frame.columns)}"
            )
        frame["filename"] = [plain_name(name) for name in frame["filename"]]
        id_column = "image_id" if "image_id" in frame.columns else "filename"
        for column in dict.fromkeys((id_column, "filename")):
            empty = frame.index[frame[column] == ""]
            if len(empty):
                raise DataError(f"{path}: line {empty[0]} has no {column}: fill it in")
            repeated = frame[column][frame[column].duplicated(keep=False)]
            if len(repeated):
                lines = repeated.index[repeated == repeated.iloc[0]]
                raise DataError(
                    f"{path}: lines {lines[0]} and {lines[1]} have the same {column}, "
                    f"{repeated.iloc[0]!r}: each photo must stand there once with its own id"
                )
        no_text = pd.Series("", index=frame.index, dtype="str")
        rows = zip(
            frame[id_column],
            frame["filename"],
            frame.get("timestamp", no_text),
            frame.get("url", no_text),
            strict=True,
        )
        photos = [_Photo(one, name, time, url or None) for one, name, time, url in rows]
        return photos, "timestamp" in frame.columns

    def _match_with_disk(
        self, listed: list[_Photo] | None
    ) -> tuple[list[_Photo], list[tuple[_Photo, str]]]:
        """The photos that are there, and those that are not or may not be used, with reasons."""
        on_disk = scan(self.photo_root, home=self.folder)
        if listed is None:
            listed = [_Photo(name, name) for name in on_disk]
        names = {photo.filename for photo in listed}
        unlisted = [_Photo(name, name) for name in on_disk if name not in names]
        left_out = [(photo, on_disk[photo.filename] or UNLISTED) for photo in unlisted]
        photos = []
        for photo in listed:
            if leads_out(photo.filename):
                reason = "its filename in images.csv leads out of the folder"
            elif photo.filename in on_disk:
                reason = on_disk[photo.filename]
            elif (self.photo_root / photo.filename).is_file():
                reason = f"hidden, or not a {', '.join(PHOTO_SUFFIXES)} file"
            else:
                reason = f"listed in images.csv but absent from {self._where()}"
            if reason:
                left_out.append((photo, reason))
            else:
                photos.append(photo)
        return photos, left_out

    def _way(self, has_csv: bool, has_times: bool) -> Way:
        way = self.params.timestamp_source
        if way == "auto":
            return "csv" if has_times else "filename" if self.params.timestamp_pattern else "exif"
        if way == "csv" and not has_times:
            path = self.folder / "images.csv"
            state = "has no column timestamp" if has_csv else "does not exist"
            raise DataError(
                f"timestamp_source is csv but {path} {state}: add it, or set timestamp_source to "
                "exif or filename"
            )
        if way == "filename" and not self.params.timestamp_pattern:
            raise ParameterError(
                "timestamp_pattern is empty but timestamp_source is filename: give the pattern of "
                "the file names, for example %Y-%m-%d or RCNX_%Y%m%d_%H%M%S"
            )
        return way

    def _times(self, photos: list[_Photo], way: Way, clock: CameraClock) -> list[PhotoTime]:
        if way == "csv":
            return times_from_text([photo.timestamp for photo in photos], clock)
        if way == "exif":
            return times_from_exif([self.photo_root / photo.filename for photo in photos], clock)
        pattern = FilenamePattern.parse(self.params.timestamp_pattern)
        return times_from_names([photo.filename for photo in photos], pattern, clock)

    def _check_clock(self, times: pd.Series, way: Way) -> None:
        if len(times) < 2 or times.nunique() > 1:
            return
        same = f"all {len(times)} photos with a time have the same one, {times.iloc[0].isoformat()}"
        if way == "exif":
            raise DataError(
                f"{self.photo_root}: {same}: the camera's clock was never set, so EXIF cannot tell "
                "when they were taken. List the photos' times in images.csv (columns filename, "
                "timestamp), or set timestamp_pattern if the file names hold them"
            )
        raise DataError(
            f"{self.photo_root}: {same}, read from the file names by timestamp_pattern "
            f"{self.params.timestamp_pattern!r}: correct the pattern, or list the photos' times "
            "in images.csv (columns filename, timestamp)"
        )

    def _observations(self, timezone: str) -> tuple[pd.DataFrame, list[tuple[str, str, str]]]:
        path = self.folder / "observations.csv"
        if path.is_file():
            return read_observations(path, self.params.variable, timezone)
        none = pd.DatetimeIndex([], tz=timezone).as_unit("us")
        return pd.DataFrame({"timestamp": none, "value": pd.Series(dtype="float64")}), []

    def _where(self) -> str:
        return "the folder images" if self.photo_root != self.folder else "the folder"

    def _no_photos(self, left_out: Sequence[tuple[_Photo, str]]) -> str:
        suffixes = ", ".join(PHOTO_SUFFIXES)
        looked = f"{self.photo_root} holds no photo that can be used: looked for {suffixes} files"
        return f"{looked} there and in its sub-folders{_reasons(left_out)}"

    def _no_times(self, left_out: Sequence[tuple[_Photo, str]]) -> str:
        return (
            f"no photo in {self.photo_root} has a time{_reasons(left_out)}. Give the times in "
            "one of three ways: a column timestamp in images.csv (timestamp_source csv), the "
            "EXIF time that the camera wrote (timestamp_source exif), or the file names "
            "(timestamp_source filename with timestamp_pattern, for example %Y-%m-%d)"
        )


def _images_table(photos: list[_Photo], times: list[PhotoTime], timezone: str) -> pd.DataFrame:
    rows = [
        (photo.image_id, time.instant, photo.filename, photo.url)
        for photo, time in zip(photos, times, strict=True)
        if time.instant is not None
    ]
    frame = pd.DataFrame(rows, columns=["image_id", "timestamp", "filename", "url"])
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], utc=True).dt.tz_convert(timezone)
    frame["timestamp"] = frame["timestamp"].dt.as_unit("us")
    text = {"image_id": "str", "filename": "str", "url": "str"}
    return frame.astype(text).sort_values(["timestamp", "filename"], ignore_index=True)


def _reasons(left_out: Sequence[tuple[_Photo, str]]) -> str:
    counts = Counter(reason for _, reason in left_out).most_common(5)
    told = "; ".join(f"{n} photo{'' if n == 1 else 's'}: {reason}" for reason, n in counts)
    return f" ({told})" if told else ""
