"""One photo -> figures that tell a good picture from a spoilt one.

They are taken from a small version of the picture: of a large JPEG one pixel for each block of 8 by
8, which is the unit in which JPEG files break. Colours are YCbCr (ITU-R BT.601, as JPEG stores
them): brightness Y, 0 to 255, and the shifts towards blue (Cb) and red (Cr), -128 to 127.

Refused: what `photos.decode` refuses.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from fperank.photos.decode import MIN_SIDE, eight_bit_rgb, file_ends, image_file

_LEAST_ROWS = 60
_SAME = 1
# Neighbouring rows, to each side, that a row's step is compared with.
_NEAR = 6
# The smallest typical difference between two rows: flat pictures have none.
_NOISE = 1.5


@dataclass(frozen=True)
class Measures:
    """Figures of one photo.

    Attributes:
        file_ends: whether the file has its end; a JPEG whose last bytes are missing has not.
        whole_share: share of the picture's height above a lower part that the file does not hold.
        brightness_low: 5th percentile of the brightness.
        brightness_high: 95th percentile.
        blue_low: 20th percentile of the shift towards blue.
        blue_high: 80th percentile.
        red_low: 20th percentile of the shift towards red.
        red_high: 80th percentile.
        sharpness: mean absolute difference of a pixel's brightness from its four neighbours' mean.
        steps: median over a row of its difference from the row below, for Y, Cb, Cr,
            `[rows - 1, 3]`.
        tears: median absolute difference in Y between a row and the row below, over that of the
            rows near by, `[rows - 1]`; large where a part of the picture is shifted.
    """

    file_ends: bool
    whole_share: float
    brightness_low: int
    brightness_high: int
    blue_low: int
    blue_high: int
    red_low: int
    red_high: int
    sharpness: float
    steps: NDArray[np.float32]
    tears: NDArray[np.float32]


def measure(path: Path) -> Measures:
    """Measure one photo.

    Raises:
        PhotoError: it cannot be read.
    """
    with image_file(path) as file:
        ends = file_ends(path)
        rgb = _small(file)
    stored = np.asarray(rgb.convert("YCbCr"))
    low, high = _percentiles(stored[..., 0], (5, 95))
    blue_low, blue_high = _percentiles(stored[..., 1], (20, 80))
    red_low, red_high = _percentiles(stored[..., 2], (20, 80))
    colours = stored.astype(np.float32)
    brightness = colours[..., 0]
    down = np.diff(colours, axis=0)
    absolute = np.median(np.abs(down[..., 0]), axis=1)
    near = np.array([_median_near(absolute, row) for row in range(len(absolute))])
    around = brightness[:-2, 1:-1] + brightness[2:, 1:-1]
    around = (around + brightness[1:-1, :-2] + brightness[1:-1, 2:]) / 4
    return Measures(
        file_ends=ends,
        whole_share=_whole_share(np.asarray(rgb), ends=ends),
        brightness_low=low,
        brightness_high=high,
        blue_low=blue_low - 128,
        blue_high=blue_high - 128,
        red_low=red_low - 128,
        red_high=red_high - 128,
        sharpness=float(np.abs(brightness[1:-1, 1:-1] - around).mean()),
        steps=np.median(down, axis=1).astype(np.float32),
        tears=(absolute / (near + _NOISE)).astype(np.float32),
    )


def _small(file: Image.Image) -> Image.Image:
    """A small version of a photo, as its pixels are stored: a pixel a block, where that is enough.

    Raises:
        ValueError: it is too small; `image_file` makes a sentence of it.
    """
    shorter = min(file.size)
    if shorter < MIN_SIDE:
        raise ValueError(f"{file.size[0]} x {file.size[1]} pixels are too few")
    by = next((by for by in (8, 4, 2) if shorter // by >= _LEAST_ROWS), 1)
    if isinstance(file, JpegImageFile):
        width, height = file.size
        file.draft("RGB", (width // by, height // by))
        return eight_bit_rgb(file)
    return eight_bit_rgb(file).reduce(by)


def _whole_share(rgb: NDArray[np.uint8], *, ends: bool) -> float:
    """The share of a picture above a lower part in which all is of one colour.

    What a JPEG file does not hold, decoders fill with the colour of the last block. Where the file
    has its end, black and white below are taken for what the camera saw.
    """
    last = rgb[-1, -1].astype(int)
    if ends and (last.max() < 16 or last.min() > 250):
        return 1.0
    flat = (np.abs(rgb.astype(int) - last) <= _SAME).all(axis=(1, 2))
    missing = len(flat) if flat.all() else int(np.argmin(flat[::-1]))
    return 1.0 - missing / len(flat)


def _percentiles(values: NDArray[np.uint8], percents: tuple[int, int]) -> tuple[int, int]:
    """Two percentiles of bytes, by counting: much quicker than sorting them."""
    counts = np.cumsum(np.bincount(values.ravel(), minlength=256))
    low, high = (int(np.searchsorted(counts, values.size * one / 100)) for one in percents)
    return low, high


def _median_near(values: NDArray[np.float32], row: int) -> float:
    return float(np.median(values[max(0, row - _NEAR) : row + _NEAR + 1]))
