import json
import sys

import pytest

from fperank.ground.errors import DataError
from fperank.running.stage import SCRATCH, output_folder, run


@pytest.fixture(autouse=True)
def in_an_empty_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["stages/train.py"])


def test_a_stage_takes_no_argument_and_says_what_it_does(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["stages/train.py", "--help"])
    with pytest.raises(SystemExit) as stop:
        run(lambda: None, "Stage `train`: learn.\n\nMore.")
    assert stop.value.code == 0
    said = capsys.readouterr().out
    assert "Stage `train`: learn." in said
    assert "params.yaml" in said
    assert "More" not in said
    monkeypatch.setattr(sys, "argv", ["stages/train.py", "$(touch pwned)"])
    with pytest.raises(SystemExit) as stop:
        run(lambda: None)
    assert stop.value.code == 2
    assert "unrecognized arguments: $(touch pwned)" in capsys.readouterr().err


def test_every_run_is_logged_whatever_becomes_of_it(capsys):
    def main():
        raise DataError("no photo")

    run(lambda: None)
    with pytest.raises(SystemExit):
        run(main)
    lines = [json.loads(line) for line in (SCRATCH / "runs.jsonl").read_text().splitlines()]
    assert [(line["command"], line["status"]) for line in lines] == [(["train"], 0), (["train"], 1)]


def test_what_the_user_can_mend_is_one_message_and_status_1(capsys):
    def main():
        raise DataError("images.csv does not exist")

    with pytest.raises(SystemExit) as stop:
        run(main)
    assert stop.value.code == 1
    # The second line is of the run log: this folder is in no git repository.
    assert capsys.readouterr().err.splitlines() == [
        "error: images.csv does not exist",
        "note: git tells no revision here; the run log names none",
    ]


def test_a_defect_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        run(lambda: print(1 / 0))


def test_a_whole_output_takes_the_place_of_the_last_one(tmp_path):
    output = tmp_path / "West Brook 0 (Lower)/data"
    for text in ("old", "new"):
        with output_folder(output) as folder:
            (folder / f"{text}.txt").write_text(text)
            assert not (output / f"{text}.txt").exists()
    assert [path.name for path in output.iterdir()] == ["new.txt"]
    assert list(output.parent.iterdir()) == [output]


def test_after_an_error_the_last_output_stays_and_nothing_is_left(tmp_path):
    output = tmp_path / "data"
    with output_folder(output) as folder:
        (folder / "old.txt").touch()

    def fail():
        with output_folder(output) as folder:
            (folder / "new.txt").touch()
            raise DataError("no photo")

    with pytest.raises(DataError, match="no photo"):
        fail()
    assert [path.name for path in output.iterdir()] == ["old.txt"]
    assert list(tmp_path.iterdir()) == [output]


def test_leftovers_of_a_killed_run_are_removed(tmp_path):
    (tmp_path / "data.part").mkdir()
    (tmp_path / "data.part/half.txt").touch()
    with output_folder(tmp_path / "data"):
        pass
    assert list((tmp_path / "data").iterdir()) == []


def test_a_link_in_the_place_of_the_output_is_replaced_and_its_target_is_not_touched(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/photo.jpg").touch()
    (tmp_path / "data").symlink_to(tmp_path / "kept")
    with output_folder(tmp_path / "data") as folder:
        (folder / "new.txt").touch()
    assert not (tmp_path / "data").is_symlink()
    assert (tmp_path / "kept/photo.jpg").exists()
