"""Publishing a model version: what readers outside the project get, whole and checked.

A version's files are copied to `models/<uuid>/` of a place, `predictions.csv` last: readers take
its presence for completeness. Each file is checked after the copy by size and SHA-256; what lies
there already, byte for byte, is skipped, so that publishing can be repeated after an interruption.

Refused: versions that are not whole, tables that belong to another run.
"""

import contextlib
import json
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from fperank.ground.files import write_text
from fperank.handover.input import INPUT_IMAGES
from fperank.handover.predictions import PREDICTIONS
from fperank.handover.station import read_station
from fperank.publishing.destinations import Place, Stored, stored
from fperank.publishing.published_files import published_annotations, write_archive
from fperank.running.errors import DataError, FperankError

LAST = "predictions.csv"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "fperank:model-version")
_NEEDED = (
    "data/images.csv",
    "data/pairs.csv",
    "data/station.json",
    "input/images.csv",
    "model/model.json",
    "model/model.safetensors",
    "predictions/predictions.csv",
    "report/metrics.json",
    "report/report.html",
)


@dataclass(frozen=True)
class Version:
    """One model version, by the names of its folders below `data/`."""

    station: str
    variable: str
    dataset_version: str
    model_version: str

    @property
    def uuid(self) -> str:
        """The same for the same version, so that publishing again lands in the same place."""
        names = [self.station, self.variable, self.dataset_version, self.model_version]
        return str(uuid.uuid5(_NAMESPACE, json.dumps(names)))

    def file(self, top: Path, name: str) -> Path:
        """The path of `data/...`, `input/...`, `model/...`, `predictions/...` or `report/...`."""
        dataset = top / "data" / self.station / self.variable / self.dataset_version
        if name.startswith("data/"):
            return dataset / name
        return dataset / "models" / self.model_version / name


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


@dataclass(frozen=True)
class Listed:
    """One line of a list of stations; `fault` says why it cannot be published, else it is none."""

    line: int
    station: str
    uuid: str
    fault: str | None = None


def publish(
    top: Path,
    version: Version,
    place: Place,
    uuid_: str | None = None,
    *,
    keep_user_ids: bool = False,
    dry_run: bool = False,
    tell: Callable[[str], None],
) -> list[Copied]:
    """Copy a version's files to a place and check them there.

    Args:
        top: the folder that holds `data/`.
        version: what to publish.
        place: where to; the files go to `models/<uuid>/` there.
        uuid_: instead of the version's own.
        keep_user_ids: leave the annotators' ids as the dataset has them, not as numbers.
        dry_run: only tell what would be copied; the place is not even asked.
        tell: is given a line for each file.

    Raises:
        DataError: the version is not whole, the place fails, or what lies there after the copy is
            not what was sent; `predictions.csv` is then not there.
    """
    folder = f"models/{version.uuid if uuid_ is None else checked_uuid(uuid_)}"
    with _material(top, version, keep_user_ids=keep_user_ids) as files:
        contents = {f"{folder}/{name}": (path, stored(path)) for name, path in files.items()}
        if dry_run:
            for name, (_, content) in contents.items():
                tell(f"would copy {content.size:>12,} bytes  {place.address(name)}")
            return []
        return _copy(contents, place, tell)


def checked_uuid(value: str) -> str:
    """The UUID in its usual form.

    Raises:
        DataError: it is none.
    """
    try:
        told = str(uuid.UUID(value))
    except ValueError:
        told = ""
    # The library also takes braces, `urn:uuid:` and digits without hyphens.
    if not told or told != value.lower():
        raise DataError(
            f"{value!r} is not a UUID such as 0f8fad5b-d9cb-469f-a165-70867728950e: copy the whole"
        )
    return told


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


def summary(copied: list[Copied]) -> str:
    """How many files were copied, replaced and left as they were."""
    actions = [one.action for one in copied]
    counts = [(actions.count(action), action) for action in ("copied", "replaced", "unchanged")]
    return ", ".join(f"{n} {action}" for n, action in counts if n) or "dry run"


