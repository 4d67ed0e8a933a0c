"""A station's photos, copied into the dataset's folder.

Refused: file names that lead out of the dataset, a station none of whose photos can be had. What
can be had of the others is the dataset's; the rest is reported.
"""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from fperank.ground.errors import DataError, PhotoError
from fperank.stations.base import PhotoFetcher
from fperank.stations.photos.files import leads_out

_FETCHES_AT_ONCE = 8
"""Most of the time of a download is waiting; more at once would only press the server."""


def copy_photos(stored: Mapping[str, str], source: PhotoFetcher, folder: Path) -> list[str]:
    """Fetch photos, several at once.

    Args:
        stored: where each comes to lie, relative to the folder, by its own name.
        source: fetches them.
        folder: receives them; made if it is absent.

    Returns:
        Why some cannot be had, one sentence a photo.

    Raises:
        DataError: a name leads out of the folder, no photo can be had, or a server is gone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    gave_up = threading.Event()

    def fetch(filename: str) -> str | None:
        if gave_up.is_set():
            return None
        if leads_out(filename) or leads_out(stored[filename]):
            raise DataError(f"the photo {filename!r} would be written outside of the dataset")
        target = folder / stored[filename]
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            source.fetch(filename, target)
        except PhotoError as error:
            target.unlink(missing_ok=True)
            return str(error)
        except BaseException:
            gave_up.set()
            raise
        return None

    names = list(stored)
    with ThreadPoolExecutor(_FETCHES_AT_ONCE) as pool:
        try:
            outcomes = pool.map(fetch, names)
            bar = tqdm(outcomes, "copying photos", len(names), leave=False, disable=None)
            failed = [reason for reason in bar if reason]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if failed and len(failed) == len(names):
        raise DataError(f"none of the {len(names):,} photos could be had; {failed[0]}")
    return failed
