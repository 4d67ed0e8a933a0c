"""Jumps of a camera's clock: after a change of batteries it may begin again with the year 2000.

A camera numbers its photos, so a clock that was reset shows where numbers follow one another and
times do not. Nothing here changes a time; the correction that can be made is named (clock_shift).
"""

import datetime as dt
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import NamedTuple

_BACK = dt.timedelta(hours=2)
"""A clock that goes back by less may have left summer time."""
_AHEAD = dt.timedelta(days=366)
"""A camera may rest for a winter, but hardly for more than a year."""
_NEAR_NUMBERS = 50
_MOST_JUMPS = 5
_FAR = dt.timedelta(days=2 * 366)


class Shot(NamedTuple):
    """A photo's file name, what its clock showed, and the instant that this means."""

    name: str
    reading: dt.datetime
    instant: dt.datetime


def clock_jumps(photos: Sequence[Shot], *, corrected: bool) -> tuple[str, ...]:
    """Tell where a camera's clock goes back, far ahead, or lies years apart.

    Args:
        photos: in any order.
        corrected: whether `clock_shift` corrects some days already.
    """
    numbered = sorted(
        (key, photo) for photo in photos if (key := _folder_and_number(photo.name)) is not None
    )
    jumps = [
        place
        for place, ((key, photo), (next_key, after)) in enumerate(pairwise(numbered), start=1)
        if key[:2] == next_key[:2]
        and 0 < next_key[2] - key[2] <= _NEAR_NUMBERS
        and not -_BACK <= after.instant - photo.instant <= _AHEAD
    ]
    # Where many go back, the names do not follow the time: they are no numbers of a camera.
    if len(jumps) > _MOST_JUMPS:
        jumps = []
    told = tuple(
        _jump(numbered[place - 1][1], [shot for _, shot in numbered[place:end]], corrected)
        for place, end in pairwise([*jumps, len(numbered)])
    )
    return told or _far_apart(photos)


def in_future(filenames: Sequence[str], times: Sequence[dt.datetime], now: dt.datetime) -> str:
    """The sentence on photos that were taken after now; "" where none was.

    Args:
        filenames: of all photos.
        times: the instants of these, in order.
        now: an instant.
    """
    late = [
        (time, name)
        for name, time in zip(filenames, times, strict=True)
        if time > now + dt.timedelta(days=1)
    ]
    if not late:
        return ""
    time, name = min(late)
    return (
        f"{photos_that(len(late), f'of {len(filenames):,} lie')} in the future, the first {name}, "
        f"{time:%Y-%m-%d %H:%M}: the camera's clock was wrong. Correct it: clock_shift: "
        '["-366d 00:00:00"] takes a year off, for example.'
    )


def _folder_and_number(name: str) -> tuple[str, str, int] | None:
    """The folder, the words and the number of a name such as `DCIM/100/IMG_0012.JPG`."""
    path = PurePosixPath(name)
    match = re.fullmatch(r"(.*?)(\d{1,6})", path.stem)
    return (str(path.parent), match[1], int(match[2])) if match else None


def _jump(before: Shot, after: Sequence[Shot], corrected: bool) -> str:
    first = after[0]
    how = "goes back" if first.reading < before.reading else "jumps ahead"
    told = (
        f"The camera's clock {how} at {first.name}: {before.name} was taken {before.reading}, "
        f"{first.name} {first.reading}"
    )
    if corrected:
        return f"{told}. clock_shift corrects some days already: check whether this one is among."
    days = sorted(shot.reading.date() for shot in after)
    return (
        f"{told}. It may have been reset, as by a change of batteries "
        f"({photos_in_words(len(after))} from there on). If so, correct it: clock_shift: "
        f'["{days[0]}/{days[-1]} {duration(before.reading - first.reading)}"] makes both times '
        "equal; add what passed between them."
    )


def _far_apart(photos: Sequence[Shot]) -> tuple[str, ...]:
    """Where some photos lie years apart from the others."""
    ordered = sorted(photos, key=lambda shot: (shot.instant, shot.name))
    gaps = [
        place
        for place, (one, after) in enumerate(pairwise(ordered), start=1)
        if after.instant - one.instant > _FAR
    ]
    if not gaps:
        return ()
    early = gaps[0] <= len(ordered) - gaps[-1]
    few = ordered[: gaps[0]] if early else ordered[gaps[-1] :]
    there = ordered[gaps[0]] if early else ordered[gaps[-1] - 1]
    years = abs(there.instant - few[0 if not early else -1].instant).days / 365.25
    return (
        f"{photos_that(len(few), f'of {len(ordered):,} lie')} {years:.0f} years "
        f"{'before' if early else 'after'} the others, from {few[0].name}, {few[0].reading}, to "
        f"{few[-1].name}, {few[-1].reading}: was the camera's clock reset? Correct it by "
        "clock_shift, or leave them out by start_date and end_date.",
    )


def duration(apart: dt.timedelta) -> str:
    """A duration as clock_shift writes it: `+8915d 09:15:00`."""
    days, rest = divmod(round(abs(apart.total_seconds())), 86400)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return ("-" if apart < dt.timedelta(0) else "+") + (f"{days}d " if days else "") + clock


def photos_in_words(n: int) -> str:
    """A number of photos."""
    return f"{n:,} photo{'' if n == 1 else 's'}"


def photos_that(n: int, do: str) -> str:
    """A number of photos and what they do: `1 photo lies`, `2 photos lie`."""
    return f"{photos_in_words(n)} {do}{'s' if n == 1 else ''}"
