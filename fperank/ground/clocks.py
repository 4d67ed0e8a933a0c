"""Corrections of cameras' clocks: how `clock_shift` is written and what it does to a reading.

A correction is a signed duration, `+01:00:00` or `-2d 00:30:00`, which is added to what the
camera's clock told. One that holds for some days only names them first, as the camera told them,
both included: `2023-03-12/2023-11-05 +01:00:00`.

Refused: what is not of this form, days in wrong order, corrections whose days overlap.
"""

import datetime as dt
import itertools
import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass

_FORM = re.compile(
    r"(?:(?P<first>\d{4}-\d\d-\d\d)/(?P<last>\d{4}-\d\d-\d\d) +)?"
    r"(?P<sign>[+-])(?:(?P<days>\d{1,5})d +)?"
    r"(?P<hours>\d\d):(?P<minutes>[0-5]\d):(?P<seconds>[0-5]\d)"
)


@dataclass(frozen=True)
class ClockShift:
    """One correction of a camera's clock.

    Attributes:
        first: the first day that it holds for, as the camera told it.
        last: the last day, included.
        shift: what is added to the camera's reading.
    """

    first: dt.date
    last: dt.date
    shift: dt.timedelta


def parse_clock_shift(text: str) -> ClockShift:
    """Understand one correction.

    Raises:
        ValueError: the text is none; the message says how to write one.
    """
    match = _FORM.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError
        first = dt.date.fromisoformat(match["first"]) if match["first"] else dt.date.min
        last = dt.date.fromisoformat(match["last"]) if match["last"] else dt.date.max
    except ValueError:
        raise ValueError(
            f'{text!r} is no clock correction: write "+01:00:00" (hours, minutes, seconds to add), '
            '"-2d 00:30:00", or for some days only "2023-03-12/2023-11-05 +01:00:00"'
        ) from None
    if first > last:
        raise ValueError(f"{text!r}: the first day is after the last one: exchange them")
    shift = dt.timedelta(
        days=int(match["days"] or 0),
        hours=int(match["hours"]),
        minutes=int(match["minutes"]),
        seconds=int(match["seconds"]),
    )
    return ClockShift(first, last, -shift if match["sign"] == "-" else shift)


def parse_clock_shifts(texts: Sequence[str]) -> tuple[ClockShift, ...]:
    """Understand all corrections of a camera, in order of their days.

    Raises:
        ValueError: one of them cannot be understood, or two hold for the same day.
    """
    shifts = sorted((parse_clock_shift(text) for text in texts), key=lambda one: one.first)
    for earlier, later in itertools.pairwise(shifts):
        if later.first <= earlier.last:
            raise ValueError(f"holds two corrections for {later.first}: give each day one")
    return tuple(shifts)


def corrected(reading: dt.datetime, shifts: Sequence[ClockShift]) -> dt.datetime:
    """What the camera's clock would have told, had it been right.

    Raises:
        OverflowError: the corrected time is of no year that there is.
    """
    day = reading.date()
    for one in shifts:
        if one.first <= day <= one.last:
            return reading + one.shift
    return reading


STANDARD = "standard"
"""The parameter's word for a clock that keeps its zone's standard time all year."""


def standard_offset(timezone: str, year: int) -> dt.timedelta:
    """How far a zone's time without summer time is ahead of UTC in a year.

    It is the smaller of the offsets in January and July, on both halves of the Earth.
    """
    zone = zoneinfo.ZoneInfo(timezone)
    both = [dt.datetime(year, month, 1, tzinfo=zone).utcoffset() for month in (1, 7)]
    return min(offset for offset in both if offset is not None)


def offset_text(offset: dt.timedelta) -> str:
    """An offset as parameters write it, `-05:00`."""
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
