import numpy as np
import pandas as pd
import pytest
from toy import ZONE, times

from fperank.ground.errors import DataError
from fperank.handover import tables
from fperank.handover.dataset import IMAGES
from fperank.handover.input import INPUT_IMAGES
from fperank.handover.model import HISTORY
from fperank.handover.predictions import PREDICTIONS


@pytest.fixture
def images():
    return pd.DataFrame(
        {
            "image_id": ["007", "a b", "ñ,\"'"],
            "timestamp": times(
                "2024-04-30T07:15:00-04:00", "2024-11-03T05:30:00Z", "2024-11-03T06:30:00Z"
            ),
            "filename": ["x y.jpg", 'it\'s "1".jpg', "None"],
            "url": [None, "https://example.org/a?b=1,2", None],
            "value": [1.5, None, 0.1],
            "attributes": ["DRY,BAD", None, None],
            "quality": ["blurred,dark", None, None],
            "clock": ["a", "a", "b"],
        }
    )


def test_a_table_comes_back_as_it_was(images, tmp_path):
    tables.write_table(images, IMAGES, tmp_path / "new" / "images.csv")
    back = tables.read_table(tmp_path / "new" / "images.csv", IMAGES, ZONE)
    pd.testing.assert_frame_equal(back, images, check_dtype=False)
    tables.write_table(back, IMAGES, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "new/images.csv").read_bytes()


def test_timestamps_are_written_with_the_offset_of_the_station_through_the_change_of_time(
    images, tmp_path
):
    tables.write_table(images, IMAGES, tmp_path / "images.csv")
    text = (tmp_path / "images.csv").read_text(encoding="utf-8")
    # Half past one comes twice on the night when summer time ends.
    for stamp in (
        "2024-04-30T07:15:00-04:00",
        "2024-11-03T01:30:00-04:00",
        "2024-11-03T01:30:00-05:00",
    ):
        assert stamp in text


def test_a_32_bit_score_comes_back_to_the_last_bit(images, tmp_path):
    scores = np.array([0.1, 1 / 3, 1e-7], dtype=np.float32)
    frame = images.assign(split="train", score=scores.astype(float), rank_percentile=0.5)
    tables.write_table(frame, PREDICTIONS, tmp_path / "p.csv")
    back = tables.read_table(tmp_path / "p.csv", PREDICTIONS, ZONE)
    assert (back["score"].to_numpy(np.float32) == scores).all()


def test_times_without_an_offset_are_refused_with_their_line():
    with pytest.raises(
        DataError, match=r"test: line 3 holds '2024-04-30 07:15:00': write times as"
    ):
        times("2024-04-30T07:15:00-04:00", "2024-04-30 07:15:00")
    with pytest.raises(DataError, match=r"line 2 holds 'soonZ'"):
        times("soonZ")


def test_times_of_several_forms_are_the_same_instant():
    told = times("2024-04-30T07:15:00-04:00", "2024-04-30 11:15:00Z", "2024-04-30T12:15:00+0100")
    assert told.nunique() == 1


def test_an_id_twice_a_missing_column_and_a_wrong_value_are_refused(images, tmp_path):
    with pytest.raises(DataError, match=r"images\.csv is not a table of images"):
        tables.write_table(images.assign(image_id="1"), IMAGES, tmp_path / "images.csv")
    with pytest.raises(DataError, match="the column value is missing; columns needed: image_id"):
        tables.write_table(images.drop(columns="value"), IMAGES, tmp_path / "images.csv")
    with pytest.raises(DataError, match="is not a table of input images"):
        tables.checked(images.assign(split="test"), INPUT_IMAGES, "x")
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_absent_empty_or_no_csv_are_told(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv does not exist"):
        tables.read_table(tmp_path / "none.csv", IMAGES, ZONE)
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(DataError, match="is empty: not even a line of column names"):
        tables.read_table(tmp_path / "empty.csv", IMAGES, ZONE)
    (tmp_path / "latin.csv").write_bytes("image_id\nñ".encode("latin-1"))
    with pytest.raises(DataError, match="is not a CSV file in UTF-8"):
        tables.read_table(tmp_path / "latin.csv", IMAGES, ZONE)


def test_an_empty_table_keeps_its_columns(images, tmp_path):
    tables.write_table(images.iloc[:0], IMAGES, tmp_path / "images.csv")
    back = tables.read_table(tmp_path / "images.csv", IMAGES, ZONE)
    assert list(back.columns) == list(IMAGES.columns)
    assert len(back) == 0


def test_a_history_keeps_its_yes_and_no(tmp_path):
    history = pd.DataFrame(
        {
            "epoch": [1, 2],
            "train_loss": [0.5, 0.4],
            "val_loss": [0.5, 0.6],
            "val_pair_accuracy": [0.7, None],
            "learning_rate": [0.1, 0.1],
            "backbone_frozen": [True, False],
            "kept": [True, False],
        }
    )
    tables.write_table(history, HISTORY, tmp_path / "history.csv")
    back = tables.read_table(tmp_path / "history.csv", HISTORY, ZONE)
    assert back["kept"].tolist() == [True, False]
    assert back["backbone_frozen"].tolist() == [True, False]


def test_local_dates_are_the_stations():
    told = tables.local_dates(times("2024-03-01T04:59:00Z", "2024-03-01T05:00:00Z"))
    assert [str(day) for day in told] == ["2024-02-29", "2024-03-01"]


def test_names_that_begin_like_formulas_are_safe_in_the_file_and_themselves_in_memory(tmp_path):
    names = ["=1+1.jpg", "@x.jpg", "'=2.jpg", "-3.jpg", "plain.jpg"]
    schema = tables.table_schema("names", {"filename": tables.text_column()})
    tables.write_table(pd.DataFrame({"filename": names}), schema, tmp_path / "names.csv")
    lines = (tmp_path / "names.csv").read_text().splitlines()
    assert lines == ["filename", "'=1+1.jpg", "'@x.jpg", "''=2.jpg", "'-3.jpg", "plain.jpg"]
    assert tables.read_table(tmp_path / "names.csv", schema, "UTC")["filename"].tolist() == names
