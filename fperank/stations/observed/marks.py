"""What a table says of each of its values: flags, remarks on quality, approval.

A column of flags marks rows that must not serve. Other columns (quality, qualifier, grade, status)
hold words of every program's own: rows whose word says that there is no good value are left out,
rows whose word is unknown are used, and both are told.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from fperank.stations.observed.columns import (
    FLAGS,
    QUALITIES,
    STATUSES,
    columns_among,
    plain_name,
)
from fperank.stations.observed.numbers import MISSING

_APPROVED = {"a", "approved", "accepted", "verified", "validated", "final"}
_PROVISIONAL = {"p", "provisional", "preliminary", "working", "review", "unverified", "raw"}
_NO_FAULT = {"0", "false", "no", "none", "good", "ok", "okay", "pass", "passed", "valid",
             "excellent", "e", "r", "est", "estimated", "revised"}  # fmt: skip
_ESTIMATED = {"e", "est", "estimated"}
_BAD = {
    "bad", "unusable", "invalid", "suspect", "fail", "failed", "failure", "error", "erroneous",
    "missing", "malfunction", "rejected", "reject", "discarded", "ice", "iced", "eqp", "equip",
    "equipment", "mnt", "maintenance", "bkw", "backwater", "ssn", "dis", "discontinued", "fld",
    "***", "--",
}  # fmt: skip
"""Words for a value that is none; among them those of USGS (Ice, Eqp, Mnt, Bkw, ...)."""

_UNUSABLE_GRADE = "-2"
"""A grade of Aquarius, a database of many agencies: unusable."""

_SHOWN = 6


@dataclass(frozen=True)
class Marks:
    """What a table says of its values.

    Attributes:
        left_out: rows that must not serve, by the reason.
        status: `OBSERVATION_STATUS` of each row, or none.
        told: what each column held and what was made of it, in words, by its name.
        all_flagged: the first column of flags that marks every row, or "".
    """

    left_out: tuple[tuple[npt.NDArray[np.bool_], str], ...]
    status: pd.Series
    told: dict[str, str]
    all_flagged: str


def read_marks(frame: pd.DataFrame, values: str) -> Marks:
    """Read the columns of marks.

    Args:
        frame: the table as text.
        values: its column of values; a column of that name and `_cd` holds USGS's remarks.
    """
    flags = columns_among(frame, FLAGS)
    others = columns_among(frame, QUALITIES) + columns_among(frame, {plain_name(values) + "_cd"})
    statuses = columns_among(frame, STATUSES)
    left_out: list[tuple[npt.NDArray[np.bool_], str]] = []
    told: dict[str, str] = {}
    all_flagged = ""
    status = pd.Series(None, index=frame.index, dtype="str")
    for name in dict.fromkeys(flags + statuses + others):
        if name == values:
            continue
        cells = frame[name].mask(frame[name].isin(MISSING), "")
        counts = Counter(cells[cells != ""])
        flagging = name in flags
        bad = [cell for cell in counts if (_flags if flagging else _spoils(name))(cell)]
        rows = cells.isin(bad).to_numpy()
        if flagging:
            left_out.append((rows, "flagged"))
            all_flagged = all_flagged or (name if len(rows) and rows.all() else "")
        else:
            left_out += [((cells == cell).to_numpy(), f"marked {cell} in {name}") for cell in bad]
        letters = flagging or name in statuses or plain_name(name).endswith("_cd")
        approvals = {cell: _approval(cell, letters) for cell in counts}
        status = status.where(status.notna(), cells.map(approvals).astype("str"))
        if len(counts):
            told[name] = _in_words(counts, bad)
    return Marks(tuple(left_out), status, told, all_flagged)


def _tokens(cell: str) -> list[str]:
    return [word for word in re.split(r"[\s:,;\[\]{}'\"]+", cell.lower()) if word]


def _flags(cell: str) -> bool:
    """Whether a cell of a column of flags marks its row: all do but approval, and words for no."""
    words = _tokens(cell)
    approved = bool(set(words) & (_APPROVED | _PROVISIONAL))
    fine = _APPROVED | _PROVISIONAL | (_NO_FAULT if approved else _NO_FAULT - _ESTIMATED - {"r"})
    return not set(words) <= fine


def _spoils(column: str) -> Callable[[str], bool]:
    grades = "grade" in plain_name(column)

    def spoils(cell: str) -> bool:
        words = set(_tokens(cell))
        if grades and cell == _UNUSABLE_GRADE:
            return True
        # What was estimated, under ice for example, is a value.
        plain_word = len(words) <= 2 and not words & {"no", "not"}
        return plain_word and bool(words & _BAD) and not words & _ESTIMATED

    return spoils


def _approval(cell: str, letters: bool) -> str | None:
    """What a cell says of its value's approval; a letter alone may be a grade."""
    words = {word for word in _tokens(cell) if letters or len(word) > 1}
    # "Approved" may stand in one cell with "provisional" of another day: the lesser counts.
    if words & _PROVISIONAL:
        return "provisional"
    return "approved" if words & _APPROVED else None


def _in_words(counts: Counter[str], bad: Collection[str]) -> str:
    """Such as `Ice (6, left out), e (10)`."""
    # What was left out stands first, for it must not hide among the others.
    every = sorted(counts.most_common(), key=lambda one: one[0] not in bad)
    first = [
        f"{cell[:30]} ({n:,}{', left out' if cell in bad else ''})" for cell, n in every[:_SHOWN]
    ]
    if hidden := every[_SHOWN:]:
        gone = sum(n for cell, n in hidden if cell in bad)
        first.append(
            f"{len(hidden):,} others ({sum(n for _, n in hidden):,}"
            + (f", {gone:,} of them left out)" if gone else ")")
        )
    return ", ".join(first)
