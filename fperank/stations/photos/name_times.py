"""Times that a camera or a person wrote into photos' file names."""

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from fperank.ground.errors import ParameterError
from fperank.stations.photos.clock import CameraClock, PhotoTime

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
        if reading is None:
            found.append(PhotoTime(None, f"no time of the form {pattern.text} in its name"))
            continue
        told = clock.noon(reading.date()) if pattern.date_only else reading
        instant = clock.camera_instant(told)
        if instant is None:
            found.append(PhotoTime(None, f"the time in its name, {reading}, is of no such year"))
            continue
        how = "noon of a day" if pattern.date_only else clock.in_words(reading)
        found.append(PhotoTime(instant, "", f"file name, {how}", reading.replace(tzinfo=None)))
    return found


_ANY_NAME = re.compile(
    r"(?<!\d)(20\d\d)[-_.]?(\d\d)[-_.]?(\d\d)[-_. T]*(\d\d)[-_.h]?(\d\d)[-_.m]?(\d\d)(?!\d)"
)


def likely_reading(filename: str) -> dt.datetime | None:
    """The time to the second that a file name seems to hold, without a pattern given; or None."""
    match = _ANY_NAME.search(PurePosixPath(filename).stem)
    try:
        return dt.datetime.strptime("".join(match.groups()), "%Y%m%d%H%M%S") if match else None
    except ValueError:
        return None
