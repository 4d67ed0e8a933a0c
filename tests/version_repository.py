"""A repository of model versions written by hand: no stage runs, so that tests take moments."""

import hashlib
import json
import shutil
from pathlib import Path

from dvc.utils.serialize import dumps_yaml
from pipeline_repository import ROOT, run

from fperank.ground.files import write_json
from fperank.handover.report import METRICS_FILE
from fperank.handover.version import FIGURES, Version

WEIGHTS = "weights/large.safetensors"
METRICS = {
    "counts": {
        **{"days": 20, "photos": 60, "photos_failed": 0, "photos_observed": 58},
        **{"photos_scored": 60, "pairs_train": 40, "pairs_val": 12},
    },
    "pairs": {"val": {"accuracy": 0.75, "accuracy_ci_low": 0.5, "accuracy_ci_high": 1.0, "n": 12}},
    "photo": {
        "test-in": {"tau": 0.8125, "tau_ci_low": 0.75, "tau_ci_high": 0.875, "n": 31},
        "test-out": {"tau": 0.625, "tau_ci_low": None, "tau_ci_high": None, "n": 9},
    },
}


class VersionRepository:
    """A git and DVC repository without stages, whose `dvc.lock` names a folder of two files."""

    def __init__(self, folder):
        self.folder, self.day = folder, 0
        self.cache = folder / ".dvc" / "cache" / "files" / "md5"
        (folder / ".dvc").mkdir(parents=True)
        for name in ("config", ".gitignore"):
            shutil.copy(ROOT / ".dvc" / name, folder / ".dvc" / name)
        (folder / "dvc.yaml").write_text("stages: {}\n")
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments):
        return run(self.folder, "git", *arguments).strip()

    def remote(self, url):
        (self.folder / ".dvc" / "config.local").write_text(
            f"['remote \"storage\"']\n    url = {url}\n"
        )

    def stored(self, content, suffix=""):
        md5 = hashlib.md5(content).hexdigest() + suffix
        path = self.cache / md5[:2] / md5[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return md5

    def version(
        self,
        station="West Brook",
        model="rank-1",
        variable="FLOW_CFS",
        dataset="set-1",
        weights=None,
        **metrics,
    ):
        """Commit a model version; its folder holds two files in the cache.

        `weights` is the content of a file in `weights/` that it read and that `dvc add` keeps.
        """
        listed = [
            {"md5": self.stored(f"{station} {model} {part}".encode()), "relpath": part}
            for part in ("model.json", "model.safetensors")
        ]
        md5 = self.stored(json.dumps(listed).encode(), ".dir")
        version = Version(station, variable, dataset, model)
        names = {"station": station, "variable": variable, "dataset_version": dataset}
        lock = {
            "schema": "2.0",
            "stages": {
                "dataset": {"cmd": "x", "params": {"params.yaml": names}},
                "input": {"cmd": "x", "params": {"params.yaml": {"model_version": model}}},
                "train": {
                    "cmd": "x",
                    "deps": [] if weights is None else [self.added(WEIGHTS, weights)],
                    "outs": [
                        {"path": version.model.as_posix(), "md5": md5, "size": 9},
                        {"path": (FIGURES / METRICS_FILE).as_posix(), "md5": "0" * 32, "size": 9},
                    ],
                },
            },
        }
        (self.folder / "dvc.lock").write_text(dumps_yaml(lock), "utf-8")
        write_json(METRICS | metrics, self.folder / FIGURES / METRICS_FILE)
        return self.commit(f"{station} {model}")

    def added(self, path, content):
        """What `dvc add` leaves: the file, which git ignores, and a small file with its hash."""
        (self.folder / path).parent.mkdir(exist_ok=True)
        (self.folder / path).write_bytes(content)
        (self.folder / path).with_name(".gitignore").write_text(f"/{Path(path).name}\n")
        out = {"md5": self.stored(content), "size": len(content), "hash": "md5"}
        text = dumps_yaml({"outs": [{**out, "path": Path(path).name}]})
        (self.folder / f"{path}.dvc").write_text(text, "utf-8")
        return {"path": path, **out}

    def commit(self, message="more"):
        """Each commit a day later than the last."""
        self.day += 1
        date = f"GIT_COMMITTER_DATE=2026-05-{self.day:02d}T12:00:00Z"
        self.git("add", "--all")
        command = ("git", "commit", "--quiet", "--allow-empty", f"--message={message}")
        run(self.folder, "env", date, *command)
        return self.git("rev-parse", "HEAD")

    def copy_to_remote(self, remote, names=lambda name: True):
        for path in self.cache.rglob("*"):
            if path.is_file() and names(path.name):
                target = remote / "files" / "md5" / path.relative_to(self.cache)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target)
