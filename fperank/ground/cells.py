"""Text in tables that people open in a spreadsheet program.

Excel and its like take a cell that begins with `=`, `+`, `-`, `@`, a tab or a line break for a
formula, which may fetch an address or start a program. Names of files and persons come from
strangers, so such text gets an apostrophe before it when a table is written, and loses it when one
is read. All other text, and every number, stays as it is.

The rule is that of OWASP's page "CSV Injection", made such that it can be undone: text that begins
with apostrophes and then such a sign gets one more.
"""

import re
from collections.abc import Callable

import pandas as pd

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_MARKED = re.compile(r"'+[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_FIRST = ("'", "=", "+", "-", "@", "\t", "\r", "\n")


def safe_text(text: str) -> str:
    """Text that no spreadsheet program takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def plain_text(text: str) -> str:
    """What `safe_text` was given."""
    return text[1:] if _MARKED.match(text) else text


def safe_cells(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose text no spreadsheet program takes for a formula."""
    return _changed(table, safe_text)


def plain_cells(table: pd.DataFrame) -> pd.DataFrame:
    """What `safe_cells` was given; its numbers may have become text."""
    return _changed(table, plain_text)


def _changed(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """The table, copied only where a cell needs a change: nearly none ever does."""
    changed: dict[int, list[object]] = {}
    for place, (_, column) in enumerate(table.items()):
        if column.dtype != "object" and not isinstance(column.dtype, pd.StringDtype):
            continue
        suspects = [
            row
            for row, cell in enumerate(column)
            if isinstance(cell, str) and cell.startswith(_FIRST)
        ]
        if suspects:
            cells = column.tolist()
            for row in suspects:
                cells[row] = change(cells[row])
            changed[place] = cells
    if not changed:
        return table
    table = table.copy()
    for place, cells_now in changed.items():
        table.isetitem(place, cells_now)
    return table
