"""Tables that hold more than times and values, in the words of many programs."""

import pytest
from test_observation_file import observed

from fperank.ground.errors import DataError

TIME = "2024-07-01T12:00:00Z"


def table(names, *rows):
    return names + "\n" + "".join(f"2024-07-01T{n:02}:00:00Z,{row}\n" for n, row in enumerate(rows))


@pytest.mark.parametrize("time", ["Timestamp", "Date Time", "DATE-TIME", "dateTime", "Date_Time"])
@pytest.mark.parametrize("value", ["Value", "Discharge (cfs)", "Flow_CFS", "flowCfs"])
def test_names_count_without_capitals_spaces_and_signs(tmp_path, time, value):
    found = observed(tmp_path, f"{time},{value}\n{TIME},3.5\n")
    assert found.values["value"].tolist() == [3.5]
    assert found.table.values == value


@pytest.mark.parametrize(
    ("name", "variable", "factor"),
    [
        ("flow_lps", "FLOW_CFS", 0.0353146667),
        ("Flow (L/s)", "FLOW_CFS", 0.0353146667),
        ("Discharge [ML/day]", "FLOW_CFS", 0.408734568),
        ("Flow (MGD)", "FLOW_CFS", 1.54722865),
        ("level_mm", "STAGE_FT", 0.00328083990),
        ('"Water Level, meters (LGR S/N: 1234, SEN S/N: 1234)"', "STAGE_FT", 3.28083990),
    ],
)
def test_units_of_other_countries_and_loggers_are_converted(tmp_path, name, variable, factor):
    found = observed(tmp_path, f"time,{name}\n{TIME},2\n", variable)
    assert found.values["value"].tolist() == pytest.approx([2 * factor], rel=1e-8)


def test_a_unit_in_brackets_that_is_not_known_is_refused_until_a_parameter_tells_it(tmp_path):
    text = f"time,Flow (acre-ft)\n{TIME},2\n"
    with pytest.raises(DataError, match="ends with 'acre-ft', which is no unit that fperank knows"):
        observed(tmp_path, text)
    assert observed(tmp_path, text, unit="cfs").values["value"].tolist() == [2]


@pytest.mark.parametrize("name", ["Unit", "uom", "Units of Measure"])
def test_a_column_of_units_is_heeded_in_any_letters(tmp_path, name):
    found = observed(tmp_path, f"time,value,{name}\n{TIME},1,m3/s\n")
    assert found.values["value"].tolist() == pytest.approx([35.3147], abs=1e-4)
    assert found.table.unit == f"m3/s, for the column {name} tells the unit m3/s"


def test_a_unit_that_nothing_tells_is_said(tmp_path):
    found = observed(tmp_path, f"time,value\n{TIME},120\n", "STAGE_FT")
    assert found.table.unit == "ft, for nothing tells another one (observations_unit would)"


@pytest.mark.parametrize(
    "name", ["Characteristic Name", "variable_name", "type", "sensor", "Parameter Code", "statCd"]
)
def test_rows_of_several_kinds_are_refused_in_any_letters(tmp_path, name):
    with pytest.raises(DataError, match=f"the column {name} holds A, B: rows of several kinds"):
        observed(tmp_path, table(f"time,value,{name}", "1,A", "2,B"))


def test_a_parameter_names_the_rows_to_take_and_the_others_are_counted(tmp_path):
    text = table("time,sensor,value", "A12,1", "A13,2", "A12,3", "B1,4")
    with pytest.raises(DataError, match=r'set observations_rows .* such as \["sensor=A12"\]'):
        observed(tmp_path, text)
    found = observed(tmp_path, text, rows=("Sensor = a12",))
    assert found.values["value"].tolist() == [1, 3]
    assert found.excluded == [
        ("observation", "2 rows", "not Sensor = a12 (observations_rows)"),
    ]
    assert "sensor: A12" in found.table.rows
    # The line is that of the file, whatever stands above it.
    assert [row[0] for row in found.table.first_rows] == ["2", "4"]


