"""When a photo was taken: from a table, from the photo's EXIF, or from its file name.

A camera's clock has no time zone. It is read either at a fixed UTC offset (a camera that never
switches to summer time) or as the local time of the station's zone: an hour that occurs twice is
the first of the two, an hour that is skipped in spring is moved forward by the skip. A clock that
was wrong is corrected before; the times of a table are a person's word and are never corrected.

Refused, photo by photo and with a reason: what cannot be read as a time. Refused altogether: photos
whose EXIF, in most of them, holds two times that one right clock cannot have shown.
"""

import datetime as dt
import re
import struct
import warnings
import zlib
import zoneinfo
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import ExifTags, Image

from fperank.ground.clocks import ClockShift, corrected
from fperank.ground.errors import DataError, ParameterError

FOUR_WAYS = """Photos get their times in one of four ways:
- EXIF that the camera wrote: timestamp_source: exif, and its utc_offset such as "-05:00"
- EXIF of a clock that was wrong: the same, and what to add: clock_shift: ["+01:00:00"]
- their file names: timestamp_source: filename, and timestamp_pattern: "%Y%m%d_%H%M%S"
- a table: timestamp_source: csv, and the columns filename, timestamp in images.csv"""

PHOTO_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "AVIF", "BMP")
_BROKEN = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, OverflowError),
    *(struct.error, zlib.error, Image.DecompressionBombError),
)
"""What Pillow raises on broken headers."""
_EXIF_TEXT = re.compile(
    r"(\d{4})[:/.-](\d\d)[:/.-](\d\d)[ T]+(\d\d):(\d\d):(\d\d)(?:[.,]\d+)?"
    r" ?([AaPp][Mm])? ?(Z|[+-]\d\d:?\d\d)?"
)
_OFFSET_TEXT = re.compile(r"([+-])(\d\d):?(\d\d)")
_IMPOSSIBLE = dt.timedelta(days=1)
"""A photo is not written so long before it is taken, whatever the offsets of the two times."""


@dataclass(frozen=True)
class PhotoTime:
    """The instant of a photo in UTC, or None and the reason why there is none.

    `written` and `taken` are the camera's readings of both, only where the first is more than a
    day before the second, which one right clock cannot show.
    """

    instant: dt.datetime | None
    reason: str = ""
    written: dt.datetime | None = None
    taken: dt.datetime | None = None


