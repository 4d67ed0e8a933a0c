"""A clean clone in a temporary folder, which leaves nothing behind.

Whatever ends the work, an error, Ctrl-C or a kill that can be heard, the folder goes and so does
every process that was started in it. The clone has a DVC cache of its own and takes nothing from
the user's shell that could lead Python, git or DVC back to the user's files.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fperank.ground.errors import DataError
from fperank.running.endings import signals_as_exits
from fperank.versions.repository import command_environment, dvc
from fperank.versions.storage import PLACEHOLDER

OnLine = Callable[[str], None]
"""Gets a line whenever there is something to say to a person who waits."""

_LED_ASTRAY_BY = (
    *("PYTHONPATH", "PYTHONSAFEPATH", "PYTHONHOME", "PYTHONINSPECT"),
    *("DVC_ROOT", "DVC_STAGE", "DVC_EXP_", "DVC_STUDIO_", "DVCLIVE_", "GIT_DIR", "GIT_WORK_TREE"),
    *("GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_", "GIT_COMMON_DIR"),
    *("GIT_NAMESPACE", "GIT_PREFIX"),
)

_SAID_BY_DVC = ("Running stage ", "> ", "Updating lock file ", "Use `dvc push`")


@dataclass(frozen=True)
class CleanClone:
    """A clean clone and the folder around it.

    Attributes:
        top: the top of the clone.
        cache: where the clone's own DVC cache holds its objects by hash.
        remote: name of the DVC remote that the user's repository reads by default, or "" where
            there is none or it is not set up.
        on_line: gets a line whenever there is something to say to a person who waits.
    """

    top: Path
    cache: Path
    remote: str
    on_line: OnLine

    def run(self, *command: str, pass_on: bool = False) -> str:
        """Run a command in the clone and return what it printed.

        Args:
            command: the program and its arguments.
            pass_on: whether `on_line` gets each line as it is printed, DVC's own left out.

        Raises:
            DataError: it failed; the message holds the end of what it said.
        """
        lines: list[str] = []
        scratch = self.top.parent / "tmp"
        with tempfile.TemporaryFile(dir=scratch) as errors:
            process = subprocess.Popen(  # noqa: S603  (a list, no shell)
                command,
                cwd=self.top,
                env=_environment(scratch),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
            try:
                if process.stdout is None:
                    raise DataError(f"{command[0]} cannot be listened to")
                for line in process.stdout:
                    lines.append(line)
                    if pass_on and line.strip() and not line.startswith(_SAID_BY_DVC):
                        self.on_line(line.rstrip())
                process.wait()
            finally:
                _end(process)
            if process.returncode:
                errors.seek(0)
                said = errors.read().decode("utf-8", errors="replace").strip()
                said = said or "".join(lines).strip()
                raise DataError(f"`{' '.join(command)}` failed in the clone:\n{said[-2000:]}")
        return "".join(lines)

    def dvc(self, *arguments: str, pass_on: bool = False) -> str:
        """Run DVC in the clone; see `run`."""
        return self.run(sys.executable, "-m", "dvc", *arguments, pass_on=pass_on)


def _environment(scratch: Path) -> dict[str, str]:
    clean = {
        name: value
        for name, value in command_environment().items()
        if not name.startswith(_LED_ASTRAY_BY)
    }
    # DVC would else keep notes on the clone in a folder of the whole machine.
    own = {"TMPDIR": str(scratch), "DVC_SITE_CACHE_DIR": str(scratch.parent / "site")}
    return {**clean, **own, "PYTHONUNBUFFERED": "1"}


def _end(process: subprocess.Popen[str]) -> None:
    """End a command and all that it started; nothing happens where they have ended."""
    for _ in range(100):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            break
        process.poll()
        time.sleep(0.02)
    process.wait()


@contextlib.contextmanager
def clean_clone(top: Path, commit: str, on_line: OnLine) -> Iterator[CleanClone]:
    """A clone of one commit, without data, which is removed at the end whatever happens.

    Args:
        top: the top of the user's repository; only read.
        commit: full hash; no branch need hold it.
        on_line: gets a line whenever there is something to say to a person who waits.

    Raises:
        DataError: the temporary folder lies in the repository, or git cannot clone.
    """
    if Path(tempfile.gettempdir()).resolve().is_relative_to(top.resolve()):
        raise DataError(
            f"temporary files would lie in the repository ({tempfile.gettempdir()}): "
            "set TMPDIR to a folder outside of it"
        )
    folder: Path | None = None
    with signals_as_exits():
        try:
            folder = Path(tempfile.mkdtemp(prefix="fperank-")).resolve()
            for name in ("clone", "tmp", "site"):
                (folder / name).mkdir()
            settings = _settings(top)
            clone = CleanClone(
                folder / "clone",
                folder / "clone" / ".dvc" / "cache" / "files" / "md5",
                _remote(settings),
                on_line,
            )
            _check_out(clone, top, commit)
            _set_up_dvc(clone, settings)
            yield clone
        finally:
            if folder is not None:
                _remove(folder)


def _check_out(clone: CleanClone, top: Path, commit: str) -> None:
    # Hooks belong to the user; in a clone they would run on the user's behalf.
    quiet = ("git", "-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")
    clone.run(*quiet, "clone", "--quiet", "--shared", "--no-checkout", str(top.resolve()), ".")
    try:
        clone.run("git", "cat-file", "-e", f"{commit}^{{commit}}")
    except DataError:
        # From a shallow repository git clones branches only; an experiment lies on none.
        clone.run(*quiet, "fetch", "--quiet", "--depth=1", str(top.resolve()), commit)
    clone.run(*quiet, "checkout", "--quiet", "--detach", commit)


def _settings(top: Path) -> dict[str, str]:
    """DVC's settings for the user's repository, with paths made absolute by DVC.

    So a remote in a neighbouring folder is found from the clone too.
    """
    lines = dvc(top, "config", "--list").splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def _remote(settings: dict[str, str]) -> str:
    name = settings.get("core.remote", "")
    return "" if settings.get(f"remote.{name}.url", "").startswith(PLACEHOLDER) else name


def _set_up_dvc(clone: CleanClone, settings: dict[str, str]) -> None:
    """Write the clone's `.dvc/config.local`: a cache of its own, and the user's remotes."""
    sections: dict[str, dict[str, str]] = {
        "core": {"analytics": "false", "check_update": "false"},
        # Links within the clone spare room; what lies there is checked by its hash in any case.
        "cache": {"dir": str(clone.cache.parents[1]), "type": "reflink,hardlink,copy"},
    }
    if clone.remote:
        sections["core"]["remote"] = clone.remote
    for name, value in settings.items():
        if name.startswith("remote."):
            remote, _, option = name.removeprefix("remote.").rpartition(".")
            sections.setdefault(f"'remote \"{remote}\"'", {})[option] = value
    lines = []
    for section, options in sections.items():
        lines.append(f"[{section}]")
        for name, value in options.items():
            quote = "'" if '"' in value else '"'
            lines.append(f"    {name} = {quote}{value}{quote}")
    local = clone.top / ".dvc" / "config.local"
    local.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _remove(folder: Path) -> None:
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)
    raise DataError(f"{folder} cannot be removed: remove it by hand")
