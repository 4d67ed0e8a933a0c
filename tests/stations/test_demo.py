"""The demo station: its weather, its view, and the folder it is written as."""

import csv
import dataclasses
import datetime as dt
import itertools
import json
import zoneinfo
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import kendalltau
from station_folder import dataset_params

from fperank.ground.errors import ParameterError
from fperank.params.parameters import DatasetParams
from fperank.stations.compose import open_source
from fperank.stations.demo.scene import STRIP_ROWS, Scene
from fperank.stations.demo.station import START, write_demo_station
from fperank.stations.demo.weather import simulate_conditions, simulate_discharge

DAYS, ANNOTATIONS = 12, 60
NAME = "West Brook 0 (Lower)"


@pytest.fixture(scope="module")
def scene():
    return Scene(3)


@pytest.fixture(scope="module")
def year():
    """Discharge and conditions of 14 months, a photo every 33 hours or so."""
    hours, discharge = simulate_discharge(START, 420, np.random.default_rng(1))
    clocks = [START + dt.timedelta(hours=12 + 33.7 * step) for step in range(295)]
    clocks = [clock for clock in clocks if 7 <= clock.hour < 19]
    since = [(clock - START).total_seconds() / 3600 for clock in clocks]
    flows = np.interp(since, hours, discharge)
    return flows, simulate_conditions(clocks, np.random.default_rng(2))


def write(folder: Path, **changes) -> Path:
    given = {
        "days": DAYS,
        "interval_minutes": 110,
        "annotations": ANNOTATIONS,
        "seed": 5,
        "name": NAME,
        "timezone": "America/New_York",
    }
    write_demo_station(folder, **{**given, **changes})
    return folder


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    return write(tmp_path_factory.mktemp("demo") / NAME)


def clock_of(path: Path) -> dt.datetime:
    with Image.open(path) as photo:
        told = photo.getexif().get_ifd(0x8769)[0x9003]
    return dt.datetime.strptime(told, "%Y:%m:%d %H:%M:%S")


# The weather


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_brook_is_flashy_and_never_dry(seed):
    hours, discharge = simulate_discharge(START, 420, np.random.default_rng(seed))
    assert hours[-1] == 420 * 24
    assert discharge.min() >= 1
    assert 60 < discharge.max() <= 300
    assert 0.6 < np.log(discharge).std() < 1.3
    change_an_hour = np.diff(np.log(discharge[::4]))
    assert change_an_hour.max() > 3 * -change_an_hour.min()


def test_a_short_record_has_high_and_low_flow_too():
    for seed in range(8):
        _, discharge = simulate_discharge(START, 8, np.random.default_rng(seed))
        assert discharge.max() > 1.8 * discharge.min()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_condition_follows_the_flow(seed):
    hours, discharge = simulate_discharge(START, 420, np.random.default_rng([seed, 0]))
    daytime = (hours % 1 == 0) & (hours % 24 >= 7) & (hours % 24 < 19)
    flows = discharge[daytime]
    clocks = [START + dt.timedelta(hours=hour) for hour in hours[daytime]]
    conditions = simulate_conditions(clocks, np.random.default_rng([seed, 1]))
    for field in dataclasses.fields(conditions[0]):
        if field.name == "clock":
            continue
        tau = kendalltau([getattr(photo, field.name) for photo in conditions], flows)[0]
        assert abs(tau) < 0.3, field.name


def test_the_seasons_come_in_their_months(year):
    _, conditions = year
    july = [photo for photo in conditions if photo.clock.month == 7]
    january = [photo for photo in conditions if photo.clock.month == 1]
    assert min(photo.leaves for photo in july) == 1
    assert max(photo.leaves for photo in january) == 0
    assert max(photo.snow for photo in july) == 0
    assert max(photo.snow for photo in january) > 0.5
    assert any(photo.autumn > 0.3 for photo in conditions if photo.clock.month == 10)


def test_the_sun_is_up_at_noon_and_down_at_night():
    clocks = [START + dt.timedelta(hours=hour) for hour in range(24)]
    photos = simulate_conditions(clocks, np.random.default_rng(1))
    assert photos[12].sun_elevation_degrees > 35
    assert photos[0].infrared
    assert not photos[12].infrared


