"""Photo files -> whole pictures. The only module that knows image files.

A JPEG that lacks its last bytes is read as every viewer shows it: what is missing is filled with
the colour of the last block. How much that is, `fperank.quality` says.

Refused, each with its reason: what is no image, is broken, is smaller than 8 pixels on a side, or
holds over 178 megapixels.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from fperank.ground.errors import PhotoError
from fperank.ground.parallel import in_order

T = TypeVar("T")

Size = tuple[int, int]
"""Width and height in pixels."""

Pixels = NDArray[np.uint8]
"""One photo, `[height, width, 3]`, red, green, blue, 0 to 255."""

Fractions = NDArray[np.float32]
"""One photo, `[height, width, 3]`, red, green, blue, 0 to 1."""

MIN_SIDE = 8
"""Pixels; what is smaller shows nothing."""

TURNED = (5, 6, 7, 8)
"""The EXIF orientations of a photo that is stored lying on its side."""

# Photos that may be read, or waiting to be, before they are asked for.
_AHEAD = 32
# What Pillow's readers raise at broken files, seen for JPEG, PNG and TIFF.
_BROKEN = (OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, EOFError)
_BROKEN_BYTES = (OverflowError, struct.error, zlib.error, Image.DecompressionBombError)
_JPEG_START, _JPEG_PIXELS, _JPEG_END = b"\xff\xd8\xff", b"\xff\xda", b"\xff\xd9"
_LAST_BYTES = 64


@contextmanager
def image_file(path: Path) -> Iterator[Image.Image]:
    """Open an image file; nothing of it is decoded yet.

    Raises:
        PhotoError: it cannot be opened, or what is done with it inside fails because it is broken;
            the reason, without the path.
    """
    # Pillow warns of an attack from 89 megapixels on; the limit at 178 still holds.
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    try:
        with Image.open(path if file_ends(path) else _ended(path)) as file:
            yield file
    except (*_BROKEN, *_BROKEN_BYTES) as error:
        raise PhotoError(_reason(path, error)) from None


def file_ends(path: Path) -> bool:
    """Whether a file has its end: False for a JPEG in which pixels begin and do not end.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if file.read(len(_JPEG_START)) != _JPEG_START:
            return True
        file.seek(max(file.seek(0, io.SEEK_END) - _LAST_BYTES, 0))
        if _JPEG_END in file.read():
            return True
        # Cameras add bytes of their own behind the picture, and file systems zeros.
        file.seek(0)
        content = file.read()
    scan = _start_of_scan(content)
    return scan >= len(content) or content.find(_JPEG_END, scan) >= 0


def _start_of_scan(content: bytes) -> int:
    """Where the pixels of a JPEG begin; the preview in its header has an end of its own."""
    at = 2
    while at < len(content) and content[at : at + 2] != _JPEG_PIXELS:
        at += 2 + max(int.from_bytes(content[at + 2 : at + 4], "big"), 2)
    return at


def _ended(path: Path) -> io.BytesIO:
    """A JPEG file with its end put behind it."""
    return io.BytesIO(path.read_bytes() + _JPEG_END)


def orientation(file: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where the file names none."""
    found: int = file.getexif().get(ExifTags.Base.Orientation, 1)
    return found


def upright_rgb(file: Image.Image) -> Image.Image:
    """A whole photo in 8-bit red, green, blue, turned by its EXIF orientation."""
    return eight_bit_rgb(ImageOps.exif_transpose(file))


def eight_bit_rgb(image: Image.Image) -> Image.Image:
    """A whole photo in 8-bit red, green, blue, as its pixels are stored."""
    if image.mode.startswith("I"):
        deep = np.asarray(image).astype(np.int64)
        top = 65535 if deep.max(initial=0) > 255 else 255
        image = Image.fromarray((deep.clip(0, top) * 255 // top).astype(np.uint8))
    elif image.mode == "F":
        raise ValueError("holds fractions, not brightness: save it as 8-bit or 16-bit")
    return image.convert("RGB")


def upright_size(path: Path) -> Size:
    """The size of a photo as it is looked at; its pixels are not decoded.

    Raises:
        PhotoError: see `image_file`.
    """
    with image_file(path) as file:
        width, height = file.size
        # Pillow turns a TIFF itself and gives the size of the upright one.
        lying = orientation(file) in TURNED and file.format != "TIFF"
    return (height, width) if lying else (width, height)


def read_many(
    paths: Iterable[Path], read: Callable[[Path], T], workers: int
) -> Iterator[T | PhotoError]:
    """Read many photos in parallel, in their order.

    Args:
        paths: the files.
        read: reads one, such as a view's `read`; a `PhotoError` that it raises is given in the
            photo's stead.
        workers: threads.
    """

    def attempt(path: Path) -> T | PhotoError:
        try:
            return read(path)
        except PhotoError as error:
            return error

    return in_order(attempt, paths, workers, _AHEAD)


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
