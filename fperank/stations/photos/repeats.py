"""Photos that are one: files with the same bytes, as when a card was copied twice.

Only files of one size are opened, and only those with one beginning are read to their end.
"""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fperank.ground.files import file_digest
from fperank.stations.photos.listing import ListedPhoto

COPY = "a copy of another photo, byte for byte"
Copies = list[tuple[ListedPhoto, ListedPhoto]]
"""Each copy, and the photo that is kept of both."""

_BEGIN_BYTES = 4096
_READS_AT_ONCE = 4
_NEVER = dt.datetime.max.replace(tzinfo=dt.UTC)


def same_bytes(paths: Sequence[Path]) -> list[list[int]]:
    """Which files hold the same bytes.

    Args:
        paths: the files; an empty one, and one that cannot be read, is like no other.

    Returns:
        Positions of those that are one, two or more a group.
    """
    groups = [list(range(len(paths)))]
    with ThreadPoolExecutor(_READS_AT_ONCE) as pool:
        for key in (_size, _begin, file_digest):
            several = [n for group in groups for n in group if len(group) > 1]
            found = pool.map(lambda n, key=key: _or_none(key, paths[n]), several)
            keys = dict(zip(several, found, strict=True))
            groups = [part for group in groups if len(group) > 1 for part in _parted(group, keys)]
    return [group for group in groups if len(group) > 1]


def find_copies(
    photos: Sequence[ListedPhoto],
    instants: Sequence[dt.datetime | None],
    unlisted: Sequence[ListedPhoto],
    root: Path,
) -> Copies:
    """Find the photos that are copies of another one.

    Kept is the one with the earliest time, and of one time the first by its name.

    Args:
        photos: those that may be used.
        instants: when they were taken, as far as it is known.
        unlisted: others in the folder, which are never the ones to keep.
        root: the folder of all.

    Returns:
        The copies, in the order of their names.
    """
    every = [*photos, *unlisted]
    times = [*instants, *[None] * len(unlisted)]

    def rank(n: int) -> tuple[bool, dt.datetime, str]:
        return n >= len(photos), times[n] or _NEVER, every[n].filename

    copies = []
    for group in same_bytes([root / photo.filename for photo in every]):
        first, *others = sorted(group, key=rank)
        if first < len(photos):
            copies += [(every[n], every[first]) for n in others]
    return sorted(copies, key=lambda one: one[0].filename)


def differently_timed(
    copies: Copies, photos: Sequence[ListedPhoto], instants: Sequence[dt.datetime | None]
) -> tuple[str, ...]:
    """A sentence on the copies whose own time is not that of the photo, if there are any."""
    names = (photo.filename for photo in photos)
    at = {name: time for name, time in zip(names, instants, strict=True) if time}
    other = [
        (copy.filename, kept.filename)
        for copy, kept in copies
        if copy.filename in at and at[copy.filename] != at[kept.filename]
    ]
    if not other:
        return ()
    copy, kept = other[0]
    return (
        f"{len(other):,} cop{'y' if len(other) == 1 else 'ies'} of photos had another time than "
        f"the photo, such as {copy} than {kept}: the earliest time was taken.",
    )


def _size(path: Path) -> int | None:
    return path.stat().st_size or None


def _begin(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.sha256(file.read(_BEGIN_BYTES)).digest()


def _or_none(key: Callable[[Path], Hashable], path: Path) -> Hashable:
    try:
        return key(path)
    except OSError:
        return None


def _parted(group: list[int], keys: dict[int, Hashable]) -> list[list[int]]:
    parts = defaultdict(list)
    for n in group:
        if keys[n] is not None:
            parts[keys[n]].append(n)
    return list(parts.values())
