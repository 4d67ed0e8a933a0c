"""The demo station's fixed view: everything in the picture that stays where it is.

A winding channel is a map of bed heights seen in perspective, with cobbles and boulders standing on
it; grass grows on the banks, trees stand behind and beside. All is built once from a seed; what
changes from photo to photo is `demo_scene`'s. The view is larger than the photo by a margin, so
that the camera can shake.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from fperank.stations.demo.textures import Plane, colour, noise, plane, projected, shrunk, streaks
from fperank.stations.demo.weather import MAX_SHIFT_PIXELS

PHOTO_ROWS, PHOTO_COLUMNS = 222, 320
"""The photo without its printed strip."""

ROWS = PHOTO_ROWS + 2 * MAX_SHIFT_PIXELS
COLUMNS = PHOTO_COLUMNS + 2 * MAX_SHIFT_PIXELS
HORIZON = 74
"""Rows of the view above the ground."""

GROUND = ROWS - HORIZON
VARIANTS = 6
"""How many different ripples and foams there are to draw from."""

_HALF_WIDTH = 0.53 * COLUMNS  # of one unit across the channel, at the bottom of the view
_FINER = 2  # trees and grass are drawn this much larger, then shrunk


@dataclass(frozen=True)
class Ground:
    """The view below the horizon; maps are `[GROUND, COLUMNS]`.

    Attributes:
        near: nearness to the camera `[GROUND, 1]`: about 0 at the horizon, 1 at the bottom.
        bed: height over the channel's deepest line; 1 is the top of the banks.
        gravel: colour of stones `[3, GROUND, COLUMNS]`, black where grass grows.
        grass: brightness of grass, 0 where there is none.
        lushness: how fresh the grass is in summer, 0 to 1.
        snow_at: the snow cover from which a place is white.
        ice_at: how far a place is from freezing over.
        wake: foam behind boulders, 0 to 1.
        wake_level: the height of the boulder in front of that foam.
        riffle: foam where the bed drops, 0 to 1.
    """

    near: Plane
    bed: Plane
    gravel: Plane
    grass: Plane
    lushness: Plane
    snow_at: Plane
    ice_at: Plane
    wake: Plane
    wake_level: Plane
    riffle: Plane


@dataclass(frozen=True)
class Trees:
    """Trees of the whole view; maps are `[ROWS, COLUMNS]`.

    Attributes:
        wood: cover by trunks and twigs, 0 to 1.
        leaf: cover by foliage in summer, 0 to 1.
        shade: brightness of foliage.
        leaf_at: the share of leaves from which a place is green.
        evergreen: cover by conifers, 0 to 1.
        texture: smooth noise from 0 to 1, for bark, autumn colours and clouds.
    """

    wood: Plane
    leaf: Plane
    shade: Plane
    leaf_at: Plane
    evergreen: Plane
    texture: Plane


@dataclass(frozen=True)
class Banks:
    """Textures to draw from at each photo: `[GROUND, COLUMNS]`, streaks `[ROWS, COLUMNS]`.

    Attributes:
        ripples: from -0.5 to 0.5.
        foam: from 0 to 1.
        sunlight: what gets through the canopy, `[GROUND, 2 * COLUMNS]` to be moved along.
        rain: streaks.
        flakes: falling snow.
    """

    ripples: list[Plane]
    foam: list[Plane]
    sunlight: Plane
    rain: list[Plane]
    flakes: list[Plane]


def build(rng: np.random.Generator) -> tuple[Ground, Trees, Banks]:
    """Build a station's fixed view."""
    near = plane((np.arange(GROUND).reshape(-1, 1) + 3) / (GROUND + 2))
    distance = plane(1 / near)
    centre = plane(0.5 * np.sin(0.75 * (distance - 1) + rng.uniform(0, 0.5)) * distance**0.35)
    column = np.arange(COLUMNS, dtype=np.float32).reshape(1, -1)
    across = plane((column - 0.5 * COLUMNS) / (_HALF_WIDTH * near) - centre)
    ground = _ground(near, across, distance, rng)
    _add_rocks(ground, centre.ravel(), rng)
    return ground, _trees(across, near, rng), _banks(near, across, distance, rng)


def _ground(near: Plane, across: Plane, distance: Plane, rng: np.random.Generator) -> Ground:
    rough = projected(noise(rng, (2, 5, 11)), across, distance, 90.0)
    fine = projected(noise(rng, (40, 90)), across, distance, 150.0)
    gentle = 0.93 * (np.clip(-across, 0, None) / 0.92) ** 1.15
    steep = 0.93 * (np.clip(across, 0, None) / 0.78) ** 1.5
    bed = gentle + steep + 0.09 * (rough - 0.5)
    grown = np.clip((bed + 0.25 * (rough - 0.5) - 0.9) / 0.14, 0, 1)
    gravel = (0.25 + 0.16 * fine + 0.05 * rough) * colour(1.0, 0.93, 0.82) * (1 - grown)
    drops = np.clip(np.sin(2.6 * distance + 5 * across + rng.uniform(0, 6)) - 0.1, 0, 1)
    maps = (
        near,
        bed,
        gravel,
        grown * (0.25 + 0.5 * fine + 0.8 * _blades(near, rng)),
        np.clip(1.5 * rough, 0.35, 1),
        0.1 + 0.8 * rough,
        0.35 * rough + 0.15 * fine,
        np.zeros_like(bed),
        np.zeros_like(bed),
        drops * (0.4 + 0.8 * rough) * np.clip(1.2 - across**2, 0, 1),
    )
    return Ground(*map(plane, maps))


