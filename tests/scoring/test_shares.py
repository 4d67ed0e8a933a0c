import shutil

import pandas as pd
import pytest

from fperank.ground.errors import DataError, ParameterError
from fperank.handover.photo_filter import UNFIT, PhotoFilter
from fperank.photos.photo_set import PhotoSet
from fperank.scoring import new_photos
from fperank.scoring.new_photos import score_new
from fperank.scoring.score_file import PredictionFile, sole_writer
from fperank.scoring.shares import Share, Shares

DAY = PhotoFilter(min_hour=7, max_hour=17, min_month=1, max_month=12)
IMAGE_SET = "image_id,timestamp,filename,url,score\n7,2022-12-11 15:45:01-05:00,a.jpg,,\n"
STATION_WIDE = (
    "split,image_id,timestamp,filename,url,value,score\ntrain,7,2022-12-11T20:45:01Z,a.jpg,,1,0.1\n"
)


def good(paths):
    return [{} for _ in paths]


@pytest.fixture
def photo_set(toy_images, tmp_path):
    root = tmp_path / "photos"
    (root / toy_images["filename"][4]).write_bytes(b"")
    # A name that spreadsheets would take for a formula, and one that needs quotes.
    odd = toy_images.assign(image_id=['=1+"1', "a,b", *toy_images["image_id"][2:]])
    odd = odd[["image_id", "timestamp", "filename", "url"]]
    return PhotoSet(odd, {}, lambda names, _: [root / name for name in names])


def scored(shares, number, of, photos, scorer, wanted=None):
    return shares.score(Share(number, of), photos, "m", scorer.score, wanted, good, UNFIT)


@pytest.mark.parametrize("before", ["", IMAGE_SET, STATION_WIDE], ids=["new", "set", "station"])
def test_eight_shares_in_any_order_are_the_bytes_of_one_run(
    photo_set, scorer, tmp_path, monkeypatch, before
):
    monkeypatch.setattr(new_photos, "_PHOTOS_AT_ONCE", 7)
    one, many = tmp_path / "one.csv", tmp_path / "many.csv"
    if before:
        one.write_text(before)
        many.write_text(before)
    score_new(photo_set, PredictionFile(one, "m"), scorer.score, DAY, good, UNFIT)
    shares = Shares(many)
    counts = [scored(shares, n, 8, photo_set, scorer, DAY) for n in (3, 1, 8, 2, 7, 5, 4, 6)]
    assert sum(count["scored"] for count in counts) == 79
    assert shares.merge() == 80
    assert many.read_bytes() == one.read_bytes()
    assert not shares.folder.exists()


def test_a_share_that_was_stopped_goes_on_and_a_whole_one_is_not_scored_again(
    photo_set, scorer, tmp_path, monkeypatch
):
    monkeypatch.setattr(new_photos, "_PHOTOS_AT_ONCE", 10)
    shares, asked = Shares(tmp_path / "s.csv"), []

    class Killed(BaseException):
        pass

    def until(n):
        def score(paths):
            if len(asked) >= n:
                raise Killed
            asked.extend(paths)
            return scorer.score(paths)

        return score

    share = Share(2, 2)
    with pytest.raises(Killed):
        shares.score(share, photo_set, "m", until(30), None, good, UNFIT)
    assert not shares.whole(share).exists()
    counts = shares.score(share, photo_set, "m", until(1000), None, good, UNFIT)
    assert counts["scored"] == 30
    assert counts["known"] == 30
    assert len(asked) == len(set(asked)) == 60
    assert scored(shares, 2, 2, photo_set, scorer) == {"scored": 0, "whole": 60}
    with sole_writer(shares.unfinished(Share(1, 2))), pytest.raises(DataError, match="another run"):
        scored(shares, 1, 2, photo_set, scorer)


