from pathlib import Path

import pytest
from station_folder import dataset_params

from fperank.errors import ParameterError
from fperank.sources.demo import DemoSource
from fperank.sources.factory import open_source
from fperank.sources.folder import FolderSource


def test_each_source_is_opened_by_its_name(tmp_path):
    folder = open_source(dataset_params(source_path="my photos"), tmp_path)
    assert isinstance(folder, FolderSource)
    assert folder.folder == Path("my photos")
    assert isinstance(open_source(dataset_params(source="demo"), tmp_path), DemoSource)


def test_a_home_folder_may_be_written_with_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    source = open_source(dataset_params(source_path="~/photos"), tmp_path)
    assert isinstance(source, FolderSource)
    assert source.folder == tmp_path / "photos"


def test_a_folder_source_without_a_path_is_refused(tmp_path):
    with pytest.raises(ParameterError, match='source_path is "" but source is folder'):
        open_source(dataset_params(source_path=""), tmp_path)
