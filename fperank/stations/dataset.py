"""A source's station as the dataset's tables: what every later stage starts from.

Nothing is filtered or labelled here.

Refused: a station without a photo.
"""

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pandas as pd

from fperank.ground.errors import DataError
from fperank.handover.dataset import (
    ANNOTATIONS,
    DATASET_PAIRS,
    EXCLUDED,
    IMAGES,
    OBSERVATIONS,
    AnnotationCounts,
    AnswerAgreement,
    Dataset,
    DatasetFolder,
    DatasetSummary,
    ObservationCounts,
    PhotoCounts,
    write_dataset,
)
from fperank.handover.tables import RANKS, checked
from fperank.params.parameters import DatasetParams
from fperank.params.types import QualityMark
from fperank.quality.station import Judged, joined_marks, judge_station
from fperank.stations.answers.doubts import doubts
from fperank.stations.at_photo_times import interpolate, photo_attributes, unique_observations
from fperank.stations.base import PhotoFetcher, StationData
from fperank.stations.copies import copy_photos
from fperank.stations.stored_names import renamed_in_words, stored_names


def build(data: StationData, params: DatasetParams) -> Dataset:
    """Join photos, observed values and annotations.

    Args:
        data: what a source has read.
        params: the station's label and variable; `max_gap_minutes`, see `interpolate`.

    Raises:
        DataError: there is no photo, or the source breaks its contract.
    """
    if data.images.empty:
        raise DataError(f"the station {data.station.name} has no photo")
    observations = checked(unique_observations(data.observations), OBSERVATIONS, "observations")
    images = data.images.assign(
        filename=data.images["filename"].map(stored_names(data.images["filename"])),
        value=interpolate(observations, data.images["timestamp"], params.max_gap_minutes),
        attributes=data.images["image_id"].map(photo_attributes(data.annotations)),
        quality=None,
    )
    images = checked(
        images.sort_values(["timestamp", "filename"], ignore_index=True), IMAGES, "images"
    )
    annotations = checked(data.annotations, ANNOTATIONS, "annotations")
    excluded = checked(data.excluded, EXCLUDED, "excluded")
    pairs = _join(annotations, images)
    labels = {"label": params.station, "variable": params.variable}
    station = data.station.model_copy(update=labels)
    return Dataset(station, images, pairs, observations, excluded)


