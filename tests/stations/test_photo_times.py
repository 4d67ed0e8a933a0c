import datetime as dt
import zoneinfo

import pytest
from PIL import Image
from station_folder import (
    DATETIME,
    DIGITIZED,
    OFFSET,
    OFFSET_ORIGINAL,
    ORIGINAL,
    save_photo,
)

from fperank.ground.clocks import parse_clock_shifts
from fperank.ground.errors import ParameterError
from fperank.stations.photos.clock import CameraClock, parse_offset, times_from_text
from fperank.stations.photos.exif import times_from_exif
from fperank.stations.photos.name_times import FilenamePattern, likely_reading, times_from_names

NEW_YORK = CameraClock("America/New_York", "")
FIXED = CameraClock("America/New_York", "-05:00")


def shifted(*shifts, utc_offset=""):
    return CameraClock("America/New_York", utc_offset, parse_clock_shifts(shifts))


def local(found, zone="America/New_York"):
    assert found.instant is not None, found.reason
    return found.instant.astimezone(zoneinfo.ZoneInfo(zone)).isoformat()


def exif(path, clock=NEW_YORK):
    return times_from_exif([path], clock)[0]


def named(filename, pattern, clock=NEW_YORK):
    return times_from_names([filename], FilenamePattern.parse(pattern), clock)[0]


class TestCameraClock:
    def test_without_an_offset_the_clock_follows_summer_time(self):
        assert local(times_from_text(["2024-07-01T07:15:00"], NEW_YORK)[0]) == (
            "2024-07-01T07:15:00-04:00"
        )

    def test_a_list_tells_the_station_s_time_whatever_the_camera_s_offset(self):
        assert local(times_from_text(["2024-07-01T07:15:00"], FIXED)[0]) == (
            "2024-07-01T07:15:00-04:00"
        )

    def test_an_hour_that_occurs_twice_is_the_first_of_the_two(self):
        assert local(times_from_text(["2024-11-03T01:30:00"], NEW_YORK)[0]) == (
            "2024-11-03T01:30:00-04:00"
        )

    def test_a_skipped_hour_is_moved_forward_and_keeps_its_minutes(self):
        assert local(times_from_text(["2024-03-10T02:30:00"], NEW_YORK)[0]) == (
            "2024-03-10T03:30:00-04:00"
        )

    @pytest.mark.parametrize(
        ("text", "hours"), [("-05:00", -5), ("+0530", 5.5), ("+14:00", 14), (" -03:30\0", -3.5)]
    )
    def test_offsets_are_read_with_and_without_a_colon(self, text, hours):
        assert parse_offset(text) == dt.timezone(dt.timedelta(hours=hours))

    @pytest.mark.parametrize("text", ["", "EST", "+15:00", "-05:60", "5"])
    def test_other_texts_are_no_offset(self, text):
        assert parse_offset(text) is None

    def test_a_date_alone_is_local_noon_whatever_the_camera_s_offset(self):
        for found in (
            times_from_text(["2024-07-01"], FIXED)[0],
            named("2024-07-01.jpg", "%Y-%m-%d", FIXED),
        ):
            assert local(found) == "2024-07-01T12:00:00-04:00"

    @pytest.mark.parametrize(
        ("reading", "expected"),
        [
            ("2024-03-10T01:30:00", "2024-03-10T01:30:00-05:00"),
            ("2024-03-10T02:30:00", "2024-03-10T03:30:00-04:00"),
            ("2024-03-10T03:30:00", "2024-03-10T04:30:00-04:00"),
            ("2024-11-03T00:30:00", "2024-11-03T01:30:00-04:00"),
            ("2024-11-03T01:30:00", "2024-11-03T01:30:00-05:00"),
            ("2024-11-03T02:30:00", "2024-11-03T02:30:00-05:00"),
        ],
    )
    def test_a_fixed_offset_has_no_summer_time_on_either_side_of_its_changes(
        self, tmp_path, reading, expected
    ):
        taken = dt.datetime.fromisoformat(reading)
        photo = save_photo(tmp_path / "a.jpg", f"{taken:%Y:%m:%d %H:%M:%S}")
        name = f"{taken:%Y%m%d_%H%M%S}.jpg"
        for found in (
            exif(photo, FIXED),
            named(name, "%Y%m%d_%H%M%S", FIXED),
        ):
            assert local(found) == expected


