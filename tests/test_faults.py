"""What a machine and its user do to a run: Ctrl-C at any moment, a full disk, a folder of others.

Each run ends in one line and with its exit status, and nothing half made is left.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pipeline_repository import ENVIRONMENT, STATION

from fperank.handover.version import Version

STAGES = ("dataset", "input", "train", "predict", "report")
VERSION = Version(STATION, "FLOW_CFS", "demo-1", "rank-1")
# Without a user namespace of its own a test cannot make a disk to fill.
MOUNTS = subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode == 0


def started(folder, *command):
    return subprocess.Popen(
        command,
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Tests that a script runs in the background inherit from it that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def interrupted(folder, seconds, *command):
    """Exit status and what was said of a command that gets Ctrl-C after so many seconds."""
    process = started(folder, *command)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=120)
    # Before a stage runs, Python itself ends by the signal, which a shell shows as 130 too.
    return {-signal.SIGINT: 130}.get(process.returncode, process.returncode), said.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_ctrl_c_at_any_moment_of_a_stage_is_one_line_and_leaves_nothing_half_made(
    repository, stage
):
    before = {path: path.read_bytes() for path in (repository / "data").rglob("*.csv")}
    ends = []
    for seconds in (0.2, 1, 2, 3, 4, 6):
        status, said = interrupted(repository, seconds, sys.executable, "-m", f"stages.{stage}")
        ends.append(status)
        if status:
            assert status == 130
            assert [line for line in said if not line.startswith("note: ")] in (
                ["stopped; `dvc repro` makes this stage anew or goes on with it"],
                ["stopped"],
                # Ended by the system before Python was there to say it.
                [],
            )
        assert list((repository / "data").rglob("*.part")) == []
    assert 130 in ends
    assert {path: path.read_bytes() for path in (repository / "data").rglob("*.csv")} == before


def catches_requests_to_end(process):
    """Whether the program has asked the system for SIGTERM; Python by itself never does."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = int(re.search(r"^SigCgt:\s+(\w+)$", status, re.MULTILINE)[1], 16)
    return bool(caught & 1 << signal.SIGTERM - 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("score", str(VERSION.model), str(VERSION.dataset / "photos"), "-o", "s.csv"),
        ("verify",),
        ("versions",),
        ("learning-curve", "curve", "--sizes", "30,60,92", "--repetitions", "5"),
    ],
    ids=lambda command: command[0],
)
def test_ctrl_c_in_a_command_is_one_line(repository, command):
    for seconds in (0, 0.2, 1, 2):
        process = started(repository, sys.executable, "-m", "fperank.cli", *command)
        while not catches_requests_to_end(process):
            time.sleep(0.01)
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=120)[1].splitlines()
        if seconds and process.returncode == 0:
            break  # a short command was done before
        assert process.returncode == 130
        assert "Traceback" not in "\n".join(said)
        assert said[-1] == "stopped before the end: what was whole before is still there"


@pytest.mark.slow
@pytest.mark.skipif(not MOUNTS, reason="no user namespaces here to mount a small disk in")
@pytest.mark.parametrize("stage", ["dataset", "train", "report"])
def test_a_full_disk_is_told_and_what_was_there_stays(repository, stage):
    """The stages that write more than the disk has room for; the other two write less."""
    before = {path: path.read_bytes() for path in (repository / "data").rglob("*.csv")}
    script = f"""
        set -e
        mkdir disk
        size=$(du -sk data | cut -f1)
        mount -t tmpfs -o size=$((size + 60))k none disk
        cp -a data/. disk/
        mount --bind disk data
        {sys.executable} -m stages.{stage} || echo "status $?"
        find data -name '*.part'
        cp -a data after
    """
    done = subprocess.run(
        ["unshare", "-rm", "bash", "-c", script],
        cwd=repository,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.splitlines()[-1] == "status 1", done.stdout + done.stderr
    errors = [line for line in done.stderr.splitlines() if not line.startswith("note: ")]
    assert len(errors) == 1, done.stderr
    assert errors[0].startswith("error: no room is left on the disk of data/West Brook 0 (Lower)/")
    after = {
        repository / "data" / path.relative_to(repository / "after"): path.read_bytes()
        for path in (repository / "after").rglob("*.csv")
    }
    assert after == before


@pytest.mark.slow
def test_two_scorers_never_write_to_one_file(repository):
    command = [sys.executable, "-m", "fperank.cli", "score", str(VERSION.model)]
    command += [str(VERSION.dataset / "photos"), "-o", "s.csv", "--all-hours"]
    runs = [started(repository, *command) for _ in range(2)]
    said = [run.communicate(timeout=120)[1] for run in runs]
    statuses = sorted(run.returncode for run in runs)
    rows = (repository / "s.csv").read_text().splitlines()
    assert len(rows) == len({row.partition(",")[0] for row in rows}) == 245
    # The slower one may begin when the other has ended, and then finds all photos scored.
    assert statuses == [0, 0] or (
        statuses == [0, 1] and any("another run is adding scores to s.csv" in one for one in said)
    )


def test_an_odd_language_setting_is_told(made):
    """No letters but ASCII, and Python's own way around that switched off."""
    odd = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "fperank.cli", "score", "模型", "photos", "-o", "s.csv"],
        cwd=made[0],
        env={**ENVIRONMENT, **odd},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
