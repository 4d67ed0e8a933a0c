import datetime as dt

import pytest

from fperank.ground.clocks import corrected, parse_clock_shift, parse_clock_shifts


def at(text):
    return dt.datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("+01:00:00", 1),
        ("-00:30:00", -0.5),
        (" +02:15:36 ", 2.26),
        ("-2d 00:30:00", -48.5),
        ("+365d 00:00:00", 8760),
    ],
)
def test_a_correction_without_days_holds_for_all(text, hours):
    shift = parse_clock_shift(text)
    assert shift.shift == dt.timedelta(hours=hours)
    for reading in ("1970-01-01T00:00:00", "2024-07-01T12:00:00"):
        assert corrected(at(reading), [shift]) == at(reading) + dt.timedelta(hours=hours)


def test_the_days_of_a_correction_are_the_camera_s_and_both_included():
    shifts = parse_clock_shifts(["2023-03-12/2023-11-05 +01:00:00"])
    told = ["2023-03-11T23:59:59", "2023-03-12T00:00:00", "2023-11-05T23:59:59", "2023-11-06T00:00"]
    hours = [(corrected(at(one), shifts) - at(one)).total_seconds() / 3600 for one in told]
    assert hours == [0, 1, 1, 0]


def test_a_corrected_reading_is_not_corrected_again_by_the_next_days(tmp_path):
    shifts = parse_clock_shifts(
        ["2023-01-02/2023-01-02 +02:00:00", "2023-01-01/2023-01-01 +1d 00:00:00"]
    )
    assert [one.first.day for one in shifts] == [1, 2]
    assert corrected(at("2023-01-01T12:00:00"), shifts) == at("2023-01-02T12:00:00")


def test_readings_keep_their_offset():
    assert corrected(at("2024-07-01T12:00:00+00:00"), parse_clock_shifts(["+01:00:00"])) == at(
        "2024-07-01T13:00:00+00:00"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "01:00:00",
        "+1:00:00",
        "+01:00",
        "+01:60:00",
        "+1d",
        "2023-02-30/2023-03-01 +01:00:00",
        "2023-03-12 +01:00:00",
        "2023-03-12/2023-11-05",
        "+01:00:00 -01:00:00",
    ],
)
def test_what_is_no_correction_is_told_with_examples(text):
    with pytest.raises(ValueError, match=r'is no clock correction: write "\+01:00:00" \(hours'):
        parse_clock_shift(text)


def test_days_in_wrong_order_are_refused():
    with pytest.raises(ValueError, match="the first day is after the last one: exchange them"):
        parse_clock_shift("2023-11-05/2023-03-12 +01:00:00")


@pytest.mark.parametrize(
    "texts",
    [
        ["+01:00:00", "+02:00:00"],
        ["2023-01-01/2023-01-05 +01:00:00", "2023-01-05/2023-01-09 +02:00:00"],
        ["2023-01-03/2023-01-04 +01:00:00", "+02:00:00"],
    ],
)
def test_two_corrections_of_one_day_are_refused(texts):
    with pytest.raises(ValueError, match=r"two corrections for \S+: give each day one"):
        parse_clock_shifts(texts)


def test_no_corrections_change_nothing():
    reading = at("2024-07-01T12:00:00")
    assert corrected(reading, parse_clock_shifts([])) is reading
