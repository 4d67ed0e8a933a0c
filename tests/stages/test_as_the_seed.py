"""The parameters "as the seed does it" of docs/seed.md: valid, and no pair is lost by them."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from imports import ROOT
from toy import water_photo

from fperank.handover.input import InputFolder
from fperank.handover.model import ModelFolder
from fperank.handover.version import Version
from fperank.params.file import load_params
from fperank.params.parameters import Params, VersionParams
from stages import dataset, input, predict, report, train

DAYS, HOURS = 16, range(6, 20)
N_ANSWERS = 320
# Smaller, shorter and without the network; nothing of this decides which pairs are used.
QUICK = {
    "input_size": 32,
    "pretrained": "none",
    "epochs": 3,
    "accelerator": "cpu",
    "threads": 1,
    "cache_gb": 0,
    "report_photos": 5,
}


def documented():
    """The block of parameters in docs/seed.md."""
    page = (ROOT / "docs" / "seed.md").read_text("utf-8")
    (block,) = [part.split("```")[0] for part in page.split("```yaml\n")[1:]]
    return yaml.safe_load(block)


@pytest.fixture(scope="module")
def seed_folder(tmp_path_factory):
    """A dataset folder as the seed's rank-dataset.R leaves it: tables by the rules of readr 2.

    Times are ISO 8601 in UTC with a Z, absent cells are empty in images.csv and NA in
    annotations.csv. Marks stand on a third of the answers; one in ten is UNKNOWN.
    """
    root = tmp_path_factory.mktemp("seed")
    rng = np.random.default_rng(0)
    times = [
        pd.Timestamp(f"2024-05-{1 + day:02d} {hour:02d}:30", tz="America/New_York")
        for day in range(DAYS)
        for hour in HOURS
    ]
    levels = rng.random(len(times))
    names = [f"imagesets/a/images/{k}.png" for k in range(len(times))]
    for k, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        water_photo(levels[k], seed=k).save(path)
    utc = [f"{time.tz_convert('UTC'):%Y-%m-%dT%H:%M:%SZ}" for time in times]
    images = pd.DataFrame({"station_name": "W", "image_id": range(len(times)), "timestamp": utc})
    images.assign(filename=names, url="", value=10 * levels).to_csv(
        root / "images.csv", index=False
    )
    left = rng.integers(len(times), size=N_ANSWERS)
    right = (left + rng.integers(1, len(times), size=N_ANSWERS)) % len(times)
    larger = np.where(levels[left] > levels[right], "LEFT", "RIGHT")
    alike = np.abs(levels[left] - levels[right]) < 0.1
    rank = np.where(alike, "SAME", larger).astype(object)
    rank[::10] = "UNKNOWN"
    marks = np.array([None, None, "DRY", "BAD", None, "ICE"], dtype=object)
    answers = pd.DataFrame({"annotation_id": 1, "user_id": "u", "rank": rank, "comment": None})
    answers["left.imageId"], answers["right.imageId"] = left, right
    answers["left.attributes"] = marks[np.arange(N_ANSWERS) % len(marks)]
    answers["right.attributes"] = None
    answers["pair_id"] = range(1, N_ANSWERS + 1)
    answers.to_csv(root / "annotations.csv", index=False, na_rep="NA")
    (root / "station.json").write_text('{"name": "W", "timezone": "America/New_York"}')
    return root


def ran(folder, source, changes, stages, monkeypatch):
    """Run stages with the shipped parameters and `changes`; where the version's files lie."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    values |= {"station": "W", "source": "seed", "source_path": str(source), **changes}
    folder.mkdir()
    (folder / "params.yaml").write_text(json.dumps(values), "utf-8")
    (folder / "weights").symlink_to(ROOT / "weights")
    monkeypatch.chdir(folder)
    for stage in stages:
        stage.main()
    return Version.of(load_params(folder / "params.yaml", VersionParams))


def usable_answers(source):
    """How many answers the seed would use: not UNKNOWN, both photos between 07:00 and 18:59."""
    answers = pd.read_csv(source / "annotations.csv", keep_default_na=False)
    images = pd.read_csv(source / "images.csv")
    hours = pd.to_datetime(images["timestamp"]).dt.tz_convert("America/New_York").dt.hour
    by_day = set(images["image_id"][(hours >= 7) & (hours <= 18)])
    sides = answers[["left.imageId", "right.imageId"]].isin(by_day).all(axis=1)
    return int((sides & (answers["rank"] != "UNKNOWN")).sum())


def test_the_documented_values_are_valid_and_cover_input_and_train():
    values = documented()
    shipped = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    assert set(values) <= set(shipped)
    params = Params.model_validate({**shipped, **values})
    assert {name: params.model_dump()[name] for name in values} == values


def test_a_model_is_made_from_every_pair_that_the_seed_would_use(
    seed_folder, tmp_path, monkeypatch
):
    stages = (dataset, input, train, predict, report)
    changes = {**documented(), **QUICK}
    version = ran(tmp_path / "as-the-seed", seed_folder, changes, stages, monkeypatch)
    chosen = InputFolder(version.input)
    assert len(chosen.pairs) == usable_answers(seed_folder)
    assert chosen.summary.excluded["annotation"] == {
        "answered UNKNOWN": N_ANSWERS // 10,
        "with a photo that the filters leave out": N_ANSWERS * 9 // 10 - len(chosen.pairs),
    }
    hours = chosen.images["timestamp"].dt.hour
    assert (hours.min(), hours.max()) == (7, 18)
    assert chosen.summary.pairs.splits["val"] == pytest.approx(0.2 * len(chosen.pairs), abs=5)
    model = ModelFolder(version.model)
    assert (model.description.loss, model.description.hidden_units) == ("ranknet", [256, 64])
    assert model.description.view.model_dump() == {
        "height": 32,
        "width": 43,
        "crop_top": 0.1,
        "crop_bottom": 0.1,
        "crop_left": 0.1,
        "crop_right": 0.1,
    }
    assert model.history["backbone_frozen"].tolist() == [True, True, False]
    assert model.history["learning_rate"].iloc[0] == 0.001
    assert (version.report / "report.html").is_file()


def test_the_shipped_values_lose_pairs_that_these_keep(seed_folder, tmp_path, monkeypatch):
    changes = {"min_train_pairs": 1, "min_val_pairs": 1}
    version = ran(tmp_path / "shipped", seed_folder, changes, (dataset, input), monkeypatch)
    assert len(InputFolder(version.input).pairs) < 0.7 * usable_answers(seed_folder)
