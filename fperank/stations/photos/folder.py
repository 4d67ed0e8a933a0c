"""The photos of a folder and their times, by whichever of the four ways gives them.

The photos lie in the folder, or in its sub-folder `images`; `images.csv` may list them.

Refused: a folder without a photo whose time can be found, a camera whose clock was never set. Left
out with reasons: photos without a time, copies of others, and what `listing` leaves out.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from fperank.ground.clocks import parse_clock_shifts
from fperank.ground.errors import DataError, ParameterError
from fperank.params.parameters import PhotoTimeParams
from fperank.stations.own_folder import IMAGES, PHOTOS, own_file
from fperank.stations.photos.clock import FOUR_WAYS, CameraClock, PhotoTime, times_from_text
from fperank.stations.photos.clock_doubts import clock_doubts, refuse_contradictions
from fperank.stations.photos.exif import times_from_exif
from fperank.stations.photos.kinds import PHOTO_SUFFIXES
from fperank.stations.photos.listing import ListedPhoto, Listing, list_photos
from fperank.stations.photos.name_times import FilenamePattern, times_from_names
from fperank.stations.photos.repeats import COPY, Copies, differently_timed, find_copies

_UNCORRECTED = ("clock_shift was not used: the photos' times come from images.csv.",)
Way = Literal["csv", "exif", "filename"]


@dataclass(frozen=True)
class FoundPhotos:
    """The photos of a folder.

    Attributes:
        images: image_id, timestamp, filename, url, clock, of the photos with a time.
        left_out: the other ones, with reasons.
        copies: those of them that are copies, each with the photo that it copies.
        others: how many files that are no photos there are of each kind.
        notes: what the user should know of the times.
    """

    images: pd.DataFrame
    left_out: list[tuple[ListedPhoto, str]]
    copies: Copies
    others: Mapping[str, int]
    notes: tuple[str, ...]


class PhotoFolder:
    """A folder of photos.

    Args:
        folder: where they lie.
        params: how to find their times.
    """

    def __init__(self, folder: Path, params: PhotoTimeParams) -> None:
        self.folder = folder
        self.params = params

    @property
    def photo_root(self) -> Path:
        """What file names are relative to: the folder's `images` if there is one."""
        images = self.folder / PHOTOS
        return images if images.is_dir() else self.folder

    def read(self, timezone: str) -> FoundPhotos:
        """Find the photos and their times.

        Args:
            timezone: IANA name of the station's zone.

        Raises:
            DataError: `images.csv` contradicts itself or the folder, or no photo has a time.
            ParameterError: the file-name pattern is absent or cannot be understood.
        """
        listing = self._listing()
        way = self._way(listing.has_csv, listing.has_times)
        shifts = parse_clock_shifts(self.params.clock_shift)
        clock = CameraClock(timezone, self.params.utc_offset, shifts)
        every = self._times(listing.photos, way, clock)
        instants = [time.instant for time in every]
        copies = find_copies(listing.photos, instants, listing.unlisted, self.photo_root)
        photos, left_out = _without(copies, listing, every)
        left_out += [(photo, time.reason) for photo, time in photos if time.instant is None]
        timed = [one for one in photos if one[1].instant is not None]
        images = _images_table(timed, timezone)
        if images.empty:
            raise DataError(self._no_times(left_out))
        notes = listing.notes
        if way == "csv":
            notes += _UNCORRECTED if shifts else ()
        else:
            self._check_clock(images["timestamp"], way)
            named = [(photo.filename, time) for photo, time in timed]
            if not shifts:
                refuse_contradictions(named, self.photo_root)
            notes += clock_doubts(named, clock)
        notes += differently_timed(copies, listing.photos, instants)
        return FoundPhotos(images, left_out, copies, listing.others, notes)

    def read_untimed(self) -> FoundPhotos:
        """Likewise, where nobody asks when they were taken.

        Raises:
            DataError: `images.csv` contradicts itself or the folder, or there is no photo.
        """
        listing = self._listing()
        nobody_asks = [PhotoTime(None)] * len(listing.photos)
        instants = [time.instant for time in nobody_asks]
        copies = find_copies(listing.photos, instants, listing.unlisted, self.photo_root)
        photos, left_out = _without(copies, listing, nobody_asks)
        images = _images_table(photos, "UTC")
        return FoundPhotos(images, left_out, copies, listing.others, listing.notes)

    def check(self) -> None:
        """Refuse what is no folder.

        Raises:
            DataError: it is absent, a file, or its `images` lies elsewhere.
        """
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

    def _listing(self) -> Listing:
        listing = list_photos(self.folder, self.photo_root)
        if not listing.photos:
            raise DataError(self._no_photos(listing.left_out))
        return listing

    def _way(self, has_csv: bool, has_times: bool) -> Way:
        way = self.params.timestamp_source
        if way == "auto":
            return "csv" if has_times else "filename" if self.params.timestamp_pattern else "exif"
        if way == "csv" and not has_times:
            path = own_file(self.folder, IMAGES)
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

    def _times(self, photos: list[ListedPhoto], way: Way, clock: CameraClock) -> list[PhotoTime]:
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
                f"{self.photo_root}: {same}: the camera's clock was never set, and no correction "
                "can tell them apart. List the photos' times in images.csv (columns filename, "
                "timestamp), or set timestamp_pattern if the file names hold them"
            )
        raise DataError(
            f"{self.photo_root}: {same}, read from the file names by timestamp_pattern "
            f"{self.params.timestamp_pattern!r}: correct the pattern, or list the photos' times "
            "in images.csv (columns filename, timestamp)"
        )

    def _no_photos(self, left_out: Sequence[tuple[ListedPhoto, str]]) -> str:
        suffixes = ", ".join(PHOTO_SUFFIXES)
        looked = f"{self.photo_root} holds no photo that can be used: looked for {suffixes} files"
        return f"{looked} there and in its sub-folders{_reasons(left_out)}"

    def _no_times(self, left_out: Sequence[tuple[ListedPhoto, str]]) -> str:
        return f"no photo in {self.photo_root} has a time{_reasons(left_out)}.\n{FOUR_WAYS}"


