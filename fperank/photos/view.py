"""How fperank's own models see a photo: which part of it, at what size.

A photo of another shape than the model's keeps its proportions: it is scaled until it covers the
model's frame and its middle is taken, never stretched. A JPEG much larger than the frame is decoded
at a half, a quarter or an eighth of its size. Refused: as in `decode`.
"""

import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar, Self

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from pydantic import BaseModel, ConfigDict, Field, model_validator

from fperank.ground.errors import DataError, PhotoError
from fperank.photos.decode import (
    MIN_SIDE,
    TURNED,
    Pixels,
    Size,
    image_file,
    orientation,
    upright_rgb,
    upright_size,
)

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

_MAX_HEIGHT, _MAX_WIDTH = 2048, 8192

_Crop = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]

# A decoder that shrinks leaves at least so many pixels for each of the view's, in each direction;
# benchmarks/lab-book.md shows what that does to pixels and scores.
_SPARE = 2
# EXIF orientations by what turning such a photo upright does to its stored pixels.
_FROM_RIGHT, _FROM_BELOW = (2, 3, 6, 7), (3, 4, 7, 8)


class PhotoView(BaseModel):
    """What part of a photo the network sees, and at what size.

    Attributes:
        cacheable: whether its pixels are worth keeping, see `cache`.
        height: pixels of the network's input.
        width: likewise.
        crop_top: share of the photo's height that is cut off at the top, and so on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cacheable: ClassVar[bool] = True

    height: Annotated[int, Field(ge=1, le=_MAX_HEIGHT)]
    width: Annotated[int, Field(ge=1, le=_MAX_WIDTH)]
    crop_top: _Crop = 0.0
    crop_bottom: _Crop = 0.0
    crop_left: _Crop = 0.0
    crop_right: _Crop = 0.0

    @model_validator(mode="after")
    def _leaves_something(self) -> Self:
        if self.crop_top + self.crop_bottom >= 1 or self.crop_left + self.crop_right >= 1:
            raise ValueError("the crops leave nothing of a photo")
        return self

    @property
    def whole_aspect(self) -> float:
        """Width over height of the whole photo, of which the view is what the crops leave."""
        whole_width = self.width / (1 - self.crop_left - self.crop_right)
        return whole_width / (self.height / (1 - self.crop_top - self.crop_bottom))

    def read(self, path: Path) -> Pixels:
        """Read one photo as the network sees it.

        Returns:
            `[height, width, 3]`.

        Raises:
            PhotoError: the reason, without the path.
        """
        with image_file(path) as file:
            box = self._shrink(file)
            image = upright_rgb(file)
        return np.asarray(
            image.resize(
                (self.width, self.height),
                Image.Resampling.BILINEAR,
                box=box or self._box(image.size),
            )
        )

    def _shrink(self, file: Image.Image) -> Box | None:
        """Have a JPEG decoded at a fraction of its size, where that leaves enough for the view.

        Returns:
            The part of the smaller, upright photo that is scaled to the view; none where the photo
            is decoded as it is.

        Raises:
            PhotoError: see `_box`.
        """
        if not isinstance(file, JpegImageFile):
            return None
        width, height = file.size
        turn = orientation(file)
        box = self._box((height, width) if turn in TURNED else (width, height))
        scale = min((box[2] - box[0]) / self.width, (box[3] - box[1]) / self.height)
        by = next((by for by in (8, 4, 2) if by * _SPARE <= scale), 1)
        if by == 1 or file.draft(None, (width // by, height // by)) is None:
            return None
        # The last column and row of stored pixels may be filled only in part: turned upright they
        # can come first, and all others stand further in.
        smaller = (math.ceil(width / by), math.ceil(height / by))
        spare = (smaller[0] - width / by, smaller[1] - height / by)
        if turn in TURNED:
            smaller, spare = smaller[::-1], spare[::-1]
        left = spare[0] if turn in _FROM_RIGHT else 0
        top = spare[1] if turn in _FROM_BELOW else 0
        return (
            box[0] / by + left,
            box[1] / by + top,
            min(box[2] / by + left, smaller[0]),
            min(box[3] / by + top, smaller[1]),
        )

    def _box(self, size: Size) -> Box:
        """The part of a photo that is scaled to the view: crops off, then the middle."""
        width, height = size
        left, top = width * self.crop_left, height * self.crop_top
        seen_width = width * (1 - self.crop_left - self.crop_right)
        seen_height = height * (1 - self.crop_top - self.crop_bottom)
        if min(seen_width, seen_height) < MIN_SIDE:
            raise PhotoError(f"is {width} x {height} pixels: too small to score")
        scale = min(seen_width / self.width, seen_height / self.height)
        # Within a pixel's width of the model's shape a photo counts as of that shape, uncut.
        if seen_width - scale * self.width > 1 + 0.5 * scale:
            left += (seen_width - scale * self.width) / 2
            seen_width = scale * self.width
        elif seen_height - scale * self.height > 1 + 0.5 * scale:
            top += (seen_height - scale * self.height) / 2
            seen_height = scale * self.height
        return (left, top, left + seen_width, top + seen_height)


def view_for(paths: Iterable[Path], height: int, crops: dict[str, float]) -> PhotoView:
    """Choose the width that suits the most common shape among photos.

    Args:
        paths: photos; those that cannot be read have no say.
        height: the network's input height in pixels.
        crops: crop_top, crop_bottom, crop_left, crop_right as shares.

    Raises:
        DataError: no photo can be read.
    """
    shapes: Counter[Size] = Counter()
    for path in paths:
        try:
            size = upright_size(path)
        except PhotoError:
            continue
        if min(size) >= MIN_SIDE:
            shapes[size] += 1
    if not shapes:
        raise DataError(
            "none of the annotated photos can be read: open one in an image viewer; the dataset's "
            "photos lie in its folder photos/"
        )
    (width, high), _ = max(shapes.items(), key=lambda item: (item[1], item[0]))
    seen_width = width * (1 - crops["crop_left"] - crops["crop_right"])
    seen_height = high * (1 - crops["crop_top"] - crops["crop_bottom"])
    seen_at_height = round(height * seen_width / seen_height)
    return PhotoView(height=height, width=min(max(seen_at_height, 32), _MAX_WIDTH), **crops)