class TestCorrections:
    def test_a_correction_is_added_to_what_exif_and_names_tell(self, tmp_path):
        photo = save_photo(tmp_path / "a.jpg", "2024:07:01 23:15:00")
        clock = shifted("+01:00:00")
        expected = "2024-07-02T00:15:00-04:00"
        assert local(exif(photo, clock)) == expected
        assert local(named("20240701_231500.jpg", "%Y%m%d_%H%M%S", clock)) == expected

    def test_a_correction_is_not_added_to_the_times_of_a_table(self):
        texts = ["2024-07-01T07:15:00", "2024-07-01"]
        clock = shifted("-400d 01:00:00")
        assert times_from_text(texts, clock) == times_from_text(texts, NEW_YORK)

    def test_the_date_in_a_name_is_corrected_from_its_noon(self):
        clock = shifted("-2d 00:00:00", utc_offset="-05:00")
        assert local(named("2024-07-01.jpg", "%Y-%m-%d", clock)) == "2024-06-29T12:00:00-04:00"

    def test_the_offset_that_the_camera_wrote_stays_beside_a_correction(self, tmp_path):
        photo = save_photo(
            tmp_path / "a.jpg", "2024:07:01 11:15:00", detail={OFFSET_ORIGINAL: "+00:00"}
        )
        assert local(exif(photo, shifted("+01:00:00"))) == "2024-07-01T08:15:00-04:00"

    def test_the_clock_is_corrected_before_summer_time_is_looked_up(self, tmp_path):
        photo = save_photo(tmp_path / "a.jpg", "2024:03:10 01:30:00")
        assert local(exif(photo, shifted("+03:00:00"))) == "2024-03-10T04:30:00-04:00"
        fixed = shifted("+03:00:00", utc_offset="-05:00")
        assert local(exif(photo, fixed)) == "2024-03-10T05:30:00-04:00"

    @pytest.mark.parametrize(("year", "shift"), [(2024, "-99999d"), (9990, "+99999d")])
    def test_a_correction_into_no_year_that_photos_are_from_leaves_no_time(
        self, tmp_path, year, shift
    ):
        photo = save_photo(tmp_path / "a.jpg", f"{year}:07:01 11:15:00")
        assert exif(photo).instant is not None
        assert exif(photo, shifted(f"{shift} 00:00:00")).reason.endswith("is of no such year")


class TestText:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("2024-07-01T11:15:00Z", "2024-07-01T07:15:00-04:00"),
            ("2024-07-01 07:15:00-04:00", "2024-07-01T07:15:00-04:00"),
            ("2024-07-01T07:15:00.900-0400", "2024-07-01T07:15:00-04:00"),
            ("2024-07-01 07:15", "2024-07-01T07:15:00-04:00"),
            ("2024-07-01", "2024-07-01T12:00:00-04:00"),
        ],
    )
    def test_iso_times_are_read(self, text, expected):
        assert local(times_from_text([text], NEW_YORK)[0]) == expected

    def test_an_offset_in_the_table_counts_more_than_the_parameter(self):
        assert local(times_from_text(["2024-07-01T07:15:00-04:00"], FIXED)[0]) == (
            "2024-07-01T07:15:00-04:00"
        )

    def test_what_is_no_time_gets_one_reason_that_shows_the_first(self):
        found = times_from_text(["7/1/2024 7:15", "", "2024-13-01", "0001-01-01"], NEW_YORK)
        assert [one.instant for one in found] == [None] * 4
        assert "not ISO 8601" in found[0].reason
        assert "'7/1/2024 7:15'" in found[0].reason
        assert found[1].reason == "no timestamp in images.csv"
        assert found[2].reason == found[3].reason == found[0].reason


