import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toy import ZONE, changed

from fperank.ground.errors import DataError, PhotoError
from fperank.handover import tables
from fperank.handover.dataset import (
    ANNOTATIONS,
    DATASET_PAIRS,
    EXCLUDED,
    IMAGES,
    OBSERVATIONS,
    AnswerAgreement,
    DatasetFolder,
    ObservationCounts,
)
from fperank.handover.station import Station, read_station
from fperank.params.file import load_params
from fperank.params.parameters import DatasetParams
from fperank.stations.at_photo_times import interpolate, photo_attributes, unique_observations
from fperank.stations.base import StationData
from fperank.stations.dataset import build, summarise, write

ROOT = Path(__file__).parents[2]


def at(*texts):
    """Instants of 1 July 2024, given as hours and minutes of the station's clock."""
    times = pd.to_datetime([f"2024-07-01T{text}:00" for text in texts])
    return pd.Series(times.tz_localize(ZONE).as_unit("us"), name="timestamp")


def observed(**values):
    """Observations, as h08_00=3.5."""
    texts = [name[1:].replace("_", ":") for name in values]
    return pd.DataFrame(
        {"timestamp": at(*texts), "value": [float(v) for v in values.values()], "status": None}
    )


def params(**changes):
    shipped = load_params(ROOT / "params.yaml", DatasetParams)
    usual = {
        "station": "West Brook 0 (Lower)",
        "dataset_version": "v1",
        "source": "folder",
        "source_path": "../photos",
        "timezone": ZONE,
        "utc_offset": "",
    }
    return changed(shipped, **usual | changes)


def station_data(*, names=("a.jpg", "b.jpg", "c.jpg"), ranks=(("1", "2", "LEFT"),), **changes):
    """Photos 1, 2, 3 at 08:00, 09:00, 10:00, with observations of 2, 4 and 4 at these times."""
    images = pd.DataFrame(
        {
            "image_id": [str(n + 1) for n in range(len(names))],
            "timestamp": at(*(f"{8 + n:02d}:00" for n in range(len(names)))),
            "filename": names,
            "url": None,
            "clock": "a clock",
        }
    )
    annotations = pd.DataFrame(
        [(str(n + 1), left, right, rank) for n, (left, right, rank) in enumerate(ranks)],
        columns=["pair_id", "left_image_id", "right_image_id", "rank"],
    )
    data = StationData(
        station=Station(name="West Brook 0 (Lower)", timezone=ZONE),
        images=images,
        observations=observed(h08_00=2, h09_00=4, h10_00=4),
        annotations=annotations.reindex(columns=list(ANNOTATIONS.columns)),
        excluded=pd.DataFrame(columns=["kind", "name", "reason"], dtype="str"),
    )
    return replace(data, **changes)


def built(data):
    return build(data, params())


def written(data, folder, source=None):
    """Write the dataset of a station; its summary."""
    return write(built(data), data, source or Photos(), folder, params())


def summary_of(data, **changes):
    return summarise(built(data), data, params(**changes))


NO_OBSERVATIONS = observed(h08_00=1).iloc[:0]


class Photos:
    """A source that hands out a text in place of each photo; `broken` ones fail."""

    def __init__(self, broken=()):
        self.broken = broken

    def read(self):
        raise AssertionError("the dataset is built already")

    def fetch(self, filename, target):
        if filename in self.broken:
            target.write_text("half")
            raise PhotoError(f"{filename} cannot be copied: Permission denied")
        target.write_text(f"photo {filename}")


class TestInterpolation:
    def test_values_are_interpolated_linearly(self):
        found = interpolate(observed(h08_00=2, h09_00=4), at("08:15", "08:30", "08:54"), 65)
        np.testing.assert_allclose(found, [2.5, 3.0, 3.8])

    def test_an_observation_at_the_photo_s_time_suffices(self):
        found = interpolate(observed(h08_00=2, h20_00=4), at("08:00", "20:00"), 65)
        assert found.tolist() == [2, 4]

    @pytest.mark.parametrize(
        ("before", "after", "has_value"),
        [
            ("h10_55", "h13_05", True),  # both at most 65 minutes from 12:00
            ("h10_54", "h12_01", False),  # the one before is too far
            ("h11_59", "h13_06", False),  # the one after is too far
            ("h11_30", "h12_45", True),  # 75 minutes apart, but each is near
        ],
    )
    def test_the_gap_is_measured_from_the_photo_to_each_side(self, before, after, has_value):
        found = interpolate(observed(**{before: 1, after: 2}), at("12:00"), 65)
        assert np.isfinite(found).tolist() == [has_value]

    def test_there_is_no_value_before_the_first_and_after_the_last_observation(self):
        found = interpolate(observed(h08_00=2, h09_00=4), at("07:59", "09:01"), 65)
        assert np.isnan(found).all()

    def test_values_at_one_time_are_averaged(self):
        twice = pd.concat([observed(h09_00=4), observed(h08_00=1), observed(h08_00=3)])
        assert interpolate(twice, at("08:00", "08:30"), 65).tolist() == [2, 3]

    def test_missing_values_are_no_observations(self):
        found = interpolate(observed(h08_00=2, h08_30=np.nan, h09_00=4), at("08:30"), 65)
        assert found.tolist() == [3]

    def test_without_observations_there_are_no_values(self):
        assert np.isnan(interpolate(NO_OBSERVATIONS, at("08:00"), 65)).tolist() == [True]

    def test_without_photos_there_are_no_values(self):
        assert interpolate(observed(h08_00=2), at("08:00").iloc[:0], 65).tolist() == []

    def test_the_times_may_be_told_in_another_zone(self):
        utc = observed(h08_00=2, h09_00=4)
        utc["timestamp"] = utc["timestamp"].dt.tz_convert("UTC").dt.as_unit("ns")
        assert interpolate(utc, at("08:30"), 65).tolist() == [3]

    def test_it_agrees_with_a_plain_loop_on_random_times(self):
        rng = np.random.default_rng(5)
        begin = pd.Timestamp("2024-03-09", tz=ZONE)
        seconds = np.sort(rng.choice(4 * 86400, 60, replace=False))
        known = pd.DataFrame(
            {
                "timestamp": pd.Series(begin + pd.to_timedelta(seconds, unit="s")),
                "value": rng.normal(size=60),
                "status": None,
            }
        )
        photo_seconds = np.concatenate([rng.choice(4 * 86400, 300), seconds[:20]])
        found = interpolate(known, pd.Series(begin + pd.to_timedelta(photo_seconds, unit="s")), 120)
        expected = []
        for photo in photo_seconds:
            before = [i for i, s in enumerate(seconds) if photo - 7200 <= s <= photo]
            after = [i for i, s in enumerate(seconds) if photo <= s <= photo + 7200]
            near = bool(before and after)
            expected.append(np.interp(photo, seconds, known["value"]) if near else np.nan)
        assert 0 < np.isnan(expected).sum() < len(expected)
        np.testing.assert_allclose(found, expected, atol=1e-12)

    def test_a_million_photos_need_no_loop(self):
        begin = pd.Timestamp("2024-01-01", tz=ZONE)
        photos = pd.Series(begin + pd.to_timedelta(np.arange(1_000_000), unit="s"))
        known = pd.DataFrame(
            {"timestamp": photos.iloc[::900], "value": np.arange(1112.0), "status": None}
        )
        found = interpolate(known, photos, 15)
        assert found[450] == 0.5
        assert np.isfinite(found).sum() == 1111 * 900 + 1


class TestBuild:
    def test_photos_get_values_and_pairs_the_observed_order(self):
        ranks = (("1", "2", "LEFT"), ("2", "1", "SAME"), ("2", "3", "RIGHT"), ("3", "1", "UNKNOWN"))
        data = built(station_data(ranks=ranks))
        assert data.images["value"].tolist() == [2, 4, 4]
        pairs = data.pairs
        assert pairs["pair_id"].tolist() == ["1", "2", "3", "4"]
        assert pairs["rank"].tolist() == ["LEFT", "SAME", "RIGHT", "UNKNOWN"]
        assert pairs["true_rank"].tolist() == ["RIGHT", "LEFT", "SAME", "LEFT"]
        assert pairs["delta_value"].tolist() == [-2, 2, 0, 2]
        assert pairs["avg_value"].tolist() == [3, 3, 4, 3]
        np.testing.assert_allclose(pairs["rel_delta_value"], [2 / 3, 2 / 3, 0, 2 / 3])
        assert pairs["left_filename"].tolist() == ["a.jpg", "b.jpg", "b.jpg", "c.jpg"]
        assert pairs["right_timestamp"].iloc[0].isoformat() == "2024-07-01T09:00:00-04:00"

    def test_without_a_value_on_both_sides_there_is_no_true_order(self):
        data = built(station_data(observations=observed(h08_00=2)))
        assert data.pairs[["delta_value", "avg_value", "true_rank"]].isna().all(axis=None)
        assert data.pairs["left_value"].tolist() == [2]

    def test_around_zero_there_is_no_relative_difference(self):
        data = built(station_data(observations=observed(h08_00=-1, h09_00=1)))
        assert data.pairs["true_rank"].tolist() == ["RIGHT"]
        assert data.pairs["rel_delta_value"].isna().all()

    def test_observations_are_sorted_and_unique(self):
        rows = pd.concat([observed(h09_00=4), observed(h08_00=1), observed(h08_00=3)])
        data = built(station_data(observations=rows))
        assert data.observations["value"].tolist() == [2, 4]
        assert data.observations["timestamp"].is_monotonic_increasing

    def test_photos_are_sorted_whatever_the_source_s_order(self):
        plain = station_data()
        data = built(replace(plain, images=plain.images.iloc[::-1]))
        assert data.images["image_id"].tolist() == ["1", "2", "3"]
        assert data.images["value"].tolist() == [2, 4, 4]

    def test_a_station_may_lack_observations_and_annotations(self):
        data = built(station_data(ranks=(), observations=NO_OBSERVATIONS))
        assert data.images["value"].isna().all()
        assert data.pairs.empty
        assert data.observations.empty

    def test_a_station_without_photos_is_refused(self):
        with pytest.raises(DataError, match=r"West Brook 0 \(Lower\) has no photo"):
            built(station_data(names=(), ranks=()))

    def test_an_annotation_of_an_unknown_photo_is_refused(self):
        with pytest.raises(DataError, match="names a photo that is not among"):
            built(station_data(ranks=(("1", "99", "LEFT"),)))

    def test_two_photos_with_one_id_are_refused(self):
        images = station_data().images.assign(image_id="1")
        with pytest.raises(DataError, match="images is not a table of images"):
            built(station_data(images=images, ranks=()))


class TestWrite:
    def test_all_files_come_back_as_they_were(self, tmp_path):
        names = ('it\'s "one".jpg', "río/a b.jpg", "a..b, c.jpg")
        given = station_data(names=names)
        data = built(given)
        written(given, tmp_path)
        for frame, schema, name in (
            (data.images, IMAGES, "images.csv"),
            (data.pairs, DATASET_PAIRS, "pairs.csv"),
            (data.observations, OBSERVATIONS, "observations.csv"),
            (data.excluded, EXCLUDED, "excluded.csv"),
        ):
            again = tables.read_table(tmp_path / name, schema, ZONE)
            pd.testing.assert_frame_equal(again, frame)
        for name in names:
            assert (tmp_path / "photos" / name).read_text() == f"photo {name}"

    def test_station_json_tells_the_label_and_the_variable_too(self, tmp_path):
        station = Station(name="Sawmill River", timezone=ZONE, status="ACTIVE")  # type: ignore[call-arg]
        written(station_data(station=station), tmp_path)
        content = json.loads((tmp_path / "station.json").read_text())
        assert content["name"] == "Sawmill River"
        assert content["label"] == "West Brook 0 (Lower)"
        assert content["variable"] == "FLOW_CFS"
        assert content["status"] == "ACTIVE"
        assert read_station(tmp_path).name == "Sawmill River"

    def test_the_same_dataset_gives_the_same_bytes(self, tmp_path):
        for name in ("one", "two"):
            written(station_data(), tmp_path / name)
        files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
        assert Path("dataset.json") in files
        for file in files:
            assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()

    def test_a_photo_that_cannot_be_copied_keeps_its_row_and_is_noted(self, tmp_path):
        summary = written(station_data(), tmp_path, Photos(broken=("b.jpg",)))
        assert len(tables.read_table(tmp_path / "images.csv", IMAGES, ZONE)) == 3
        assert sorted(p.name for p in (tmp_path / "photos").iterdir()) == ["a.jpg", "c.jpg"]
        assert list(summary.notes) == [
            "1 photo could not be copied and will get no score; the first: b.jpg cannot be "
            "copied: Permission denied"
        ]
        assert DatasetFolder(tmp_path).summary == summary

    @pytest.mark.parametrize(
        "name", ["../a.jpg", "/a.jpg", "b/../../a.jpg", "..\\a.jpg", "C:a.jpg"]
    )
    def test_no_photo_is_written_outside_of_the_dataset(self, tmp_path, name):
        data = station_data(names=(name,), ranks=())
        with pytest.raises(DataError, match="would be written outside of the dataset"):
            written(data, tmp_path)


class TestSummary:
    def test_counts_dates_and_agreement(self):
        ranks = (
            ("1", "2", "RIGHT"),
            ("1", "2", "LEFT"),
            ("2", "1", "LEFT"),
            ("2", "3", "LEFT"),  # the same value: no order to agree with
            ("1", "2", "SAME"),
            ("1", "2", "UNKNOWN"),
        )
        excluded = pd.DataFrame(
            [
                ("photo", "x.jpg", "no EXIF time"),
                ("photo", "y.jpg", "no EXIF time"),
                ("observation", "12 rows", "flagged"),
                ("observation", "1 row", "no value"),
                ("annotation", "pair 9 (photo x.jpg)", "no such photo"),
            ],
            columns=["kind", "name", "reason"],
        )
        summary = json.loads(
            summary_of(station_data(ranks=ranks, excluded=excluded)).model_dump_json()
        )
        day = {"first_date": "2024-07-01", "last_date": "2024-07-01"}
        assert summary["station"] == "West Brook 0 (Lower)"
        assert summary["variable"] == "FLOW_CFS"
        assert summary["dataset_version"] == "v1"
        assert summary["source"] == "folder"
        assert summary["photos"] == {
            **{"n": 3, "n_with_value": 3, "by_clock": {"a clock": 3}},
            **day,
        }
        assert summary["observations"] == {"n": 3, **day}
        assert summary["annotations"] == {
            "n": 6,
            "by_rank": {"LEFT": 3, "RIGHT": 1, "SAME": 1, "UNKNOWN": 1},
            "share_same": 0.2,
            "n_with_true_rank": 6,
            **day,
        }
        assert summary["agreement"] == {"n": 3, "share_correct": 0.6667}
        assert summary["excluded"] == {
            "photo": {"no EXIF time": 2},
            "observation": {"flagged": 12, "no value": 1},
            "annotation": {"no such photo": 1},
        }
        assert summary["parameters"]["max_gap_minutes"] == 65
        assert summary["notes"] == [
            "Pairs of photos that were compared more than once: 1; with answers that contradict "
            "each other: 1. All are kept."
        ]

    def test_dates_are_those_of_the_station_s_clock(self):
        images = station_data(names=("a.jpg",), ranks=()).images.assign(
            timestamp=pd.to_datetime(["2024-07-02T01:00:00Z"]).tz_convert(ZONE)
        )
        data = station_data(images=images, ranks=())
        assert summary_of(data).photos.first_date.isoformat() == "2024-07-01"

    def test_what_is_absent_is_null_and_noted(self):
        summary = summary_of(station_data(ranks=(), observations=NO_OBSERVATIONS))
        assert summary.observations == ObservationCounts(n=0, first_date=None, last_date=None)
        assert summary.annotations.share_same is None
        assert summary.agreement == AnswerAgreement(n=0, share_correct=None)
        assert list(summary.notes) == [
            "There are no observed values: scores cannot be compared with measurements.",
            "There are no annotations: a model cannot be trained without them.",
        ]

    def test_photos_in_a_gap_are_noted_with_the_usual_interval(self):
        data = station_data(observations=observed(h06_00=1, h09_00=2, h12_00=3))
        assert list(summary_of(data).notes) == [
            "2 of 3 photos have no observed value within 65 minutes on both sides "
            "(max_gap_minutes); the observations are usually 180 minutes apart."
        ]

    def test_values_that_came_with_the_photos_are_not_called_observations(self):
        data = station_data(
            names=[f"{letter}.jpg" for letter in "abcde"],
            observations=observed(h08_00=2, h12_00=4),
        )
        assert summary_of(data).notes[0] == (
            "3 of 5 photos have no observed value within 65 minutes on both sides "
            "(max_gap_minutes); the photos that have one are usually 240 minutes apart."
        )

    def test_another_name_of_the_station_is_noted(self):
        station = Station(name="Sawmill River", timezone=ZONE)
        assert list(summary_of(station_data(station=station)).notes) == [
            "The parameter station is 'West Brook 0 (Lower)', the station's own name is "
            "'Sawmill River': folders and the report use the parameter."
        ]

    @pytest.mark.parametrize(
        ("path", "told"),
        [
            ("/home/anna/photos", "photos"),
            ("/home/anna/photos/", "photos"),
            ("C:\\Users\\anna\\photos", "photos"),
            ("~/photos", "photos"),
            ("../photos", "../photos"),
            ("", ""),
        ],
    )
    def test_the_machine_s_folders_are_not_told(self, path, told):
        summary = summary_of(station_data(), source_path=path)
        assert summary.parameters["source_path"] == told


def test_observations_keep_their_zone_when_made_unique():
    assert str(unique_observations(observed(h08_00=1))["timestamp"].dtype).endswith(f"{ZONE}]")


class TestPhotoAttributes:
    def test_a_photo_has_all_marks_that_any_of_its_pairs_gives_it_in_one_order(self):
        annotations = pd.DataFrame(
            {
                "left_image_id": ["1", "1", "2"],
                "left_attributes": ["ICE,DRY", None, None],
                "right_image_id": ["2", "3", "1"],
                "right_attributes": [None, "BAD", "DISCONNECTED"],
            }
        )
        assert photo_attributes(annotations) == {"1": "DRY,DISCONNECTED,ICE", "3": "BAD"}

    def test_marks_stand_in_images_csv_and_are_empty_elsewhere(self, tmp_path):
        data = station_data()
        annotations = data.annotations.assign(left_attributes="DRY")
        written(replace(data, annotations=annotations), tmp_path)
        images = tables.read_table(tmp_path / "images.csv", IMAGES, ZONE)
        assert images["attributes"].fillna("").tolist() == ["DRY", "", ""]


class TestObservationStatus:
    def test_provisional_values_are_kept_and_noted(self):
        data = station_data()
        status = ["approved", "provisional", None]
        given = replace(data, observations=data.observations.assign(status=status))
        assert built(given).observations["status"].fillna("").tolist() == [
            "approved",
            "provisional",
            "",
        ]
        assert any("1 of 3 observed values are provisional" in n for n in summary_of(given).notes)

    def test_of_two_values_at_one_time_the_weaker_status_counts(self):
        twice = pd.concat([observed(h08_00=2), observed(h08_00=4)])
        told = unique_observations(twice.assign(status=["provisional", "approved"]))
        assert told["value"].tolist() == [3.0]
        assert told["status"].tolist() == ["provisional"]


class TestFetching:
    def test_a_server_that_is_gone_stops_the_stage_and_the_rest_is_not_asked_for(self, tmp_path):
        asked = []

        class Gone(Photos):
            def fetch(self, filename, target):
                asked.append(filename)
                raise DataError("no connection")

        few = station_data(ranks=())
        many = replace(
            few,
            images=pd.DataFrame(
                {
                    "image_id": [str(k) for k in range(500)],
                    "timestamp": few.images["timestamp"].iloc[0],
                    "filename": [f"{k:03d}.jpg" for k in range(500)],
                    "url": None,
                    "clock": "a clock",
                }
            ),
        )
        with pytest.raises(DataError, match="no connection"):
            written(many, tmp_path, Gone())
        assert len(asked) < 100

    def test_where_no_photo_can_be_had_the_stage_stops_with_the_first_reason(self, tmp_path):
        class Empty(Photos):
            def fetch(self, filename, target):
                raise PhotoError(f"{filename}: nothing lies there")

        with pytest.raises(DataError, match=r"none of the 3 photos .* a.jpg: nothing lies there"):
            written(station_data(), tmp_path, Empty())

    def test_notes_of_the_source_are_told(self):
        given = station_data(notes=("Converted from m3/s to cfs.",))
        assert summary_of(given).notes[0] == "Converted from m3/s to cfs."
