"""Reading JSON and writing files: whole or not at all, the same bytes for the same content."""

import datetime as dt
import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import pandas as pd

from fperank.ground.cells import safe_cells
from fperank.ground.errors import DataError
from fperank.ground.numbers import DIGITS, all_rounded, float_format


def require_file(path: Path) -> int:
    """Make sure that a path leads to an ordinary file, and return its size in bytes.

    A pipe would be waited for, and a device never ends.

    Raises:
        DataError: nothing is there, or a folder, a pipe or a device.
    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{path} does not exist") from None
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or a device"
        raise DataError(f"{path} is {kind}, not a file")
    return status.st_size


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        DataError: the file is absent or is not JSON.
    """
    require_file(path)
    try:
        # Bytes: a byte order mark and UTF-16, as Notepad and PowerShell write, are understood.
        return json.loads(path.read_bytes())
    except RecursionError:
        raise DataError(f"{path} is not valid JSON: lists stand in lists too deeply") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not valid JSON: {error}") from None


def json_text(values: Any, *, compact: bool = False) -> str:
    """JSON with sorted keys; fractions are rounded, see `ground.numbers`.

    Args:
        values: lists and tables of plain values, dates and numpy's numbers.
        compact: on one line without spaces, for what a page embeds.
    """

    def plain(value: Any) -> Any:
        if isinstance(value, dt.date):
            return value.isoformat()
        if hasattr(value, "item"):
            return all_rounded(value.item())
        raise TypeError(f"{type(value)} has no JSON form")

    return json.dumps(
        all_rounded(values),
        indent=None if compact else 2,
        separators=(",", ":") if compact else None,
        sort_keys=True,
        ensure_ascii=False,
        allow_nan=False,
        default=plain,
    )


def write_json(values: Any, path: Path) -> None:
    """Write a JSON file, whole or not at all; parents are created. See `json_text`."""
    write_text(path, json_text(values) + "\n")


def csv_text(table: pd.DataFrame, digits: int = DIGITS, *, header: bool = True) -> str:
    """A table as the text of a CSV file that a spreadsheet program may open, see `ground.cells`.

    Args:
        table: without an index worth keeping.
        digits: significant digits of fractions, see `ground.numbers`.
        header: whether a line of column names comes first.
    """
    return safe_cells(table).to_csv(
        index=False, header=header, lineterminator="\n", float_format=float_format(digits)
    )


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all; parents are created."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all; parents are created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            # The disk is full: it is told which.
            error.filename = str(path)
        raise


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """The digest of a file's content, in hexadecimal digits; a large file is read in pieces.

    Args:
        path: the file.
        algorithm: `sha256`, or `md5` for what DVC names a content by. Neither keeps a secret here.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(
            stream, lambda: hashlib.new(algorithm, usedforsecurity=False)
        ).hexdigest()
