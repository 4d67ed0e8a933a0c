"""`kill -9` in the middle of stages: the next `dvc repro` ends with the bytes of a quiet run."""

import os
import shutil
import signal
import subprocess
import time

import pytest
from pipeline_repository import ENVIRONMENT, STATION, run

from fperank.handover.model import CURVES_FOLDER
from fperank.handover.version import Version

VERSION = Version(STATION, "FLOW_CFS", "demo-1", "rank-1")
# From the last stage to the first, because a stage needs the outputs of those before it.
MOMENTS = {
    "report": f"{VERSION.report}.part",
    "predict": f"{VERSION.predictions}.part",
    "train": f"{VERSION.model}.part/{CURVES_FOLDER}",
    "dataset": f"{VERSION.dataset}.part/photos",
}


def kill_when(folder, sign, *command):
    """Start a command in a group of its own and kill the group when a path appears."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=ENVIRONMENT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not (folder / sign).exists():
        assert process.poll() is None, f"{command} ended before {sign} appeared"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.slow
def test_stages_killed_while_they_write_end_with_the_same_bytes(repository):
    lock = (repository / "dvc.lock").read_bytes()
    for stage, sign in MOMENTS.items():
        kill_when(repository, sign, "dvc", "repro", "--force", "--single-item", stage)
        assert not (repository / sign.replace(".part", "")).exists(), stage
    # Else DVC would put back the earlier run's outputs, and prove nothing.
    shutil.rmtree(repository / ".dvc" / "cache")
    run(repository, "dvc", "repro")
    assert (repository / "dvc.lock").read_bytes() == lock
    assert run(repository, "git", "status", "--porcelain") == ""
    assert "up to date" in run(repository, "dvc", "repro")
    assert list((repository / "data").rglob("*.part")) == []
    assert list((repository / ".fperank" / "checkpoints").iterdir()) == []
