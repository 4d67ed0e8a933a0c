"""What happened when and on what machine: a log that nothing depends on.

Durations, versions, the processor and the git revision belong to a run, not to its results; in an
output they would make equal results look different. So they lie in one file of JSON lines that
neither git nor DVC tracks.
"""

import contextlib
import importlib.metadata
import json
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_PACKAGES = ("dvc", "numpy", "pandas", "pillow", "scipy", "torch", "torchvision")


def append_run(
    log: Path,
    command: Sequence[str],
    seconds: float,
    status: object,
    version: object = None,
    changed: Mapping[str, str] | None = None,
) -> None:
    """Add one line on a run that has just ended; where it cannot be written, that is told.

    Args:
        log: the file; it and its folder are made where they are absent.
        command: the stage and its arguments.
        seconds: how long it took.
        status: its exit status.
        version: what it made a part of, if it did.
        changed: files of the code that changed while it ran, and git's hashes of them before.
    """
    line = {
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": list(command),
        "seconds": round(seconds, 1),
        "status": status,
        "version": None if version is None else str(version),
        "changed_meanwhile": dict(changed or {}),
        "revision": _revision(),
        **describe_machine(),
    }
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, sort_keys=True) + "\n")
    except OSError as error:
        # Nothing depends on it: a result that is there must not be lost for its sake.
        print(f"note: this run is not in the log {log} ({error.strerror})", file=sys.stderr)


def runs(log: Path) -> list[dict[str, Any]]:
    """All lines of the log, the oldest first; none where there is no log."""
    try:
        lines = log.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, UnicodeDecodeError):
        return []
    found = []
    for line in lines:
        # A run that was killed while it wrote has left half a line.
        with contextlib.suppress(json.JSONDecodeError):
            found.append(json.loads(line))
    return [line for line in found if isinstance(line, dict)]


def describe_machine() -> dict[str, Any]:
    """Processor, system, Python and the packages whose arithmetic or decoding results rest on."""
    return {
        "processor": _processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _revision() -> str | None:
    """The git revision, with `+` where the work tree differs from it; none outside of git."""
    try:
        printed = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
            cwd=Path.cwd(),
        )
    except (OSError, subprocess.CalledProcessError):
        print("note: git tells no revision here; the run log names none", file=sys.stderr)
        return None
    return printed.stdout.strip()
