"""Clocks that jump, contradict themselves or each other."""

import datetime as dt

import pytest

from fperank.ground.clocks import parse_clock_shifts
from fperank.stations.photos.clock import CameraClock, PhotoTime
from fperank.stations.photos.clock_doubts import clock_doubts
from fperank.stations.photos.clock_jumps import in_future

CLOCK = CameraClock("America/New_York", "standard")


def taken(name, text, clock=CLOCK, *, own="", **more):
    reading = dt.datetime.fromisoformat(text)
    zone = dt.datetime.fromisoformat(f"2024-01-01T00:00{own}").tzinfo if own else None
    instant = clock.camera_instant(reading.replace(tzinfo=zone))
    kind = more.pop("kind", "EXIF DateTimeOriginal")
    time = PhotoTime(instant, clock=f"{kind}, so", reading=reading, own_offset=own, **more)
    return name, time


def hourly(first, start, n, words="IMG_", clock=CLOCK):
    begin = dt.datetime.fromisoformat(start)
    return [
        taken(f"{words}{first + k:04}.JPG", (begin + dt.timedelta(hours=k)).isoformat(), clock)
        for k in range(n)
    ]


def test_a_right_clock_raises_no_doubt():
    assert clock_doubts(hourly(1, "2024-03-09T00:00", 60), CLOCK) == ()


def test_a_clock_that_was_reset_is_told_with_its_file_and_correction():
    photos = hourly(1, "2024-06-01T00:00", 20) + hourly(21, "2000-01-01T00:00", 30)
    (told,) = clock_doubts(photos, CLOCK)
    assert "goes back at IMG_0021.JPG: IMG_0020.JPG was taken 2024-06-01 19:00:00, IMG_" in told
    assert "(30 photos from there on)" in told
    correction = 'clock_shift: ["2000-01-01/2000-01-02 +8918d 19:00:00"]'
    assert correction in told
    # As it says: with it both times are equal, and nothing more is told.
    shifts = parse_clock_shifts([correction.split('"')[1]])
    mended = CameraClock("America/New_York", "standard", shifts)
    photos = hourly(1, "2024-06-01T00:00", 20, clock=mended)
    photos += hourly(21, "2000-01-01T00:00", 30, clock=mended)
    assert photos[19][1].instant == photos[20][1].instant
    assert clock_doubts(photos, mended) == ()


def test_every_reset_is_told_until_its_next():
    photos = hourly(1, "2024-06-01T00:00", 5) + hourly(6, "2000-01-01T00:00", 5)
    photos += hourly(11, "2024-08-01T00:00", 5)
    back, ahead = clock_doubts(photos, CLOCK)
    assert "goes back at IMG_0006.JPG" in back
    assert "(5 photos from there on)" in back
    assert "jumps ahead at IMG_0011.JPG" in ahead


@pytest.mark.parametrize(
    "photos",
    [
        # A card whose numbers began anew, and one that rested over winter.
        hourly(9990, "2024-06-01T00:00", 9) + hourly(1, "2024-06-01T09:00", 9),
        hourly(1, "2024-06-01T00:00", 9) + hourly(10, "2025-04-01T00:00", 9),
        # Names that do not follow the time.
        [taken(f"x{7 * n % 40}.jpg", f"2024-06-{1 + n % 28:02}T00:00") for n in range(40)],
        # Summer time that ends on the clock itself.
        hourly(1, "2024-11-03T00:00", 2) + hourly(3, "2024-11-03T01:00", 5),
    ],
)
def test_what_is_no_reset_is_not_told(photos):
    assert clock_doubts(photos, CLOCK) == ()


def test_photos_that_lie_years_apart_are_told_whatever_their_names():
    photos = hourly(1, "2024-06-01T00:00", 9, "a") + hourly(1, "1980-01-06T00:00", 2, "b")
    (told,) = clock_doubts(photos, CLOCK)
    assert told.startswith("2 photos of 11 lie 44 years before the others, from b0001.JPG, 1980-01")
    photos = hourly(1, "2024-06-01T00:00", 9, "a") + hourly(1, "2034-01-06T00:00", 1, "b")
    assert clock_doubts(photos, CLOCK)[0].startswith("1 photo of 10 lies 10 years after the others")


def test_an_own_offset_counts_and_the_parameter_that_says_otherwise_is_told():
    photos = [taken(f"D{n}.JPG", f"2024-01-{n:02}T12:15", own="-07:00") for n in range(1, 4)]
    clock = CameraClock("America/Denver", "-05:00")
    (told,) = clock_doubts(photos, clock)
    assert told.startswith("3 photos tell a UTC offset, such as -07:00 of D1.JPG")
    assert "(at UTC-05:00): what the file tells counts" in told
    assert clock_doubts(photos, CameraClock("America/Denver", "standard")) == ()


def test_an_offset_that_the_zone_never_has_is_told_where_photos_were_read_at_it():
    clock = CameraClock("America/Los_Angeles", "-05:00")
    (told,) = clock_doubts([taken("a.jpg", "2024-01-01T12:00", clock)], clock)
    assert "which America/Los_Angeles did not have in the photos' years (it had -07:00 and -08" in (
        told
    )
    own = [taken("a.jpg", "2024-01-01T12:00", clock, own="-05:00")]
    assert clock_doubts(own, clock) == ()


def test_other_things_that_do_not_agree_are_told_with_an_example():
    bad = [taken("a.jpg", "2024-01-01T12:00", bad_offset="abc")]
    assert (
        "1 photo holds a UTC offset that is none, such as 'abc' of a.jpg"
        in (clock_doubts(bad, CLOCK)[0])
    )
    late = [taken("a.jpg", "2024-01-01T12:00", kind="EXIF DateTime")]
    assert (
        "Without EXIF DateTimeOriginal: 1 photo, the first a.jpg. Taken was DateTime"
        in clock_doubts(late, CLOCK)[0]
    )
    named = [taken("cam_20240101_130000.jpg", "2024-01-01T12:00")]
    assert (
        "cam_20240101_130000.jpg says 2024-01-01 13:00:00, its EXIF 2024-01-01 12:00:00"
        in (clock_doubts(named, CLOCK)[0])
    )
    gps = dt.datetime(2024, 1, 1, 18, 30, tzinfo=dt.UTC)
    assert (
        "a.jpg by +01:30:00: satellites are right"
        in (clock_doubts([taken("a.jpg", "2024-01-01T12:00", gps=gps)], CLOCK)[0])
    )


def test_the_future_is_told_with_its_first_photo():
    now = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
    times = [now + dt.timedelta(days=days) for days in (-5, 0.5, 400, 300)]
    told = in_future(["a", "b", "c", "d"], times, now)
    assert told.startswith("2 photos of 4 lie in the future, the first d, 2025-03-28 00:00: the ")
    assert in_future(["a", "b"], times[:2], now) == ""
