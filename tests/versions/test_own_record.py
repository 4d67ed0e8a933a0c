import json
import time

import pytest
from pipeline_repository import STATION, run
from test_faults import started

from fperank.ground.errors import DataError
from fperank.handover.version import Version
from fperank.running.stage import RUN_LOG
from fperank.versions.own_record import edited_code, other_parameters
from fperank.versions.release import make_release
from fperank.versions.repository import git

VERSION = Version(STATION, "FLOW_CFS", "demo-1", "rank-1")
CODE = "fperank/training/schedule.py"


def logged(folder, **values):
    line = {"command": ["train"], "status": 0, "version": str(VERSION), "ended": "today"}
    (folder / RUN_LOG).parent.mkdir(exist_ok=True)
    with (folder / RUN_LOG).open("a") as file:
        file.write(json.dumps({**line, "changed_meanwhile": {}, **values}) + "\n")


def faults(folder):
    lock = (folder / "dvc.lock").read_text("utf-8")
    return edited_code(folder, "HEAD", lock, VERSION) + other_parameters(folder, lock, VERSION)


def test_the_record_of_a_quiet_run_is_true(made):
    assert faults(made[0]) == []


def test_only_code_of_the_stage_that_is_not_what_its_last_run_began_with_is_told(repository):
    other = "0" * 40
    logged(repository, changed_meanwhile={CODE: other}, status=130)
    logged(repository, changed_meanwhile={CODE: other}, version="another/FLOW_CFS/demo-1/rank-1")
    own = git(repository, "rev-parse", f"HEAD:{CODE}").strip()
    logged(repository, changed_meanwhile={CODE: own, "fperank/report/page.py": other})
    assert faults(repository) == []
    logged(repository, changed_meanwhile={CODE: other})
    assert faults(repository) == [
        f"{CODE} changed while stage train ran here (it ended today): its output was made by the "
        "code before, but dvc.lock says it was made by this one"
    ]
    with (repository / RUN_LOG).open("a") as file:
        file.write('{"command": ["tr')
    assert len(faults(repository)) == 1
    logged(repository)
    # A half line of a killed run joins the next one: neither counts.
    assert len(faults(repository)) == 1
    logged(repository)
    assert faults(repository) == []


@pytest.mark.slow
def test_code_and_parameters_edited_while_a_stage_ran_are_told_and_refused(repository):
    text = (repository / "params.yaml").read_text("utf-8")
    text = text.replace("epochs: 1 ", "epochs: 15 ", 1)
    (repository / "params.yaml").write_text(text, "utf-8")
    process = started(repository, "dvc", "repro")
    sign = repository / f"{VERSION.model}.part"
    deadline = time.monotonic() + 120
    while not sign.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with (repository / CODE).open("a") as file:
        file.write("# edited\n")
    (repository / "params.yaml").write_text(
        text.replace("learning_rate: 0.001", "learning_rate: 0.002"), "utf-8"
    )
    out, said = process.communicate(timeout=200)
    assert process.returncode == 0, out + said
    assert f"note: {CODE} changed while the stage ran" in said
    assert "dvc repro --force --single-item train" in said
    run(repository, "git", "add", "--all")
    run(repository, "git", "commit", "--quiet", "--message=edited")
    assert json.loads(run(repository, "dvc", "status", "--json")) == {}
    with pytest.raises(DataError, match=r"dvc\.lock credits what did not") as told:
        make_release(repository)
    assert f"{CODE} changed while stage train ran here" in str(told.value)
    assert "learning_rate 0.001, not 0.002 as dvc.lock records" in str(told.value)
    run(repository, "dvc", "repro", "--force", "--single-item", "train")
    run(repository, "dvc", "repro")
    assert faults(repository) == []
