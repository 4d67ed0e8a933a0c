"""A source's station as the dataset's tables: what every later stage starts from.

Nothing is filtered or labelled here.

Refused: a station without a photo, file names that lead out of the dataset.
"""

import datetime as dt
import re
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pandas as pd
from tqdm import tqdm

from fperank import tables
from fperank.errors import DataError, PhotoError
from fperank.files import write_json
from fperank.observed import interpolate, photo_attributes, unique_observations
from fperank.params import DatasetParams
from fperank.sources.base import Source, StationData
from fperank.tables import Station

_FETCHES_AT_ONCE = 8
"""Most of the time of a download is waiting; more at once would only press the server."""


@dataclass(frozen=True)
class Dataset:
    """A station's tables.

    Attributes:
        station: the station as its source tells it.
        images: `tables.IMAGES`, with observed values at the photos' times.
        pairs: `tables.DATASET_PAIRS`.
        observations: `tables.OBSERVATIONS`: sorted, one value a time.
        excluded: `tables.EXCLUDED`.
        notes: what the source has to tell the user.
    """

    station: Station
    images: pd.DataFrame
    pairs: pd.DataFrame
    observations: pd.DataFrame
    excluded: pd.DataFrame
    notes: tuple[str, ...] = ()


def build(data: StationData, max_gap_minutes: float) -> Dataset:
    """Join photos, observed values and annotations.

    Args:
        data: what a source has read.
        max_gap_minutes: see `interpolate`.

    Raises:
        DataError: there is no photo, or the source breaks its contract.
    """
    if data.images.empty:
        raise DataError(f"the station {data.station.name} has no photo")
    observations = tables.checked(
        unique_observations(data.observations), tables.OBSERVATIONS, "observations"
    )
    images = data.images.assign(
        value=interpolate(observations, data.images["timestamp"], max_gap_minutes),
        attributes=data.images["image_id"].map(photo_attributes(data.annotations)),
    )
    images = tables.checked(
        images.sort_values(["timestamp", "filename"], ignore_index=True), tables.IMAGES, "images"
    )
    annotations = tables.checked(data.annotations, tables.ANNOTATIONS, "annotations")
    excluded = tables.checked(data.excluded, tables.EXCLUDED, "excluded")
    pairs = _join(annotations, images)
    return Dataset(data.station, images, pairs, observations, excluded, data.notes)


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
    return tables.checked(pairs, tables.DATASET_PAIRS, "pairs")


def write(dataset: Dataset, source: Source, folder: Path, params: DatasetParams) -> dict[str, Any]:
    """Write a dataset: tables, `station.json`, `dataset.json` and the photos themselves.

    Args:
        dataset: what `build` returned.
        source: gives the photos.
        folder: receives `images.csv`, `pairs.csv`, `observations.csv`, `excluded.csv`,
            `station.json`, `dataset.json` and `photos/<filename>`.
        params: kept in `dataset.json`, without the path of the machine.

    Returns:
        The content of `dataset.json`.

    Raises:
        DataError: a file name leads out of the folder.
    """
    for frame, schema, name in (
        (dataset.images, tables.IMAGES, "images.csv"),
        (dataset.pairs, tables.DATASET_PAIRS, "pairs.csv"),
        (dataset.observations, tables.OBSERVATIONS, "observations.csv"),
        (dataset.excluded, tables.EXCLUDED, "excluded.csv"),
    ):
        tables.write_table(frame, schema, folder / name)
    labels = {"label": params.station, "variable": params.variable}
    write_json(dataset.station.model_dump() | labels, folder / "station.json")
    not_copied = _write_photos(dataset.images["filename"], source, folder / "photos")
    summary = summarise(dataset, params)
    if not_copied:
        summary["notes"].append(
            f"{len(not_copied):,} photo{'' if len(not_copied) == 1 else 's'} could not be copied "
            f"and will get no score; the first: {not_copied[0]}"
        )
    write_json(summary, folder / "dataset.json")
    return summary


def _write_photos(filenames: pd.Series, source: Source, folder: Path) -> list[str]:
    """Fetch all photos, several at once; return why those fail that cannot be had."""
    folder.mkdir(parents=True, exist_ok=True)

    gave_up = threading.Event()

    def fetch(filename: str) -> str | None:
        if gave_up.is_set():
            return None
        for path in (PurePosixPath(filename), PureWindowsPath(filename)):
            if path.is_absolute() or path.drive or ".." in path.parts:
                raise DataError(f"the photo {filename!r} would be written outside of the dataset")
        target = folder / filename
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            source.fetch(filename, target)
        except PhotoError as error:
            target.unlink(missing_ok=True)
            return str(error)
        except BaseException:
            gave_up.set()
            raise
        return None

    with ThreadPoolExecutor(_FETCHES_AT_ONCE) as pool:
        try:
            outcomes = pool.map(fetch, filenames)
            bar = tqdm(outcomes, "copying photos", len(filenames), leave=False, disable=None)
            failed = [reason for reason in bar if reason]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if failed and len(failed) == len(filenames):
        raise DataError(f"none of the {len(filenames):,} photos could be had; {failed[0]}")
    return failed


def summarise(dataset: Dataset, params: DatasetParams) -> dict[str, Any]:
    """Counts, date ranges and notes for the user, as `dataset.json` holds them."""
    images, pairs = dataset.images, dataset.pairs
    ranks = {rank: int((pairs["rank"] == rank).sum()) for rank in tables.RANKS}
    answered = len(pairs) - ranks["UNKNOWN"]
    chosen = pairs["rank"].isin(["LEFT", "RIGHT"]) & pairs["true_rank"].isin(["LEFT", "RIGHT"])
    correct = int((chosen & (pairs["rank"] == pairs["true_rank"])).sum())
    n_chosen = int(chosen.sum())
    pair_times = pd.concat([pairs["left_timestamp"], pairs["right_timestamp"]])
    return {
        "station": params.station,
        "variable": params.variable,
        "dataset_version": params.dataset_version,
        "source": params.source,
        "timezone": dataset.station.timezone,
        "photos": {
            "n": len(images),
            "n_with_value": int(images["value"].notna().sum()),
            **_dates(images["timestamp"]),
        },
        "observations": {
            "n": len(dataset.observations),
            **_dates(dataset.observations["timestamp"]),
        },
        "annotations": {
            "n": len(pairs),
            "by_rank": ranks,
            "share_same": _share(ranks["SAME"], answered),
            "n_with_true_rank": int(pairs["true_rank"].notna().sum()),
            **_dates(pair_times),
        },
        "agreement": {"n": n_chosen, "share_correct": _share(correct, n_chosen)},
        "excluded": _excluded_counts(dataset.excluded),
        "params": _shareable(params.model_dump()),
        "notes": _notes(dataset, params),
    }


def _dates(times: pd.Series) -> dict[str, dt.date | None]:
    if times.empty:
        return {"first_date": None, "last_date": None}
    return {"first_date": times.min().date(), "last_date": times.max().date()}


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _excluded_counts(excluded: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Numbers by kind and reason; an observations row stands for the rows that its name tells."""
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


def _notes(dataset: Dataset, params: DatasetParams) -> list[str]:
    notes = list(dataset.notes)
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
        notes.append(
            f"{without:,} of {len(dataset.images):,} photos have no observed value within "
            f"{params.max_gap_minutes:g} minutes on both sides (max_gap_minutes)"
            + (
                f"; the observations are usually {usual:,.0f} minutes apart."
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
    return notes
