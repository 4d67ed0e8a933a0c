"""The git and DVC repository around the pipeline, asked by its own commands.

Only questions, and what the caller says: nothing here changes a work tree by itself. Every command
that fails is an error that holds what the command said.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from fperank.ground.errors import DataError, ParameterError
from fperank.handover.report import METRICS_FILE, Figures, parse_metrics
from fperank.handover.version import FIGURES
from fperank.params.file import read_yaml

PIPELINE = "dvc.yaml"

_ENVIRONMENT = {
    # The stages must run with this very Python, whatever the shell's first one is.
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    "DVC_NO_ANALYTICS": "1",
    "GIT_TERMINAL_PROMPT": "0",
}


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
    if not (top / PIPELINE).is_file():
        raise DataError(f"{top} holds no {PIPELINE}: run this in a repository of fperank")
    return top


def file_at(folder: Path, revision: str, path: str) -> str | None:
    """The text of a file as a revision has it, or none where it has no such file."""
    try:
        return git(folder, "show", f"{revision}:{path}")
    except DataError:
        return None


def figures_at(folder: Path, revision: str) -> Figures | None:
    """The metrics that a revision holds in git, or none where it holds none.

    Raises:
        DataError: they are not what stage `report` writes.
    """
    path = (FIGURES / METRICS_FILE).as_posix()
    text = file_at(folder, revision, path)
    return None if text is None else parse_metrics(text, path)


def yaml_mapping(text: str, where: str) -> dict[str, Any]:
    """The names and values that a YAML file of the repository holds, as DVC reads them.

    Args:
        text: of `dvc.lock`, `dvc.yaml`, `params.yaml` or a file that `dvc add` wrote.
        where: what to name in an error.

    Raises:
        DataError: it holds something else, as after a merge with conflicts.
    """
    try:
        content, line = read_yaml(text, where), ""
    except ParameterError as error:
        lines = re.findall(r"line \d+", str(error))
        content, line = error, f" ({lines[-1]})" if lines else ""
    if content is not None and not isinstance(content, dict):
        raise DataError(
            f"{where} is not valid YAML{line}: is a conflict unresolved? Take one side of it "
            "whole, then run `dvc repro`"
        )
    return content or {}
