"""Proof that a model version can be made again: `fperank verify`.

The version is cloned to another folder without any of its outputs, only what cannot be made from
the repository alone (a dataset of photos from outside, weights from outside) is fetched, every
stage runs there, and each output's new hash is held against the one that `dvc.lock` recorded. The
user's work tree, index, stash and cache are only read. Refused: a revision without a complete
`dvc.lock`.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from fperank.ground.errors import DataError
from fperank.running.runlog import describe_machine
from fperank.versions.lock import locked_version
from fperank.versions.own_record import edited_code
from fperank.versions.proof.clean_clone import CleanClone, OnLine, clean_clone
from fperank.versions.proof.explanations import (
    lock_explanations,
    machine_explanations,
    package_explanations,
)
from fperank.versions.proof.recorded import RecordedVersion
from fperank.versions.proof.supply import supply
from fperank.versions.proof.verdicts import OutputVerdict, judge, verdict_lines, with_tolerance
from fperank.versions.repository import file_at, git
from fperank.versions.storage import Store, cache_of, file_md5

Conclusion = Literal["bit-identical", "equal within the tolerance", "different"]

_SPARE = 1.2
_NAMES_SHOWN = 10


@dataclass(frozen=True)
class Verification:
    """The result of making a version again.

    Attributes:
        revision: as it was asked for.
        commit: its full hash.
        outputs: each output of the stages that ran, and the inputs that were fetched for them.
        lock_faults: where `dvc.lock` does not belong to the code and parameters of its commit.
        explanations: these, and what else could explain a difference.
        notes: what else the reader should know, such as a work tree that is not the commit.
        machine: what made the new outputs.
    """

    revision: str
    commit: str
    outputs: tuple[OutputVerdict, ...]
    lock_faults: tuple[str, ...]
    explanations: tuple[str, ...]
    notes: tuple[str, ...]
    machine: dict[str, Any]

    @property
    def conclusion(self) -> Conclusion:
        """The worst verdict of all outputs."""
        verdicts = {output.verdict for output in self.outputs}
        if verdicts & {"different", "not made"}:
            return "different"
        return "equal within the tolerance" if "within tolerance" in verdicts else "bit-identical"

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON can hold it."""
        return {"conclusion": self.conclusion, **asdict(self)}

    def lines(self) -> list[str]:
        """What differs, what could explain it, and the conclusion, in words."""
        lines = [line for output in self.outputs for line in verdict_lines(output)]
        if self.conclusion != "bit-identical":
            lines += [f"could explain it: {one}" for one in self.explanations]
            lines += [f"made here by: {self.machine['processor']}, Python {self.machine['python']}"]
        fetched = [output.path for output in self.outputs if output.verdict == "fetched"]
        made = len(self.outputs) - len(fetched)
        outputs = f"{made} output{'' if made == 1 else 's'}"
        lines += [f"fetched as recorded, not made again: {path}" for path in fetched]
        name = f"{self.revision} ({self.commit[:7]})"
        meanings = {
            "bit-identical": f"every byte of {outputs} was made again",
            "equal within the tolerance": "the scores differ, their ranking hardly",
            "different": "the version could not be made again",
        }
        return [*lines, f"{name}: {self.conclusion}: {meanings[self.conclusion]}"]

    def warnings(self) -> list[str]:
        """What a person should know even if all is well."""
        warnings = list(self.notes)
        if self.conclusion == "equal within the tolerance":
            warnings.append("not every byte is the same, only the ranking within the tolerance")
        if self.conclusion == "bit-identical":
            warnings += self.lock_faults
        return warnings


