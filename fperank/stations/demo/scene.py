"""The demo station's photos: its fixed view, flooded to a flow, lit, weathered, seen by a camera.

The camera has automatic exposure and white balance, so that, like a real one, it hides the flow
from any mean of the picture. What tells the flow is the water's edge on banks and rocks, the foam
and the turbidity. At the bottom it prints a strip with date, time and temperature, which says
nothing about the flow and must not be learnt.
"""

import math

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from fperank.stations.demo.terrain import (
    COLUMNS,
    GROUND,
    HORIZON,
    PHOTO_COLUMNS,
    PHOTO_ROWS,
    ROWS,
    VARIANTS,
    build,
)
from fperank.stations.demo.textures import Plane, colour
from fperank.stations.demo.weather import MAX_CFS, MAX_SHIFT_PIXELS, MIN_CFS, Conditions

STRIP_ROWS = 18
"""Rows of the printed strip: 7.5 % of the photo's height."""

_EDGE_DEPTH = 0.02
_MUD = colour(0.24, 0.18, 0.10)


def water_level(flow_cfs: float) -> float:
    """Height of the water over the channel's deepest line: 0.08 at 1 cfs to 0.98 at 300 cfs."""
    share = math.log(flow_cfs / MIN_CFS) / math.log(MAX_CFS / MIN_CFS)
    return 0.08 + 0.9 * math.pow(share, 0.85)


