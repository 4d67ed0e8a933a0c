"""Which photo files lie in a folder, and which of them may be used.

Refused, each with a reason: symbolic links that lead out of the folder, to nowhere or to another
folder, pipes and devices, pictures and videos of kinds that are not read, photos in a folder of the
system such as a recycle bin, and names that a table cannot hold. Everything else is counted by its
kind: nothing in the folder is passed over in silence.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from fperank.stations.own_folder import is_station_file
from fperank.stations.photos.kinds import hidden, is_picture, kind, litter, other_content


@dataclass(frozen=True)
class Scan:
    """What lies in a folder and its sub-folders.

    Attributes:
        photos: the reason why a picture may not be used, or empty text, by file name (relative,
            with forward slashes), sorted by name.
        others: how many other files, and hidden folders, there are of each kind.
    """

    photos: dict[str, str]
    others: Counter[str]


def scan(root: Path, home: Path) -> Scan:
    """Find the photo files in a folder and its sub-folders.

    Args:
        root: the folder that file names are relative to.
        home: symbolic links may not lead out of this folder.
    """
    real_home = home.resolve()
    found: dict[str, str] = {}
    others: Counter[str] = Counter()
    for path in _shown(root, others):
        if not (is_picture(path.name) or (path.is_symlink() and path.is_dir())):
            others[kind(path.name)] += not is_station_file(path.relative_to(home).as_posix())
            continue
        filename = path.relative_to(root).as_posix()
        reason = _link_reason(path, real_home) if path.is_symlink() else ""
        found[filename] = reason or _kind_reason(path, filename) or _name_reason(filename)
    return Scan(dict(sorted(found.items())), +others)


def beside(folder: Path, photos: str) -> Counter[str]:
    """Count the files of a station's folder that lie beside its photos and are none of its tables.

    Args:
        folder: the station's folder.
        photos: the sub-folder that holds the photos.
    """
    others: Counter[str] = Counter()
    for path in _shown(folder, others, without=photos):
        picture = is_picture(path.name) or (path.is_symlink() and path.is_dir())
        one = f"pictures beside the folder {photos}" if picture else kind(path.name)
        others[one] += not is_station_file(path.relative_to(folder).as_posix())
    return +others


def leads_out(filename: str) -> bool:
    """Whether a file name, read as any system would, is absolute or climbs with `..`."""
    return any(
        path.is_absolute() or bool(path.drive) or ".." in path.parts
        for path in (PurePosixPath(filename), PureWindowsPath(filename))
    )


def plain_name(filename: str) -> str:
    """A file name without `./` and doubled slashes, as the disk names the same one."""
    return PurePosixPath(filename).as_posix() if filename else ""


def tellable(filename: str) -> str:
    """The name as a table can hold it: what is no text, or breaks a line, is escaped."""
    text = filename.encode("utf-8", "backslashreplace").decode()
    return re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\x{ord(match[0]):02x}", text)


def _shown(root: Path, others: Counter[str], without: str = "") -> Iterator[Path]:
    """The files, and links to folders, that are not hidden; the hidden ones are counted.

    Args:
        root: where they lie.
        others: what is hidden is counted there.
        without: a sub-folder of the root that is not looked into.
    """

    def unreadable(error: OSError) -> None:
        others["folders that may not be read"] += 1

    for where, folders, names in os.walk(root, onerror=unreadable):
        for name in folders:
            if hiding := hidden(name, folder=True):
                others[hiding] += 1
        left_out = without if Path(where) == root else ""
        folders[:] = [one for one in folders if one != left_out and not one.startswith(".")]
        links = [name for name in folders if Path(where, name).is_symlink()]
        for name in [*links, *names]:
            if hiding := hidden(name):
                others[hiding] += 1
            else:
                yield Path(where, name)


def _link_reason(path: Path, home: Path) -> str:
    if not path.exists():
        return "a symbolic link that leads nowhere"
    if not path.resolve().is_relative_to(home):
        return "a symbolic link that leads out of the folder"
    return "a symbolic link to a folder, which is not followed" if path.is_dir() else ""


def _kind_reason(path: Path, filename: str) -> str:
    if reason := litter(filename):
        return reason
    # To open a pipe would wait for ever.
    return other_content(path) if path.is_file() else "a pipe or a device, no file"


def _name_reason(filename: str) -> str:
    if tellable(filename) != filename:
        return "its name is not UTF-8 or holds a line break or control character: rename it"
    return ""
