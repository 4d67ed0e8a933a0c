"""The files that the Flow Photo Explorer and EcoSHEDS' Flow Photo RankNet Model exchange.

Two variants of `predictions.csv` are about: the station-wide one with columns `split` and `value`,
which R writes in UTC, and the one of an image set with neither of them. Both are written in local
time with its offset here: the explorer takes the first ten characters of a time for the day. An
absent score is written as `NA`: an empty cell it would take for a score of 0.

Refused: times without an offset, scores and values that are no numbers.
"""

import datetime as dt
import re
import urllib.parse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fperank.ground.cells import plain_cells
from fperank.ground.errors import DataError
from fperank.ground.files import csv_text
from fperank.ground.numbers import LOSS_DIGITS, float_format
from fperank.ground.variables import VARIABLES
from fperank.handover.input import InputFolder
from fperank.handover.model import TrainingSummary
from fperank.handover.tables import SPLITS, iso_times, local_dates, parse_times

_NEEDED = ("image_id", "timestamp", "filename", "url", "score")
_STATION_COLUMNS = ("split", "image_id", "timestamp", "filename", "url", "value", "score")
_MISSING = ("", "NA", "NaN", "nan")
_S3_HOST = re.compile(r"(?P<bucket>.+)\.s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com")


def read_predictions(path: Path) -> pd.DataFrame:
    """Read either variant of `predictions.csv`; columns are found by name, others are left behind.

    Returns:
        image_id, timestamp (in UTC), filename, url, score (not a number where the photo has none);
        before them `split`, and before the score `value`, where the file has them.

    Raises:
        DataError: the file is absent, or is no such table.
    """
    try:
        frame = pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
        raise DataError(f"{path} is not a CSV file in UTF-8 with a line of column names") from None
    if missing := [name for name in _NEEDED if name not in frame.columns]:
        raise DataError(
            f"{path}: the column {missing[0]} is missing; columns needed: {', '.join(_NEEDED)}; "
            f"columns found: {', '.join(frame.columns)}"
        )
    frame = plain_cells(frame[[name for name in _STATION_COLUMNS if name in frame.columns]].copy())
    frame["timestamp"] = parse_times(frame["timestamp"], "UTC", f"{path}, column timestamp")
    for name in {"value", "score"} & set(frame.columns):
        frame[name] = _numbers(frame[name], f"{path}, column {name}")
    frame["url"] = frame["url"].mask(frame["url"].isin(_MISSING))
    return frame


def station_predictions(predictions: pd.DataFrame) -> str:
    """A version's scores as the text of the station-wide `predictions.csv`.

    Args:
        predictions: `predictions.PREDICTIONS`, or what `read_predictions` gives of such a file.
    """
    local = iso_times(predictions["timestamp"])
    return explorer_text(predictions.assign(timestamp=local)[list(_STATION_COLUMNS)])


def imageset_predictions(predictions: pd.DataFrame) -> str:
    """Scores as the text of an image set's `predictions.csv`, times in the station's zone.

    Args:
        predictions: image_id, timestamp, filename, url, score; further columns are left behind.
    """
    local = predictions["timestamp"].dt.strftime("%Y-%m-%d %H:%M:%S%z")
    # The offset with its colon, as pandas writes an instant.
    local = local.str.slice(0, -2) + ":" + local.str.slice(-2)
    return explorer_text(predictions.assign(timestamp=local)[list(_NEEDED)])


def explorer_text(table: pd.DataFrame) -> str:
    """A table with a column `score` as CSV, in which an absent score is `NA`."""
    scores = table["score"].map(float_format().__mod__, na_action="ignore")
    return csv_text(table.assign(score=scores.astype("object").where(scores.notna(), "NA")))


def image_set_of(filenames: pd.Series) -> pd.Series:
    """The UUID of each photo's image set by its file name; none where the name holds none."""
    return filenames.str.extract(r"^imagesets/([0-9A-Za-z-]+)/images/.+$", expand=False)


def manifest(prefix: str, filenames: pd.Series) -> list[Any]:
    """`manifest.json`: where the photos lie in S3, and each one's name below it.

    Raises:
        DataError: the prefix is no address in S3.
    """
    if not re.fullmatch(r"s3://[^/]+(/.*)?", prefix):
        raise DataError(
            f"prefix {prefix!r} is no address in S3: write s3://bucket/ or s3://bucket/a/"
        )
    return [{"prefix": prefix if prefix.endswith("/") else f"{prefix}/"}, *filenames]


