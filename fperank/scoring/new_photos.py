"""Scores of photos that no dataset knows, added to a table that only grows.

A model that was trained on daylight and summer says nothing of night and ice, so its own hours and
months are kept to; its dates are not, because new photos lie after them.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fperank.handover.photo_filter import PhotoFilter
from fperank.params.types import QualityMark
from fperank.photos.photo_set import PhotoSet
from fperank.scoring.score_file import PredictionFile

_PHOTOS_AT_ONCE = 512


class Scored(Protocol):
    """Scores in the order of the photos, and the reason by position where there is none."""

    @property
    def score(self) -> NDArray[np.float32]: ...  # noqa: D102

    @property
    def reason(self) -> dict[int, str]: ...  # noqa: D102


Score = Callable[[Sequence[Path]], Scored]
Judge = Callable[[Sequence[Path]], Sequence[Mapping[QualityMark, str]]]
"""Photo files -> why each has its marks."""


def score_new(
    photos: PhotoSet,
    file: PredictionFile,
    score: Score,
    wanted: PhotoFilter | None,
    judge: Judge,
    unfit: Sequence[QualityMark],
) -> dict[str, int]:
    """Score the photos that a file does not hold yet, and add them at its end.

    Args:
        photos: where they come from.
        file: what was scored before.
        score: scores photo files, as `scoring.Scorer.score` does.
        wanted: the hours and months to keep to, if any.
        judge: judges the pictures of photo files, as `quality.station.judge_new` does.
        unfit: marks with which a photo gets no score.

    Returns:
        How many photos were scored (`scored`), known (`known`), could not be read (`failed`), are
        not fit to be ranked (`unfit`), and how many were left out, by reason.
    """
    rows, counts = to_score(photos, file, wanted)
    return counts | add_scores(rows, photos, file, score, judge, unfit)


def to_score(
    photos: PhotoSet, file: PredictionFile, wanted: PhotoFilter | None
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The photos that a file does not hold yet, in order of time; see `score_new`.

    Returns:
        The rows of `PhotoSet.images`; and how many others are known or left out, by reason.
    """
    images = photos.images
    counts = {"known": 0, **photos.left_out}
    for reason, left_out in (wanted.rules(images["timestamp"]) if wanted else {}).items():
        hit = left_out.reindex(images.index)
        counts[reason] = int(hit.sum())
        images = images[~hit]
    new = file.new(images).sort_values(["timestamp", "filename"], ignore_index=True)
    counts["known"] = len(images) - len(new)
    return new, {reason: n for reason, n in counts.items() if n}


def add_scores(
    new: pd.DataFrame,
    photos: PhotoSet,
    file: PredictionFile,
    score: Score,
    judge: Judge,
    unfit: Sequence[QualityMark],
) -> dict[str, int]:
    """Score some photos and add them at the end of a file, in their order; see `score_new`.

    Rows are added a few hundred at a time, so a killed run goes on where it stopped.
    """
    counts = {"scored": 0, "failed": 0, "unfit": 0}
    for start in range(0, len(new), _PHOTOS_AT_ONCE):
        rows = new.iloc[start : start + _PHOTOS_AT_ONCE]
        with tempfile.TemporaryDirectory(prefix="fperank-score-") as folder:
            brought = photos.bring(list(rows["filename"]), Path(folder))
            had = {row: one for row, one in enumerate(brought) if isinstance(one, Path)}
            marks = dict(zip(had, judge(list(had.values())), strict=True))
            fit = [row for row in had if not set(marks[row]) & set(unfit)]
            result = score([had[row] for row in fit])
        scores = np.full(len(rows), np.nan)
        scores[fit] = result.score
        reasons = ["" if isinstance(one, Path) else str(one) for one in brought]
        for position, reason in result.reason.items():
            reasons[fit[position]] = reason
        counts["failed"] += sum(1 for reason in reasons if reason)
        for position in sorted(set(had) - set(fit)):
            reasons[position] = "; ".join(marks[position].values())
        counts["unfit"] += len(had) - len(fit)
        counts["scored"] += sum(1 for reason in reasons if not reason)
        quality = [",".join(marks.get(position, ())) for position in range(len(rows))]
        file.add(rows.assign(score=scores, reason=reasons, quality=quality))
    return {reason: n for reason, n in counts.items() if n or reason == "scored"}