@dataclass(frozen=True)
class CameraClock:
    """What a clock reading without an offset means.

    Attributes:
        timezone: IANA name of the station's zone.
        utc_offset: fixed offset such as "-05:00", or "" for the local time of the zone.
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
            zone = parse_offset(self.utc_offset) or zoneinfo.ZoneInfo(self.timezone)
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
    instants = [None if reading is None else clock.instant(reading) for reading in readings]
    bad = [text for text, one in zip(texts, instants, strict=True) if text and one is None]
    unreadable = (
        f"its timestamp in images.csv is not ISO 8601 such as 2024-04-30T07:15:00-04:00 "
        f"(the first of these: {bad[0]!r})"
        if bad
        else ""
    )
    return [
        PhotoTime(one, "" if one else unreadable if text else "no timestamp in images.csv")
        for text, one in zip(texts, instants, strict=True)
    ]


def _iso(text: str, clock: CameraClock) -> dt.datetime | None:
    try:
        return clock.noon(dt.date.fromisoformat(text))
    except ValueError:
        pass
    try:
        reading = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    # A person's list tells the station's time, whatever the camera's clock is set to.
    return reading if reading.tzinfo else reading.replace(tzinfo=zoneinfo.ZoneInfo(clock.timezone))


def times_from_exif(paths: Iterable[Path], clock: CameraClock) -> list[PhotoTime]:
    """Read when each photo was taken from its EXIF, opening only the headers."""
    with warnings.catch_warnings(), ThreadPoolExecutor(max_workers=4) as pool:
        # Broken EXIF and very large photos make Pillow warn; each photo gets its own reason below.
        warnings.simplefilter("ignore")
        return list(pool.map(lambda path: _exif_time(path, clock), paths))


def _exif_time(path: Path, clock: CameraClock) -> PhotoTime:
    try:
        if path.stat().st_size == 0:
            return PhotoTime(None, "no EXIF time: the file is empty")
        with Image.open(path, formats=PHOTO_FORMATS) as photo:
            main = photo.getexif()
            detail = main.get_ifd(ExifTags.IFD.Exif)
    except _BROKEN:
        # Pillow's own words hold paths and differ between versions.
        return PhotoTime(None, "no EXIF time: the file cannot be read as a photo")
    base = ExifTags.Base
    written = _exif_reading(main.get(base.DateTime))
    taken = _exif_reading(detail.get(base.DateTimeOriginal))
    written, taken = (one and one.replace(tzinfo=None) for one in (written, taken))
    contradictory = written and taken and taken - written > _IMPOSSIBLE
    for tags, time_tag, offset_tag in (
        (detail, base.DateTimeOriginal, base.OffsetTimeOriginal),
        (detail, base.DateTimeDigitized, base.OffsetTimeDigitized),
        (main, base.DateTime, base.OffsetTime),
    ):
        reading = _exif_reading(tags.get(time_tag))
        if reading is None:
            text = _exif_text(tags.get(time_tag))
            if set(text) <= set("0:/.- T"):
                continue
            # Another tag's time may be the day of copying, so none takes this one's place.
            return PhotoTime(None, f"its EXIF {time_tag.name} is no time: {text[:40]!r}")
        if reading.tzinfo is None:
            offset_text = tags.get(offset_tag) or detail.get(offset_tag)
            reading = reading.replace(tzinfo=parse_offset(_exif_text(offset_text)))
        instant = clock.camera_instant(reading)
        if instant is not None:
            return PhotoTime(instant, "", *((written, taken) if contradictory else ()))
    return PhotoTime(None, "no EXIF time")


def _exif_text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("ascii", errors="replace")
    # The text ends at the first NUL; some cameras leave rubbish behind it.
    return value.lstrip("\0 ").partition("\0")[0].strip() if isinstance(value, str) else ""


def _exif_reading(value: object) -> dt.datetime | None:
    match = _EXIF_TEXT.fullmatch(_exif_text(value))
    if match is None:
        return None
    *numbers, half, offset = match.groups()
    year, month, day, hour, minute, second = (int(number) for number in numbers)
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half.lower() == "pm" else 0)
    zone = dt.UTC if offset == "Z" else parse_offset(offset or "")
    try:
        return dt.datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None


def refuse_contradictions(
    filenames: Sequence[str], times: Sequence[PhotoTime], where: Path
) -> None:
    """Refuse a camera whose own two times exclude each other in most of its photos.

    Raises:
        DataError: they do; the message shows a photo's two times and what can be done.
    """
    n = sum(time.instant is not None for time in times)
    wrong = [(name, time) for name, time in zip(filenames, times, strict=True) if time.written]
    if 2 * len(wrong) <= n:
        return
    name, time = wrong[0]
    raise DataError(
        f"{where}: one of the camera's clocks was never set: {name} was taken {time.taken} (EXIF "
        f"DateTimeOriginal) but last written {time.written} (DateTime), before it was taken, "
        f"and so on in {len(wrong)} of {n} photos. If DateTimeOriginal is right (see the printed "
        f'strip), state it with clock_shift: ["+00:00:00"]; if not, correct it.\n{FOUR_WAYS}'
    )


_TWO_DIGITS = set("ymdHIMS")
_OTHER_DIRECTIVES = {"Y": r"\d{4}", "j": r"\d{3}", "f": r"\d{1,6}", "p": r"[AaPp][Mm]"}
_DIRECTIVES = "%Y %y %m %d %j %H %I %p %M %S %f %%"


@dataclass(frozen=True)
class FilenamePattern:
    """A time pattern that is searched for in file names.

    Attributes:
        text: the pattern as given, such as `RCNX_%Y%m%d_%H%M%S`.
        regex: the same as a regular expression.
        date_only: whether the pattern holds no hour.
        in_utc: whether a Z follows the time, which says UTC.
    """

    text: str
    regex: re.Pattern[str]
    date_only: bool
    in_utc: bool

    @classmethod
    def parse(cls, text: str) -> "FilenamePattern":
        """Understand a pattern.

        Raises:
            ParameterError: a directive is unknown, or the pattern does not give a full date.
        """
        parts = re.findall(r"%.?|[^%]+", text, flags=re.DOTALL)
        names = [part[1:] if part[0] == "%" else "" for part in parts]
        wrong = [
            name for name in names if name and name not in {*_TWO_DIGITS, *_OTHER_DIRECTIVES, "%"}
        ]
        if wrong or "%" in parts:
            raise ParameterError(
                f"timestamp_pattern is {text!r}: %{wrong[0] if wrong else ''} is not allowed; "
                f"allowed are {_DIRECTIVES}"
            )
        used = set(names)
        if not (used & {"Y", "y"} and ({"m", "d"} <= used or "j" in used)):
            raise ParameterError(
                f"timestamp_pattern is {text!r}: it must hold a full date, year, month and day, "
                "for example %Y-%m-%d or RCNX_%Y%m%d_%H%M%S"
            )
        if ("p" in used) != ("I" in used):
            raise ParameterError(
                f"timestamp_pattern is {text!r}: %I (hour of 12) and %p (AM or PM) need each other"
            )
        for name in used - {"", "%"}:
            if names.count(name) > 1:
                raise ParameterError(f"timestamp_pattern is {text!r}: it holds %{name} twice")
        regex = "".join(_regex_of(names, parts, position) for position in range(len(parts)))
        if names[0] not in {"", "%"}:
            # Else the date would be found in the middle of a serial number.
            regex = r"(?<!\d)" + regex
        if "y" in used and names[-1] not in {"", "%"}:
            # Else 20120401 would be the fourth of December 2020.
            regex += r"(?!\d)"
        in_utc = re.search(r"%[HMSf]Z", text) is not None
        return cls(text, re.compile(regex), date_only=not used & {"H", "I"}, in_utc=in_utc)

    def reading(self, stem: str) -> dt.datetime | None:
        """The first part of a file name's stem that fits the pattern and is a time."""
        for match in self.regex.finditer(stem):
            try:
                found = dt.datetime.strptime(match.group(), self.text)
            except ValueError:
                continue
            return found.replace(tzinfo=dt.UTC) if self.in_utc else found
        return None


def _regex_of(names: list[str], parts: list[str], position: int) -> str:
    name = names[position]
    if name in {"", "%"}:
        return re.escape(parts[position] if not name else "%")
    if name in _OTHER_DIRECTIVES:
        return _OTHER_DIRECTIVES[name]
    neighbours = {names[one] for one in (position - 1, position + 1) if 0 <= one < len(names)}
    # One digit, as in 2024-4-3, can be told apart only between separators.
    return r"\d\d" if neighbours - {"", "%"} else r"(?:\d\d|\d(?!\d))"


def times_from_names(
    filenames: Iterable[str], pattern: FilenamePattern, clock: CameraClock
) -> list[PhotoTime]:
    """Read the times that a camera or a person wrote into the file names."""
    found = []
    for filename in filenames:
        reading = pattern.reading(PurePosixPath(filename).stem)
        if reading is not None and pattern.date_only:
            reading = clock.noon(reading.date())
        instant = None if reading is None else clock.camera_instant(reading)
        missing = f"no time of the form {pattern.text} in its name"
        found.append(PhotoTime(instant, "" if instant else missing))
    return found
