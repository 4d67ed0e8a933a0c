"""The demo station's weather: a simulated hydrograph, and what changes a photo but not the flow.

The discharge is that of a small flashy New England brook: storms with a quick rise and a recession
over hours and days, on a baseflow that is high in early spring and low in late summer. Everything
else (light, season, snow, ice, rain on the picture, fog, camera shifts) is drawn independently of
the discharge, so that none of it tells the order of two photos. The storms that raise the brook
fall on the hills upstream: rain seen in a photo is another, local one.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

LATITUDE_DEGREES = 42.45
MIN_CFS = 1.0
MAX_CFS = 300.0
STEP_MINUTES = 15
MAX_SHIFT_PIXELS = 9

_STEPS_PER_DAY = 24 * 60 // STEP_MINUTES
_DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class Conditions:
    """What one photo is taken under, other than the flow.

    Fractions run from 0 to 1.

    Attributes:
        clock: the camera's clock, printed into the photo; it has no zone.
        sun_elevation_degrees: above the horizon; negative when the sun is down.
        temperature_c: air temperature in degrees Celsius, printed into the photo.
        leaves: fraction of leaves on the trees.
        autumn: fraction of leaves in autumn colour.
        green: fraction of fresh grass on the banks; the rest is dry.
        snow: fraction of the ground under snow.
        ice: fraction of the channel's edges under ice.
        cloud: 0 a clear sky, 1 overcast.
        rain: density of rain streaks.
        snowfall: density of falling flakes.
        fog: 0 none, 1 nothing to be seen beyond the near bank.
        water_tint: staining of the water by tannin, 0 clear.
        foam_factor: share of foam for the same flow, about 1.
        exposure: the camera's exposure, about 1.
        noise_levels: standard deviation of the sensor's noise, of 255.
        shift_right_pixels: how far the view has moved to the right.
        shift_down_pixels: how far the view has moved down.
    """

    clock: dt.datetime
    sun_elevation_degrees: float
    temperature_c: float
    leaves: float
    autumn: float
    green: float
    snow: float
    ice: float
    cloud: float
    rain: float
    snowfall: float
    fog: float
    water_tint: float
    foam_factor: float
    exposure: float
    noise_levels: float
    shift_right_pixels: int
    shift_down_pixels: int

    @property
    def infrared(self) -> bool:
        """Whether it is so dark that the camera takes a grey photo by its infrared lamp."""
        return self.sun_elevation_degrees < -5.0


def simulate_discharge(
    start: dt.datetime, days: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Simulate a hydrograph in steps of 15 minutes.

    Args:
        start: first time of the record.
        days: length of the record; both ends have a value.
        rng: source of all randomness.

    Returns:
        Hours since the start and discharge in cfs, both `[days * 96 + 1]`.
    """
    hours = np.arange(days * _STEPS_PER_DAY + 1, dtype=np.float64) * (STEP_MINUTES / 60)
    wet = _wet_season(_day_of_year(start) + hours / 24)
    discharge = 0.95 + 1.0 * wet**1.5
    # Storms before the start too, so that the record does not begin with an artificial drought.
    onset = -20.0 * 24
    while onset < hours[-1]:
        onset += 24 * rng.gamma(2.0, 1.9)
        season = _wet_season(np.asarray(_day_of_year(start) + onset / 24))
        peak = np.clip(rng.lognormal(np.log(22.0 + 10.0 * season), 1.3), 0, MAX_CFS)
        rise, fast, slow = rng.uniform(1.5, 5.0), rng.uniform(9.0, 22.0), rng.uniform(60.0, 120.0)
        since = np.clip(hours - onset, 0.0, None)
        recession = 0.82 * np.exp(-since / fast) + 0.18 * np.exp(-since / slow)
        discharge += peak * (1.0 - np.exp(-((since / rise) ** 2))) * recession
    ripple = _wander(hours.size, _STEPS_PER_DAY / 4, 0.02, rng)
    return hours, np.clip(discharge * np.exp(ripple), MIN_CFS, MAX_CFS)