class Scene:
    """One station's view, to be drawn at any flow.

    Args:
        seed: the same seed gives the same view.
    """

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self._ground, self._trees, self._banks = build(rng)
        self._noise = rng.standard_normal((3, 2 * PHOTO_ROWS, 2 * PHOTO_COLUMNS), np.float32)
        self._feet = 1 + int(np.flatnonzero(self._trees.wood.any(axis=1)).max())
        # A point of the water mirrors what stands as far above the horizon as it lies below.
        self._mirrored = np.linspace(HORIZON - 1, 0, GROUND).astype(np.int64)
        near = self._ground.near
        self._lamp = 0.05 + 0.95 * near**0.8
        far = np.full((HORIZON, 1), 5.0, np.float32)
        self._distance = np.concatenate([far, np.minimum(1 / near, 5.0)])
        self._sky_height = (1 - np.arange(HORIZON, dtype=np.float32) / HORIZON).reshape(-1, 1)

    def draw(
        self, flow_cfs: float, conditions: Conditions, rng: np.random.Generator
    ) -> npt.NDArray[np.uint8]:
        """Draw a photo.

        Args:
            flow_cfs: discharge, 1 to 300 cfs.
            conditions: everything else that the photo shows.
            rng: source of ripples, foam, streaks and sensor noise.

        Returns:
            The photo `[240, 320, 3]` with the printed strip at its bottom.
        """
        ambient, direct = _light(conditions)
        daylight = 0.0 if conditions.infrared else float(ambient.mean() + 0.5 * direct.mean())
        view = np.empty((3, ROWS, COLUMNS), np.float32)
        view[:, :HORIZON] = self._sky(conditions, daylight)
        self._add_trees(view, conditions, ambient, direct, slice(0, HORIZON))
        backdrop = view[:, :HORIZON]
        view[:, HORIZON:] = self._stream(flow_cfs, conditions, ambient, direct, backdrop, rng)
        self._add_trees(view, conditions, ambient, direct, slice(HORIZON, self._feet))
        self._add_air(view, conditions, max(daylight, 0.15), rng)

        top = MAX_SHIFT_PIXELS - conditions.shift_down_pixels
        left = MAX_SHIFT_PIXELS - conditions.shift_right_pixels
        seen = view[:, top : top + PHOTO_ROWS, left : left + PHOTO_COLUMNS]
        return np.concatenate([self._exposed(seen, conditions, rng), _strip(conditions)])

    def _sky(self, conditions: Conditions, daylight: float) -> Plane:
        clear = colour(0.42, 0.58, 0.85) + self._sky_height * colour(-0.16, -0.14, -0.02)
        clouds = self._trees.texture[:HORIZON]
        cover = np.clip((clouds - 1 + 1.15 * conditions.cloud) * 4, 0, 1)
        sky: Plane = (clear + cover * (colour(0.80, 0.82, 0.85) - clear)) * daylight
        return sky

    def _add_trees(
        self, view: Plane, conditions: Conditions, ambient: Plane, direct: Plane, rows: slice
    ) -> None:
        """Trees over those rows of the view, in place."""
        trees, target = self._trees, view[:, rows]
        texture, leaf_at, shade = trees.texture[rows], trees.leaf_at[rows], trees.shade[rows]
        leaf = np.clip((conditions.leaves * 1.3 - leaf_at) * 4, 0, 1) * trees.leaf[rows]
        turned = np.clip((conditions.autumn * 1.3 - leaf_at) * 4, 0, 1)
        green = colour(0.10, 0.20, 0.05)
        autumn = colour(0.48, 0.16, 0.03) + texture * colour(0.0, 0.16, 0.02)
        bark = (0.09 + 0.15 * texture) * colour(1.0, 0.93, 0.86)
        needles = (0.5 + texture) * colour(0.04, 0.085, 0.045) + 0.35 * conditions.snow * texture
        if conditions.infrared:
            lit = colour(1, 1, 1) * (0.45 if rows.start > 0 else 0.03)
        else:
            lit = ambient + 0.7 * direct
        for cover, surface in (
            (trees.evergreen[rows], needles),
            (trees.wood[rows], bark),
            (leaf, (green + turned * (autumn - green)) * (0.3 + 1.6 * shade)),
        ):
            target += cover * (surface * lit - target)

    def _stream(
        self,
        flow_cfs: float,
        conditions: Conditions,
        ambient: Plane,
        direct: Plane,
        backdrop: Plane,
        rng: np.random.Generator,
    ) -> Plane:
        """Banks, bed and water `[3, GROUND, COLUMNS]` in their light."""
        ground = self._ground
        level = water_level(flow_cfs)
        swift = min(max((level - 0.2) / 0.6, 0.0), 1.0)
        depth = np.float32(level) - ground.bed
        fresh = conditions.green * ground.lushness
        straw = colour(0.36, 0.28, 0.15) + conditions.autumn * colour(0.10, 0.02, -0.02)
        grass = straw + fresh * (colour(0.17, 0.29, 0.08) - straw)
        land = ground.gravel + ground.grass * grass
        land *= 1 - 0.5 * np.clip(1 + depth / 0.07, 0, 1)  # splashed and soaked near the water
        bed = land * colour(0.85, 0.9, 0.75)
        if conditions.snow > 0:
            white = np.clip((1.3 * conditions.snow - ground.snow_at) * 5, 0, 1)
            white_light = colour(0.80, 0.82, 0.86) * (1.1 - 0.35 * ground.snow_at)
            land += white * (white_light - land)

        water, foam = self._water(level, swift, depth, bed, conditions, rng)
        wet = np.clip(depth / _EDGE_DEPTH, 0, 1)
        land += wet * (water - land)
        land *= self._ground_light(conditions, ambient, direct)
        ripple = self._banks.ripples[int(rng.integers(VARIANTS))]
        mirror = (0.08 + 0.5 * (1 - ground.near) ** 1.5) * (1 - 0.55 * swift) * (1 - foam)
        mirror = wet * np.clip(mirror + 0.22 * ripple, 0, 1)
        land += mirror * (backdrop[:, self._mirrored] - land)
        return np.asarray(land, np.float32)

    def _water(
        self,
        level: float,
        swift: float,
        depth: Plane,
        bed: Plane,
        conditions: Conditions,
        rng: np.random.Generator,
    ) -> tuple[Plane, Plane]:
        """The water's own colour `[3, GROUND, COLUMNS]`; its foam or ice `[GROUND, COLUMNS]`."""
        ground = self._ground
        muddy = min(max(0.9 * swift + 0.35 * (conditions.water_tint - 0.4), 0.0), 1.0)
        clearness = np.exp(-np.clip(depth, 0, None) * np.float32(7 + 12 * muddy))
        own = colour(0.02, 0.05, 0.045) + conditions.water_tint * colour(0.03, 0.01, -0.01)
        own = own + muddy * _MUD
        water = own + clearness * (bed - own)
        breaking = np.clip(1 - np.abs(level - ground.wake_level - 0.03) / 0.22, 0, 1)
        rough = ground.wake * breaking * (0.55 + 0.6 * swift)
        rough += ground.riffle * (0.1 + 0.65 * swift)
        rough *= conditions.foam_factor
        texture = self._banks.foam[int(rng.integers(VARIANTS))]
        foam = np.clip((texture - 1 + 0.85 * rough) * 2.2, 0, 0.85)
        if conditions.ice > 0:
            shelf = (conditions.ice * 0.38 - ground.ice_at - 0.6 * depth) * 12
            foam = np.maximum(foam, np.clip(shelf, 0, 1))
        water += foam * (colour(0.75, 0.77, 0.76) - water)
        return water, foam

    def _ground_light(self, conditions: Conditions, ambient: Plane, direct: Plane) -> Plane:
        """Daylight with tree shadows that move with the hour, or the infrared lamp."""
        if conditions.infrared:
            return np.asarray(0.9 * self._lamp, np.float32)
        hour = conditions.clock.hour + conditions.clock.minute / 60
        moved = int((hour - 5) / 15 * COLUMNS) % COLUMNS
        side = np.linspace(-1, 1, COLUMNS, dtype=np.float32) * np.float32((hour - 12) / 8)
        sunlight = self._banks.sunlight[:, moved : moved + COLUMNS] * (0.85 - 0.3 * side)
        return np.asarray(ambient + direct * sunlight, np.float32)

    def _add_air(
        self, view: Plane, conditions: Conditions, daylight: float, rng: np.random.Generator
    ) -> None:
        """Fog, rain and snowfall over the view, in place."""
        haze = 1 - np.exp(-0.9 * conditions.fog * self._distance)
        view += haze * (colour(0.62, 0.64, 0.66) * daylight - view)
        for amount, bank in (
            (conditions.rain, self._banks.rain),
            (conditions.snowfall, self._banks.flakes),
        ):
            if amount > 0:
                view += amount * 0.35 * daylight * bank[int(rng.integers(len(bank)))]

    def _exposed(
        self, seen: Plane, conditions: Conditions, rng: np.random.Generator
    ) -> npt.NDArray[np.uint8]:
        """What the camera makes of the light: exposure, white balance, tone, noise, 8 bits."""
        if conditions.infrared:
            seen = np.broadcast_to(seen.mean(axis=0, keepdims=True), seen.shape)
        means = seen.mean(axis=(1, 2), keepdims=True)
        # Dusk stays darker than noon, and a cast of colour is taken out but for a rest.
        dusk = 0.6 + 0.4 * min(max((conditions.sun_elevation_degrees + 6) / 14, 0.0), 1.0)
        gain = 0.22 * conditions.exposure * dusk / (means**0.45 * means.mean() ** 0.55)
        tone = np.sqrt(np.clip(seen * gain, 0, 1.2))
        tone = np.minimum(tone, 1)
        tone += 0.55 * (tone * tone * (3 - 2 * tone) - tone)
        row, column = int(rng.integers(PHOTO_ROWS)), int(rng.integers(PHOTO_COLUMNS))
        grain = self._noise[:, row : row + PHOTO_ROWS, column : column + PHOTO_COLUMNS]
        if conditions.infrared:
            grain = grain[:1]
        levels = np.clip(255 * tone + np.float32(conditions.noise_levels) * grain, 0, 255)
        return np.ascontiguousarray(levels.astype(np.uint8).transpose(1, 2, 0))


