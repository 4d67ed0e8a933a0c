"""The figures of `metrics.json`: rank agreement per split, for photos and days, and pair agreement.

A figure that does not exist, such as one that needs observed values where there are none, is left
out rather than written as zero or as nothing.
"""

from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from fperank.agreement.material import UNMARKED, Material, day_starts, photos_by_mark
from fperank.agreement.metrics import agreement, pair_agreement, separation
from fperank.ground.ranks import Values
from fperank.handover.model import ModelDescription
from fperank.handover.tables import SPLITS
from fperank.network.losses import pair_log_probabilities
from fperank.params.parameters import ReportParams

TEST_SPLITS = ("test-in", "test-out")
"""Splits of photos in no pair; figures of both together stand under `test`."""


def evaluate(material: Material, params: ReportParams) -> dict[str, Any]:
    """Compute every figure.

    Returns:
        `counts`; `photo` and `day`, each with a table per split, one over `test` (both splits of
        photos in no pair) and one over `all`; `pairs` with one per split; `marks` with one per mark
        that annotators gave; `training`. See `metrics.agreement`, `metrics.pair_agreement` and
        `metrics.separation`.
    """
    photos = material.predictions[["split", "value", "score"]].assign(
        date=day_starts(material.predictions["timestamp"])
    )
    scored = photos["score"].notna()
    kept = material.history[material.history["kept"]]
    return {
        "counts": {
            "photos": len(photos),
            "photos_scored": int(scored.sum()),
            "photos_failed": int((~scored).sum()),
            "photos_observed": int(photos["value"].notna().sum()),
            "days": int(photos["date"].nunique()),
            "pairs_train": int((material.pairs["split"] == "train").sum()),
            "pairs_val": int((material.pairs["split"] == "val").sum()),
        },
        "photo": _per_split(photos, photos, params),
        "day": _per_split(material.daily, material.days, params),
        "pairs": _pairs(material, params),
        "marks": _marks(material),
        "training": {
            "epochs": len(material.history),
            "kept_epoch": int(kept["epoch"].item()),
            "val_loss": float(kept["val_loss"].item()),
        },
    }


def _blocks(dates: pd.Series, params: ReportParams) -> NDArray[np.int64]:
    days = pd.to_datetime(dates).to_numpy().astype("datetime64[D]").astype(np.int64)
    return np.asarray(days // params.bootstrap_block_days)


def _per_split(
    split_rows: pd.DataFrame, all_rows: pd.DataFrame, params: ReportParams
) -> dict[str, dict[str, float | int]]:
    tables = {split: split_rows[split_rows["split"] == split] for split in SPLITS}
    tables["test"] = split_rows[split_rows["split"].isin(TEST_SPLITS)]
    result = {}
    for name, rows in {**tables, "all": all_rows}.items():
        valued = rows[rows["value"].notna() & rows["score"].notna()]
        if not valued.empty:
            result[name] = agreement(
                valued["value"].to_numpy(),
                valued["score"].to_numpy(),
                _blocks(valued["date"], params),
                params.bootstrap_samples,
            )
    return result


def _pairs(material: Material, params: ReportParams) -> dict[str, dict[str, float | int]]:
    pairs = material.pairs.dropna(subset=["score_1", "score_2"])
    result = {}
    for split in ("train", "val"):
        part = pairs[pairs["split"] == split]
        difference = (part["score_1"] - part["score_2"]).to_numpy()
        result[split] = pair_agreement(
            part["label"].to_numpy(),
            difference,
            tie_probability(difference, material.model),
            _blocks(day_starts(part["timestamp_1"]), params),
            params.bootstrap_samples,
        )
    return result


def _marks(material: Material) -> dict[str, dict[str, float | int]]:
    photos = photos_by_mark(material)
    rest = photos.pop(UNMARKED, material.predictions.iloc[:0])["score"].to_numpy()
    return {name: separation(rows["score"].to_numpy(), rest) for name, rows in photos.items()}


def tie_probability(difference: Values, model: ModelDescription) -> Values | None:
    """What the model says of "no difference", by score difference; none without a tie model."""
    if model.tie_parameter is None:
        return None
    log_probabilities = pair_log_probabilities(
        torch.tensor(difference), model.loss, torch.tensor(model.tie_parameter)
    )
    return np.asarray(log_probabilities[:, 1].exp().numpy())
