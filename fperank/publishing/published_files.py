"""What a publication consists of: the published names, and the files that are made for it.

The annotations take the column names of the Flow Photo Explorer, so that its readers find them by
name. Annotators are numbered unless the user wants their ids: even a hash of an id can be matched
with the id by whoever knows it.

Refused: versions that are not whole, tables that belong to another run.
"""

import contextlib
import gzip
import re
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from fperank.ground.errors import DataError
from fperank.ground.files import csv_text, write_text
from fperank.handover.dataset import DatasetFolder
from fperank.handover.input import InputFolder
from fperank.handover.model import ModelFolder
from fperank.handover.predictions import PREDICTIONS_FILE, PredictionsFolder
from fperank.handover.report import METRICS_FILE, PAGE_FILE
from fperank.handover.tables import iso_times
from fperank.handover.version import Version
from fperank.publishing.fpe_files import explorer_text

# The published names are a format of their own: readers outside the project go by them.
ANNOTATIONS_NAME = "annotations.csv"
IMAGES_NAME = "images.csv"
METRICS_NAME = "metrics.json"
MODEL_NAME = "model.tar.gz"
CHECKPOINT_NAME = "model.pth"
"""In a `model.tar.gz`: what the Flow Photo Explorer's own program scores by."""
PREDICTIONS_NAME = "predictions.csv"


def page_name(code: str) -> str:
    """What the report is called: by the model's code, as the explorer calls its own."""
    return f"{code}.html"


def checked_code(code: str) -> str:
    """The code again, if a file can be called by it.

    Raises:
        DataError: it cannot.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", code):
        raise DataError(
            f"the model's code {code!r} cannot name a file: give --model-code of letters, digits, "
            "dots, hyphens and underscores, such as RANK-FLOW-20240424"
        )
    return code


@contextlib.contextmanager
def published_files(
    top: Path, version: Version, *, code: str, keep_user_ids: bool
) -> Iterator[dict[str, Path]]:
    """The files to publish by their published names, in the order in which they are copied.

    Args:
        top: the folder that holds `data/`.
        version: which one.
        code: the model's, see `checked_code`; it names the report.
        keep_user_ids: see `published_annotations`.

    Raises:
        DataError: a file is absent or is not what it should be, or the input and the predictions
            come from different runs.
    """
    dataset, given = DatasetFolder(top / version.dataset), InputFolder(top / version.input)
    model = ModelFolder(top / version.model)
    page, metrics = (top / version.report / name for name in (PAGE_FILE, METRICS_FILE))
    needed = [
        *(dataset.images_file, dataset.pairs_file, dataset.station_file),
        *(given.images_file, given.station_file, model.description_file, model.weights_file),
        *(top / version.predictions / PREDICTIONS_FILE, metrics, page),
    ]
    require_whole(version, needed)
    predictions = PredictionsFolder(top / version.predictions, given.station.timezone)
    _require_one_run(given, predictions)
    with tempfile.TemporaryDirectory(prefix="fperank-publish-") as folder:
        annotations, archive = Path(folder) / ANNOTATIONS_NAME, Path(folder) / MODEL_NAME
        table = published_annotations(dataset, keep_user_ids=keep_user_ids)
        write_text(annotations, csv_text(table))
        write_archive([model.description_file, model.weights_file], archive)
        scores = Path(folder) / PREDICTIONS_NAME
        table = predictions.predictions
        write_text(scores, explorer_text(table.assign(timestamp=iso_times(table["timestamp"]))))
        yield {
            ANNOTATIONS_NAME: annotations,
            IMAGES_NAME: given.images_file,
            page_name(code): page,
            METRICS_NAME: metrics,
            MODEL_NAME: archive,
            # Readers take its presence for completeness.
            PREDICTIONS_NAME: scores,
        }


def require_whole(version: Version, files: Iterable[Path]) -> None:
    """Refuse a version that lacks one of the files that are needed of it.

    Raises:
        DataError: it does; the message names them all.
    """
    if absent := [str(path) for path in files if not path.is_file()]:
        raise DataError(
            f"the version {version.model_version} of {version.station} is not whole: "
            f"{', '.join(absent)} {'is' if len(absent) == 1 else 'are'} absent; run `dvc repro`, "
            "or `dvc pull` where it was made elsewhere"
        )


def _require_one_run(given: InputFolder, predictions: PredictionsFolder) -> None:
    keys = ["image_id", "split"]
    if not given.images[keys].equals(predictions.predictions[keys]):
        raise DataError(
            f"{predictions.predictions_file} holds other photos than {given.images_file}: the "
            "stages ran at different times; run `dvc repro`"
        )


def published_annotations(dataset: DatasetFolder, *, keep_user_ids: bool) -> pd.DataFrame:
    """The dataset's comparisons under the column names of the Flow Photo Explorer's own file.

    Args:
        dataset: whose pairs; its photos have the addresses.
        keep_user_ids: otherwise annotators are numbered in order of first appearance.
    """
    frame = dataset.pairs
    url = dataset.images.set_index("image_id")["url"]
    user_ids = frame["user_id"]
    if not keep_user_ids:
        numbers = {user: f"annotator-{n}" for n, user in enumerate(user_ids.dropna().unique(), 1)}
        user_ids = user_ids.map(numbers)
    columns = {
        "pair_id": frame["pair_id"],
        "user_id": user_ids,
        "station_id": dataset.station.id,
        "station_name": dataset.station.name,
        "rank": frame["rank"],
        "comment": frame["comment"],
    }
    for side in ("left", "right"):
        columns |= {
            f"{side}.imageId": frame[f"{side}_image_id"],
            f"{side}.attributes": frame[f"{side}_attributes"],
            f"{side}.timestamp": iso_times(frame[f"{side}_timestamp"]),
            f"{side}.value": frame[f"{side}_value"],
            f"{side}.url": frame[f"{side}_image_id"].map(url),
            f"{side}.filename": frame[f"{side}_filename"],
        }
    for name in ("delta_value", "avg_value", "rel_delta_value", "true_rank"):
        columns[name] = frame[name]
    return pd.DataFrame(columns, index=frame.index)


def write_archive(files: list[Path], target: Path) -> None:
    """Write a `.tar.gz` whose bytes follow from the files' names and bytes alone."""
    # Stored, not compressed: weights hardly shrink, and zlib's variants shrink them differently.
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=0, fileobj=raw, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for path in files:
            entry = tarfile.TarInfo(path.name)
            entry.size, entry.mode = path.stat().st_size, 0o644
            with path.open("rb") as content:
                archive.addfile(entry, content)
