"""A station whose comparisons come from elsewhere than its photos.

It stands around any other source: `annotations_from` names a file of comparisons by path or
address, which takes the place of what the source itself tells of them. An annotation file may hold
user ids, so one that is fetched is read from a temporary file and never kept.

Refused: files that are absent, larger than 500 MB, or neither .json nor .csv. Counted and left out:
comparisons of photos that the station does not have.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import pandas as pd

from fperank.handover.dataset import ANNOTATIONS, EXCLUDED
from fperank.remote.fetching import Fetcher, shown
from fperank.running.errors import AbsentError, DataError
from fperank.stations.answers.files import Excluded, keep_known_photos, read_annotation_file
from fperank.stations.base import Source, StationData

MAX_BYTES = 500_000_000


class AnnotationsElsewhere:
    """A source with other comparisons.

    Args:
        inner: tells everything else.
        annotations_from: the file: a path, or an https://, http:// or s3:// address.
        fetcher: fetches it from an address.
    """

    def __init__(self, inner: Source, annotations_from: str, fetcher: Fetcher) -> None:
        self._inner = inner
        self._place = annotations_from
        self._fetcher = fetcher

    def read(self) -> StationData:
        """Read the inner source, and the comparisons from where they are.

        Raises:
            DataError: one of them cannot be read.
        """
        given, unanswered = self._read_file()
        data = self._inner.read()
        photos = data.excluded[data.excluded["kind"] == "photo"]
        annotations, unknown = keep_known_photos(
            given.reindex(columns=list(ANNOTATIONS.columns)),
            known=set(data.images["image_id"]),
            # A photo that was left out is told by its name, which is its id in many a folder.
            excluded_photos=dict(zip(photos["name"], photos["reason"], strict=True)),
        )
        notes = data.notes
        if annotations.empty and not given.empty:
            theirs, ours = given["left_image_id"].iloc[0], data.images["image_id"].iloc[0]
            notes += (
                f"None of the {len(given):,} comparisons of annotations_from compares two photos "
                f"of this station: they name photos as {theirs!r}, the station as {ours!r}.",
            )
        kept = data.excluded[data.excluded["kind"] != "annotation"]
        left_out = pd.DataFrame(unanswered + unknown, columns=list(EXCLUDED.columns), dtype="str")
        return replace(
            data,
            annotations=annotations,
            excluded=pd.concat([kept, left_out], ignore_index=True),
            notes=notes,
        )

    def fetch(self, filename: str, target: Path) -> None:
        """Fetch a photo from the inner source."""
        self._inner.fetch(filename, target)

    def _read_file(self) -> tuple[pd.DataFrame, Excluded]:
        if "://" in self._place:
            try:
                return read_annotations_at(self._place, self._fetcher)
            except AbsentError as error:
                raise DataError(f"annotations_from: {error}") from None
        path = Path(self._place).expanduser()
        if not path.is_file():
            raise DataError(
                f"annotations_from {self._place} is no file: give the path of a .json or .csv file "
                "of comparisons, or its https:// or s3:// address"
            )
        return read_annotation_file(path)


def read_annotations_at(address: str, fetcher: Fetcher) -> tuple[pd.DataFrame, Excluded]:
    """Read a file of comparisons from an address, of which nothing is kept.

    Args:
        address: ends in `.json` or `.csv`, before its query if it has one.
        fetcher: fetches it.

    Returns:
        See `read_annotation_file`.

    Raises:
        AbsentError: nothing lies there.
        DataError: it cannot be fetched, or is not what it should be.
    """
    suffix = Path(shown(address)).suffix.lower()
    if suffix not in {".csv", ".json"}:
        raise DataError(f"{shown(address)} is no file of annotations: fperank reads .json and .csv")
    with tempfile.TemporaryDirectory(prefix="fperank-") as folder:
        path = Path(folder) / f"annotations{suffix}"
        fetcher.download(address, path, MAX_BYTES)
        try:
            return read_annotation_file(path)
        except DataError as error:
            raise DataError(str(error).replace(str(path), shown(address))) from None
