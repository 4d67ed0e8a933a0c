"""Times as gauges' programs, loggers and spreadsheets write them."""

import pandas as pd
import pytest
from test_observation_file import observed

from fperank.ground.errors import DataError
from fperank.stations.observed.times import offset_minutes, offset_of_name


def instants(tmp_path, cells, header="time,value", **told):
    rows = "".join(f'"{cell}",{n}\n' for n, cell in enumerate(cells, start=1))
    found = observed(tmp_path, f"{header}\n{rows}", **told)
    return [time.isoformat() for time in found.values["timestamp"]], found


@pytest.mark.parametrize(
    "cell",
    [
        "2024-06-01T08:45:00-04:00",
        "2024-06-01 08:45:00-04",
        "2024-06-01 8:45 -0400",
        "2024/06/01 12:45 UTC",
        "2024-06-01T12:45Z",
        "2024-06-01 12:45:00.000+00",
        "20240601T124500Z",
        "1-Jun-2024 08:45 AM GMT-04:00",
        "June 1, 2024 8:45-04:00",
    ],
)
def test_a_time_with_its_offset_needs_no_parameter(tmp_path, cell):
    assert instants(tmp_path, [cell])[0] == ["2024-06-01T08:45:00-04:00"]


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        (["6/1/2024 8:45", "6/13/2024 8:45"], "2024-06-01T08:45:00-04:00"),
        (["1.6.2024 08:45", "13.6.2024 08:45"], "2024-06-01T08:45:00-04:00"),
        (["01-06-2024 08:45:30 PM", "31-06-2024".replace("31", "30") + " 08:45"], None),
    ],
)
def test_a_number_above_twelve_decides_which_is_the_day_and_that_is_told(tmp_path, cells, read):
    times, found = instants(tmp_path, cells, utc_offset="-04:00")
    assert times[0] == (read or "2024-06-01T20:45:30-04:00")
    assert "first, for a number is larger than 12" in found.table.times


def test_day_and_month_are_never_guessed(tmp_path):
    with pytest.raises(DataError, match=r"line 2 holds '6/1/2024 8:45', and nothing in the column"):
        instants(tmp_path, ["6/1/2024 8:45"], utc_offset="-05:00")
    for order, day in (("mdy", "2024-06-01"), ("dmy", "2024-01-06")):
        times, found = instants(tmp_path, ["6/1/2024 8:45"], utc_offset="-05:00", date_order=order)
        assert times == [
            pd.Timestamp(f"{day}T08:45-05:00").tz_convert("America/New_York").isoformat()
        ]
        assert found.table.times.endswith("the month first" if order == "mdy" else "the day first")
    with pytest.raises(DataError, match=r"line 3 holds '13/1/2024', whose first number is no mont"):
        instants(tmp_path, ["6/1/2024", "13/1/2024"], date_order="mdy")
    with pytest.raises(DataError, match="in some rows the day stands first and in others the mon"):
        instants(tmp_path, ["6/13/2024", "13/6/2024"])
    # The year may stand first too, but no month is a thirteenth.
    assert instants(tmp_path, ["06/01/24", "6/13/24"])[0][0] == "2024-06-01T12:00:00-04:00"
    with pytest.raises(DataError, match="set observations_date_order"):
        instants(tmp_path, ["24/06/13"])
    assert instants(tmp_path, ["24/06/13"], date_order="dmy")[0] == ["2013-06-24T12:00:00-04:00"]


@pytest.mark.parametrize(
    ("utc_offset", "summer", "winter"),
    [
        ("-05:00", "2024-07-01T09:00:00-04:00", "2024-01-01T08:00:00-05:00"),
        ("standard", "2024-07-01T09:00:00-04:00", "2024-01-01T08:00:00-05:00"),
        ("local", "2024-07-01T08:00:00-04:00", "2024-01-01T08:00:00-05:00"),
        ("+00:00", "2024-07-01T04:00:00-04:00", "2024-01-01T03:00:00-05:00"),
    ],
)
def test_one_parameter_tells_the_offset_of_the_whole_table(tmp_path, utc_offset, summer, winter):
    cells = ["2024-07-01 08:00", "2024-01-01 08:00"]
    assert instants(tmp_path, cells, utc_offset=utc_offset)[0] == [summer, winter]


