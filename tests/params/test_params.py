import re
from pathlib import Path

import pytest
from dvc.utils.serialize import parse_yaml

from fperank.ground.errors import ParameterError
from fperank.params.file import check_group, load_params
from fperank.params.parameters import InputParams, LocalParams, Params

ROOT = Path(__file__).parents[2]
SHIPPED = (ROOT / "params.yaml").read_text(encoding="utf-8")


def load_with(tmp_path, name, value):
    text, n = re.subn(rf"^{name}: .*$", f"{name}: {value}", SHIPPED, flags=re.M)
    assert n == 1
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return load_params(path, Params)


def test_every_key_of_the_shipped_file_has_a_comment_and_is_a_parameter():
    keys = re.findall(r"^([a-z_]+): .*?( # .+)?$", SHIPPED, flags=re.M)
    assert [name for name, comment in keys if not comment] == []
    assert {name for name, _ in keys} == set(Params.model_fields)


def test_the_file_opens_with_what_a_newcomer_sets_and_ends_with_the_machine_and_the_demo():
    keys = re.findall(r"^([a-z_]+): ", SHIPPED, flags=re.M)
    assert set(keys[:10]) == {
        *("station", "variable", "source", "source_path", "timezone", "utc_offset"),
        *("dataset_version", "model_version", "min_hour", "max_hour"),
    }
    assert keys[-5:-4] == ["cache_gb"]
    assert all(name.startswith("demo_") for name in keys[-4:])


def test_the_shipped_min_hour_is_not_7_so_that_the_readme_shows_a_real_experiment(params):
    assert params.min_hour != 7


def test_a_stage_gets_only_its_own_parameters():
    own = load_params(ROOT / "params.yaml", InputParams)
    assert set(own.model_dump()) == set(InputParams.model_fields)


def test_an_unknown_key_is_refused_with_the_nearest_name(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(SHIPPED + "min_huor: 7\n", encoding="utf-8")
    with pytest.raises(ParameterError, match=r"min_huor is not a parameter.*did you mean min_hour"):
        load_params(path, Params)


def test_a_missing_key_is_named(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(re.sub(r"^epochs: .*\n", "", SHIPPED, flags=re.M), encoding="utf-8")
    with pytest.raises(ParameterError, match=r"epochs is missing"):
        load_params(path, Params)


def test_every_fault_is_told_at_once(tmp_path):
    path = tmp_path / "params.yaml"
    text = re.sub(r"^epochs: .*$", "epochs: many", SHIPPED, flags=re.M)
    path.write_text(re.sub(r"^loss: .*$", "loss: hinge", text, flags=re.M), encoding="utf-8")
    with pytest.raises(ParameterError) as caught:
        load_params(path, Params)
    assert "epochs is 'many'" in str(caught.value)
    assert "loss is 'hinge'" in str(caught.value)
    assert "'ranknet', 'davidson' or 'rao_kupper'" in str(caught.value)


@pytest.mark.parametrize("told", ["1e-05", "0.00001", "1.0e-5"])
def test_a_small_number_is_a_number_however_dvc_rewrites_it(tmp_path, told):
    assert load_with(tmp_path, "learning_rate", told).learning_rate == 1e-5


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("demo_seed", "1_000", 1000),
        ("demo_seed", "0x10", 16),
        ("demo_seed", "0o10", 8),
        ("start_date", "2024-04-30", "2024-04-30"),
        ("learning_rate", "1e-05", 1e-5),
    ],
)
def test_a_value_means_what_it_means_to_dvc(tmp_path, name, written, meant):
    theirs = parse_yaml(f"{name}: {written}", "params.yaml")[name]
    assert str(theirs) == str(meant)
    assert getattr(load_with(tmp_path, name, written), name) == meant


def test_what_is_no_number_to_count_with_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="learning_rate is inf"):
        load_with(tmp_path, "learning_rate", ".inf")


