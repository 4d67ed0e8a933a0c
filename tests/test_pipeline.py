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

from fperank.handover.predictions import PREDICTIONS
from fperank.handover.tables import read_table


def version_folder(folder):
    return folder / "data" / STATION / "FLOW_CFS" / "demo-1" / "models" / "rank-1"


def test_every_stage_runs_and_writes_what_it_promises(made):
    folder, told = made
    assert stages_run(told) == ["dataset", "input", "train", "predict", "report"]
    data = version_folder(folder).parents[1] / "data"
    for name in (
        *("images.csv", "pairs.csv", "station.json", "images.png", "annotations.png"),
        *("dataset.json", "photos"),
    ):
        assert (data / name).exists(), name
    for name in (
        *("input/images.csv", "input/pairs.csv", "input/station.json", "input/manifest.json"),
        *("input/input.json", "model/model.safetensors", "model/model.json"),
        *("model/history.csv", "model/live/plots/metrics/val_loss.tsv"),
        *("predictions/predictions.csv", "predictions/failures.csv", "report/report.html"),
    ):
        assert (version_folder(folder) / name).is_file(), name
    for name in ("metrics.json", "loss.csv", "hydrograph.csv", "scatter.csv", "ties.csv"):
        assert (folder / "report" / name).is_file(), name
    predictions = read_table(
        version_folder(folder) / "predictions" / "predictions.csv", PREDICTIONS, "America/New_York"
    )
    assert predictions["score"].notna().all()
    assert predictions["timestamp"].dt.hour.between(8, 17).all()


def test_heavy_outputs_are_dvcs_and_figures_are_gits(made):
    folder, _ = made
    tracked = run(folder, "git", "ls-files").splitlines()
    assert "report/metrics.json" in tracked
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
    before = json.loads((repository / "report" / "metrics.json").read_text())
    told = run(repository, "dvc", "exp", "run", "-S", "min_hour=7")
    assert stages_run(told) == ["input", "train", "predict", "report"]
    after = json.loads((repository / "report" / "metrics.json").read_text())

    def flat(values):
        frame = pd.json_normalize(values)
        return dict(zip(frame.columns, frame.iloc[0], strict=True))

    old, new = flat(before), flat(after)
    moved = {name for name in old.keys() & new.keys() if old[name] != new[name]}
    rows = json.loads(run(repository, "dvc", "metrics", "diff", "--json"))["report/metrics.json"]
    assert {name for name, row in rows.items() if "diff" in row} == moved
    assert "counts.photos" in moved
    assert '"min_hour"' in run(repository, "dvc", "params", "diff", "--json")
    assert "min_hour" in run(repository, "dvc", "exp", "show", "--csv")
    page = run(repository, "dvc", "plots", "diff", "--out", "plots")
    assert "index.html" in page
    assert "hydrograph" in (repository / "plots" / "index.html").read_text(encoding="utf-8")
    run(repository, "dvc", "plots", "show", "--out", "shown")


@pytest.mark.slow
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


def test_a_mistake_in_the_parameters_stops_the_stage_with_its_message(repository):
    told = run(repository, "dvc", "exp", "run", "-S", "min_hour=99", code=255)
    assert "error: params.yaml: min_hour is 99: input should be less than or equal to 23" in told
