"""CSV files as people hand them in: read as text, with the line that each row stands on.

Spreadsheets write byte order marks, other encodings, blank lines, semicolons and tabs; a line
number that is off by one sends a person to the wrong row. So every row keeps its line. Remarks
(#) and titles, which databases and loggers write above the column names, are passed over. Of the
four lines above the data of Campbell Scientific's loggers (TOA5: station, names, units, kinds of
values; the loggers' manuals describe them) names and units are taken.

Refused: column names twice, rows with more cells than columns, Excel workbooks.
"""

import codecs
import csv
import io
import itertools
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pandas as pd

from fperank.ground.cells import plain_text
from fperank.ground.errors import DataError

ABSENT = ("", "NA", "NaN")
"""An absent cell, as R and pandas write it too."""

_TOA5_LINES = 4
# Of a time stamp and of a row's number.
_NO_UNITS = ("TS", "RN")

_SEPARATORS = (",", ";", "\t")
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""The first bytes of Excel's new and old files."""


def read_csv_text(path: Path, *, repeats: bool = False) -> pd.DataFrame:
    """Read a CSV file without interpreting a cell.

    Args:
        path: the file, in UTF-8, in UTF-16 with its mark, or else in Windows-1252; its first line
            the column names, separated by commas, semicolons or tabs, after remarks and titles.
        repeats: whether a column name may stand there again; it is then `Grade #2` and so on.

    Returns:
        Text without surrounding spaces, absent cells as empty text, as it was before `ground.cells`
        made it safe; the index is the line number in the file, counted from 1. Blank lines are left
        out.

    Raises:
        DataError: the file is empty or is not such a CSV file.
    """
    lines: list[int] = []
    rows: list[list[str]] = []
    try:
        content = path.read_bytes()
        if content.startswith(_WORKBOOKS):
            raise DataError(
                f"{path} is an Excel workbook or another archive, no text: open it and save the "
                'sheet as "CSV UTF-8 (comma delimited)"'
            )
        above, text = _above(decoded(content))
        if text.lstrip('"').startswith("TOA5"):
            above, text = above + _TOA5_LINES - 1, _toa5(text)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text))
        header = [name.strip() for name in next(reader, [])]
        if repeats:
            header = _numbered(header)
        _check_header(header, path)
        begin = above + reader.line_num + 1
        for cells in reader:
            cells = [plain_text(cell.strip()) for cell in cells]
            if any(cells):
                if any(cells[len(header) :]):
                    raise DataError(
                        f"{path}: line {begin} has {len(cells)} cells but there are "
                        f"{len(header)} columns: put text that holds a comma in double quotes"
                    )
                rows.append((cells + [""] * len(header))[: len(header)])
                lines.append(begin)
            begin = above + reader.line_num + 1
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a CSV file: {error}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    return pd.DataFrame(rows, columns=header, index=pd.Index(lines, name="line"), dtype="str")


def without_na(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells of `read_csv_text` where the words that R and pandas write for nothing are empty."""
    return cells.mask(cells.isin(ABSENT), "")


def whole_id(text: str) -> str:
    """An id as it was before a program took it for a measured number.

    Such programs write 7 as `7.0`, and R writes 100000 as `1e+05`. Ids that are text stay: R's form
    has a sign and two digits at least, so `1e5` and `2E+05` are names.
    """
    if re.fullmatch(r"[1-9](\.\d+)?e\+\d{2}", text):
        number = Decimal(text)
        return str(int(number)) if number == int(number) else text
    return re.sub(r"^(\d+)\.0+$", r"\1", text)


def decoded(content: bytes) -> str:
    """The text of a file; Windows-1252 is what Excel writes where it writes no Unicode."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252")


def _toa5(text: str) -> str:
    """A Campbell logger's table with one line above its data: the columns' names and units."""
    lines = list(io.StringIO(text, newline=""))
    names, units = (next(csv.reader([line]), []) for line in lines[1:3])
    header = io.StringIO()
    csv.writer(header, lineterminator="\n").writerow(
        f"{name} ({unit})" if unit and unit not in _NO_UNITS else name
        for name, unit in itertools.zip_longest(names, units, fillvalue="")
    )
    return header.getvalue() + "".join(lines[_TOA5_LINES:])


def _above(text: str) -> tuple[int, str]:
    """How many lines stand above the column names, and the text from these on.

    They are blank lines, remarks, and titles: lines of one cell where the next has several.
    """
    lines = list(io.StringIO(text, newline=""))
    for number, line in enumerate(lines[:200]):
        # A column may be called #, as loggers call that of row numbers.
        remark = re.match(r"#(?!\s*[,;\t])", line)
        if not line.strip() or remark:
            continue
        below = next((one for one in lines[number + 1 : number + 20] if one.strip()), "")
        if not _separates(line) and _separates(below):
            continue
        return number, "".join(lines[number:])
    return 0, text


def _separator(text: str) -> str:
    """What separates the column names: the comma, or a semicolon or tab where there is none."""
    return _separates(text.partition("\n")[0]) or ","


def _separates(line: str) -> str:
    """The first of the separators that a line holds outside of quotes; "" without one."""
    plain = re.sub(r'"[^"]*"', "", line)
    return next((one for one in _SEPARATORS if one in plain), "")


def _numbered(header: list[str]) -> list[str]:
    """The names, each that has stood before with its number."""
    before: Counter[str] = Counter()
    for place, name in enumerate(header):
        before[name] += 1
        if name and before[name] > 1:
            header[place] = f"{name} #{before[name]}"
    return header


def _check_header(header: list[str], path: Path) -> None:
    if not any(header):
        raise DataError(f"{path} is empty: its first line must hold the column names")
    for name in header:
        if name and header.count(name) > 1:
            raise DataError(f"{path} has the column {name} twice: remove or rename one of them")