def test_a_merge_waits_for_all_and_goes_on_where_it_stood(photo_set, scorer, tmp_path):
    output = tmp_path / "s.csv"
    shares = Shares(output)
    with pytest.raises(DataError, match=r"s.csv.parts does not exist: score the shares first"):
        shares.merge()
    for number in (1, 3):
        scored(shares, number, 3, photo_set, scorer)
    with pytest.raises(DataError, match="1 of 3 shares are not whole yet: 2"):
        shares.merge()
    assert not output.exists()
    scored(shares, 2, 3, photo_set, scorer)
    kept = shutil.copytree(shares.folder, tmp_path / "kept")
    shares.merge()
    whole = output.read_bytes()
    # Killed in the middle of the second share's rows.
    output.write_bytes(whole[: len(whole) // 2])
    shutil.copytree(kept, shares.folder)
    Shares(output).merge()
    assert output.read_bytes() == whole


def test_shares_of_other_photos_another_number_or_another_model_are_refused(
    photo_set, scorer, tmp_path
):
    shares = Shares(tmp_path / "s.csv")
    scored(shares, 1, 4, photo_set, scorer)
    fewer = PhotoSet(photo_set.images.iloc[1:], {}, photo_set.bring)
    with pytest.raises(DataError, match=r"another task \(photos 120 there and 119 here\)"):
        scored(shares, 2, 4, fewer, scorer)
    with pytest.raises(DataError, match="shares 4 there and 5 here"):
        scored(shares, 2, 5, photo_set, scorer)
    with pytest.raises(DataError, match="model m there and n here"):
        shares.score(Share(2, 4), photo_set, "n", scorer.score, None, good, UNFIT)
    (shares.folder / "plan.json").write_text("[]")
    with pytest.raises(DataError, match="is no plan of shares"):
        shares.merge()


def test_more_shares_than_photos_are_whole_without_a_row(photo_set, scorer, tmp_path):
    few = PhotoSet(photo_set.images.iloc[:2], {}, photo_set.bring)
    shares = Shares(tmp_path / "s.csv")
    counts = [scored(shares, number, 5, few, scorer)["scored"] for number in range(1, 6)]
    assert sorted(counts) == [0, 0, 0, 1, 1]
    assert shares.merge() == 2


@pytest.mark.parametrize(
    ("text", "environment", "share"),
    [
        ("3/64", {}, (3, 64)),
        ("array/64", {"AWS_BATCH_JOB_ARRAY_INDEX": "0"}, (1, 64)),
        ("array", {"AWS_BATCH_JOB_ARRAY_INDEX": "9", "AWS_BATCH_JOB_ARRAY_SIZE": "10"}, (10, 10)),
        ("array/8", {"JOB_COMPLETION_INDEX": "7"}, (8, 8)),
        (
            "array",
            {
                "SLURM_ARRAY_TASK_ID": "7",
                "SLURM_ARRAY_TASK_MIN": "1",
                "SLURM_ARRAY_TASK_COUNT": "7",
            },
            (7, 7),
        ),
    ],
)
def test_a_task_of_an_array_job_knows_its_share(text, environment, share):
    assert Share.read(text, environment) == Share(*share)


@pytest.mark.parametrize(
    ("text", "environment", "told"),
    [
        ("3", {}, "'3': give which share of how many, such as 3/64"),
        ("0/4", {}, "share 0 of 4: shares count from 1"),
        ("5/4", {}, "share 5 of 4"),
        ("1/20000", {}, "10,000 at most"),
        ("array/4", {}, "none of AWS_BATCH_JOB_ARRAY_INDEX, JOB_COMPLETION_INDEX, SLURM_ARRAY"),
        ("array", {"JOB_COMPLETION_INDEX": "0"}, "share 1 of an unknown number"),
        ("array/4", {"JOB_COMPLETION_INDEX": "x"}, "JOB_COMPLETION_INDEX is 'x' in the envi"),
    ],
)
def test_a_share_that_is_none_is_refused(text, environment, told):
    with pytest.raises(ParameterError, match=told):
        Share.read(text, environment)


@pytest.mark.parametrize("n", [0, 1, 7, 120])
def test_all_shares_together_are_the_table(n):
    photos = pd.DataFrame({"image_id": list(map(str, range(n)))})
    parts = [Share(number, 7).rows(photos) for number in range(1, 8)]
    assert pd.concat(parts)["image_id"].tolist() == photos["image_id"].tolist()
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