def test_the_rows_that_a_refusal_names_are_some_that_would_be_taken(tmp_path):
    text = table("time,statistic_id,value", "00001,9", "00002,1", "00003,5")
    with pytest.raises(DataError, match=r'such as \["statistic_id=00003"\]'):
        observed(tmp_path, text)
    assert observed(tmp_path, text, rows=("statistic_id=00003",)).values["value"].tolist() == [5]
    with pytest.raises(DataError, match="a maximum, which is not the value"):
        observed(tmp_path, text, rows=("statistic_id=00001",))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (("probe=A12",), "names the column 'probe', which is not there; columns found: time, sen"),
        (("sensor=A99",), "is 'sensor=A99', but the column sensor holds A12, A13"),
        (("sensor=A12", "value=2"), "no row holds all of observations_rows: sensor=A12, value=2"),
    ],
)
def test_rows_that_are_not_there_are_told(tmp_path, rows, words):
    with pytest.raises(DataError, match=words):
        observed(tmp_path, table("time,sensor,value", "A12,1", "A13,2"), rows=rows)


def test_of_columns_of_one_name_that_beside_the_values_counts(tmp_path):
    text = (
        "ID,Date,Water Level (m),Grade,QA/QC,Discharge (cms),Grade,QA/QC\n"
        "05BB001,2024-05-01T00:00:00-07:00,1.2,-2,,10,50,1\n"
        "05BB001,2024-05-01T00:05:00-07:00,1.3,50,,11,-2,1\n"
    )
    flow = observed(tmp_path, text)
    assert flow.values["value"].tolist() == pytest.approx([353.147], abs=1e-3)
    assert flow.excluded == [("observation", "1 row", "marked -2 in Grade")]
    assert "Grade #1" in flow.table.passed_over
    stage = observed(tmp_path, text, "STAGE_FT")
    assert stage.values["value"].tolist() == pytest.approx([4.26509], abs=1e-5)
    with pytest.raises(DataError, match="has the column value twice: remove or rename one of"):
        observed(tmp_path, f"time,value,value\n{TIME},1,2\n")


def test_a_campbell_logger_s_names_and_units_stand_on_lines_of_their_own(tmp_path):
    text = (
        '"TOA5","Brook","CR1000","1234","Std.32","CPU:prog.CR1","123","Table1"\n'
        '"TIMESTAMP","RECORD","BattV_Min","Stage_Avg","Q"\n'
        '"TS","RN","Volts","m","m3/s"\n'
        '"","","Min","Avg","Smp"\n'
        '"2024-07-01 12:00:00",0,12.3,1.5,2\n'
        '"2024-07-01 12:15:00",1,12.3,"NAN",3\n'
    )
    flow = observed(tmp_path, text, utc_offset="+00:00")
    assert flow.values["value"].tolist() == pytest.approx([70.629, 105.944], abs=1e-3)
    assert flow.table.first_rows[0][0] == "5"
    stage = observed(tmp_path, text, "STAGE_FT", utc_offset="+00:00")
    assert stage.values["value"].tolist() == pytest.approx([4.92126], abs=1e-5)
    assert stage.table.values == "Stage_Avg (m)"


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("parameter_code", "00010", r"\(water temperature\), but the variable is FLOW_CFS"),
        ("parameter_code", "00065", r"\(stage\), but the variable is FLOW_CFS"),
        ("Characteristic Name", "Temperature, water", "but the variable is FLOW_CFS"),
        ("variable", "Gage height", "but the variable is FLOW_CFS"),
        ("statistic_id", "00001", "a maximum, which is not the value at a photo's time"),
        ("Statistic", "Min", "a minimum, which is not"),
    ],
)
def test_rows_of_another_quantity_are_refused(tmp_path, name, kind, words):
    with pytest.raises(DataError, match=words):
        observed(tmp_path, f'time,value,{name}\n{TIME},1,"{kind}"\n')


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("parameter_code", "00060"),
        ("parameter", "Stream flow, mean. daily"),
        ("statistic_id", "00003"),
        ("site_no", "00010000"),
        ("sensor", "7"),
    ],
)
def test_what_the_rows_are_is_told(tmp_path, name, kind):
    found = observed(tmp_path, f'time,value,{name}\n{TIME},1,"{kind}"\n')
    assert found.table.rows == (f"{name}: {kind}",)
    assert found.values["value"].tolist() == [1]


@pytest.mark.parametrize(
    "name",
    ["air_temp_c", "Rain (mm)", "battery_volt", "stage", "Latitude", "X_00065_00000", "7_00010"],
)
def test_a_column_of_another_quantity_is_never_the_values(tmp_path, name):
    with pytest.raises(DataError, match="no column of values; name it value or flow_cfs, or set"):
        observed(tmp_path, f"time,{name}\n{TIME},1\n")
    # Another one beside it could be meant.
    found = observed(tmp_path, f"time,{name},reading\n{TIME},1,2\n")
    assert found.values["value"].tolist() == [2]


