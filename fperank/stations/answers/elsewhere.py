"""Comparisons that lie in a file elsewhere than the photos, by its path or its address.

An annotation file may hold user ids, so one that is fetched is read from a temporary file and never
kept.

Refused: files that are absent, larger than 500 MB, or neither .json nor .csv.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import pandas as pd

from fperank.ground.errors import AbsentError, DataError
from fperank.remote.fetching import Fetcher, shown
from fperank.stations.answers.files import read_annotation_file
from fperank.stations.base import Answers
from fperank.stations.csv_files import read_csv_text
from fperank.stations.own_folder import read_file

MAX_BYTES = 500_000_000
_PARAMETER = "annotations_from"


class PathAnswers:
    """A file on this machine that the parameter annotations_from names."""

    def __init__(self, path: str) -> None:
        self._path = path

    def read(self) -> Answers:
        """Read it; `DataError` where it is absent or not what it should be."""
        path = Path(self._path).expanduser()
        if not path.is_file():
            raise DataError(
                f"{_PARAMETER} {self._path} is no file: give the path of a .json or .csv file "
                "of comparisons, or its https:// or s3:// address"
            )
        table, excluded = read_annotation_file(path)
        files = (read_file("annotations", path),)
        return Answers(table, excluded, read_files=files, parameter=_PARAMETER)


class AddressAnswers:
    """A file at an address that the parameter annotations_from names.

    Args:
        address: https://, http:// or s3://; see `read_annotations_at`.
        fetcher: fetches it.
    """

    def __init__(self, address: str, fetcher: Fetcher) -> None:
        self._address = address
        self._fetcher = fetcher

    def read(self) -> Answers:
        """Fetch and read it; `DataError` where it is absent or not what it should be."""
        try:
            return read_annotations_at(self._address, self._fetcher, parameter=_PARAMETER)
        except AbsentError as error:
            raise DataError(f"{_PARAMETER}: {error}") from None


def read_annotations_at(address: str, fetcher: Fetcher, parameter: str = "") -> Answers:
    """Read a file of comparisons from an address, of which nothing is kept.

    Args:
        address: ends in `.json` or `.csv`, before its query if it has one.
        fetcher: fetches it.
        parameter: see `Answers`.

    Raises:
        AbsentError: nothing lies there.
        DataError: it cannot be fetched, or is not what it should be.
    """
    return replace(fetched_answers(address, fetcher)[0], parameter=parameter)


def fetched_answers(address: str, fetcher: Fetcher) -> tuple[Answers, pd.DataFrame]:
    """Likewise, with the cells of a table as they stand in it; of a `.json` there are none."""
    suffix = Path(shown(address)).suffix.lower()
    if suffix not in {".csv", ".json"}:
        raise DataError(f"{shown(address)} is no file of annotations: fperank reads .json and .csv")
    with tempfile.TemporaryDirectory(prefix="fperank-") as folder:
        path = Path(folder) / f"annotations{suffix}"
        fetcher.download(address, path, MAX_BYTES)
        try:
            table, excluded = read_annotation_file(path)
            cells = read_csv_text(path) if suffix == ".csv" else pd.DataFrame()
        except DataError as error:
            raise DataError(str(error).replace(str(path), shown(address))) from None
        files = (read_file("annotations", path, shown(address)),)
    return Answers(table, excluded, read_files=files), cells
