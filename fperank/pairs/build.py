"""The dataset -> what one model version works with: filtered photos, labelled pairs, splits.

Splits hold photos out, not only pairs: a photo that the network was trained on tells little about
photos that it never saw. Nothing is dropped without being counted.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fperank.ground.errors import DataError, ParameterError
from fperank.handover.dataset import DatasetFolder, DatasetSummary
from fperank.handover.input import (
    INPUT_IMAGES,
    PAIRS,
    InputPairs,
    InputPhotos,
    InputSummary,
    ModelInput,
)
from fperank.handover.photo_filter import PhotoFilter
from fperank.handover.tables import LABEL_OF_RANK, SPLITS, checked, local_dates
from fperank.params.parameters import InputParams

SPLIT_TOLERANCE = 0.05
"""How far the share of training pairs may lie from `train_frac`."""

_SHUFFLES = 100


def build(dataset: DatasetFolder, params: InputParams) -> ModelInput:
    """Filter, label and split.

    Args:
        dataset: what stage `dataset` wrote.
        params: the parameters of the stage.

    Raises:
        DataError: the dataset has no annotations.
        ParameterError: the parameters leave no photo, too few pairs, or no split near its target.
    """
    kept, photo_reasons = filter_images(dataset.images, params)
    pairs, pair_reasons = label_pairs(dataset.pairs, kept, params)
    is_train = split_pairs(pairs, params)
    for name, n, least in (
        ("train", int(is_train.sum()), params.min_train_pairs),
        ("val", int((~is_train).sum()), params.min_val_pairs),
    ):
        if n < least:
            left_out = ", ".join(f"{count} {why}" for why, count in pair_reasons.items()) or "none"
            raise ParameterError(
                f"{n} pairs are left in the {name} split, but min_{name}_pairs is {least}. "
                f"Pairs left out: {left_out}. Annotate more pairs, widen the hours, months or "
                f"dates, change train_frac ({params.train_frac}), or lower min_{name}_pairs"
            )
    pairs.insert(0, "split", np.where(is_train, "train", "val"))
    images = checked(_label_images(kept, pairs), INPUT_IMAGES, "input images")
    pairs = checked(pairs, PAIRS, "input pairs")
    excluded = {"photo": photo_reasons, "annotation": pair_reasons}
    summary = _summary(images, pairs, excluded, dataset.summary, params)
    return ModelInput(dataset.station, images, pairs, summary)


def _summary(
    images: pd.DataFrame,
    pairs: pd.DataFrame,
    excluded: dict[str, dict[str, int]],
    dataset: DatasetSummary,
    params: InputParams,
) -> InputSummary:
    dates = local_dates(images["timestamp"])
    annotated = dates[images["split"].isin(["train", "val"])]
    return InputSummary(
        dataset_version=dataset.dataset_version,
        variable=dataset.variable,
        photos=InputPhotos(
            n=len(images),
            first_date=dates.min(),
            last_date=dates.max(),
            splits={split: int((images["split"] == split).sum()) for split in SPLITS},
        ),
        pairs=InputPairs(
            n=len(pairs),
            splits={split: int((pairs["split"] == split).sum()) for split in ("train", "val")},
            labels={str(label): int((pairs["label"] == label).sum()) for label in (1, 0, -1)},
        ),
        annotation_first_date=annotated.min(),
        annotation_last_date=annotated.max(),
        excluded=excluded,
        parameters=params,
    )


def filter_images(images: pd.DataFrame, params: InputParams) -> tuple[pd.DataFrame, dict[str, int]]:
    """Keep the photos of the wanted local hours, months and dates; count the others by reason."""
    dates = local_dates(images["timestamp"]).astype("str")
    rules = {
        **photo_filter(params).rules(images["timestamp"]),
        **photo_filter(params).quality_rules(images["quality"]),
        f"before start_date {params.start_date}": _before(dates, params.start_date),
        f"after end_date {params.end_date}": _after(dates, params.end_date),
    }
    kept, reasons = _apply(images, rules)
    if kept.empty:
        why = ", ".join(f"{n} {reason}" for reason, n in reasons.items()) or "none in the dataset"
        raise ParameterError(
            f"no photo is left of {len(images)}: {why}. Widen min_hour and max_hour, min_month and "
            "max_month, or start_date and end_date (all in the station's local time)"
        )
    return kept.sort_values(["timestamp", "filename"], ignore_index=True), reasons


def photo_filter(params: InputParams) -> PhotoFilter:
    """The hours and months that the parameters choose."""
    return PhotoFilter(**{name: getattr(params, name) for name in PhotoFilter.model_fields})


def label_pairs(
    annotations: pd.DataFrame, images: pd.DataFrame, params: InputParams
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Keep the usable annotations and label them 1, 0, -1; count the others by reason.

    Returns:
        The columns of `tables.PAIRS` but `split`, and the counts by reason.

    Raises:
        DataError: there are no annotations at all.
        ParameterError: none is left.
    """
    if annotations.empty:
        raise DataError(
            "the dataset has no annotations, so there is nothing to learn from: compare pairs of "
            "photos and put the answers into annotations.json or annotations.csv"
        )
    kept_ids = set(images["image_id"])
    days = [local_dates(annotations[f"{side}_timestamp"]).astype("str") for side in _SIDES]
    early = _before(days[0], params.annotation_start_date) | _before(
        days[1], params.annotation_start_date
    )
    late = _after(days[0], params.annotation_end_date) | _after(days[1], params.annotation_end_date)
    rules = {
        "answered UNKNOWN": annotations["rank"] == "UNKNOWN",
        "with a photo that the filters leave out": ~(
            annotations["left_image_id"].isin(kept_ids)
            & annotations["right_image_id"].isin(kept_ids)
        ),
        **_rules_of_marks(annotations, images, params),
        f"with a photo before annotation_start_date {params.annotation_start_date}": early,
        f"with a photo after annotation_end_date {params.annotation_end_date}": late,
    }
    kept, reasons = _apply(annotations, rules)
    # The same seed keeps the same first annotations whatever the number: smaller sets are nested.
    order = np.random.default_rng(params.split_seed).permutation(len(kept))
    if params.annotations_max_n and len(kept) > params.annotations_max_n:
        reasons[f"beyond annotations_max_n {params.annotations_max_n}"] = (
            len(kept) - params.annotations_max_n
        )
        kept = kept.iloc[np.sort(order[: params.annotations_max_n])]
    if params.test_frac and not kept.empty:
        on_test_day = _touches_test_day(kept, params)
        reasons["with a photo of a test day (test_frac)"] = int(on_test_day.sum())
        kept = kept[~on_test_day]
    if kept.empty:
        why = ", ".join(f"{n} {reason}" for reason, n in reasons.items())
        raise ParameterError(
            f"none of {len(annotations)} annotations is left: {why}. Widen the hours, months or "
            "dates, or annotate photos inside them"
        )
    columns = {"pair_id": kept["pair_id"]}
    for number, side in enumerate(_SIDES, start=1):
        for name in ("image_id", "timestamp", "filename", "value"):
            columns[f"{name}_{number}"] = kept[f"{side}_{name}"]
    columns["label"] = kept["rank"].map(LABEL_OF_RANK)
    return pd.DataFrame(columns).reset_index(drop=True), reasons


