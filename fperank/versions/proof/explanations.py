"""What could explain that an output cannot be made again: code, parameters, packages, machine.

Each is a sentence for the person who reads the result. Nothing here judges.
"""

import importlib.metadata
import os
import re
from pathlib import Path
from typing import Any

from fperank.versions.lock import LOCK, locked_stages
from fperank.versions.proof.recorded import RecordedVersion
from fperank.versions.repository import git, yaml_mapping

_FILES_SHOWN = 10
_THREADING = ("OMP_", "MKL_", "KMP_", "GOMP_", "OPENBLAS_", "ATEN_CPU_", "ONEDNN_", "DNNL_")


def lock_explanations(
    status: dict[str, Any], version: RecordedVersion, repository: Path
) -> list[str]:
    """Where a `dvc.lock` does not belong to the code and parameters that lie beside it.

    Args:
        status: what `dvc status --json` says of a checkout of the revision, without data.
        version: the revision.
        repository: where git knows it.
    """
    stages = locked_stages(version.lock)
    stages_of: dict[str, list[str]] = {}
    for stage in version.order:
        for change in status.get(stage, ()):
            for sentence in _sentences(change, stages[stage], version, repository):
                stages_of.setdefault(sentence, []).append(stage)
    for file in version.outside:
        if file.md5 and file.md5 != file.locked_md5:
            sentence = f"{file.path}.dvc records another content than {LOCK}"
            stages_of.setdefault(sentence, []).extend(file.stages)
    found = [
        f"{sentence} (stage{'s' * (len(names) > 1)} {', '.join(names)})"
        for sentence, names in stages_of.items()
    ]
    return found + _contradictions(stages)


def _sentences(
    change: Any, locked: dict[str, Any], version: RecordedVersion, repository: Path
) -> list[str]:
    """What one change of `dvc status` says of a stage, a sentence for each file or parameter."""
    if not isinstance(change, dict):
        return [f"the command in dvc.yaml is not the one that {LOCK} records"]
    values = yaml_mapping(version.params, "params.yaml")
    elsewhere = {out.path for out in version.outputs} | {file.path for file in version.outside}
    sentences: list[str] = []
    for name, how in change.get("changed deps", {}).items():
        if isinstance(how, dict):
            recorded = locked.get("params", {}).get(name, {})
            sentences += [
                f"parameter {key} is {values.get(key)!r} in {name}, but {LOCK} records "
                f"{recorded.get(key)!r}"
                for key in how
            ]
        elif name not in elsewhere:
            # Data is not in the clone yet; only code and small files are.
            sentences += _changed_files(name, version.commit, repository)
    return sentences


def _changed_files(path: str, commit: str, repository: Path) -> list[str]:
    """The files of a file or folder that changed after the commit that recorded `dvc.lock`."""
    recorded = git(repository, "log", "-1", "--format=%H", commit, "--", LOCK).strip()
    names = git(repository, "diff", "--name-only", "-z", recorded, commit, "--", path)
    changed = [name for name in names.split("\0") if name]
    since = f"since {LOCK} was recorded ({recorded[:7]})"
    sentences = [f"{name} has changed {since}" for name in changed[:_FILES_SHOWN]]
    if len(changed) > _FILES_SHOWN:
        sentences.append(f"{len(changed) - _FILES_SHOWN:,} more of {path} have changed {since}")
    # Changed between the run and that commit: git holds no earlier text to compare with.
    return sentences or [
        f"{path} is not what {LOCK} records, and was changed before that was recorded: "
        f"`git log -p {recorded[:7]} -- {path}` shows its changes"
    ]


def _contradictions(stages: dict[str, Any]) -> list[str]:
    """Where the lock file records one hash as a stage's output and another as a stage's input."""
    made = {
        out["path"]: (name, out.get("md5"))
        for name, stage in stages.items()
        for out in stage.get("outs", [])
    }
    return [
        f"dvc.lock contradicts itself: {dep['path']} is {made[dep['path']][1]} as output of stage "
        f"{made[dep['path']][0]} and {dep.get('md5')} as input of stage {name}"
        for name, stage in stages.items()
        for dep in stage.get("deps", [])
        if dep["path"] in made and made[dep["path"]][1] != dep.get("md5")
    ]


def package_explanations(requirements: str | None) -> list[str]:
    """Packages whose installed version is not one that a requirements file pins.

    Args:
        requirements: text of `requirements.txt`, or none where the revision has no such file.
    """
    if requirements is None:
        return ["the revision has no requirements.txt: its package versions are not known"]
    pins: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", requirements, re.M):
        pins.setdefault(name, []).append(version)
    sentences = []
    for name, versions in sorted(pins.items()):
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            # Pinned for another system or Python, or only for those who develop.
            continue
        if installed.partition("+")[0] not in {pin.partition("+")[0] for pin in versions}:
            sentences.append(
                f"package {name} is {installed} here; requirements.txt has {' or '.join(versions)}"
            )
    return sentences


def machine_explanations(threads: int | None) -> list[str]:
    """What of this machine bears on the last digits of numbers.

    Args:
        threads: the parameter of that name, if there is one.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    sentences = []
    if threads and cores and cores < threads:
        sentences.append(f"parameter threads is {threads}, but this machine gives {cores} cores")
    sentences += [
        f"the environment sets {name}={value}"
        for name, value in sorted(os.environ.items())
        if name.startswith(_THREADING)
    ]
    return sentences
