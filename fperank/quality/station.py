"""All photos of a station at once: their figures, their marks, and the station's usual look."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fperank.ground.errors import PhotoError
from fperank.handover.quality import StationLook
from fperank.photos.decode import read_many
from fperank.quality.judge import Marks, largest_step, marks, usual_look
from fperank.quality.measures import Measures, measure

MIN_WHOLE_SHARE = 0.95
"""Where no station says its own."""

_FIGURES = (
    *("file_ends", "whole_share", "brightness_low", "brightness_high"),
    *("blue_low", "blue_high", "red_low", "red_high", "sharpness"),
)


@dataclass(frozen=True)
class Judged:
    """What is said of photos' pictures.

    Attributes:
        look: the station's usual look, if there is one.
        marks: of each photo, in order; none for a photo that cannot be read.
        table: `handover.quality.QUALITY`, one row for each photo that can be read.
    """

    look: StationLook | None
    marks: list[Marks]
    table: pd.DataFrame


def judge_station(
    paths: Sequence[Path], image_ids: Sequence[str], min_whole_share: float
) -> Judged:
    """Judge a station's photos against each other.

    Args:
        paths: their files.
        image_ids: of the same photos.
        min_whole_share: share of a picture that must be there, 0 to 1.
    """
    measured = measure_many(paths)
    figures = [one for one in measured if isinstance(one, Measures)]
    look = usual_look(figures, min_whole_share)
    found = [
        marks(one, look, min_whole_share) if isinstance(one, Measures) else {} for one in measured
    ]
    usual = look.usual_steps if look else ()
    rows = []
    for image_id, one, why in zip(image_ids, measured, found, strict=True):
        if isinstance(one, Measures):
            step, at = largest_step(one, usual)
            own = {name: getattr(one, name) for name in _FIGURES}
            reason = "; ".join(why.values())
            rows.append(
                {"image_id": image_id, "reason": reason, "largest_step": step, "step_at": at} | own
            )
    columns = ["image_id", "reason", *_FIGURES, "largest_step", "step_at"]
    table = pd.DataFrame(rows, columns=columns)
    table["reason"] = table["reason"].replace("", pd.NA)
    return Judged(look, found, table)


def judge_new(paths: Sequence[Path], look: StationLook | None) -> list[Marks]:
    """Judge photos that come later by what their station's photos look like.

    Args:
        paths: their files.
        look: of the station, if it is known.

    Returns:
        The marks of each; none for a photo that cannot be read.
    """
    share = look.min_whole_share if look else MIN_WHOLE_SHARE
    return [
        marks(one, look, share) if isinstance(one, Measures) else {} for one in measure_many(paths)
    ]


def measure_many(paths: Sequence[Path]) -> list[Measures | PhotoError]:
    """Measure photos on all processors; the figures are the same with any number of them."""
    return list(read_many(paths, measure, workers=os.cpu_count() or 1))


def joined_marks(why: Marks) -> str:
    """The marks of a photo as the column `quality` holds them."""
    return ",".join(why)
