import numpy as np
import pandas as pd
import pytest
from toy import annotate, changed, group, times

from fperank.ground.errors import DataError, ParameterError
from fperank.handover.input import INPUT_IMAGES, PAIRS
from fperank.handover.tables import checked, local_dates
from fperank.pairs.build import filter_images, label_pairs, split_pairs
from fperank.params.parameters import InputParams


@pytest.fixture
def wide(params):
    """All hours, few pairs allowed."""
    own = group(params, InputParams)
    return changed(own, min_hour=0, max_hour=23, min_train_pairs=1, min_val_pairs=1)


def images_at(*texts):
    n = len(texts)
    return pd.DataFrame(
        {
            "image_id": [f"i{k}" for k in range(n)],
            "timestamp": times(*texts),
            "filename": [f"{k}.jpg" for k in range(n)],
            "url": None,
            "value": np.arange(n, dtype=float),
            "attributes": None,
            "quality": None,
            "clock": "a clock",
        }
    )


def test_hours_are_inclusive_and_local_in_summer_and_winter(wide):
    images = images_at(
        "2024-07-01T06:59:00-04:00",
        "2024-07-01T07:00:00-04:00",
        "2024-07-01T22:59:00Z",  # 18:59 in summer
        "2024-07-01T23:00:00Z",  # 19:00 in summer
        "2024-12-01T23:59:00Z",  # 18:59 in winter
        "2024-12-01T12:00:00Z",  # 07:00 in winter
    )
    kept, reasons = filter_images(images, changed(wide, min_hour=7, max_hour=18))
    assert set(kept["image_id"]) == {"i1", "i2", "i4", "i5"}
    assert reasons == {"outside the hours 7 to 18": 2}


def test_months_wrap_the_year(wide):
    images = images_at(*(f"2024-{month:02d}-15T12:00:00-05:00" for month in range(1, 13)))
    kept, reasons = filter_images(images, changed(wide, min_month=11, max_month=2))
    assert list(kept["timestamp"].dt.month) == [1, 2, 11, 12]
    assert reasons == {"outside the months 11 to 2": 8}


def test_dates_are_inclusive_and_local(wide):
    images = images_at(
        "2024-03-01T04:59:00Z",  # still February 29 at the station
        "2024-03-01T05:00:00Z",
        "2024-03-11T03:59:00Z",  # 23:59 on March 10, in summer time
        "2024-03-11T04:00:00Z",
    )
    kept, reasons = filter_images(
        images, changed(wide, start_date="2024-03-01", end_date="2024-03-10")
    )
    assert list(kept["image_id"]) == ["i1", "i2"]
    assert reasons == {"before start_date 2024-03-01": 1, "after end_date 2024-03-10": 1}


def test_filters_that_leave_no_photo_say_which_to_widen(wide):
    images = images_at("2024-07-01T12:00:00-04:00")
    with pytest.raises(ParameterError, match=r"no photo is left of 1: 1 outside the hours 3 to 4"):
        filter_images(images, changed(wide, min_hour=3, max_hour=4))


def test_answers_become_labels_and_what_is_left_out_is_counted(wide, toy_images):
    answers = annotate(toy_images, 50)
    answers.loc[:3, "rank"] = ["UNKNOWN", "SAME", "LEFT", "RIGHT"]
    pairs, reasons = label_pairs(answers, toy_images, wide)
    assert list(pairs["label"][:3]) == [0, 1, -1]
    assert reasons == {"answered UNKNOWN": 1}
    assert list(pairs["image_id_1"]) == list(answers["left_image_id"][1:])


def test_a_pair_with_a_filtered_photo_is_left_out(wide, toy_images):
    answers = annotate(toy_images, 200)
    morning = toy_images[toy_images["timestamp"].dt.hour == 7]
    pairs, reasons = label_pairs(answers, morning, wide)
    assert set(pairs["image_id_1"]) | set(pairs["image_id_2"]) <= set(morning["image_id"])
    assert reasons["with a photo that the filters leave out"] == 200 - len(pairs)


