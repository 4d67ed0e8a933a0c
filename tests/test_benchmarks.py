import math
import platform
import subprocess
import sys

import numpy as np
import pytest
from imports import ROOT
from pipeline_repository import SMALL
from toy import changed

# The benchmarks are not installed with the package.
sys.path.append(str(ROOT))

from benchmarks import agreement, measure, photos, score, train
from benchmarks.reference import Reader, ReferenceScorer
from fperank.ground.errors import DataError
from fperank.ground.files import read_json
from fperank.handover.input import PAIRS
from fperank.handover.tables import checked
from fperank.params.parameters import PredictParams, TrainParams

TINY = photos.Camera(64, 48, quality=88, texture=4.3)


@pytest.fixture
def own(params):
    group = TrainParams.model_validate(params.model_dump(include=set(TrainParams.model_fields)))
    return changed(group, **measure.UNCUT, input_size=32, threads=1, epochs=2)


@pytest.fixture
def station(tmp_path):
    images = photos.build_photos(tmp_path / "tiny", 20, TINY)
    return tmp_path / "tiny", images, photos.compare(images, 30, 8)


def test_the_same_arguments_draw_the_same_photos_and_pairs(tmp_path, station):
    folder, images, pairs = station
    again = photos.build_photos(tmp_path / "again", 20, TINY)
    assert again.equals(images)
    for name in images["filename"]:
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
    assert photos.compare(again, 30, 8).equals(pairs)
    assert len({(folder / name).read_bytes() for name in images["filename"]}) == 20


def test_pairs_fit_the_table_and_keep_the_held_out_photos_apart(station):
    pairs = checked(station[2], PAIRS, "pairs")
    of = {
        split: set(part["image_id_1"]) | set(part["image_id_2"])
        for split, part in pairs.groupby("split")
    }
    assert not of["train"] & of["val"]
    assert (pairs["image_id_1"] != pairs["image_id_2"]).all()
    untied = pairs[pairs["label"] != 0]
    right = np.sign(untied["value_1"] - untied["value_2"]) == untied["label"]
    assert right.mean() > 0.7


def test_a_five_megapixel_photo_is_as_large_as_a_trail_cameras(tmp_path):
    images = photos.build_photos(tmp_path / "large", 2, photos.LARGE)
    for name in images["filename"]:
        assert 700_000 < (tmp_path / "large" / name).stat().st_size < 1_100_000


def test_other_photos_in_the_folder_are_not_taken_for_those_asked_for(tmp_path, station):
    with pytest.raises(DataError, match=r"holds other photos than those asked for"):
        photos.build_photos(tmp_path / "tiny", 21, TINY)


@pytest.mark.slow
def test_reference_and_fperank_have_the_same_losses(tmp_path, own):
    for name, apart in train.same_losses(tmp_path / "lossless", own).items():
        assert apart < 1e-4, name


def test_a_reference_that_sees_other_pixels_has_another_loss(station, own):
    folder, _, pairs = station
    trainer, reference = train.both_trainers(folder, pairs, own)
    assert abs(trainer.validate()[0].mean() - reference.validate()[0].mean()) < 1e-4
    reference.reader.mean = [value + 0.05 for value in reference.reader.mean]
    assert abs(trainer.validate()[0].mean() - reference.validate()[0].mean()) > 1e-3


def test_the_reference_learns_every_pair_twice_and_validates_each_once(station, own):
    folder, _, pairs = station
    _, reference = train.both_trainers(folder, pairs, own)
    assert len(reference.train) == 60
    assert len(reference.val) == 8
    first, mirrored = reference.train[0], reference.train[30]
    assert (first.first, first.second, first.label) == (
        mirrored.second,
        mirrored.first,
        -mirrored.label,
    )


def test_kept_photos_change_nothing_but_the_time(station, own):
    folder, images, pairs = station
    paths = [folder / name for name in images["filename"]]
    _, reference = train.both_trainers(folder, pairs, own)
    plain = ReferenceScorer(reference.network, reference.reader)
    reader = Reader(plain.reader.view, plain.reader.mean, plain.reader.std, kept={})
    keeping = ReferenceScorer(reference.network, reader)
    once, again = keeping.score(paths), keeping.score(paths)
    assert len(reader.kept) == 20
    assert np.array_equal(plain.score(paths), once)
    assert np.array_equal(once, again)