@pytest.mark.parametrize("names", ["flow_min,flow_mean,flow_max", "q_00001,q_00003,q_00002"])
def test_the_mean_is_taken_and_never_an_extreme_until_a_parameter_says_so(tmp_path, names):
    text = f"time,{names}\n{TIME},1,2,9\n"
    found = observed(tmp_path, text)
    assert found.values["value"].tolist() == [2]
    first, mean, last = names.split(",")
    assert found.table.values == mean
    with pytest.raises(DataError, match="no column of values"):
        observed(tmp_path, f"time,{last}\n{TIME},9\n")
    assert observed(tmp_path, text, column=first).values["value"].tolist() == [1]
    with pytest.raises(DataError, match="observations_column is 'mean', but there is no such col"):
        observed(tmp_path, text, column="mean")


@pytest.mark.parametrize("name", ["measurement", "sensor"])
def test_a_column_of_fractions_says_no_kind_of_row(tmp_path, name):
    found = observed(tmp_path, table(f"time,{name}", "12.5", "13"))
    assert found.values["value"].tolist() == [12.5, 13]
    assert observed(tmp_path, table("time,q,p", "1,5", "2,6")).values["value"].tolist() == [1, 2]


def test_flags_that_say_no_fault_or_approval_leave_nothing_out(tmp_path):
    cells = ["0", "FALSE", "A", "P", "Approved", "A e", "good", "", "F", "1"]
    found = observed(tmp_path, table("time,value,Flag", *(f"{n},{c}" for n, c in enumerate(cells))))
    assert found.values["value"].tolist() == list(range(8))
    assert found.values["status"].fillna("").tolist() == [
        *("", "", "approved", "provisional", "approved", "approved", "", ""),
    ]
    assert found.excluded == [("observation", "2 rows", "flagged")]
    assert found.table.rows[0].startswith("Flag: F (1, left out), 1 (1, left out), 0 (1), FALSE")


def test_words_for_no_good_value_leave_rows_out_and_others_are_told(tmp_path):
    cells = ["Ice", "ICE, Estimated", "", "good", "no ice", "code 7", "bad"]
    rows = [f"{n},{c}" if "," not in c else f'{n},"{c}"' for n, c in enumerate(cells)]
    found = observed(tmp_path, table("time,value,qualifier", *rows))
    assert found.values["value"].tolist() == [1, 2, 3, 4, 5]
    assert found.excluded == [
        ("observation", "1 row", "marked Ice in qualifier"),
        ("observation", "1 row", "marked bad in qualifier"),
    ]
    assert found.table.rows[0].startswith("qualifier: Ice (1, left out), bad (1, left out), ")


def test_an_unusable_grade_is_left_out_and_a_grade_a_is_no_approval(tmp_path):
    found = observed(tmp_path, table("time,value,grade", "1,-2", "2,A", "3,50"))
    assert found.values["value"].tolist() == [2, 3]
    assert found.values["status"].isna().all()


@pytest.mark.parametrize("name", ["approval", "approval_cd", "Approval Level", "X_00060_cd"])
def test_approval_is_kept_from_every_such_column(tmp_path, name):
    found = observed(tmp_path, table(f"time,X_00060,{name}", "1,A", "2,P", "3,Working", "4,A e"))
    assert found.values["status"].tolist() == ["approved", "provisional", "provisional", "approved"]


def test_how_the_table_was_read_is_told_with_its_first_rows(tmp_path):
    names = 'Timestamp (UTC-05:00),"Flow (m3/s)",Comment'
    text = f'# of some program\n{names}\n2024-07-01 08:00,"1,5",a\n2024-07-01 09:00,Ice,b\n'
    found = observed(tmp_path, text)
    assert found.table.model_dump() == {
        "file": "observations.csv",
        "times": "Timestamp (UTC-05:00), at UTC-05:00, as the column's name tells",
        "values": "Flow (m3/s), where 1,5 is 1.5",
        "unit": "m3/s, for its name tells the unit m3/s",
        "rows": (),
        "passed_over": ("Comment",),
        "first_rows": (("3", "2024-07-01 08:00", "1,5", "2024-07-01T09:00:00-04:00", "52.972"),),
    }
