from pathlib import Path

import pytest
from station_folder import write

from fperank.errors import DataError
from fperank.sources.observation_file import read_observations

REAL = Path(__file__).parents[2] / "../shared/data/androscoggin-15min-year.csv"


def read(tmp_path, text, variable_id="FLOW_CFS"):
    path = write(tmp_path / "observations.csv", text)
    return read_observations(path, variable_id, "America/New_York")


def test_times_are_told_in_the_station_s_zone(tmp_path):
    good, excluded = read(tmp_path, "timestamp,value\n2024-07-01T12:00:00Z,3.5\n")
    assert good["timestamp"].iloc[0].isoformat() == "2024-07-01T08:00:00-04:00"
    assert good["value"].tolist() == [3.5]
    assert excluded == []


@pytest.mark.parametrize("time", ["timestamp", "datetime", "time"])
@pytest.mark.parametrize("value", ["value", "flow_cfs", "q"])
def test_column_names_in_use_are_known(tmp_path, time, value):
    good, _ = read(tmp_path, f"site,{value},{time}\nA,3.5,2024-07-01T12:00:00Z\n")
    assert good["value"].tolist() == [3.5]


def test_value_counts_more_than_the_variable_s_name(tmp_path):
    good, _ = read(tmp_path, "time,flow_cfs,value\n2024-07-01T12:00:00Z,1,2\n")
    assert good["value"].tolist() == [2]


def test_two_numeric_columns_are_not_guessed_at(tmp_path):
    with pytest.raises(
        DataError,
        match="no column of values; name it value or flow_cfs; columns found: time, q, stage",
    ):
        read(tmp_path, "time,q,stage\n2024-07-01T12:00:00Z,1,2\n")


def test_a_table_without_times_is_refused(tmp_path):
    with pytest.raises(
        DataError, match="name it timestamp, datetime or time; columns found: date, value"
    ):
        read(tmp_path, "date,value\n2024-07-01,1\n")


def test_times_without_an_offset_are_refused(tmp_path):
    with pytest.raises(
        DataError, match=r"column timestamp: line 3 holds '2024-07-01T13:00:00'.*UTC offset"
    ):
        read(tmp_path, "timestamp,value\n2024-07-01T12:00:00Z,1\n2024-07-01T13:00:00,1\n")


def test_flagged_missing_and_textual_rows_are_counted_once_each(tmp_path):
    rows = ["1,", "2,A", ",A", "NaN,", ",NA", "Ice,", "Eqp,", "inf,", "3,NA"]
    text = "".join(f"2024-07-01T{hour:02d}:00:00Z,{row}\n" for hour, row in enumerate(rows))
    good, excluded = read(tmp_path, "timestamp,value,flag\n" + text)
    assert good["value"].tolist() == [1, 3]
    assert list(good.index) == [0, 1]
    assert excluded == [
        ("observation", "2 rows", "flagged"),
        ("observation", "2 rows", "no value"),
        ("observation", "2 rows", "not a number, for example 'Ice' on line 7"),
        ("observation", "1 row", "not a finite number, for example 'inf' on line 9"),
    ]


def test_a_value_column_of_text_is_refused_with_an_example(tmp_path):
    with pytest.raises(
        DataError, match=r"the column value holds text, for example '3\.5 cfs' on line 3"
    ):
        read(tmp_path, "timestamp,value\n2024-07-01T12:00Z,\n2024-07-01T13:00Z,3.5 cfs\n")


def test_a_table_without_any_value_is_counted_and_no_error(tmp_path):
    good, excluded = read(tmp_path, "timestamp,value\n2024-07-01T12:00Z,\n")
    assert good.empty
    assert str(good["timestamp"].dtype) == "datetime64[us, America/New_York]"
    assert excluded == [("observation", "1 row", "no value")]


def test_a_table_of_column_names_alone_is_empty(tmp_path):
    good, excluded = read(tmp_path, "timestamp,value\n")
    assert good.empty
    assert excluded == []


def test_a_real_year_of_a_gauge_is_read():
    if not REAL.exists():
        pytest.skip(f"the real data is not here: {REAL.name} beside the checkout")
    good, excluded = read_observations(REAL, "FLOW_CFS", "America/New_York")
    assert len(good) > 30_000
    assert excluded == []
    assert good["timestamp"].iloc[0].isoformat() == "2019-10-01T00:00:00-04:00"
    assert good["value"].iloc[0] == 1820
