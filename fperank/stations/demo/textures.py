"""What the demo station's view is painted with: noise, perspective, streaks, colours.

Maps are 32-bit floats, planes first, because a photo is drawn for each of thousands of times.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

TEXTURE_SIZE = 512

Plane = npt.NDArray[np.float32]
"""Brightness or a map, `[rows, columns]`, or colours, `[3, rows, columns]`, in linear light."""


def colour(red: float, green: float, blue: float) -> Plane:
    """A colour `[3, 1, 1]`, to be multiplied with maps."""
    return np.array([red, green, blue], np.float32).reshape(3, 1, 1)


def noise(rng: np.random.Generator, cells: tuple[int, ...]) -> Plane:
    """Smooth noise spread over 0 to 1, `[512, 512]`, of coarse to fine cells."""
    total = np.zeros((TEXTURE_SIZE, TEXTURE_SIZE), np.float32)
    for octave, count in enumerate(cells):
        coarse = Image.fromarray(rng.random((count + 2, count + 2)).astype(np.float32))
        fine = coarse.resize((TEXTURE_SIZE, TEXTURE_SIZE), Image.Resampling.BICUBIC)
        total += np.asarray(fine) * np.float32(0.65**octave)
    low, high = np.quantile(total, [0.02, 0.98])
    return plane(np.clip((total - low) / (high - low), 0, 1))


def projected(
    texture: Plane, across: Plane, distance: Plane, scale: float, stretch: float = 1.0
) -> Plane:
    """A texture laid on the ground and seen in perspective, mirrored beyond its edges."""

    def folded(position: Plane) -> npt.NDArray[np.int64]:
        whole = np.rint(position).astype(np.int64) % (2 * TEXTURE_SIZE)
        return np.minimum(whole, 2 * TEXTURE_SIZE - 1 - whole)

    rows = folded(distance * np.float32(scale * stretch))
    columns = folded(across * np.float32(scale))
    return plane(texture[np.broadcast_to(rows, columns.shape), columns])


def streaks(rng: np.random.Generator, columns: int, rows: int, *, count: int, length: int) -> Plane:
    """Rain streaks or flakes over the whole view."""
    plate = Image.new("L", (columns, rows), 0)
    pen = ImageDraw.Draw(plate)
    for x, y, size in rng.uniform((0, 0, 0.4), (columns, rows, 1.4), (count, 3)):
        pen.line([(x, y), (x + 0.15 * length * size, y + length * size)], int(110 + 90 * size), 1)
    return shrunk(plate, columns, rows)


def shrunk(plate: Image.Image, columns: int, rows: int) -> Plane:
    """A drawn plate as a map from 0 to 1."""
    small = plate.resize((columns, rows), Image.Resampling.BOX)
    return plane(np.asarray(small) / 255)


def plane(values: npt.ArrayLike) -> Plane:
    """The same values as a map."""
    return np.asarray(values, dtype=np.float32)
