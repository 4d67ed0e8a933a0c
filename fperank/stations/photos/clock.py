"""When a photo was taken, and which clock says so: what a clock's reading means.

A camera's clock has no time zone. It is read at the standard time of the station's zone, at a fixed
UTC offset (a camera that never switches to summer time) or as the zone's local time: an hour that
occurs twice is the first of the two, an hour that is skipped in spring is moved forward by the
skip. A clock that was wrong is corrected before; the times of a table are a person's word and are
never corrected.

Refused, photo by photo and with a reason: what cannot be read as a time.
"""

import datetime as dt
import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass

from fperank.ground.clocks import STANDARD, ClockShift, corrected, offset_text, standard_offset

FOUR_WAYS = """Photos get their times in one of four ways:
- EXIF that the camera wrote: timestamp_source: exif, and its utc_offset such as "-05:00"
- EXIF of a clock that was wrong: the same, and what to add: clock_shift: ["+01:00:00"]
- their file names: timestamp_source: filename, and timestamp_pattern: "%Y%m%d_%H%M%S"
- a table: timestamp_source: csv, and the columns filename, timestamp in images.csv"""

_OFFSET_TEXT = re.compile(r"([+-])(\d\d):?(\d\d)")


@dataclass(frozen=True)
class PhotoTime:
    """The time of a photo.

    Attributes:
        instant: in UTC, or None.
        reason: why there is none.
        clock: which clock told it and how it was read, in words.
        reading: what that clock showed, before any correction; None for a person's table.
        own_offset: the UTC offset that the file itself tells, as it writes it.
        bad_offset: what stands there and is no offset.
        written: when the file was last written, by the camera's clock, where it tells that too.
        gps: the instant that a satellite told, if the file holds one.
    """

    instant: dt.datetime | None
    reason: str = ""
    clock: str = ""
    reading: dt.datetime | None = None
    own_offset: str = ""
    bad_offset: str = ""
    written: dt.datetime | None = None
    gps: dt.datetime | None = None


@dataclass(frozen=True)
class CameraClock:
    """What a clock reading without an offset means.

    Attributes:
        timezone: IANA name of the station's zone.
        utc_offset: a fixed offset such as "-05:00", "standard" for that of the zone without summer
            time, or "" for the local time of the zone.
        shifts: corrections of a clock that was wrong.
    """

    timezone: str
    utc_offset: str
    shifts: tuple[ClockShift, ...] = ()

    def instant(self, reading: dt.datetime) -> dt.datetime | None:
        """The instant in UTC, to the second; None for years that no photo is from."""
        if not 1900 <= reading.year < 9999:
            return None
        if reading.tzinfo is None:
            zone = self._fixed(reading.year) or zoneinfo.ZoneInfo(self.timezone)
            reading = reading.replace(tzinfo=zone, fold=0)
        return reading.astimezone(dt.UTC).replace(microsecond=0)

    def camera_instant(self, reading: dt.datetime) -> dt.datetime | None:
        """Likewise, of a reading of the camera's own clock: its corrections are added first."""
        try:
            return self.instant(corrected(reading, self.shifts))
        except OverflowError:
            return None

    def noon(self, day: dt.date) -> dt.datetime:
        """Noon of the station's zone: a date alone is no reading of the camera's clock."""
        return dt.datetime.combine(day, dt.time(12), zoneinfo.ZoneInfo(self.timezone))

    def in_words(self, reading: dt.datetime) -> str:
        """How a reading of the camera's own clock is read."""
        if reading.tzinfo is not None:
            how = "with its own UTC offset"
        elif fixed := self._fixed(reading.year):
            how = f"at UTC{offset_text(fixed.utcoffset(None))} (utc_offset)"
        else:
            how = "as local time (utc_offset)"
        moved = corrected(reading.replace(tzinfo=None), self.shifts) != reading.replace(tzinfo=None)
        return how + (", corrected by clock_shift" if moved else "")

    def _fixed(self, year: int) -> dt.timezone | None:
        if self.utc_offset == STANDARD:
            return dt.timezone(standard_offset(self.timezone, year))
        return parse_offset(self.utc_offset)


def parse_offset(text: str) -> dt.timezone | None:
    """A UTC offset such as "-05:00" as a time zone; None if the text is none."""
    match = _OFFSET_TEXT.fullmatch(text.strip("\0 "))
    if match is None or int(match[2]) > 14 or int(match[3]) > 59:
        return None
    ahead = dt.timedelta(hours=int(match[2]), minutes=int(match[3]))
    return dt.timezone(-ahead if match[1] == "-" else ahead)


def times_from_text(texts: Sequence[str], clock: CameraClock) -> list[PhotoTime]:
    """Read ISO 8601 timestamps of a table, with or without offset; a date alone is local noon."""
    readings = [_iso(text, clock) for text in texts]
    instants = [None if reading is None else clock.instant(reading[0]) for reading in readings]
    bad = [text for text, one in zip(texts, instants, strict=True) if text and one is None]
    unreadable = (
        f"its timestamp in images.csv is not ISO 8601 such as 2024-04-30T07:15:00-04:00 "
        f"(the first of these: {bad[0]!r})"
        if bad
        else ""
    )
    return [
        PhotoTime(one, clock=f"images.csv, {reading[1]}")
        if one and reading
        else PhotoTime(None, unreadable if text else "no timestamp in images.csv")
        for text, reading, one in zip(texts, readings, instants, strict=True)
    ]


def _iso(text: str, clock: CameraClock) -> tuple[dt.datetime, str] | None:
    """The time that a text means, and how it was read."""
    try:
        return clock.noon(dt.date.fromisoformat(text)), "noon of a day"
    except ValueError:
        pass
    try:
        reading = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    if reading.tzinfo:
        return reading, "with its own UTC offset"
    # A person's list tells the station's time, whatever the camera's clock is set to.
    return reading.replace(tzinfo=zoneinfo.ZoneInfo(clock.timezone)), "the station's local time"