class TestExif:
    def test_the_original_time_is_read(self, tmp_path):
        photo = save_photo(tmp_path / "a.jpg", "2024:07:01 07:15:00")
        assert local(exif(photo)) == "2024-07-01T07:15:00-04:00"

    def test_the_original_time_counts_more_than_the_others(self, tmp_path):
        photo = save_photo(
            tmp_path / "a.jpg",
            "2019:10:18 10:59:44",
            main={DATETIME: "2012:01:01 01:01:01"},
            detail={DIGITIZED: "2013:01:01 01:01:01"},
        )
        assert local(exif(photo)) == "2019-10-18T10:59:44-04:00"

    def test_create_date_comes_second_and_date_time_last(self, tmp_path):
        second = save_photo(
            tmp_path / "b.jpg",
            main={DATETIME: "2012:01:01 01:01:01"},
            detail={DIGITIZED: "2013:01:01 01:01:01"},
        )
        last = save_photo(tmp_path / "c.jpg", main={DATETIME: "2012:01:01 01:01:01"})
        assert local(exif(second)).startswith("2013-01-01T01:01:01")
        assert local(exif(last)).startswith("2012-01-01T01:01:01")

    def test_a_blank_original_time_gives_way_to_the_next(self, tmp_path):
        photo = save_photo(
            tmp_path / "a.jpg", "    :  :     :  :  ", main={DATETIME: "2012:01:01 01:01:01"}
        )
        found = exif(photo)
        assert local(found).startswith("2012-01-01T01:01:01")
        assert found.clock == "EXIF DateTime, as local time (utc_offset)"

    def test_zeros_give_way_to_what_the_camera_told_and_never_to_the_day_of_editing(self, tmp_path):
        zeros, edited = "0000:00:00 00:00:00", {DATETIME: "2024:11:20 10:00:00"}
        alone = exif(save_photo(tmp_path / "a.jpg", zeros, main=edited))
        assert (alone.instant, alone.reason) == (
            None,
            "its EXIF DateTimeOriginal is zeros, and DateTime tells only when it was last written",
        )
        told = {DIGITIZED: "2024:06:01 10:00:00"}
        beside = exif(save_photo(tmp_path / "b.jpg", zeros, main=edited, detail=told))
        assert local(beside).startswith("2024-06-01T10:00:00")
        assert beside.clock == "EXIF DateTimeDigitized, as local time (utc_offset)"

    @pytest.mark.parametrize(
        "raw",
        [
            "2024:07:01 07:15:00\0\0\0",
            b"2024:07:01 07:15:00\x00\xff\xfe\xb0",
            "  2024-07-01 07:15:00 ",
        ],
    )
    def test_padding_around_the_time_does_no_harm(self, tmp_path, raw):
        photo = save_photo(tmp_path / "a.jpg", detail={ORIGINAL: raw})
        assert local(exif(photo)) == "2024-07-01T07:15:00-04:00"

    def test_the_offset_that_the_camera_wrote_is_honoured(self, tmp_path):
        photo = save_photo(
            tmp_path / "a.jpg", "2024:07:01 11:15:00", detail={OFFSET_ORIGINAL: "+00:00"}
        )
        assert local(exif(photo)) == "2024-07-01T07:15:00-04:00"

    def test_the_offset_of_date_time_is_honoured(self, tmp_path):
        photo = save_photo(
            tmp_path / "a.jpg",
            main={DATETIME: "2024:07:01 11:15:00"},
            detail={OFFSET: "+00:00"},
        )
        assert local(exif(photo)) == "2024-07-01T07:15:00-04:00"

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("2024:06:01 02:15:00 PM", "2024-06-01T15:15:00-04:00"),
            ("2024:06:01 12:15:00 am", "2024-06-01T01:15:00-04:00"),
            ("2024-06-01T14:15:00Z", "2024-06-01T10:15:00-04:00"),
            ("2024-06-01T14:15:00.50+02:00", "2024-06-01T08:15:00-04:00"),
        ],
    )
    def test_twelve_hour_and_iso_texts_are_read_to_their_end(self, tmp_path, text, expected):
        assert local(exif(save_photo(tmp_path / "a.jpg", text), FIXED)) == expected

    @pytest.mark.parametrize(
        "text", ["2024:06:01 24:04:20", "2024:06:01 14:15:00 PM", "on 2024:06:01 14:15:00"]
    )
    def test_an_unreadable_time_is_shown_and_no_other_takes_its_place(self, tmp_path, text):
        photo = save_photo(tmp_path / "a.jpg", text, main={DATETIME: "2024:11:20 10:00:00"})
        assert exif(photo).reason == f"its EXIF DateTimeOriginal is no time: {text!r}"

    def test_the_camera_s_offset_counts_more_than_the_parameter(self, tmp_path):
        photo = save_photo(
            tmp_path / "a.jpg", "2024:07:01 07:15:00", detail={OFFSET_ORIGINAL: "+00:00"}
        )
        assert local(exif(photo, FIXED)) == "2024-07-01T03:15:00-04:00"

    @pytest.mark.parametrize(
        ("text", "told", "bad"), [("Z", "Z", ""), ("   :  ", "", ""), ("abc", "", "abc")]
    )
    def test_an_offset_that_is_none_is_kept_to_be_told(self, tmp_path, text, told, bad):
        photo = save_photo(
            tmp_path / "a.jpg", "2024:07:01 07:15:00", detail={OFFSET_ORIGINAL: text}
        )
        found = exif(photo)
        assert (found.own_offset, found.bad_offset) == (told, bad)
        assert local(found) == f"2024-07-01T{'03' if told else '07'}:15:00-04:00"

    def test_a_camera_that_tells_the_time_in_its_maker_s_note_alone_is_named(self, tmp_path):
        photo = save_photo(tmp_path / "a.jpg", detail={37500: b"\x01\xf1\x03\x00 and more"})
        assert exif(photo).reason.startswith("no EXIF time: the camera wrote it into its maker's n")

    def test_the_time_of_satellites_is_read_beside_the_camera_s(self, tmp_path):
        photo = save_photo(tmp_path / "a.jpg", "2024:07:01 07:15:00")
        with Image.open(photo) as picture:
            tags = picture.getexif()
            tags[34853] = {29: "2024:07:01", 7: (11.0, 20.0, 30.0)}
            picture.save(tmp_path / "b.jpg", exif=tags)
        assert exif(photo).gps is None
        assert exif(tmp_path / "b.jpg").gps == dt.datetime(2024, 7, 1, 11, 20, 30, tzinfo=dt.UTC)

    @pytest.mark.parametrize("suffix", [".png", ".tif", ".JPG"])
    def test_other_formats_carry_exif_too(self, tmp_path, suffix):
        photo = save_photo(tmp_path / f"a{suffix}", "2024:07:01 07:15:00")
        assert local(exif(photo)) == "2024-07-01T07:15:00-04:00"

    def test_a_photo_without_exif_has_no_time(self, tmp_path):
        found = exif(save_photo(tmp_path / "a.jpg"))
        assert (found.instant, found.reason) == (None, "no EXIF time")

    def test_bad_files_have_no_time_and_a_reason_without_a_path(self, tmp_path):
        (tmp_path / "empty.jpg").touch()
        (tmp_path / "text.jpg").write_text("not a photo")
        whole = save_photo(tmp_path / "whole.jpg", "2024:07:01 07:15:00").read_bytes()
        (tmp_path / "cut.jpg").write_bytes(whole[:30])
        Image.new("L", (4, 4)).save(tmp_path / "a.gif")
        (tmp_path / "a.gif").rename(tmp_path / "gif.jpg")
        unreadable = "no EXIF time: the file cannot be read as a photo"
        assert exif(tmp_path / "empty.jpg").reason == "no EXIF time: the file is empty"
        for name in ("text.jpg", "cut.jpg", "gif.jpg", "absent.jpg"):
            assert exif(tmp_path / name).reason == unreadable

    def test_a_photo_beyond_pillow_s_size_limit_is_left_out_and_not_a_crash(
        self, tmp_path, monkeypatch
    ):
        photo = save_photo(tmp_path / "a.jpg", "2024:07:01 07:15:00")
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
        assert exif(photo).reason == "no EXIF time: the file cannot be read as a photo"

    def test_the_times_come_in_the_order_of_the_photos(self, tmp_path):
        photos = [
            save_photo(tmp_path / f"{n}.jpg", f"2024:07:{n:02d} 07:15:00") for n in range(1, 21)
        ]
        assert [one.instant.day for one in times_from_exif(photos, NEW_YORK)] == list(range(1, 21))


