"""A table of scores that only grows at its end: what `fperank score` writes.

Earlier rows are never touched, so a file can be added to for years, also one that the pipeline or
the Flow Photo Explorer has written: rows that are added take its columns and its way of writing
times. A row that a killed run has left unfinished is cut off.

Refused: files without image_id and score, rows of another model than the file's own, photos that
bear the name of another one in the file, as those of a second memory card do, and a file that
another run is adding to.
"""

import contextlib
import csv
import fcntl
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from fperank.ground.cells import plain_text
from fperank.ground.errors import DataError
from fperank.ground.files import csv_text
from fperank.ground.names import matched
from fperank.handover.tables import iso_times

COLUMNS = ("image_id", "timestamp", "filename", "url", "score", "reason", "quality", "model")
"""The columns of a new file.

`reason` says why a score is empty, `quality` holds the marks of the photo's picture, joined by
commas, `model` says whose score it is.
"""


@contextlib.contextmanager
def sole_writer(path: Path) -> Iterator[None]:
    """Keep other runs from a file while this one adds to it; parents are created.

    A file that was not there and got no rows is not there afterwards.

    Raises:
        DataError: another run is adding to it.
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(
                f"another run is adding scores to {path}: wait until it has ended, or name another "
                "file"
            ) from None
        except OSError:
            # Some network drives know no locks; there it is left to the user.
            pass
        try:
            yield
        finally:
            if not path.stat().st_size:
                path.unlink()


class PredictionFile:
    """A file of scores, open for adding; hold it by `sole_writer` meanwhile.

    Args:
        path: the file; begun when the first rows are added.
        model: short name of the model, such as the first digits of its weights' SHA-256.

    Raises:
        DataError: the file is no table of scores, or its last row is of another model.
    """

    def __init__(self, path: Path, model: str) -> None:
        self._path = path
        self._model = model
        self._columns = list(COLUMNS)
        self._restyled: Callable[[pd.Series], pd.Series] = _as_it_is
        self._times: dict[str, str] = {}
        if self._begun():
            self._read()

    def new(self, photos: pd.DataFrame) -> pd.DataFrame:
        """Those of some photos that the file does not hold yet.

        Args:
            photos: image_id, timestamp (instants, may be absent).

        Raises:
            DataError: one has the image_id of a photo that was taken at another time.
        """
        # A folder that went by way of a Mac may have other Unicode forms of the same names.
        names = matched(photos["image_id"], self._times, folder="")
        known = photos["image_id"].isin(names.keys())
        there = photos[known]
        texts = pd.Series([self._times[names[one]] for one in there["image_id"]], dtype="str")
        times = pd.to_datetime(texts, utc=True, errors="coerce", format="ISO8601")
        own = there["timestamp"].dt.tz_convert("UTC").dt.floor("s").reset_index(drop=True)
        other = (times != own) & times.notna() & own.notna()
        if other.any():
            row = int(other.to_numpy().argmax())
            raise DataError(
                f"{self._path} holds a photo {there['image_id'].iloc[row]} of {texts[row]}, but "
                f"this one was taken at {own[row].isoformat()}: two photos have one name, as on "
                "two memory cards; give --prefix card-2/ (or another file) to tell them apart"
            )
        return photos[~known]

    def add(self, rows: pd.DataFrame) -> None:
        """Add rows at the end, and wait until they are on the disk.

        Args:
            rows: image_id, timestamp (instants, may be absent), filename, url, score, reason,
                quality.
                Columns that the file has and the rows have not stay empty; others are left out.
        """
        if rows.empty:
            return
        times = iso_times(rows["timestamp"].dropna()).reindex(rows.index)
        self._append(rows.assign(timestamp=times, model=self._model))

    def add_from(self, path: Path) -> int:
        """Add the rows of another file that this one does not hold, in their order.

        Args:
            path: a file with the columns of a new one, or an empty one.

        Returns:
            How many were added.
        """
        header, *cells = _parsed(path.read_bytes()) or [list(COLUMNS)]
        rows = pd.DataFrame(cells, columns=header, dtype="str")
        rows = rows[~rows["image_id"].isin(self._times.keys())]
        self._append(rows.assign(timestamp=rows["timestamp"].mask(rows["timestamp"] == "")))
        return len(rows)

    def _append(self, rows: pd.DataFrame) -> None:
        """Add rows whose times are text, as `iso_times` writes it, or absent."""
        if rows.empty:
            return
        times = self._restyled(rows["timestamp"].dropna()).reindex(rows.index)
        table = rows.assign(timestamp=times)
        text = csv_text(table.reindex(columns=self._columns), header=not self._begun())
        self._path.parent.mkdir(parents=True, exist_ok=True)
        end = self._path.stat().st_size if self._begun() else 0
        try:
            with self._path.open("ab") as file:
                file.write(text.encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            # The disk is full: what was written of these rows goes, the others stay.
            os.truncate(self._path, end)
            error.filename = str(self._path)
            raise
        self._times.update(dict.fromkeys(rows["image_id"], ""))

    def _begun(self) -> bool:
        return self._path.exists() and self._path.stat().st_size > 0

    def _read(self) -> None:
        content = self._path.read_bytes()
        end = content.rfind(b"\n") + 1
        try:
            rows, tail = _parsed(content[:end]), _parsed(content[end:])
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{self._path} is not a CSV file in UTF-8: {error}") from None
        header = rows[0] if rows else []
        for name in ("image_id", "score"):
            if name not in header:
                raise DataError(
                    f"{self._path} is no file of scores: the column {name} is missing; columns "
                    f"found: {', '.join(header) or 'none'}. Name a file that does not exist yet"
                )
        if tail:
            self._mend_end(header, tail[0], end)
        for number, row in enumerate(rows[1:], start=2):
            if len(row) != len(header):
                raise DataError(
                    f"{self._path}: row {number} has {len(row)} columns instead of {len(header)}"
                )
        self._columns = header
        id_column = header.index("image_id")
        at = header.index("timestamp") if "timestamp" in header else None
        self._times = {row[id_column]: "" if at is None else row[at] for row in rows[1:]}
        if len(rows) > 1:
            last = dict(zip(header, rows[-1], strict=True))
            self._restyled = _way_of_writing(last.get("timestamp", ""))
            if last.get("model", self._model) not in {self._model, ""}:
                raise DataError(
                    f"{self._path} holds scores of the model {last['model']}, but this model is "
                    f"{self._model}: scores of two models do not compare; name another file"
                )

    def _mend_end(self, header: list[str], last: list[str], end: int) -> None:
        """Cut off a last row without a line break, if it is clear that a kill left it so."""
        if len(last) == len(header) and "model" not in header:
            raise DataError(
                f"{self._path} does not end with a line break, so its last row may be unfinished: "
                f"{','.join(last)!r}. Complete or remove that row, and end the file with a line "
                "break"
            )
        with self._path.open("r+b") as file:
            file.truncate(end)


def _parsed(content: bytes) -> list[list[str]]:
    text = io.StringIO(content.decode("utf-8-sig"), newline="")
    return [[plain_text(cell) for cell in row] for row in csv.reader(text)]


def _way_of_writing(example: str) -> Callable[[pd.Series], pd.Series]:
    """How a file writes times: in UTC with Z, in local time with a space, or as fperank does.

    Args:
        example: a time of the file.

    Returns:
        What makes such text of that which `iso_times` writes.
    """
    if example.endswith("Z"):
        return _in_utc
    return _with_space if " " in example else _as_it_is


def _as_it_is(times: pd.Series) -> pd.Series:
    return times


def _with_space(times: pd.Series) -> pd.Series:
    return times.str.replace("T", " ")


def _in_utc(times: pd.Series) -> pd.Series:
    return iso_times(pd.to_datetime(times, utc=True)).str.replace("+00:00", "Z")
