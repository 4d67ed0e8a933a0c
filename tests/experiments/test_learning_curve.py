import dataclasses
import io
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
from imports import ROOT
from PIL import Image
from toy import changed, group

from fperank import cli
from fperank.experiments.curve_drawing import plot_curve
from fperank.experiments.learning_curve import COLUMNS, _nested, learning_curve
from fperank.ground.errors import DataError, ParameterError
from fperank.ground.variables import VARIABLES
from fperank.handover.input import InputFolder, write_input
from fperank.params.parameters import TrainParams
from fperank.photos.views import read_photo


@pytest.fixture
def made(toy_input):
    return toy_input(300)


@pytest.fixture
def folders(made, tmp_path):
    """The version's dataset and input, with photos in no pair."""
    unpaired = made.images["timestamp"].dt.hour == 7
    ids = set(made.images["image_id"][unpaired])
    used = ~(made.pairs["image_id_1"].isin(ids) | made.pairs["image_id_2"].isin(ids))
    split = made.images["split"].mask(unpaired, "test-in")
    made = dataclasses.replace(made, pairs=made.pairs[used], images=made.images.assign(split=split))
    write_input(made, tmp_path / "input")
    return tmp_path, InputFolder(tmp_path / "input")


@pytest.fixture
def own(params):
    return changed(
        group(params, TrainParams),
        backbone="shufflenet_v2_x0_5",
        input_size=32,
        epochs=1,
        threads=1,
    )


def curve(folders, own, **changes):
    root, chosen = folders
    asked = {"sizes": (30, 60), "repetitions": 2, "scratch": root / "scratch", "read": read_photo}
    return learning_curve(
        chosen, root / "photos", own, root / "curve" / "table.csv", **asked | changes
    )


def test_each_set_of_pairs_is_a_part_of_the_next_and_validation_stays(folders):
    pairs = folders[1].pairs
    total = int((pairs["split"] == "train").sum())
    parts = {(k, n): part for k, n, part in _nested(pairs, [20, 40, total], 2)}
    for repetition in (1, 2):
        drawn = [
            set(part["pair_id"][part["split"] == "train"])
            for (k, _), part in parts.items()
            if k == repetition
        ]
        assert [len(one) for one in drawn] == [20, 40, total]
        assert drawn[0] < drawn[1] < drawn[2]
    assert set(parts[1, 20]["pair_id"]) != set(parts[2, 20]["pair_id"])
    held_out = pairs["pair_id"][pairs["split"] == "val"].tolist()
    assert all(
        part["pair_id"][part["split"] == "val"].tolist() == held_out for part in parts.values()
    )


def test_every_size_is_measured_on_the_same_photos_and_a_stopped_run_goes_on(folders, own):
    root, chosen = folders
    total = int((chosen.pairs["split"] == "train").sum())
    told = []

    def stop_after_four(row):
        told.append(row)
        if len(told) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        curve(folders, own, on_model=stop_after_four)
    assert len(pd.read_csv(root / "curve" / "table.csv")) == 4
    table = curve(folders, own, on_model=told.append)
    assert len(told) == 6, "what was measured is not measured again"
    assert list(table.columns) == list(COLUMNS)
    assert table["pairs"].tolist() == [30, 60, total] * 2
    assert table["repetition"].tolist() == [1, 1, 1, 2, 2, 2]
    assert set(table["test_photos"]) == {40}
    assert table["tau"].between(-1, 1).all()
    assert table["val_pair_accuracy"].between(0, 1).all()
    assert table["tau"].nunique() == 6, "all pairs give two models, of other starting weights"
    whole = curve(folders, own, repetitions=1, sizes=(30,), test_photos=1000)
    assert whole.equals(table), "a smaller question finds its answers there"


def test_a_table_of_other_parameters_or_of_something_else_is_not_gone_on_with(folders, own):
    root, _ = folders
    curve(folders, own, repetitions=1)
    with pytest.raises(DataError, match="made from other pairs or with other parameters: name ano"):
        curve(folders, changed(own, learning_rate=0.01))
    (root / "curve" / "table.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="is no table of a learning curve"):
        curve(folders, own)


def test_sizes_that_are_not_reached_are_told(folders, own):
    with pytest.raises(ParameterError, match=r"has \d+ training pairs, fewer than the smallest si"):
        curve(folders, own, sizes=(1000, 2000))
    for wrong in ({"sizes": (0, 10)}, {"repetitions": 0}, {"test_photos": 0}):
        with pytest.raises(ParameterError, match="must be 1 or more"):
            curve(folders, own, **wrong)


def test_without_observed_values_the_answers_alone_are_measured(folders, own):
    folders[1].images["value"] = np.nan
    table = curve(folders, own, sizes=(30,), repetitions=1)
    assert table["tau"].isna().all()
    assert set(table["test_photos"]) == {0}
    picture = Image.open(io.BytesIO(plot_curve(table, VARIABLES["FLOW_CFS"], "Toy")))
    assert picture.size[0] > picture.size[1]


def test_the_command_writes_a_table_and_a_picture(folders, monkeypatch, capsys):
    root, _ = folders
    text = (ROOT / "params.yaml").read_text("utf-8")
    for name, value in (
        *(("station", "Toy"), ("backbone", "shufflenet_v2_x0_5"), ("input_size", "32")),
        *(("epochs", "1"), ("threads", "1"), ("cache_gb", "0.1")),
    ):
        (line,) = [one for one in text.splitlines() if one.startswith(f"{name}: ")]
        text = text.replace(line, f"{name}: {value}")
    (root / "params.yaml").write_text(text, "utf-8")
    version = root / "data" / "Toy" / "FLOW_CFS" / "demo-1"
    shutil.copytree(root / "input", version / "models" / "rank-1" / "input")
    (version / "data").mkdir()
    (version / "data" / "photos").symlink_to(root / "photos")
    (root / "weights").symlink_to(ROOT / "weights")
    monkeypatch.chdir(root)
    arguments = ["learning-curve", "out", "--sizes", "30, 60", "--repetitions", "1"]
    monkeypatch.setattr(sys, "argv", ["fperank", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capsys.readouterr().out
    assert ended.value.code == 0
    assert "30 pairs, repetition 1, " in printed
    assert "over 40 photos" in printed
    assert "wrote out/learning-curve.csv and out/learning-curve.png: 3 models" in printed
    assert len(pd.read_csv(root / "out" / "learning-curve.csv")) == 3
    assert Image.open(root / "out" / "learning-curve.png").size == (880, 792)
    monkeypatch.setattr(sys, "argv", ["fperank", *arguments[:3], "30;60"])
    with pytest.raises(SystemExit):
        cli.main()
    assert "--sizes is '30;60': write whole numbers with commas" in capsys.readouterr().err
