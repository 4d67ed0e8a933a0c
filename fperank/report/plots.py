"""Plot data for DVC: small tables at fixed names, so that `dvc plots diff` can follow a version.

Every table is always written, with its header only where there is nothing to tell. They stand in
git, so they do not grow with the photos: a row a day, and of the days of a scatter those that the
page draws.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from fperank.agreement.evaluation import tie_probability
from fperank.agreement.material import Material, rank_percentile
from fperank.ground.files import csv_text, write_text
from fperank.report.charts import every_nth
from fperank.report.charts_pairs import scored_pairs, tie_bins
from fperank.report.charts_values import compared

_DIGITS = 6


def write_plots(material: Material, folder: Path) -> None:
    """Write `loss.csv`, `hydrograph.csv`, `scatter.csv` and `ties.csv`.

    Args:
        material: what the report is made from.
        folder: where to; created if it is absent.
    """
    for name, table in (
        ("loss.csv", material.history[["epoch", "train_loss", "val_loss"]]),
        ("hydrograph.csv", daily_percentiles(material)),
        ("scatter.csv", daily_scatter(material)),
        ("ties.csv", ties(material)),
    ):
        write_text(folder / name, csv_text(table, _DIGITS))


def daily_percentiles(material: Material) -> pd.DataFrame:
    """Rank percentiles of the daily means: date, score_percentile, observed_percentile."""
    return pd.DataFrame(
        {
            "date": material.days["date"],
            "score_percentile": rank_percentile(material.days["score"]),
            "observed_percentile": rank_percentile(material.days["value"]),
        }
    )


def daily_scatter(material: Material) -> pd.DataFrame:
    """Days with both figures: observed_percentile, score_percentile, split; see `every_nth`."""
    days = compared(material, daily=True)[["observed_percentile", "score_percentile", "split"]]
    return every_nth(days)


def ties(material: Material) -> pd.DataFrame:
    """Share of "no difference" among held-out pairs, by score difference, seen and expected.

    Returns:
        score_difference (mean of the bin), share_same_observed, share_same_model (empty where the
        model's loss knows no ties).
    """
    pairs = scored_pairs(material)
    bins = tie_bins(pairs[pairs["split"] == "val"])
    centre = np.array(bins["difference"], dtype="float64")
    expected = tie_probability(centre, material.model)
    return pd.DataFrame(
        {
            "score_difference": centre,
            "share_same_observed": bins["share"].to_numpy(dtype="float64"),
            "share_same_model": np.nan if expected is None else expected,
        }
    )
