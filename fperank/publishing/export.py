"""A version's results as files that the Flow Photo Explorer takes: scores and what they come from.

Refused: a version that is not whole, a folder that exists, photos that do not lie at one place.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fperank.ground.files import read_json, write_json, write_text
from fperank.handover.input import INPUT_IMAGES, PAIRS
from fperank.handover.predictions import PREDICTIONS
from fperank.handover.station import read_station
from fperank.handover.tables import read_table
from fperank.publishing.fpe_files import (
    common_prefix,
    image_set_of,
    imageset_predictions,
    manifest,
    rank_input,
    station_predictions,
)
from fperank.running.errors import DataError

_NEEDED = (
    "input/station.json",
    "input/images.csv",
    "input/pairs.csv",
    "input/input.json",
    "predictions/predictions.csv",
)


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        photos: rows of `predictions.csv`.
        scored: how many of them have a score.
        image_sets: how many image sets got a file of their own.
        without_set: photos whose file names tell no image set.
        prefix: the place in S3 that `manifest.json` names.
    """

    photos: int
    scored: int
    image_sets: int
    without_set: int
    prefix: str


def export(
    file: Callable[[str], Path], folder: Path, *, prefix: str | None, model_code: str
) -> Exported:
    """Write the files of a version, all or none.

    Args:
        file: the path of a version's file by its name, such as `input/images.csv`.
        folder: where to; must not exist.
        prefix: the place in S3 that the photos lie below; none to take it from their addresses.
        model_code: the model's name in the Flow Photo Explorer.

    Raises:
        DataError: a file is absent or wrong, the prefix cannot be told, or `folder` exists.
    """
    if folder.exists() or folder.is_symlink():
        raise DataError(f"{folder} exists already: name a folder that does not")
    paths = {name: file(name) for name in _NEEDED}
    if absent := [str(path) for path in paths.values() if not path.is_file()]:
        raise DataError(
            f"the version is not whole: {', '.join(absent)} {'is' if len(absent) == 1 else 'are'} "
            "absent; run `dvc repro`, or `dvc pull` where it was made elsewhere"
        )
    station = read_station(paths["input/station.json"])
    zone = station.timezone
    predictions = read_table(paths["predictions/predictions.csv"], PREDICTIONS, zone)
    images = read_table(paths["input/images.csv"], INPUT_IMAGES, zone)
    pairs = read_table(paths["input/pairs.csv"], PAIRS, zone)
    place = prefix or common_prefix(images["filename"], images["url"])
    listed = manifest(place, images["filename"])
    sets = image_set_of(predictions["filename"])
    told = rank_input(station, images, pairs, read_json(paths["input/input.json"]), model_code)

    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        write_text(part / "predictions.csv", station_predictions(predictions))
        for image_set, rows in predictions.groupby(sets, sort=True):
            path = part / "imagesets" / str(image_set) / "predictions.csv"
            write_text(path, imageset_predictions(rows))
        write_json(listed, part / "manifest.json")
        write_json(told, part / "rank-input.json")
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
