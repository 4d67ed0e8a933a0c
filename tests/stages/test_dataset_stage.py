import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

from fperank.handover import tables
from fperank.handover.dataset import IMAGES
from fperank.running.stage import run
from stages.dataset import main

ROOT = Path(__file__).parents[2]
FILES = [
    "annotations.png",
    "dataset.json",
    "excluded.csv",
    "images.csv",
    "images.png",
    "observations.csv",
    "pairs.csv",
    "photos",
    "quality.csv",
    "station.json",
]


@pytest.fixture
def station(tmp_path):
    folder = tmp_path / "my photos"
    folder.mkdir()
    for day in range(1, 6):
        # Each of a grey of its own: photos of the same bytes would be one.
        Image.new("RGB", (8, 6), (40 * day,) * 3).save(folder / f"2024-07-{day:02d} it's.jpg")
    (folder / "other.jpg").write_text("no date in the name")
    rows = "".join(f"2024-07-{day:02d}T16:00Z,{day},\n" for day in range(1, 6))
    (folder / "observations.csv").write_text(
        "timestamp,value,flag\n" + rows + "2024-07-06T16:00Z,9,ICE\n"
    )
    (folder / "annotations.csv").write_text(
        "left_image_id,right_image_id,rank\n2024-07-01 it's.jpg,2024-07-02 it's.jpg,RIGHT\n"
    )
    return folder


@pytest.fixture
def run_stage(tmp_path, monkeypatch, capsys):
    def start(**changes):
        values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        values |= {"station": "West Brook 0 (Lower)", "source": "folder", "dataset_version": "v1"}
        values |= changes
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
        output = tmp_path / "data/West Brook 0 (Lower)/FLOW_CFS/v1/data"
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["stages.dataset"])
        # The run log says that a temporary folder is no git repository.
        monkeypatch.setattr("fperank.running.stage.append_run", lambda *run: None)
        status = 0
        try:
            run(main)
        except SystemExit as stop:
            status = stop.code
        return status, capsys.readouterr(), output

    return start


def test_the_stage_writes_a_whole_dataset_and_tells_what_it_left_out(tmp_path, station, run_stage):
    status, said, output = run_stage(source_path=str(station), timestamp_pattern="%Y-%m-%d")
    assert (status, said.err) == (0, "")
    assert said.out.splitlines() == [
        "West Brook 0 (Lower): 5 photos, 2024-07-01 to 2024-07-05, 5 with an observed value; "
        "5 observations; 1 annotation",
        "times of photos: file name, noon of a day (5)",
        "observations.csv was read as values: value; unit: cfs, for nothing tells another one "
        "(observations_unit would); times: timestamp, with the UTC offset that each tells; "
        "flag: ICE (1, left out)",
        "left out: 1 photo: no time of the form %Y-%m-%d in its name",
        "left out: 1 observation: flagged",
    ]
    assert sorted(path.name for path in output.iterdir()) == FILES
    images = tables.read_table(output / "images.csv", IMAGES, "America/New_York")
    assert images["value"].tolist() == [1, 2, 3, 4, 5]
    assert len(list((output / "photos").iterdir())) == 5
    assert str(tmp_path) not in (output / "dataset.json").read_text()


def test_running_twice_gives_the_same_bytes(station, run_stage):
    written = []
    for _ in range(2):
        status, _, output = run_stage(source_path=str(station), timestamp_pattern="%Y-%m-%d")
        assert status == 0
        files = [path for path in output.rglob("*") if path.is_file()]
        written.append({str(path): path.read_bytes() for path in files})
    assert len(written[0]) == 14
    assert written[0] == written[1]


def test_what_the_user_can_mend_is_one_message_and_leaves_nothing(station, run_stage):
    status, said, output = run_stage(source_path=str(station), timestamp_source="exif")
    assert status == 1
    assert said.err.startswith("error: no photo in ")
    assert not output.exists()


def test_an_empty_source_path_names_the_parameter(run_stage):
    status, said, _ = run_stage(source_path="")
    assert status == 1
    assert said.err.startswith('error: source_path is "" but source is folder')


def test_the_stage_starts_as_dvc_starts_it(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "stages.dataset"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: params.yaml does not exist: run from the top folder\n")


def test_without_the_environment_the_stage_names_what_to_type():
    done = subprocess.run(
        [sys.executable, "-S", "-m", "stages.dataset"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: the Python at ")
    assert "type `source .venv/bin/activate`" in done.stderr