def simulate_conditions(
    clocks: Sequence[dt.datetime], rng: np.random.Generator
) -> list[Conditions]:
    """Simulate what photos at these times are taken under, independently of the discharge.

    Args:
        clocks: the camera's clock at each photo, rising, without a zone.
        rng: source of all randomness; not the one that the discharge was drawn from.
    """
    count = len(clocks)
    first = clocks[0].replace(hour=0, minute=0, second=0, microsecond=0)
    day = np.array([(clock - first).total_seconds() / 86400 for clock in clocks])
    year_day = _day_of_year(first) + day
    hour = (day % 1.0) * 24
    days = int(day[-1]) + 2

    sun = _sun_elevation(year_day, hour)
    noons = np.arange(days, dtype=np.float64) + 0.5
    daily_mean = _seasonal_temperature(_day_of_year(first) + noons) + _wander(days, 4.0, 4.5, rng)
    snow_depth, ice_depth = _snow_and_ice(daily_mean, rng)
    daily_cloud = np.clip(0.5 + _wander(days, 1.5, 0.45, rng), 0, 1)

    def at_photos(daily: FloatArray) -> FloatArray:
        return np.asarray(np.interp(day, noons, daily))

    temperature = at_photos(daily_mean) + 4.0 * np.cos((hour - 14.5) / 24 * 2 * np.pi)
    cloud = np.clip(at_photos(daily_cloud) + rng.normal(0, 0.12, count), 0, 1)
    falling = (rng.random(count) < 0.14) & (cloud > 0.55)
    density = rng.uniform(0.25, 1.0, count)
    misty = (rng.random(count) < 0.18) & (hour < 9.5)
    fog = np.where(misty, rng.beta(1.4, 2.2, count), rng.uniform(0, 0.06, count))
    noise = 2.0 + 5.0 * np.clip((6.0 - sun) / 12.0, 0, 1)
    right, down = _shifts(day, rng)

    columns = {
        "sun_elevation_degrees": sun,
        "temperature_c": temperature,
        "leaves": _ramp(year_day, 118, 150) * (1 - _ramp(year_day, 283, 312)),
        "autumn": _ramp(year_day, 258, 290) * (1 - _ramp(year_day, 325, 345)),
        "green": _ramp(year_day, 100, 140) * (1 - 0.8 * _ramp(year_day, 260, 320)),
        "snow": np.clip(at_photos(snow_depth) / 6.0, 0, 1),
        "ice": np.clip(at_photos(ice_depth) / 60.0, 0, 1),
        "cloud": cloud,
        "rain": np.where(falling & (temperature > 0.5), density, 0.0),
        "snowfall": np.where(falling & (temperature <= 0.5), density, 0.0),
        "fog": fog,
        "water_tint": np.clip(0.35 + at_photos(_wander(days, 6.0, 0.25, rng)), 0, 1),
        "foam_factor": np.exp(rng.normal(0, 0.3, count)),
        "exposure": np.exp(rng.normal(0, 0.13, count)),
        "noise_levels": noise * rng.uniform(0.7, 1.3, count),
        "shift_right_pixels": right,
        "shift_down_pixels": down,
    }
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    return [
        Conditions(clock, **dict(zip(columns, row, strict=True)))
        for clock, row in zip(clocks, rows, strict=True)
    ]


def _day_of_year(time: dt.datetime) -> float:
    return float(time.timetuple().tm_yday)


def _wet_season(year_day: FloatArray) -> FloatArray:
    """Wetness of the catchment, 0 in mid-September to 1 in mid-March."""
    return 0.5 + 0.5 * np.cos((year_day - 75.0) / _DAYS_PER_YEAR * 2 * np.pi)


def _seasonal_temperature(year_day: FloatArray) -> FloatArray:
    return 8.5 - 13.5 * np.cos((year_day - 22.0) / _DAYS_PER_YEAR * 2 * np.pi)


def _sun_elevation(year_day: FloatArray, hour: FloatArray) -> FloatArray:
    """Elevation of the sun in degrees, from the declination and the hour angle."""
    declination = np.radians(23.44) * np.sin((year_day - 81.0) / _DAYS_PER_YEAR * 2 * np.pi)
    latitude = np.radians(LATITUDE_DEGREES)
    height = np.sin(latitude) * np.sin(declination)
    height += np.cos(latitude) * np.cos(declination) * np.cos((hour - 12.0) / 24 * 2 * np.pi)
    return np.asarray(np.degrees(np.arcsin(height)))


def _ramp(year_day: FloatArray, begin: float, end: float) -> FloatArray:
    """0 before one day of the year, 1 after another, in every year."""
    return np.clip(((year_day - 1) % _DAYS_PER_YEAR + 1 - begin) / (end - begin), 0, 1)


def _wander(count: int, memory: float, spread: float, rng: np.random.Generator) -> FloatArray:
    """A first-order autoregressive series of that standard deviation; memory in steps."""
    keep = float(np.exp(-1.0 / memory))
    shocks = rng.normal(0, spread * np.sqrt(1 - keep**2), count)
    values = np.empty(count)
    value = rng.normal(0, spread)
    for index in range(count):
        value = keep * value + shocks[index]
        values[index] = value
    return values


def _snow_and_ice(
    temperature_c: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Snow depth in cm and freezing degree-days, one a day, growing in cold spells."""
    falls = np.where(
        rng.random(temperature_c.size) < 0.35, rng.gamma(1.5, 4.0, temperature_c.size), 0.0
    )
    snow, frost = np.zeros(temperature_c.size), np.zeros(temperature_c.size)
    depth = degree_days = 0.0
    for index, degrees in enumerate(temperature_c):
        depth += falls[index] if degrees < -0.5 else 0.0
        depth = max(0.0, min(depth, 20.0) - 1.6 * max(0.0, degrees + 0.5))
        degree_days = max(
            0.0, min(degree_days - degrees if degrees < 0 else 0.75 * degree_days, 60)
        )
        snow[index], frost[index] = depth, degree_days
    return snow, frost


def _shifts(
    day: FloatArray, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Movements of the camera in pixels: a tremble at each photo, and some that last."""
    moments = np.flatnonzero(rng.random(int(day[-1]) + 1) < 1 / 90)
    shifts = []
    for spread in (1.6, 1.0):
        lasting = np.concatenate([[0.0], np.cumsum(rng.normal(0, spread, moments.size))])
        moved = lasting[np.searchsorted(moments, day, side="right")]
        tremble = rng.normal(0, 0.8, day.size)
        whole = np.rint(np.clip(moved + tremble, -MAX_SHIFT_PIXELS, MAX_SHIFT_PIXELS))
        shifts.append(whole.astype(np.int64))
    return shifts[0], shifts[1]
