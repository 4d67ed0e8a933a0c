"""Make a version of what is committed: an annotated git tag that others can fetch and rely on.

Refused: a work tree with changes, a pipeline that is not up to date, a `dvc.lock` that credits code
or parameters which were edited while a stage ran, an output that is not on the remote, an outside
file that nothing keeps, a name that belongs to another commit, and two stations under one name. Git
itself is not pushed: that is the user's to say.
"""

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fperank.ground.errors import DataError
from fperank.handover.report import Figures
from fperank.handover.version import Version
from fperank.versions.lock import LOCK, heavy_outputs, locked_version, outside_files
from fperank.versions.own_record import edited_code, other_parameters
from fperank.versions.repository import dvc, figures_at, file_at, git, top_folder
from fperank.versions.storage import cache_of, on_remote

# A large bucket may take minutes to list.
_REMOTE_SECONDS = 600


@dataclass(frozen=True)
class Release:
    """A version's tag.

    Attributes:
        tag: its name.
        commit: what it names.
        new: false if it was there already, at the same commit.
    """

    tag: str
    commit: str
    new: bool


def station_slug(station: str) -> str:
    """A station's name as a part of a git tag: lower-case ASCII letters, digits and `-`.

    Accents are dropped. A name with letters that have no ASCII form gets eight digits of its hash,
    so that what is lost cannot make two names one.
    """
    plain = unicodedata.normalize("NFKD", station)
    kept = "".join(
        sign if sign.isascii() else "" if unicodedata.combining(sign) else "-" for sign in plain
    )
    slug = re.sub(r"[^a-z0-9]+", "-", kept.lower()).strip("-")
    if not slug or any(sign.isalnum() and not sign.isascii() for sign in plain):
        digits = hashlib.sha256(station.encode("utf-8")).hexdigest()[:8]
        slug = f"{slug}-{digits}".strip("-")
    return slug


def make_release(folder: Path, *, push: bool = False) -> Release:
    """Tag HEAD as `<station-slug>/<VARIABLE>/<dataset_version>/<model_version>`.

    Args:
        folder: anywhere in the repository.
        push: send the outputs to DVC's default remote first.

    Raises:
        DataError: something is not committed, not up to date, not on the remote, or the name is
            taken. The message says what to do.
    """
    top = top_folder(folder)
    _refuse_changes(top)
    head = git(top, "rev-parse", "HEAD").strip()
    lock = file_at(top, head, LOCK) or ""
    version = locked_version(lock)
    if version is None:
        raise DataError("HEAD holds no model version: run `dvc repro`, then `git commit`")
    tag = _tag(top, version)
    if git(top, "tag", "--list", tag).strip():
        tagged = git(top, "rev-parse", f"refs/tags/{tag}^{{commit}}").strip()
        if tagged != head:
            raise DataError(
                f"the tag {tag} exists already, at commit {tagged[:7]}; HEAD is {head[:7]}. Raise "
                "model_version in params.yaml (or dataset_version, if photos, values or "
                "annotations changed), then run `dvc repro` and commit"
            )
        return Release(tag, head, new=False)
    _refuse_shared_slug(top, version.station)
    _refuse_stale(top)
    _refuse_false_record(top, head, lock, version)
    message = release_message(version, figures_at(top, head))
    if push:
        dvc(top, "push")
    _refuse_unpushed(top, head, lock)
    # Verbatim: a line of the message may begin with `#`.
    git(top, "tag", "--annotate", "--cleanup=verbatim", f"--message={message}", tag, head)
    return Release(tag, head, new=True)


def release_message(version: Version, figures: Figures | None) -> str:
    """The tag's text: the version's names and how well it ranks.

    Args:
        version: its names.
        figures: its metrics.

    Raises:
        DataError: there are no metrics, or they lack what stage `report` writes.
    """
    if figures is None:
        raise DataError("the metrics are not committed: run `dvc repro` and commit report/")
    try:
        photo, pairs, counts = figures["photo"], figures["pairs"]["val"], figures["counts"]
        lines = [
            f"{version.station}, {version.variable}, dataset {version.dataset_version}, "
            f"model {version.model_version}",
            "",
            "Kendall's tau-b of photos, scores against observed values [95 % interval]:",
            f"  test-in:  {_measure(photo.get('test-in', {}), 'tau')}",
            f"  test-out: {_measure(photo.get('test-out', {}), 'tau')}",
            f"Accuracy of held-out pairs [95 % interval]: {_measure(pairs, 'accuracy')}",
            f"Pairs: {counts['pairs_train']} to train, {counts['pairs_val']} held out",
            f"Photos: {counts['photos']}, with a score {counts['photos_scored']}, "
            f"with an observed value {counts['photos_observed']}; {counts['days']} days",
        ]
    except (KeyError, TypeError, AttributeError):
        raise DataError(
            "the metrics are not what stage report writes now: run `dvc repro` and commit"
        ) from None
    return "\n".join(lines) + "\n"