def _light(conditions: Conditions) -> tuple[Plane, Plane]:
    """Skylight and direct sunlight by the sun's elevation and the clouds, `[3, 1, 1]` each."""
    up = math.sin(math.radians(max(conditions.sun_elevation_degrees, 0.0)))
    twilight = min(max((conditions.sun_elevation_degrees + 7) / 10, 0.03), 1.0)
    low = 1 - min(up / 0.35, 1.0)
    sunshine = 1.1 * up**0.7 * (1 - conditions.cloud)
    ambient = colour(0.86, 0.95, 1.08) * np.float32(0.25 * twilight + 0.45 * up)
    direct = colour(1.15, 1 - 0.12 * low, 0.9 - 0.35 * low) * np.float32(sunshine)
    return ambient, direct


def _strip(conditions: Conditions) -> npt.NDArray[np.uint8]:
    """The strip that the camera prints, `[18, 320, 3]`."""
    strip = Image.new("RGB", (PHOTO_COLUMNS, STRIP_ROWS), (12, 12, 12))
    pen = ImageDraw.Draw(strip)
    font = ImageFont.load_default(12)
    celsius, fahrenheit = conditions.temperature_c, 1.8 * conditions.temperature_c + 32
    for column, text in (
        (6, f"{conditions.clock:%Y-%m-%d}"),
        (118, f"{conditions.clock:%H:%M}"),
        (230, f"{round(celsius)} C  {round(fahrenheit)} F"),
    ):
        pen.text((column, 1), text, (235, 235, 235), font)
    return np.asarray(strip)
