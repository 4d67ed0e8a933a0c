"""A version's results as files that the Flow Photo Explorer takes: scores and what they come from.

Refused: a version that is not whole, a folder that exists, photos that do not lie below one prefix.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from fperank.ground.errors import DataError
from fperank.ground.files import write_json, write_text
from fperank.handover.input import InputFolder
from fperank.handover.predictions import PREDICTIONS_FILE, PredictionsFolder
from fperank.handover.version import Version
from fperank.publishing.fpe_files import (
    common_prefix,
    image_set_of,
    imageset_predictions,
    manifest,
    rank_input,
    station_predictions,
)
from fperank.publishing.published_files import PREDICTIONS_NAME, require_whole


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        photos: rows of `predictions.csv`.
        scored: how many of them have a score.
        image_sets: how many image sets got a file of their own.
        without_set: photos whose file names hold no image set.
        prefix: the prefix in S3 that `manifest.json` names.
    """

    photos: int
    scored: int
    image_sets: int
    without_set: int
    prefix: str


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
    given = InputFolder(top / version.input)
    needed = (given.station_file, given.images_file, given.pairs_file, given.summary_file)
    require_whole(version, [*needed, top / version.predictions / PREDICTIONS_FILE])
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
    )
