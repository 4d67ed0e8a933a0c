"""Which photo files lie in a folder, and which of them may be used.

Hidden files and folders are not looked at. Refused, each with a reason: symbolic links that lead
out of the folder, to nowhere or to another folder, pipes and devices, photos in a folder of the
system such as a recycle bin, and names that a table cannot hold.
"""

import os
import re
from pathlib import Path, PurePosixPath, PureWindowsPath

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")

_SYSTEM_FOLDERS = frozenset(
    {"$recycle.bin", "recycler", "recycled", "system volume information", "lost+found"}
    | {"@eadir", "#recycle", "@recycle", "@recently-snapshot", "__macosx", "lost.dir"}
)
"""Recycle bins, and where network drives and Macs keep small copies of photos; in small letters."""


def scan(root: Path, home: Path) -> dict[str, str]:
    """Find the photo files in a folder and its sub-folders.

    Args:
        root: the folder that file names are relative to.
        home: symbolic links may not lead out of this folder.

    Returns:
        The reason why a file may not be used, or empty text, by file name (relative, with forward
        slashes), sorted by name.
    """
    home = home.resolve()
    found: dict[str, str] = {}
    for where, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = [name for name in folders if Path(where, name).is_symlink()]
        photos = [
            name
            for name in names
            if not name.startswith(".") and name.lower().endswith(PHOTO_SUFFIXES)
        ]
        for path in (Path(where, name) for name in links + photos):
            filename = path.relative_to(root).as_posix()
            reason = _link_reason(path, home) if path.is_symlink() else ""
            found[filename] = reason or _kind_reason(path, filename) or _name_reason(filename)
    return dict(sorted(found.items()))


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


def _link_reason(path: Path, home: Path) -> str:
    if not path.exists():
        return "a symbolic link that leads nowhere"
    if not path.resolve().is_relative_to(home):
        return "a symbolic link that leads out of the folder"
    return "a symbolic link to a folder, which is not followed" if path.is_dir() else ""


def _kind_reason(path: Path, filename: str) -> str:
    system = [part for part in filename.split("/")[:-1] if part.lower() in _SYSTEM_FOLDERS]
    if system:
        return f"in {system[0]}, a folder of the system"
    # To open a pipe would wait for ever.
    return "" if path.is_file() else "a pipe or a device, no file"


def _name_reason(filename: str) -> str:
    if tellable(filename) != filename:
        return "its name is not UTF-8 or holds a line break or control character: rename it"
    return ""
