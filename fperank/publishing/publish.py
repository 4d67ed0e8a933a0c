"""Publishing a model version: what readers outside the project get, whole and checked.

A version's files are copied to `models/<uuid>/` of a destination, `predictions.csv` last: readers
take its presence for completeness. Each file is checked after the copy by size and SHA-256; what
lies there already, byte for byte, is skipped, so that publishing can be repeated after an
interruption.

Refused: versions that are not whole, tables that belong to another run, UUIDs that are none, and,
unless the user says so, a place where a model lies that the Flow Photo Explorer scores photos with:
that station would get no more scores.
"""

import json
import tarfile
import tempfile
import uuid
import zlib
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path, PurePosixPath

from fperank.ground.errors import DataError
from fperank.handover.version import Version
from fperank.publishing.destinations import Destination, Stored, stored
from fperank.publishing.published_files import (
    CHECKPOINT_NAME,
    MODEL_NAME,
    PREDICTIONS_NAME,
    checked_code,
    published_files,
)

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "fperank:model-version")


@dataclass(frozen=True)
class Copied:
    """What became of one file.

    Attributes:
        address: where it lies.
        size: bytes.
        action: `copied`, `replaced` (another one lay there) or `unchanged` (it lay there already).
    """

    address: str
    size: int
    action: str


def version_uuid(version: Version) -> str:
    """A UUID of the version's names, so that publishing it again lands in the same folder."""
    return str(uuid.uuid5(_NAMESPACE, json.dumps(list(astuple(version)))))


def published_uuid(version: Version, own_uuid: str | None) -> str:
    """The UUID that a version is published under: the user's own, or else the version's."""
    return version_uuid(version) if own_uuid is None else checked_uuid(own_uuid)


def checked_uuid(value: str) -> str:
    """The UUID in its usual form.

    Raises:
        DataError: it is none.
    """
    try:
        usual = str(uuid.UUID(value))
    except ValueError:
        usual = ""
    # The library also takes braces, `urn:uuid:` and digits without hyphens.
    if not usual or usual != value.lower():
        raise DataError(
            f"{value!r} is not a UUID such as 0f8fad5b-d9cb-469f-a165-70867728950e: copy the whole"
        )
    return usual


def publish(
    top: Path,
    version: Version,
    destination: Destination,
    own_uuid: str | None = None,
    *,
    code: str | None = None,
    keep_user_ids: bool = False,
    replace_model: bool = False,
    dry_run: bool = False,
    on_line: Callable[[str], None],
) -> list[Copied]:
    """Copy a version's files to a destination and check them there.

    Args:
        top: the folder that holds `data/`.
        version: what to publish.
        destination: where to; the files go to `models/<uuid>/` there.
        own_uuid: in place of the one that follows from the version's names.
        code: the model's in the Flow Photo Explorer, which names the report; else model_version.
        keep_user_ids: leave the annotators' ids as the dataset has them, not as numbers.
        replace_model: put the model in place of one that the explorer's own program scores with.
        dry_run: only say what would be copied; the destination is not even asked.
        on_line: gets a line for each file.

    Raises:
        DataError: the version is not whole, the destination fails, a model of the explorer's own
            program lies there, or what lies there after the
            copy is not what was sent; `predictions.csv` is then not there.
    """
    folder = f"models/{published_uuid(version, own_uuid)}"
    code = checked_code(code or version.model_version)
    with published_files(top, version, code=code, keep_user_ids=keep_user_ids) as files:
        contents = {f"{folder}/{name}": (path, stored(path)) for name, path in files.items()}
        if dry_run:
            for name, (_, content) in contents.items():
                on_line(f"would copy {content.size:>12,} bytes  {destination.address(name)}")
            return []
        if not replace_model:
            _check_model(f"{folder}/{MODEL_NAME}", contents, destination)
        return _copy(contents, destination, on_line)


def summary(copied: list[Copied]) -> str:
    """How many files were copied, replaced and left as they were."""
    actions = [one.action for one in copied]
    counts = [(actions.count(action), action) for action in ("copied", "replaced", "unchanged")]
    return ", ".join(f"{n} {action}" for n, action in counts if n) or "dry run"


def _check_model(
    name: str, contents: dict[str, tuple[Path, Stored]], destination: Destination
) -> None:
    """Refuse to replace a model that the Flow Photo Explorer's own program scores with."""
    there = destination.stat(name)
    if there is None or there == contents[name][1]:
        return
    with tempfile.TemporaryDirectory(prefix="fperank-publish-") as folder:
        copy = Path(folder) / MODEL_NAME
        destination.get(name, copy)
        try:
            with tarfile.open(copy, "r|gz") as archive:
                names = [PurePosixPath(entry.name).name for entry in archive]
        except (tarfile.TarError, EOFError, OSError, zlib.error):
            fault = "is no archive that can be read"
        else:
            fault = f"holds {CHECKPOINT_NAME}" if CHECKPOINT_NAME in names else ""
    if fault:
        raise DataError(
            f"{destination.address(name)} {fault}, so it may be what the Flow Photo Explorer "
            "scores a station's photos with; ours it cannot read, and that station would get no "
            "more scores. Nothing was changed. Take another --uuid, or say --replace-model to "
            "replace it all the same"
        )


def _copy(
    contents: dict[str, tuple[Path, Stored]],
    destination: Destination,
    on_line: Callable[[str], None],
) -> list[Copied]:
    there = {name: destination.stat(name) for name in contents}
    last = list(contents)[-1]
    if there[last] and any(there[name] != contents[name][1] for name in contents if name != last):
        # Old predictions beside new files would pass for a whole version.
        destination.remove(last)
        there[last] = None
        on_line(f"removed until the rest is there: {destination.address(last)}")
    copied: list[Copied] = []
    for name, (path, content) in contents.items():
        action = "unchanged"
        if there[name] != content:
            action = "replaced" if there[name] else "copied"
            destination.put(name, path)
            _check_arrival(destination, name, content)
        copied.append(Copied(destination.address(name), content.size, action))
        on_line(f"{action:<10} {content.size:>12,} bytes  {destination.address(name)}")
    return copied


def _check_arrival(destination: Destination, name: str, sent: Stored) -> None:
    arrived = destination.stat(name)
    if arrived == sent:
        return
    if arrived is None:
        fault = "nothing lies there after the copy"
    elif arrived.size != sent.size:
        fault = f"{arrived.size:,} bytes lie there after the copy, {sent.size:,} were sent"
    else:
        fault = f"its SHA-256 is {arrived.sha256} after the copy, {sent.sha256} was sent"
    try:
        destination.remove(name)
    except DataError as error:
        fault += f" (and it could not be removed: {error})"
    raise DataError(
        f"{destination.address(name)}: {fault}. The version is not published: {PREDICTIONS_NAME} "
        "is not there. Repeat the command"
    )