def _measure(values: dict[str, Any], key: str) -> str:
    if values.get(key) is None:
        return "not measured"
    low, high = values.get(f"{key}_ci_low"), values.get(f"{key}_ci_high")
    interval = f" [{low:.3f}, {high:.3f}]" if low is not None and high is not None else ""
    return f"{values[key]:.3f}{interval}, n = {values.get('n', 0)}"


def _tag(top: Path, version: Version) -> str:
    """The tag's name.

    Raises:
        DataError: git takes no such name, because of a version such as `v1..2` or `v1.lock`.
    """
    tag = str(replace(version, station=station_slug(version.station)))
    try:
        git(top, "check-ref-format", f"refs/tags/{tag}")
    except DataError:
        raise DataError(
            f"git cannot name a tag {tag}: dataset_version and model_version must not hold `..` "
            "or end with `.` or `.lock`; change them in params.yaml, run `dvc repro` and commit"
        ) from None
    return tag


def _refuse_changes(top: Path) -> None:
    entries = git(top, "status", "--porcelain", "-z", "--no-renames").split("\0")
    if files := [entry[3:] for entry in entries if entry]:
        shown = "\n  ".join(files[:20])
        more = f"\n  and {len(files) - 20} more" if len(files) > 20 else ""
        raise DataError(
            f"{len(files)} files are changed or not in git; commit or ignore them first:\n"
            f"  {shown}{more}"
        )


def _refuse_shared_slug(top: Path, station: str) -> None:
    slug = station_slug(station)
    for tag in git(top, "tag", "--list", f"{slug}/*").splitlines():
        lock = file_at(top, f"refs/tags/{tag}", LOCK)
        other = locked_version(lock) if lock is not None else None
        if other is not None and other.station != station:
            raise DataError(
                f"the stations {other.station!r} (tag {tag}) and {station!r} would share the tag "
                f"name {slug}: change one station's name in params.yaml by more than accents, "
                "capitals, spaces or signs, then run `dvc repro` and commit"
            )


def _refuse_stale(top: Path) -> None:
    if stages := json.loads(dvc(top, "status", "--json")):
        raise DataError(
            f"the pipeline is not up to date ({', '.join(stages)}): run `dvc repro` and commit, "
            "or `dvc pull` if the files are only absent here"
        )


def _refuse_false_record(top: Path, head: str, lock: str, version: Version) -> None:
    faults = edited_code(top, head, lock, version) + other_parameters(top, lock, version)
    if faults:
        raise DataError(
            "dvc.lock credits what did not make this version:\n  "
            + "\n  ".join(faults)
            + "\nRun `dvc repro --force --single-item STAGE` for each of these stages, then "
            "`dvc repro`, and commit"
        )


def _refuse_unpushed(top: Path, head: str, lock: str) -> None:
    """Every object is asked for by its own hash.

    `dvc status --cloud` takes a folder's list for the whole folder, and so would not see that the
    remote has lost a file since.
    """
    cache = cache_of(top)
    outputs = {out.path: cache.objects(out.md5) for out in heavy_outputs(top, head, lock)}
    for file in outside_files(top, head, lock):
        file.require_kept()
        outputs[file.path] = cache.objects(file.md5)
    held = on_remote(top, set().union(*outputs.values()), seconds=_REMOTE_SECONDS)
    absent = {path: hashes - held for path, hashes in outputs.items() if hashes - held}
    if not absent:
        return
    counts = "\n".join(f"  {path}: {len(hashes)} objects" for path, hashes in absent.items())
    lists = {md5 for path in absent for md5 in outputs[path] & held if md5.endswith(".dir")}
    if lists:
        names = "\n".join(f"  files/md5/{md5[:2]}/{md5[2:]}" for md5 in sorted(lists))
        raise DataError(
            f"the remote has lost files of a folder that it lists as whole:\n{counts}\n"
            f"Delete these lists from the remote, then run `dvc push`:\n{names}"
        )
    raise DataError(
        f"outputs are not on the remote; run `dvc push`, or release with --push:\n{counts}"
    )
