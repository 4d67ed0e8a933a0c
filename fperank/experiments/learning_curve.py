"""How many comparisons does this station need? Models from more and more of the training pairs.

The pairs of one repetition are put into a random order once, and each model learns from the first
so many of them: smaller sets are parts of larger ones. The pairs that validate, and the photos that
the agreement is measured on, are the same for all. Goodling and others 2025 asked so for eleven
cameras (Hydrology and Earth System Sciences 29(22), 6445).

Refused: sizes that the version's training pairs do not reach, a table of another version or other
parameters.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fperank.agreement.evaluation import TEST_SPLITS
from fperank.agreement.metrics import tau
from fperank.ground.errors import DataError, ParameterError
from fperank.ground.files import csv_text, write_text
from fperank.ground.numbers import all_rounded
from fperank.handover.input import InputFolder
from fperank.network.model_file import save_model
from fperank.params.parameters import TrainParams
from fperank.photos.views import ReadPhoto
from fperank.scoring.scorer import Scorer, predict
from fperank.training.data import load_data
from fperank.training.loop import train

SIZES = (100, 200, 300, 400, 500, 750, 1000, 1250, 1500, 2000, 2500, 3000, 4000)
"""Training pairs that models learn from if nothing else is asked for; those that are there."""

COLUMNS = ("pairs", "repetition", "val_pair_accuracy", "tau", "test_photos", "made_from")
"""Columns of the table; `made_from` tells models of other pairs and parameters apart."""


def learning_curve(
    chosen: InputFolder,
    photos: Path,
    params: TrainParams,
    table: Path,
    *,
    sizes: Sequence[int] = SIZES,
    repetitions: int = 5,
    test_photos: int = 1000,
    scratch: Path,
    read: ReadPhoto,
    on_model: Callable[[dict[str, Any]], None] = lambda row: None,
) -> pd.DataFrame:
    """Train the models that the table lacks, and add a row for each as soon as it is measured.

    Args:
        chosen: what stage `input` wrote: its training pairs are drawn from, its validation pairs
            stay.
        photos: the folder that the filenames are relative to.
        params: the parameters of stage `train`; a repetition counts up `seed`.
        table: the CSV file to begin or to go on with.
        sizes: training pairs to learn from; those that are not reached are passed over, and all
            pairs come last.
        repetitions: orders of the pairs, each with other random starting weights.
        test_photos: photos in no pair to measure the agreement on, at most, evenly over time.
        scratch: folder of a killed training's checkpoint.
        read: reads a photo, see `Scorer`.
        on_model: called with each new row.

    Returns:
        pairs (training pairs learnt from), repetition (from 1), val_pair_accuracy (share of
        held-out pairs with a clear answer in its order, 0 to 1), tau (Kendall's, of photos in no
        pair with an observed value; absent without such photos), test_photos (how many), made_from.

    Raises:
        DataError: the table is of another version or of other parameters, or cannot be read.
        ParameterError: none of the sizes is reached, or an argument is not positive.
    """
    if min([*sizes, repetitions, test_photos]) < 1:
        raise ParameterError("sizes, repetitions and photos to measure on must be 1 or more")
    pairs = chosen.pairs
    total = int((pairs["split"] == "train").sum())
    wanted = [*sorted({size for size in sizes if size < total}), total]
    if len(wanted) < 2:
        raise ParameterError(
            f"the version has {total:,} training pairs, fewer than the smallest size {min(sizes):,}"
            ": a curve needs two sizes, so ask for smaller ones"
        )
    images = _photos_to_measure(chosen.images, test_photos)
    made_from = _digest(pairs, images, params)
    rows = _rows_there(table, made_from)
    done = {(row["pairs"], row["repetition"]) for row in rows}
    for repetition, n, part in _nested(pairs, wanted, repetitions):
        if (n, repetition) in done:
            continue
        own = params.model_copy(update={"seed": params.seed + repetition - 1, "processes": 1})
        figures = _measured(part, images, photos, own, chosen, scratch, read)
        row = {"pairs": n, "repetition": repetition, **figures, "made_from": made_from}
        # As the file holds it, so that a run that was stopped ends with the same table.
        row = all_rounded(row)
        rows.append(row)
        # After every model: what took hours outlives a power cut.
        write_text(table, csv_text(_table(rows)))
        on_model(row)
    return _table(rows)


def _nested(
    pairs: pd.DataFrame, sizes: Sequence[int], repetitions: int
) -> Iterator[tuple[int, int, pd.DataFrame]]:
    """Repetition, number of training pairs, and these with all validation pairs."""
    training = pairs[pairs["split"] == "train"]
    held_out = pairs[pairs["split"] == "val"]
    for repetition in range(1, repetitions + 1):
        order = np.random.default_rng((repetition, len(training))).permutation(len(training))
        for n in sizes:
            part = training.iloc[np.sort(order[:n])]
            yield repetition, n, pd.concat([part, held_out], ignore_index=True)


def _photos_to_measure(images: pd.DataFrame, most: int) -> pd.DataFrame:
    """Photos in no pair with an observed value, at most so many, evenly over time."""
    usable = images[images["split"].isin(TEST_SPLITS) & images["value"].notna()]
    places = np.linspace(0, len(usable) - 1, min(most, len(usable))).round().astype(int)
    return usable.sort_values("timestamp").iloc[places]


def _measured(
    pairs: pd.DataFrame,
    images: pd.DataFrame,
    photos: Path,
    params: TrainParams,
    chosen: InputFolder,
    scratch: Path,
    read: ReadPhoto,
) -> dict[str, Any]:
    """Train on the pairs; the kept epoch's figures."""
    data = load_data(pairs, photos, params, read)
    model = train(
        data, params, chosen.summary.variable, chosen.station.name, scratch, lambda _row: None
    )
    kept = model.history[model.history["kept"]]
    figures: dict[str, Any] = {"val_pair_accuracy": float(kept["val_pair_accuracy"].item())}
    told = images.assign(score=np.nan)
    if len(images):
        with tempfile.TemporaryDirectory() as folder:
            save_model(Path(folder), model.state, model.description)
            told, _ = predict(images, photos, Scorer.load(Path(folder), params, read))
    model.checkpoint.remove()
    told = told.dropna(subset=["score"])
    figures["tau"] = tau(told["value"].to_numpy(), told["score"].to_numpy())
    return {**figures, "test_photos": len(told)}


