import subprocess
import sys
from pathlib import Path

import pytest
from station_folder import dataset_params, save_photo

from fperank.ground.errors import ParameterError
from fperank.stations.compose import open_source

ROOT = Path(__file__).parents[2]


def kinds(source):
    readers = (source.photos, source.observations, source.answers)
    return [type(reader).__name__ for reader in readers]


def test_each_source_has_its_three_readers(tmp_path):
    for changes, wanted in (
        ({"source": "demo"}, ["FolderPhotos", "FolderObservations", "FolderAnswers"]),
        ({"source": "folder"}, ["FolderPhotos", "FolderObservations", "FolderAnswers"]),
        ({"source": "fpe_api"}, ["FpePhotos", "ApiObservations", "ApiAnswers"]),
        ({"source": "fpe_database"}, ["FpePhotos", "DatabaseObservations", "DatabaseAnswers"]),
        ({"source": "seed"}, ["SeedPhotos", "SeedObservations", "SeedAnswers"]),
    ):
        assert kinds(open_source(dataset_params(**changes), tmp_path)) == wanted


@pytest.mark.parametrize(
    ("where", "folder"),
    [("photos", "OwnFolder"), ("s3://streams/west-brook", "S3Folder")],
)
def test_a_folder_may_lie_here_or_in_a_bucket(tmp_path, where, folder):
    source = open_source(dataset_params(source_path=where), tmp_path)
    assert type(source.photos.folder).__name__ == folder


@pytest.mark.parametrize("source", ["demo", "folder", "fpe_api", "fpe_database", "seed"])
def test_observed_values_and_comparisons_may_come_from_elsewhere(tmp_path, source):
    for there, values, answers in (
        ("mine.csv", "PathObservations", "PathAnswers"),
        ("https://example.org/mine.csv", "AddressObservations", "AddressAnswers"),
    ):
        params = dataset_params(source=source, observations_from=there, annotations_from=there)
        assert kinds(open_source(params, tmp_path))[1:] == [values, answers]
    usgs = open_source(dataset_params(source=source, observations_from="usgs"), tmp_path)
    assert kinds(usgs)[1] == "UsgsObservations"


def test_what_the_parameters_put_in_place_of_a_source_s_own_parts_is_read(tmp_path):
    folder = tmp_path / "station"
    folder.mkdir()
    for k in range(3):
        save_photo(folder / f"{k}.jpg", f"2024:07:01 {8 + k:02d}:00:00")
    (folder / "observations.csv").write_text("this is not even a table")
    (folder / "annotations.json").write_text("nor is this JSON")
    flow = tmp_path / "flow.csv"
    flow.write_text("timestamp,flow_cfs\n2024-07-01T08:00:00-04:00,7\n")
    answers = tmp_path / "answers.csv"
    answers.write_text("left_image_id,right_image_id,rank\n0.jpg,1.jpg,LEFT\n")
    params = dataset_params(
        source_path=str(folder), observations_from=str(flow), annotations_from=str(answers)
    )
    data = open_source(params, tmp_path / "scratch").read()
    assert data.observations["value"].tolist() == [7.0]
    assert data.annotations[["left_image_id", "rank"]].to_numpy().tolist() == [["0.jpg", "LEFT"]]
    assert [one.name for one in data.read_files] == ["flow.csv", "answers.csv"]


def test_a_home_folder_may_be_written_with_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    source = open_source(dataset_params(source_path="~/photos"), tmp_path)
    assert source.photos.folder.path == tmp_path / "photos"


@pytest.mark.parametrize("source", ["folder", "seed"])
def test_a_source_of_a_folder_without_a_path_is_refused(tmp_path, source):
    with pytest.raises(ParameterError, match=f'source_path is "" but source is {source}'):
        open_source(dataset_params(source=source, source_path=""), tmp_path)


READ = """
import sys
from pathlib import Path
from station_folder import folder_source
source = folder_source(Path(sys.argv[1]))
source.read()
source.fetch("a.jpg", Path(sys.argv[1]) / "copy.txt")
"""
FIND = """
import sys
from pathlib import Path
from station_folder import dataset_params
from fperank.stations.photos.sets import open_photo_set
params = dataset_params()
for timed in (True, False):
    open_photo_set(sys.argv[1], params, params, Path("scratch"), timed=timed)
"""


@pytest.mark.parametrize("code", [READ, FIND])
def test_a_folder_is_read_without_the_libraries_of_clouds_and_databases(tmp_path, code):
    for hour in (8, 9):
        save_photo(tmp_path / ("a.jpg" if hour == 8 else "b.jpg"), f"2024:07:01 {hour:02d}:00:00")
    (tmp_path / "observations.csv").write_text("timestamp,value\n2024-07-01T12:00Z,1\n")
    ask = "print([one for one in ('boto3', 'psycopg', 'dataretrieval', 'requests') "
    ask += "if one in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code + ask, str(tmp_path)],
        env={"PYTHONPATH": f"{ROOT}:{Path(__file__).parent}"},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
