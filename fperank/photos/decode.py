"""Photo files -> pixels: decode, orient, crop, resize. The only module that knows image files.

A photo of another shape than the model's keeps its proportions: it is scaled until it covers the
model's frame and its middle is taken, never stretched. A JPEG much larger than the frame is decoded
at a half, a quarter or an eighth of its size. Refused, each with its reason: what is no image, is
broken or truncated, is smaller than 8 pixels on a side, or holds over 178 megapixels.
"""

import math
import struct
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile
from pydantic import BaseModel, ConfigDict

from fperank.ground.parallel import in_order
from fperank.running.errors import DataError, PhotoError

T = TypeVar("T")

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

Pixels = NDArray[np.uint8]
"""One photo, `[height, width, 3]`, red, green, blue, 0 to 255."""

_MIN_SIDE = 8
# Photos that may be read, or waiting to be, before they are asked for.
_AHEAD = 32
# A decoder that shrinks leaves at least so many pixels for each of the view's, in each direction;
# docs/performance.md tells what that does to pixels and scores.
_SPARE = 2
# EXIF orientations by what turning such a photo upright does to its stored pixels.
_TURNED, _FROM_RIGHT, _FROM_BELOW = (5, 6, 7, 8), (2, 3, 6, 7), (3, 4, 7, 8)
# What Pillow's readers raise at broken files, seen for JPEG, PNG and TIFF.
_BROKEN = (OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, EOFError)
_BROKEN_BYTES = (OverflowError, struct.error, zlib.error, Image.DecompressionBombError)


