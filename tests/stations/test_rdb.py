"""Tables as USGS's old web pages hand them out, generated here by their rules."""

import pytest
from station_folder import write

from fperank.ground.errors import DataError
from fperank.stations.observed.table import AS_IT_SAYS, read_observations

HEAD = "# some remark\n#\nagency_cd\tsite_no\tdatetime\ttz_cd\t77_00060\t77_00060_cd"
WIDTHS = "\n5s\t15s\t20d\t6s\t14n\t10s"


def read(tmp_path, text, variable_id="FLOW_CFS", unit=""):
    path = write(tmp_path / "observations.csv", text)
    params = AS_IT_SAYS.model_copy(update={"observations_unit": unit})
    return read_observations(path, variable_id, "America/New_York", params)


def row(time, zone, value, remark, site="01"):
    return f"\nUSGS\t{site}\t{time}\t{zone}\t{value}\t{remark}"


def test_each_time_is_in_the_zone_of_its_row_and_remarks_become_status_and_flag(tmp_path):
    rows = (
        row("2024-11-03 01:30", "EDT", "12", "A")
        + row("2024-11-03 01:30", "EST", "13", "P:e")
        + row("2024-11-03 02:30", "EST", "Ice", "P")
        + row("2024-11-03 03:30", "EST", "14", "P Eqp")
    )
    found = read(tmp_path, HEAD + WIDTHS + rows)
    assert [str(t) for t in found.values["timestamp"].dt.tz_convert("UTC")] == [
        "2024-11-03 05:30:00+00:00",
        "2024-11-03 06:30:00+00:00",
    ]
    assert found.values["value"].tolist() == [12, 13]
    assert found.values["status"].tolist() == ["approved", "provisional"]
    assert [reason for _, _, reason in found.excluded] == [
        "flagged",
        "not a number, for example 'Ice' on line 7",
    ]


def test_the_column_of_the_variable_is_taken_and_two_of_it_are_refused(tmp_path):
    text = HEAD + "\t78_00065\t78_00065_cd" + WIDTHS + "\t14n\t10s"
    text += row("2024-06-01 08:45", "CDT", "12", "A") + "\t2.5\tA"
    assert read(tmp_path, text, "STAGE_FT").values["value"].tolist() == [2.5]
    assert read(tmp_path, text).values["value"].tolist() == [12]
    with pytest.raises(
        DataError, match=r"several columns of FLOW_CFS.* 77_00060, 78_00060; remove"
    ):
        read(tmp_path, text.replace("00065", "00060"))


def test_the_parameter_s_code_tells_the_unit(tmp_path):
    with pytest.raises(DataError, match="tells the unit cfs, but observations_unit is m3/s"):
        read(tmp_path, HEAD + WIDTHS + row("2024-06-01 08:45", "EST", "12", "A"), unit="m3/s")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + WIDTHS + row("2024-06-01 08:45", "XYZ", "1", "A"), "zone 'XYZ' in tz_cd on line 5"),
        (
            HEAD.replace("00060", "00060_00003").replace("tz_cd\t", "")
            + WIDTHS.replace("6s\t", "")
            + "\nUSGS\t01\t2024-06-01\t12\tA",
            "holds daily values .77_00060_00003.*instantaneous",
        ),
        (
            HEAD
            + WIDTHS
            + row("2024-06-01 08:45", "EST", "1", "A")
            + row("2024-06-01 09:45", "EST", "1", "A", "02"),
            "several sites, 01, 02",
        ),
        (HEAD.replace("00060", "00010") + WIDTHS, "no column of FLOW_CFS"),
    ],
)
def test_what_is_not_clear_is_refused_in_words(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, text)