# The view


def test_a_photo_changes_more_and_more_as_the_water_rises(scene, year):
    noon = next(photo for photo in year[1] if photo.sun_elevation_degrees > 40)
    flows = [1.0, 2.0, 5.0, 12.0, 30.0, 80.0, 200.0]
    photos = [scene.draw(flow, noon, np.random.default_rng(1)).astype(float) for flow in flows]
    changed = [(np.abs(photo - photos[0]).max(axis=2) > 25).mean() for photo in photos]
    assert np.all(np.diff(changed) > 0.01)


def test_no_mean_of_the_photo_tells_the_flow(scene, year):
    flows, conditions = year
    means = np.array(
        [
            scene.draw(flow, photo, np.random.default_rng(index)).mean(axis=(0, 1))
            for index, (flow, photo) in enumerate(zip(flows, conditions, strict=True))
        ]
    )
    for told in (*means.T, means.mean(axis=1)):
        assert abs(kendalltau(told, flows)[0]) < 0.3


def test_the_printed_strip_tells_the_time_and_not_the_flow(scene, year):
    one, other = year[1][0], year[1][1]
    low, high, later = (
        scene.draw(flow, photo, np.random.default_rng(1))[-STRIP_ROWS:]
        for flow, photo in ((1.0, one), (250.0, one), (1.0, other))
    )
    assert np.array_equal(low, high)
    assert not np.array_equal(low, later)
    assert STRIP_ROWS / 240 < 0.08


def test_photos_by_infrared_are_grey(scene, year):
    night = dataclasses.replace(year[1][0], sun_elevation_degrees=-20.0)
    photo = scene.draw(10.0, night, np.random.default_rng(1))
    assert photo.shape == (240, 320, 3)
    assert np.ptp(photo.astype(int), axis=2).max() == 0


@pytest.mark.parametrize(
    "change",
    [{"snow": 1.0}, {"ice": 1.0}, {"rain": 1.0}, {"snowfall": 1.0}, {"fog": 0.5}, {"autumn": 1.0}],
)
def test_weather_can_be_seen(scene, year, change):
    clear = next(photo for photo in year[1] if photo.leaves == 1 and photo.rain == 0)
    before, after = (
        scene.draw(10.0, photo, np.random.default_rng(1)).astype(float)
        for photo in (clear, dataclasses.replace(clear, **change))
    )
    assert np.abs(before - after).mean() > 1.0


def test_a_shifted_camera_sees_the_view_moved(scene, year):
    still = dataclasses.replace(
        year[1][0], shift_right_pixels=0, shift_down_pixels=0, noise_levels=0.0
    )
    moved = dataclasses.replace(still, shift_right_pixels=4, shift_down_pixels=-3)
    before, after = (
        scene.draw(10.0, photo, np.random.default_rng(1)).astype(float) for photo in (still, moved)
    )
    assert np.abs(after[:200, 4:] - before[3:203, :-4]).mean() < 3


# The folder


def test_photos_carry_the_camera_clock_at_a_steady_interval(station):
    photos = sorted((station / "images").rglob("*.JPG"))
    clocks = [clock_of(photo) for photo in photos]
    assert photos[0].relative_to(station).as_posix() == "images/2022-10/DEMO_0001.JPG"
    assert clocks == sorted(set(clocks))
    assert all(dt.time(5) <= clock.time() <= dt.time(20) for clock in clocks)
    assert {(clock - clocks[0]) % dt.timedelta(minutes=110) for clock in clocks} == {dt.timedelta()}
    assert len({clock.minute for clock in clocks}) == 6
    assert clocks[-1].date() == dt.date(2022, 10, DAYS)


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others(tmp_path):
    short = {"days": 4, "interval_minutes": 300, "annotations": 8}
    one, again, other = (
        write(tmp_path / name, seed=seed, **short)
        for name, seed in (("one", 5), ("again", 5), ("other", 6))
    )
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert len(files) > 10
    for folder in (again, other):
        there = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        assert there == files
    for name in files:
        content = (one / name).read_bytes()
        assert content == (again / name).read_bytes(), name
        if name.name != "station.json":
            assert content != (other / name).read_bytes(), name