def _without(
    copies: Copies, listing: Listing, times: Sequence[PhotoTime]
) -> tuple[list[tuple[ListedPhoto, PhotoTime]], list[tuple[ListedPhoto, str]]]:
    """The photos that are no copies, with their times; and all that was left out so far."""
    names = {copy.filename for copy, _ in copies}
    kept = [
        (photo, time)
        for photo, time in zip(listing.photos, times, strict=True)
        if photo.filename not in names
    ]
    others = [one for one in listing.left_out if one[0].filename not in names]
    return kept, others + [(copy, COPY) for copy, _ in copies]


def _images_table(photos: Sequence[tuple[ListedPhoto, PhotoTime]], timezone: str) -> pd.DataFrame:
    rows = [
        (photo.image_id, time.instant, photo.filename, photo.url, time.clock)
        for photo, time in photos
    ]
    frame = pd.DataFrame(rows, columns=["image_id", "timestamp", "filename", "url", "clock"])
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], utc=True).dt.tz_convert(timezone)
    frame["timestamp"] = frame["timestamp"].dt.as_unit("us")
    text = {name: "str" for name in ("image_id", "filename", "url", "clock")}
    return frame.astype(text).sort_values(["timestamp", "filename"], ignore_index=True)


def _reasons(left_out: Sequence[tuple[ListedPhoto, str]]) -> str:
    counts = Counter(reason for _, reason in left_out).most_common(5)
    listed = "; ".join(f"{n} photo{'' if n == 1 else 's'}: {reason}" for reason, n in counts)
    return f" ({listed})" if listed else ""
