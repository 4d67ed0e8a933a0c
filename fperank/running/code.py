"""The code that a stage runs, as it was when the stage began.

DVC 3.67 takes a stage's code as it is when the stage has ended, so code that was edited meanwhile
gets the credit for an output that it did not make. What is kept here tells it.
"""

import subprocess
import sys
from pathlib import Path

_FOLDERS = ("fperank", "stages")


def code_files() -> dict[str, str]:
    """Git's hash of each file of the code, by its path from the top; nothing outside of git.

    What changed in the seconds between the start of Python and this call goes unseen.
    """
    try:
        names = _git("", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *_FOLDERS)
        paths = [name for name in names.split("\0") if name and Path(name).is_file()]
        hashes = _git("\n".join(paths), "hash-object", "--stdin-paths").split()
    except (OSError, subprocess.CalledProcessError):
        return {}
    return dict(zip(paths, hashes, strict=True))


def changed_since(before: dict[str, str]) -> dict[str, str]:
    """The files that this process has loaded and that are no more as they were, with their hashes.

    Args:
        before: what `code_files` gave when the stage began.
    """
    if not before:
        return {}
    now = code_files()
    loaded = {
        Path(file).resolve()
        for module in list(sys.modules.values())
        if (file := getattr(module, "__file__", None))
    }
    return {
        path: hashed
        for path, hashed in before.items()
        if now.get(path) != hashed and (not path.endswith(".py") or Path(path).resolve() in loaded)
    }


def _git(given: str, *arguments: str) -> str:
    return subprocess.run(  # noqa: S603  (a list, no shell)
        ["git", *arguments],  # noqa: S607
        input=given,
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout
