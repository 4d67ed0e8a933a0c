import datetime as dt
import json
import os
from pathlib import Path

import pandas as pd
import pytest
from station_folder import DATETIME, folder_source, save_photo, write

from fperank.ground.errors import DataError, ParameterError, PhotoError
from fperank.handover import tables
from fperank.handover.dataset import ANNOTATIONS, EXCLUDED, IMAGES, OBSERVATIONS
from fperank.stations.photos.clock import FOUR_WAYS

REAL = Path(__file__).parents[2] / "../shared/data"


def read(folder, **changes):
    return folder_source(folder, **changes).read()


def photos(folder, *names):
    """Photos an hour apart, from 07:15 on 1 July 2024 by the camera's clock."""
    for n, name in enumerate(names):
        taken = dt.datetime(2024, 7, 1, 7, 15) + dt.timedelta(hours=n)
        save_photo(folder / name, f"{taken:%Y:%m:%d %H:%M:%S}")
    return folder


def excluded(data, kind="photo"):
    rows = data.excluded[data.excluded["kind"] == kind]
    return dict(zip(rows["name"], rows["reason"], strict=True))


def told(data):
    return tables.iso_times(data.images["timestamp"]).tolist()


class TestPhotos:
    def test_a_bare_folder_of_photos_is_a_station(self, tmp_path):
        data = read(photos(tmp_path, "b.jpg", "sub/a.JPG"))
        assert data.images["image_id"].tolist() == ["b.jpg", "sub/a.JPG"]
        assert data.images["filename"].tolist() == ["b.jpg", "sub/a.JPG"]
        assert told(data) == ["2024-07-01T07:15:00-04:00", "2024-07-01T08:15:00-04:00"]
        assert data.images["url"].isna().all()
        assert str(data.images["timestamp"].dtype) == "datetime64[us, America/New_York]"
        assert data.station.name == "West Brook 0 (Lower)"
        assert data.station.timezone == "America/New_York"
        images = data.images.assign(value=None, attributes=None, quality=None)
        tables.checked(images, IMAGES, "images")
        assert tables.checked(data.observations, OBSERVATIONS, "observations").empty
        assert tables.checked(data.annotations, ANNOTATIONS, "annotations").empty
        assert tables.checked(data.excluded, EXCLUDED, "excluded").empty

    def test_the_sub_folder_images_counts_where_there_is_one(self, tmp_path):
        photos(tmp_path, "images/b.jpg", "images/sub/a.jpg", "stray.jpg")
        assert read(tmp_path).images["filename"].tolist() == ["b.jpg", "sub/a.jpg"]

    def test_photos_are_sorted_by_time_and_then_by_name(self, tmp_path):
        for name, hour in (("b.jpg", 9), ("c.jpg", 8), ("a.jpg", 9)):
            save_photo(tmp_path / name, f"2024:07:01 {hour:02d}:00:00")
        assert read(tmp_path).images["filename"].tolist() == ["c.jpg", "a.jpg", "b.jpg"]

    def test_odd_names_are_read_and_copied(self, tmp_path):
        names = ['it\'s "one".jpg', "río ☂/a b.jpg", "a..b, c.jpg"]
        source = folder_source(photos(tmp_path / "in", *names))
        assert source.read().images["filename"].tolist() == names
        for name in names:
            source.fetch(name, tmp_path / "copy.jpg")
            assert (tmp_path / "copy.jpg").read_bytes() == (tmp_path / "in" / name).read_bytes()

    def test_a_copy_is_no_link_to_the_person_s_file(self, tmp_path):
        source = folder_source(photos(tmp_path / "in", "a.jpg"))
        (tmp_path / "in/link.jpg").symlink_to("a.jpg")
        source.fetch("link.jpg", tmp_path / "copy.jpg")
        assert not (tmp_path / "copy.jpg").is_symlink()
        assert (tmp_path / "copy.jpg").stat().st_nlink == 1

    def test_a_photo_that_cannot_be_copied_is_told(self, tmp_path):
        with pytest.raises(PhotoError, match=r"gone\.jpg cannot be copied: No such file"):
            folder_source(tmp_path).fetch("gone.jpg", tmp_path / "copy.jpg")

    def test_links_that_lead_out_are_excluded_with_the_reason(self, tmp_path):
        photos(tmp_path / "station", "a.jpg", "b.jpg")
        secret = save_photo(tmp_path / "secret.jpg", "2024:07:01 07:15:00")
        (tmp_path / "station/c.jpg").symlink_to(secret)
        data = read(tmp_path / "station")
        assert data.images["filename"].tolist() == ["a.jpg", "b.jpg"]
        assert excluded(data) == {"c.jpg": "a symbolic link that leads out of the folder"}

    def test_a_folder_images_that_leads_out_is_refused(self, tmp_path):
        photos(tmp_path / "elsewhere", "a.jpg")
        (tmp_path / "station").mkdir()
        (tmp_path / "station/images").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(DataError, match="images is a symbolic link that leads out of"):
            read(tmp_path / "station")

    def test_a_name_that_is_no_text_is_excluded(self, tmp_path):
        data = read(photos(tmp_path, "a.jpg", "two\nlines.jpg"))
        assert excluded(data) == {
            "two\\x0alines.jpg": "its name is not UTF-8 or holds a line break or control "
            "character: rename it"
        }

    def test_a_folder_that_does_not_exist_is_refused(self, tmp_path):
        with pytest.raises(DataError, match=r"source_path .*gone does not exist: give the folder"):
            read(tmp_path / "gone")

    def test_a_file_in_place_of_the_folder_is_refused(self, tmp_path):
        with pytest.raises(DataError, match=r"source_path .*a\.jpg is a file: give the folder"):
            read(save_photo(tmp_path / "a.jpg"))

    def test_a_folder_without_photos_is_refused_and_tells_what_was_looked_for(self, tmp_path):
        write(tmp_path / "movie.mp4", "")
        with pytest.raises(
            DataError,
            match=r"holds no photo that can be used: looked for \.jpg, .* a video \(\.mp4\)",
        ):
            read(tmp_path)


class TestImagesCsv:
    def test_ids_times_and_addresses_come_from_the_table(self, tmp_path):
        photos(tmp_path, "images/a.jpg", "images/sub/b.jpg")
        write(
            tmp_path / "images.csv",
            "image_id,timestamp,filename,url,ice\n"
            "007,2024-07-02T12:00:00-04:00,a.jpg,https://example.org/a.jpg,1\n"
            "8,2024-07-01T16:00:00Z,./sub/b.jpg,,0\n",
        )
        data = read(tmp_path)
        assert data.images["image_id"].tolist() == ["8", "007"]
        assert data.images["filename"].tolist() == ["sub/b.jpg", "a.jpg"]
        assert told(data) == ["2024-07-01T12:00:00-04:00", "2024-07-02T12:00:00-04:00"]
        assert data.images["url"].iloc[1] == "https://example.org/a.jpg"
        assert data.images["url"].isna().tolist() == [True, False]

    def test_without_an_id_column_the_file_name_is_the_id(self, tmp_path):
        write(photos(tmp_path, "a.jpg", "b.jpg") / "images.csv", "filename\na.jpg\nb.jpg\n")
        data = read(tmp_path)
        assert data.images["image_id"].tolist() == ["a.jpg", "b.jpg"]
        assert told(data)[0] == "2024-07-01T07:15:00-04:00"

    def test_photos_on_only_one_of_disk_and_table_are_excluded(self, tmp_path):
        photos(tmp_path, "images/a.jpg", "images/b.jpg", "images/c.jpg")
        write(tmp_path / "images/d.gif", "")
        write(tmp_path / "images.csv", "filename\na.jpg\ngone.jpg\nd.gif\nb.jpg\n")
        data = read(tmp_path)
        assert data.images["filename"].tolist() == ["a.jpg", "b.jpg"]
        assert excluded(data) == {
            "c.jpg": "not listed in images.csv",
            "d.gif": "a picture of a kind that is not read (.gif): save it as JPEG, for example by "
            "magick mogrify -format jpg *.gif",
            "gone.jpg": "listed in images.csv but absent from the folder images",
        }

    @pytest.mark.parametrize("name", ["../secret.jpg", "sub/../../secret.jpg", "..\\secret.jpg"])
    def test_names_that_lead_out_are_excluded(self, tmp_path, name):
        save_photo(tmp_path / "secret.jpg", "2024:07:01 07:15:00")
        station = photos(tmp_path / "station", "a.jpg", "b.jpg")
        write(station / "images.csv", f"filename\na.jpg\nb.jpg\n{name}\n")
        data = read(station)
        assert excluded(data) == {name: "its filename in images.csv leads out of the folder"}

    def test_absolute_names_are_excluded_even_within_the_folder(self, tmp_path):
        name = str(photos(tmp_path, "a.jpg", "b.jpg") / "a.jpg")
        write(tmp_path / "images.csv", f"filename\n{name}\nb.jpg\n")
        data = read(tmp_path)
        assert excluded(data)[name] == "its filename in images.csv leads out of the folder"

    def test_two_photos_with_one_id_are_refused_with_both_lines(self, tmp_path):
        photos(tmp_path, "a.jpg", "b.jpg", "c.jpg")
        write(tmp_path / "images.csv", "image_id,filename\n5,a.jpg\n6,b.jpg\n\n5,c.jpg\n")
        with pytest.raises(
            DataError, match=r"images\.csv: lines 2 and 5 have the same image_id, '5'"
        ):
            read(tmp_path)

    def test_one_photo_twice_is_refused_with_both_lines(self, tmp_path):
        photos(tmp_path, "a.jpg", "b.jpg")
        write(tmp_path / "images.csv", "image_id,filename\n5,a.jpg\n6,b.jpg\n7,./a.jpg\n")
        with pytest.raises(DataError, match=r"lines 2 and 4 have the same filename, 'a\.jpg'"):
            read(tmp_path)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("id,name\n1,a.jpg\n", "the column filename is missing; columns found: id, name"),
            ("image_id,filename\n1,a.jpg\n2,\n", "line 3 has no filename: fill it in"),
            ("image_id,filename\n,a.jpg\n", "line 2 has no image_id: fill it in"),
        ],
    )
    def test_a_table_without_names_or_ids_is_refused(self, tmp_path, text, message):
        write(photos(tmp_path, "a.jpg") / "images.csv", text)
        with pytest.raises(DataError, match=message):
            read(tmp_path)

    def test_when_nothing_listed_is_there_the_reason_is_told(self, tmp_path):
        write(photos(tmp_path, "images/a.jpg") / "images.csv", "filename\nother/a.jpg\n")
        with pytest.raises(
            DataError, match=r"1 photo: listed in images\.csv but absent from the folder images"
        ):
            read(tmp_path)


