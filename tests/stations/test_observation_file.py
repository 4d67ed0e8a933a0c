from pathlib import Path

import pandas as pd
import pytest
from station_folder import write

from fperank.ground.errors import DataError
from fperank.handover import tables
from fperank.handover.dataset import OBSERVATIONS
from fperank.stations.observed.table import AS_IT_SAYS, read_observations

REAL = Path(__file__).parents[2] / "../shared/data/androscoggin-15min-year.csv"


def observed(tmp_path, text, variable_id="FLOW_CFS", **told):
    path = write(tmp_path / "observations.csv", text)
    params = AS_IT_SAYS.model_copy(update={f"observations_{name}": v for name, v in told.items()})
    return read_observations(path, variable_id, "America/New_York", params)


def read(tmp_path, text, variable_id="FLOW_CFS"):
    found = observed(tmp_path, text, variable_id)
    return found.values, found.excluded


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


def test_several_columns_that_could_be_meant_are_not_guessed_at(tmp_path):
    for names in ("a,b", "flow_left,flow_right"):
        with pytest.raises(DataError, match=r"could each hold the values: name it value or flow"):
            read(tmp_path, f"time,{names}\n2024-07-01T12:00:00Z,1,2\n")
    with pytest.raises(DataError, match=r"no column of values; .* columns found: time, site_no"):
        read(tmp_path, "time,site_no\n2024-07-01T12:00:00Z,1170100\n")


@pytest.mark.parametrize("names", ["discharge_cfs,water_temp_c", "Discharge (cfs),air", "q,stage"])
def test_a_column_is_taken_by_its_name_whatever_words_are_in_it(tmp_path, names):
    rows = "2024-07-01T12:00:00Z,Ice,3.5\n2024-07-01T13:00:00Z,12,3.6\n"
    found = observed(tmp_path, f"time,{names}\n{rows}")
    assert found.values["value"].tolist() == [12]
    assert found.notes == ()


def test_a_column_that_is_taken_because_no_other_could_be_meant_is_said(tmp_path):
    found = observed(tmp_path, "time,reading,remark\n2024-07-01T12:00:00Z,3.5,ok\n")
    assert found.values["value"].tolist() == [3.5]
    assert found.notes[0].startswith("Observed values are the column reading of observations.csv, ")


@pytest.mark.parametrize("column", ["statistic_id", "parameter_cd", "site_no", "unit_of_measure"])
def test_rows_of_several_kinds_are_not_mixed(tmp_path, column):
    rows = "2024-07-01T12:00:00Z,1,00001\n2024-07-01T12:00:00Z,2,00003\n"
    with pytest.raises(DataError, match=f"the column {column} holds 00001, 00003: rows of several"):
        read(tmp_path, f"time,value,{column}\n{rows}")


def test_a_column_that_holds_the_unit_is_heeded(tmp_path):
    row = "2024-07-01T12:00:00Z,1,{},Approved\n"
    columns = "time,value,unit_of_measure,approval_status\n"
    found = observed(tmp_path, columns + row.format("m^3/s"))
    assert found.values["value"].tolist() == pytest.approx([35.3147], abs=1e-4)
    assert found.values["status"].tolist() == ["approved"]
    with pytest.raises(DataError, match=r"unit_of_measure holds 'furlong', a unit that fperank"):
        read(tmp_path, columns + row.format("furlong"))
    with pytest.raises(DataError, match=r"tells the unit m3/s, but observations_unit is cfs: corr"):
        observed(tmp_path, columns + row.format("m3/s"), unit="cfs")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["980.5", "1,080.0"], [980.5, 1080]),
        (["12,5", "1.080,25", "1.080", "7"], [12.5, 1080.25, 1080, 7]),
        (["1,080", "980.5"], [1080, 980.5]),
        (["1,080,000", "5"], [1080000, 5]),
        (["7", "-0,5"], [7, -0.5]),
        # Either reading is possible, or none: nothing is guessed.
        (["1,080", "5"], [5]),
        (["12,5", "1,080.0", "5"], [5]),
    ],
)
def test_commas_are_read_in_the_one_way_that_the_column_allows(tmp_path, cells, expected):
    rows = "".join(f'2024-07-01T12:{n:02}:00Z,"{cell}"\n' for n, cell in enumerate(cells))
    assert read(tmp_path, f"time,value\n{rows}")[0]["value"].tolist() == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((5, -999999), [5]),
        ((-1, -999), [-1]),
        ((-900, -999), [-900, -999]),
        ((5, -99), [5]),
        ((-60, -99), [-60, -99]),
        ((5, 9999), [5]),
        ((5000, 9999), [5000, 9999]),
    ],
)
def test_a_code_for_no_value_is_left_out_where_it_stands_alone(tmp_path, values, expected):
    rows = "".join(f"2024-07-01T12:{n:02}:00Z,{value}\n" for n, value in enumerate(values))
    found = observed(tmp_path, f"time,value\n{rows}")
    assert found.values["value"].tolist() == expected
    reasons = [reason for _, _, reason in found.excluded]
    assert reasons == ([f"no value ({values[1]})"] if len(expected) == 1 else [])


