import numpy as np
import pytest
from PIL import Image

from fperank.errors import DataError
from fperank.params import PredictParams
from fperank.scoring import Scorer, predict


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


def test_a_folder_without_a_model_is_told(tmp_path):
    with pytest.raises(DataError, match=r"model.json does not exist"):
        Scorer.load(tmp_path, PredictParams(threads=1, accelerator="cpu"))
