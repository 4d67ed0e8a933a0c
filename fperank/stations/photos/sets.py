"""Photos to score that no dataset knows: a folder, a prefix of an S3 bucket, or an image set.

A photo's `image_id` is its file name below the folder or prefix, or its number in the Flow Photo
Explorer, so that the same photo has the same one whenever it is asked for.

Refused: what is none of the three, folders without photos.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from fperank.params.parameters import PhotoSourceParams
from fperank.remote.downloads import Downloads
from fperank.remote.fetching import Fetcher
from fperank.running.errors import DataError, PhotoError
from fperank.stations.fpe.api import FpeApiSource
from fperank.stations.fpe.database import FpeDatabaseSource
from fperank.stations.fpe.records import ImageSet
from fperank.stations.photos.files import PHOTO_SUFFIXES, find_photos
from fperank.stations.photos.folder import PhotoFolder
from fperank.stations.photos.s3_folder import mirror_prefix

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_FETCHES_AT_ONCE = 8

Bring = Callable[[Sequence[str], Path], list[Path | PhotoError]]


@dataclass(frozen=True)
class PhotoSet:
    """Photos to score.

    Attributes:
        images: image_id, timestamp (absent where nobody asked for it), filename, url; in order of
            time.
        left_out: how many photos may not be scored, by reason.
        bring: brings the photos of some file names to this machine, into an empty folder or where
            they are already, and tells where each lies or why it cannot be had.
    """

    images: pd.DataFrame
    left_out: dict[str, int]
    bring: Bring


class _ImageSets(Protocol):
    def read_imageset(self, imageset_uuid: str) -> ImageSet: ...

    def fetch(self, filename: str, target: Path) -> None: ...


def open_photo_set(
    where: str,
    params: PhotoSourceParams,
    scratch: Path,
    *,
    timed: bool,
    fetcher: Fetcher | None = None,
) -> PhotoSet:
    """Find the photos.

    Args:
        where: a folder, `s3://bucket/prefix`, or the uuid of an image set of the Flow Photo
            Explorer, which `api_url` (with `fpe_station`) or else its database tells of.
        params: how the photos' times are found.
        scratch: a folder for what is fetched.
        timed: whether times are needed; otherwise those of a folder or prefix are not looked for.
        fetcher: fetches from addresses.

    Raises:
        DataError: there are no such photos, none of them has a time, or they cannot be read now.
    """
    fetcher = fetcher or Fetcher()
    if _UUID.fullmatch(where):
        downloads = Downloads(scratch / "downloads", fetcher)
        source: _ImageSets = (
            FpeApiSource(params, downloads, fetcher)
            if params.api_url
            else FpeDatabaseSource(params, downloads, fetcher)
        )
        found = source.read_imageset(where)
        left_out = Counter(found.excluded["reason"])
        return PhotoSet(found.images, dict(left_out), _fetching(source))
    if where.startswith("s3://"):
        mirror = mirror_prefix(where, scratch / "s3", station_files=False, fetcher=fetcher)
        photos = _folder(mirror.folder, params, timed=timed)
        skipped = Counter(reason for _, reason in mirror.skipped)
        return PhotoSet(photos.images, {**photos.left_out, **skipped}, photos.bring)
    folder = Path(where).expanduser()
    if not folder.is_dir():
        raise DataError(
            f"{where} is no folder: give a folder of photos, s3://bucket/prefix, or the uuid of an "
            "image set of the Flow Photo Explorer"
        )
    return _folder(folder, params, timed=timed)


def _folder(folder: Path, params: PhotoSourceParams, *, timed: bool) -> PhotoSet:
    photos = PhotoFolder(folder, params)
    root = photos.photo_root

    def bring(filenames: Sequence[str], _: Path) -> list[Path | PhotoError]:
        return [root / name for name in filenames]

    if timed:
        found = photos.read(params.timezone)
        return PhotoSet(found.images, Counter(reason for _, reason in found.left_out), bring)
    names = find_photos(root)
    if not names:
        raise DataError(
            f"{root} holds no photo: fperank reads {', '.join(PHOTO_SUFFIXES)} files there and in "
            "its sub-folders"
        )
    never = pd.DatetimeIndex([pd.NaT] * len(names), tz="UTC").as_unit("us")
    images = pd.DataFrame({"image_id": names, "timestamp": never, "filename": names, "url": None})
    return PhotoSet(images, {}, bring)


def _fetching(source: _ImageSets) -> Bring:
    def bring(filenames: Sequence[str], folder: Path) -> list[Path | PhotoError]:
        def fetch(filename: str) -> Path | PhotoError:
            target = folder / filename
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                source.fetch(filename, target)
            except PhotoError as error:
                return error
            return target

        with ThreadPoolExecutor(_FETCHES_AT_ONCE) as pool:
            try:
                return list(pool.map(fetch, filenames))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    return bring
