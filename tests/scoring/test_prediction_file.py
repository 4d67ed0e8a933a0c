import resource

import numpy as np
import pandas as pd
import pytest
from toy import times

from fperank.ground.errors import DataError
from fperank.scoring.score_file import COLUMNS, PredictionFile, sole_writer

# Rows below by hand: of the station-wide file by the rules of readr 2's write_csv (times in UTC
# with Z), of an image set's by those of pandas 2's to_csv (local times with offset, absent cells
# empty).
STATION_WIDE = "split,image_id,timestamp,filename,url,value,score\n"
IMAGE_SET = "image_id,timestamp,filename,url,score\n"


def rows(*ids, score=0.5):
    return pd.DataFrame(
        {
            "image_id": ids,
            "timestamp": times(*["2024-07-01T08:00:00-04:00"] * len(ids)),
            "filename": [f"{one}.jpg" for one in ids],
            "url": None,
            "score": score,
            "reason": "",
            "quality": "",
        }
    )


def new(file, *ids):
    return file.new(rows(*ids))["image_id"].tolist()


def test_a_new_file_tells_who_scored_what_and_why_not(tmp_path):
    path = tmp_path / "new" / "scores.csv"
    file = PredictionFile(path, "abc")
    file.add(rows("1", score=0.123456789))
    file.add(rows("2", score=np.nan).assign(reason="the file is empty"))
    assert path.read_text().splitlines() == [
        ",".join(COLUMNS),
        "1,2024-07-01T08:00:00-04:00,1.jpg,,0.123456789,,,abc",
        "2,2024-07-01T08:00:00-04:00,2.jpg,,,the file is empty,,abc",
    ]
    assert new(PredictionFile(path, "abc"), "1", "2", "3") == ["3"]


def test_nothing_to_add_begins_no_file(tmp_path):
    PredictionFile(tmp_path / "scores.csv", "abc").add(rows())
    assert not (tmp_path / "scores.csv").exists()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            STATION_WIDE + 'train,7,2022-12-11T20:45:01Z,"a,b.jpg",,1.5,0.1\n',
            ",8,2024-07-01T12:00:00Z,8.jpg,,,0.5\n",
        ),
        (
            IMAGE_SET + "7,2022-12-11 15:45:01-05:00,a.jpg,,\n",
            "8,2024-07-01 08:00:00-04:00,8.jpg,,0.5\n",
        ),
    ],
    ids=["station-wide", "an image set's"],
)
def test_files_of_the_flow_photo_explorer_grow_in_their_own_form(tmp_path, before, after):
    path = tmp_path / "predictions.csv"
    path.write_text(before)
    file = PredictionFile(path, "abc")
    assert new(file, "8", "9") == ["8", "9"]
    file.add(rows("8"))
    assert new(file, "8", "9") == ["9"]
    assert path.read_text() == before + after


def test_a_row_that_a_killed_run_left_unfinished_is_cut_off(tmp_path):
    path = tmp_path / "scores.csv"
    PredictionFile(path, "abc").add(rows("1", "2"))
    whole = path.read_bytes()
    path.write_bytes(whole + b"3,2024-07-01T08:00")
    file = PredictionFile(path, "abc")
    assert path.read_bytes() == whole
    assert new(file, "1", "2", "3") == ["3"]


def test_a_foreign_file_whose_last_row_may_be_unfinished_is_refused(tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_text(IMAGE_SET + "7,2022-12-11 15:45:01-05:00,a.jpg,,0.12")
    with pytest.raises(DataError, match="does not end with a line break"):
        PredictionFile(path, "abc")
    path.write_text(IMAGE_SET + "7,2022-12-11 15:45:01-05:00,a.jpg,,0.12\n8,2022-12-11 1")
    assert new(PredictionFile(path, "abc"), "8") == ["8"]


def test_scores_of_another_model_are_not_mixed_in(tmp_path):
    path = tmp_path / "scores.csv"
    PredictionFile(path, "abc").add(rows("1"))
    with pytest.raises(DataError, match="holds scores of the model abc, but this model is def"):
        PredictionFile(path, "def")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a,b\n1,2\n", "the column image_id is missing; columns found: a, b"),
        (b"image_id,score\n1\n", "row 2 has 1 columns instead of 2"),
        (b"image_id,score\n\xff\xfe,2\n", "is not a CSV file in UTF-8"),
    ],
)
def test_other_files_are_refused_and_left_alone(tmp_path, content, told):
    path = tmp_path / "notes.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=told):
        PredictionFile(path, "abc")
    assert path.read_bytes() == content


def test_two_photos_of_one_name_are_told_apart_by_their_times(tmp_path):
    path = tmp_path / "scores.csv"
    PredictionFile(path, "abc").add(rows("IMG_0001.JPG"))
    card_2 = rows("IMG_0001.JPG").assign(timestamp=times("2024-08-01T08:00:00-04:00"))
    with pytest.raises(DataError, match=r"IMG_0001.JPG of 2024-07-01T08.* give --prefix card-2/"):
        PredictionFile(path, "abc").new(card_2)


def test_photos_without_a_time_have_an_empty_one(tmp_path):
    path = tmp_path / "scores.csv"
    no_time = rows("1", "2").assign(timestamp=pd.Series([pd.NaT] * 2, dtype="datetime64[us, UTC]"))
    PredictionFile(path, "abc").add(no_time)
    assert path.read_text().splitlines()[1] == "1,,1.jpg,,0.5,,,abc"
    assert PredictionFile(path, "abc").new(no_time).empty


def test_a_photo_is_known_under_another_unicode_form_of_its_name(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text("image_id,score\nB\u00e4ch.jpg,1\nA.jpg,2\na.jpg,3\n", "utf-8")
    ids = ["Ba\u0308ch.jpg", "A.jpg", "B.jpg"]
    at = pd.DatetimeIndex([pd.NaT] * 3, tz="UTC")
    new = PredictionFile(path, "m").new(pd.DataFrame({"image_id": ids, "timestamp": at}))
    assert new["image_id"].tolist() == ["B.jpg"]


def test_two_runs_never_add_to_one_file_at_once(tmp_path):
    path = tmp_path / "new" / "scores.csv"
    with sole_writer(path):
        with (
            pytest.raises(DataError, match=r"another run is adding scores to .*scores.csv: wait"),
            sole_writer(path),
        ):
            pass
        PredictionFile(path, "abc").add(rows("1"))
    with sole_writer(path):
        assert new(PredictionFile(path, "abc"), "1", "2") == ["2"]


def test_a_run_that_adds_nothing_leaves_no_file_and_an_empty_file_is_a_new_one(tmp_path):
    path = tmp_path / "scores.csv"
    with sole_writer(path):
        assert path.read_bytes() == b""
        assert new(PredictionFile(path, "abc"), "1") == ["1"]
    assert not path.exists()


def test_rows_that_the_disk_has_no_room_for_are_taken_back(tmp_path):
    """A limit on the size of files stands in for a full disk: the same call fails half-way."""
    path = tmp_path / "scores.csv"
    PredictionFile(path, "abc").add(rows("1"))
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, hard))
    try:
        with pytest.raises(OSError, match=r"File too large: '.*scores.csv'"):
            PredictionFile(path, "abc").add(rows(*map(str, range(2, 50))))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
