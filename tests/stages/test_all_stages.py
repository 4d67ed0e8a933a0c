"""All five stages on a folder of odd photos, without any observed value, in one process."""

import json
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from imports import ROOT
from PIL import Image
from toy import water_photo

from fperank.handover.version import FIGURES, Version
from fperank.params.file import load_params
from fperank.params.parameters import VersionParams
from fperank.running.stage import SCRATCH
from stages import dataset, input, predict, report, train

DAYS = 24
SETTINGS = {
    "station": "Odd # Brook's (ñ)",
    "source": "folder",
    "utc_offset": "",
    "crop_bottom": 0,
    "input_size": 32,
    "backbone": "shufflenet_v2_x0_5",
    "epochs": 1,
    "threads": 1,
    "min_train_pairs": 5,
    "min_val_pairs": 2,
    "bootstrap_samples": 5,
    "min_hour": 0,
    "max_hour": 23,
}
SCORED = {
    "grey.jpg": lambda photo: photo.convert("L"),
    "cmyk.jpg": lambda photo: photo.convert("CMYK"),
    "alpha.png": lambda photo: photo.convert("RGBA"),
    "sixteen bit.png": lambda photo: Image.fromarray(
        np.asarray(photo.convert("L")).astype(np.uint16) * 257
    ),
    "sixteen.tif": lambda photo: Image.fromarray(
        np.asarray(photo.convert("L")).astype(np.uint16) * 257
    ),
    "wide.png": lambda photo: photo.resize((200, 30)),
    'it\'s "quoted" & a..b ñ.png': lambda photo: photo,
    "100 megapixels.png": lambda photo: photo.convert("1").resize((10000, 10000)),
}
NOT_SCORED = {
    "empty.jpg": (b"", "the file is empty"),
    "page.jpg": (b"<html>404</html>", "is not an image of a known kind"),
    "line.png": (None, "is 40 x 1 pixels: too small to score"),
    "cut.png": (None, "is broken"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The station: odd photos among good ones; every photo is in a pair, none has a value."""
    root = tmp_path_factory.mktemp("station")
    images = root / "images"
    images.mkdir()
    rng = np.random.default_rng(0)
    names = [f"good {k}.png" for k in range(2 * DAYS)] + [*SCORED, *NOT_SCORED]
    levels = rng.random(len(names))
    for k, name in enumerate(names):
        photo = water_photo(levels[k], seed=k)
        if name in SCORED:
            SCORED[name](photo).save(images / name)
        elif name in NOT_SCORED:
            (images / name).write_bytes(NOT_SCORED[name][0] or b"")
        else:
            photo.save(images / name)
    Image.new("RGB", (40, 1)).save(images / "line.png")
    whole = (images / "good 0.png").read_bytes()
    (images / "cut.png").write_bytes(whole[: len(whole) // 2])
    times = [
        f"2024-06-{1 + k % DAYS:02d}T{8 + k // DAYS:02d}:00:00-04:00" for k in range(len(names))
    ]
    listed = pd.DataFrame({"filename": names, "timestamp": times})
    listed.loc[len(listed)] = ["../outside.png", times[0]]
    listed.loc[len(listed)] = ["gone.png", times[0]]
    listed.to_csv(root / "images.csv", index=False)
    answers = []
    for k in range(400):
        left, right = (k % len(names), int(rng.integers(len(names))))
        if left != right:
            rank = "LEFT" if levels[left] > levels[right] else "RIGHT"
            answers.append(
                {
                    "left": {"imageId": names[left], "attributes": []},
                    "right": {"imageId": names[right], "attributes": []},
                    "rank": rank,
                    "comment": None,
                }
            )
    (root / "annotations.json").write_text(json.dumps(answers))
    return root


@pytest.fixture(scope="module")
def made(folder, tmp_path_factory):
    """The folders of all stages."""
    out = tmp_path_factory.mktemp("out")
    text = (ROOT / "params.yaml").read_text("utf-8")
    for name, value in {**SETTINGS, "source_path": str(folder)}.items():
        line = f"{name}: {json.dumps(value, ensure_ascii=False)}"
        text, n = re.subn(rf"^{name}: .*$", lambda _, line=line: line, text, flags=re.M)
        assert n == 1
    (out / "params.yaml").write_text(text, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(out)
        if (ROOT / "weights").is_dir():
            (out / "weights").symlink_to(ROOT / "weights")
        for stage in (dataset, input, train, predict, report):
            stage.main()
    version = Version.of(load_params(out / "params.yaml", VersionParams))
    return Made(out, *(out / folder for folder in folders_of(version)))


class Made(NamedTuple):
    """Where all stages ran, and the folders that they wrote."""

    top: Path
    dataset: Path
    input: Path
    model: Path
    predictions: Path
    report: Path


def folders_of(version):
    return version.dataset, version.input, version.model, version.predictions, version.report


def test_odd_photos_are_scored_and_bad_ones_have_their_reason(made):
    predictions = pd.read_csv(made.predictions / "predictions.csv").set_index("filename")
    failures = pd.read_csv(made.predictions / "failures.csv").set_index("filename")["reason"]
    assert len(predictions) == 2 * DAYS + len(SCORED) + len(NOT_SCORED)
    assert predictions.loc[list(SCORED), "score"].notna().all()
    assert predictions.loc[list(NOT_SCORED), "score"].isna().all()
    for name, (_, reason) in NOT_SCORED.items():
        assert failures[name].startswith(reason)
    assert set(failures.index) == set(NOT_SCORED)


def test_what_was_left_out_is_counted_at_every_stage(made):
    excluded = json.loads((made.dataset / "dataset.json").read_text())["excluded"]
    assert sum(excluded["photo"].values()) == 2
    told = json.loads((made.model / "train.json").read_text())
    assert set(told["photos_unreadable"]) == set(NOT_SCORED)
    pairs = pd.read_csv(made.input / "pairs.csv")
    assert told["pairs_train"] + told["pairs_val"] + told["pairs_lost"] == len(pairs)
    assert told["pairs_lost"] > 0


def test_a_station_without_values_gets_figures_of_its_pairs_and_a_whole_page(made):
    figures = json.loads((made.top / FIGURES / "metrics.json").read_text())
    assert figures["photo"] == {}
    assert figures["counts"]["photos_failed"] == len(NOT_SCORED)
    assert "accuracy" in figures["pairs"]["val"]
    page = (made.report / "report.html").read_text("utf-8")
    assert "Odd # Brook" in page
    for reason in ("the file is empty", "too small to score"):
        assert reason in page
    assert "../outside.png" not in str(list((made.dataset / "photos").rglob("*")))


def test_the_manifest_names_every_photo(made):
    manifest = json.loads((made.input / "manifest.json").read_text())
    assert manifest[0] == {"prefix": "photos/"}
    assert all((made.dataset / "photos" / name).is_file() for name in manifest[1:])


def test_nothing_half_written_is_left_beside_the_outputs(made):
    assert [path.name for path in made.top.rglob("*.part")] == []
    assert list((made.top / SCRATCH).rglob("*.pt")) == []