def split_pairs(pairs: pd.DataFrame, params: InputParams) -> np.ndarray:
    """Choose the training pairs.

    `image` holds whole local days out: every pair that touches a held-out day validates. `graph`
    holds whole connected groups of photos out. `random` holds pairs out, and lets photos of
    training pairs validate too.

    Returns:
        Whether each pair trains, `[pairs]`.

    Raises:
        ParameterError: the share of training pairs is more than `SPLIT_TOLERANCE` off `train_frac`.
    """
    rng = np.random.default_rng((params.split_seed, 1))
    rank_when_held_out = {
        "image": _day_order,
        "graph": _group_order,
        "random": lambda table, generator: generator.permutation(len(table)),
    }[params.split_method]
    is_train, miss = _nearest_split(pairs, rank_when_held_out, params.train_frac, rng)
    if miss > SPLIT_TOLERANCE:
        cure = {
            "image": "annotate more days, change train_frac, or set split_method to random",
            "graph": "one group of connected pairs is too large: set split_method to image, or "
            "change train_frac",
            "random": "annotate more pairs or change train_frac",
        }[params.split_method]
        raise ParameterError(
            f"split_method {params.split_method} puts {is_train.mean():.0%} of {len(pairs)} pairs "
            f"into training, but train_frac asks for {params.train_frac:.0%}: {cure}"
        )
    return is_train


