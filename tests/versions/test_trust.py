import sys

import pytest
import typer
from pipeline_repository import ENVIRONMENT, run
from version_repository import VersionRepository

from fperank import cli
from fperank.versions.proof.trust import code_of_strangers


@pytest.fixture
def own(tmp_path, monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    repository = VersionRepository(tmp_path / "own")
    repository.version()
    return repository


@pytest.fixture
def stranger(own, tmp_path):
    """A fork, whose commits are fetched without being the origin's."""
    fork = tmp_path / "fork"
    run(tmp_path, "git", "clone", "--quiet", str(own.folder), str(fork))

    def fetched(name, text):
        (fork / name).parent.mkdir(exist_ok=True)
        (fork / name).write_text(text)
        run(fork, "git", "add", "--all")
        run(fork, "git", "commit", "--quiet", f"--message={name}")
        run(own.folder, "git", "fetch", "--quiet", str(fork), "main:theirs", "--force")
        return run(fork, "git", "rev-parse", "HEAD").strip()

    return fetched


def test_what_was_made_here_is_trusted_also_when_no_branch_holds_it(own):
    first = own.git("rev-parse", "HEAD")
    second = own.version(model="rank-2")
    own.git("reset", "--quiet", "--hard", first)
    assert code_of_strangers(own.folder, first) == []
    assert code_of_strangers(own.folder, second) == []


def test_what_was_fetched_from_the_origin_is_trusted(own, tmp_path):
    clone = tmp_path / "clone"
    run(tmp_path, "git", "clone", "--quiet", str(own.folder), str(clone))
    newer = own.version(model="rank-2")
    run(clone, "git", "fetch", "--quiet")
    assert code_of_strangers(clone, newer) == []


def test_a_fork_s_code_is_not_and_its_files_are_named(own, stranger):
    assert code_of_strangers(own.folder, stranger("params.yaml", "epochs: 3\n")) == []
    commit = stranger("stages/train.py", "import os\n")
    assert code_of_strangers(own.folder, commit) == ["stages/train.py"]
    # A branch made of it is no commit made here; a merge is one.
    own.git("checkout", "--quiet", "-b", "copy", commit)
    assert code_of_strangers(own.folder, commit) == ["stages/train.py"]
    own.git("checkout", "--quiet", "-b", "adopted", "main")
    own.git("merge", "--quiet", "--ff-only", "copy")
    assert code_of_strangers(own.folder, commit) == ["stages/train.py"]
    own.git("checkout", "--quiet", "main")
    own.git("merge", "--quiet", "--no-ff", "--message=theirs", "copy")
    assert code_of_strangers(own.folder, commit) == []


def test_a_history_of_its_own_is_foreign_as_a_whole(own, tmp_path):
    other = VersionRepository(tmp_path / "other")
    commit = other.version(station="Another Brook")
    own.git("fetch", "--quiet", str(other.folder), "main:theirs")
    assert "dvc.yaml" in code_of_strangers(own.folder, commit)


def test_verify_refuses_a_stranger_s_code_where_nobody_can_be_asked(
    own, stranger, monkeypatch, capsys
):
    stranger("stages/train.py", "import os\n")
    monkeypatch.chdir(own.folder)

    def said(*options):
        monkeypatch.setattr(sys, "argv", ["fperank", "verify", "theirs", *options])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        assert caught.value.code == 1
        return capsys.readouterr().err

    assert "It differs in stages/train.py. Read it, then repeat the command with --trust" in said()
    # Nothing to prove in a repository by hand: the question is what comes no more.
    assert "stranger" not in (told := said("--trust"))
    assert "brings code" not in told
    asked = []

    def no(text, **_options):
        asked.append(text)
        raise typer.Abort

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "confirm", no)
    assert "Aborted" in said()
    assert asked[0].endswith("stages/train.py. Run it?")
