"""A repository of model versions written by hand: no stage runs, so that tests take moments."""

import hashlib
import json
import shutil

import yaml
from pipeline_repository import ROOT, run

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
        self, station="West Brook", model="rank-1", variable="FLOW_CFS", dataset="set-1", **metrics
    ):
        """Commit a model version; its folder holds two files in the cache."""
        listed = [
            {"md5": self.stored(f"{station} {model} {part}".encode()), "relpath": part}
            for part in ("model.json", "model.safetensors")
        ]
        md5 = self.stored(json.dumps(listed).encode(), ".dir")
        names = {"station": station, "variable": variable, "dataset_version": dataset}
        lock = {
            "schema": "2.0",
            "stages": {
                "dataset": {"cmd": "x", "params": {"params.yaml": names}},
                "input": {"cmd": "x", "params": {"params.yaml": {"model_version": model}}},
                "train": {
                    "cmd": "x",
                    "outs": [
                        {"path": f"data/{station}/model", "md5": md5, "size": 9},
                        {"path": "report/metrics.json", "md5": "0" * 32, "size": 9},
                    ],
                },
            },
        }
        (self.folder / "dvc.lock").write_text(yaml.safe_dump(lock, allow_unicode=True), "utf-8")
        (self.folder / "report").mkdir(exist_ok=True)
        (self.folder / "report" / "metrics.json").write_text(json.dumps(METRICS | metrics))
        return self.commit(f"{station} {model}")

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
