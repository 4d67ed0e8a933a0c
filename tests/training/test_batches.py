import json

import numpy as np
import pytest
from PIL import Image
from toy import changed, group

from fperank.ground.errors import DataError
from fperank.ground.files import json_text
from fperank.ground.numbers import all_rounded
from fperank.params.parameters import TrainParams
from fperank.photos.cache import PixelCache
from fperank.photos.views import read_photo
from fperank.training.data import IMAGENET_MEAN, load_data


@pytest.fixture
def own(params):
    return changed(group(params, TrainParams), input_size=32, crop_bottom=0)


@pytest.fixture
def pairs(toy_input):
    return toy_input(200).pairs


def test_each_annotated_photo_is_read_once_and_pairs_point_at_it(own, pairs, tmp_path):
    data = load_data(pairs, tmp_path / "photos", own)
    annotated = set(pairs["image_id_1"]) | set(pairs["image_id_2"])
    assert data.pixels.shape == (len(annotated), 32, 43, 3)
    assert len(data.train) == (pairs["split"] == "train").sum()
    assert len(data.val) == (pairs["split"] == "val").sum()
    assert data.pairs_lost == 0
    names = sorted(annotated)
    train = pairs[pairs["split"] == "train"]
    assert [names[k] for k in data.train.first] == list(train["image_id_1"])
    assert [names[k] for k in data.train.second] == list(train["image_id_2"])
    assert data.train.label.tolist() == list(train["label"])


def test_the_pixels_are_those_of_the_reader_and_lie_in_the_order_of_the_photos(
    own, pairs, tmp_path
):
    with PixelCache(tmp_path / "cache", 10**9) as cache:
        for reader in (read_photo, cache.read, cache.read):
            data = load_data(pairs, tmp_path / "photos", own, reader)
            names = sorted(set(pairs["filename_1"]) | set(pairs["filename_2"]))
            for k, name in enumerate(names):
                expected = read_photo(tmp_path / "photos" / name, data.view)
                np.testing.assert_array_equal(data.pixels[k].numpy(), expected)


def test_a_bad_photo_takes_its_pairs_with_it_and_both_are_counted(own, pairs, tmp_path):
    bad = pairs["filename_1"].iloc[0]
    (tmp_path / "photos" / bad).write_bytes(b"")
    data = load_data(pairs, tmp_path / "photos", own)
    touched = (pairs["filename_1"] == bad) | (pairs["filename_2"] == bad)
    assert data.unreadable == {pairs["image_id_1"].iloc[0]: "the file is empty"}
    assert data.pairs_lost == touched.sum() > 0
    assert len(data.train) + len(data.val) == len(pairs) - touched.sum()


def test_mean_and_deviation_are_used_with_the_digits_that_are_written(own, pairs, tmp_path):
    data = load_data(pairs, tmp_path / "photos", own)
    figures = [*data.mean, *data.std]
    assert figures == all_rounded(figures)
    assert json.loads(json_text(figures)) == figures


def test_no_pair_with_two_readable_photos_is_an_error(own, pairs, tmp_path):
    names = sorted(set(pairs["filename_1"]) | set(pairs["filename_2"]))
    for name in names[1:]:
        (tmp_path / "photos" / name).write_bytes(b"")
    with pytest.raises(
        DataError, match=r"no pair of the train split.*because it the file is empty"
    ):
        load_data(pairs, tmp_path / "photos", own)


def test_station_normalisation_is_that_of_the_training_photos(own, pairs, tmp_path):
    train = pairs[pairs["split"] == "train"]
    used = set(train["filename_1"]) | set(train["filename_2"])
    for name in set(pairs["filename_1"]) | set(pairs["filename_2"]):
        colour = (51, 102, 204) if name in used else (255, 255, 255)
        Image.new("RGB", (48, 36), colour).save(tmp_path / "photos" / name)
    data = load_data(pairs, tmp_path / "photos", own)
    np.testing.assert_allclose(data.mean, [0.2, 0.4, 0.8])
    # Photos of one colour have no spread; dividing by it must still work.
    np.testing.assert_allclose(data.std, 1 / 255)
    imagenet = load_data(pairs, tmp_path / "photos", changed(own, normalisation="imagenet"))
    assert imagenet.mean == IMAGENET_MEAN
