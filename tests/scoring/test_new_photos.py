import numpy as np
import pandas as pd
import pytest
from toy import changed

from fperank.ground.errors import DataError, PhotoError
from fperank.handover.photo_filter import UNFIT, PhotoFilter
from fperank.params.parameters import FpeParams, PhotoTimeParams
from fperank.photos.photo_set import PhotoSet
from fperank.scoring import new_photos
from fperank.scoring.new_photos import score_new
from fperank.scoring.score_file import PredictionFile
from fperank.scoring.scorer import predict
from fperank.stations.photos.sets import open_photo_set

NO_FPE = FpeParams(fpe_station="", api_url="")
DAY = PhotoFilter(min_hour=7, max_hour=17, min_month=1, max_month=12)


def good(paths):
    """Toy photos are too small and too plain to be judged."""
    return [{} for _ in paths]


@pytest.fixture
def photo_set(toy_images, tmp_path):
    root = tmp_path / "photos"
    return PhotoSet(toy_images, {}, lambda names, _: [root / name for name in names])


def table(path):
    return pd.read_csv(path, dtype={"image_id": "str"}, keep_default_na=False, na_values=[""])


def test_hours_of_the_model_are_kept_to_and_what_is_known_is_not_scored_again(
    photo_set,
    scorer,
    tmp_path,
):
    path = tmp_path / "scores.csv"
    first_days = PhotoSet(photo_set.images.iloc[:60], {"no EXIF time": 2}, photo_set.bring)
    counts = score_new(first_days, PredictionFile(path, "m"), scorer.score, DAY, good, UNFIT)
    assert counts == {"scored": 40, "no EXIF time": 2, "outside the hours 7 to 17": 20}
    before = path.read_bytes()

    counts = score_new(photo_set, PredictionFile(path, "m"), scorer.score, DAY, good, UNFIT)
    assert counts == {"scored": 40, "known": 40, "outside the hours 7 to 17": 40}
    assert path.read_bytes().startswith(before)
    assert table(path)["image_id"].is_unique

    counts = score_new(photo_set, PredictionFile(path, "m"), scorer.score, DAY, good, UNFIT)
    assert counts["scored"] == 0


def test_added_bit_by_bit_a_photo_has_the_score_of_the_pipeline(
    photo_set,
    scorer,
    toy_images,
    tmp_path,
    monkeypatch,
):
    monkeypatch.setattr(new_photos, "_PHOTOS_AT_ONCE", 7)
    path = tmp_path / "scores.csv"
    for end in (1, 3, 50, 120):
        part = PhotoSet(photo_set.images.iloc[:end], {}, photo_set.bring)
        score_new(part, PredictionFile(path, "m"), scorer.score, None, good, UNFIT)
    pipeline, _ = predict(toy_images.assign(split="train"), tmp_path / "photos", scorer)
    added = table(path).set_index("image_id")["score"].astype("float32")
    expected = pipeline.set_index("image_id")["score"].astype("float32")
    assert (added[expected.index] == expected).all()
    assert len(added) == 120


def test_photos_that_cannot_be_had_or_read_keep_a_row_with_the_reason(
    photo_set,
    scorer,
    tmp_path,
):
    names = photo_set.images["filename"]
    (tmp_path / "photos" / names[5]).write_bytes(b"")

    def bring(filenames, folder):
        paths = photo_set.bring(filenames, folder)
        paths[2] = PhotoError("nothing lies there")
        return paths

    path = tmp_path / "scores.csv"
    part = PhotoSet(photo_set.images.iloc[:10], {}, bring)
    counts = score_new(part, PredictionFile(path, "m"), scorer.score, None, good, UNFIT)
    assert counts == {"scored": 8, "failed": 2}
    rows = table(path)
    assert rows["reason"].dropna().tolist() == ["nothing lies there", "the file is empty"]
    assert list(np.flatnonzero(rows["score"].isna())) == [2, 5]


def test_a_photo_that_is_not_fit_keeps_a_row_without_score_and_a_marked_one_is_scored(
    photo_set, scorer, tmp_path
):
    names = list(photo_set.images["filename"])
    marks = {
        names[1]: {"damaged": "a part was lost"},
        names[3]: {"dark": "too little light"},
        names[4]: {"colour_cast": "all green", "blurred": "fog"},
    }
    path = tmp_path / "scores.csv"
    part = PhotoSet(photo_set.images.iloc[:6], {}, photo_set.bring)

    def judge(paths):
        return [marks.get(one.name, {}) for one in paths]

    counts = score_new(part, PredictionFile(path, "m"), scorer.score, None, judge, UNFIT)
    assert counts == {"scored": 4, "unfit": 2}
    rows = table(path)
    assert list(np.flatnonzero(rows["score"].isna())) == [1, 4]
    assert rows["reason"].dropna().tolist() == ["a part was lost", "all green; fog"]
    assert rows["quality"].fillna("").tolist() == [
        *("", "damaged", "", "dark", "colour_cast,blurred", "")
    ]

    other = tmp_path / "all.csv"
    counts = score_new(part, PredictionFile(other, "m"), scorer.score, None, judge, ())
    assert counts == {"scored": 6}
    fit = rows["score"].notna()
    assert table(other)["score"][fit].tolist() == rows["score"][fit].tolist()