def test_a_name_that_stands_twice_is_refused(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(SHIPPED + "epochs: 3\n", encoding="utf-8")
    with pytest.raises(
        ParameterError, match=r'not valid YAML, line \d+: found duplicate key "epochs"'
    ):
        load_params(path, Params)


def test_words_that_yaml_1_1_takes_for_false_stay_words(tmp_path):
    assert load_with(tmp_path, "station", "no").station == "no"
    assert load_with(tmp_path, "source_path", "12:30").source_path == "12:30"


def test_a_date_without_quotes_is_still_a_date(tmp_path):
    assert load_with(tmp_path, "start_date", "2024-04-30").start_date == "2024-04-30"
    assert load_with(tmp_path, "start_date", '""').start_date == ""


def test_a_date_that_is_none_is_refused(tmp_path):
    with pytest.raises(ParameterError, match=r"start_date is '2024-13-01': must be a date"):
        load_with(tmp_path, "start_date", '"2024-13-01"')
    with pytest.raises(ParameterError, match=r"end_date is 2024: must be a date in quotes"):
        load_with(tmp_path, "end_date", "2024")


@pytest.mark.parametrize("name", ["West Brook 0 (Lower)", "O'Neil #2", "Río Ñandú", "[x] & {y}"])
def test_station_names_of_the_field_are_allowed(tmp_path, name):
    assert load_with(tmp_path, "station", f'"{name}"').station == name


@pytest.mark.parametrize("name", ["", "..", "a/b", "$(rm -rf x)", "`x`", " a", 'a\\"b', "a\\\\b"])
def test_station_names_that_break_a_folder_or_a_command_are_refused(tmp_path, name):
    with pytest.raises(ParameterError, match=r"station is .*(folder name|empty or begins)"):
        load_with(tmp_path, "station", f'"{name}"')


@pytest.mark.parametrize("version", ['"1e3"', '"007"', "20240101", "1.10", '"a b"', '""'])
def test_a_version_that_could_be_a_number_is_refused(tmp_path, version):
    with pytest.raises(ParameterError, match=r"model_version is .*must begin with a letter"):
        load_with(tmp_path, "model_version", version)


def test_an_unknown_time_zone_is_refused_with_the_nearest_name(tmp_path):
    with pytest.raises(ParameterError, match="did you mean America/New_York"):
        load_with(tmp_path, "timezone", "America/NewYork")


def test_a_utc_offset_of_another_form_is_refused(tmp_path):
    with pytest.raises(ParameterError, match=r"utc_offset is '-5': must be a UTC offset such as"):
        load_with(tmp_path, "utc_offset", '"-5"')


def test_hours_and_dates_must_be_in_order(tmp_path):
    with pytest.raises(ParameterError, match="min_hour is 20 but max_hour is 17"):
        load_with(tmp_path, "min_hour", "20")
    path = tmp_path / "params.yaml"
    text = re.sub(r"^start_date: \S+", 'start_date: "2024-02-01"', SHIPPED, flags=re.M)
    path.write_text(
        re.sub(r"^end_date: \S+", 'end_date: "2024-01-01"', text, flags=re.M), encoding="utf-8"
    )
    with pytest.raises(ParameterError, match="start_date is 2024-02-01, after end_date 2024-01-01"):
        load_params(path, Params)


def test_months_may_wrap_the_year(tmp_path):
    assert load_with(tmp_path, "min_month", "12").min_month == 12


def test_crops_must_leave_some_of_the_photo(tmp_path):
    path = tmp_path / "params.yaml"
    text = re.sub(r"^crop_bottom: \S+", "crop_bottom: 0.6", SHIPPED, flags=re.M)
    text = re.sub(r"^crop_top: \S+", "crop_top: 0.35", text, flags=re.M)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ParameterError, match=r"crop_top \+ crop_bottom leave 5% of the photo"):
        load_params(path, Params)


def test_a_file_that_is_absent_or_no_list_of_names_is_told(tmp_path):
    with pytest.raises(ParameterError, match=r"does not exist: run from the top folder"):
        load_params(tmp_path / "none.yaml", Params)
    path = tmp_path / "params.yaml"
    path.write_text("just words", encoding="utf-8")
    with pytest.raises(ParameterError, match="must hold lines of the form"):
        load_params(path, Params)
    path.write_text("a: [1", encoding="utf-8")
    with pytest.raises(ParameterError, match="is not valid YAML"):
        load_params(path, Params)


def test_values_of_a_command_line_are_checked_like_the_file(params):
    with pytest.raises(ParameterError, match=r"command line: min_hour is 99"):
        check_group(
            InputParams,
            {**params.model_dump(include=set(InputParams.model_fields)), "min_hour": 99},
        )


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("api_url", "https://anna:hunter2@fpe.org/api", "must not hold a user or password"),
        ("observations_from", "https://b.org/flow.csv?X-Sig=hunter2", "must not hold a query"),
        ("annotations_from", "s3://anna:hunter2@bucket/a.csv", "must not hold a user or password"),
        ("api_url", "ftp://fpe.org", "must begin with https:// or http://"),
        ("observations_from", "file:///etc/passwd", "a path, or an address that begins with"),
        ("usgs_site", "1171100", "must be the number of a USGS site in quotes"),
        ("clock_shift", ["1 hour"], "is no clock correction: write"),
        ("clock_shift", ["+01:00:00", "-02:00:00"], "holds two corrections for"),
        ("exclude_attributes", ["ICY"], "'BAD'"),
        ("observations_unit", "gallons", "'cfs', 'm3/s'"),
    ],
)
def test_sources_that_are_not_allowed_are_told_without_their_secrets(params, name, value, why):
    with pytest.raises(ParameterError) as caught:
        check_group(Params, {**params.model_dump(), name: value})
    assert why in str(caught.value)
    assert f"{name}" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_model_of_ice_must_not_leave_icy_photos_out(params):
    with pytest.raises(ParameterError, match=r"variable is ICE: .* exclude_attributes: \[BAD\]"):
        check_group(Params, {**params.model_dump(), "variable": "ICE"})


def test_a_station_s_number_may_come_as_dvc_writes_it(params):
    assert check_group(Params, {**params.model_dump(), "fpe_station": 29}).fpe_station == "29"
    with pytest.raises(ParameterError, match="fpe_station is True"):
        check_group(Params, {**params.model_dump(), "fpe_station": True})


def test_what_belongs_to_the_machine_is_checked_and_told_in_bytes(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(SHIPPED, encoding="utf-8")
    assert load_params(path, LocalParams).cache_bytes == 4_000_000_000
    with pytest.raises(ParameterError, match=r"cache_gb is -1"):
        load_with(tmp_path, "cache_gb", "-1")
