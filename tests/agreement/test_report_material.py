from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_station import write_station

from fperank.agreement.material import daily_means, rank_percentile, whole_days
from fperank.ground.errors import DataError
from fperank.ground.files import read_json, write_json
from fperank.handover.input import InputFolder
from fperank.handover.tables import local_dates


def test_pairs_carry_the_scores_of_both_photos(material):
    score = material.predictions.set_index("image_id")["score"]
    pair = material.pairs.dropna(subset=["score_1", "score_2"]).iloc[0]
    assert pair["score_1"] == score[pair["image_id_1"]]
    assert pair["score_2"] == score[pair["image_id_2"]]
    assert material.pairs["score_1"].isna().any(), "a photo that failed must leave its pair empty"


def test_daily_means_are_by_split_and_local_date():
    night = pd.to_datetime(["2024-03-01T23:30-05:00", "2024-03-02T00:30-05:00"], utc=True)
    photos = pd.DataFrame(
        {
            "image_id": ["a", "b"],
            "timestamp": night.tz_convert("America/New_York"),
            "split": "train",
            "value": [1.0, np.nan],
            "score": [3.0, 5.0],
        }
    )
    daily = daily_means(photos)
    assert [str(date) for date in daily["date"]] == ["2024-03-01", "2024-03-02"]
    assert daily["score"].tolist() == [3.0, 5.0]
    assert daily["value"].isna().tolist() == [False, True]


def test_daily_means_leave_out_what_is_absent_and_keep_the_order_of_splits(material):
    daily = material.daily
    assert daily["split"].drop_duplicates().tolist() == ["train", "val", "test-in", "test-out"]
    photos = material.predictions
    first = photos[
        (local_dates(photos["timestamp"]) == daily["date"][0])
        & (photos["split"] == daily["split"][0])
    ]
    assert daily["value"][0] == pytest.approx(first["value"].mean())
    assert daily["n_photos"].sum() == len(photos)


def test_a_day_of_several_splits_is_one_day_of_the_most_frequent_split():
    times = pd.date_range("2024-03-01 08:00", periods=3, freq="h", tz="America/New_York")
    photos = pd.DataFrame(
        {
            "image_id": ["a", "b", "c"],
            "timestamp": times,
            "split": ["train", "val", "val"],
            "value": 1.0,
            "score": [1.0, 2.0, 6.0],
        }
    )
    days = whole_days(photos)
    assert days[["split", "score", "n_photos"]].values.tolist() == [["val", 3.0, 3]]
    assert len(daily_means(photos)) == 2


def test_rank_percentile_runs_from_0_to_1_with_ties_averaged():
    values = pd.Series([5.0, np.nan, 1.0, 1.0, 9.0], index=[3, 4, 5, 6, 7])
    percentile = rank_percentile(values)
    assert percentile.dropna().tolist() == pytest.approx([2 / 3, 1 / 6, 1 / 6, 1.0])
    assert percentile.index.tolist() == [3, 4, 5, 6, 7]


def test_a_logarithmic_axis_needs_positive_values(station):
    material = station(days=4, photos_per_day=3, n_pairs=5)
    assert material.log_values
    material.predictions.loc[0, "value"] = 0.0
    assert not material.log_values


def test_a_station_without_values_says_so(material, material_without_values):
    assert material.has_values
    assert not material_without_values.has_values
    assert material_without_values.has_scores


def test_an_absent_file_is_named(tmp_path: Path):
    folders = write_station(tmp_path, days=4, photos_per_day=2, n_pairs=3)
    (folders.model / "history.csv").unlink()
    with pytest.raises(DataError, match=r"history\.csv does not exist"):
        folders.load()


def test_an_unknown_variable_is_refused(tmp_path: Path):
    folders = write_station(tmp_path, days=4, photos_per_day=2, n_pairs=3)
    path = InputFolder(folders.input).summary_file
    write_json({**read_json(path), "variable": "DEPTH"}, path)
    with pytest.raises(DataError, match=r"input\.json: variable: .*'FLOW_CFS', 'STAGE_FT'"):
        folders.load()


def test_a_summary_of_another_kind_is_refused_with_what_to_do(tmp_path: Path):
    folders = write_station(tmp_path, days=4, photos_per_day=2, n_pairs=3)
    write_json([1], folders.dataset / "dataset.json")
    with pytest.raises(DataError, match=r"dataset\.json: .*dictionary.*run `dvc repro`"):
        folders.load()
