"""Weights from outside, and changed code, in a small real repository of one stage."""

import json
import shutil
import tempfile

import pytest
from dvc.utils.serialize import dumps_yaml
from pipeline_repository import ROOT, run

from fperank.ground.errors import DataError
from fperank.handover.version import Version
from fperank.versions.lock import LOCK, outside_files
from fperank.versions.proof.explanations import lock_explanations
from fperank.versions.proof.recorded import RecordedVersion
from fperank.versions.proof.verify import verify

VERSION = Version("Brook", "FLOW_CFS", "set-1", "rank-1")
LARGE = "weights/large.safetensors"
MODEL = VERSION.model.as_posix()
NAMES = ("station", "variable", "dataset_version", "model_version")
STAGE = {
    "cmd": f"mkdir -p '{MODEL}' && cat weights/${{pretrained}} > '{MODEL}/weights'",
    "deps": ["weights/${pretrained}", "fperank"],
    "params": ["pretrained", *NAMES],
    "outs": [MODEL],
}


def write_params(folder, pretrained):
    params = {name: getattr(VERSION, name) for name in NAMES}
    (folder / "params.yaml").write_text(dumps_yaml({"pretrained": pretrained, **params}), "utf-8")


def commit(folder, message="more"):
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--allow-empty", f"--message={message}")


def build(folder):
    """One stage `train`, whose weights `dvc add` keeps; weights/none is a file of git."""
    (folder / ".dvc").mkdir(parents=True)
    for name in ("config", ".gitignore"):
        shutil.copy(ROOT / ".dvc" / name, folder / ".dvc" / name)
    for path, text in (
        ("dvc.yaml", dumps_yaml({"stages": {"train": STAGE}})),
        ("fperank/__init__.py", ""),
        ("fperank/losses.py", "LOSS = 1\n"),
        ("fperank/edited.py", "EDITED = 1\n"),
        ("weights/none", "random weights\n"),
        (LARGE, "large weights\n"),
        (".gitignore", "/data/\n__pycache__/\n"),
        (".dvcignore", "__pycache__\n"),
    ):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text, "utf-8")
    write_params(folder, "large.safetensors")
    run(folder, "git", "init", "--quiet", "--initial-branch=main")
    run(folder, "dvc", "add", "--quiet", LARGE)
    commit(folder, "code")
    run(folder, "dvc", "repro", "--quiet")
    commit(folder, "version")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outside") / "built"
    build(folder)
    return folder


@pytest.fixture
def repository(built, tmp_path, monkeypatch):
    """A copy of it that a test may change; temporary files go to a folder of their own."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return shutil.copytree(built, tmp_path / "repository", symlinks=True)


def explanations(folder):
    status = json.loads(run(folder, "dvc", "status", "--json"))
    return lock_explanations(status, RecordedVersion.read(folder, "HEAD"), folder)


def short(folder):
    return run(folder, "git", "rev-parse", "HEAD").strip()[:7]


@pytest.mark.slow
def test_weights_that_dvc_keeps_are_fetched_from_the_cache_or_the_remote(repository, tmp_path):
    (repository / ".dvc" / "config.local").write_text(
        f"['remote \"storage\"']\n    url = {tmp_path / 'remote'}\n"
    )
    cache = repository / ".dvc" / "cache"
    shutil.copytree(cache, tmp_path / "remote")
    wanted = {LARGE: "fetched", MODEL: "bit-identical"}
    result = verify(repository)
    assert {one.path: one.verdict for one in result.outputs} == wanted
    assert f"fetched as recorded, not made again: {LARGE}" in result.lines()
    shutil.rmtree(cache)
    assert {one.path: one.verdict for one in verify(repository).outputs} == wanted
    shutil.rmtree(tmp_path / "remote")
    (repository / LARGE).unlink()
    with pytest.raises(DataError, match=rf"{LARGE} \(\w+\) lies neither in .* where it was added"):
        verify(repository)


def test_weights_that_nothing_keeps_are_refused_with_what_to_do(repository):
    run(repository, "git", "rm", "--quiet", f"{LARGE}.dvc")
    commit(repository)
    with pytest.raises(DataError, match=rf"{LARGE} \(read by stage train\) .*`dvc add '{LARGE}'`"):
        verify(repository)


@pytest.mark.slow
def test_weights_in_git_need_no_fetching(repository):
    write_params(repository, "none")
    run(repository, "dvc", "repro", "--quiet")
    commit(repository)
    assert outside_files(repository, "HEAD", (repository / LOCK).read_text("utf-8")) == []
    assert {one.path: one.verdict for one in verify(repository).outputs} == {MODEL: "bit-identical"}


@pytest.mark.slow
def test_weights_that_changed_after_the_run_are_named(repository):
    (repository / LARGE).write_text("other weights\n")
    run(repository, "dvc", "add", "--quiet", LARGE)
    commit(repository)
    assert explanations(repository) == [
        f"{LARGE}.dvc records another content than dvc.lock (stage train)"
    ]
    result = verify(repository)
    assert result.conclusion == "different"
    assert {one.path: one.verdict for one in result.outputs} == {
        LARGE: "fetched",
        MODEL: "different",
    }


def test_files_that_changed_after_the_run_are_named_by_git(repository):
    recorded = short(repository)
    (repository / "fperank" / "losses.py").write_text("LOSS = 2\n")
    (repository / "fperank" / "added.py").write_text("")
    commit(repository)
    commit(repository, "nothing")
    assert explanations(repository) == [
        f"fperank/{name} has changed since dvc.lock was recorded ({recorded}) (stage train)"
        for name in ("added.py", "losses.py")
    ]


def test_files_that_changed_between_the_run_and_its_commit_are_led_to(repository):
    (repository / "fperank" / "losses.py").write_text("LOSS = 3\n")
    run(repository, "dvc", "repro", "--quiet")
    (repository / "fperank" / "edited.py").write_text("EDITED = 2\n")
    commit(repository)
    recorded = short(repository)
    assert explanations(repository) == [
        "fperank is not what dvc.lock records, and was changed before that was recorded: "
        f"`git log -p {recorded} -- fperank` shows its changes (stage train)"
    ]
