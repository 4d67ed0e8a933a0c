"""Doubts about a camera's clock: what its photos' times show of it, in words for the user.

Nothing here changes a time. Told are offsets that contradict each other and times that stand in a
file twice and differ; `clock_jumps` tells clocks that jump.

Refused: a camera whose own two times exclude each other in most photos.
"""

import datetime as dt
import zoneinfo
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fperank.ground.errors import DataError
from fperank.stations.photos.clock import FOUR_WAYS, CameraClock, PhotoTime, parse_offset
from fperank.stations.photos.clock_jumps import (
    Shot,
    clock_jumps,
    duration,
    photos_in_words,
    photos_that,
)
from fperank.stations.photos.name_times import likely_reading

_IMPOSSIBLE = dt.timedelta(days=1)
"""A photo is not written so long before it is taken, whatever the offsets of the two times."""
_NAME_APART = dt.timedelta(minutes=2)
"""A name and EXIF may be written some seconds apart."""
_SATELLITE_APART = dt.timedelta(minutes=20)


class _Timed(NamedTuple):
    name: str
    time: PhotoTime
    reading: dt.datetime
    instant: dt.datetime


def refuse_contradictions(photos: Sequence[tuple[str, PhotoTime]], where: Path) -> None:
    """Refuse a camera whose own two times exclude each other in most of its photos.

    Raises:
        DataError: they do; the message shows a photo's two times and what can be done.
    """
    wrong = [
        one
        for one in _timed(photos)
        if one.time.written and one.reading - one.time.written > _IMPOSSIBLE
    ]
    if 2 * len(wrong) <= len(photos):
        return
    first = wrong[0]
    raise DataError(
        f"{where}: one of the camera's clocks was never set: {first.name} was taken "
        f"{first.reading} (EXIF DateTimeOriginal) but last written {first.time.written} "
        f"(DateTime), before it was taken, and so on in {len(wrong)} of {len(photos)} photos. If "
        'DateTimeOriginal is right (see the printed strip), state it with clock_shift: ["+00:00:00"'
        f"]; if not, correct it.\n{FOUR_WAYS}"
    )


def clock_doubts(photos: Sequence[tuple[str, PhotoTime]], clock: CameraClock) -> tuple[str, ...]:
    """What should be told of a camera's clock.

    Args:
        photos: file names with their times, from EXIF or from these names.
        clock: as the parameters say it.
    """
    timed = _timed(photos)
    shots = [Shot(one.name, one.reading, one.instant) for one in timed]
    return (
        *_foreign_offset(timed, clock),
        *_own_offsets(timed, clock),
        *_last_written_only(timed),
        *_names_differ(timed),
        *_satellites_differ(timed),
        *clock_jumps(shots, corrected=bool(clock.shifts)),
    )


def _timed(photos: Sequence[tuple[str, PhotoTime]]) -> list[_Timed]:
    return [
        _Timed(name, time, time.reading, time.instant)
        for name, time in photos
        if time.reading and time.instant
    ]


def _foreign_offset(photos: list[_Timed], clock: CameraClock) -> tuple[str, ...]:
    """Where times were read at an offset that the zone did not have in the photos' years."""
    given = parse_offset(clock.utc_offset)
    read_so = [one for one in photos if not one.time.own_offset]
    if given is None or not read_so:
        return ()
    zone = zoneinfo.ZoneInfo(clock.timezone)
    years = {one.instant.year for one in read_so}
    days = [dt.datetime(year, month, 1, tzinfo=zone) for year in years for month in (1, 7)]
    if any(day.utcoffset() == given.utcoffset(None) for day in days):
        return ()
    had = " and ".join(sorted({day.isoformat()[-6:] for day in days}))
    return (
        "Camera times without an offset of their own were read at utc_offset "
        f'"{clock.utc_offset}", which {clock.timezone} did not have in the photos\' years (it had '
        f"{had}): unless the camera was set so, write utc_offset: standard, or one of these.",
    )


def _own_offsets(photos: list[_Timed], clock: CameraClock) -> tuple[str, ...]:
    """Where a file tells its own offset, and another than the parameter; or none that is one."""
    told = []
    other = [
        one
        for one in photos
        if one.time.own_offset and clock.camera_instant(one.reading) != one.instant
    ]
    if other:
        meant = clock.in_words(other[0].reading).partition(" (utc_offset)")[0]
        told.append(
            f"{photos_that(len(other), 'tell')} a UTC offset, such as "
            f"{other[0].time.own_offset} of {other[0].name}, and utc_offset means another one "
            f"({meant}): what the file tells counts."
        )
    bad = [one for one in photos if one.time.bad_offset]
    if bad:
        told.append(
            f"{photos_that(len(bad), 'hold')} a UTC offset that is none, such as "
            f"{bad[0].time.bad_offset!r} of {bad[0].name}: utc_offset counted."
        )
    return tuple(told)


def _last_written_only(photos: list[_Timed]) -> tuple[str, ...]:
    late = [one.name for one in photos if one.time.clock.startswith("EXIF DateTime,")]
    if not late:
        return ()
    return (
        f"Without EXIF DateTimeOriginal: {photos_in_words(len(late))}, the first {late[0]}. Taken "
        "was DateTime, when a file was last written, by the camera or by a program that edited it.",
    )


def _names_differ(photos: list[_Timed]) -> tuple[str, ...]:
    """Where file names seem to hold other times than EXIF tells."""
    of_exif = [one for one in photos if one.time.clock.startswith("EXIF")]
    both = [(one, told) for one in of_exif if (told := likely_reading(one.name)) is not None]
    other = [(one, told) for one, told in both if abs(told - one.reading) > _NAME_APART]
    if 2 * len(other) <= len(both):
        return ()
    first, told = other[0]
    return (
        f"File names seem to hold other times than EXIF, which was taken: {first.name} says "
        f"{told}, its EXIF {first.reading}, and so on in {photos_in_words(len(other))}. If the "
        "names are right, set timestamp_pattern.",
    )


def _satellites_differ(photos: list[_Timed]) -> tuple[str, ...]:
    other = [
        (one.name, one.time.gps - one.instant)
        for one in photos
        if one.time.gps and abs(one.time.gps - one.instant) > _SATELLITE_APART
    ]
    if not other:
        return ()
    name, apart = other[0]
    return (
        f"{photos_that(len(other), 'hold')} a time from satellites that differs from what the "
        f"camera's clock means, {name} by {duration(apart)}: satellites are right; check "
        "utc_offset and clock_shift.",
    )
