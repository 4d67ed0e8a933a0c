"""Time and disk space of `dvc status` and its neighbours on a large station, by link type.

    python -m benchmarks.status --photos 50000

Makes a temporary repository with the real dvc.yaml and params.yaml for each link type of DVC's
cache, gives it a dataset of so many small photos and the folders of the later stages, commits all
with `dvc commit`, and times commands when nothing has changed. "Cold" is without DVC's own notes
of which files it has seen, as in a fresh clone or after the cache's disk was exchanged; the
operating system's cache of files is warm throughout.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from fperank.ground.files import write_json

ROOT = Path(__file__).parents[1]
LINK_TYPES = ("copy", "hardlink", "symlink", "reflink")
_BYTES = 4096
_PER_FOLDER = 1500
_TIMEOUT_S = 1200
_TIMES = 3


class _Repository:
    """A temporary repository of one link type; its DVC keeps its notes to itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "repository"
        self.notes = folder / "notes"
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(self.notes),
            "GIT_CONFIG_GLOBAL": os.devnull,
        }

    def run(self, *command: str) -> tuple[float, str]:
        """Seconds that a command took, and what it told; ends the benchmark where it fails."""
        began = time.perf_counter()
        result = subprocess.run(  # noqa: S603
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
        )
        seconds = time.perf_counter() - began
        told = result.stdout + result.stderr
        if result.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {result.returncode}:\n{told}")
        return round(seconds, 2), told

    def build(self, n_photos: int, link_type: str) -> None:
        """Code, parameters, and the folders that the five stages would have written."""
        self.folder.mkdir(parents=True)
        for name in ("dvc.yaml", "params.yaml", ".gitignore", ".dvcignore"):
            shutil.copy(ROOT / name, self.folder / name)
        for name in ("fperank", "stages", "weights"):
            unwanted = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, self.folder / name, ignore=unwanted)
        self.run("git", "init", "--quiet")
        self.run("dvc", "init", "--quiet")
        self.run("dvc", "config", "cache.type", link_type)
        params = yaml.safe_load((self.folder / "params.yaml").read_text(encoding="utf-8"))
        version = Path("data", params["station"], params["variable"], params["dataset_version"])
        photos = self.folder / version / "data" / "photos"
        for number in range(n_photos):
            month = photos / f"{number // _PER_FOLDER:04}"
            if number % _PER_FOLDER == 0:
                month.mkdir(parents=True)
            content = number.to_bytes(8, "big") * (_BYTES // 8)
            (month / f"IMG_{number:07}.JPG").write_bytes(content)
        for name in ("input", "model", "predictions", "report"):
            made = self.folder / version / "models" / params["model_version"] / name
            write_json({"stage": name}, made / "made.json")
        for name in ("loss.csv", "hydrograph.csv", "scatter.csv", "ties.csv"):
            (self.folder / "report").mkdir(exist_ok=True)
            (self.folder / "report" / name).write_text("x,y\n1,1\n", encoding="utf-8")
        write_json({"tau": 0.5}, self.folder / "report" / "metrics.json")

    def unchanged(self, *command: str) -> float:
        """Seconds that a DVC command took that must find nothing changed."""
        seconds, told = self.run(*command)
        if "up to date" not in told:
            raise RuntimeError(f"{' '.join(command)} found a change:\n{told}")
        return seconds


def measure(folder: Path, n_photos: int, link_type: str) -> dict[str, Any]:
    """Build a repository in a folder, commit it and time what users type every day."""
    repository = _Repository(folder)
    repository.build(n_photos, link_type)
    data, cache = repository.folder / "data", repository.folder / ".dvc" / "cache"
    measured: dict[str, Any] = {}
    measured["data_before_mib"] = _mib(data)
    measured["commit_s"], _ = repository.run("dvc", "commit", "--force")
    measured["status_first_s"] = repository.unchanged("dvc", "status")
    before = _processor_seconds()
    measured["status_warm_s"] = min(repository.unchanged("dvc", "status") for _ in range(_TIMES))
    measured["status_warm_processor_s"] = round((_processor_seconds() - before) / _TIMES, 2)
    measured["repro_unchanged_s"] = repository.unchanged("dvc", "repro")
    shutil.rmtree(repository.notes)
    measured["status_cold_s"] = repository.unchanged("dvc", "status")
    photo = next(data.rglob("*.JPG"))
    measured["photos_read_only"] = not photo.stat().st_mode & 0o200
    measured["photos_are_links"] = photo.is_symlink() or photo.stat().st_nlink > 1
    measured["data_and_cache_mib"] = _mib(data, cache)
    remote = folder / "remote"
    repository.run("dvc", "remote", "add", "--default", "large", str(remote))
    measured["push_to_folder_s"], _ = repository.run("dvc", "push")
    shutil.rmtree(data)
    measured["checkout_s"], _ = repository.run("dvc", "checkout")
    return measured


def _processor_seconds() -> float:
    """Of all commands that have ended; unlike the clock's, they do not grow on a busy machine."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _reason(told: str) -> str:
    lines = [line for line in told.splitlines() if "ERROR" in line] or told.splitlines()
    return lines[-1]


def _mib(*folders: Path) -> int:
    """Space that folders take on the disk together; a file with several names counts once."""
    seen: dict[tuple[int, int], int] = {}
    for folder in folders:
        for path in folder.rglob("*"):
            known = path.lstat()
            seen[known.st_dev, known.st_ino] = known.st_blocks * 512
    return round(sum(seen.values()) / (1 << 20))


def main() -> None:
    """Measure each link type, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", type=int, default=50_000)
    parser.add_argument("--links", nargs="+", choices=LINK_TYPES, default=list(LINK_TYPES))
    parser.add_argument("--folder", type=Path, help="where to work; its disk is what is measured")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    told: dict[str, Any] = {"photos": arguments.photos, "bytes_per_photo": _BYTES, "links": {}}
    for link_type in arguments.links:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            try:
                told["links"][link_type] = measure(Path(folder), arguments.photos, link_type)
            except RuntimeError as error:
                told["links"][link_type] = {"not_possible": _reason(str(error))}
        print(link_type)
        for name, value in told["links"][link_type].items():
            print(f"    {name:<20} {value}")
    if arguments.out:
        write_json(told, arguments.out)


if __name__ == "__main__":
    main()