def common_prefix(filenames: pd.Series, urls: pd.Series) -> str:
    """The prefix in S3 that all photos lie below, by their addresses.

    Raises:
        DataError: they share none.
    """
    prefixes = {_prefix(*pair) for pair in zip(filenames, urls.fillna(""), strict=True)}
    found = sorted(prefix for prefix in prefixes if prefix)
    if len(prefixes) == 1 and found:
        return found[0]
    why = f"they lie in {found[0]} and {found[1]}" if len(found) > 1 else "some have none in S3"
    raise DataError(
        f"the photos' addresses share no prefix ({why}): add --prefix with where the photos lie, "
        "such as --prefix s3://bucket/"
    )


def rank_input(given: InputFolder, model_code: str) -> dict[str, Any]:
    """`rank-input.json`: what a model was made from.

    Args:
        given: the version's input.
        model_code: the model's name in the Flow Photo Explorer.
    """
    station, images, pairs, summary = given.station, given.images, given.pairs, given.summary
    params = summary.parameters
    variable = VARIABLES[summary.variable]
    number = int(station.id) if station.id and station.id.isdigit() else station.id
    dates = local_dates(images["timestamp"])
    ends = pd.concat([pairs["timestamp_1"], pairs["timestamp_2"]])
    options = {
        "station_id": number,
        "variable_id": variable.id,
        "dataset_code": summary.dataset_version,
        "train_frac": params.train_frac,
        "seed": params.split_seed,
        "min_hour": params.min_hour,
        "max_hour": params.max_hour,
        "min_month": params.min_month,
        "max_month": params.max_month,
        "images_start": params.start_date or dates.min(),
        "images_end": params.end_date or dates.max(),
        "annotations_start": params.annotation_start_date or dates.min(),
        "annotations_end": params.annotation_end_date or dates.max(),
    }
    return {
        "model_code": model_code,
        "dataset_code": summary.dataset_version,
        "variable_id": variable.id,
        "annotation_variable": variable.annotation_name,
        "station": {"id": number, "name": station.name},
        "images": {"n": len(images), **_span(images["timestamp"]), "splits": _splits(images)},
        "pairs": {
            "source": "human",
            "n": len(pairs),
            "method": params.split_method,
            **_span(ends),
            "splits": {name: n for name, n in _splits(pairs).items() if not name.startswith("te")},
        },
        "args": {"options": options, "args": [model_code]},
        # The same version gives the same bytes: no time of writing.
        "created_at": None,
    }


def _span(times: pd.Series) -> dict[str, str]:
    def written(time: dt.datetime) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%S%z")

    return {"start": written(times.min()), "end": written(times.max())}


def _splits(table: pd.DataFrame) -> dict[str, int]:
    return {split: int((table["split"] == split).sum()) for split in SPLITS}


def _prefix(filename: str, url: str) -> str:
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    at_amazon = _S3_HOST.fullmatch(host)
    bucket = host if scheme == "s3" else at_amazon["bucket"] if at_amazon else ""
    # As the explorer writes addresses, in which nothing is encoded, and as others do.
    plain = urllib.parse.unquote(re.split("[?#]", path, maxsplit=1)[0])
    for one in (path, plain):
        if bucket and f"/{one}".endswith(f"/{filename}"):
            return f"s3://{bucket}/{one.removesuffix(filename)}"
    return ""


def _numbers(texts: pd.Series, where: str) -> pd.Series:
    missing = texts.isin(_MISSING)
    numbers = pd.to_numeric(texts.mask(missing), errors="coerce").astype("float64")
    wrong = np.flatnonzero(numbers.isna() & ~missing)
    if len(wrong):
        row = int(wrong[0])
        raise DataError(f"{where}: line {row + 2} holds {texts.iloc[row]!r}, which is no number")
    return numbers


def train_arguments(summary: TrainingSummary) -> dict[str, Any]:
    """`args.json`: how a model was trained, by the names of the seed's own options.

    Further keys, which the seed does not have, tell what its names cannot.
    """
    params = summary.parameters
    return {
        "epochs": params.epochs,
        "lr": params.learning_rate,
        "unfreeze_after": params.freeze_epochs,
        "batch_size": params.batch_pairs,
        "random_seed": params.seed,
        "num_image_stats": summary.photos,
        "input_size": params.input_size,
        "decolorize": False,
        "normalize": True,
        "augment": any(value for name, value in params if name.startswith("augment_")),
        "fperank": params.model_dump(),
    }


def train_metrics(history: pd.DataFrame) -> str:
    """`metrics.csv`: the losses of each epoch, counted from 0 as the seed does."""
    losses = history[["epoch", "train_loss", "val_loss"]]
    return csv_text(losses.assign(epoch=losses["epoch"] - 1), LOSS_DIGITS)