@pytest.mark.parametrize(
    ("clock", "zone", "day", "expected"),
    [
        ("standard", "America/Los_Angeles", "2024:01:10", "2024-01-10T12:15:00-08:00"),
        ("standard", "America/Los_Angeles", "2024:07:10", "2024-07-10T13:15:00-07:00"),
        ("standard", "Australia/Sydney", "2024:01:10", "2024-01-10T13:15:00+11:00"),
        ("standard", "Asia/Kolkata", "2024:01:10", "2024-01-10T12:15:00+05:30"),
        ("+00:00", "America/New_York", "2024:07:10", "2024-07-10T08:15:00-04:00"),
    ],
)
def test_the_standard_time_of_the_zone_has_no_summer(tmp_path, clock, zone, day, expected):
    photo = save_photo(tmp_path / "a.jpg", f"{day} 12:15:00")
    assert local(exif(photo, CameraClock(zone, clock)), zone) == expected


@pytest.mark.parametrize(
    ("name", "clock"),
    [
        ("20240701_071500.jpg", "file name, at UTC-05:00 (utc_offset)"),
        ("20240701_071500Z.jpg", "file name, with its own UTC offset"),
    ],
)
def test_which_clock_was_taken_is_told(name, clock):
    pattern = "%Y%m%d_%H%M%S" + ("Z" if "Z" in name else "")
    assert named(name, pattern, FIXED).clock == clock
    texts = ["2024-07-01T07:15:00Z", "2024-07-01T07:15:00", "2024-07-01"]
    assert [one.clock for one in times_from_text(texts, FIXED)] == [
        "images.csv, with its own UTC offset",
        "images.csv, the station's local time",
        "images.csv, noon of a day",
    ]