class TestTimes:
    def test_auto_takes_the_table_then_the_pattern_then_exif(self, tmp_path):
        photos(tmp_path, "x_2023-01-01.jpg", "x_2023-01-02.jpg")
        assert told(read(tmp_path))[0].startswith("2024-07-01T07:15")
        pattern = {"timestamp_pattern": "%Y-%m-%d"}
        assert told(read(tmp_path, **pattern))[0] == "2023-01-01T12:00:00-05:00"
        write(
            tmp_path / "images.csv",
            "filename,timestamp\nx_2023-01-01.jpg,2022-01-01 10:00\nx_2023-01-02.jpg,2022-01-02\n",
        )
        assert told(read(tmp_path, **pattern))[0] == "2022-01-01T10:00:00-05:00"
        assert told(read(tmp_path, timestamp_source="exif"))[0].startswith("2024-07-01")
        assert told(read(tmp_path, timestamp_source="filename", **pattern))[0].startswith("2023")

    def test_the_fixed_offset_of_the_camera_holds_for_its_own_times_only(self, tmp_path):
        photos(tmp_path, "20240701_0715.jpg", "20240701_0815.jpg")
        write(
            tmp_path / "images.csv",
            "filename,timestamp\n20240701_0715.jpg,2024-07-01T07:15\n"
            "20240701_0815.jpg,2024-07-01T08:15\n",
        )
        for way in ("csv", "exif", "filename"):
            data = read(
                tmp_path,
                timestamp_source=way,
                timestamp_pattern="%Y%m%d_%H%M",
                utc_offset="-05:00",
            )
            hour = "07" if way == "csv" else "08"
            assert told(data)[0] == f"2024-07-01T{hour}:15:00-04:00"

    def test_an_offset_that_the_zone_never_has_is_told(self, tmp_path):
        photos(tmp_path, "20240701_0715.jpg", "20240701_0815.jpg")
        settings = {"timestamp_pattern": "%Y%m%d_%H%M"}
        for offset, expected in (("-05:00", False), ("-04:00", False), ("-08:00", True)):
            notes = read(tmp_path, utc_offset=offset, **settings).notes
            assert any("(it had -04:00 and -05:00)" in note for note in notes) is expected

    def test_photos_without_a_time_are_excluded_and_counted(self, tmp_path):
        photos(tmp_path, "a.jpg", "b.jpg")
        save_photo(tmp_path / "plain.jpg")
        write(tmp_path / "text.jpg", "not a photo")
        (tmp_path / "empty.jpg").touch()
        data = read(tmp_path)
        assert data.images["filename"].tolist() == ["a.jpg", "b.jpg"]
        assert excluded(data) == {
            "empty.jpg": "no EXIF time: the file is empty",
            "plain.jpg": "no EXIF time",
            "text.jpg": "no EXIF time: the file cannot be read as a photo",
        }

    def test_bad_files_stay_where_their_time_is_known_otherwise(self, tmp_path):
        write(tmp_path / "2024-07-01.jpg", "not a photo")
        write(tmp_path / "2024-07-02.jpg", "")
        data = read(tmp_path, timestamp_pattern="%Y-%m-%d")
        assert len(data.images) == 2

    def test_names_without_the_pattern_are_excluded(self, tmp_path):
        photos(tmp_path, "2024-07-01.jpg", "2024-07-02.jpg", "other.jpg")
        data = read(tmp_path, timestamp_pattern="%Y-%m-%d")
        assert excluded(data) == {"other.jpg": "no time of the form %Y-%m-%d in its name"}

    def test_bad_times_of_the_table_are_excluded(self, tmp_path):
        photos(tmp_path, "a.jpg", "b.jpg", "c.jpg")
        write(tmp_path / "images.csv", "filename,timestamp\na.jpg,2024-07-01\nb.jpg,\nc.jpg,soon\n")
        reasons = excluded(read(tmp_path))
        assert reasons["b.jpg"] == "no timestamp in images.csv"
        assert "(the first of these: 'soon')" in reasons["c.jpg"]

    def test_when_no_photo_has_a_time_all_ways_are_told(self, tmp_path):
        for name in "ab":
            save_photo(tmp_path / f"{name}.jpg")
        with pytest.raises(DataError) as error:
            read(tmp_path)
        assert "has a time (2 photos: no EXIF time)" in str(error.value)
        assert FOUR_WAYS in str(error.value)
        assert str(error.value).count("\n") < 7
        for way in ("utc_offset", "clock_shift", "timestamp_pattern", "images.csv"):
            assert way in FOUR_WAYS

    def test_a_clock_that_was_never_set_is_refused(self, tmp_path):
        for name in "abcde":
            save_photo(tmp_path / f"{name}.jpg", main={DATETIME: "2012:01:01 01:01:01"})
        with pytest.raises(DataError) as error:
            read(tmp_path)
        assert "all 5 photos with a time have the same one, 2012-01-01T01:01:01-05:00" in str(
            error.value
        )
        assert "the camera's clock was never set" in str(error.value)
        assert "List the photos' times in images.csv" in str(error.value)

    def test_no_correction_helps_a_clock_that_was_never_set(self, tmp_path):
        for name in "ab":
            save_photo(tmp_path / f"{name}.jpg", "2012:01:01 01:01:01")
        with pytest.raises(DataError, match=r"all 2 photos .* 2019-01-01T01:01:01-05:00: .* never"):
            read(tmp_path, clock_shift=["+2557d 00:00:00"])

    def test_two_photos_with_one_exif_time_are_refused_and_one_alone_is_not(self, tmp_path):
        save_photo(tmp_path / "a.jpg", "2012:01:01 01:01:01")
        assert len(read(tmp_path).images) == 1
        save_photo(tmp_path / "b.jpg", "2012:01:01 01:01:01")
        with pytest.raises(DataError, match=r"all 2 photos .* clock was never set"):
            read(tmp_path)

    def test_a_pattern_that_reads_the_same_time_from_all_names_is_refused(self, tmp_path):
        photos(tmp_path, "2024-07-01 a.jpg", "2024-07-01 b.jpg")
        with pytest.raises(
            DataError, match=r"all 2 photos .* read from the file names by timestamp_pattern '%Y-%m"
        ):
            read(tmp_path, timestamp_pattern="%Y-%m-%d")

    def test_equal_times_in_the_table_are_the_person_s_word(self, tmp_path):
        photos(tmp_path, "a.jpg", "b.jpg")
        write(
            tmp_path / "images.csv",
            "image_id,filename,timestamp\n1,a.jpg,2024-07-01\n2,b.jpg,2024-07-01\n",
        )
        assert read(tmp_path).images["image_id"].tolist() == ["1", "2"]

    def test_several_photos_of_one_time_are_allowed_beside_others(self, tmp_path):
        for name, hour in (("a.jpg", 7), ("b.jpg", 7), ("c.jpg", 8)):
            save_photo(tmp_path / name, f"2024:07:01 {hour:02d}:00:00")
        assert len(read(tmp_path).images) == 3

    def test_asking_for_the_table_s_times_where_there_are_none_is_refused(self, tmp_path):
        photos(tmp_path, "a.jpg", "b.jpg")
        with pytest.raises(
            DataError, match=r"timestamp_source is csv but .*images\.csv does not exist"
        ):
            read(tmp_path, timestamp_source="csv")
        write(tmp_path / "images.csv", "filename\na.jpg\n")
        with pytest.raises(DataError, match=r"images\.csv has no column timestamp: add it"):
            read(tmp_path, timestamp_source="csv")

    def test_asking_for_names_without_a_pattern_is_refused(self, tmp_path):
        with pytest.raises(ParameterError, match="timestamp_pattern is empty but timestamp_source"):
            read(photos(tmp_path, "a.jpg"), timestamp_source="filename")


