"""What all stages share: arguments, errors in one line, outputs written whole or not at all."""

import argparse
import contextlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from fperank.errors import FperankError
from fperank.runlog import append_run


def parse_arguments(description: str | None, **paths: str) -> argparse.Namespace:
    """Read a stage's arguments: `--params` and one required path for each name.

    Args:
        description: the stage's docstring; its first line is shown.
        paths: argument name to help text; `--name` becomes the attribute `name`, a `Path`.
    """
    first_line = (description or "").partition("\n")[0]
    parser = argparse.ArgumentParser(description=first_line, allow_abbrev=False)
    for name, told in {"params": "the parameter file, params.yaml", **paths}.items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=Path, required=True, metavar="PATH", help=told)
    return parser.parse_args()


RUN_LOG = Path(".fperank/runs.jsonl")
"""Durations and machines of all runs; see `fperank.runlog`. Nothing reads it but people."""


def run(main: Callable[[], None]) -> None:
    """Run a stage and log that it ran.

    What the user can mend is told in one message, with exit status 1.
    """
    began = time.monotonic()
    status = 0
    try:
        main()
    except FperankError as error:
        print(f"error: {error}", file=sys.stderr)
        status = 1
    command = [Path(sys.argv[0]).stem, *sys.argv[1:]]
    append_run(RUN_LOG, command, time.monotonic() - began, status)
    if status:
        raise SystemExit(status)


@contextlib.contextmanager
def output_folder(path: Path) -> Iterator[Path]:
    """A new folder to write to, which takes the place of `path` only when all is written.

    On an error nothing is left and an output of an earlier run stays as it was.
    """
    part = path.with_name(f"{path.name}.part")
    _remove(part)
    part.mkdir(parents=True)
    try:
        yield part
    except BaseException:
        _remove(part)
        raise
    _remove(path)
    part.rename(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
