import json
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest
from written_version import write_version

from fperank import cli
from fperank.handover.input import INPUT_IMAGES, InputFolder, ModelInput, write_input
from fperank.handover.predictions import PREDICTIONS_FILE, PredictionsFolder, write_predictions
from fperank.handover.station import Station
from fperank.handover.tables import write_table
from fperank.handover.version import Version
from fperank.publishing.fpe_files import read_predictions

VERSION = Version("West Brook 0 (Lower)", "FLOW_CFS", "dataset-1", "model-1")
SETS = ["0f8fad5b-d9cb-469f-a165-70867728950e", "7c9e6679-7425-40de-944b-e07fc1f90ae7"]
PARAMETERS = {
    **{"annotation_end_date": "", "annotation_start_date": "", "end_date": "2023-12-31"},
    **{"start_date": "", "min_hour": 8, "max_hour": 17, "min_month": 1, "max_month": 12},
    **{"split_method": "image", "split_seed": 5, "train_frac": 0.8},
}


def as_of_fpe(table, urls=True):
    """The table, its photos named and addressed as the Flow Photo Explorer names them."""
    for column in [name for name in table.columns if name.startswith("filename")]:
        named = [
            f"imagesets/{SETS[sum(name.encode()) % 2]}/images/{name.replace('/', '-')}"
            for name in table[column]
        ]
        table = table.assign(**{column: named})
    if "url" in table and urls:
        table = table.assign(url="https://b.s3.us-west-2.amazonaws.com/" + table["filename"])
    return table


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    top = tmp_path_factory.mktemp("whole")
    write_version(top, VERSION, days=4, photos_per_day=4, n_pairs=40)
    folder = InputFolder(top / VERSION.input)
    params = folder.summary.parameters.model_copy(update=PARAMETERS)
    made = ModelInput(
        Station(name=VERSION.station, timezone="America/New_York", id="29"),
        as_of_fpe(folder.images),
        as_of_fpe(folder.pairs),
        folder.summary.model_copy(
            update={"dataset_version": VERSION.dataset_version, "parameters": params}
        ),
    )
    scored = PredictionsFolder(top / VERSION.predictions, "America/New_York")
    table = as_of_fpe(scored.predictions)
    table.loc[0, "filename"] = "elsewhere.jpg"
    write_predictions(table, scored.failures, scored.summary.parameters, scored.folder)
    write_input(made, folder.folder)
    return top


@pytest.fixture
def top(whole, tmp_path, monkeypatch):
    copy = shutil.copytree(whole, tmp_path / "top")
    monkeypatch.chdir(copy)
    return copy


