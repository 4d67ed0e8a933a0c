"""Helpers that several test files use: toy photos, answers, times, changed parameters."""

import numpy as np
import pandas as pd
from PIL import Image

from fperank.handover.tables import parse_times

ZONE = "America/New_York"


def changed(params, **values):
    """A group of parameters with some values changed, checked again."""
    return type(params).model_validate({**params.model_dump(), **values})


def group(params, kind):
    """One stage's share of all parameters."""
    return kind.model_validate({name: getattr(params, name) for name in kind.model_fields})


def water_photo(level: float, seed: int, size: tuple[int, int] = (48, 36)) -> Image.Image:
    """A toy photo: a bright band, wider with more water, somewhere on a noisy ground."""
    rng = np.random.default_rng(seed)
    width, height = size
    pixels = rng.integers(60, 120, (height, width, 3))
    band = 2 + round(level * height * 0.6)
    top = rng.integers(0, height - band)
    pixels[top : top + band] += 90
    return Image.fromarray(pixels.astype(np.uint8))


def annotate(images: pd.DataFrame, n: int, seed: int = 0) -> pd.DataFrame:
    """Random pairs, answered by the observed values: SAME if within 10 %."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, len(images), n)
    second = (first + rng.integers(1, len(images), n)) % len(images)
    pairs = pd.DataFrame({"pair_id": [str(k + 1) for k in range(n)]})
    for side, rows in (("left", first), ("right", second)):
        for name in ("image_id", "timestamp", "filename", "value"):
            pairs[f"{side}_{name}"] = images[name].iloc[rows].to_numpy()
        pairs[f"{side}_timestamp"] = images["timestamp"].iloc[rows].array
        pairs[f"{side}_attributes"] = images["attributes"].iloc[rows].array
    ratio = pairs["left_value"] / pairs["right_value"]
    pairs["rank"] = np.where(ratio > 1.1, "LEFT", np.where(ratio < 1 / 1.1, "RIGHT", "SAME"))
    return pairs


def times(*texts: str) -> pd.Series:
    """Instants in the tests' zone."""
    return parse_times(pd.Series(texts), ZONE, "test")
