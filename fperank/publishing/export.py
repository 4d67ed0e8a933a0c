"""A version's results as files that the Flow Photo Explorer takes: scores and what they come from.

The folders `input/` and `output/` are those of a model of EcoSHEDS' Flow Photo RankNet Model, whose
program scores new photos by `model.pth` where its format can hold the network.

Refused: a version that is not whole, a folder that exists, photos that do not lie below one prefix.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fperank.ground.errors import DataError
from fperank.ground.files import csv_text, write_json, write_text
from fperank.handover.dataset import DatasetFolder
from fperank.handover.input import InputFolder
from fperank.handover.model import ModelFolder
from fperank.handover.predictions import PREDICTIONS_FILE, PredictionsFolder
from fperank.handover.station import STATION_FILE
from fperank.handover.version import Version
from fperank.publishing.fpe_files import (
    common_prefix,
    image_set_of,
    imageset_predictions,
    manifest,
    rank_input,
    station_predictions,
    train_arguments,
    train_metrics,
)
from fperank.publishing.published_files import (
    ANNOTATIONS_NAME,
    CHECKPOINT_NAME,
    MODEL_NAME,
    PREDICTIONS_NAME,
    published_annotations,
    require_whole,
    write_archive,
)


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        photos: rows of `predictions.csv`.
        scored: how many of them have a score.
        image_sets: how many image sets got a file of their own.
        without_set: photos whose file names hold no image set.
        prefix: the prefix in S3 that `manifest.json` names.
        not_held: why there is no `model.pth`, in words; empty if there is one.
    """

    photos: int
    scored: int
    image_sets: int
    without_set: int
    prefix: str
    not_held: str


def export(
    top: Path, version: Version, folder: Path, *, prefix: str | None, model_code: str
) -> Exported:
    """Write the files of a version, all or none.

    Args:
        top: the folder that holds `data/`.
        version: what to export.
        folder: where to; must not exist.
        prefix: the prefix in S3 that the photos lie below; none to take it from their addresses.
        model_code: the model's name in the Flow Photo Explorer.

    Raises:
        DataError: a file is absent or wrong, the addresses share no prefix, or `folder` exists.
    """
    if folder.exists() or folder.is_symlink():
        raise DataError(f"{folder} exists already: name a folder that does not")
    given, dataset = InputFolder(top / version.input), DatasetFolder(top / version.dataset)
    model = ModelFolder(top / version.model)
    needed = (
        *(given.station_file, given.images_file, given.pairs_file, given.summary_file),
        *(dataset.images_file, dataset.pairs_file, dataset.station_file),
        *(model.description_file, model.history_file, model.summary_file),
        top / version.predictions / PREDICTIONS_FILE,
    )
    require_whole(version, needed)
    from fperank.seed.outgoing import not_held

    unheld = not_held(model.description)
    if not unheld:
        require_whole(version, [model.weights_file])
    predictions = PredictionsFolder(top / version.predictions, given.station.timezone).predictions
    filenames = given.images["filename"]
    listed = manifest(prefix or common_prefix(filenames, given.images["url"]), filenames)
    sets = image_set_of(predictions["filename"])
    made_from = rank_input(given, model_code)

    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        write_text(part / PREDICTIONS_NAME, station_predictions(predictions))
        for image_set, rows in predictions.groupby(sets, sort=True):
            path = part / "imagesets" / str(image_set) / PREDICTIONS_NAME
            write_text(path, imageset_predictions(rows))
        write_json(listed, part / "manifest.json")
        write_json(made_from, part / "rank-input.json")
        _write_model_folders(part, dataset, given, model, made_from)
        if not unheld:
            _write_checkpoint(model, part / "output")
        part.rename(folder)
    except OSError as error:
        raise DataError(f"{folder} cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Exported(
        photos=len(predictions),
        scored=int(predictions["score"].notna().sum()),
        image_sets=int(sets.nunique()),
        without_set=int(sets.isna().sum()),
        prefix=listed[0]["prefix"],
        not_held=unheld,
    )


def _write_model_folders(
    folder: Path,
    dataset: DatasetFolder,
    given: InputFolder,
    model: ModelFolder,
    made_from: dict[str, Any],
) -> None:
    """What the explorer's program looks for beside a model."""
    annotations = published_annotations(dataset, keep_user_ids=False)
    write_text(folder / "input" / ANNOTATIONS_NAME, csv_text(annotations))
    write_json(made_from, folder / "input" / "rank-input.json")
    write_json(given.station.model_dump(), folder / "input" / STATION_FILE)
    write_json(train_arguments(model.summary), folder / "output" / "args.json")
    write_text(folder / "output" / "metrics.csv", train_metrics(model.history))


def _write_checkpoint(model: ModelFolder, folder: Path) -> None:
    from fperank.network.model_file import load_model
    from fperank.seed.outgoing import write_checkpoint

    network, description = load_model(model.folder)
    losses = model.history.set_index("epoch")["train_loss"]
    loss = float(losses.get(description.kept_epoch, float("nan")))
    path = folder / CHECKPOINT_NAME
    write_checkpoint(network.state_dict(), description, loss, path)
    write_archive([path], folder / MODEL_NAME)