@pytest.fixture
def fperank(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["fperank", "export", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code, " ".join((printed.out + printed.err).split())

    return run


def test_a_version_becomes_the_files_of_the_flow_photo_explorer(top, fperank):
    code, printed = fperank("out", "--model-code", "RANK-FLOW-20240402")
    assert code == 0
    table = pd.read_csv(top / VERSION.predictions / PREDICTIONS_FILE)
    n, scored = len(table), table["score"].notna().sum()
    assert printed.startswith(
        f"wrote out: {n} photos, {scored} with a score, 2 image sets, photos be"
    )
    assert "1 photos are in no image set" in printed
    files = {p.relative_to("out").as_posix() for p in Path("out").rglob("*") if p.is_file()}
    sets = {f"imagesets/{name}/predictions.csv" for name in SETS}
    beside = {"input/annotations.csv", "input/station.json", "input/rank-input.json"}
    beside |= {"output/args.json", "output/metrics.csv"}
    assert files == sets | beside | {"predictions.csv", "manifest.json", "rank-input.json"}
    assert "no output/model.pth was written: hidden_units are [64], but the Flow Ph" in printed
    whole_table = read_predictions(Path("out/predictions.csv"))
    parts = pd.concat([read_predictions(Path("out") / name) for name in sorted(sets)])
    assert sorted([*parts["image_id"], table["image_id"][0]]) == sorted(whole_table["image_id"])
    merged = parts.merge(whole_table, on=["image_id", "timestamp", "filename", "url"])
    pd.testing.assert_series_equal(merged["score_x"], merged["score_y"], check_names=False)
    listed = json.loads(Path("out/manifest.json").read_text("utf-8"))
    images = pd.read_csv(InputFolder(top / VERSION.input).images_file)
    assert listed == [{"prefix": "s3://b/"}, *images["filename"]]


def test_how_a_model_was_trained_is_told_by_the_seeds_names(top, fperank):
    fperank("out")
    told = json.loads(Path("out/output/args.json").read_text("utf-8"))
    assert (told["decolorize"], told["augment"], told["fperank"]["hidden_units"]) == (
        *(False, True),
        [64],
    )
    metrics = pd.read_csv("out/output/metrics.csv")
    assert list(metrics.columns) == ["epoch", "train_loss", "val_loss"]
    assert list(metrics["epoch"]) == list(range(12))
    annotations = pd.read_csv("out/input/annotations.csv")
    assert {"left.imageId", "right.attributes", "rank"} <= set(annotations.columns)


def test_rank_input_says_what_the_model_was_made_from(top, fperank):
    fperank("out", "--model-code", "RANK-FLOW-20240402")
    listed = json.loads(Path("out/rank-input.json").read_text("utf-8"))
    images = pd.read_csv(InputFolder(top / VERSION.input).images_file)
    pairs = pd.read_csv(InputFolder(top / VERSION.input).pairs_file)
    assert listed["model_code"] == "RANK-FLOW-20240402"
    assert (listed["dataset_code"], listed["variable_id"]) == ("dataset-1", "FLOW_CFS")
    assert listed["annotation_variable"] == "FLOW"
    assert listed["station"] == {"id": 29, "name": VERSION.station}
    assert listed["images"]["n"] == len(images)
    assert listed["images"]["start"] == "2023-11-10T07:00:00-0500"
    assert listed["images"]["splits"] == {
        split: int((images["split"] == split).sum())
        for split in ("train", "val", "test-in", "test-out")
    }
    assert listed["pairs"]["splits"] == {
        split: int((pairs["split"] == split).sum()) for split in ("train", "val")
    }
    assert (listed["pairs"]["n"], listed["pairs"]["method"]) == (len(pairs), "image")
    assert listed["pairs"]["source"] == "human"
    assert listed["args"]["args"] == ["RANK-FLOW-20240402"]
    options = listed["args"]["options"]
    assert (options["min_hour"], options["max_hour"], options["seed"]) == (8, 17, 5)
    assert (options["images_start"], options["images_end"]) == ("2023-11-10", "2023-12-31")


def test_the_same_version_gives_the_same_bytes(top, fperank):
    for folder in ("a", "b"):
        fperank(folder, "--prefix", "s3://other/x")
    names = sorted(p.relative_to("a") for p in Path("a").rglob("*") if p.is_file())
    assert [(Path("a") / n).read_bytes() for n in names] == [
        (Path("b") / n).read_bytes() for n in names
    ]
    assert json.loads(Path("a/manifest.json").read_text())[0] == {"prefix": "s3://other/x/"}
    assert json.loads(Path("a/rank-input.json").read_text())["model_code"] == "model-1"


def test_mistakes_are_named_and_leave_nothing(top, fperank):
    Path("there").mkdir()
    code, printed = fperank("there")
    assert (code, "there exists already: name a folder that does not" in printed) == (1, True)
    path = InputFolder(top / VERSION.input).images_file
    there = InputFolder(top / VERSION.input).images
    write_table(there.assign(url=None), INPUT_IMAGES, path)
    code, printed = fperank("out")
    assert (code, "share no prefix" in printed, "add --prefix" in printed) == (1, True, True)
    code, printed = fperank("out", "--prefix", "bucket")
    assert (code, "'bucket' is no address in S3" in printed) == (1, True)
    path.unlink()
    code, printed = fperank("out")
    assert (code, "Brook 0 (Lower) is not whole" in printed, "run `dvc repro`" in printed) == (
        1,
        True,
        True,
    )
    assert sorted(p.name for p in Path().iterdir()) == ["data", "params.yaml", "there"]