class TestStation:
    def test_the_file_counts_more_than_the_parameters_and_keeps_its_other_keys(self, tmp_path):
        content = {"name": "Río", "timezone": "America/Denver", "id": 7, "status": "ACTIVE"}
        write(photos(tmp_path, "a.jpg") / "station.json", json.dumps(content))
        data = read(tmp_path)
        assert (data.station.name, data.station.timezone) == ("Río", "America/Denver")
        assert data.station.id == "7"
        assert data.station.model_dump()["status"] == "ACTIVE"
        assert told(data) == ["2024-07-01T07:15:00-06:00"]

    def test_what_the_file_does_not_tell_comes_from_the_parameters(self, tmp_path):
        write(photos(tmp_path, "a.jpg") / "station.json", '{"timezone": null}')
        station = read(tmp_path, timezone="America/Chicago").station
        assert (station.name, station.timezone) == ("West Brook 0 (Lower)", "America/Chicago")

    def test_without_any_time_zone_both_places_are_named(self, tmp_path):
        with pytest.raises(
            DataError, match=r'give the parameter timezone, or "timezone" in .*station\.json'
        ):
            read(photos(tmp_path, "a.jpg"), timezone="")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("[1]", r"station\.json must be an object"),
            ("{", r"station\.json is not valid JSON"),
            ('{"timezone": "Mars/Base"}', r"station\.json: timezone: .*'Mars/Base' is not a name"),
            ('{"latitude": "north"}', r"station\.json: latitude: "),
        ],
    )
    def test_a_broken_file_is_refused(self, tmp_path, text, message):
        write(photos(tmp_path, "a.jpg") / "station.json", text)
        with pytest.raises(DataError, match=message):
            read(tmp_path)

    def test_the_owner_s_user_id_is_kept_as_a_hash_only(self, tmp_path):
        write(photos(tmp_path, "a.jpg") / "station.json", '{"user_id": "0b2d5f0c-anna"}')
        assert read(tmp_path).station.model_dump()["user_id"].startswith("u-")


