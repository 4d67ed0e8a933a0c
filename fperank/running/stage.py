"""What all stages share: no arguments, errors in one message, outputs whole or not at all.

A stage runs from the top of the repository and takes no argument: `params.yaml` names the version,
and `handover.version` says where its files lie. So nothing of a parameter reaches a shell.
"""

import argparse
import contextlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from fperank.running.code import changed_since, code_files
from fperank.running.endings import ends_in_words
from fperank.running.runlog import append_run

PARAMS = Path("params.yaml")
SCRATCH = Path(".fperank")
"""What is kept between two runs, and the run log. Neither git nor DVC looks into it."""

RUN_LOG = SCRATCH / "runs.jsonl"


def run(main: Callable[[], object], description: str | None = None) -> None:
    """Run a stage and log that it ran; see `endings` for how it can end.

    Args:
        main: the stage; returns the version that its output belongs to.
        description: its docstring; the first line is what `--help` shows.
    """
    first_line = (description or "").partition("\n")[0]
    argparse.ArgumentParser(
        description=first_line, epilog="All it needs to know stands in params.yaml."
    ).parse_args()
    began, code = time.monotonic(), code_files()
    status: object = 1
    version: object = None
    try:
        with ends_in_words(_say, "stopped; `dvc repro` makes this stage anew or goes on with it"):
            version = main()
        status = 0
    except SystemExit as end:
        status = end.code
        raise
    finally:
        stage, changed = Path(sys.argv[0]).stem, changed_since(code)
        if status == 0 and changed:
            _say(
                f"note: {', '.join(changed)} changed while the stage ran. It ran as it was before, "
                "but DVC records what lies there now: run "
                f"`dvc repro --force --single-item {stage}` to make the record true"
            )
        seconds = time.monotonic() - began
        append_run(RUN_LOG, [stage], seconds, status, version, changed)


def _say(line: str) -> None:
    print(line, file=sys.stderr)


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