def test_the_annotation_window_needs_both_dates(wide, toy_images):
    answers = annotate(toy_images, 300)
    window = changed(wide, annotation_start_date="2024-01-05", annotation_end_date="2024-01-20")
    pairs, reasons = label_pairs(answers, toy_images, window)
    for k in (1, 2):
        days = local_dates(pairs[f"timestamp_{k}"]).astype("str")
        assert days.min() >= "2024-01-05"
        assert days.max() <= "2024-01-20"
    assert len(pairs) + sum(reasons.values()) == 300
    assert len(reasons) == 2


def test_smaller_numbers_of_annotations_are_nested_and_seeded(wide, toy_images):
    answers = annotate(toy_images, 200)

    def ids(n, seed=1):
        some = changed(wide, annotations_max_n=n, split_seed=seed)
        return set(label_pairs(answers, toy_images, some)[0]["pair_id"])

    assert len(ids(50)) == 50
    assert ids(50) < ids(100) < ids(0)
    assert ids(50) != ids(50, seed=2)


def test_a_dataset_without_annotations_says_so(wide, toy_images):
    with pytest.raises(DataError, match="the dataset has no annotations"):
        label_pairs(annotate(toy_images, 0), toy_images, wide)


def test_when_no_annotation_is_left_the_reasons_are_told(wide, toy_images):
    answers = annotate(toy_images, 5).assign(rank="UNKNOWN")
    with pytest.raises(ParameterError, match=r"none of 5 annotations is left: 5 answered UNKNOWN"):
        label_pairs(answers, toy_images, wide)


def test_the_image_split_holds_whole_days_out_and_wastes_no_pair(wide, station_input, toy_images):
    answers = annotate(toy_images, 600)
    result = station_input(toy_images, answers, wide)
    dates = local_dates(result.images["timestamp"])
    days = {s: set(dates[result.images["split"] == s]) for s in ("train", "val")}
    assert days["train"] & days["val"] == set()
    assert len(result.pairs) == 600
    held_out = set(result.images.loc[result.images["split"] == "val", "image_id"])
    touches = result.pairs["image_id_1"].isin(held_out) | result.pairs["image_id_2"].isin(held_out)
    assert (touches == (result.pairs["split"] == "val")).all()
    assert (result.pairs["split"] == "train").mean() == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("method", ["image", "graph", "random"])
@pytest.mark.parametrize("train_frac", [0.5, 0.8, 0.9])
def test_each_method_meets_its_target_and_follows_the_seed(wide, toy_images, method, train_frac):
    # Pairs within a day only, so that groups of connected photos are small.
    answers = annotate(toy_images, 3000)
    same_day = local_dates(answers["left_timestamp"]) == local_dates(answers["right_timestamp"])
    answers = answers[same_day].reset_index(drop=True)
    chosen = changed(wide, split_method=method, train_frac=train_frac)
    pairs, _ = label_pairs(answers, toy_images, chosen)
    is_train = split_pairs(pairs, chosen)
    assert is_train.mean() == pytest.approx(train_frac, abs=0.05)
    assert (is_train == split_pairs(pairs, chosen)).all()
    assert (is_train != split_pairs(pairs, changed(chosen, split_seed=9))).any()


def test_the_graph_split_keeps_connected_photos_together(wide, station_input, toy_images):
    answers = annotate(toy_images, 3000)
    same_day = local_dates(answers["left_timestamp"]) == local_dates(answers["right_timestamp"])
    result = station_input(toy_images, answers[same_day], changed(wide, split_method="graph"))
    photos = {
        split: set(part["image_id_1"]) | set(part["image_id_2"])
        for split, part in result.pairs.groupby("split")
    }
    assert photos["train"] & photos["val"] == set()


def test_one_giant_group_of_photos_is_an_error_that_names_the_other_method(
    wide, station_input, toy_images
):
    with pytest.raises(
        ParameterError, match=r"split_method graph puts 0% of 600 .*method to image"
    ):
        station_input(toy_images, annotate(toy_images, 600), changed(wide, split_method="graph"))


def test_too_few_pairs_name_the_parameters_to_change(wide, station_input, toy_images):
    answers = annotate(toy_images, 60)
    with pytest.raises(
        ParameterError, match=r"4\d pairs are left in the train split, but min_train_pairs is 100"
    ):
        station_input(toy_images, answers, changed(wide, min_train_pairs=100))
    with pytest.raises(
        ParameterError, match=r"val split, but min_val_pairs is 50.*train_frac \(0.8\)"
    ):
        station_input(toy_images, answers, changed(wide, min_val_pairs=50))