def _join(annotations: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    pairs = annotations
    for side in ("left", "right"):
        names = {name: f"{side}_{name}" for name in ("image_id", "timestamp", "filename", "value")}
        pairs = pairs.merge(
            images[list(names)].rename(columns=names), on=f"{side}_image_id", how="inner"
        )
    if len(pairs) != len(annotations):
        raise DataError("an annotation names a photo that is not among the station's photos")
    pairs = pairs.set_index("pair_id").loc[annotations["pair_id"]].reset_index()
    delta = pairs["left_value"] - pairs["right_value"]
    average = (pairs["left_value"] + pairs["right_value"]) / 2
    true_rank = pd.Series(pd.NA, index=pairs.index, dtype="str")
    for rank, holds in (("LEFT", delta > 0), ("RIGHT", delta < 0), ("SAME", delta == 0)):
        true_rank[holds] = rank
    pairs = pairs.assign(
        delta_value=delta,
        avg_value=average,
        # A relative difference has no meaning around or below zero, as with a stage.
        rel_delta_value=delta.abs() / average.where(average > 0),
        true_rank=true_rank,
    )
    return checked(pairs, DATASET_PAIRS, "pairs")


def write(
    dataset: Dataset, data: StationData, source: PhotoFetcher, folder: Path, params: DatasetParams
) -> DatasetSummary:
    """Write a dataset: its tables, its summary and the photos themselves.

    Args:
        dataset: what `build` returned.
        data: what it was built from.
        source: fetches the photos.
        folder: receives all, see `handover.dataset`.
        params: kept in the summary, without the path of the machine.

    Returns:
        The content of `dataset.json`.

    Raises:
        DataError: a file name leads out of the folder.
    """
    photos = DatasetFolder(folder).photos
    images = dataset.images
    stored = stored_names(data.images["filename"])
    not_copied = copy_photos(stored, source, photos)
    paths = [photos / name for name in images["filename"]]
    judged = judge_station(paths, list(images["image_id"]), params.min_whole_share)
    quality = pd.Series([joined_marks(why) for why in judged.marks], dtype="str")
    images = images.assign(quality=quality.mask(quality == ""))
    dataset = replace(dataset, images=images, quality=judged.table)
    summary = summarise(dataset, data, params, not_copied, judged)
    write_dataset(dataset, summary, folder)
    return summary


def summarise(
    dataset: Dataset,
    data: StationData,
    params: DatasetParams,
    not_copied: Sequence[str] = (),
    judged: Judged | None = None,
) -> DatasetSummary:
    """Counts, date ranges and notes for the user.

    Args:
        dataset: what `build` returned.
        data: what it was built from.
        params: those of the stage.
        not_copied: why photos could not be copied, one a photo.
        judged: what was said of the photos' pictures, if anything.
    """
    images, pairs = dataset.images, dataset.pairs
    ranks = {rank: int((pairs["rank"] == rank).sum()) for rank in RANKS}
    answered = len(pairs) - ranks["UNKNOWN"]
    chosen = pairs["rank"].isin(["LEFT", "RIGHT"]) & pairs["true_rank"].isin(["LEFT", "RIGHT"])
    correct = int((chosen & (pairs["rank"] == pairs["true_rank"])).sum())
    n_chosen = int(chosen.sum())
    pair_times = pd.concat([pairs["left_timestamp"], pairs["right_timestamp"]])
    return DatasetSummary(
        station=params.station,
        variable=params.variable,
        dataset_version=params.dataset_version,
        source=params.source,
        timezone=dataset.station.timezone,
        photos=PhotoCounts(
            n=len(images),
            n_with_value=int(images["value"].notna().sum()),
            by_clock=dict(Counter(images["clock"]).most_common()),
            **_dates(images["timestamp"]),
        ),
        observations=ObservationCounts(
            n=len(dataset.observations), **_dates(dataset.observations["timestamp"])
        ),
        observed_table=data.observed_table,
        annotations=AnnotationCounts(
            n=len(pairs),
            by_rank=ranks,
            share_same=_share(ranks["SAME"], answered),
            n_with_true_rank=int(pairs["true_rank"].notna().sum()),
            **_dates(pair_times),
        ),
        agreement=AnswerAgreement(n=n_chosen, share_correct=_share(correct, n_chosen)),
        quality=_marked(judged),
        look=judged.look if judged else None,
        excluded=_excluded_counts(dataset.excluded),
        read_files=data.read_files,
        parameters=_shareable(params.model_dump()),
        notes=tuple(_notes(dataset, data, params, not_copied))
        + (_of_pictures(dataset, judged) if judged else ()),
    )


def _dates(times: pd.Series) -> dict[str, dt.date | None]:
    if times.empty:
        return {"first_date": None, "last_date": None}
    return {"first_date": times.min().date(), "last_date": times.max().date()}


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _excluded_counts(excluded: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Numbers by kind and reason; an observations row stands for as many as its name says."""
    counts: dict[str, dict[str, int]] = {}
    for kind, name, reason in excluded.itertuples(index=False):
        rows = re.fullmatch(r"(\d+) rows?", name) if kind == "observation" else None
        by_reason = counts.setdefault(kind, {})
        by_reason[reason] = by_reason.get(reason, 0) + (int(rows[1]) if rows else 1)
    return counts


def _shareable(values: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters without the folders of one person's machine."""
    paths = {}
    for name in ("source_path", "annotations_from", "observations_from"):
        path = str(values[name])
        of_machine = path.startswith("~") or PurePosixPath(path).is_absolute()
        paths[name] = PureWindowsPath(path).name if of_machine or _has_drive(path) else path
    return {**values, **paths}


def _has_drive(path: str) -> bool:
    return "://" not in path and bool(PureWindowsPath(path).drive)


def _notes(
    dataset: Dataset, data: StationData, params: DatasetParams, not_copied: Sequence[str]
) -> list[str]:
    notes = list(data.notes)
    if dataset.station.name != params.station:
        notes.append(
            f"The parameter station is {params.station!r}, the station's own name is "
            f"{dataset.station.name!r}: folders and the report use the parameter."
        )
    times = dataset.observations["timestamp"]
    without = int(dataset.images["value"].isna().sum())
    if times.empty:
        notes.append("There are no observed values: scores cannot be compared with measurements.")
    elif without:
        usual = float(times.diff().dt.total_seconds().median()) / 60 if len(times) > 1 else 0.0
        # Values that came with a list of photos tell how far apart photos are, not measurements.
        of_photos = bool(times.isin(dataset.images["timestamp"]).all())
        apart = "photos that have one" if of_photos else "observations"
        notes.append(
            f"{without:,} of {len(dataset.images):,} photos have no observed value within "
            f"{params.max_gap_minutes:g} minutes on both sides (max_gap_minutes)"
            + (
                f"; the {apart} are usually {usual:,.0f} minutes apart."
                if usual > params.max_gap_minutes
                else "."
            )
        )
    provisional = int((dataset.observations["status"] == "provisional").sum())
    if provisional:
        notes.append(
            f"{provisional:,} of {len(times):,} observed values are provisional: their gauge's "
            "owner may still revise them."
        )
    if dataset.pairs.empty:
        notes.append("There are no annotations: a model cannot be trained without them.")
    notes += doubts(dataset.pairs)
    notes += renamed_in_words(stored_names(data.images["filename"]))
    if not_copied:
        notes.append(
            f"{len(not_copied):,} photo{'' if len(not_copied) == 1 else 's'} could not be copied "
            f"and will get no score; the first: {not_copied[0]}"
        )
    return notes


def _marked(judged: Judged | None) -> dict[QualityMark, int]:
    """How many photos have each mark of their picture, the most frequent first."""
    return dict(
        Counter(mark for why in judged.marks for mark in why).most_common() if judged else ()
    )


def _of_pictures(dataset: Dataset, judged: Judged) -> tuple[str, ...]:
    """How many photos are marked for their picture, and the first of them."""
    found = [
        (filename, why)
        for filename, why in zip(dataset.images["filename"], judged.marks, strict=True)
        if why
    ]
    if not found:
        return ()
    # That the last bytes are missing is the least of all marks, and often all files'.
    filename, why = next((one for one in found if list(one[1]) != ["truncated"]), found[0])
    counts = ", ".join(f"{mark} {n:,}" for mark, n in _marked(judged).items())
    return (
        f"{len(found):,} of {len(judged.marks):,} photos are marked for their picture: {counts}. "
        f"The first is {filename}: {next(iter(why.values()))}. quality.csv says it of each.",
    )
