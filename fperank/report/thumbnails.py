"""Small copies of photos for the page, as text that stands inside it.

Chosen evenly over time, with the highest and the lowest scored among them, so that both ends of the
ranking can be looked at. A photo that cannot be read is passed over.
"""

import base64
import io
from dataclasses import dataclass

import numpy as np
import pandas as pd
from PIL import Image

from fperank.agreement.material import Material
from fperank.ground.errors import PhotoError
from fperank.photos.decode import Pixels, read_many
from fperank.photos.view import PhotoView
from fperank.report.charts import photo_facts

WIDTH = 240
"""Pixels across."""

MAX_BYTES = 6_000_000
"""What all embedded photos together take of the page, at most."""

MAX_MARKED = 24
"""Photos with a mark of their picture that a page shows, at most."""

_QUALITY = 60
_WORKERS = 2
_MOST_EXTREMES = 12


@dataclass(frozen=True)
class Thumbnail:
    """One embedded photo.

    Attributes:
        facts: as `charts.photo_facts` gives them.
        rank_percentile: of the photo's score, 0 to 1; not a number where it has none.
        uri: the JPEG as a `data:` address.
    """

    facts: list[object]
    rank_percentile: float
    uri: str


@dataclass(frozen=True)
class Album:
    """The photos of a page, and what became of the others that were to be in it.

    Attributes:
        photos: in order of time.
        unreadable: how many were chosen and could not be read.
        dropped: how many were read and left out because of `MAX_BYTES`.
    """

    photos: list[Thumbnail]
    unreadable: int = 0
    dropped: int = 0


def choose_photos(predictions: pd.DataFrame, most: int) -> pd.DataFrame:
    """Choose the photos to embed.

    Args:
        predictions: `tables.PREDICTIONS`, in order of time.
        most: how many at most.

    Returns:
        Rows of the predictions: up to an eighth each of `most` with the lowest and highest scores
        (12 at most), the rest evenly over time; in order of time. Photos without a score are
        chosen only where no photo has one.
    """
    scored = predictions[predictions["score"].notna()]
    photos = (scored if len(scored) else predictions).reset_index(drop=True)
    if len(photos) <= most:
        return photos
    ends = min(most // 8, _MOST_EXTREMES)
    by_score = photos["score"].sort_values(kind="stable").index.to_numpy()
    extremes = np.concatenate([by_score[:ends], by_score[len(by_score) - ends :]])
    others = np.setdiff1d(np.arange(len(photos)), extremes)
    even = np.linspace(0, len(others) - 1, most - len(extremes)).round().astype(int)
    return photos.iloc[np.union1d(extremes, others[even])]


def embed_photos(material: Material, most: int) -> Album:
    """Read the chosen photos and make them small.

    Args:
        material: the report's material.
        most: how many at most; fewer where they would take more than `MAX_BYTES`.
    """
    chosen = choose_photos(material.predictions, most)
    paths = [material.photos / filename for filename in chosen["filename"]]
    pictures = read_many(paths, _whole_photo(material).read, _WORKERS)
    uris = [None if isinstance(one, PhotoError) else _data_uri(one) for one in pictures]
    made = chosen.assign(uri=pd.Series(uris, index=chosen.index, dtype="object"))
    made = made[made["uri"].notna()]
    kept = made
    while (size := int(kept["uri"].str.len().sum())) > MAX_BYTES:
        kept = choose_photos(made, len(kept) * MAX_BYTES // (size + 1))
    photos = [
        Thumbnail(fact, float(percentile), uri)
        for fact, percentile, uri in zip(
            photo_facts(kept), kept["rank_percentile"], kept["uri"], strict=True
        )
    ]
    return Album(photos, unreadable=len(chosen) - len(made), dropped=len(made) - len(kept))


@dataclass(frozen=True)
class MarkedPhoto:
    """A photo whose picture is spoilt, as far as it can be read.

    Attributes:
        time: local, as text.
        filename: relative to the dataset's photos.
        quality: its marks in words.
        reason: why it has them.
        uri: the JPEG as a `data:` address.
    """

    time: str
    filename: str
    quality: str
    reason: str
    uri: str


def embed_marked(material: Material) -> list[MarkedPhoto]:
    """The first photos of each set of marks in turn, so that every kind can be looked at."""
    marked = material.marked
    turn = marked.groupby("quality").cumcount()
    chosen = marked.assign(turn=turn).sort_values(["turn", "timestamp"]).head(MAX_MARKED)
    paths = [material.photos / filename for filename in chosen["filename"]]
    pictures = read_many(paths, _whole_photo(material).read, _WORKERS)
    texts = (
        chosen["timestamp"].dt.strftime("%Y-%m-%d %H:%M"),
        chosen["filename"],
        chosen["quality"].str.replace("_", " ").str.replace(",", ", "),
        chosen["reason"],
    )
    return [
        MarkedPhoto(time, filename, quality, reason, _data_uri(picture))
        for time, filename, quality, reason, picture in zip(*texts, pictures, strict=True)
        if not isinstance(picture, PhotoError)
    ]


def _whole_photo(material: Material) -> PhotoView:
    """The model's view without its crops, at the page's size."""
    height = WIDTH / material.model.view.whole_aspect
    return PhotoView(width=WIDTH, height=max(round(height), 8))


def _data_uri(picture: Pixels) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