def test_several_codes_for_no_value_are_all_left_out(tmp_path):
    rows = "".join(f"2024-07-01T12:{n:02}:00Z,{v}\n" for n, v in enumerate((5, -999999, -9999)))
    good, excluded = read(tmp_path, f"time,value\n{rows}")
    assert good["value"].tolist() == [5]
    assert excluded == [
        ("observation", "1 row", "no value (-999999)"),
        ("observation", "1 row", "no value (-9999)"),
    ]


def test_a_flag_on_every_row_is_said(tmp_path):
    found = observed(tmp_path, "time,value,flag\n2024-07-01T12:00:00Z,1,X\n")
    assert found.values.empty
    assert found.notes[0].startswith("Every row of observations.csv is flagged, for example 'X'")


def test_an_offset_of_hours_alone_is_read_and_a_day_is_its_noon(tmp_path):
    times = read(tmp_path, "time,value\n2024-06-01 08:45:00-05,1\n")[0]["timestamp"]
    assert times.iloc[0] == pd.Timestamp("2024-06-01T13:45:00Z")
    found = observed(tmp_path, "time,value\n2024-06-01 08:45:00-05,1\n\n2024-06-01,2\n")
    assert found.values["timestamp"].iloc[1].isoformat() == "2024-06-01T12:00:00-04:00"
    assert found.table.times.endswith("; a day alone is its noon")


def test_a_table_without_times_is_refused(tmp_path):
    with pytest.raises(
        DataError, match="name it timestamp, datetime or time; columns found: when, value"
    ):
        read(tmp_path, "when,value\n2024-07-01,1\n")


def test_times_without_an_offset_are_refused(tmp_path):
    with pytest.raises(
        DataError,
        match=r"column timestamp: line 3 holds '2024-07-01T13:00:00', a time without its",
    ):
        read(tmp_path, "timestamp,value\n2024-07-01T12:00:00Z,1\n2024-07-01T13:00:00,1\n")


def test_flagged_missing_and_textual_rows_are_counted_once_each(tmp_path):
    rows = ["1,", "2,X", ",X", "NaN,", ",NA", "Ice,", "Eqp,", "inf,", "3,NA"]
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


def one(column, value="3.5"):
    return f"time,{column}\n2024-07-01T12:00:00Z,{value}\n"


