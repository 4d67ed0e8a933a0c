"""The git and DVC repository around the pipeline, asked by its own commands.

Only questions, and what the caller says: nothing here changes a work tree by itself. Every command
that fails is told with what it said.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from fperank.running.errors import DataError

_ENVIRONMENT = {
    # The stages must run with this very Python, whatever the shell's first one is.
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    "DVC_NO_ANALYTICS": "1",
    "GIT_TERMINAL_PROMPT": "0",
}


@dataclass(frozen=True)
class Output:
    """One output of a stage as `dvc.lock` records it.

    Attributes:
        stage: name of the stage.
        path: relative to the top of the repository.
        md5: DVC's hash; of a folder it ends with `.dir`.
        size: bytes, 0 where the lock file does not tell.
    """

    stage: str
    path: str
    md5: str
    size: int


def command_environment() -> dict[str, str]:
    """The environment that commands run in: the caller's, with this very Python first."""
    return {**os.environ, **_ENVIRONMENT}


def run_command(folder: Path, *command: str, **environment: str) -> str:
    """Run a command in a folder and return what it prints to its standard output.

    Raises:
        DataError: it cannot be started or fails; the message holds what it said.
    """
    try:
        result = subprocess.run(  # noqa: S603  (a list, no shell; callers name the command)
            command,
            cwd=folder,
            env={**command_environment(), **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        raise DataError(f"{command[0]} is not installed or {folder} does not exist") from None
    if result.returncode:
        said = (result.stderr.strip() or result.stdout.strip())[-2000:]
        raise DataError(f"`{' '.join(command)}` failed in {folder}:\n{said}")
    return result.stdout


def git(folder: Path, *arguments: str) -> str:
    """Run git; see `run_command`."""
    return run_command(folder, "git", *arguments)


def dvc(folder: Path, *arguments: str) -> str:
    """Run DVC; see `run_command`."""
    return run_command(folder, sys.executable, "-m", "dvc", *arguments)


def top_folder(folder: Path) -> Path:
    """The top of the repository that a folder lies in.

    Raises:
        DataError: it lies in none, or in one without a pipeline.
    """
    top = Path(git(folder, "rev-parse", "--show-toplevel").strip())
    if not (top / "dvc.yaml").is_file():
        raise DataError(f"{top} holds no dvc.yaml: run this in a repository of fperank")
    return top


def file_at(folder: Path, revision: str, path: str) -> str | None:
    """The text of a file as a revision has it, or none where it has no such file."""
    try:
        return git(folder, "show", f"{revision}:{path}")
    except DataError:
        return None


def locked_outputs(lock: str) -> list[Output]:
    """The outputs that a `dvc.lock` records, in its order; metrics and plots too.

    Args:
        lock: the text of the file.
    """
    stages = (yaml.safe_load(lock) or {}).get("stages") or {}
    return [
        Output(name, out["path"], str(out.get("md5", "")), int(out.get("size", 0)))
        for name, stage in stages.items()
        for out in stage.get("outs", [])
    ]


@dataclass(frozen=True)
class VersionName:
    """What names a model version: the folders below `data/`."""

    station: str
    variable: str
    dataset_version: str
    model_version: str


def version_name(lock: str) -> VersionName | None:
    """The model version whose files a `dvc.lock` records, or none where it records no model.

    Args:
        lock: the text of the file. Its parameters are read, not those of `params.yaml`: they are
            what the files were made with, and have stayed the same names in every fperank.

    Raises:
        DataError: the text is not YAML, as after a merge with conflicts, or lacks a name.
    """
    try:
        # Every plain word is text: no hash, version or station may turn into a number or a truth.
        content = yaml.load(lock, Loader=yaml.BaseLoader)  # noqa: S506  (builds text only)
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        line = f" (line {place.line + 1})" if place else ""
        raise DataError(
            f"dvc.lock is not valid YAML{line}: is a conflict unresolved? Take one side of it "
            "whole, then run `dvc repro`"
        ) from None
    stages = content.get("stages") if isinstance(content, dict) else None
    if not isinstance(stages, dict) or "train" not in stages:
        return None
    names = {
        name: value
        for stage in stages.values()
        for name, value in stage.get("params", {}).get("params.yaml", {}).items()
    }
    wanted = list(VersionName.__dataclass_fields__)
    if missing := [name for name in wanted if not isinstance(names.get(name), str)]:
        raise DataError(f"dvc.lock does not record {', '.join(missing)}: run `dvc repro`")
    return VersionName(*(names[name] for name in wanted))


def heavy_outputs(folder: Path, revision: str, lock: str) -> list[Output]:
    """The outputs of a revision that DVC keeps: those that git does not.

    Args:
        folder: in the repository.
        revision: whose files git is asked for.
        lock: the text of `dvc.lock` at that revision.
    """
    listed = git(folder, "ls-tree", "-r", "-z", "--full-tree", "--name-only", revision)
    in_git = set(listed.split("\0"))
    return [out for out in locked_outputs(lock) if out.path not in in_git]
