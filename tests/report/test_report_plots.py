from pathlib import Path

import pandas as pd
import pytest

from fperank.report.plots import write_plots

HEADERS = {
    "loss.csv": "epoch,train_loss,val_loss",
    "hydrograph.csv": "date,score_percentile,observed_percentile",
    "scatter.csv": "observed_percentile,score_percentile,split",
    "ties.csv": "score_difference,share_same_observed,share_same_model",
}


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    return {name: pd.read_csv(folder / name) for name in HEADERS}


def test_all_tables_are_written_with_their_columns(material, tmp_path):
    write_plots(material, tmp_path / "new" / "report")
    for name, header in HEADERS.items():
        text = (tmp_path / "new" / "report" / name).read_text(encoding="utf-8")
        assert text.splitlines()[0] == header
        assert len(text.splitlines()) > 2


def test_the_hydrograph_has_one_row_a_day_with_ranks_from_0_to_1(material, tmp_path):
    write_plots(material, tmp_path)
    days = tables(tmp_path)["hydrograph.csv"]
    assert days["date"].tolist() == [str(date) for date in material.days["date"]]
    for column in ("score_percentile", "observed_percentile"):
        assert (days[column].min(), days[column].max()) == (0.0, 1.0)


def test_the_expected_share_of_ties_falls_with_the_score_difference(material, tmp_path):
    write_plots(material, tmp_path)
    ties = tables(tmp_path)["ties.csv"]
    assert ties["score_difference"].is_monotonic_increasing
    assert ties["share_same_model"].is_monotonic_decreasing
    assert ties["share_same_observed"].between(0, 1).all()


def test_without_values_only_the_header_of_the_scatter_is_written(
    material_without_values, tmp_path
):
    write_plots(material_without_values, tmp_path)
    made = tables(tmp_path)
    assert made["scatter.csv"].empty
    assert made["hydrograph.csv"]["observed_percentile"].isna().all()
    assert made["ties.csv"]["share_same_model"].isna().all()


@pytest.mark.parametrize("n_pairs", [0, 30])
def test_a_station_of_failed_photos_gets_all_tables(station, tmp_path, n_pairs):
    material = station(days=4, photos_per_day=3, n_failed=12, n_pairs=n_pairs)
    write_plots(material, tmp_path)
    assert tables(tmp_path)["ties.csv"].empty


def test_the_same_material_gives_the_same_bytes(material, tmp_path):
    for name in ("a", "b"):
        write_plots(material, tmp_path / name)
    for name in HEADERS:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