def test_a_cell_s_own_offset_counts_more_than_the_parameter(tmp_path):
    cells = ["2024-07-01 08:00Z", "2024-07-01 08:00"]
    times, found = instants(tmp_path, cells, utc_offset="-05:00")
    assert times == ["2024-07-01T04:00:00-04:00", "2024-07-01T09:00:00-04:00"]
    assert "at UTC-05:00 (observations_utc_offset), except those that tell" in found.table.times


def test_local_times_that_are_none_or_two_are_left_out_and_counted(tmp_path):
    cells = ["2024-03-10 02:30", "2024-11-03 01:30", "2024-11-03 02:30"]
    times, found = instants(tmp_path, cells, utc_offset="local")
    assert times == ["2024-11-03T02:30:00-05:00"]
    assert found.excluded == [
        ("observation", "2 rows", "a local time that America/New_York skips or has twice")
    ]


@pytest.mark.parametrize(
    ("name", "offset"),
    [
        ("Date Time, GMT-05:00", "-05:00"),
        ("Timestamp (UTC-05:00)", "-05:00"),
        ("Date Time (EST)", "-05:00"),
        ("timestamp_utc", "+00:00"),
        ("datetime (UTC)", "+00:00"),
        ("ISO 8601 UTC", "+00:00"),
        ("time", ""),
        ("Date Time", ""),
        ("best time", ""),
    ],
)
def test_a_column_s_name_may_tell_the_offset(name, offset):
    assert offset_of_name(name) == offset


def test_the_offset_of_the_name_and_of_a_column_of_zones_are_heeded(tmp_path):
    times, found = instants(tmp_path, ["2024-07-01 08:00"], '"Date Time, GMT-05:00",value')
    assert times == ["2024-07-01T09:00:00-04:00"]
    assert found.table.times == "Date Time, GMT-05:00, at UTC-05:00, as the column's name tells"
    text = "dateTime,X_00060,tz_cd\n2024-07-01 08:00,5,EST\n2024-07-01 09:00,6,EDT\n"
    found = observed(tmp_path, text)
    assert [time.hour for time in found.values["timestamp"]] == [9, 9]
    with pytest.raises(DataError, match="time zone 'XYZ' on line 2 is not known"):
        observed(tmp_path, "time,value,tz\n2024-07-01 08:00,5,XYZ\n")


def test_date_and_time_may_be_two_columns(tmp_path):
    text = "Date,Time,Flow\n6/14/2024,8:45 PM,5\n6/15/2024 0:00:00,9:45 AM,6\n"
    found = observed(tmp_path, text, utc_offset="-04:00")
    assert [time.isoformat() for time in found.values["timestamp"]] == [
        "2024-06-14T20:45:00-04:00",
        "2024-06-15T09:45:00-04:00",
    ]
    assert found.table.times.startswith("Date and Time, at UTC-04:00")


def test_midnight_may_end_a_day_and_an_hour_of_twelve_has_its_half(tmp_path):
    cells = ["2024-06-01 24:00Z", "2024-06-01 12:15 AM", "2024-06-01 12:15 pm"]
    times, _ = instants(tmp_path, cells, utc_offset="+00:00")
    utc = [pd.Timestamp(time).tz_convert("UTC").isoformat()[:16] for time in times]
    assert utc == ["2024-06-02T00:00", "2024-06-01T00:15", "2024-06-01T12:15"]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("45444.364583", "a spreadsheet's number of a day"),
        ("yesterday", "which is no time"),
        ("2024-13-01 08:00Z", "which is no time"),
        ("2024-02-30 08:00Z", "which is no time"),
        ("2024-06-01 25:00Z", "which is no time"),
        ("2024-06-01 13:00 PM", "which is no time"),
        ("2024-06-01 08:00+99:00", "which is no time"),
    ],
)
def test_what_is_no_time_is_refused_with_its_line(tmp_path, cell, words):
    with pytest.raises(DataError, match=f"line 3 holds .*{words}"):
        instants(tmp_path, ["2024-06-01 08:00Z", cell], utc_offset="+00:00")


def test_a_row_without_a_time_is_counted(tmp_path):
    found = observed(tmp_path, "time,value\n2024-06-01 08:00Z,1\n,2\n")
    assert found.excluded == [("observation", "1 row", "no time")]
    assert len(found.values) == 1


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("Z", 0), ("-05", -300), ("+0530", 330), ("GMT-5", -300), ("EST", -300), ("+15:00", None)],
)
def test_offsets_are_minutes_ahead_of_utc(text, minutes):
    assert offset_minutes(text) == minutes
