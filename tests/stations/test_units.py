import pytest

from fperank.ground.errors import DataError
from fperank.stations.observed.units import (
    conversion_note,
    factor_to,
    known_unit,
    split_unit,
    takes_unit,
)


@pytest.mark.parametrize(
    ("variable_id", "unit", "factor"),
    [
        ("FLOW_CFS", "cfs", 1),
        ("FLOW_CFS", "m3/s", 35.31466672148859),
        ("STAGE_FT", "ft", 1),
        ("STAGE_FT", "m", 3.280839895013123),
        ("STAGE_FT", "cm", 0.03280839895013123),
        ("STAGE_FT", "in", 1 / 12),
        ("STAGE_FT", "kPa", 0.33455256331296855),
        ("SNOW_FT", "m", 3.280839895013123),
    ],
)
def test_the_factors_are_those_of_the_international_foot_and_standard_gravity(
    variable_id, unit, factor
):
    assert factor_to(variable_id, unit, "here") == pytest.approx(factor, rel=1e-14)


def test_a_metre_of_water_presses_with_its_weight():
    pascal = 1000 * 9.80665
    assert pascal / 1000 * factor_to("STAGE_FT", "kPa", "here") == pytest.approx(1 / 0.3048)


@pytest.mark.parametrize(
    ("column", "words", "unit"),
    [
        ("flow_cfs", "flow", "cfs"),
        ("Discharge_M3S", "discharge", "m3/s"),
        ("q_cms", "q", "m3/s"),
        ("stage ft", "stage", "ft"),
        ("value (m3/s)", "value", "m3/s"),
        ("value [ft^3/s]", "value", "cfs"),
        ("flow(m³/s)", "flow", "m3/s"),
        ("water_level_cm", "water_level", "cm"),
        ("cfs", "", "cfs"),
        ("value", "value", ""),
        ("site_no", "site_no", ""),
        ("flow (cfs) old", "flow (cfs) old", ""),
        ("temperature (C)", "temperature (c)", ""),
        ("", "", ""),
    ],
)
def test_the_unit_ends_the_name_or_stands_in_brackets(column, words, unit):
    assert split_unit(column) == (words, unit)


@pytest.mark.parametrize(
    ("text", "unit"),
    [("ft^3/s", "cfs"), (" FT ", "ft"), ("furlong", ""), ("L s-1", "L/s"), ("Mgal/d", "mgd")],
)
def test_other_spellings_of_a_unit_are_known(text, unit):
    assert known_unit(text) == unit


def test_a_unit_that_does_not_fit_is_refused_with_those_that_do():
    with pytest.raises(
        DataError,
        match=r"^x\.csv: the unit ft cannot become cfs, .* FLOW_CFS; units that can: cfs, m3/s, L",
    ):
        factor_to("FLOW_CFS", "ft", "x.csv")


@pytest.mark.parametrize("variable_id", ["ICE", "CHLA_PPB", "ANIMAL_COUNT", "OTHER"])
def test_variables_without_a_length_or_a_flow_take_no_unit(variable_id):
    assert not takes_unit(variable_id)
    with pytest.raises(DataError, match=rf"the unit is given as m, but values of {variable_id} ar"):
        factor_to(variable_id, "m", "x.csv")


def test_a_conversion_is_told_and_none_is_not():
    assert conversion_note("STAGE_FT", "ft", 1.0) == ""
    assert conversion_note("STAGE_FT", "kPa", 0.33455) == (
        "Observed values were converted from kPa to ft, times 0.33455 (the height of fresh water "
        "of that pressure)."
    )
