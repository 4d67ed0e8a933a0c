"""`fperank verify` on real git and DVC repositories, and its judgement on small tables."""

import contextlib
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from pipeline_repository import ENVIRONMENT, ROOT, STATION, run

from fperank import cli
from fperank.ground.errors import DataError
from fperank.handover.version import Version
from fperank.versions.proof.comparison import compare_scores, first_difference
from fperank.versions.proof.explanations import machine_explanations, package_explanations
from fperank.versions.proof.verdicts import OutputVerdict, with_tolerance
from fperank.versions.proof.verify import Verification, verify

VERSION = Version(STATION, "FLOW_CFS", "demo-1", "rank-1")
DATA, INPUT = VERSION.dataset.as_posix(), VERSION.input.as_posix()


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """A folder for temporary files of its own, which must be empty at the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def object_path(repository, md5):
    return repository / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]


def recorded(repository, path):
    lock = (repository / "dvc.lock").read_text("utf-8")
    return re.search(rf"outs:\n    - path: {re.escape(path)}\n.*\n +md5: (\S+)", lock)[1]


def commit(repository, message="changed"):
    run(repository, "git", "commit", "--quiet", "--all", f"--message={message}")


def change(path, before, after):
    text = path.read_text("utf-8")
    assert text.count(before) >= 1
    path.write_text(text.replace(before, after), "utf-8")


def verdicts(result):
    return {output.path: output.verdict for output in result.outputs}


@pytest.mark.slow
def test_the_whole_version_is_made_again_to_the_bit_and_nothing_is_left(
    repository, temporary, monkeypatch, capsys
):
    (repository / "untracked.txt").write_text("mine")
    change(repository / "params.yaml", "epochs: 1", "epochs: 3")
    run(repository, "git", "stash")
    change(repository / "params.yaml", "min_hour: 8", "min_hour: 9")
    photo = next((repository / DATA / "photos").rglob("*.JPG"))
    photo.chmod(0o644)
    photo.write_bytes(b"changed")

    def state():
        answers = [
            # Else the question itself may rewrite the index.
            run(repository, "git", "--no-optional-locks", "status", "--porcelain"),
            run(repository, "git", "stash", "list"),
            run(repository, "git", "for-each-ref"),
        ]
        files = {
            path.relative_to(repository).as_posix(): path.stat().st_mtime_ns
            for part in (".git", ".dvc/cache", "data", "report", "fperank")
            for path in (repository / part).rglob("*")
        }
        return answers, files

    # Led by these, Python and git would take the code and the index of another tree.
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("GIT_INDEX_FILE", str(repository / ".git" / "index"))
    before = state()
    monkeypatch.chdir(repository)
    monkeypatch.setattr(sys, "argv", ["fperank", "verify", "--json"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    out, printed = capsys.readouterr()
    assert caught.value.code == 0, printed
    result = json.loads(out)
    assert result["conclusion"] == "bit-identical"
    assert len(result["outputs"]) == 10
    assert {output["verdict"] for output in result["outputs"]} == {"bit-identical"}
    assert {output["stage"] for output in result["outputs"]} == {
        *("dataset", "input", "train", "predict", "report")
    }
    assert "stage train (3 of 5)" in printed
    name = photo.relative_to(repository).as_posix()
    assert (
        f"warning: not committed, so no part of what was proved: {name}, params.yaml\n" in printed
    )
    after = state()
    assert after[0] == before[0]
    assert set(after[1].items()) ^ set(before[1].items()) == set()


@pytest.mark.slow
def test_an_experiment_whose_lock_belongs_to_other_code_and_parameters_is_different(
    repository, temporary
):
    change(repository / "params.yaml", "min_hour: 8", "min_hour: 9")
    change(repository / "fperank" / "pairs" / "build.py", "import pandas", "import  pandas")
    commit(repository)
    made = run(repository, "git", "rev-parse", "HEAD").strip()
    run(repository, "git", "update-ref", f"refs/exps/ab/{'c' * 38}/tall-oaks", made)
    # From now on no branch holds it.
    run(repository, "git", "reset", "--quiet", "--hard", "HEAD~1")
    lines = []
    result = verify(repository, "tall-oaks", ["input"], lines.append)
    assert result.commit == made
    assert result.conclusion == "different"
    assert verdicts(result) == {DATA: "fetched", INPUT: "different"}
    printed = "\n".join(result.lines())
    assert "\n  4 files differ\n  images.csv: line " in printed
    assert re.search(r"  input.json: line \d+: recorded '.*', now '.*'\n", printed)
    since = r"has changed since dvc.lock was recorded \([0-9a-f]{7}\)"
    assert re.search(rf"fperank/pairs/build.py {since} \(stage input\)", printed)
    assert "parameter min_hour is 9 in params.yaml, but dvc.lock records 8 (stage input)" in printed
    assert printed.endswith(
        f"tall-oaks ({made[:7]}): different: the version could not be made again"
    )
    assert "stage input (1 of 1)" in lines
    assert result.notes == ()


@pytest.mark.slow
def test_a_damaged_photo_in_the_cache_is_named_and_never_used(
    repository, temporary, monkeypatch, capsys
):
    remote = repository.parent / "remote"
    shutil.copytree(repository / ".dvc" / "cache", remote)
    change(repository / "params.yaml", "source: demo", "source: folder")
    wrong = "0" * 32 + ".dir"
    lock = (repository / "dvc.lock").read_text("utf-8")
    at = lock.index(recorded(repository, INPUT), lock.index(f"outs:\n    - path: {INPUT}"))
    (repository / "dvc.lock").write_text(lock[:at] + wrong + lock[at + len(wrong) :], "utf-8")
    commit(repository)
    listing = json.loads(object_path(repository, recorded(repository, DATA)).read_text("utf-8"))
    photo = next(entry for entry in listing if entry["relpath"].startswith("photos/"))
    stored = object_path(repository, photo["md5"])
    content = bytearray(stored.read_bytes())
    content[len(content) // 2] ^= 1
    stored.chmod(0o644)
    stored.write_bytes(content)

    result = verify(repository)
    assert result.conclusion == "different"
    assert verdicts(result)[DATA] == "different"
    assert {v for path, v in verdicts(result).items() if path != DATA} == {"not made"}
    printed = "\n".join(result.lines())
    assert f"{photo['relpath']}: its stored content has MD5 " in printed
    assert f", recorded is {photo['md5']}" in printed

    # Relative to the .dvc folder, as DVC itself writes it.
    config = "[core]\n    remote = near\n['remote \"near\"']\n    url = ../../remote\n"
    (repository / ".dvc" / "config.local").write_text(config)
    monkeypatch.chdir(repository)
    monkeypatch.setattr(sys, "argv", ["fperank", "verify", "--stage", "input"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 1
    out, _ = capsys.readouterr()
    assert re.search(rf"│ dataset +│ {re.escape(DATA)} +│ fetched +│", out)
    # The recorded hash of the input was tampered with, so no content has it.
    assert re.search(rf"│ input +│ {re.escape(INPUT)} +│ different +│", out)
    assert "judged by its hash alone: the recorded content lies neither in the cache nor on" in out
    assert f"dvc.lock contradicts itself: {INPUT} is {wrong} as output of stage input" in out
    assert "parameter source is 'folder' in params.yaml, but dvc.lock records 'demo'" in out
    assert stored.read_bytes() == content

    shutil.rmtree(remote)
    shutil.rmtree(repository / ".dvc" / "cache")
    with pytest.raises(DataError, match="neither in this repository's cache nor on its remote"):
        verify(repository, "HEAD", ["input"])


@pytest.mark.slow
def test_what_cannot_be_proved_is_refused_with_the_reason(repository, temporary, monkeypatch):
    def refused(message, *arguments):
        with pytest.raises(DataError, match=message):
            verify(repository, *arguments)

    run(repository, "git", "tag", "station/v1")
    refused("'lost' is no revision, tag, branch or experiment here; known are main, ", "lost")
    refused("known are .*station/v1", "--all")
    refused("stage 'trian'; stages: dataset, input, train, predict, report", "HEAD", ["trian"])
    for digit, named in (("a", "HEAD~1"), ("b", "HEAD")):
        commit_id = run(repository, "git", "rev-parse", named)
        name = f"refs/exps/{digit * 2}/{digit * 38}/twice"
        run(repository, "git", "update-ref", name, commit_id.strip())
    refused("twice is the name of 2 experiments: name one by its commit", "twice")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(9, 8, 1))
        refused("has 0.0 GB free, but the version needs about .* set TMPDIR to a folder", "HEAD")
    refused("has no dvc.lock, so nothing was recorded: run `dvc repro` and commit", "HEAD~1")
    lock = (repository / "dvc.lock").read_text("utf-8")
    (repository / "dvc.lock").write_text(lock[: lock.index("  report:")], "utf-8")
    change(repository / "params.yaml", "source: demo", "source: folder")
    commit(repository)
    refused("dvc.lock of HEAD records nothing of stage report: run `dvc repro`", "HEAD")
    (repository / "dvc.lock").write_text(lock, "utf-8")
    change(repository / "params.yaml", "model_version: rank-1", "model_version: rank-2")
    commit(repository)
    refused("the stage dataset reads files from outside of the repository", "HEAD", ["dataset"])
    refused("nothing is recorded for data/.*/models/rank-2/input, ", "HEAD")
    (repository / "params.yaml").write_text("<<<<<<< ours\n")
    commit(repository)
    refused("params.yaml of HEAD is not valid YAML", "HEAD")
    run(repository, "git", "rm", "--quiet", "params.yaml")
    commit(repository)
    refused("HEAD has no dvc.yaml or no params.yaml: nothing can be made", "HEAD")


@pytest.mark.slow
def test_temporary_files_in_the_repository_are_refused(repository, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(repository))
    with pytest.raises(DataError, match="set TMPDIR to a folder outside of it"):
        verify(repository)


@pytest.mark.slow
def test_a_kill_leaves_neither_a_folder_nor_a_process(repository, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [Path(sys.executable).parent / "fperank", "verify", "--stage", "dataset"],
        cwd=repository,
        env={**ENVIRONMENT, "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    begin = time.monotonic()
    while not list(temporary.glob("*/clone/.fperank/demo/images/*/*.JPG")):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() - begin < 120
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 128 + signal.SIGTERM
    assert list(temporary.iterdir()) == []
    assert [folder for folder in working_folders() if str(temporary) in folder] == []


def working_folders():
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            found.append(str(link.readlink()))
    return found


def table(scores, ids=None, value="1"):
    ids = ids or [f"p{k}" for k in range(len(scores))]
    rows = [
        f"{name},{value},{'' if score is None else repr(score)}"
        for name, score in zip(ids, scores, strict=True)
    ]
    return "\n".join(["image_id,value,score", *rows, ""]).encode()


RNG = np.random.default_rng(5)
SCORES = RNG.normal(size=300).tolist()


@pytest.mark.parametrize(
    ("new", "within"),
    [
        (table(SCORES), True),
        (table([score + 1e-5 for score in SCORES]), True),
        (table(SCORES[::-1], [f"p{k}" for k in range(300)][::-1]), True),
        (table((np.array(SCORES) + 0.05 * RNG.normal(size=300)).tolist()), True),
        (table((np.array(SCORES) + 0.5 * RNG.normal(size=300)).tolist()), False),
        (table(SCORES[::-1]), False),
        (table(SCORES[:-1]), False),
        (table([*SCORES, 0.5]), False),
        (table([None, *SCORES[1:]]), False),
        (table(SCORES, value="2"), False),
    ],
    ids=[
        *(
            "identical",
            "noise",
            "rows in another order",
            "more noise",
            "too much noise",
            "reordered",
        ),
        *("missing row", "one more row", "no score for one", "another column"),
    ],
)
def test_scores_are_within_the_tolerance_only_if_they_say_the_same(new, within):
    assert compare_scores(table(SCORES), new).within_tolerance is within


def test_the_difference_of_scores_is_given_in_their_deviations_and_as_tau():
    difference = compare_scores(table([0.0, 2.0, 4.0, None]), table([0.5, 2.0, 4.0, None]))
    assert (difference.photos, difference.largest, difference.tau) == (3, 0.5, 1)
    assert difference.largest_deviations == pytest.approx(0.5 / np.std([0, 2, 4]))
    assert "largest score difference 0.5, 0.31 of the scores' standard dev" in str(difference)
    flat = compare_scores(table([1.0, 1.0]), table([1.0, 2.0]))
    assert (flat.largest_deviations, flat.tau, flat.within_tolerance) == (None, None, False)
    assert compare_scores(b"", table([1.0])) is None
    assert compare_scores(table([1.0, 2.0], ["a", "a"]), table([1.0])) is None


def test_the_first_difference_is_a_line_of_text_or_a_byte():
    assert first_difference(b"a\nb\n", b"a\nc\n") == "line 2: recorded 'b', now 'c'"
    assert first_difference(b"a\n", b"a\nc\n") == "line 2: recorded '', now 'c'"
    assert first_difference(b"a", b"a\nc") == "line 2: recorded ends before, now 'c'"
    long = b"x" * 5000
    sentence = first_difference(long + b"1" + long, long + b"2" + long)
    assert "from character 4,941" in sentence
    assert len(sentence) < 400
    binary = first_difference(b"\0abc", b"\0aBcd")
    assert binary == "first differs at byte 2; recorded 4 bytes, now 5 bytes"
    assert "at byte 2;" in first_difference(b"\xff\0", b"\xff\0a")


def moved(stage, verdict="different", scores=None):
    return OutputVerdict(stage, f"data/{stage}", verdict, "old", "new", scores=scores)


NEAR = compare_scores(table(SCORES), table([score + 1e-6 for score in SCORES]))
FAR = compare_scores(table(SCORES), table([-score for score in SCORES]))


def test_only_scores_that_moved_a_little_excuse_a_difference():
    same = moved("input", "bit-identical")
    changed = [same, moved("train"), moved("predict", scores=NEAR), moved("report")]
    judged = with_tolerance(changed, own_lock=True)
    assert [verdict.verdict for verdict in judged] == ["bit-identical", *["within tolerance"] * 3]
    result = Verification(
        "v1", "c" * 40, tuple(judged), (), (), (), {"processor": "", "python": ""}
    )
    assert result.conclusion == "equal within the tolerance"
    assert "not every byte is the same" in result.warnings()[-1]
    assert "largest score difference 1e-06" in "\n".join(result.lines())
    for verdicts, own_lock in (
        (changed, False),
        ([moved("input"), *changed[1:]], True),
        ([same, moved("predict", scores=FAR), moved("report")], True),
        ([same, moved("predict", "bit-identical"), moved("report")], True),
        ([same, moved("predict", scores=NEAR), moved("report", "not made")], True),
    ):
        assert with_tolerance(verdicts, own_lock=own_lock) == verdicts


def test_what_could_explain_a_difference_is_named(monkeypatch):
    pins = "numpy==0.1 \\\n    --hash=x\nnot-here==1\npytest==0.2 ; python_version < '3'\n"
    sentences = package_explanations(f"{pins}pytest=={pytest.__version__}\n")
    assert [re.sub(r"is \S+", "is V", line) for line in sentences] == [
        "package numpy is V here; requirements.txt has 0.1"
    ]
    assert "its package versions are not known" in package_explanations(None)[0]
    monkeypatch.setenv("OMP_DYNAMIC", "true")
    sentences = machine_explanations(10_000)
    assert re.match("parameter threads is 10000, but this machine gives [0-9]+ cores", sentences[0])
    assert "the environment sets OMP_DYNAMIC=true" in sentences
    assert not [line for line in machine_explanations(1) if "threads" in line]
