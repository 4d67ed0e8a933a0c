"""The two files of a publication that are made for it: the annotations and the model's archive.

The annotations take the column names of the Flow Photo Explorer, so that its readers find them by
name. Annotators are numbered unless told otherwise: even a hash of an id can be matched with the id
by whoever knows it.
"""

import gzip
import tarfile
from pathlib import Path

import pandas as pd

from fperank.handover.dataset import DATASET_PAIRS, IMAGES
from fperank.handover.station import Station
from fperank.handover.tables import iso_times, read_table


def published_annotations(
    pairs: Path, images: Path, station: Station, *, keep_user_ids: bool
) -> pd.DataFrame:
    """The dataset's comparisons under the column names of the Flow Photo Explorer's own file.

    Args:
        pairs: the dataset's `pairs.csv`.
        images: the dataset's `images.csv`, which tells the photos' addresses.
        station: whose they are.
        keep_user_ids: otherwise annotators are numbered in order of first appearance.
    """
    frame = read_table(pairs, DATASET_PAIRS, station.timezone)
    url = read_table(images, IMAGES, station.timezone).set_index("image_id")["url"]
    user_ids = frame["user_id"]
    if not keep_user_ids:
        numbers = {user: f"annotator-{n}" for n, user in enumerate(user_ids.dropna().unique(), 1)}
        user_ids = user_ids.map(numbers)
    columns = {
        "pair_id": frame["pair_id"],
        "user_id": user_ids,
        "station_id": station.id,
        "station_name": station.name,
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