@pytest.mark.parametrize(
    ("name", "reading"),
    [
        ("cam/IMG_20240701_071500.jpg", dt.datetime(2024, 7, 1, 7, 15)),
        ("mill-2024-07-01-07-15-00_B.jpg", dt.datetime(2024, 7, 1, 7, 15)),
        ("IMG_20241301_071500.jpg", None),
        ("IMG_0001.jpg", None),
        ("120240701071500.jpg", None),
    ],
)
def test_a_name_that_seems_to_hold_a_time_is_seen(name, reading):
    assert likely_reading(name) == reading


class TestNames:
    def test_two_digits_of_a_year_are_not_those_of_a_longer_one(self):
        pattern = FilenamePattern.parse("%y%m%d")
        names = ["IMG_20120401_0915.JPG", "IMG_120401_0915.JPG"]
        longer, short = times_from_names(names, pattern, NEW_YORK)
        assert longer.reason == "no time of the form %y%m%d in its name"
        assert local(short) == "2012-04-01T12:00:00-04:00"

    @pytest.mark.parametrize(
        ("filename", "pattern", "expected"),
        [
            ("sawmill_2016-12-20.jpg", "%Y-%m-%d", "2016-12-20T12:00:00-05:00"),
            (
                "sub/RCNX_20240701_071500 (2).JPG",
                "RCNX_%Y%m%d_%H%M%S",
                "2024-07-01T07:15:00-04:00",
            ),
            ("cam 2024-7-1 7.15.jpg", "%Y-%m-%d %H.%M", "2024-07-01T07:15:00-04:00"),
            ("2024183_0715.jpg", "%Y%j_%H%M", "2024-07-01T07:15:00-04:00"),
            ("24-07-01 07-15-00 PM.png", "%y-%m-%d %I-%M-%S %p", "2024-07-01T19:15:00-04:00"),
            ("s_2024-07-01T14-15-00Z.jpg", "%Y-%m-%dT%H-%M-%SZ", "2024-07-01T10:15:00-04:00"),
            ("20240701071500.jpg", "%Y%m%d", "2024-07-01T12:00:00-04:00"),
            ("10%_20240701.jpg", "%%_%Y%m%d", "2024-07-01T12:00:00-04:00"),
            ("a.b_20240701.0715.jpg", "%Y%m%d.%H%M", "2024-07-01T07:15:00-04:00"),
        ],
    )
    def test_times_are_found_within_the_name(self, filename, pattern, expected):
        assert local(named(filename, pattern)) == expected

    def test_the_first_that_is_a_real_date_is_taken(self):
        assert local(named("4711-99-99_2024-07-01.jpg", "%Y-%m-%d")).startswith("2024-07-01")

    def test_a_date_is_not_found_in_the_middle_of_a_number(self):
        assert named("cam120240501.jpg", "%Y%m%d").instant is None

    def test_the_folder_s_name_and_the_suffix_are_not_searched(self):
        assert named("2024-07-01/a.jpg", "%Y-%m-%d").instant is None

    def test_a_name_without_the_pattern_has_a_reason(self):
        assert named("a.jpg", "%Y-%m-%d").reason == "no time of the form %Y-%m-%d in its name"

    @pytest.mark.parametrize(
        ("pattern", "message"),
        [
            ("%Y-%m-%q", r"timestamp_pattern is '%Y-%m-%q': %q is not allowed; allowed are %Y"),
            ("%Y-%m-%d%", r"% is not allowed"),
            ("%m-%d", r"must hold a full date, year, month and day, for example %Y-%m-%d"),
            ("IMG", r"must hold a full date"),
            ("%Y%m%d %I", r"%I \(hour of 12\) and %p \(AM or PM\) need each other"),
            ("%Y%m%d_%Y", r"it holds %Y twice"),
        ],
    )
    def test_a_pattern_that_cannot_work_is_refused(self, pattern, message):
        with pytest.raises(ParameterError, match=message):
            FilenamePattern.parse(pattern)