@pytest.mark.slow
def test_the_training_benchmark_tells_its_figures(tmp_path, station, own):
    folder, images, pairs = station
    result = measure.Result("train", {})
    setting = train.Setting(folder, images, pairs, own)
    train.measure_epochs(setting, 1, result)
    for name, value in result.figures.items():
        assert value >= 0, name
    # 60 rows and 8 validation pairs, both photos of each.
    assert result.figures["reference_photos_encoded"] == 136
    assert 30 >= result.figures["fperank_photos_encoded"] > 10
    assert result.figures["loss_apart_by_decoding"] < 1e-4
    result.tell(tmp_path / "figures.json")
    told = read_json(tmp_path / "figures.json")
    assert told["train"]["figures"].keys() == result.figures.keys()
    assert told["machine"]["cores"] >= 1
    assert platform.node() not in (tmp_path / "figures.json").read_text("utf-8")


@pytest.mark.slow
def test_the_scoring_benchmark_tells_its_figures(tmp_path, station, own):
    folder, images, pairs = station
    score.train_model(tmp_path / "model", folder, pairs, changed(own, epochs=1))
    paths = [folder / name for name in images["filename"]]
    setting = score.Setting(tmp_path / "model", paths, PredictParams(threads=1, accelerator="cpu"))
    result = measure.Result("score", {})
    score.same_scores(tmp_path / "lossless", setting, result)
    score.measure_scoring(setting, tmp_path / "cache", 1, result)
    assert result.figures["lossless_photos_largest_difference_standard_deviations"] < 1e-3
    assert result.figures["scores_changed_by_cache"] == 0
    assert result.figures["kendall_tau_of_both"] > 0.99
    assert result.figures["fperank_from_cache_photos_per_second"] > 0


def test_the_best_possible_scores_agree_perfectly_and_reversed_ones_not_at_all(station):
    _, images, pairs = station
    split = ["train"] * 10 + ["val"] * 4 + ["test-in"] * 5 + ["test-out"]
    pairs["label"] = np.sign(pairs["value_1"] - pairs["value_2"]).astype(int)
    given = agreement.StationInput(images.assign(split=split), pairs, station[0])
    score = images["value"].to_numpy(np.float32)
    best, worst = agreement.judge(score, given), agreement.judge(-score, given)
    for name in ("tau_held_out", "tau_test_in"):
        assert (best[name], worst[name]) == pytest.approx((1, -1)), name
    assert (best["val_pair_accuracy"], worst["val_pair_accuracy"]) == (1, 0)
    assert math.isnan(best["tau_test_out"])


def test_the_summary_says_whether_fperank_is_behind():
    rows = {
        "reference": [dict.fromkeys(agreement.MEASURES, value) for value in (0.5, 0.7)],
        "reference_kept_alike": [dict.fromkeys(agreement.MEASURES, value) for value in (0.4, 0.7)],
        "fperank": [dict.fromkeys(agreement.MEASURES, value) for value in (0.5, 0.6)],
    }
    result = measure.Result("agreement", {})
    agreement.summarise("demo", rows, result)
    assert result.figures["demo_tau_held_out_reference_mean"] == pytest.approx(0.6)
    assert result.figures["demo_tau_held_out_fperank_deviation"] == pytest.approx(0.0707, abs=1e-4)
    assert result.goals == {
        "demo: tau of held-out photos is not lower": False,
        "demo: tau of held-out photos is not lower, epochs kept alike": True,
    }


@pytest.mark.slow
def test_every_benchmark_runs_by_its_command(tmp_path):
    small = ["--photos=12", "--pairs=12", "--camera=small", "--input-size=32", "--repeats=1"]
    for name, options in {
        "train": [*small, "--val-pairs=4"],
        "score": [*small, "--epochs=1"],
    }.items():
        out = tmp_path / f"{name}.json"
        command = [sys.executable, "-m", f"benchmarks.{name}", *options, f"--out={out}"]
        told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        figures = read_json(out)[name]["figures"]
        assert figures["reference_peak_mib"] > 100
        assert figures["fperank_peak_mib"] > 100
        for figure in figures:
            assert f"| {figure} " in told


@pytest.mark.slow
def test_the_agreement_benchmark_trains_both_on_a_small_station(tmp_path, monkeypatch):
    monkeypatch.setitem(agreement.STATIONS, "demo", {**SMALL, "station": "Tiny"})
    result = measure.Result("agreement", {})
    agreement.measure_station("demo", 1, 1, agreement.Progress(2), result)
    for who in ("reference", "reference_kept_alike", "fperank"):
        assert -1 <= result.figures[f"demo_tau_held_out_{who}_mean"] <= 1
        assert 0 <= result.figures[f"demo_val_pair_accuracy_{who}_mean"] <= 1
