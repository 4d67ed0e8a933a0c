"""Photos as the models of EcoSHEDS' Flow Photo RankNet Model see them, for those that are imported.

That code scales a photo to 0 to 1 first, then stretches the fractions to one size whatever the
photo's shape, with or without smoothing (`antialias`), and cuts the middle out. A model that learnt
from such pixels gives other scores for any other ones.

Refused: as in `images`.
"""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torchvision.transforms import functional

from fperank.photos.decode import open_photo
from fperank.running.errors import PhotoError

Fractions = NDArray[np.float32]
"""One photo, `[height, width, 3]`, red, green, blue, 0 to 1."""

_MIN_SIDE = 8
_Side = Annotated[int, Field(ge=1, le=2048)]


class SeedView(BaseModel):
    """How an imported model sees a photo.

    Attributes:
        kind: tells this view from `images.PhotoView`, which has no kind.
        resized_height: pixels that the whole photo is stretched to.
        resized_width: likewise.
        height: pixels of the middle that is cut out, the network's input.
        width: likewise.
        antialias: whether shrinking averages all pixels, or takes the nearest four only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["stretched"] = "stretched"
    resized_height: _Side
    resized_width: _Side
    height: _Side
    width: _Side
    antialias: bool


def read_seed_photo(path: Path, view: SeedView) -> Fractions:
    """Read one photo as an imported network sees it; its EXIF orientation is not looked at.

    Returns:
        `[view.height, view.width, 3]`.

    Raises:
        PhotoError: the reason, told without the path.
    """
    photo = np.asarray(open_photo(path, upright=False))
    height, width, _ = photo.shape
    if min(height, width) < _MIN_SIDE:
        raise PhotoError(f"is {width} x {height} pixels: too small to score")
    # One colour after the other takes a third of the memory and gives the same numbers.
    colours = [_stretched_middle(photo[:, :, colour], view) for colour in range(3)]
    return np.stack(colours, axis=2)


def _stretched_middle(colour: NDArray[np.uint8], view: SeedView) -> Fractions:
    fractions = torch.tensor(colour).float().div(255)[None]
    stretched: Tensor = functional.resize(
        fractions, [view.resized_height, view.resized_width], antialias=view.antialias
    )
    middle: Fractions = functional.center_crop(stretched, [view.height, view.width])[0].numpy()
    return middle
