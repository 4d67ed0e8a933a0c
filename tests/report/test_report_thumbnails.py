import base64
import dataclasses
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fperank.report import thumbnails
from fperank.report.thumbnails import MAX_MARKED, choose_photos, embed_marked, embed_photos


def test_the_highest_and_lowest_scored_photos_are_chosen_and_the_others_spread(material):
    photos = material.predictions
    chosen = choose_photos(photos, 40)
    assert len(chosen) == 40
    assert chosen["timestamp"].is_monotonic_increasing
    order = photos.dropna(subset=["score"]).sort_values("score")["image_id"]
    assert set(order.iloc[:5]) | set(order.iloc[-5:]) <= set(chosen["image_id"])
    widest = np.diff(chosen.index.to_numpy()).max()
    assert widest <= 2 * len(photos) / 30


@pytest.mark.parametrize("most", [0, 1, 7])
def test_never_more_photos_than_asked_are_chosen(material, most):
    assert len(choose_photos(material.predictions, most)) == most


def test_photos_without_score_are_not_chosen(material):
    chosen = choose_photos(material.predictions, 1000)
    assert chosen["score"].notna().all()
    assert len(chosen) == material.predictions["score"].notna().sum()


def test_photos_become_small_jpegs_of_the_whole_view(material):
    photo = embed_photos(material, 3).photos[0]
    assert photo.uri.startswith("data:image/jpeg;base64,")
    with Image.open(io.BytesIO(base64.b64decode(photo.uri.partition(",")[2]))) as image:
        # The model sees 128 by 96 pixels after 6 % are cut off at the bottom.
        assert image.size == (240, round(240 * 96 / 0.94 / 128))


def test_a_photo_that_cannot_be_read_is_passed_over_and_counted(station):
    material = station(days=4, photos_per_day=3, n_pairs=5, n_failed=0)
    broken = material.predictions["filename"].iloc[2]
    (material.photos / broken).write_bytes(b"\xff\xd8 no photo")
    (material.photos / material.predictions["filename"].iloc[5]).unlink()
    album = embed_photos(material, 100)
    assert len(album.photos) == len(material.predictions) - 2
    assert (album.unreadable, album.dropped) == (2, 0)
    assert broken not in [photo.facts[1] for photo in album.photos]


def test_photos_that_would_make_the_page_too_large_are_left_out_evenly(material, monkeypatch):
    whole = embed_photos(material, 60).photos
    size = sum(len(photo.uri) for photo in whole)
    monkeypatch.setattr(thumbnails, "MAX_BYTES", size // 2)
    album = embed_photos(material, 60)
    assert sum(len(photo.uri) for photo in album.photos) <= size // 2
    assert 20 < len(album.photos) == 60 - album.dropped
    times = [photo.facts[0] for photo in album.photos]
    assert times == sorted(times)
    ranks = [photo.rank_percentile for photo in album.photos]
    assert (min(ranks), max(ranks)) == (0.0, 1.0)


def test_without_any_score_photos_are_still_chosen():
    times = pd.date_range("2024-01-01", periods=9, freq="h", tz="UTC")
    photos = pd.DataFrame({"image_id": list("abcdefghi"), "timestamp": times, "score": np.nan})
    assert len(choose_photos(photos, 4)) == 4


def test_some_photos_of_every_kind_of_mark_are_shown_with_their_reasons(material):
    photos = material.predictions[["image_id", "timestamp", "filename"]].iloc[3:60]
    quality = ["dark"] * 50 + ["colour_cast,blurred"] * 5 + ["incomplete"] * 2
    marked = photos.assign(quality=quality, reason=[f"<b>{one}</b>" for one in quality])
    shown = embed_marked(dataclasses.replace(material, marked=marked))
    assert len(shown) == MAX_MARKED
    kinds = [photo.quality for photo in shown]
    assert (kinds.count("colour cast, blurred"), kinds.count("incomplete")) == (5, 2)
    assert shown[0].reason == "<b>dark</b>"
    assert shown[0].uri.startswith("data:image/jpeg;base64,")
    assert embed_marked(dataclasses.replace(material, marked=marked.iloc[:0])) == []
