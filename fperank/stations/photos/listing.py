"""Which photos a person means: those that `images.csv` lists, or all, held against the disk.

A name that differs from the disk's in its way of writing (see `ground.names`) means the file there.

Refused: ids or file names twice in `images.csv`. Left out with reasons: photos on only one of disk
and `images.csv`, names that lead out of the folder, names that may mean several files.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from fperank.ground.errors import DataError
from fperank.ground.names import Names, matched
from fperank.stations.csv_files import read_csv_text, whole_id, without_na
from fperank.stations.own_folder import IMAGES, own_file
from fperank.stations.photos.files import beside, leads_out, plain_name, scan
from fperank.stations.photos.kinds import PHOTO_SUFFIXES

UNLISTED = "not listed in images.csv"


@dataclass(frozen=True)
class ListedPhoto:
    """A photo as the folder or its `images.csv` names it."""

    image_id: str
    filename: str
    timestamp: str = ""
    url: str | None = None


@dataclass(frozen=True)
class Listing:
    """What a folder holds.

    Attributes:
        photos: the photos that are there and may be used.
        left_out: the other ones, with reasons.
        others: how many files that are no photos, and hidden folders, there are of each kind.
        has_csv: whether there is an `images.csv`.
        has_times: whether it has a column of times.
        notes: sentences for the user.
    """

    photos: list[ListedPhoto]
    left_out: list[tuple[ListedPhoto, str]]
    others: Mapping[str, int]
    has_csv: bool
    has_times: bool
    notes: tuple[str, ...] = ()

    @property
    def unlisted(self) -> list[ListedPhoto]:
        """The photos on the disk that `images.csv` does not name."""
        return [photo for photo, reason in self.left_out if reason == UNLISTED]


def list_photos(folder: Path, root: Path) -> Listing:
    """Find a folder's photos.

    Args:
        folder: the station's folder, which may hold `images.csv`.
        root: what file names are relative to: the folder, or its `images`.

    Raises:
        DataError: `images.csv` is not what it should be.
    """
    found = scan(root, home=folder)
    others = found.others + (beside(folder, root.name) if root != folder else Counter())
    listed, has_times = _of_table(folder)
    if listed is None:
        every = [ListedPhoto(name, name) for name in found.photos]
        photos = [photo for photo in every if not found.photos[photo.filename]]
        left_out = [(one, why) for one in every if (why := found.photos[one.filename])]
        return Listing(photos, left_out, others, has_csv=False, has_times=False)
    notes: tuple[str, ...] = ()
    meant = matched([photo.filename for photo in listed], found.photos)
    if renamed := [(name, there) for name, there in meant.items() if name != there]:
        notes = (
            f"{len(renamed):,} name{'' if len(renamed) == 1 else 's'} in images.csv "
            f"{'is' if len(renamed) == 1 else 'are'} written in another way than on the disk and "
            f"read as the file there; the first: {renamed[0][0]!r} as {renamed[0][1]!r}.",
        )
    names = set(meant.values())
    left_out = [
        (ListedPhoto(name, name), reason or UNLISTED)
        for name, reason in found.photos.items()
        if name not in names
    ]
    photos = []
    free = Names(name for name in found.photos if name not in names)
    for photo in listed:
        if leads_out(photo.filename):
            reason = "its filename in images.csv leads out of the folder"
        elif photo.filename in meant:
            there = meant[photo.filename]
            own_id = photo.image_id != photo.filename
            photo = replace(photo, filename=there, image_id=photo.image_id if own_id else there)
            reason = found.photos[there]
        else:
            where = "the folder images" if root != folder else "the folder"
            reason = _absent_reason(photo.filename, root, where, free)
        if reason:
            left_out.append((photo, reason))
        else:
            photos.append(photo)
    return Listing(photos, left_out, others, has_csv=True, has_times=has_times, notes=notes)


def _absent_reason(filename: str, root: Path, where: str, free: Names) -> str:
    several = free.find(filename)
    if len(several) > 1:
        return (
            f"images.csv does not tell which of {several[0]!r} and {several[1]!r} it is: write "
            "the name as the disk does"
        )
    if several:
        return f"images.csv names {several[0]!r} several times, in other letters: keep one"
    try:
        there = (root / filename).is_file()
    except (OSError, ValueError):
        there = False
    if there:
        return f"hidden, or not a {', '.join(PHOTO_SUFFIXES)} file"
    return f"listed in images.csv but absent from {where}"


def _of_table(folder: Path) -> tuple[list[ListedPhoto] | None, bool]:
    """The photos of `images.csv`, None without it, and whether it has a column of times."""
    path = own_file(folder, IMAGES)
    if not path.is_file():
        return None, False
    frame = without_na(read_csv_text(path))
    if "filename" not in frame.columns:
        raise DataError(
            f"{path}: the column filename is missing; columns found: {', '.join(frame.columns)}"
        )
    frame["filename"] = [plain_name(name) for name in frame["filename"]]
    id_column = "image_id" if "image_id" in frame.columns else "filename"
    frame[id_column] = frame[id_column].map(whole_id)
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
    photos = [ListedPhoto(one, name, time, url or None) for one, name, time, url in rows]
    return photos, "timestamp" in frame.columns


def others_in_words(others: Mapping[str, int]) -> tuple[str, ...]:
    """A sentence on the files that are no photos, by kind, if there are any."""
    counted = ", ".join(f"{one} ({n:,})" for one, n in sorted(others.items()))
    return (f"Passed over among the photos and beside them: {counted}.",) if counted else ()
