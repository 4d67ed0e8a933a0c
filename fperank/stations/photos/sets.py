"""Photos to score that no dataset knows: a folder, a prefix of an S3 bucket, or an image set.

A photo's `image_id` is its file name below the folder or prefix, or its number in the Flow Photo
Explorer, so that the same photo has the same one whenever it is asked for.

Refused: what is none of the three, folders without photos.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from fperank.ground.errors import DataError, PhotoError
from fperank.params.parameters import FpeParams, PhotoTimeParams
from fperank.photos.photo_set import Bring, PhotoSet
from fperank.stations.base import PhotoReader
from fperank.stations.photos.folder import PhotoFolder

if TYPE_CHECKING:
    from fperank.remote.fetching import Fetcher

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_FETCHES_AT_ONCE = 8


def open_photo_set(
    where: str,
    times: PhotoTimeParams,
    fpe: FpeParams,
    scratch: Path,
    *,
    timed: bool,
    fetcher: "Fetcher | None" = None,
) -> PhotoSet:
    """Find the photos.

    Args:
        where: a folder, `s3://bucket/prefix`, or the uuid of an image set of the Flow Photo
            Explorer.
        times: how the times of a folder's or a prefix's photos are found.
        fpe: an image set is asked for at `api_url` (as one of `fpe_station`), or else in the Flow
            Photo Explorer's database.
        scratch: a folder for what is fetched.
        timed: whether times are needed; otherwise those of a folder or prefix are not looked for.
        fetcher: fetches from addresses.

    Raises:
        DataError: there are no such photos, none of them has a time, or they cannot be read now.
    """
    if _UUID.fullmatch(where):
        photos = _imageset(where, times.timezone, fpe, scratch, fetcher)
        found = photos.read()
        left_out = Counter(reason for _, _, reason in found.excluded)
        return PhotoSet(found.images, dict(left_out), fetching(photos.fetch))
    if where.startswith("s3://"):
        from fperank.stations.photos.s3_folder import mirror_prefix

        mirror = mirror_prefix(where, scratch / "s3", station_files=False, fetcher=fetcher)
        lying = _folder(mirror.folder, times, timed=timed)
        skipped = Counter(reason for _, reason in mirror.skipped)
        return PhotoSet(lying.images, {**lying.left_out, **skipped}, lying.bring)
    folder = Path(where).expanduser()
    if not folder.is_dir():
        raise DataError(
            f"{where} is no folder: give a folder of photos, s3://bucket/prefix, or the uuid of an "
            "image set of the Flow Photo Explorer"
        )
    return _folder(folder, times, timed=timed)


def _imageset(
    uuid: str, timezone: str, fpe: FpeParams, scratch: Path, fetcher: "Fetcher | None"
) -> PhotoReader:
    from fperank.remote.downloads import Downloads
    from fperank.remote.fetching import Fetcher
    from fperank.stations.fpe.records import FpePhotos

    fetcher = fetcher or Fetcher()
    downloads = Downloads(scratch / "downloads", fetcher)
    if fpe.api_url:
        from fperank.stations.fpe.api import ApiStation

        station = ApiStation(fpe.api_url, fpe.fpe_station, fetcher)
        return FpePhotos(lambda: station.photos_of(uuid), timezone, downloads)
    from fperank.stations.fpe.database import photos_of

    return FpePhotos(lambda: photos_of(uuid), timezone, downloads)


def _folder(folder: Path, times: PhotoTimeParams, *, timed: bool) -> PhotoSet:
    photos = PhotoFolder(folder, times)
    root = photos.photo_root

    def bring(filenames: Sequence[str], _: Path) -> list[Path | PhotoError]:
        return [root / name for name in filenames]

    found = photos.read(times.timezone) if timed else photos.read_untimed()
    left_out = Counter(reason for _, reason in found.left_out)
    others = {f"no photo: {one}": n for one, n in found.others.items()}
    return PhotoSet(found.images, {**left_out, **others}, bring)


def fetching(fetch: Callable[[str, Path], object]) -> Bring:
    """What brings photos of a photo set that lie elsewhere, several at once.

    Args:
        fetch: puts the photo of a file name at a path; `PhotoError` where it cannot be had.
    """

    def bring(filenames: Sequence[str], folder: Path) -> list[Path | PhotoError]:
        def one(filename: str, target: Path) -> Path | PhotoError:
            try:
                fetch(filename, target)
            except PhotoError as error:
                return error
            return target

        # Under numbers: two names may be one file here, or too long for this disk.
        targets = [folder / str(number) for number in range(len(filenames))]
        with ThreadPoolExecutor(_FETCHES_AT_ONCE) as pool:
            try:
                return list(pool.map(one, filenames, targets))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    return bring
