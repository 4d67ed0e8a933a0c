"""Photos to score, wherever they lie: what `fperank score` finds and the scorer takes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fperank.ground.errors import PhotoError

Bring = Callable[[Sequence[str], Path], list[Path | PhotoError]]


@dataclass(frozen=True)
class PhotoSet:
    """Photos to score.

    Attributes:
        images: image_id, timestamp (absent where nobody asked for it), filename, url; in order of
            time.
        left_out: how many photos may not be scored, by reason.
        bring: brings the photos of some file names to this machine, into an empty folder or where
            they are already, and gives where each lies or why it cannot be had.
    """

    images: pd.DataFrame
    left_out: dict[str, int]
    bring: Bring
