import datetime as dt

import numpy as np
import pytest

from fperank.ground.errors import DataError
from fperank.ground.files import read_json, write_bytes, write_json, write_text


def test_a_file_is_written_whole_with_its_parents_and_nothing_beside_it(tmp_path):
    write_text(tmp_path / "a" / "b.txt", "ñ\n")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "ñ\n".encode()
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.txt"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    write_bytes(tmp_path / "a", b"old")
    with pytest.raises(TypeError):
        write_json({"a": object()}, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"old"


def test_json_is_sorted_and_takes_dates_and_numpy(tmp_path):
    write_json({"b": np.float64(1.5), "a": dt.date(2024, 1, 2), "c": np.int64(3)}, tmp_path / "j")
    assert (tmp_path / "j").read_text() == '{\n  "a": "2024-01-02",\n  "b": 1.5,\n  "c": 3\n}\n'
    assert read_json(tmp_path / "j")["b"] == 1.5


def test_what_json_cannot_hold_is_refused(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json({"a": float("nan")}, tmp_path / "j")


def test_json_that_is_absent_or_broken_is_told(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read_json(tmp_path / "none")
    (tmp_path / "bad").write_text("{")
    with pytest.raises(DataError, match="is not valid JSON"):
        read_json(tmp_path / "bad")
