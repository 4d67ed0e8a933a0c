"""A source's station as the dataset's tables: what every later stage starts from.

Observed values are interpolated to the photos' times, but never across a gap: a photo has a value
only if the observations on both sides of it are near enough. Nothing is filtered or labelled here.

Refused: a station without a photo, file names that lead out of the dataset.
"""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from fperank import tables
from fperank.errors import DataError, PhotoError
from fperank.files import write_json
from fperank.params import DatasetParams
from fperank.sources.base import Source, StationData
from fperank.tables import Station

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Dataset:
    """A station's tables.

    Attributes:
        station: the station as its source tells it.
        images: `tables.IMAGES`, with observed values at the photos' times.
        pairs: `tables.DATASET_PAIRS`.
        observations: `tables.OBSERVATIONS`: sorted, one value a time.
        excluded: `tables.EXCLUDED`.
    """

    station: Station
    images: pd.DataFrame
    pairs: pd.DataFrame
    observations: pd.DataFrame
    excluded: pd.DataFrame


def interpolate(observations: pd.DataFrame, times: pd.Series, max_gap_minutes: float) -> Floats:
    """Linearly interpolate observed values to photo times, never across a gap.

    Args:
        observations: timestamp, value; any order; values at one time are averaged.
        times: the photos' instants, `[photos]`.
        max_gap_minutes: a photo has a value only if the previous observation and the next one are
            each at most this far from it; an observation at the photo's own time is both.

    Returns:
        Values in the observations' unit, `[photos]`; NaN where there is none.
    """
    known = unique_observations(observations)
    values = np.full(len(times), np.nan)
    if known.empty:
        return values
    at, value = _microseconds(known["timestamp"]), known["value"].to_numpy(dtype="float64")
    photo = _microseconds(times)
    before = np.searchsorted(at, photo, side="right") - 1
    after = np.searchsorted(at, photo, side="left")
    inside = (before >= 0) & (after < len(at))
    before, after, photo = before[inside], after[inside], photo[inside]
    gap = max_gap_minutes * 60e6
    near = (photo - at[before] <= gap) & (at[after] - photo <= gap)
    # Where an observation stands at the photo's time, before and after are the same one.
    share = (photo - at[before]) / np.maximum(at[after] - at[before], 1)
    between = value[before] + share * (value[after] - value[before])
    values[inside] = np.where(near, between, np.nan)
    return values


def unique_observations(observations: pd.DataFrame) -> pd.DataFrame:
    """The observations sorted by time, values at one time averaged."""
    good = observations.dropna(subset="value")
    return good.groupby("timestamp", sort=True)["value"].mean().reset_index()


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
        value=interpolate(observations, data.images["timestamp"], max_gap_minutes)
    )
    images = tables.checked(
        images.sort_values(["timestamp", "filename"], ignore_index=True), tables.IMAGES, "images"
    )
    annotations = tables.checked(data.annotations, tables.ANNOTATIONS, "annotations")
    excluded = tables.checked(data.excluded, tables.EXCLUDED, "excluded")
    return Dataset(data.station, images, _join(annotations, images), observations, excluded)


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
    folder.mkdir(parents=True, exist_ok=True)
    failed = []
    for filename in tqdm(filenames, "copying photos", leave=False, disable=None):
        for path in (PurePosixPath(filename), PureWindowsPath(filename)):
            if path.is_absolute() or path.drive or ".." in path.parts:
                raise DataError(f"the photo {filename!r} would be written outside of the dataset")
        target = folder / filename
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            source.fetch(filename, target)
        except PhotoError as error:
            target.unlink(missing_ok=True)
            failed.append(str(error))
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
    path = str(values["source_path"])
    of_machine = path.startswith("~") or PurePosixPath(path).is_absolute()
    if of_machine or PureWindowsPath(path).drive:
        path = PureWindowsPath(path).name
    return {**values, "source_path": path}


def _notes(dataset: Dataset, params: DatasetParams) -> list[str]:
    notes = []
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
    if dataset.pairs.empty:
        notes.append("There are no annotations: a model cannot be trained without them.")
    return notes


def _microseconds(times: pd.Series) -> npt.NDArray[np.int64]:
    utc = times.dt.tz_convert("UTC").dt.as_unit("us")
    return np.asarray(utc, dtype="datetime64[us]").astype(np.int64)
