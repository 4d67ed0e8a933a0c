"""How a model sees a photo: fperank's own way, or that of an imported model, set apart by `kind`.

Either view reads a photo itself, so whoever scores need not know which it is.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Discriminator, Tag

from fperank.photos.decode import Fractions, Pixels
from fperank.photos.stretched import SeedView
from fperank.photos.view import PhotoView


def _kind_of_view(view: Any) -> str:
    kind = view.get("kind", "") if isinstance(view, dict) else getattr(view, "kind", "")
    return "stretched" if kind == "stretched" else "covered"


View = Annotated[
    Annotated[PhotoView, Tag("covered")] | Annotated[SeedView, Tag("stretched")],
    Discriminator(_kind_of_view),
]
"""The field type of `model.json`: pydantic chooses the class by `kind`."""

ReadPhoto = Callable[[Path, View], Pixels | Fractions]
"""Reads one photo as a model sees it, as `read_photo` does."""


def read_photo(path: Path, view: View) -> Pixels | Fractions:
    """Read one photo as a model sees it, decoded anew; `cache.PixelCache.read` may have kept it.

    Returns:
        `[view.height, view.width, 3]`.

    Raises:
        PhotoError: the reason, without the path.
    """
    return view.read(path)
