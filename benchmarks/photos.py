"""Photos for the benchmarks, as a trail camera writes them: decoding must cost what it costs.

The demo station's scene at its flow, enlarged to the camera's size, with fine texture drawn over
it: without, a JPEG would be a fraction of the size and decode far too fast. Held against five real
trail-camera photos of 2560 x 1920 pixels (0.82 to 0.93 MB, chroma at half width), `LARGE` gives
0.8 to 1.0 MB with the same chroma, and takes as long to decode.

The same arguments give the same bytes.
"""

import datetime as dt
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from fperank.ground.errors import DataError
from fperank.ground.files import read_json, write_bytes, write_json
from fperank.handover.tables import LABEL_OF_RANK
from fperank.stations.demo.annotator import answers
from fperank.stations.demo.scene import Scene
from fperank.stations.demo.station import CAMERA_ZONE, START
from fperank.stations.demo.weather import Conditions, simulate_conditions, simulate_discharge

_DAYS = 365
_TEXTURES = 4
_GRAIN_PIXELS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Camera:
    """What a photo file is like.

    Attributes:
        width: pixels.
        height: pixels.
        quality: of the JPEG, 1 to 95; 0 writes a PNG, which can be decoded in one way only.
        texture: standard deviation of the fine texture at middle grey, in grey levels of 255.
    """

    width: int
    height: int
    quality: int
    texture: float

    @property
    def suffix(self) -> str:
        """Of its files' names."""
        return ".JPG" if self.quality else ".png"


LARGE = Camera(2560, 1920, quality=88, texture=4.3)
"""Five megapixels, as trail cameras write them."""

SMALL = Camera(480, 360, quality=88, texture=4.3)
"""Thumbnails, for tests."""

LOSSLESS = Camera(480, 360, quality=0, texture=4.3)
"""For comparisons of numbers, which no way of decoding may blur."""


CAMERAS = {"large": LARGE, "small": SMALL, "lossless": LOSSLESS}


def build_photos(folder: Path, n: int, camera: Camera, seed: int = 1) -> pd.DataFrame:
    """Draw photos into a folder; those of an earlier run with the same arguments are kept.

    Args:
        folder: where to write; created if absent.
        n: how many photos, spread over the daylight of a year.
        camera: what their files are like.
        seed: of everything random.

    Returns:
        `image_id`, `filename` (relative to the folder), `timestamp`, `value` (discharge in cfs).

    Raises:
        DataError: the folder holds something else.
    """
    clocks = [
        START + dt.timedelta(days=_DAYS * k // n, hours=8 + 7 * k % 10, seconds=k) for k in range(n)
    ]
    hours, discharge_cfs = simulate_discharge(START, _DAYS + 1, np.random.default_rng([seed, 0]))
    since = [(clock - START).total_seconds() / 3600 for clock in clocks]
    flows = np.exp(np.interp(since, hours, np.log(discharge_cfs)))
    names = [f"PICT{k:05d}{camera.suffix}" for k in range(1, n + 1)]
    asked = {"photos": n, "seed": seed, **asdict(camera)}
    note = folder / "photos.json"
    if not note.exists():
        if folder.exists() and any(folder.iterdir()):
            raise DataError(f"{folder} is not empty: name a new folder for the photos")
        _draw(folder, names, flows, simulate_conditions(clocks, _rng(seed, 1)), camera, seed)
        write_json(asked, note)
    elif read_json(note) != asked:
        raise DataError(f"{folder} holds other photos than those asked for: name another folder")
    return pd.DataFrame(
        {
            "image_id": pd.Series(range(1, n + 1)).astype("str"),
            "filename": names,
            "timestamp": pd.Series(pd.to_datetime(clocks)).dt.tz_localize(CAMERA_ZONE),
            "value": flows,
        }
    )


def compare(images: pd.DataFrame, n_train: int, n_val: int, seed: int = 1) -> pd.DataFrame:
    """Random pairs of photos, answered as the published annotators answered.

    A fifth of the photos is held out: their pairs validate.

    Args:
        images: from `build_photos`.
        n_train: pairs to learn from.
        n_val: pairs to validate on.
        seed: of the choice and the answers.

    Returns:
        `tables.PAIRS`.
    """
    rng = _rng(seed, 2)
    order = rng.permutation(len(images))
    held_out = max(len(images) // 5, 2)
    parts = []
    for split, photos, n in (
        ("train", order[held_out:], n_train),
        ("val", order[:held_out], n_val),
    ):
        first = rng.integers(len(photos), size=n)
        second = (first + rng.integers(1, len(photos), size=n)) % len(photos)
        part = pd.DataFrame({"split": [split] * n})
        for side, rows in (("1", photos[first]), ("2", photos[second])):
            for name in ("image_id", "timestamp", "filename", "value"):
                part[f"{name}_{side}"] = images[name].iloc[rows].array
        ranks = pd.Series(answers(part["value_1"], part["value_2"], rng))
        part["label"] = ranks.replace("UNKNOWN", "SAME").map(LABEL_OF_RANK)
        parts.append(part)
    pairs = pd.concat(parts, ignore_index=True)
    return pairs.assign(pair_id=pd.Series(range(1, len(pairs) + 1)).astype("str"))


def _draw(
    folder: Path,
    names: list[str],
    flows: npt.NDArray[np.float64],
    conditions: list[Conditions],
    camera: Camera,
    seed: int,
) -> None:
    scene = Scene(seed)
    textures = [_texture(camera, _rng(seed, 3, k)) for k in range(min(_TEXTURES, len(names)))]

    def draw(k: int) -> None:
        rng = _rng(seed, 4, k)
        plain = Image.fromarray(scene.draw(float(flows[k]), conditions[k], rng))
        large = plain.resize((camera.width, camera.height), Image.Resampling.BICUBIC)
        pixels = np.asarray(large).astype(np.float32)
        grey = pixels.mean(axis=2) / 255
        shift = (int(rng.integers(camera.height)), int(rng.integers(camera.width)))
        texture = np.roll(textures[k % len(textures)], shift, axis=(0, 1))
        # None in black and white, where the printed strip lies.
        pixels += (camera.texture * texture * 4 * grey * (1 - grey))[..., None]
        photo = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        content = io.BytesIO()
        if camera.quality:
            photo.save(content, "JPEG", quality=camera.quality, subsampling="4:2:2")
        else:
            photo.save(content, "PNG", compress_level=1)
        write_bytes(folder / names[k], content.getvalue())

    # Threads, because numpy and Pillow let go of the interpreter's lock; photos are independent.
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(draw, range(len(names))))


def _texture(camera: Camera, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Grain, gravel and leaves: noise of several sizes, `[height, width]`, of deviation 1."""
    size = (camera.width, camera.height)
    total = np.zeros((camera.height, camera.width), np.float32)
    for pixels in _GRAIN_PIXELS:
        noise = rng.standard_normal((camera.height // pixels, camera.width // pixels), np.float32)
        total += np.asarray(Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC))
    return np.asarray(total / total.std(), np.float32)


def _rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)
