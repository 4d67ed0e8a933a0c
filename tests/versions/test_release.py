import hashlib
import sys

import pytest
from pipeline_repository import ENVIRONMENT
from version_repository import METRICS, WEIGHTS, VersionRepository

from fperank import cli
from fperank.agreement.evaluation import evaluate
from fperank.ground.errors import DataError
from fperank.handover.version import Version
from fperank.params.parameters import ReportParams
from fperank.versions.release import make_release, release_message, station_slug

PARAMS = ReportParams(bootstrap_samples=20, bootstrap_block_days=1, report_photos=0)


@pytest.fixture
def by_hand(tmp_path, monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    repository = VersionRepository(tmp_path / "by hand")
    repository.remote(tmp_path / "remote")
    return repository


@pytest.mark.parametrize(
    ("station", "slug"),
    [
        ("West Brook 0_01171100", "west-brook-0-01171100"),
        ("Río Ñuble (Upper), O'Neil #2", "rio-nuble-upper-o-neil-2"),
        ("A\u2013B", "a-b"),
        ("-.lock", "lock"),
        ("Bjørnå", "bj-rna-8a28183f"),
        ("北川", "5069b883"),
        ("...", "ab5df625"),
    ],
)
def test_a_station_name_becomes_a_part_of_a_tag(station, slug):
    assert station_slug(station) == slug


def test_lost_letters_never_make_two_names_one():
    assert len({station_slug(name) for name in ("北川", "南川", "Bø", "Bæ", "#", "?")}) == 6


def test_a_release_is_tagged_with_its_metrics_and_safe_to_repeat(
    by_hand, tmp_path, monkeypatch, capsys
):
    def printed():
        monkeypatch.chdir(by_hand.folder)
        monkeypatch.setattr(sys, "argv", ["fperank", "release"])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        return caught.value.code, capsys.readouterr().out

    commit = by_hand.version(station="# Río (Lower)")
    by_hand.copy_to_remote(tmp_path / "remote")
    tag = "rio-lower/FLOW_CFS/set-1/rank-1"
    code, out = printed()
    assert (code, out.splitlines()[-1]) == (0, f"  git push origin {tag}")
    assert by_hand.git("rev-parse", f"{tag}^{{commit}}") == commit
    assert by_hand.git("cat-file", "-t", tag) == "tag"
    assert by_hand.git("for-each-ref", "--format=%(contents)", f"refs/tags/{tag}").splitlines() == [
        "# Río (Lower), FLOW_CFS, dataset set-1, model rank-1",
        "",
        "Kendall's tau-b of photos, scores against observed values [95 % interval]:",
        "  test-in:  0.812 [0.750, 0.875], n = 31",
        "  test-out: 0.625, n = 9",
        "Accuracy of held-out pairs [95 % interval]: 0.750 [0.500, 1.000], n = 12",
        "Pairs: 40 to train, 12 held out",
        "Photos: 60, with a score 60, with an observed value 58; 20 days",
    ]
    assert printed() == (0, f"{tag} is released already, at this commit ({commit[:7]})\n")
    by_hand.commit()
    with pytest.raises(DataError, match=f"{tag} exists already, at commit {commit[:7]}; .*Raise"):
        make_release(by_hand.folder)
    by_hand.version(station="Rio Lower", model="rank-2")
    with pytest.raises(DataError, match=r"'# Río \(Lower\)' \(tag .*rank-1\) and 'Rio Lower'"):
        make_release(by_hand.folder)
    assert by_hand.git("tag", "--list") == tag


def test_what_is_not_committed_is_listed(by_hand):
    by_hand.version()
    (by_hand.folder / "new file.txt").write_text("x")
    (by_hand.folder / "dvc.lock").write_text("changed")
    with pytest.raises(DataError, match=r"2 files are changed or not in git(?s:.*)  dvc.lock") as e:
        make_release(by_hand.folder)
    assert "  new file.txt" in str(e.value)


def test_a_pipeline_that_is_not_up_to_date_is_refused(by_hand):
    (by_hand.folder / "dvc.yaml").write_text("stages: {train: {cmd: 'true', outs: [data/model]}}")
    by_hand.version()
    with pytest.raises(DataError, match=r"not up to date \(train\): run `dvc repro` and commit"):
        make_release(by_hand.folder)


def test_outputs_that_are_not_on_the_remote_are_refused(by_hand, tmp_path):
    by_hand.version()
    with pytest.raises(
        DataError, match=r"run `dvc push`(?s:.*)data/West Brook/\S+/rank-1/model: 3 objects"
    ):
        make_release(by_hand.folder)
    by_hand.copy_to_remote(tmp_path / "remote", lambda name: name.endswith(".dir"))
    with pytest.raises(DataError, match=r"lost files(?s:.*)model: 2 objects\nDelete these lists"):
        make_release(by_hand.folder)
    assert by_hand.git("tag", "--list") == ""


def test_weights_that_are_not_on_the_remote_or_that_nothing_keeps_are_refused(by_hand, tmp_path):
    by_hand.version(weights=b"large weights")
    md5 = hashlib.md5(b"large weights").hexdigest()
    by_hand.copy_to_remote(tmp_path / "remote", lambda name: name != md5[2:])
    with pytest.raises(DataError, match=rf"run `dvc push`(?s:.*)\n  {WEIGHTS}: 1 objects$"):
        make_release(by_hand.folder)
    (by_hand.folder / f"{WEIGHTS}.dvc").unlink()
    by_hand.commit()
    with pytest.raises(DataError, match=rf"{WEIGHTS} \(read by stage train\) .*run `dvc add '"):
        make_release(by_hand.folder)
    by_hand.added(WEIGHTS, b"large weights")
    by_hand.commit()
    by_hand.copy_to_remote(tmp_path / "remote")
    assert make_release(by_hand.folder).new


def test_the_metrics_by_hand_have_the_names_of_the_real_ones(station):
    def names(values, prefix=""):
        for name, value in values.items():
            yield f"{prefix}{name}"
            if isinstance(value, dict):
                yield from names(value, f"{prefix}{name}.")

    figures = evaluate(station(days=60, photos_per_day=3), PARAMS)
    assert set(names(METRICS)) <= set(names(figures))
    assert "not measured" not in release_message(Version("A", "FLOW_CFS", "d", "m"), figures)


def test_the_placeholder_remote_is_named(by_hand):
    (by_hand.folder / ".dvc" / "config.local").unlink()
    by_hand.version()
    with pytest.raises(DataError, match=r"remote storage is not set up yet; see README\.md"):
        make_release(by_hand.folder)


def test_a_commit_without_a_version_is_refused(by_hand):
    by_hand.commit()
    with pytest.raises(DataError, match="HEAD holds no model version: run `dvc repro`"):
        make_release(by_hand.folder)


@pytest.mark.parametrize("model", ["v1..2", "v1.lock", "v1."])
def test_a_version_that_git_cannot_name_is_named(by_hand, model):
    by_hand.version(model=model)
    with pytest.raises(
        DataError, match=r"git cannot name a tag west-brook/.* must not hold `\.\.`"
    ):
        make_release(by_hand.folder)


def test_without_observed_values_the_message_says_so_and_without_metrics_it_is_refused():
    version = Version("A", "OTHER", "d", "m")
    message = release_message(version, METRICS | {"photo": {}})
    assert "  test-in:  not measured\n  test-out: not measured\n" in message
    for figures, words in (
        (None, "are not committed"),
        ({}, "are not what stage report writes now"),
    ):
        with pytest.raises(DataError, match=f"the metrics {words}.*: run `dvc repro` and commit"):
            release_message(version, figures)
