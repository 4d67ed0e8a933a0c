"""CSV files as people hand them in: read as text, with the line that each row stands on.

Spreadsheets write byte order marks, blank lines and semicolons; a line number that is off by one
sends a person to the wrong row. So the reading is plain and every row keeps its line.

Refused: files that are not UTF-8, separators other than the comma, column names twice, rows with
more cells than columns.
"""

import csv
import re
from pathlib import Path

import pandas as pd

from fperank.ground.errors import DataError


def read_csv_text(path: Path) -> pd.DataFrame:
    """Read a CSV file without interpreting a cell.

    Args:
        path: the file, in UTF-8, its first line the column names.

    Returns:
        Text without surrounding spaces, absent cells as empty text; the index is the line number
        in the file, counted from 1. Blank lines are left out.

    Raises:
        DataError: the file is empty or is not such a CSV file.
    """
    lines: list[int] = []
    rows: list[list[str]] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            _check_header(header, path)
            begin = reader.line_num + 1
            for cells in reader:
                cells = [cell.strip() for cell in cells]
                if any(cells):
                    if any(cells[len(header) :]):
                        raise DataError(
                            f"{path}: line {begin} has {len(cells)} cells but there are "
                            f"{len(header)} columns: put text that holds a comma in double quotes"
                        )
                    rows.append((cells + [""] * len(header))[: len(header)])
                    lines.append(begin)
                begin = reader.line_num + 1
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a CSV file in UTF-8: {error}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    return pd.DataFrame(rows, columns=header, index=pd.Index(lines, name="line"), dtype="str")


def whole_id(text: str) -> str:
    """An id without the `.0` of a program that took it for a measured number."""
    return re.sub(r"^(\d+)\.0+$", r"\1", text)


def _check_header(header: list[str], path: Path) -> None:
    if not any(header):
        raise DataError(f"{path} is empty: its first line must hold the column names")
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in header[0]:
            raise DataError(
                f"{path} is separated by {name}: save it again as CSV separated by commas"
            )
    for name in header:
        if name and header.count(name) > 1:
            raise DataError(f"{path} has the column {name} twice: remove or rename one of them")
