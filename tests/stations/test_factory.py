from pathlib import Path

import pytest
from station_folder import dataset_params, save_photo

from fperank.running.errors import ParameterError
from fperank.stations.compose import open_source
from fperank.stations.demo.station import DemoSource
from fperank.stations.folder import FolderSource
from fperank.stations.fpe.api import FpeApiSource
from fperank.stations.fpe.database import FpeDatabaseSource
from fperank.stations.photos.s3_folder import S3FolderSource
from fperank.stations.seed.station import SeedSource


def test_each_source_is_opened_by_its_name(tmp_path):
    folder = open_source(dataset_params(source_path="my photos"), tmp_path)
    assert isinstance(folder, FolderSource)
    assert folder.folder == Path("my photos")
    for name, kind in (
        ("demo", DemoSource),
        ("fpe_api", FpeApiSource),
        ("fpe_database", FpeDatabaseSource),
        ("seed", SeedSource),
    ):
        params = dataset_params(source=name, api_url="https://fpe.example.org", fpe_station="1")
        assert isinstance(open_source(params, tmp_path), kind)
    bucket = open_source(dataset_params(source_path="s3://streams/west-brook"), tmp_path)
    assert isinstance(bucket, S3FolderSource)


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


def test_a_home_folder_may_be_written_with_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    source = open_source(dataset_params(source_path="~/photos"), tmp_path)
    assert isinstance(source, FolderSource)
    assert source.folder == tmp_path / "photos"


@pytest.mark.parametrize("source", ["folder", "seed"])
def test_a_source_of_a_folder_without_a_path_is_refused(tmp_path, source):
    with pytest.raises(ParameterError, match=f'source_path is "" but source is {source}'):
        open_source(dataset_params(source=source, source_path=""), tmp_path)
