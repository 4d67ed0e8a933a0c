"""Every model version that the repository knows, and who holds its files.

Git's tags, branches and DVC's experiments are walked; a revision counts once, whatever its names.
A revision without a model is no version and is left out; one whose `dvc.lock` cannot be read is
listed with the reason. Nothing is checked out, fetched or changed.
"""

import re
from collections import defaultdict
from dataclasses import asdict, astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from fperank.ground.errors import DataError
from fperank.handover.report import METRICS_FILE, Figures
from fperank.handover.version import Version
from fperank.versions.lock import LOCK, heavy_outputs, locked_version
from fperank.versions.repository import figures_at, file_at, git, top_folder
from fperank.versions.storage import cache_of, on_remote

_REMOTE_SECONDS = 20
_FORMAT = "%00".join(
    f"%({field})"
    for field in (
        *("objecttype", "objectname", "committerdate:unix"),
        *("*objecttype", "*objectname", "*committerdate:unix"),
        *("symref", "refname"),
    )
)
_VERSION_NAMES = [field.name for field in fields(Version)]
_EXPERIMENT = re.compile(r"refs/exps/[0-9a-f]{2}/[0-9a-f]{38}/(.+)")


@dataclass(frozen=True)
class ModelVersion:
    """One revision that holds a model version.

    Attributes:
        revision: the commit, shortened.
        commit: the commit.
        names: tags, branches and experiments that lead to it, in this order.
        version: its names; none where `dvc.lock` is unreadable.
        test_in_tau, test_out_tau: Kendall's tau-b between scores and observed values of the photos
            that no training pair holds, inside and outside the annotated dates; none where there
            are no observed values.
        here: whether its files lie in DVC's cache: yes, no or partly.
        remote: whether they lie on the default remote: yes, no, partly, or unknown.
        reason: why the revision cannot be read; empty if it can.
    """

    revision: str
    commit: str
    names: tuple[str, ...]
    version: Version | None = None
    test_in_tau: float | None = None
    test_out_tau: float | None = None
    here: str = "unknown"
    remote: str = "unknown"
    reason: str = ""

    def as_row(self) -> dict[str, Any]:
        """The fields by their names, those of the version among them, as JSON can hold them."""
        row = asdict(self)
        names = row.pop("version") or dict.fromkeys(_VERSION_NAMES, "")
        return {**row, **names, "names": list(self.names)}


def model_versions(folder: Path) -> tuple[list[ModelVersion], str]:
    """List the versions, the newest commit first.

    Args:
        folder: anywhere in the repository.

    Returns:
        The versions, and why the remote could not be asked (empty if it was).

    Raises:
        DataError: the folder is in no repository of fperank.
    """
    top = top_folder(folder)
    cache = cache_of(top)
    found: list[ModelVersion] = []
    outputs: dict[str, set[str]] = {}
    for commit, names in _revisions(top).items():
        lock = file_at(top, commit, LOCK)
        if lock is None:
            continue
        one = ModelVersion(commit[:7], commit, names)
        try:
            version = locked_version(lock)
            if version is None:
                continue
            inside, outside = _taus(figures_at(top, commit))
        except DataError as error:
            found.append(replace(one, reason=str(error)))
            continue
        outputs[commit] = {out.md5 for out in heavy_outputs(top, commit, lock)}
        parts = {part for md5 in outputs[commit] for part in cache.objects(md5)}
        here = _share(sum(cache.path(part).is_file() for part in parts), len(parts))
        found.append(
            replace(one, version=version, test_in_tau=inside, test_out_tau=outside, here=here)
        )
    if not outputs:
        return found, ""
    try:
        held = on_remote(top, set().union(*outputs.values()), seconds=_REMOTE_SECONDS)
    except DataError as error:
        return found, str(error)
    return [
        replace(one, remote=_share(len(held & hashes), len(hashes)))
        if (hashes := outputs.get(one.commit))
        else one
        for one in found
    ], ""


def versions_table(versions: list[ModelVersion]) -> Table:
    """The versions as a table to read, one a row; `Tau in` and `Tau out` are of the test photos."""
    table = Table(box=None, pad_edge=False)
    for title in ("Revision", "Names", "Station", "Variable", "Dataset", "Model"):
        table.add_column(title, overflow="fold", no_wrap=title not in {"Names", "Station"})
    for title in ("Tau in", "Tau out"):
        table.add_column(title, justify="right", no_wrap=True)
    for title in ("Here", "Remote"):
        table.add_column(title, no_wrap=True)
    for one in versions:
        taus = ["-" if tau is None else f"{tau:.3f}" for tau in (one.test_in_tau, one.test_out_tau)]
        parts = astuple(one.version) if one.version else ("",) * len(_VERSION_NAMES)
        # Text, not markup: a station's name may hold square brackets.
        plain = [Text(part) for part in (one.revision, "\n".join(one.names), *parts)]
        table.add_row(*plain, *taus, one.here, one.remote)
    return table


def _revisions(top: Path) -> dict[str, tuple[str, ...]]:
    """The commits that a tag, branch or experiment names, newest first, with these names."""
    names: dict[str, list[tuple[int, str]]] = defaultdict(list)
    dates: dict[str, int] = {}
    roots = ("refs/tags/", "refs/heads/", "refs/remotes/", "refs/exps/")
    for line in git(top, "for-each-ref", f"--format={_FORMAT}", *roots).splitlines():
        kind, commit, date, of_kind, of_commit, of_date, symbolic, ref = line.split("\0")
        if kind == "tag":
            kind, commit, date = of_kind, of_commit, of_date
        rank = next(k for k, root in enumerate(roots) if ref.startswith(root))
        name = ref.removeprefix(roots[rank])
        if roots[rank] == "refs/exps/":
            # The other references there are DVC's own notes.
            match = _EXPERIMENT.fullmatch(ref)
            name = match.group(1) if match else ""
        if kind == "commit" and name and not symbolic:
            names[commit].append((rank, name))
            dates[commit] = int(date)
    newest_first = sorted(names, key=lambda commit: (-dates[commit], commit))
    return {commit: tuple(name for _, name in sorted(names[commit])) for commit in newest_first}


def _taus(figures: Figures | None) -> tuple[float | None, float | None]:
    try:
        photo = figures["photo"] if figures is not None else {}
        inside, outside = (photo.get(split, {}).get("tau") for split in ("test-in", "test-out"))
    except (KeyError, TypeError, AttributeError):
        raise DataError(f"{METRICS_FILE} has no agreement of photos: run `dvc repro`") from None
    return inside, outside


def _share(held: int, total: int) -> str:
    return "yes" if held == total else "partly" if held else "no"
