"""The dataset -> what one model version works with: filtered photos, labelled pairs, splits.

Nothing is dropped without being counted.
"""

import numpy as np
import pandas as pd

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
from fperank.pairs.bursts import near, whole_days
from fperank.pairs.split import split_pairs
from fperank.params.parameters import InputParams


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
    times = pd.concat([annotations[f"{side}_timestamp"] for side in _SIDES])
    days = whole_days(times)
    shuffled = np.random.default_rng((params.split_seed, 2)).permutation(np.unique(days))
    test_days = shuffled[: round(params.test_frac * len(shuffled))]
    touched = np.isin(days, test_days).reshape(2, len(annotations)).any(axis=0)
    return pd.Series(touched, index=annotations.index)


def _label_images(images: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """A photo of a training pair trains; of validation pairs only, validates; others test.

    What was taken in one burst with a training photo is no photo to test on, and likewise.
    """
    times, dates = images["timestamp"], local_dates(images["timestamp"])
    in_pair = {
        split: images["image_id"].isin(pd.concat([part["image_id_1"], part["image_id_2"]]))
        for split, part in pairs.groupby("split")
    }
    annotated = in_pair["train"] | in_pair["val"]
    first, last = dates[annotated].min(), dates[annotated].max()
    train, val = (near(times, times[in_pair[name]]) for name in ("train", "val"))
    split = np.select(
        [train, val, (dates >= first) & (dates <= last)],
        ["train", "val", "test-in"],
        "test-out",
    )
    return images.assign(split=split)
