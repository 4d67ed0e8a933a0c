"""The names under which a dataset keeps photos, on whatever disk it is checked out.

Macs and Windows take two names that differ in capital letters or in their Unicode form for one, and
Windows reads some names as another file's or as a device; a photo would be lost there without a
word. So such a photo is kept under a name close to its own. All others keep theirs (also those with
`?` or quotes, which Windows refuses aloud), and every photo keeps its image_id.
"""

import hashlib
import re
from collections.abc import Iterable

from fperank.ground.names import same_on_disk

LONGEST_NAME = 255
"""Bytes of a file's or folder's name that disks take."""

_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_MISREAD = re.compile(r"[:\\]|[. ]$")


def stored_names(filenames: Iterable[str]) -> dict[str, str]:
    """Give each photo the name to keep it under.

    Args:
        filenames: those of the photos, relative, with forward slashes.

    Returns:
        The names to keep them under, no two of them one name on any disk, by file name.
    """
    folders: dict[str, str] = {}
    taken: set[str] = set()
    stored = {}
    for filename in sorted(filenames):
        *above, name = filename.split("/")
        where = ""
        for folder in above:
            path = f"{where}{_allowed(folder)}"
            # Of two ways to write a folder the first is taken for both.
            where = folders.setdefault(same_on_disk(path), path) + "/"
        name = _allowed(name)
        if same_on_disk(where + name) in taken:
            name = _marked(name, filename)
        taken.add(same_on_disk(where + name))
        stored[filename] = where + name
    return stored


def _allowed(name: str) -> str:
    """A file's or folder's name as no system takes it for another."""
    plain = _MISREAD.sub("_", name)
    if _DEVICES.fullmatch(plain):
        plain = f"_{plain}"
    return _marked(plain, name) if len(plain.encode()) > LONGEST_NAME else plain


def _marked(name: str, of: str) -> str:
    """A name with eight digits that follow from another, before its ending, and not too long."""
    stem, dot, ending = name.rpartition(".")
    end = f"~{hashlib.sha256(of.encode()).hexdigest()[:8]}"
    if 0 < len(ending) < 8 and stem:
        end += dot + ending
        name = stem
    return name.encode()[: LONGEST_NAME - len(end.encode())].decode(errors="ignore") + end


def renamed_in_words(stored: dict[str, str]) -> list[str]:
    """A sentence on the photos that are kept under another name, if there are any."""
    other = sorted((name, kept) for name, kept in stored.items() if name != kept)
    if not other:
        return []
    name, kept = other[0]
    return [
        f"{len(other):,} photo{'' if len(other) == 1 else 's'} lie in the dataset under another "
        "name, for on Macs or Windows theirs would be taken for another's or is too long; "
        f"the first: {name!r} as {kept!r}."
    ]
