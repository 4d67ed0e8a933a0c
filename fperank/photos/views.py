"""How a model sees a photo: fperank's own way, or that of an imported model, told by `kind`."""

from typing import Annotated, Any

from pydantic import Discriminator, Tag

from fperank.photos.decode import PhotoView
from fperank.photos.stretched import SeedView


def _kind_of_view(view: Any) -> str:
    kind = view.get("kind", "") if isinstance(view, dict) else getattr(view, "kind", "")
    return "stretched" if kind == "stretched" else "covered"


View = Annotated[
    Annotated[PhotoView, Tag("covered")] | Annotated[SeedView, Tag("stretched")],
    Discriminator(_kind_of_view),
]
