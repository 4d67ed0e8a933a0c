"""The files of a station's folder as a person keeps it, and which of them was read.

These are a person's files, not the pipeline's hand-over: see docs/your-own-photos.md for their
columns, docs/seed.md for those of the seed. Refused: files that cannot be read, links that lead out
of the folder, pipes and devices.
"""

from pathlib import Path

from fperank.ground.errors import DataError
from fperank.ground.files import file_digest
from fperank.handover.dataset import ReadFile

STATION = "station.json"
IMAGES = "images.csv"
OBSERVATIONS = "observations.csv"
ANSWERS_JSON = "annotations.json"
ANSWERS_CSV = "annotations.csv"
ANSWERS_FOLDER = "annotations"
"""Holds several files of comparisons, `*.json`."""

PHOTOS = "images"
"""The sub-folder of photos, where there is one."""

_TABLES = {STATION, IMAGES, OBSERVATIONS, ANSWERS_CSV, ANSWERS_JSON}

SEED_PAIRS = "pairs.csv"
SEED_VALUES = "values.csv"


def is_station_file(name: str) -> bool:
    """Whether a path below a station's folder, with forward slashes, is one of its tables."""
    folder, _, file = name.lower().rpartition("/")
    return name.lower() in _TABLES or (folder == ANSWERS_FOLDER and file.endswith(".json"))


def own_file(folder: Path, name: str) -> Path:
    """Where a file or sub-folder lies, in whatever letters its name is written.

    Args:
        folder: the station's folder.
        name: one of the names above.

    Returns:
        Its path; the one that it would have, if it is not there.

    Raises:
        DataError: it is there in two ways of writing, or is what `require_own` refuses.
    """
    beside = folder.iterdir() if folder.is_dir() else ()
    same = sorted(path for path in beside if path.name.lower() == name)
    if len(same) > 1:
        raise DataError(
            f"{folder} holds both {same[0].name} and {same[1].name}: keep the one that counts"
        )
    if same:
        require_own(same[0], folder)
    return same[0] if same else folder / name


def require_own(path: Path, folder: Path) -> None:
    """Refuse what only looks like a file or sub-folder of the station.

    Args:
        path: what lies there.
        folder: the station's folder, which may itself be a link.

    Raises:
        DataError: it is a link that leads out of the folder or nowhere, or a pipe or device.
    """
    if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
        raise DataError(
            f"{path} is a link that leads out of the station's folder: put the file itself there"
        )
    if not (path.is_file() or path.is_dir()):
        kind = "a link that leads nowhere" if path.is_symlink() else "a pipe or a device, no file"
        raise DataError(f"{path} is {kind}: put the file itself there, or remove it")


def read_file(role: str, path: Path, name: str = "") -> ReadFile:
    """A file that was read, with the digest of its content.

    Args:
        role: see `ReadFile`.
        path: where it lies.
        name: how to name it, if its own name says nothing; never with a person's folders.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return ReadFile(role=role, name=name or path.name, sha256=file_digest(path))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None


def read_files(role: str, *paths: Path) -> tuple[ReadFile, ...]:
    """Likewise, those of several files that are there."""
    return tuple(read_file(role, path) for path in paths if path.is_file())