def verify(
    repository: Path,
    revision: str = "HEAD",
    stages: Sequence[str] | None = None,
    on_line: OnLine = lambda line: None,
) -> Verification:
    """Make a version again in a clean clone and compare every output with what was recorded.

    Args:
        repository: the top of the repository; only read.
        revision: a git revision, tag or branch, or the name of a DVC experiment.
        stages: stages to run; the outputs of others that they need are fetched. None for all.
        on_line: gets a line whenever there is something to say to a person who waits.

    Raises:
        DataError: the revision or a stage is not known, its `dvc.lock` is absent or incomplete,
            an output that must be fetched lies nowhere, or a stage fails.
    """
    version = RecordedVersion.read(repository, revision)
    chosen = version.stages_to_run(stages)
    _require_room(version)
    store = cache_of(repository)
    on_line(f"cloning {revision} ({version.commit[:7]})")
    with clean_clone(repository, version.commit, on_line) as clone:
        _require_own_code(clone)
        status = json.loads(clone.dvc("status", "--json"))
        version.require_complete(status)
        faults = lock_explanations(status, version, repository)
        if names := locked_version(version.lock):
            faults += edited_code(repository, version.commit, version.lock, names)
        provided, chosen = supply(clone, store, version, chosen)
        recorded = [output for output in version.outputs if output.stage in chosen]
        if any(verdict.verdict == "different" for verdict in provided):
            outputs = [OutputVerdict(o.stage, o.path, "not made", o.md5) for o in recorded]
        else:
            _run_stages(clone, version, chosen)
            outputs = judge(repository, version.commit, clone, store, recorded)
    return Verification(
        revision,
        version.commit,
        tuple(with_tolerance([*provided, *outputs], own_lock=not faults)),
        tuple(faults),
        (
            *faults,
            *package_explanations(file_at(repository, version.commit, "requirements.txt")),
            *machine_explanations(version.threads),
        ),
        tuple(_work_tree_notes(repository, version, store)),
        describe_machine(),
    )


def _require_room(version: RecordedVersion) -> None:
    """Refuse to begin what would fill the disk."""
    folder = tempfile.gettempdir()
    sizes = [out.size for out in version.outputs] + [file.size for file in version.outside]
    wanted = int(_SPARE * sum(sizes))
    if (free := shutil.disk_usage(folder).free) < wanted:
        raise DataError(
            f"{folder} has {free / 1e9:.1f} GB free, but the version needs about "
            f"{wanted / 1e9:.1f} GB: set TMPDIR to a folder with more room"
        )


def _require_own_code(clone: CleanClone) -> None:
    """Make sure that stages in the clone run the clone's code, not what is installed."""
    found = clone.run("python", "-c", "import fperank; print(fperank.__file__)").strip()
    if not Path(found).resolve().is_relative_to(clone.top):
        raise DataError(
            f"a stage in the clone would run the code of {found}: remove what puts that folder "
            "before the current one (a .pth file or sitecustomize of this Python)"
        )


def _run_stages(clone: CleanClone, version: RecordedVersion, stages: list[str]) -> None:
    for number, stage in enumerate(stages, 1):
        clone.on_line(f"stage {stage} ({number} of {len(stages)})")
        begin = time.monotonic()
        try:
            clone.dvc("repro", "--force", "--single-item", stage, pass_on=True)
        except DataError as error:
            raise DataError(f"stage {stage} of {version.revision} cannot be run: {error}") from None
        clone.on_line(f"stage {stage} took {time.monotonic() - begin:.0f} s")


def _work_tree_notes(repository: Path, version: RecordedVersion, store: Store) -> list[str]:
    """What of the user's files is not part of the proof, if they lie on this commit."""
    if git(repository, "rev-parse", "HEAD").strip() != version.commit:
        return []
    changed = git(
        *(repository, "--no-optional-locks", "status", "--porcelain", "--untracked-files=no")
    )
    names = {line[3:] for line in changed.splitlines()}
    # DVC's own `data status` would write into the user's cache folder.
    kept = [(out.path, out.md5) for out in version.outputs]
    kept += [(file.path, file.md5) for file in version.outside]
    for path, md5 in kept:
        names.update(_changed_files(repository, path, md5, store))
    shown = sorted(names)[:_NAMES_SHOWN]
    more = f" and {len(names) - len(shown):,} more" if len(names) > len(shown) else ""
    return [f"not committed, so no part of what was proved: {', '.join(shown)}{more}"] * bool(names)


def _changed_files(repository: Path, path: str, md5: str, store: Store) -> list[str]:
    """Files of an output in the work tree that are not the recorded ones, as far as is known."""
    top = repository / path
    files = store.listing(md5)
    if files is None or not top.exists():
        return []
    found = {file.relative_to(top).as_posix() for file in top.rglob("*") if file.is_file()}
    changed = {name for name, one in files.items() if file_md5(top / name) != one}
    return [(Path(path) / name).as_posix() for name in changed | (found - {*files})]