class TestObservationsAndAnnotations:
    def test_all_that_lies_beside_the_photos_is_read(self, tmp_path):
        photos(tmp_path, "images/a.jpg", "images/b.jpg")
        save_photo(tmp_path / "images/c.jpg")
        write(
            tmp_path / "observations.csv",
            "timestamp,flow_cfs,flag\n2024-07-01T11:15Z,3,\n2024-07-01T12:15Z,,\n"
            "2024-07-01T13:15Z,9,ICE\n",
        )
        write(
            tmp_path / "annotations.csv",
            "left_image_id,right_image_id,rank\na.jpg,b.jpg,LEFT\na.jpg,c.jpg,SAME\n"
            "a.jpg,z.jpg,RIGHT\n",
        )
        data = read(tmp_path)
        assert data.observations["value"].tolist() == [3]
        assert data.annotations["left_image_id"].tolist() == ["a.jpg"]
        assert data.excluded.to_numpy().tolist() == [
            ["photo", "c.jpg", "no EXIF time"],
            ["observation", "1 row", "flagged"],
            ["observation", "1 row", "no value"],
            ["annotation", "pair 2 (photo c.jpg)", "its photo was excluded: no EXIF time"],
            ["annotation", "pair 3 (photo z.jpg)", "no such photo"],
        ]

    def test_the_unit_of_the_values_may_be_a_parameter(self, tmp_path):
        photos(tmp_path, "a.jpg", "b.jpg")
        write(tmp_path / "observations.csv", "timestamp,value\n2024-07-01T11:15Z,2\n")
        data = read(tmp_path, observations_unit="m3/s")
        assert data.observations["value"].tolist() == pytest.approx([70.6293334])
        assert data.notes == ("Observed values were converted from m3/s to cfs, times 35.3147.",)

    def test_observations_that_are_replaced_are_not_even_read(self, tmp_path):
        photos(tmp_path, "a.jpg", "b.jpg")
        gauge = write(tmp_path / "gauge.csv", "timestamp,value\n2024-07-01T11:15Z,2\n")
        write(tmp_path / "observations.csv", "broken")
        data = read(tmp_path, observations_from=str(gauge))
        assert data.observations["value"].tolist() == [2]

    def test_ids_that_are_numbers_in_json_meet_ids_that_are_text_in_csv(self, tmp_path):
        photos(tmp_path, "a.jpg", "b.jpg")
        write(tmp_path / "images.csv", "image_id,filename\n12,a.jpg\n13,b.jpg\n")
        content = [{"left": {"imageId": 12}, "right": {"imageId": "13"}, "rank": "LEFT"}]
        write(tmp_path / "annotations.json", json.dumps(content))
        assert len(read(tmp_path).annotations) == 1

    def test_two_kinds_of_annotations_are_refused(self, tmp_path):
        photos(tmp_path, "a.jpg", "b.jpg")
        write(tmp_path / "annotations.json", "[]")
        write(tmp_path / "annotations.csv", "left_image_id,right_image_id,rank\n")
        with pytest.raises(DataError, match=r"both annotations\.json and annotations\.csv"):
            read(tmp_path)


