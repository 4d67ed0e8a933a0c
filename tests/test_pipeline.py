"""The real `dvc` commands, as a user types them, in a temporary repository.

The station is a small demo whose name holds a space and brackets.
"""

import io
import json
import re
import time

import pandas as pd
import pytest
from pipeline_repository import STATION, run, stages_run

from fperank.handover.predictions import PredictionsFolder
from fperank.handover.report import METRICS_FILE
from fperank.handover.version import FIGURES, Version

# The five stages in one process are in tests/stages/test_all_stages.py.
pytestmark = pytest.mark.slow

VERSION = Version(STATION, "FLOW_CFS", "demo-1", "rank-1")
FIGURES_PATH = (FIGURES / METRICS_FILE).as_posix()


def test_every_stage_runs_and_writes_what_it_promises(made):
    folder, printed = made
    assert stages_run(printed) == ["dataset", "input", "train", "predict", "report"]
    # Spelt out: users and programs outside of this repository go by these names.
    for path, names in (
        (VERSION.dataset, "images.csv pairs.csv observations.csv excluded.csv station.json"),
        (VERSION.dataset, "dataset.json images.png annotations.png"),
        (VERSION.input, "images.csv pairs.csv station.json input.json manifest.json"),
        (VERSION.model, "model.safetensors model.json history.csv train.json"),
        (VERSION.model, "live/plots/metrics/val_loss.tsv"),
        (VERSION.predictions, "predictions.csv failures.csv predict.json"),
        (VERSION.report, "report.html metrics.json"),
        (FIGURES, "metrics.json loss.csv hydrograph.csv scatter.csv ties.csv"),
    ):
        for name in names.split():
            assert (folder / path / name).is_file(), path / name
    assert any((folder / VERSION.dataset / "photos").rglob("*.JPG"))
    predictions = PredictionsFolder(folder / VERSION.predictions, "America/New_York").predictions
    assert predictions["score"].notna().all()
    assert predictions["timestamp"].dt.hour.between(8, 17).all()


def test_heavy_outputs_are_dvcs_and_figures_are_gits(made):
    folder, _ = made
    tracked = run(folder, "git", "ls-files").splitlines()
    assert FIGURES_PATH in tracked
    assert "dvc.lock" in tracked
    assert not [name for name in tracked if name.startswith("data/")]
    assert run(folder, "git", "status", "--porcelain") == ""


def test_a_second_repro_says_that_all_is_up_to_date(repository):
    assert "Data and pipelines are up to date" in run(repository, "dvc", "repro")


def test_no_output_holds_a_path_of_the_machine(made):
    folder, _ = made
    secret = str(folder.parent).encode()
    outputs = [path for path in (folder / "data").rglob("*") if path.is_file()]
    assert len(outputs) > 100
    assert [path for path in outputs if secret in path.read_bytes()] == []


def test_an_experiment_reruns_from_input_and_every_changed_metric_shows_its_change(repository):
    before = json.loads((repository / FIGURES_PATH).read_text())
    printed = run(repository, "dvc", "exp", "run", "-S", "min_hour=7")
    assert stages_run(printed) == ["input", "train", "predict", "report"]
    after = json.loads((repository / FIGURES_PATH).read_text())

    def flat(values):
        frame = pd.json_normalize(values)
        return dict(zip(frame.columns, frame.iloc[0], strict=True))

    old, new = flat(before), flat(after)
    moved = {name for name in old.keys() & new.keys() if old[name] != new[name]}
    rows = json.loads(run(repository, "dvc", "metrics", "diff", "--json"))[FIGURES_PATH]
    assert {name for name, row in rows.items() if "diff" in row} == moved
    assert "counts.photos" in moved
    assert '"min_hour"' in run(repository, "dvc", "params", "diff", "--json")
    assert "min_hour" in run(repository, "dvc", "exp", "show", "--csv")
    page = run(repository, "dvc", "plots", "diff", "--out", "plots")
    assert "index.html" in page
    assert "hydrograph" in (repository / "plots" / "index.html").read_text(encoding="utf-8")
    run(repository, "dvc", "plots", "show", "--out", "shown")


def test_queued_experiments_run_in_copies_of_their_own(repository):
    run(repository, "dvc", "exp", "run", "--queue", "-S", "min_hour=7,8,9")
    run(repository, "dvc", "queue", "start")
    for _ in range(240):
        status = run(repository, "dvc", "queue", "status")
        if "Running" not in status and "Queued" not in status:
            break
        time.sleep(1)
    assert status.count("Success") == 3, status
    shown = run(repository, "dvc", "exp", "show", "--csv")
    table = pd.read_csv(io.StringIO(shown)).dropna(subset=["Experiment"])
    assert sorted(table["min_hour"]) == [7, 8, 9]
    photos = table.sort_values("min_hour")["counts.photos"].astype(int)
    assert photos.is_monotonic_decreasing, "later hours alone are fewer photos"
    assert photos.is_unique
    assert run(repository, "git", "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("name", "value", "readers"),
    [
        ("max_gap_minutes", 60, {"dataset"}),
        ("train_frac", 0.75, {"input"}),
        ("epochs", 2, {"train"}),
        ("threads", 1, {"train", "predict"}),
        ("report_photos", 11, {"report"}),
    ],
)
def test_a_parameter_is_read_by_its_own_stages_only(repository, name, value, readers):
    path = repository / "params.yaml"
    text, n = re.subn(rf"^{name}: \S+", f"{name}: {value}", path.read_text("utf-8"), flags=re.M)
    assert n == 1
    path.write_text(text, "utf-8")
    assert set(json.loads(run(repository, "dvc", "status", "--json"))) == readers


@pytest.mark.parametrize(
    ("paths", "readers"),
    [
        (("fperank/ground/errors.py", "fperank/versions/release.py"), set()),
        (("fperank/network/losses.py",), {"train", "predict", "report"}),
        (("fperank/pairs/build.py", "weights/none"), {"input", "train"}),
    ],
)
def test_a_changed_line_reruns_the_stages_whose_bytes_it_shapes_and_no_others(
    repository, paths, readers
):
    for path in (repository / one for one in paths):
        with path.open("a", encoding="utf-8") as file:
            file.write("# One more line.\n")
    # What Python itself leaves beside the code is no code.
    compiled = repository / "fperank" / "stations" / "__pycache__" / "base.pyc"
    compiled.parent.mkdir(exist_ok=True)
    compiled.write_bytes(b"changed")
    assert set(json.loads(run(repository, "dvc", "status", "--json"))) == readers


def test_a_mistake_in_the_parameters_stops_the_stage_with_its_message(repository):
    printed = run(repository, "dvc", "exp", "run", "-S", "min_hour=99", code=255)
    assert "error: params.yaml: min_hour is 99: input should be less than or equal to 23" in printed
