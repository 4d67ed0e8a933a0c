import json
import shutil
import sys

import pytest
from dvc.utils.serialize import dumps_yaml
from version_repository import METRICS, VersionRepository

from fperank import cli
from fperank.ground.errors import DataError
from fperank.handover.version import Version
from fperank.versions import listing
from fperank.versions.listing import model_versions
from fperank.versions.lock import locked_version


@pytest.fixture
def by_hand(tmp_path):
    return VersionRepository(tmp_path / "by hand")


def test_a_version_counts_once_and_has_all_its_names(by_hand, tmp_path):
    by_hand.remote(tmp_path / "remote")
    first = by_hand.version()
    by_hand.git("tag", "--annotate", "--message=x", "brook/one")
    by_hand.git("tag", "light")
    by_hand.git("update-ref", f"refs/exps/{'a' * 2}/{'b' * 38}/calm-loon", first)
    by_hand.git("update-ref", "refs/exps/exec/EXEC_HEAD", first)
    by_hand.git("update-ref", "refs/remotes/origin/main", first)
    by_hand.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    second = by_hand.version(station="Río [Ñ]", model="no", photo={"test-in": {"n": 0}})
    newest, older = model_versions(by_hand.folder / "report")[0]
    assert older.names == ("brook/one", "light", "origin/main", "calm-loon")
    assert (older.commit, older.revision) == (first, first[:7])
    assert older.version == Version("West Brook", "FLOW_CFS", "set-1", "rank-1")
    assert (older.test_in_tau, older.test_out_tau) == (0.8125, 0.625)
    assert (newest.commit, newest.names) == (second, ("main",))
    assert newest.version == Version("Río [Ñ]", "FLOW_CFS", "set-1", "no")
    assert (newest.test_in_tau, newest.test_out_tau) == (None, None)


def test_files_here_and_on_the_remote_are_kept_apart(by_hand, tmp_path):
    remote = tmp_path / "remote"
    by_hand.remote(remote)
    by_hand.version(photo=METRICS["photo"])

    def where():
        versions, trouble = model_versions(by_hand.folder)
        assert trouble == ""
        return versions[0].here, versions[0].remote

    assert where() == ("yes", "no")
    by_hand.copy_to_remote(remote)
    one = next(path for path in by_hand.cache.rglob("*") if path.is_file() and not path.suffix)
    one.unlink()
    assert where() == ("partly", "yes")
    shutil.rmtree(by_hand.cache)
    assert where() == ("no", "yes")


def test_a_remote_that_cannot_be_asked_makes_unknown_and_no_failure(by_hand, tmp_path, monkeypatch):
    # What is tried is the reason; a busy machine may need longer than a user would wait for it.
    monkeypatch.setattr(listing, "_REMOTE_SECONDS", 200)
    by_hand.version()
    versions, trouble = model_versions(by_hand.folder)
    assert [version.remote for version in versions] == ["unknown"]
    assert "remote storage is not set up yet; see README.md" in trouble
    (tmp_path / "aws").write_text("")
    for name, value in {
        **{"MAX_ATTEMPTS": "1", "CONFIG_FILE": str(tmp_path / "aws")},
        **{"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x"},
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    by_hand.remote("s3://bucket/prefix\n    endpointurl = http://127.0.0.1:9")
    versions, trouble = model_versions(by_hand.folder)
    assert [version.remote for version in versions] == ["unknown"]
    assert 'Could not connect to the endpoint URL: "http://127.0.0.1:9/' in trouble


def test_what_is_no_version_is_left_out_and_what_is_unreadable_is_listed(by_hand):
    by_hand.commit()
    by_hand.git("tag", "code-only")
    lock = by_hand.folder / "dvc.lock"
    lock.write_text("schema: '2.0'\nstages: {dataset: {cmd: x}}\n")
    by_hand.commit()
    by_hand.git("tag", "dataset-only")
    lock.write_text("stages:\n<<<<<<< HEAD\n  train: {}\n=======\n")
    by_hand.commit()
    by_hand.git("tag", "conflict")
    lock.write_text("stages: {train: {cmd: x, params: {params.yaml: {station: A}}}}\n")
    by_hand.commit()
    by_hand.git("tag", "nameless")
    by_hand.version()
    (by_hand.folder / "report" / "metrics.json").write_text("[]")
    by_hand.commit()
    versions, trouble = model_versions(by_hand.folder)
    assert trouble == ""
    reasons = {version.names[0]: version.reason for version in versions}
    assert sorted(reasons) == ["conflict", "main", "nameless"]
    assert "is a conflict unresolved?" in reasons["conflict"]
    assert "does not record variable, dataset_version, model_version" in reasons["nameless"]
    assert "metrics.json is not what stage report writes" in reasons["main"]


@pytest.mark.parametrize("name", ["12:30", "007", "no", "2024-04-30", "1_000", ".inf", "1e3"])
def test_names_that_look_like_numbers_or_truths_stay_text(name):
    params = {"station": name, "variable": "ICE", "dataset_version": name, "model_version": name}
    lock = dumps_yaml({"stages": {"train": {"params": {"params.yaml": params}}}})
    assert locked_version(lock) == Version(name, "ICE", name, name)


def test_outside_a_repository_the_message_says_so(tmp_path):
    with pytest.raises(DataError, match="not a git repository"):
        model_versions(tmp_path)


def test_the_command_prints_a_table_or_a_list(by_hand, monkeypatch, capsys):
    monkeypatch.chdir(by_hand.folder)

    def printed(*arguments):
        monkeypatch.setattr(sys, "argv", ["fperank", "versions", *arguments])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        assert caught.value.code == 0
        return capsys.readouterr()

    by_hand.commit()
    assert "no model version yet: run `dvc repro`" in printed().err
    assert json.loads(printed("--json").out) == []
    by_hand.version(station="[red]Brook[/red] (Lower)")
    by_hand.git("branch", "kept")
    (by_hand.folder / "dvc.lock").write_text("stages: [")
    by_hand.commit()
    table = printed()
    assert "[red]Brook[/red] (Lower)  FLOW_CFS  set-1" in table.out
    assert "0.812 0.625 yes unknown" in " ".join(table.out.split())
    assert "(main): dvc.lock is not valid YAML (line 1)" in table.err
    assert "see README.md, under Remotes" in table.err
    rows = {row["names"][0]: row for row in json.loads(printed("--json").out)}
    assert rows["kept"]["test_in_tau"] == 0.8125
    assert (rows["kept"]["here"], rows["kept"]["remote"]) == ("yes", "unknown")
    assert rows["main"]["reason"].startswith("dvc.lock is not valid YAML")
