import numpy as np
import pandas as pd
import pytest
from toy import ZONE, annotate, changed, group, times

from fperank.handover.tables import local_dates
from fperank.pairs.bursts import bursts, near, whole_days
from fperank.params.parameters import InputParams


@pytest.fixture
def wide(params):
    own = group(params, InputParams)
    return changed(own, min_hour=0, max_hour=23, min_train_pairs=1, min_val_pairs=1)


@pytest.fixture
def in_bursts(toy_images):
    """Three photos at once, a second apart, at 7, 12 and, over midnight, 24 o'clock of 40 days."""
    start = pd.Timestamp("2024-01-01T00:00:00", tz=ZONE).tz_convert("UTC")
    rows = []
    for day in range(40):
        for hour, begin in ((7, 0), (12, 0), (24, -1)):
            value = 10.0 ** np.random.default_rng((day, hour)).random()
            for shot in range(3):
                time = start + pd.Timedelta(days=day, hours=hour, seconds=begin + shot)
                # Most midnights are left out: they join days, and here all of them would be one.
                if hour != 24 or day % 5 == 0:
                    rows.append((f"{day:02d}-{hour:02d}-{shot}", time, value))
    images = pd.DataFrame(rows, columns=["image_id", "timestamp", "value"])
    images["timestamp"] = images["timestamp"].dt.tz_convert(ZONE).dt.as_unit("us")
    images["filename"] = images["image_id"] + ".png"
    images["attributes"] = pd.Series(pd.NA, index=images.index, dtype="str")
    return images.assign(url=None, quality=None, clock="a clock")


def near_each_other(images, answers):
    """The answers that compare two photos of one day, so that groups of photos are small."""
    days = [local_dates(answers[f"{side}_timestamp"]) for side in ("left", "right")]
    return answers[days[0] == days[1]].reset_index(drop=True)


def test_photos_up_to_two_minutes_apart_and_their_neighbours_are_one_burst():
    at = times(
        "2024-07-01T12:00:00-04:00",
        "2024-07-01T12:04:00-04:00",
        "2024-07-01T12:02:00-04:00",
        "2024-07-01T12:06:01-04:00",
        "2024-07-01T16:06:01Z",
    )
    assert bursts(at).tolist() == [0, 0, 0, 1, 1]
    assert near(at, at[:1]).tolist() == [True, False, True, False, False]
    assert near(at, at[:0]).tolist() == [False] * 5


def test_days_that_a_burst_joins_are_one():
    at = times(
        "2024-07-03T12:00:00-04:00",
        "2024-07-02T00:00:30-04:00",
        "2024-07-01T23:59:30-04:00",
        "2024-07-01T07:00:00-04:00",
        "2024-07-02T23:57:00-04:00",
        "2024-07-03T00:00:00-04:00",
    )
    assert whole_days(at).tolist() == [1, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("method", ["image", "graph", "random"])
@pytest.mark.parametrize("test_frac", [0, 0.2])
def test_a_burst_never_parts(wide, station_input, in_bursts, method, test_frac):
    answers = annotate(in_bursts, 6000)
    if method == "graph":
        answers = near_each_other(in_bursts, answers)
    # Few enough that some photos of a burst are in no pair.
    answers = answers[: 60 if method == "random" else 900]
    chosen = changed(wide, split_method=method, test_frac=test_frac)
    result = station_input(in_bursts, answers, chosen)
    images = result.images.assign(burst=bursts(result.images["timestamp"]))
    assert images["burst"].nunique() == len(images) / 3
    assert set(images["split"]) >= {"train", "val"}
    held_out = images.assign(train=images["split"] == "train").groupby("burst")["train"]
    assert (held_out.nunique() == 1).all()
    if method != "random":
        of_photo = dict(zip(images["image_id"], images["burst"], strict=True))
        used = {
            split: {of_photo[one] for k in (1, 2) for one in part[f"image_id_{k}"]}
            for split, part in result.pairs.groupby("split")
        }
        if method == "graph":
            assert used["train"] & used["val"] == set()
        else:
            val = result.pairs[result.pairs["split"] == "val"]
            both = val["image_id_1"].map(of_photo).isin(used["train"]) & val["image_id_2"].map(
                of_photo
            ).isin(used["train"])
            assert not both.any()


def test_pairs_of_the_same_two_bursts_are_held_out_together(wide, station_input, in_bursts):
    answers = annotate(in_bursts, 4000)
    result = station_input(in_bursts, answers, changed(wide, split_method="random"))
    of_photo = dict(zip(in_bursts["image_id"], bursts(in_bursts["timestamp"]), strict=True))
    ends = [result.pairs[f"image_id_{k}"].map(of_photo) for k in (1, 2)]
    key = [f"{min(pair)}-{max(pair)}" for pair in zip(*ends, strict=True)]
    parts = result.pairs.assign(key=key).groupby("key")["split"]
    assert parts.size().max() > 3
    assert (parts.nunique() == 1).all()


def test_a_photo_beside_a_training_photo_is_none_to_test_on(wide, station_input, in_bursts):
    first = in_bursts[in_bursts["image_id"].str.endswith("-0")].iloc[::2].reset_index(drop=True)
    images = station_input(in_bursts, annotate(first, 300), wide).images
    used = set(first["image_id"].str.slice(0, 5))
    assert len(used) > 40
    beside = images["image_id"].str.slice(0, 5).isin(used)
    assert set(images.loc[beside, "split"]) == {"train", "val"}
    assert set(images.loc[~beside, "split"]) <= {"test-in", "test-out"}