def _blades(near: Plane, rng: np.random.Generator) -> Plane:
    """Grass as upright strokes, shorter towards the horizon."""
    plate = Image.new("L", (_FINER * COLUMNS, _FINER * GROUND), 40)
    pen = ImageDraw.Draw(plate)
    for y in np.sort(rng.uniform(0, GROUND * _FINER, 9000)):
        tall = 14 * float(near[min(int(y / _FINER), GROUND - 1), 0]) * rng.uniform(0.5, 1.5) + 1
        x = rng.uniform(0, _FINER * COLUMNS)
        sway = rng.normal(0, 0.35) * tall
        pen.line([(x, y), (x + sway, y - tall)], int(rng.uniform(20, 255)), 1)
    return shrunk(plate, COLUMNS, GROUND)


def _add_rocks(ground: Ground, centre: Plane, rng: np.random.Generator) -> None:
    """Put cobbles and boulders into the ground's maps, from far to near."""
    count = 1100
    radius = rng.uniform(0.012, 0.035, count)
    radius[::16] = rng.uniform(0.05, 0.13, radius[::16].size)
    near = rng.uniform(0.12, 1.08, count)
    side = rng.normal(0, 0.42, count)
    # Boulders lie beside the deepest line, which shows water at the lowest flow.
    side[::16] += np.where(side[::16] < 0, -0.12, 0.12)
    for index in np.argsort(near):
        row = near[index] * (GROUND + 2) - 3
        middle = centre[min(int(row), GROUND - 1)] + side[index]
        column = 0.5 * COLUMNS + _HALF_WIDTH * near[index] * middle
        half = max(radius[index] * _HALF_WIDTH * near[index], 0.8)
        foot = float(np.interp(abs(side[index]), [0, 0.9], [0.0, 0.85]))
        _add_rock(ground, row, column, half, radius[index], foot, rng)


def _add_rock(
    ground: Ground,
    row: float,
    column: float,
    half: float,
    radius: float,
    foot: float,
    rng: np.random.Generator,
) -> None:
    """One rock, `half` its width in pixels, standing at a row on a bed of height `foot`."""
    tall = half * rng.uniform(0.65, 1.0)
    height = radius * rng.uniform(2.4, 5.0)
    tone = rng.uniform(0.28, 0.52) * colour(1, rng.uniform(0.93, 0.99), rng.uniform(0.8, 0.95))
    rows = slice(max(int(row - tall), 0), min(int(row + 0.4 * tall) + 2, GROUND))
    columns = slice(max(int(column - half) - 1, 0), min(int(column + half) + 2, COLUMNS))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    above = (row - np.arange(rows.start, rows.stop).reshape(-1, 1)) / tall
    x = (np.arange(columns.start, columns.stop).reshape(1, -1) - column) / half
    up = (above - 0.3) / 0.7
    cover = np.clip((1 - np.abs(x) ** 2.4 - np.abs(up) ** 2.4) * half * 0.5, 0, 1)
    shade = 0.6 + 0.4 * np.clip(0.75 * up - 0.35 * x, -1, 1)
    shade = shade * (0.92 + 0.16 * rng.random(shade.shape))
    here = (rows, columns)
    for target, value in (
        (ground.bed[here], foot + height * np.clip(above + 0.15, 0, 1)),
        (ground.gravel[(slice(None), *here)], tone * shade),
        (ground.grass[here], 0.0),
        (ground.snow_at[here], 0.75 - 0.5 * up),
    ):
        target += cover * (value - target)
    if radius < 0.04:
        return
    length = slice(max(int(row), 0), min(int(row + 3.2 * tall) + 1, GROUND))
    along = (np.arange(length.start, length.stop).reshape(-1, 1) - row) / (3.2 * tall)
    wake = np.clip(1 - np.abs(x) * (1.3 - 0.5 * along), 0, 1) * np.clip(1 - along, 0, 1)
    behind = (length, columns)
    stronger = wake > ground.wake[behind]
    ground.wake[behind] = np.where(stronger, wake, ground.wake[behind])
    ground.wake_level[behind] = np.where(stronger, foot + height, ground.wake_level[behind])