def test_a_server_that_goes_away_keeps_what_was_scored(
    photo_set,
    scorer,
    tmp_path,
    monkeypatch,
):
    monkeypatch.setattr(new_photos, "_PHOTOS_AT_ONCE", 10)
    asked = []

    def bring(filenames, folder):
        asked.append(filenames)
        if len(asked) == 3:
            raise DataError("no connection")
        return photo_set.bring(filenames, folder)

    path = tmp_path / "scores.csv"
    going = PhotoSet(photo_set.images, {}, bring)
    with pytest.raises(DataError, match="no connection"):
        score_new(going, PredictionFile(path, "m"), scorer.score, None, good, UNFIT)
    assert len(table(path)) == 20
    score_new(photo_set, PredictionFile(path, "m"), scorer.score, None, good, UNFIT)
    assert len(table(path)) == 120


class TestPhotoSets:
    @pytest.fixture
    def own(self, params):
        group = PhotoTimeParams.model_validate(
            params.model_dump(include=set(PhotoTimeParams.model_fields))
        )
        return changed(group, timestamp_pattern="p%d-%H", utc_offset="")

    def test_a_folder_s_photos_have_their_names_as_ids_and_the_times_of_the_pattern(
        self, toy_images, tmp_path, own
    ):
        for path in (tmp_path / "photos").iterdir():
            day, hour = path.stem[1:].split("-")
            path.rename(path.with_name(f"2024-01-{int(day) % 28 + 1:02d}-{hour}-{day}.png"))
        (tmp_path / "photos" / "no-time.png").write_bytes(b"x")
        by_name = changed(own, timestamp_pattern="%Y-%m-%d-%H")
        found = open_photo_set(str(tmp_path / "photos"), by_name, NO_FPE, tmp_path, timed=True)
        assert len(found.images) == 120
        assert found.left_out == {"no time of the form %Y-%m-%d-%H in its name": 1}
        assert (found.images["image_id"] == found.images["filename"]).all()
        first = found.images.iloc[0]
        assert first["timestamp"].isoformat() == "2024-01-01T07:00:00-05:00"
        assert found.bring([first["filename"]], tmp_path)[0].is_file()

    def test_without_times_every_photo_counts(self, toy_images, tmp_path, own):
        found = open_photo_set(str(tmp_path / "photos"), own, NO_FPE, tmp_path, timed=False)
        assert len(found.images) == 120
        assert found.images["timestamp"].isna().all()

    @pytest.mark.parametrize("timed", [True, False])
    def test_a_folder_without_photos_is_told(self, tmp_path, own, timed):
        with pytest.raises(DataError, match="holds no photo"):
            open_photo_set(str(tmp_path), own, NO_FPE, tmp_path, timed=timed)

    def test_what_is_none_of_the_three_is_told(self, tmp_path, own):
        with pytest.raises(DataError, match=r"is no folder: give a folder .* uuid of an image set"):
            open_photo_set(str(tmp_path / "none"), own, NO_FPE, tmp_path, timed=True)

    def test_photos_of_a_bucket_are_fetched_once(self, s3, toy_images, tmp_path, own, monkeypatch):
        for name, value in s3.environment.items():
            monkeypatch.setenv(name, value)
        for name in toy_images["filename"][:3]:
            content = (tmp_path / "photos" / name).read_bytes()
            s3.client.put_object(Bucket=s3.bucket, Key=f"card/{name}", Body=content)
        s3.client.put_object(Bucket=s3.bucket, Key="card/notes.txt", Body=b"x")
        address = f"s3://{s3.bucket}/card"
        for _ in range(2):
            found = open_photo_set(address, own, NO_FPE, tmp_path / "scratch", timed=False)
        assert list(found.images["image_id"]) == list(toy_images["filename"][:3])
        assert found.left_out == {"no photo: .txt files": 1}
        here = found.bring(list(found.images["filename"]), tmp_path)
        originals = [tmp_path / "photos" / name for name in toy_images["filename"][:3]]
        assert [p.read_bytes() for p in here] == [p.read_bytes() for p in originals]
