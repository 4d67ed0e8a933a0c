"""Every model version that the repository knows, and where its files lie.

Git's tags, branches and DVC's experiments are walked; a revision counts once, whatever its names.
A revision without a model is no version and is left out; one whose `dvc.lock` cannot be read is
listed with the reason. Nothing is checked out, fetched or changed.
"""

import json
import re
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from fperank.running.errors import DataError
from fperank.versions.repository import (
    VersionName,
    file_at,
    git,
    heavy_outputs,
    top_folder,
    version_name,
)
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
_EXPERIMENT = re.compile(r"refs/exps/[0-9a-f]{2}/[0-9a-f]{38}/(.+)")


@dataclass(frozen=True)
class ModelVersion:
    """One revision that holds a model version.

    Attributes:
        revision: the commit, shortened.
        commit: the commit.
        names: tags, branches and experiments that lead to it, in this order.
        station, variable, dataset_version, model_version: empty where `dvc.lock` is unreadable.
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
    station: str = ""
    variable: str = ""
    dataset_version: str = ""
    model_version: str = ""
    test_in_tau: float | None = None
    test_out_tau: float | None = None
    here: str = "unknown"
    remote: str = "unknown"
    reason: str = ""

    def as_row(self) -> dict[str, Any]:
        """The fields by their names, as JSON can hold them."""
        return {**asdict(self), "names": list(self.names)}


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
        lock = file_at(top, commit, "dvc.lock")
        if lock is None:
            continue
        version = ModelVersion(commit[:7], commit, names)
        try:
            name = version_name(lock)
            if name is None:
                continue
            taus = _taus(file_at(top, commit, "report/metrics.json"))
        except DataError as error:
            found.append(replace(version, reason=str(error)))
            continue
        outputs[commit] = {out.md5 for out in heavy_outputs(top, commit, lock)}
        parts = {part for md5 in outputs[commit] for part in cache.objects(md5)}
        here = _word(sum(cache.path(part).is_file() for part in parts), len(parts))
        found.append(_filled(version, name, taus, here))
    if not outputs:
        return found, ""
    try:
        held = on_remote(top, set().union(*outputs.values()), seconds=_REMOTE_SECONDS)
    except DataError as error:
        return found, str(error)
    return [
        replace(version, remote=_word(len(held & hashes), len(hashes)))
        if (hashes := outputs.get(version.commit))
        else version
        for version in found
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
        parts = (one.station, one.variable, one.dataset_version, one.model_version)
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


def _taus(text: str | None) -> tuple[float | None, float | None]:
    try:
        photo = json.loads(text)["photo"] if text is not None else {}
        inside, outside = (photo.get(split, {}).get("tau") for split in ("test-in", "test-out"))
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise DataError("report/metrics.json is not what the report stage writes") from None
    return inside, outside


def _word(held: int, total: int) -> str:
    return "yes" if held == total else "partly" if held else "no"


def _filled(
    version: ModelVersion,
    name: VersionName,
    taus: tuple[float | None, float | None],
    here: str,
) -> ModelVersion:
    return replace(
        version,
        station=name.station,
        variable=name.variable,
        dataset_version=name.dataset_version,
        model_version=name.model_version,
        test_in_tau=taus[0],
        test_out_tau=taus[1],
        here=here,
    )