def _trees(across: Plane, near: Plane, rng: np.random.Generator) -> Trees:
    """A wood behind, trees along the banks, and two near trunks that frame the view."""
    size = (_FINER * COLUMNS, _FINER * ROWS)
    plates = {name: Image.new("L", size, 0) for name in ("wood", "leaf", "shade", "leaf_at")}
    pens = {name: ImageDraw.Draw(plate) for name, plate in plates.items()}
    skyline = 4 + 22 * noise(rng, (3, 7, 15))[0, :COLUMNS]
    tops = skyline + 36 * np.exp(-(((np.arange(COLUMNS) - 0.55 * COLUMNS) / 42) ** 2))
    standing = [
        (x, HORIZON + rng.uniform(-2, 5), tops[int(x)] + rng.uniform(-8, 12), rng.uniform(0.8, 2.2))
        for x in rng.uniform(0, COLUMNS, 110)
    ]
    for row in np.sort(rng.uniform(2, 60, 34)).astype(int):
        dry = np.flatnonzero(np.abs(across[row]) > 1.45 + 1.2 * near[row, 0])
        if dry.size:
            top = HORIZON + row - rng.uniform(35, 70) - 190 * near[row, 0]
            standing.append((rng.choice(dry), HORIZON + row, top, 1.0 + 7 * near[row, 0]))
    standing += [(22.0, 178.0, -20.0, 13.0), (COLUMNS - 26.0, 150.0, -20.0, 9.0)]
    for x, foot, top, thick in standing:
        _grow(pens, _FINER * x, _FINER * foot, _FINER * (foot - top), _FINER * thick, rng)
    row = np.arange(ROWS).reshape(-1, 1)
    evergreen = np.zeros((ROWS, COLUMNS))
    for x in rng.uniform(0, COLUMNS, 16):
        top, foot = tops[int(x)] + rng.uniform(-6, 10), HORIZON + rng.uniform(0, 4)
        spread = (row - top) * rng.uniform(0.14, 0.24) * (0.6 + 0.4 * ((row - top) % 6) / 6)
        tree = np.clip(spread - np.abs(np.arange(COLUMNS) - x), 0, 1) * (row < foot)
        evergreen = np.maximum(evergreen, tree)
    maps = {name: shrunk(plate, COLUMNS, ROWS) for name, plate in plates.items()}
    return Trees(
        **maps, evergreen=plane(evergreen), texture=noise(rng, (5, 12, 30))[:ROWS, :COLUMNS]
    )


def _grow(
    pens: dict[str, ImageDraw.ImageDraw],
    x: float,
    y: float,
    height: float,
    thick: float,
    rng: np.random.Generator,
) -> None:
    """Draw a tree: a trunk, branches on its upper part, clumps of leaves around their ends."""
    steps = 8
    leaf_at = rng.uniform(40, 215)
    for step in range(steps):
        next_x, next_y = x + rng.normal(0, 0.012) * height, y - height / steps
        width = thick * (1 - 0.85 * step / steps)
        pens["wood"].line([(x, y), (next_x, next_y)], 255, max(1, round(width)))
        x, y = next_x, next_y
        for lean in (-1.0, 1.0) if step > 1 else ():
            length = height * rng.uniform(0.08, 0.2)
            end = (x + lean * length * rng.uniform(0.5, 1.0), y - length * rng.uniform(0.2, 0.9))
            pens["wood"].line([(x, y), end], 255, max(1, round(width * 0.3)))
            for _ in range(16):
                at = rng.normal(0, 0.055 * height, 2) + end
                size = rng.uniform(1.2, 2.6) + 0.008 * height
                box = [at[0] - size, at[1] - 0.7 * size, at[0] + size, at[1] + 0.7 * size]
                pens["leaf"].ellipse(box, 255)
                pens["shade"].ellipse(box, int(rng.uniform(25, 175) - 25 * lean))
                pens["leaf_at"].ellipse(box, int(min(max(leaf_at + rng.normal(0, 25), 1), 255)))


def _banks(near: Plane, across: Plane, distance: Plane, rng: np.random.Generator) -> Banks:
    ripples, foam = [], []
    for _ in range(VARIANTS):
        ripple = projected(noise(rng, (16, 40)), across, distance, 130.0, stretch=2.4)
        ripples.append(plane((ripple - 0.5) * np.clip(2.2 * near, 0.15, 1)))
        foam.append(projected(noise(rng, (50, 110)), across, distance, 260.0, stretch=0.5))
    shade = projected(noise(rng, (5, 9, 20)), across, distance, 60.0)
    sunlight = np.clip((np.hstack([shade, shade[:, ::-1]]) - 0.48) * 7, 0, 1)
    rain = [streaks(rng, COLUMNS, ROWS, count=130, length=9) for _ in range(3)]
    flakes = [streaks(rng, COLUMNS, ROWS, count=260, length=1) for _ in range(3)]
    return Banks(ripples, foam, plane(sunlight), rain, flakes)
