"""All that a report tells of, read from the earlier stages' folders and joined once.

The figures, the page and the plot data are made from the same `Material`, so that they agree.
Nothing is computed here that needs a choice of the reader's: only joins, daily means and ranks.

Refused: a folder that lacks a file, and tables that do not fit their schema.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fperank.ground.ranks import percentiles
from fperank.ground.variables import VARIABLES, Variable
from fperank.handover.dataset import DatasetFolder, DatasetSummary
from fperank.handover.input import InputFolder, InputSummary
from fperank.handover.model import ModelDescription, ModelFolder, TrainingSummary
from fperank.handover.predictions import PredictionsFolder, PredictionsSummary
from fperank.handover.station import Station
from fperank.handover.tables import ATTRIBUTES, SPLITS

UNMARKED = "no mark"


@dataclass(frozen=True)
class Material:
    """What one report is made from.

    Attributes:
        station: the station; all timestamps below are in its zone.
        label: the station's label in the parameters, which names its folder.
        variable: what was compared and observed.
        dataset: counts, notes and parameters of stage `dataset`.
        input: likewise of stage `input`.
        training: likewise of stage `train`.
        predicted: likewise of stage `predict`.
        model: what the model is beside its weights.
        answers: all annotations of the dataset, unfiltered (`tables.DATASET_PAIRS`).
        observations: the observed values (`tables.OBSERVATIONS`).
        excluded: what the dataset stage left out (`tables.EXCLUDED`).
        predictions: the photos of this model version with their scores (`tables.PREDICTIONS`
            without `url`), in order of time.
        failures: the photos without a score (`tables.FAILURES`).
        marked: the dataset's photos with a mark of their picture, in order of time: image_id,
            timestamp, filename, quality, reason.
        pairs: the labelled pairs (`tables.PAIRS`) with `score_1` and `score_2`, empty where a
            photo has no score.
        daily: one row a split and station-local date: split, date, value, score, n_photos. `value`
            and `score` are means of the photos that have one.
        days: one row a date, whatever the splits: date, split (that of most of the day's photos),
            value, score, n_photos.
        history: the training, one row an epoch (`tables.HISTORY`).
        photos: the folder that the `filename` of a photo is relative to.
    """

    station: Station
    label: str
    variable: Variable
    dataset: DatasetSummary
    input: InputSummary
    training: TrainingSummary
    predicted: PredictionsSummary
    model: ModelDescription
    answers: pd.DataFrame
    observations: pd.DataFrame
    excluded: pd.DataFrame
    predictions: pd.DataFrame
    failures: pd.DataFrame
    marked: pd.DataFrame
    pairs: pd.DataFrame
    daily: pd.DataFrame
    days: pd.DataFrame
    history: pd.DataFrame
    photos: Path

    @property
    def has_values(self) -> bool:
        """Whether any photo of this model version has an observed value."""
        return bool(self.predictions["value"].notna().any())

    @property
    def has_scores(self) -> bool:
        """Whether any photo could be scored."""
        return bool(self.predictions["score"].notna().any())

    @property
    def log_values(self) -> bool:
        """Whether observed values are drawn on a logarithmic axis: only if all are positive."""
        values = pd.concat([self.predictions["value"], self.observations["value"]]).dropna()
        return self.variable.log_axis and bool((values > 0).all())


def rank_percentile(values: pd.Series) -> pd.Series:
    """Where each value stands among all, (rank - 1) / (n - 1), ties averaged.

    Args:
        values: numbers, [n]; absent ones stay absent and do not count.

    Returns:
        0 for the lowest, 1 for the highest; 0.5 where there is only one value.
    """
    return pd.Series(percentiles(values.to_numpy(dtype="float64")), index=values.index)


def photos_by_mark(material: Material) -> dict[str, pd.DataFrame]:
    """The scored photos that annotators saw, by the marks that they gave them.

    Returns:
        The rows of `predictions` by mark, in the order of `tables.ATTRIBUTES`, marks that no
        scored photo bears left out; under `UNMARKED` those that bear none. A photo with two marks
        stands under both.
    """
    seen = set(material.answers["left_image_id"]) | set(material.answers["right_image_id"])
    photos = material.predictions
    photos = photos[photos["score"].notna() & photos["image_id"].isin(seen)]
    marks = [set(text.split(",")) - {""} for text in photos["attributes"].fillna("")]
    rows = {name: photos[[name in one for one in marks]] for name in ATTRIBUTES}
    rows[UNMARKED] = photos[[not one for one in marks]]
    return {name: found for name, found in rows.items() if len(found)}


def _with_scores(pairs: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    score = predictions.set_index("image_id")["score"]
    return pairs.assign(
        score_1=pairs["image_id_1"].map(score).astype("float64"),
        score_2=pairs["image_id_2"].map(score).astype("float64"),
    )


def day_starts(times: pd.Series) -> pd.Series:
    """The station-local date of each instant as the date's midnight, without a zone.

    For grouping: of a million photos, `tables.local_dates` makes a million Python objects.
    """
    starts: pd.Series = times.dt.tz_localize(None).dt.normalize()
    return starts


def _by_day(predictions: pd.DataFrame) -> pd.DataFrame:
    rows = predictions[["split", "value", "score"]]
    return rows.assign(date=day_starts(predictions["timestamp"]))


def daily_means(predictions: pd.DataFrame) -> pd.DataFrame:
    """Means of a split's photos by station-local date, ordered by split and date.

    Args:
        predictions: `tables.PREDICTIONS`.

    Returns:
        split, date, value, score, n_photos; absent values and scores do not count in a mean.
    """
    rows = _by_day(predictions)
    daily = (
        rows.groupby(["split", "date"], sort=True)
        .agg(value=("value", "mean"), score=("score", "mean"), n_photos=("split", "size"))
        .reset_index()
    )
    daily["date"] = daily["date"].dt.date
    order = daily["split"].map({split: place for place, split in enumerate(SPLITS)})
    return daily.assign(order=order).sort_values(["order", "date"], ignore_index=True)[
        ["split", "date", "value", "score", "n_photos"]
    ]


def whole_days(predictions: pd.DataFrame) -> pd.DataFrame:
    """Means of all photos by station-local date, whatever their splits, ordered by date.

    Args:
        predictions: `tables.PREDICTIONS`.

    Returns:
        date, split (that of most of the day's photos, the first of `tables.SPLITS` where two are
        even), value, score, n_photos.
    """
    rows = _by_day(predictions)
    days = (
        rows.groupby("date", sort=True)
        .agg(value=("value", "mean"), score=("score", "mean"), n_photos=("split", "size"))
        .reset_index()
    )
    days["date"] = days["date"].dt.date
    counts = (
        rows.groupby(["date", "split"]).size().unstack(fill_value=0).reindex(columns=list(SPLITS))
    )
    most = np.argmax(counts.fillna(0).to_numpy(), axis=1) if len(counts) else []
    days.insert(1, "split", pd.Series([SPLITS[place] for place in most], dtype="str"))
    return days


def _marked(dataset: DatasetFolder) -> pd.DataFrame:
    """See `Material.marked`."""
    photos = dataset.images[["image_id", "timestamp", "filename", "quality"]]
    reasons = dataset.quality.set_index("image_id")["reason"]
    photos = photos[photos["quality"].notna()].reset_index(drop=True)
    return photos.assign(reason=photos["image_id"].map(reasons).astype("str"))


def load_material(dataset: Path, input_: Path, model: Path, predictions: Path) -> Material:
    """Read the four folders that a report is made from.

    Args:
        dataset: the folder of the `dataset` stage.
        input_: the folder of the `input` stage.
        model: the folder of the `train` stage.
        predictions: the folder of the `predict` stage.

    Raises:
        DataError: a file is absent or does not fit its schema.
    """
    source, chosen, trained = DatasetFolder(dataset), InputFolder(input_), ModelFolder(model)
    station = chosen.station
    made = PredictionsFolder(predictions, station.timezone)
    scored = made.predictions.drop(columns="url")
    scored = scored.sort_values(["timestamp", "image_id"], ignore_index=True)
    return Material(
        station=station,
        label=station.label or station.name,
        variable=VARIABLES[chosen.summary.variable],
        dataset=source.summary,
        input=chosen.summary,
        training=trained.summary,
        predicted=made.summary,
        model=trained.description,
        answers=source.pairs,
        observations=source.observations,
        excluded=source.excluded,
        predictions=scored,
        failures=made.failures,
        marked=_marked(source),
        pairs=_with_scores(chosen.pairs, scored),
        daily=daily_means(scored),
        days=whole_days(scored),
        history=trained.history,
        photos=source.photos,
    )
