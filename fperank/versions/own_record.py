"""Whether `dvc.lock` records what truly made a version's files, as far as this machine can tell.

DVC records code and parameters as they are when a stage has ended. If they were edited while it
ran, its output was made by the earlier ones. The run log tells it of code, and each output of its
parameters.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from fperank.ground.errors import DataError
from fperank.handover.dataset import DatasetFolder
from fperank.handover.input import InputFolder
from fperank.handover.model import ModelFolder
from fperank.handover.predictions import PredictionsFolder
from fperank.handover.version import Version
from fperank.running.runlog import runs
from fperank.running.stage import PARAMS, RUN_LOG
from fperank.versions.lock import locked_deps, locked_stages
from fperank.versions.repository import git

_PARAMETERS: Mapping[str, Callable[[Path, Version], Any]] = {
    "dataset": lambda top, v: DatasetFolder(top / v.dataset).summary.parameters,
    "input": lambda top, v: InputFolder(top / v.input).summary.parameters,
    "train": lambda top, v: ModelFolder(top / v.model).summary.parameters,
    "predict": lambda top, v: PredictionsFolder(top / v.predictions, "UTC").summary.parameters,
}
"""The parameters that a stage's output says it was made with."""


def edited_code(top: Path, commit: str, lock: str, version: Version) -> list[str]:
    """Code of a commit that is not what a stage began with when it last made this version here.

    Args:
        top: the top of the repository.
        commit: the version's.
        lock: its `dvc.lock`.
        version: its names.

    Returns:
        A sentence for each stage.
    """
    sentences = []
    deps = locked_deps(lock)
    for stage in locked_stages(lock):
        run = _last_run(top, stage, version)
        listed = [dep.path for dep in deps if dep.stage == stage]
        changed = [
            path
            for path, began_with in (run or {}).get("changed_meanwhile", {}).items()
            if any(Path(path).is_relative_to(dep) for dep in listed)
            and _hash_at(top, commit, path) != began_with
        ]
        if changed and run:
            sentences.append(
                f"{', '.join(changed)} changed while stage {stage} ran here (it ended "
                f"{run['ended']}): its output was made by the code before, but dvc.lock says it "
                "was made by this one"
            )
    return sentences


def other_parameters(top: Path, lock: str, version: Version) -> list[str]:
    """Parameters that `dvc.lock` records and that the files here were not made with.

    Returns:
        A sentence for each stage.
    """
    sentences = []
    for stage, read in _PARAMETERS.items():
        recorded = locked_stages(lock).get(stage, {}).get("params", {}).get(str(PARAMS), {})
        try:
            own = read(top, version)
        except DataError:
            # What is absent or of an older fperank is told elsewhere.
            continue
        own = own.model_dump(mode="json") if isinstance(own, BaseModel) else own
        differ = [
            f"{name} {own[name]!r}, not {value!r}"
            for name, value in recorded.items()
            if name in own and own[name] != value
        ]
        if differ:
            sentences.append(
                f"the output of stage {stage} was made with {'; '.join(differ)} as dvc.lock "
                "records: params.yaml was edited while the stage ran"
            )
    return sentences


def _last_run(top: Path, stage: str, version: Version) -> dict[str, Any] | None:
    # A dataset serves all models that are trained on it.
    wanted = str(version).rpartition("/")[0] if stage == "dataset" else str(version)
    run: dict[str, Any]
    for run in reversed(runs(top / RUN_LOG)):
        made = str(run.get("version"))
        made = made.rpartition("/")[0] if stage == "dataset" else made
        if run.get("command") == [stage] and run.get("status") == 0 and made == wanted:
            return run
    return None


def _hash_at(top: Path, commit: str, path: str) -> str:
    """Git's hash of a file as a commit has it, "" where it has none."""
    line = git(top, "ls-tree", "--full-tree", commit, "--", path)
    return line.split()[2] if line else ""