_SIDES = ("left", "right")


def _before(dates: pd.Series, limit: str) -> pd.Series:
    return dates < limit if limit else pd.Series(False, index=dates.index)


def _after(dates: pd.Series, limit: str) -> pd.Series:
    return dates > limit if limit else pd.Series(False, index=dates.index)


def _apply(table: pd.DataFrame, rules: dict[str, pd.Series]) -> tuple[pd.DataFrame, dict[str, int]]:
    """Drop the rows that a rule names; a row counts for the first rule that drops it."""
    left, reasons = pd.Series(True, index=table.index), {}
    for reason, dropped in rules.items():
        if n := int((left & dropped).sum()):
            reasons[reason] = n
        left &= ~dropped
    return table[left], reasons


def _rules_of_marks(
    annotations: pd.DataFrame, images: pd.DataFrame, params: InputParams
) -> dict[str, pd.Series]:
    """For each mark of `exclude_attributes`, whether a photo of each pair bears it, in any pair."""
    marked = images.dropna(subset="attributes")
    marks = marked["attributes"].str.split(",")
    rules = {}
    for name in params.exclude_attributes:
        bearing = set(marked["image_id"][[name in one for one in marks]])
        rules[f"with a photo marked {name} (exclude_attributes)"] = annotations[
            "left_image_id"
        ].isin(bearing) | annotations["right_image_id"].isin(bearing)
    return rules


def _touches_test_day(annotations: pd.DataFrame, params: InputParams) -> pd.Series:
    days = [local_dates(annotations[f"{side}_timestamp"]) for side in _SIDES]
    shuffled = np.random.default_rng((params.split_seed, 2)).permutation(
        np.unique(np.concatenate(days))
    )
    test_days = set(shuffled[: round(params.test_frac * len(shuffled))])
    touched: pd.Series = days[0].isin(test_days) | days[1].isin(test_days)
    return touched


def _nearest_split(
    pairs: pd.DataFrame,
    rank_when_held_out: Callable[[pd.DataFrame, np.random.Generator], np.ndarray],
    train_frac: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, float]:
    """Of many shuffles, take the first within a point of the target, else the nearest.

    A shuffle ranks days (or groups, or pairs); holding out the first k of them makes exactly those
    pairs validate whose rank is below k. Few, unequal days can need more than one shuffle.
    """
    best, best_miss = np.ones(len(pairs), dtype=bool), float("inf")
    for _ in range(_SHUFFLES):
        ranks = rank_when_held_out(pairs, rng)
        share_train = 1 - np.cumsum(np.bincount(ranks)) / len(pairs)
        k = int(np.abs(share_train - train_frac).argmin())
        miss = float(abs(share_train[k] - train_frac))
        if miss < best_miss:
            best, best_miss = ranks > k, miss
        if miss <= 0.01:
            break
    return best, best_miss


def _day_order(pairs: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    days = np.concatenate([local_dates(pairs[f"timestamp_{k}"]) for k in (1, 2)])
    names, codes = np.unique(days, return_inverse=True)
    ranks = rng.permutation(len(names))[codes].reshape(2, len(pairs))
    return np.asarray(ranks.min(axis=0))


def _group_order(pairs: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    ids = np.concatenate([pairs["image_id_1"], pairs["image_id_2"]])
    names, codes = np.unique(ids, return_inverse=True)
    first, second = codes.reshape(2, len(pairs))
    edges = coo_array((np.ones(len(pairs)), (first, second)), shape=(len(names), len(names)))
    n_groups, group = connected_components(edges, directed=False)
    return np.asarray(rng.permutation(n_groups)[group[first]])


def _label_images(images: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """A photo of a training pair trains; of validation pairs only, validates; others test."""
    dates = local_dates(images["timestamp"])
    in_pair = {
        split: images["image_id"].isin(pd.concat([part["image_id_1"], part["image_id_2"]]))
        for split, part in pairs.groupby("split")
    }
    annotated = in_pair["train"] | in_pair["val"]
    first, last = dates[annotated].min(), dates[annotated].max()
    split = np.select(
        [in_pair["train"], in_pair["val"], (dates >= first) & (dates <= last)],
        ["train", "val", "test-in"],
        "test-out",
    )
    return images.assign(split=split)
