import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from fperank.ground.errors import DataError
from fperank.params.parameters import PredictParams
from fperank.photos.cache import PixelCache
from fperank.photos.view import PhotoView
from fperank.scoring.scorer import Scorer, predict


def test_a_score_is_the_same_bits_alone_in_any_batch_and_in_the_pipeline(
    scorer, toy_images, tmp_path
):
    paths = [tmp_path / "photos" / name for name in toy_images["filename"]]
    together = scorer.score(paths).score
    assert len(set(together.tolist())) == len(paths)
    for k in (0, 31, 32, 50, 119):
        assert scorer.score([paths[k]]).score[0] == together[k]
    assert (scorer.score(paths[::-1]).score[::-1] == together).all()
    assert (scorer.score(paths[7:40]).score == together[7:40]).all()
    images = toy_images.assign(split="train")
    predictions, _ = predict(images, tmp_path / "photos", scorer)
    assert (predictions["score"].to_numpy(np.float32) == together).all()


def test_a_score_is_the_same_bits_with_a_cold_a_warm_and_no_cache(model, toy_images, tmp_path):
    params = PredictParams(threads=1, accelerator="cpu")
    paths = [tmp_path / "photos" / name for name in toy_images["filename"]]
    paths[5].write_bytes(b"")
    plain = Scorer.load(model, params).score(paths)
    for _ in ("cold", "warm"):
        with PixelCache(tmp_path / "cache", 10**9) as cache:
            cached = Scorer.load(model, params, cache.read).score(paths)
        np.testing.assert_array_equal(cached.score, plain.score)
        assert cached.reason == plain.reason == {5: "the file is empty"}


@pytest.mark.parametrize(
    ("height", "width", "photos"),
    [(32, 43, 32), (72, 107, 32), (120, 160, 16), (240, 320, 4), (480, 640, 1), (2000, 2000, 1)],
)
def test_larger_photos_go_through_the_network_fewer_at_a_time(scorer, height, width, photos):
    view = PhotoView(height=height, width=width)
    description = scorer.description.model_copy(update={"view": view})
    assert replace(scorer, description=description).photos_at_once() == photos
    on_gpu = replace(scorer, description=description, device=torch.device("cuda"))
    assert on_gpu.photos_at_once() == 32


def test_a_score_is_the_same_bits_with_any_number_of_threads(model, toy_images, tmp_path):
    paths = [tmp_path / "photos" / name for name in toy_images["filename"]]
    by_threads = [
        Scorer.load(model, PredictParams(threads=threads, accelerator="cpu")).score(paths).score
        for threads in (1, 2, 5)
    ]
    torch.set_num_threads(2)  # as something else in the process may have done
    again = Scorer.load(model, PredictParams(threads=2, accelerator="cpu"))
    torch.set_num_threads(2)
    for scores in (*by_threads[1:], again.score(paths).score):
        np.testing.assert_array_equal(scores, by_threads[0])


def test_batches_are_worked_on_at_once_and_only_a_few_are_begun_ahead(model, toy_images, tmp_path):
    both = threading.Barrier(2, timeout=60)
    begun = []

    def counted(path, view):
        if len(begun) < 2:
            begun.append(path)
            both.wait()  # nobody comes by alone
        else:
            begun.append(path)
        return view.read(path)

    scorer = Scorer.load(model, PredictParams(threads=2, accelerator="cpu"), counted)
    bars = []

    class Bar:
        def __init__(self, **_options):
            pass

        def update(self, photos):
            bars.append((photos, len(begun)))

        def close(self):
            pass

    paths = [tmp_path / "photos" / toy_images["filename"][0]] * 400
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fperank.scoring.scorer.tqdm", Bar)
        assert len(scorer.score(paths).score) == 400
    done = np.cumsum([photos for photos, _ in bars])
    read = np.array([read for _, read in bars])
    assert done[-1] == 400
    assert (read - done <= 5 * 32).all()


def test_bad_photos_keep_their_row_without_a_score_and_have_a_reason(scorer, toy_images, tmp_path):
    names = toy_images["filename"]
    (tmp_path / "photos" / names[3]).write_bytes(b"")
    (tmp_path / "photos" / names[40]).unlink()
    images = toy_images.assign(split="train")
    predictions, failures = predict(images, tmp_path / "photos", scorer)
    assert list(predictions["image_id"]) == list(images["image_id"])
    assert list(np.flatnonzero(predictions["score"].isna())) == [3, 40]
    assert list(predictions["rank_percentile"].isna()) == list(predictions["score"].isna())
    assert dict(zip(failures["image_id"], failures["reason"], strict=True)) == {
        names[3]: "the file is empty",
        names[40]: "the file is absent",
    }


def test_a_station_whose_photos_all_failed_gets_empty_scores(scorer, toy_images, tmp_path):
    predictions, failures = predict(toy_images.assign(split="val"), tmp_path / "none", scorer)
    assert predictions["score"].isna().all()
    assert len(failures) == len(predictions)


def test_grey_rotated_and_cmyk_photos_get_the_score_of_their_picture(scorer, tmp_path):
    rng = np.random.default_rng(0)
    grey = Image.fromarray(rng.integers(0, 255, (36, 48)).astype(np.uint8))
    grey.save(tmp_path / "grey.png")
    grey.convert("RGB").save(tmp_path / "rgb.png")
    grey.convert("RGBA").save(tmp_path / "rgba.png")
    exif = Image.Exif()
    exif[0x0112] = 3
    grey.rotate(180).save(tmp_path / "turned.png", exif=exif)
    names = ("grey", "rgb", "rgba", "turned")
    scores = scorer.score([tmp_path / f"{name}.png" for name in names]).score
    assert len(set(scores.tolist())) == 1


def test_no_photo_is_no_crash(scorer):
    assert len(scorer.score([]).score) == 0


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"model.json does not exist"):
        Scorer.load(tmp_path, PredictParams(threads=1, accelerator="cpu"))