def test_photos_without_a_pair_test_inside_and_outside_the_annotated_dates(
    wide, station_input, toy_images
):
    inside = toy_images[toy_images["timestamp"] < times("2024-01-21T00:00:00-05:00")[0]]
    answers = annotate(inside.iloc[::2].reset_index(drop=True), 300)
    images = station_input(toy_images, answers, wide).images
    dates = local_dates(images["timestamp"])
    annotated = images["split"].isin(["train", "val"])
    first, last = dates[annotated].min(), dates[annotated].max()
    assert (dates[images["split"] == "test-in"] >= first).all()
    assert (dates[images["split"] == "test-in"] <= last).all()
    outside = (dates < first) | (dates > last)
    assert (outside == (images["split"] == "test-out")).all()
    assert (images["split"] == "test-in").sum() > 20


def test_test_days_neither_train_nor_validate(wide, station_input, toy_images):
    answers = annotate(toy_images, 600)
    result = station_input(toy_images, answers, changed(wide, test_frac=0.2))
    dates = local_dates(result.images["timestamp"])
    test_days = set(dates[result.images["split"] == "test-in"])
    used = set(dates[result.images["split"].isin(["train", "val"])])
    assert len(test_days) == 8
    assert test_days & used == set()
    assert result.summary.excluded["annotation"][
        "with a photo of a test day (test_frac)"
    ] == 600 - len(result.pairs)


def test_the_result_fits_its_tables_and_its_summary_counts_it(wide, station_input, toy_images):
    result = station_input(toy_images, annotate(toy_images, 300), wide)
    checked(result.images, INPUT_IMAGES, "images")
    checked(result.pairs, PAIRS, "pairs")
    summary = result.summary
    assert summary.photos.n == sum(summary.photos.splits.values()) == 120
    assert summary.pairs.n == sum(summary.pairs.labels.values()) == 300
    assert str(summary.annotation_first_date) == "2024-01-01"


def test_photos_whose_picture_is_not_fit_are_left_out_and_counted(wide):
    images = images_at(*(f"2024-07-01T{hour:02d}:00:00-04:00" for hour in range(8, 14)))
    images["quality"] = [None, "dark", "damaged,dark", "colour_cast", "truncated", "damaged"]
    kept, reasons = filter_images(images, changed(wide, exclude_quality=["damaged", "dark"]))
    assert list(kept["image_id"]) == ["i0", "i3", "i4"]
    assert reasons == {
        "marked damaged (exclude_quality)": 2,
        "marked dark (exclude_quality)": 1,
    }
    assert len(filter_images(images, changed(wide, exclude_quality=[]))[0]) == 6


def test_pairs_with_a_photo_marked_bad_in_any_pair_do_not_train_and_are_counted(
    wide, station_input, toy_images
):
    marks = {0: "BAD", 1: "ICE_PARTIAL", 2: "DRY,ICE"}
    images = toy_images.assign(attributes=toy_images.index.map(marks))
    annotations = annotate(images, 400)
    ids = set(images["image_id"].iloc[[0, 2]])
    touched = annotations["left_image_id"].isin(ids) | annotations["right_image_id"].isin(ids)
    assert 0 < touched.sum() < 100

    built = station_input(images, annotations, changed(wide, exclude_attributes=["BAD", "ICE"]))
    assert len(built.pairs) == 400 - touched.sum()
    used = set(built.pairs["image_id_1"]) | set(built.pairs["image_id_2"])
    assert not used & ids
    assert images["image_id"].iloc[1] in used, "partly ice is not full ice"
    assert set(built.images["image_id"]) == set(images["image_id"]), "all photos get scores"
    reasons = built.summary.excluded["annotation"]
    assert sum(n for why, n in reasons.items() if "exclude_attributes" in why) == touched.sum()

    all_of_them = station_input(images, annotations, changed(wide, exclude_attributes=[]))
    assert len(all_of_them.pairs) == 400
