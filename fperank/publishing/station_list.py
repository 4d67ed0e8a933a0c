"""Publishing one version of many stations, by a list: a station and its UUID a line.

One station that cannot be published keeps none of the others back: each fault is kept with its
line, so that the user mends the list once and repeats the command.

Refused, line by line: a station without a UUID, a UUID that is none or is taken, a name that cannot
be a folder's.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from fperank.ground.errors import DataError, FperankError
from fperank.publishing.publish import Copied, checked_uuid, summary


@dataclass(frozen=True)
class Listed:
    """One line of a list of stations; `fault` says why it cannot be published, else it is none."""

    line: int
    station: str
    uuid: str
    fault: str | None = None


def read_list(path: Path) -> list[Listed]:
    """Read a list of stations: `station uuid` a line, `#` comments and blank lines allowed.

    A station's name may hold spaces: the UUID is the last word. Lines that cannot be used are
    returned with their fault.

    Raises:
        DataError: the file is absent, is not text, or names no station.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except (OSError, UnicodeDecodeError):
        raise DataError(f"{path} is not a text file in UTF-8") from None
    listed: list[Listed] = []
    taken: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        words = line.strip().rsplit(maxsplit=1)
        if not words or words[0].startswith("#"):
            continue
        one = Listed(number, words[0], words[-1])
        try:
            if len(words) == 1:
                raise DataError(f"holds {line.strip()!r}: write the station, a space and its UUID")
            if one.station in {".", ".."} or "/" in one.station or "\\" in one.station:
                raise DataError(f"{one.station!r} cannot be the name of a station's folder")
            one = replace(one, uuid=checked_uuid(one.uuid))
            if one.uuid in taken:
                raise DataError(f"has the UUID of line {taken[one.uuid]}: each needs its own")
            taken[one.uuid] = number
        except DataError as error:
            one = replace(one, fault=str(error))
        listed.append(one)
    if not listed:
        raise DataError(f"{path} names no station: write `station uuid`, one a line")
    return listed


def publish_list(
    listed: list[Listed], one: Callable[[Listed], list[Copied]]
) -> list[tuple[Listed, str]]:
    """Publish each station of a list; one that fails keeps none of the others back.

    Args:
        listed: see `read_list`.
        one: publishes one of them.

    Returns:
        Each line with its outcome in words; the `fault` of those that failed is set.
    """
    outcomes: list[tuple[Listed, str]] = []
    for station in listed:
        try:
            if station.fault:
                raise DataError(station.fault)
            outcomes.append((station, summary(one(station))))
        except FperankError as error:
            outcomes.append((replace(station, fault=str(error)), "failed"))
    return outcomes
