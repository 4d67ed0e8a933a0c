import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fperank.ground.variables import VARIABLES
from fperank.stations.overview import plot_annotations, plot_images

ZONE = "America/New_York"
FLOW = VARIABLES["FLOW_CFS"]


def photos(days=40, value=None, per_day=1):
    times = pd.date_range("2024-06-20 12:00", periods=days * per_day, freq=f"{24 // per_day}h")
    n = len(times)
    return pd.DataFrame(
        {
            "image_id": [str(i) for i in range(n)],
            "timestamp": pd.Series(times.tz_localize(ZONE).as_unit("us")),
            "filename": [f"{i}.jpg" for i in range(n)],
            "url": None,
            "value": np.full(n, np.nan) if value is None else value * np.ones(n),
            "attributes": None,
            "quality": None,
        }
    )


def observations(begin="2024-06-01", days=80, low=1.0, high=900.0):
    times = pd.date_range(begin, periods=days, freq="D")
    return pd.DataFrame(
        {
            "timestamp": pd.Series(times.tz_localize(ZONE).as_unit("us")),
            "value": np.geomspace(abs(low), high, days) * np.sign(low),
        }
    )


def pairs(ranks):
    images = photos()
    left = images.iloc[[(7 * i) % 40 for i in range(len(ranks))]].reset_index(drop=True)
    right = images.iloc[[(11 * i + 3) % 40 for i in range(len(ranks))]].reset_index(drop=True)
    return pd.DataFrame(
        {
            "pair_id": [str(i) for i in range(len(ranks))],
            "left_timestamp": left["timestamp"],
            "right_timestamp": right["timestamp"],
            "rank": pd.Series(ranks, dtype="str"),
        }
    )


def pixels(png):
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def near(png, color, *, within=30, alpha=1.0):
    """How many pixels have about that colour, as it is told or laid on white."""
    wanted = [255 - alpha * (255 - int(color[i : i + 2], 16)) for i in (1, 3, 5)]
    return int((np.abs(pixels(png) - wanted).max(axis=2) <= within).sum())


BLUE, GREY, RED, GREEN = "#0b6fa4", "#7f8c99", "#c8553d", "#3a9a63"
NONE = observations(days=1).iloc[:0]


@pytest.mark.parametrize("variable", list(VARIABLES))
def test_every_variable_can_be_drawn(variable):
    png = plot_images(photos(value=3.0), observations(), VARIABLES[variable])
    assert png.startswith(b"\x89PNG")
    assert near(png, GREY) > 100
    assert near(png, BLUE) > 100


def test_a_long_gauge_record_does_not_push_the_photos_aside():
    near_record = plot_images(photos(value=3.0), observations(days=60), FLOW)
    long_record = plot_images(photos(value=3.0), observations("1990-01-01", days=13_000), FLOW)
    bars = near(near_record, BLUE, within=5)
    assert near(long_record, BLUE, within=5) > 0.9 * bars


def test_without_observed_values_the_photos_hours_are_drawn():
    once = plot_images(photos(), NONE, FLOW)
    often = plot_images(photos(per_day=12), NONE, FLOW)
    assert near(once, GREY, within=5) == 0
    points = near(often, BLUE, alpha=0.6, within=6)
    assert points > 4 * near(once, BLUE, alpha=0.6, within=6) > 0


def test_values_without_observations_and_observations_without_values_are_drawn():
    assert near(plot_images(photos(value=3.0), NONE, FLOW), BLUE) > 100
    assert near(plot_images(photos(), observations(), FLOW), GREY) > 100


def test_zero_and_negative_flow_are_drawn_on_a_plain_axis():
    png = plot_images(photos(value=-3.0), observations(low=-1.0), FLOW)
    assert near(png, GREY) > 100


def test_a_single_photo_is_drawn():
    assert near(plot_images(photos(days=1), NONE, FLOW), BLUE) > 1000


def test_the_photos_a_day_are_counted_by_the_station_s_clock():
    images = photos(days=1, per_day=2)
    late = pd.to_datetime(["2024-06-20 22:00", "2024-06-20 23:30"]).tz_localize(ZONE)
    utc_would_split = images.assign(timestamp=pd.Series(late))
    one_day = images.assign(timestamp=pd.Series(late - pd.Timedelta(hours=10)))
    strip = pixels(plot_images(utc_would_split, NONE, FLOW))[-150:, 100:-20]
    assert np.array_equal(strip, pixels(plot_images(one_day, NONE, FLOW))[-150:, 100:-20])


@pytest.mark.parametrize(
    ("rank", "color"), [("LEFT", BLUE), ("RIGHT", RED), ("SAME", GREEN), ("UNKNOWN", "#a8a8a8")]
)
def test_each_answer_has_its_colour(rank, color):
    with_it = plot_annotations(pairs([rank] * 40), FLOW)
    without = plot_annotations(pairs(["LEFT" if rank != "LEFT" else "SAME"] * 40), FLOW)
    points = near(with_it, color, alpha=0.6, within=6)
    assert points > near(without, color, alpha=0.6, within=6) + 200


def test_skipped_pairs_alone_are_drawn():
    assert plot_annotations(pairs(["UNKNOWN"] * 3), FLOW).startswith(b"\x89PNG")


def test_a_single_pair_is_drawn():
    assert near(plot_annotations(pairs(["SAME"]), FLOW), GREEN, alpha=0.6, within=6) > 10


def test_a_station_without_annotations_gets_a_picture_that_says_so():
    png = plot_annotations(pairs([]), FLOW)
    assert 0 < (pixels(png) < 128).any(axis=2).sum() < 20_000


def test_the_same_data_give_the_same_bytes_without_a_version():
    first = plot_images(photos(value=3.0), observations(), FLOW)
    assert first == plot_images(photos(value=3.0), observations(), FLOW)
    second = plot_annotations(pairs(["LEFT", "SAME", "RIGHT"]), FLOW)
    assert second == plot_annotations(pairs(["LEFT", "SAME", "RIGHT"]), FLOW)
    assert b"Software" not in first + second
    assert b"atplotlib" not in first + second