@pytest.mark.parametrize(
    ("column", "variable_id", "value", "unit"),
    [
        ("flow_cfs", "FLOW_CFS", 3.5, ""),
        ("discharge_m3s", "FLOW_CFS", 123.601334, "m3/s to cfs, times 35.3147"),
        ("q_cms", "FLOW_CFS", 123.601334, "m3/s to cfs, times 35.3147"),
        ("value (m3/s)", "FLOW_CFS", 123.601334, "m3/s to cfs, times 35.3147"),
        ("stage_m", "STAGE_FT", 11.4829396, "m to ft, times 3.28084"),
        ("pressure_kpa", "STAGE_FT", 1.17093397, "kPa to ft, times 0.334553 (the height of fresh"),
        ("depth_in", "SNOW_FT", 0.291666667, "in to ft, times 0.0833333"),
    ],
)
def test_the_column_s_name_tells_the_unit(tmp_path, column, variable_id, value, unit):
    found = observed(tmp_path, one(column), variable_id)
    assert found.values["value"].tolist() == pytest.approx([value], rel=1e-8)
    assert [unit in note for note in found.notes] == ([True] if unit else [])


def test_the_parameter_tells_the_unit_of_a_column_that_does_not(tmp_path):
    found = observed(tmp_path, one("value"), unit="m3/s")
    assert found.values["value"].tolist() == pytest.approx([123.601334])
    assert found.notes == ("Observed values were converted from m3/s to cfs, times 35.3147.",)
    assert observed(tmp_path, one("q_cms"), unit="m3/s").notes == found.notes


def test_values_already_in_the_unit_are_not_touched_and_not_told(tmp_path):
    found = observed(tmp_path, one("value", "0.1"), unit="cfs")
    assert found.values["value"].tolist() == [0.1]
    assert found.notes == ()


def test_a_name_and_a_parameter_that_differ_are_refused(tmp_path):
    with pytest.raises(
        DataError, match=r"column q_cms: its name tells the unit m3/s, but observations_unit is cfs"
    ):
        observed(tmp_path, one("q_cms"), unit="cfs")


def test_a_unit_of_something_else_is_refused_with_those_that_fit(tmp_path):
    with pytest.raises(
        DataError, match="the unit kPa cannot become ft, the unit of SNOW_FT; units that can: ft, m"
    ):
        observed(tmp_path, one("snow_kpa"), "SNOW_FT")


def test_the_column_value_with_a_unit_counts_among_others(tmp_path):
    found = observed(tmp_path, "time,q,value (m3/s)\n2024-07-01T12:00:00Z,1,2\n")
    assert found.values["value"].tolist() == pytest.approx([70.6293334])


def test_names_of_variables_without_a_unit_are_no_units(tmp_path):
    assert observed(tmp_path, one("seen_m"), "OTHER").values["value"].tolist() == [3.5]
    with pytest.raises(DataError, match=r"values of OTHER are taken as they are: set observations"):
        observed(tmp_path, one("seen"), "OTHER", unit="m")


def test_the_status_of_a_value_is_kept(tmp_path):
    words = ["approved", "Provisional", "A", "p", "", "NA"]
    rows = "".join(f"2024-07-01T{hour:02d}:00Z,1,{w}\n" for hour, w in enumerate(words))
    good, _ = read(tmp_path, "timestamp,value,status\n" + rows)
    assert good["status"].iloc[:4].tolist() == ["approved", "provisional"] * 2
    assert good["status"].iloc[4:].isna().all()
    tables.checked(good, OBSERVATIONS, "observations")


def test_without_a_status_column_none_is_told(tmp_path):
    good, _ = read(tmp_path, one("value"))
    assert good["status"].isna().all()
    tables.checked(good, OBSERVATIONS, "observations")


def test_a_status_of_another_kind_is_told_and_none(tmp_path):
    found = observed(tmp_path, "timestamp,value,status\n2024-07-01T12:00Z,1,checked\n")
    assert found.values["status"].isna().all()
    assert found.table.rows == ("status: checked (1)",)


def test_a_real_year_of_a_gauge_is_read():
    if not REAL.exists():
        pytest.skip(f"the real data is not here: {REAL.name} beside the checkout")
    found = read_observations(REAL, "FLOW_CFS", "America/New_York")
    good, excluded = found.values, found.excluded
    assert len(good) > 30_000
    assert excluded == []
    assert good["timestamp"].iloc[0].isoformat() == "2019-10-01T00:00:00-04:00"
    assert good["value"].iloc[0] == 1820
