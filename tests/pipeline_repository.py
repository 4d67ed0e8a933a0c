"""A small station's repository, made once by the real `dvc repro`, for every test that needs one.

The station's name holds a space and brackets.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[1]
STATION = "West Brook 0 (Lower)"
SMALL = {
    "station": STATION,
    "demo_days": 30,
    "demo_annotations": 150,
    "min_train_pairs": 10,
    "input_size": 32,
    "backbone": "shufflenet_v2_x0_5",
    "epochs": 1,
    "bootstrap_samples": 10,
    "report_photos": 10,
}
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "DVC_NO_ANALYTICS": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{
        f"GIT_{who}_{what}": "test@example.org"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    },
}


def run(folder, *command, code=0):
    result = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=500
    )
    printed = result.stdout + result.stderr
    assert result.returncode == code, printed
    return printed


def stages_run(printed):
    return re.findall(r"Running stage '(\w+)'", printed)


def _build(folder):
    folder.mkdir()
    for name in ("dvc.yaml", "params.yaml", ".gitignore", ".dvcignore"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("fperank", "stages", "weights"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    (folder / ".dvc").mkdir()
    for name in ("config", ".gitignore"):
        shutil.copy(ROOT / ".dvc" / name, folder / ".dvc" / name)
    text = (folder / "params.yaml").read_text(encoding="utf-8")
    for name, value in SMALL.items():
        text, n = re.subn(rf"^{name}: \S+", f"{name}: {json.dumps(value)}", text, flags=re.M)
        assert n == 1, name
    (folder / "params.yaml").write_text(text.replace('(Lower)" Brook', '(Lower)"'), "utf-8")
    run(folder, "git", "init", "--quiet", "--initial-branch=main")
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message=code")
    printed = run(folder, "dvc", "repro")
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message=first model version")
    return printed


@pytest.fixture(scope="session")
def made(tmp_path_factory, worker_id):
    """A repository in which `dvc repro` has run once and all is committed, and what it printed.

    Not to be changed: tests that change it take `repository`. Parallel workers share it.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    folder, printed = shared / "pipeline-repository", shared / "pipeline-printed.txt"
    with FileLock(shared / "pipeline.lock"):
        if not printed.exists():
            text = _build(folder)
            printed.write_text(text, encoding="utf-8")
    return folder, printed.read_text(encoding="utf-8")


@pytest.fixture
def repository(made, tmp_path):
    """A copy of it that a test may change."""
    return shutil.copytree(made[0], tmp_path / "copy", symlinks=True)