def test_reading_twice_gives_the_same(tmp_path):
    photos(tmp_path, "b.jpg", "a.jpg", "sub/c.jpg")
    first, second = read(tmp_path), read(tmp_path)
    pd.testing.assert_frame_equal(first.images, second.images)


def real(name):
    if not (REAL / name).is_dir():
        pytest.skip(f"the real data is not here: shared/data/{name} beside the checkout")
    return REAL / name


def test_a_real_station_is_read_whole():
    data = read(real("sawmill"))
    assert len(data.images) == 492
    assert len(data.annotations) == 1200
    assert len(data.observations) > 600
    assert data.excluded.empty
    assert data.station.nwis_id == "01169900"


class TestClockCorrections:
    def test_what_the_camera_told_is_corrected_for_its_days(self, tmp_path):
        for name, day in (("a.jpg", 11), ("b.jpg", 12), ("c.jpg", 13), ("d.jpg", 14)):
            save_photo(tmp_path / name, f"2023:03:{day} 12:00:00")
        shifts = ["2023-03-12/2023-03-13 +01:00:00", "2023-03-14/2023-03-14 -2d 00:30:00"]
        data = read(tmp_path, clock_shift=shifts, utc_offset="-05:00")
        assert dict(zip(data.images["filename"], told(data), strict=True)) == {
            "a.jpg": "2023-03-11T12:00:00-05:00",
            "d.jpg": "2023-03-12T12:30:00-04:00",
            "b.jpg": "2023-03-12T14:00:00-04:00",
            "c.jpg": "2023-03-13T14:00:00-04:00",
        }

    def test_times_in_file_names_are_corrected_too(self, tmp_path):
        photos(tmp_path, "20240701_0715.jpg", "20240701_0815.jpg")
        data = read(tmp_path, timestamp_pattern="%Y%m%d_%H%M", clock_shift=["+00:10:00"])
        assert told(data) == ["2024-07-01T07:25:00-04:00", "2024-07-01T08:25:00-04:00"]

    def test_times_of_the_table_are_never_corrected_and_the_user_is_told(self, tmp_path):
        photos(tmp_path, "a.jpg", "b.jpg")
        write(tmp_path / "images.csv", "filename,timestamp\na.jpg,2024-07-01 10:00\n")
        data = read(tmp_path, clock_shift=["+01:00:00"])
        assert told(data) == ["2024-07-01T10:00:00-04:00"]
        assert data.notes == ("clock_shift was not used: the photos' times come from images.csv.",)

    def contradictory(self, folder, n=3, of=5):
        for place in range(of):
            main = {DATETIME: "2012:01:01 01:01:01"} if place < n else None
            save_photo(folder / f"{place}.jpg", f"2019:10:18 1{place}:59:44", main=main)
        return folder

    def test_photos_written_before_they_were_taken_are_refused(self, tmp_path):
        with pytest.raises(DataError) as error:
            read(self.contradictory(tmp_path))
        message = str(error.value)
        assert "one of the camera's clocks was never set: 0.jpg was taken 2019-10-18" in message
        assert "last written 2012-01-01 01:01:01 (DateTime)" in message
        assert "and so on in 3 of 5 photos" in message
        assert 'state it with clock_shift: ["+00:00:00"]' in message
        assert message.endswith(FOUR_WAYS)
        assert message.count("\n") < 7

    def test_they_load_when_the_correction_is_stated(self, tmp_path):
        data = read(self.contradictory(tmp_path), clock_shift=["+00:00:00"])
        assert told(data)[0] == "2019-10-18T10:59:44-04:00"

    def test_a_few_of_them_among_others_are_no_reason_to_refuse(self, tmp_path):
        assert len(read(self.contradictory(tmp_path, n=2)).images) == 5

    def test_times_from_elsewhere_need_no_right_clock(self, tmp_path):
        self.contradictory(tmp_path)
        write(
            tmp_path / "images.csv",
            "filename,timestamp\n0.jpg,2019-10-18 10:00\n1.jpg,2019-10-18 11:00\n",
        )
        assert len(read(tmp_path).images) == 2

    @pytest.mark.parametrize("written", ["2024:01:01 00:00:00", "2019:10:17 13:00:00"])
    def test_photos_edited_later_or_told_in_another_zone_are_not_refused(self, tmp_path, written):
        for hour in (11, 12):
            taken = f"2019:10:18 {hour}:00:00"
            save_photo(tmp_path / f"{hour}.jpg", taken, main={DATETIME: written})
        assert len(read(tmp_path).images) == 2


