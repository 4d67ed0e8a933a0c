"""When a photo was taken, by its EXIF: the first of its times that the camera told.

DateTimeOriginal counts, else DateTimeDigitized, else DateTime, which any program that writes the
file may set. A text that stands there and is no time is never passed over for the next, and zeros
never for DateTime: that may be the day of editing or copying. An offset that the file tells counts.
"""

import datetime as dt
import re
import struct
import warnings
import zlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from fperank.stations.photos.clock import CameraClock, PhotoTime, parse_offset

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
            places = main.get_ifd(ExifTags.IFD.GPSInfo)
    except _BROKEN:
        # Pillow's own words hold paths and differ between versions.
        return PhotoTime(None, "no EXIF time: the file cannot be read as a photo")
    base = ExifTags.Base
    written = _reading(main.get(base.DateTime))
    zeros = ""
    for tags, time_tag, offset_tag in (
        (detail, base.DateTimeOriginal, base.OffsetTimeOriginal),
        (detail, base.DateTimeDigitized, base.OffsetTimeDigitized),
        (main, base.DateTime, base.OffsetTime),
    ):
        text = _text(tags.get(time_tag))
        if not text.strip("-/.:T0 "):
            zeros = zeros or (time_tag.name if text.strip("-/.: ") else "")
            continue
        if zeros and time_tag is base.DateTime:
            return PhotoTime(
                None, f"its EXIF {zeros} is zeros, and DateTime tells only when it was last written"
            )
        reading = _reading(text)
        if reading is None:
            # Another tag's time may be the day of editing or copying, so none takes its place.
            return PhotoTime(None, f"its EXIF {time_tag.name} is no time: {text[:40]!r}")
        own_offset, bad_offset = "", ""
        if reading.tzinfo is None:
            said = _text(tags.get(offset_tag) or detail.get(offset_tag)).strip(": ")
            zone = _offset(said)
            own_offset, bad_offset = ("", said) if zone is None else (said, "")
            reading = reading.replace(tzinfo=zone)
        else:
            own_offset = reading.strftime("%z")
        instant = clock.camera_instant(reading)
        if instant is None:
            return PhotoTime(None, f"its EXIF {time_tag.name}, {text[:40]!r}, is of no such year")
        return PhotoTime(
            instant,
            clock=f"EXIF {time_tag.name}, {clock.in_words(reading)}",
            reading=reading.replace(tzinfo=None),
            own_offset=own_offset,
            bad_offset=bad_offset,
            written=written.replace(tzinfo=None) if written else None,
            gps=_satellite_time(places),
        )
    if _is_reconyx(detail.get(base.MakerNote)):
        return PhotoTime(
            None, "no EXIF time: the camera wrote it into its maker's note only, which is not read"
        )
    return PhotoTime(None, "no EXIF time")


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("ascii", errors="replace")
    # The text ends at the first NUL; some cameras leave rubbish behind it.
    return value.lstrip("\0 ").partition("\0")[0].strip() if isinstance(value, str) else ""


def _offset(text: str) -> dt.timezone | None:
    return dt.UTC if text in {"Z", "z", "UTC", "GMT"} else parse_offset(text)


def _reading(value: object) -> dt.datetime | None:
    match = _EXIF_TEXT.fullmatch(_text(value))
    if match is None:
        return None
    *numbers, half, offset = match.groups()
    year, month, day, hour, minute, second = (int(number) for number in numbers)
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half.lower() == "pm" else 0)
    zone = _offset(offset or "")
    if offset and zone is None:
        return None
    try:
        return dt.datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None


def _satellite_time(places: Mapping[int, Any]) -> dt.datetime | None:
    """The instant that a receiver of satellites told, in UTC."""
    day = re.fullmatch(r"(\d{4}):(\d\d):(\d\d)", _text(places.get(ExifTags.GPS.GPSDateStamp)))
    try:
        hour, minute, second = (float(part) for part in places[ExifTags.GPS.GPSTimeStamp])
        year, month, date = map(int, day.groups()) if day else (0, 0, 0)
        midnight = dt.datetime(year, month, date, tzinfo=dt.UTC)
        return midnight + dt.timedelta(hours=hour, minutes=minute, seconds=second)
    except (LookupError, TypeError, ValueError, ArithmeticError):
        return None


def _is_reconyx(note: object) -> bool:
    """Whether a maker's note is of a Reconyx camera, whose older ones tell the time only there."""
    return isinstance(note, bytes) and (
        note.startswith((b"\x01\xf1", b"RECONYX")) or b"RECONYX" in note[:64]
    )
