"""Two makings of one output, compared: which bytes differ, and by how much the scores moved.

On another kind of processor or with another number of threads numbers are added in another order,
and training lets the last digits grow: another model of the same quality comes out. The tolerance
says how far its ranking may lie from the recorded one; a photo more or less is never within it.
"""

import io
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

TAU_TOLERANCE = 0.9
"""Least Kendall tau-b between the recorded ranking and the new one.

Measured on the demo, trained anew: 0.928 with one thread instead of two, 0.933 in float32
instead of bfloat16; its agreement with the observed values moved by 0.011 in tau at most.
"""

_SHOWN = 60


@dataclass(frozen=True)
class ScoreDifference:
    """How the scores of two prediction tables differ.

    Attributes:
        photos: photos with a score in both.
        photos_lost: photos with a score in the recorded table only.
        photos_gained: photos with a score in the new table only.
        columns: other columns whose content differs, or that only one table has.
        largest: largest absolute difference, in the score's own unit.
        largest_deviations: the same in standard deviations of the recorded scores; none where
            the recorded scores are all the same and the new ones are not.
        tau: Kendall's tau-b between the two rankings; none where it has no answer.
    """

    photos: int
    photos_lost: int
    photos_gained: int
    columns: tuple[str, ...]
    largest: float
    largest_deviations: float | None
    tau: float | None

    @property
    def within_tolerance(self) -> bool:
        """Whether another processor or thread count could explain the difference."""
        if self.photos_lost or self.photos_gained or self.columns:
            return False
        if self.largest == 0:
            return True
        return self.tau is not None and self.tau >= TAU_TOLERANCE

    def __str__(self) -> str:
        """In words, with the tolerance."""
        parts = [f"{self.photos:,} photos have a score in both"]
        parts += [f"{self.photos_lost:,} only in the recorded table"] if self.photos_lost else []
        parts += [f"{self.photos_gained:,} only in the new one"] if self.photos_gained else []
        parts += [f"other columns differ: {', '.join(self.columns)}"] if self.columns else []
        share = "of scores that are all the same"
        if self.largest_deviations is not None:
            share = f"{self.largest_deviations:.2g} of the scores' standard deviation"
        parts.append(f"largest score difference {self.largest:.3g}, {share}")
        order = "has no answer" if self.tau is None else f"is {self.tau:.6f}"
        return (
            f"{'; '.join(parts)}; Kendall's tau between the two rankings {order} "
            f"(tolerance: at least {TAU_TOLERANCE:g})"
        )


def compare_scores(recorded: bytes, new: bytes) -> ScoreDifference | None:
    """Compare two files `predictions.csv` photo by photo.

    Args:
        recorded: content of the recorded file.
        new: content of the file that was made again.

    Returns:
        None where one of them is not a table with the columns `image_id` and `score`.
    """
    old, now = _table(recorded), _table(new)
    if old is None or now is None:
        return None
    both = old.index.intersection(now.index)
    before = pd.to_numeric(old["score"], errors="coerce")
    after = pd.to_numeric(now["score"], errors="coerce")
    common = [
        image_id
        for image_id in both
        if np.isfinite(before[image_id]) and np.isfinite(after[image_id])
    ]
    first, second = before[common].to_numpy(), after[common].to_numpy()
    order = float(kendalltau(first, second).statistic) if len(common) > 1 else float("nan")
    largest = float(np.abs(first - second).max()) if common else 0.0
    deviation = float(first.std()) if common else 0.0
    moving = {"score", "rank_percentile"}
    columns = [
        name
        for name in sorted({*old.columns, *now.columns} - moving)
        if name not in old or name not in now or not old.loc[both, name].equals(now.loc[both, name])
    ]
    return ScoreDifference(
        photos=len(common),
        photos_lost=int(np.isfinite(before).sum()) - len(common),
        photos_gained=int(np.isfinite(after).sum()) - len(common),
        columns=tuple(columns),
        largest=largest,
        largest_deviations=0.0 if not largest else largest / deviation if deviation else None,
        tau=None if np.isnan(order) else order,
    )


def _table(content: bytes) -> pd.DataFrame | None:
    try:
        table = pd.read_csv(io.BytesIO(content), dtype="str", keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
        return None
    if not {"image_id", "score"} <= set(table.columns) or table["image_id"].duplicated().any():
        return None
    return table.set_index("image_id")


def first_difference(recorded: bytes, new: bytes) -> str:
    """Where two contents part: line and both texts, or the byte where they are no text.

    Args:
        recorded: the recorded content.
        new: what was made again; not the same.
    """
    old, now = _lines(recorded), _lines(new)
    if old is None or now is None:
        shared = min(len(recorded), len(new))
        equal = np.frombuffer(recorded[:shared], "uint8") == np.frombuffer(new[:shared], "uint8")
        offset = shared if equal.all() else int(equal.argmin())
        return (
            f"first differs at byte {offset:,}; recorded {len(recorded):,} bytes, "
            f"now {len(new):,} bytes"
        )
    number = next(
        (k for k, (one, other) in enumerate(zip(old, now, strict=False)) if one != other),
        min(len(old), len(now)),
    )
    one, other = (part[number] if number < len(part) else None for part in (old, now))
    return f"line {number + 1}: recorded {_shown(one, other)}, now {_shown(other, one)}"


def _lines(content: bytes) -> list[str] | None:
    try:
        return None if b"\0" in content else content.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        return None


def _shown(line: str | None, other: str | None) -> str:
    """The line, or of a long one the part around where the other one parts from it."""
    if line is None:
        return "ends before"
    if len(line) <= 2 * _SHOWN:
        return repr(line)
    pairs = enumerate(zip(line, other or "", strict=False))
    parting = next((k for k, (a, b) in pairs if a != b), len(other or ""))
    start = max(0, parting - _SHOWN)
    return f"(from character {start + 1:,}) {line[start : parting + _SHOWN]!r}"
