import json
import re
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest
from fake_station import write_station

from fperank import cli
from fperank.ground.files import write_json
from fperank.publishing.fpe_files import read_predictions
from fperank.publishing.publish import Version

ROOT = Path(__file__).parents[2]
VERSION = Version("West Brook 0 (Lower)", "FLOW_CFS", "dataset-1", "model-1")
SETS = ["0f8fad5b-d9cb-469f-a165-70867728950e", "7c9e6679-7425-40de-944b-e07fc1f90ae7"]
PARAMETERS = {
    **{"annotation_end_date": "", "annotation_start_date": "", "end_date": "2023-12-31"},
    **{"start_date": "", "min_hour": 8, "max_hour": 17, "min_month": 1, "max_month": 12},
    **{"split_method": "image", "split_seed": 5, "train_frac": 0.8},
}


def as_of_fpe(path, urls=True):
    """Give the photos of a table the names and addresses that the Flow Photo Explorer gives."""
    table = pd.read_csv(path, dtype="str", keep_default_na=False)
    for column in [name for name in table.columns if name.startswith("filename")]:
        table[column] = [
            f"imagesets/{SETS[sum(name.encode()) % 2]}/images/{name.replace('/', '-')}"
            for name in table[column]
        ]
    if "url" in table and urls:
        table["url"] = "https://b.s3.us-west-2.amazonaws.com/" + table["filename"]
    table.to_csv(path, index=False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    top = tmp_path_factory.mktemp("whole")
    parts = write_station(top / "made", days=4, photos_per_day=4, n_pairs=40)
    for path in (parts.input / "images.csv", parts.predictions / "predictions.csv"):
        as_of_fpe(path)
    table = pd.read_csv(parts.predictions / "predictions.csv", dtype="str", keep_default_na=False)
    table.loc[0, "filename"] = "elsewhere.jpg"
    table.to_csv(parts.predictions / "predictions.csv", index=False)
    as_of_fpe(parts.input / "pairs.csv")
    told = {"dataset_version": "dataset-1", "variable": "FLOW_CFS", "parameters": PARAMETERS}
    write_json(told, parts.input / "input.json")
    station = {"name": VERSION.station, "timezone": "America/New_York", "id": "29"}
    write_json(station, parts.input / "station.json")
    models = VERSION.file(top, "input/images.csv").parent.parent
    models.parent.mkdir(parents=True)
    (top / "made").rename(models)
    text = (ROOT / "params.yaml").read_text("utf-8")
    for name in ("station", "dataset_version", "model_version"):
        value = json.dumps(getattr(VERSION, name))
        text = re.sub(rf"^{name}: .*$", f"{name}: {value}", text, flags=re.M)
    (top / "params.yaml").write_text(text, encoding="utf-8")
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
        told = capsys.readouterr()
        return ended.value.code, " ".join((told.out + told.err).split())

    return run


def test_a_version_becomes_the_files_of_the_flow_photo_explorer(top, fperank):
    code, told = fperank("out", "--model-code", "RANK-FLOW-20240402")
    assert code == 0
    table = pd.read_csv(VERSION.file(top, "predictions/predictions.csv"))
    n, scored = len(table), table["score"].notna().sum()
    assert told.startswith(f"wrote out: {n} photos, {scored} with a score, 2 image sets, photos be")
    assert "1 photos are in no image set" in told
    files = {p.relative_to("out").as_posix() for p in Path("out").rglob("*") if p.is_file()}
    sets = {f"imagesets/{name}/predictions.csv" for name in SETS}
    assert files == sets | {"predictions.csv", "manifest.json", "rank-input.json"}
    whole_table = read_predictions(Path("out/predictions.csv"))
    parts = pd.concat([read_predictions(Path("out") / name) for name in sorted(sets)])
    assert sorted([*parts["image_id"], table["image_id"][0]]) == sorted(whole_table["image_id"])
    merged = parts.merge(whole_table, on=["image_id", "timestamp", "filename", "url"])
    pd.testing.assert_series_equal(merged["score_x"], merged["score_y"], check_names=False)
    listed = json.loads(Path("out/manifest.json").read_text("utf-8"))
    images = pd.read_csv(VERSION.file(top, "input/images.csv"))
    assert listed == [{"prefix": "s3://b/"}, *images["filename"]]


def test_rank_input_tells_what_the_model_was_made_from(top, fperank):
    fperank("out", "--model-code", "RANK-FLOW-20240402")
    told = json.loads(Path("out/rank-input.json").read_text("utf-8"))
    images = pd.read_csv(VERSION.file(top, "input/images.csv"))
    pairs = pd.read_csv(VERSION.file(top, "input/pairs.csv"))
    assert told["model_code"] == "RANK-FLOW-20240402"
    assert (told["dataset_code"], told["variable_id"]) == ("dataset-1", "FLOW_CFS")
    assert told["annotation_variable"] == "FLOW"
    assert told["station"] == {"id": 29, "name": VERSION.station}
    assert told["images"]["n"] == len(images)
    assert told["images"]["start"] == "2023-11-10T07:00:00-0500"
    assert told["images"]["splits"] == {
        split: int((images["split"] == split).sum())
        for split in ("train", "val", "test-in", "test-out")
    }
    assert told["pairs"]["splits"] == {
        split: int((pairs["split"] == split).sum()) for split in ("train", "val")
    }
    assert (told["pairs"]["n"], told["pairs"]["method"]) == (len(pairs), "image")
    assert told["pairs"]["source"] == "human"
    assert told["args"]["args"] == ["RANK-FLOW-20240402"]
    options = told["args"]["options"]
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


def test_mistakes_are_told_and_leave_nothing(top, fperank):
    Path("there").mkdir()
    code, told = fperank("there")
    assert (code, "there exists already: name a folder that does not" in told) == (1, True)
    path = VERSION.file(top, "input/images.csv")
    as_of_fpe(path, urls=False)
    code, told = fperank("out")
    assert (code, "do not tell one place" in told, "add --prefix" in told) == (1, True, True)
    code, told = fperank("out", "--prefix", "bucket")
    assert (code, "'bucket' is no place in S3" in told) == (1, True)
    path.unlink()
    code, told = fperank("out")
    assert (code, "the version is not whole" in told, "run `dvc repro`" in told) == (1, True, True)
    assert sorted(p.name for p in Path().iterdir()) == ["data", "params.yaml", "there"]
