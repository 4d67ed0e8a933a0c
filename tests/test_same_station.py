"""One station, through the folder, the database and the API: the same tables and predictions."""

import csv
import io
import json
import os

import pytest
from fpe_station import STATION_ID, STATION_NAME, fpe_station, usable_photos, without_clock
from pipeline_repository import ROOT

import stages.dataset
import stages.input
import stages.predict
import stages.train
from fperank.handover.dataset import DatasetFolder
from fperank.handover.input import InputFolder
from fperank.handover.predictions import PREDICTIONS_FILE
from fperank.handover.version import Version
from fperank.params.file import load_params
from fperank.params.parameters import VersionParams

# How the station is read, not what it is: these lines of params.yaml differ.
SOURCES = {
    "folder": {"source": "folder", "utc_offset": "-05:00"},
    "fpe_database": {"source": "fpe_database", "fpe_station": STATION_NAME},
    "fpe_api": {"source": "fpe_api", "fpe_station": str(STATION_ID)},
}
SMALL = {
    "station": STATION_NAME,
    "min_hour": 0,
    "max_hour": 23,
    "min_train_pairs": 5,
    "min_val_pairs": 2,
    "train_frac": 0.7,
    "input_size": 32,
    "backbone": "shufflenet_v2_x0_5",
    "epochs": 1,
}


def write_folder(station, folder):
    """The station as a person would keep it in a folder; file names are below `images/`."""
    folder.mkdir()
    done = usable_photos(station)
    with (folder / "images.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image_id", "filename", "timestamp", "url"])
        for photo in done:
            key = photo["full_s3"]["Key"]
            writer.writerow([photo["id"], key, photo["timestamp"].isoformat(), photo["full_url"]])
            target = folder / "images" / key
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(station.files[key])
    good = {one["id"] for one in station.datasets if one["status"] == "DONE"}
    flows = {
        one["id"]
        for one in station.series
        if one["dataset_id"] in good and one["variable_id"] == "FLOW_CFS"
    }
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(["timestamp", "value", "flag"])
    for row in station.values:
        if row["series_id"] in flows:
            writer.writerow([row["timestamp"].isoformat(), row["value"], row["flag"] or ""])
    (folder / "observations.csv").write_text(lines.getvalue().replace("nan", ""), "utf-8")
    [published] = [key for key in station.files if key.endswith("/annotations.csv")]
    (folder / "annotations.csv").write_bytes(station.files[published])
    row = station.stations[0]
    about = {name: row[name] for name in ("id", "name", "timezone", "nwis_id", "latitude")}
    (folder / "station.json").write_text(json.dumps(about), "utf-8")


def write_params(path, values):
    text = (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[0] for line in text]
    for name, value in values.items():
        text[names.index(name)] = f"{name}: {json.dumps(value)}"
    path.write_text("\n".join(text), encoding="utf-8")


@pytest.fixture
def station(fpe_api):
    fpe_api.station = fpe_station(fpe_api.url, days=20)
    return fpe_api.station


@pytest.mark.slow
def test_one_station_gives_the_same_tables_and_predictions_whatever_tells_of_it(
    station, fpe_api, postgres, tmp_path, monkeypatch
):
    write_folder(station, tmp_path / "folder")
    addresses = {
        "folder": {"source_path": str(tmp_path / "folder")},
        "fpe_database": {},
        "fpe_api": {"api_url": f"{fpe_api.url}/api"},
    }
    made = {}
    with postgres.database(station) as database:
        for name, value in database.environment.items():
            monkeypatch.setenv(name, value)
        for source, values in SOURCES.items():
            home = tmp_path / source.replace("folder", "from-folder")
            home.mkdir()
            write_params(home / "params.yaml", SMALL | values | addresses[source])
            monkeypatch.chdir(home)
            stages.dataset.main()
            made[source] = home
    version = Version.of(load_params(home / "params.yaml", VersionParams))
    dataset = DatasetFolder(version.dataset)
    tables = [
        *(dataset.images_file, dataset.pairs_file, version.dataset / "observations.csv"),
        *(InputFolder(version.input).pairs_file, version.predictions / PREDICTIONS_FILE),
    ]
    for source, home in made.items():
        monkeypatch.chdir(home)
        for stage in (stages.input, stages.train, stages.predict):
            stage.main()
        for name in tables:
            own, first = (one / name for one in (home, made["folder"]))
            assert without_clock(own) == without_clock(first), f"{source}: {name}"
        photos = sorted(p for p in dataset.photos.rglob("*") if p.is_file())
        assert len(photos) == len(usable_photos(station))

    pairs = (made["folder"] / dataset.pairs_file).read_text(encoding="utf-8")
    assert pairs.count("\n") > 20
    assert "u-" in pairs
    for home in made.values():
        for path in home.rglob("*"):
            if path.is_file() and path.suffix in {".csv", ".json"}:
                text = path.read_text(encoding="utf-8")
                assert os.environ["FPE_DB_PASSWORD"] not in text, path
                assert "54d1-4c7e" not in text, f"an annotator's id stands in {path}"