def _digest(pairs: pd.DataFrame, images: pd.DataFrame, params: TrainParams) -> str:
    columns = ["split", "pair_id", "image_id_1", "image_id_2", "label"]
    parts = (csv_text(pairs[columns]), csv_text(images[["image_id", "value"]]))
    text = "\n".join([params.model_dump_json(), *parts])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _rows_there(table: Path, made_from: str) -> list[dict[str, Any]]:
    if not table.exists():
        return []
    try:
        found = pd.read_csv(table, dtype={"made_from": "str"})
        rows = [dict(zip(COLUMNS, row, strict=True)) for row in found[list(COLUMNS)].to_numpy()]
    except (KeyError, ValueError, OSError):
        raise DataError(
            f"{table} is no table of a learning curve: name a folder that has none"
        ) from None
    if any(row["made_from"] != made_from for row in rows):
        raise DataError(
            f"{table} was made from other pairs or with other parameters: name another folder, for "
            "a curve compares models that differ in their number of pairs only"
        )
    return rows


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    kinds = {"pairs": "int64", "repetition": "int64", "test_photos": "int64"}
    kinds |= {"tau": "float64", "val_pair_accuracy": "float64", "made_from": "str"}
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype(kinds)
    return table.sort_values(["repetition", "pairs"], ignore_index=True)
