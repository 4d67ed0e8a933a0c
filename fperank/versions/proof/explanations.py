"""What could explain that an output cannot be made again: code, parameters, packages, machine.

Each is a sentence for the person who reads the result. Nothing here judges.
"""

import importlib.metadata
import os
import re
from typing import Any

import yaml

_THREADING = ("OMP_", "MKL_", "KMP_", "GOMP_", "OPENBLAS_", "ATEN_CPU_", "ONEDNN_", "DNNL_")


def lock_explanations(status: dict[str, Any], lock: str, params: str) -> list[str]:
    """Where a `dvc.lock` does not belong to the code and parameters that lie beside it.

    Args:
        status: what `dvc status --json` tells of a checkout of the revision, without data.
        lock: the text of `dvc.lock`.
        params: the text of `params.yaml`.
    """
    stages = yaml.safe_load(lock)["stages"]
    values = yaml.safe_load(params)
    made = {out["path"] for stage in stages.values() for out in stage.get("outs", [])}
    told: dict[str, list[str]] = {}
    for stage, changes in status.items():
        for change in changes:
            if not isinstance(change, dict):
                sentence = "the command in dvc.yaml is not the one that dvc.lock records"
                told.setdefault(sentence, []).append(stage)
                continue
            for name, how in change.get("changed deps", {}).items():
                if isinstance(how, dict):
                    recorded = stages[stage].get("params", {}).get(name, {})
                    for key in how:
                        sentence = (
                            f"parameter {key} is {values.get(key)!r} in {name}, but dvc.lock "
                            f"records {recorded.get(key)!r}"
                        )
                        told.setdefault(sentence, []).append(stage)
                elif name not in made:
                    sentence = f"{name} is not the file that dvc.lock records"
                    told.setdefault(sentence, []).append(stage)
    found = [f"{sentence} (stage {', '.join(names)})" for sentence, names in told.items()]
    return found + _contradictions(stages)


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
    told = []
    for name, versions in sorted(pins.items()):
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            # Pinned for another system or Python, or only for those who develop.
            continue
        if installed.partition("+")[0] not in {pin.partition("+")[0] for pin in versions}:
            told.append(
                f"package {name} is {installed} here; requirements.txt has {' or '.join(versions)}"
            )
    return told


def machine_explanations(threads: int | None) -> list[str]:
    """What of this machine bears on the last digits of numbers.

    Args:
        threads: the parameter of that name, if there is one.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    told = []
    if threads and cores and cores < threads:
        told.append(f"parameter threads is {threads}, but this machine gives {cores} cores")
    told += [
        f"the environment sets {name}={value}"
        for name, value in sorted(os.environ.items())
        if name.startswith(_THREADING)
    ]
    return told