def test_real_photos_whose_exif_holds_a_false_time_beside_the_true_one_need_a_stated_correction():
    folder = real("fpe-photos")
    with pytest.raises(DataError, match=r"PICT0001\.JPG was taken 2019-10-18 10:59:44 .* 5 of 5"):
        read(folder)
    data = read(folder, clock_shift=["+00:00:00"])
    assert told(data)[0] == "2019-10-18T10:59:44-04:00"
    assert told(data)[-1] == "2019-10-18T15:03:21-04:00"
    assert data.excluded.empty


def test_a_list_that_r_wrote_has_na_where_a_cell_is_empty(tmp_path):
    save_photo(tmp_path / "a.jpg")
    write(
        tmp_path / "images.csv",
        "image_id,timestamp,filename,url\n7,2024-03-05T12:00:00Z,a.jpg,NA\n",
    )
    images = read(tmp_path).images
    assert images["image_id"].tolist() == ["7"]
    assert images["url"].isna().all()
    write(tmp_path / "images.csv", "image_id,timestamp,filename\nNA,2024-03-05T12:00:00Z,a.jpg\n")
    with pytest.raises(DataError, match=r"line 2 has no image_id: fill it in"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["station.json", "observations.csv", "annotations", "images.csv"])
def test_tables_that_are_links_out_of_the_folder_or_pipes_are_neither_read_nor_waited_for(
    tmp_path, name
):
    folder = tmp_path / "station"
    save_photo(folder / "images" / "a.jpg", "2024:06:01 10:00:00")
    outside = tmp_path / "outside"
    if name == "annotations":
        (folder / name).mkdir()
        name = "annotations/a.json"
    outside.write_text("[]")
    (folder / name).symlink_to(outside)
    with pytest.raises(DataError, match=f"{name} is a link that leads out of the station's folder"):
        folder_source(folder).read()
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(DataError, match=f"{name} is a pipe or a device, no file"):
        folder_source(folder).read()