class PhotoView(BaseModel):
    """What part of a photo the network sees, and at what size.

    Attributes:
        height: pixels of the network's input.
        width: likewise.
        crop_top: share of the photo's height that is cut off at the top, and so on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    height: int
    width: int
    crop_top: float = 0.0
    crop_bottom: float = 0.0
    crop_left: float = 0.0
    crop_right: float = 0.0


ReadPhoto = Callable[[Path, PhotoView], Pixels]
"""Reads one photo as the network sees it, as `read_photo` does."""


def read_photo(path: Path, view: PhotoView) -> Pixels:
    """Read one photo as the network sees it.

    Returns:
        `[view.height, view.width, 3]`.

    Raises:
        PhotoError: the reason, told without the path.
    """
    try:
        with _open(path) as file:
            box = _shrink(file, view)
            image = _eight_bit_rgb(ImageOps.exif_transpose(file))
    except (*_BROKEN, *_BROKEN_BYTES) as error:
        raise PhotoError(_reason(path, error)) from None
    size = (view.width, view.height)
    return np.asarray(
        image.resize(size, Image.Resampling.BILINEAR, box=box or _box(image.size, view))
    )


def open_photo(path: Path, *, upright: bool = True) -> Image.Image:
    """Decode one whole photo to 8-bit red, green, blue.

    Args:
        path: the file.
        upright: turn it as its EXIF orientation tells; otherwise as its pixels are stored.

    Raises:
        PhotoError: the reason, told without the path.
    """
    try:
        with _open(path) as file:
            return _eight_bit_rgb(ImageOps.exif_transpose(file) if upright else file)
    except (*_BROKEN, *_BROKEN_BYTES) as error:
        raise PhotoError(_reason(path, error)) from None


def read_photos(
    paths: Iterable[Path], view: PhotoView, workers: int
) -> Iterator[Pixels | PhotoError]:
    """Read many photos in parallel, in their order; what cannot be read comes as its error."""
    return read_many(paths, partial(read_photo, view=view), workers)


def read_many(
    paths: Iterable[Path], read: Callable[[Path], T], workers: int
) -> Iterator[T | PhotoError]:
    """Read many photos in parallel by any reader, in their order.

    Args:
        paths: the files.
        read: reads one; a `PhotoError` that it raises comes in the photo's place.
        workers: threads.
    """

    def attempt(path: Path) -> T | PhotoError:
        try:
            return read(path)
        except PhotoError as error:
            return error

    return in_order(attempt, paths, workers, _AHEAD)


def view_for(
    paths: Iterable[Path],
    height: int,
    crops: dict[str, float],
) -> PhotoView:
    """Choose the width that suits the most common shape among photos.

    Args:
        paths: photos; those that cannot be read have no say.
        height: the network's input height in pixels.
        crops: crop_top, crop_bottom, crop_left, crop_right as shares.

    Raises:
        DataError: no photo can be read.
    """
    shapes: Counter[tuple[int, int]] = Counter()
    for path in paths:
        try:
            with _open(path) as file:
                width, high = file.size
                turned = file.getexif().get(ExifTags.Base.Orientation, 1) in _TURNED
                # Pillow turns a TIFF itself and tells the size of the upright one.
                if turned and file.format != "TIFF":
                    width, high = high, width
        except (*_BROKEN, *_BROKEN_BYTES):
            continue
        if min(width, high) >= _MIN_SIDE:
            shapes[width, high] += 1
    if not shapes:
        raise DataError(
            "none of the annotated photos can be read: open one in an image viewer; the dataset's "
            "photos lie in its folder photos/"
        )
    (width, high), _ = max(shapes.items(), key=lambda item: (item[1], item[0]))
    seen_width = width * (1 - crops["crop_left"] - crops["crop_right"])
    seen_height = high * (1 - crops["crop_top"] - crops["crop_bottom"])
    return PhotoView(
        height=height, width=max(round(height * seen_width / seen_height), 32), **crops
    )


def _open(path: Path) -> Image.Image:
    # Pillow warns of an attack from 89 megapixels on; the limit at 178 still holds.
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    return Image.open(path)


def _eight_bit_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        deep = np.asarray(image).astype(np.int64)
        top = 65535 if deep.max(initial=0) > 255 else 255
        image = Image.fromarray((deep.clip(0, top) * 255 // top).astype(np.uint8))
    elif image.mode == "F":
        raise ValueError("holds fractions, not brightness: save it as 8-bit or 16-bit")
    return image.convert("RGB")


def _shrink(file: Image.Image, view: PhotoView) -> Box | None:
    """Have a JPEG decoded at a fraction of its size, where that leaves enough for the view.

    Returns:
        The part of the smaller, upright photo that is scaled to the view; none where the photo is
        decoded as it is.

    Raises:
        PhotoError: see `_box`.
    """
    if not isinstance(file, JpegImageFile):
        return None
    width, height = file.size
    orientation = file.getexif().get(ExifTags.Base.Orientation, 1)
    box = _box((height, width) if orientation in _TURNED else (width, height), view)
    scale = min((box[2] - box[0]) / view.width, (box[3] - box[1]) / view.height)
    by = next((by for by in (8, 4, 2) if by * _SPARE <= scale), 1)
    if by == 1 or file.draft(None, (width // by, height // by)) is None:
        return None
    # The last column and row of stored pixels may be filled only in part: turned upright they can
    # come first, and all others stand further in.
    smaller = (math.ceil(width / by), math.ceil(height / by))
    spare = (smaller[0] - width / by, smaller[1] - height / by)
    if orientation in _TURNED:
        smaller, spare = smaller[::-1], spare[::-1]
    left = spare[0] if orientation in _FROM_RIGHT else 0
    top = spare[1] if orientation in _FROM_BELOW else 0
    return (
        box[0] / by + left,
        box[1] / by + top,
        min(box[2] / by + left, smaller[0]),
        min(box[3] / by + top, smaller[1]),
    )


def _box(size: tuple[int, int], view: PhotoView) -> Box:
    """The part of a photo that is scaled to the view: crops off, then the middle of its shape."""
    width, height = size
    left, top = width * view.crop_left, height * view.crop_top
    seen_width = width * (1 - view.crop_left - view.crop_right)
    seen_height = height * (1 - view.crop_top - view.crop_bottom)
    if min(seen_width, seen_height) < _MIN_SIDE:
        raise PhotoError(f"is {width} x {height} pixels: too small to score")
    scale = min(seen_width / view.width, seen_height / view.height)
    # Within a pixel's width of the model's shape a photo counts as of that shape, uncut.
    if seen_width - scale * view.width > 1 + 0.5 * scale:
        left += (seen_width - scale * view.width) / 2
        seen_width = scale * view.width
    elif seen_height - scale * view.height > 1 + 0.5 * scale:
        top += (seen_height - scale * view.height) / 2
        seen_height = scale * view.height
    return (left, top, left + seen_width, top + seen_height)


def _reason(path: Path, error: Exception) -> str:
    """Why a file could not be read; never with its path, which differs between machines."""
    if isinstance(error, FileNotFoundError):
        return "the file is absent"
    if path.is_dir():
        return "is a folder, not a photo"
    if isinstance(error, PermissionError):
        return "the file may not be read: check its permissions"
    if path.stat().st_size == 0:
        return "the file is empty"
    if isinstance(error, UnidentifiedImageError):
        return "is not an image of a known kind"
    if isinstance(error, Image.DecompressionBombError):
        return "is larger than 178 megapixels"
    text = str(error)
    if str(path) in text or not text:
        text = type(error).__name__
    return f"is broken: {text}"