@contextlib.contextmanager
def _material(top: Path, version: Version, *, keep_user_ids: bool) -> Iterator[dict[str, Path]]:
    """The files to publish by their published names, in the order in which they are copied."""
    paths = {name: version.file(top, name) for name in _NEEDED}
    if absent := [str(path) for path in paths.values() if not path.is_file()]:
        raise DataError(
            f"the version {version.model_version} of {version.station} is not whole: "
            f"{', '.join(absent)} {'is' if len(absent) == 1 else 'are'} absent; run `dvc repro`, "
            "or `dvc pull` where it was made elsewhere"
        )
    station = read_station(paths["data/station.json"])
    _check_that_photos_agree(paths["input/images.csv"], paths["predictions/predictions.csv"])
    with tempfile.TemporaryDirectory(prefix="fperank-publish-") as folder:
        annotations = Path(folder) / "annotations.csv"
        archive = Path(folder) / "model.tar.gz"
        table = published_annotations(
            paths["data/pairs.csv"], paths["data/images.csv"], station, keep_user_ids=keep_user_ids
        )
        write_text(annotations, table.to_csv(index=False, lineterminator="\n", float_format="%.9g"))
        write_archive([paths["model/model.json"], paths["model/model.safetensors"]], archive)
        yield {
            "annotations.csv": annotations,
            "images.csv": paths["input/images.csv"],
            "report.html": paths["report/report.html"],
            "metrics.json": paths["report/metrics.json"],
            "model.tar.gz": archive,
            LAST: paths["predictions/predictions.csv"],
        }


def _check_that_photos_agree(images: Path, predictions: Path) -> None:
    tables = [
        pd.read_csv(path, dtype="str", keep_default_na=False) for path in (images, predictions)
    ]
    for path, table, schema in zip(
        (images, predictions), tables, (INPUT_IMAGES, PREDICTIONS), strict=True
    ):
        if missing := [name for name in schema.columns if name not in table.columns]:
            raise DataError(f"{path}: the column {missing[0]} is missing; run `dvc repro`")
    keys = ["image_id", "split"]
    if not tables[0][keys].equals(tables[1][keys]):
        raise DataError(
            f"{predictions} tells of other photos than {images}: the stages ran at different "
            "times; run `dvc repro`"
        )


def _copy(
    contents: dict[str, tuple[Path, Stored]], place: Place, tell: Callable[[str], None]
) -> list[Copied]:
    there = {name: place.stat(name) for name in contents}
    last = list(contents)[-1]
    if there[last] and any(there[name] != contents[name][1] for name in contents if name != last):
        # Old predictions beside new files would pass for a whole version.
        place.remove(last)
        there[last] = None
        tell(f"removed until the rest is there: {place.address(last)}")
    copied: list[Copied] = []
    for name, (path, content) in contents.items():
        action = "unchanged"
        if there[name] != content:
            action = "replaced" if there[name] else "copied"
            place.put(name, path)
            _check_arrival(place, name, content)
        copied.append(Copied(place.address(name), content.size, action))
        tell(f"{action:<10} {content.size:>12,} bytes  {place.address(name)}")
    return copied


def _check_arrival(place: Place, name: str, sent: Stored) -> None:
    arrived = place.stat(name)
    if arrived == sent:
        return
    if arrived is None:
        fault = "nothing lies there after the copy"
    elif arrived.size != sent.size:
        fault = f"{arrived.size:,} bytes lie there after the copy, {sent.size:,} were sent"
    else:
        fault = f"its SHA-256 is {arrived.sha256} after the copy, {sent.sha256} was sent"
    try:
        place.remove(name)
    except DataError as error:
        fault += f" (and it could not be removed: {error})"
    raise DataError(
        f"{place.address(name)}: {fault}. The version is not published: {LAST} is not there. "
        "Repeat the command"
    )
