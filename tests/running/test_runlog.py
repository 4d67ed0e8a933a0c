import json

from fperank.running.runlog import append_run, describe_machine


def test_each_run_is_one_line_with_its_machine_and_versions(tmp_path, monkeypatch):
    log = tmp_path / "new" / "runs.jsonl"
    append_run(log, ["train", "--params", "x"], 1.26, 0)
    monkeypatch.chdir(tmp_path)
    append_run(log, ["predict"], 0.0, 1)
    first, second = (json.loads(line) for line in log.read_text("utf-8").splitlines())
    assert first["command"] == ["train", "--params", "x"]
    assert (first["seconds"], first["status"]) == (1.3, 0)
    assert len(first["revision"].rstrip("+")) == 40
    assert (second["status"], second["revision"]) == (1, None)
    assert first["packages"]["torch"]
    assert first["processor"]


def test_the_machine_is_told_alike_twice():
    assert describe_machine() == describe_machine()