def test_annotated_pairs_are_daytime_photos_of_the_first_seventy_percent(station):
    entries = json.loads((station / "annotations.json").read_text())
    pairs = [frozenset((entry["left"]["imageId"], entry["right"]["imageId"])) for entry in entries]
    assert len(set(pairs)) == ANNOTATIONS
    assert all(len(pair) == 2 for pair in pairs)
    used = set().union(*pairs)
    assert 0.6 * ANNOTATIONS / 2.5 < len(used) <= ANNOTATIONS / 2.5
    for name in used:
        clock = clock_of(station / "images" / name)
        instant = clock.replace(tzinfo=dt.timezone(dt.timedelta(hours=-5)))
        assert 7 <= instant.astimezone(zoneinfo.ZoneInfo("America/New_York")).hour <= 18
        assert clock < START + dt.timedelta(days=0.7 * DAYS)
    assert {entry["rank"] for entry in entries} >= {"LEFT", "RIGHT", "SAME"}


def test_the_gauge_has_wrong_flagged_values_a_gap_and_a_time_told_twice(station):
    with (station / "observations.csv").open() as file:
        rows = list(csv.DictReader(file))
    times = [dt.datetime.fromisoformat(row["timestamp"]) for row in rows]
    assert all(time.utcoffset() == dt.timedelta(hours=-5) for time in times)
    steps = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert steps.count(dt.timedelta()) == 1
    assert max(steps) > dt.timedelta(hours=5)
    assert sorted(set(steps))[1] == dt.timedelta(minutes=15)
    flagged = [float(row["value"]) for row in rows if row["flag"]]
    good = [float(row["value"]) for row in rows if not row["flag"]]
    assert 0 < len(flagged) < 10
    assert np.median(flagged) > 3 * np.median(good)


def test_winter_photos_are_marked_where_ice_lies(tmp_path):
    folder = write(tmp_path / "winter", days=160, interval_minutes=1440, annotations=250)
    entries = json.loads((folder / "annotations.json").read_text())
    ticked = {
        name
        for entry in entries
        for side in ("left", "right")
        for name in entry[side]["attributes"]
    }
    assert {"ICE_PARTIAL"} <= ticked <= {"ICE_PARTIAL", "BAD"}


def test_the_station_says_that_it_is_not_real(station):
    told = json.loads((station / "station.json").read_text())
    assert told["name"] == NAME
    assert told["waterbody_type"] == "ST"
    assert "simulated" in told["description"]


def test_more_annotations_than_pairs_are_refused(tmp_path):
    with pytest.raises(
        ParameterError, match=r"demo_annotations is 500: the 3 daytime photos .* only 3 pairs"
    ):
        write(tmp_path / "few", days=4, interval_minutes=1440, annotations=500)


def test_a_station_without_annotations_can_be_written(tmp_path):
    folder = write(tmp_path / "none", days=4, interval_minutes=1440, annotations=0)
    assert json.loads((folder / "annotations.json").read_text()) == []


def demo_params() -> DatasetParams:
    return dataset_params(
        station=NAME,
        source="demo",
        utc_offset="-05:00",
        demo_days=DAYS,
        demo_interval_minutes=110,
        demo_annotations=ANNOTATIONS,
        demo_seed=5,
    )


def test_the_demo_is_read_back_as_a_folder(tmp_path, station):
    old = tmp_path / "demo" / "images" / "old.JPG"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"left over")
    source = open_source(demo_params(), tmp_path)
    data = source.read()
    photos = sorted((station / "images").rglob("*.JPG"))
    assert not old.exists()
    assert data.station.name == NAME
    assert data.images["filename"].tolist() == [
        photo.relative_to(station / "images").as_posix() for photo in photos
    ]
    first = clock_of(photos[0]).replace(tzinfo=dt.timezone(dt.timedelta(hours=-5)))
    assert data.images["timestamp"].iloc[0] == first
    assert len(data.annotations) == ANNOTATIONS
    assert len(data.observations) > 90 * DAYS
    assert "flagged" in " ".join(data.excluded["reason"])
    source.fetch(data.images["filename"].iloc[0], tmp_path / "one.jpg")
    assert (tmp_path / "one.jpg").read_bytes() == photos[0].read_bytes()
