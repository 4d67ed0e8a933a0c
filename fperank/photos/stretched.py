"""Photos as the models of EcoSHEDS' Flow Photo RankNet Model see them, for those that are imported.

That code scales a photo to 0 to 1 first, then stretches the fractions to one size whatever the
photo's shape, with or without smoothing (`antialias`), and cuts the middle out. A model that learnt
from such pixels gives other scores for any other ones.

Refused: as in `decode`.
"""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fperank.ground.errors import PhotoError
from fperank.photos.decode import MIN_SIDE, Fractions, Pixels, eight_bit_rgb, image_file

_Side = Annotated[int, Field(ge=1, le=2048)]


class SeedView(BaseModel):
    """How an imported model sees a photo.

    Attributes:
        cacheable: whether its pixels are worth keeping, see `cache`: fractions of this size take
            two megabytes a photo.
        kind: sets this view apart from `PhotoView`, which has no kind.
        resized_height: pixels that the whole photo is stretched to.
        resized_width: likewise.
        height: pixels of the middle that is cut out, the network's input.
        width: likewise.
        antialias: whether shrinking averages all pixels, or takes the nearest four only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cacheable: ClassVar[bool] = False

    kind: Literal["stretched"] = "stretched"
    resized_height: _Side
    resized_width: _Side
    height: _Side
    width: _Side
    antialias: bool

    @property
    def whole_aspect(self) -> float:
        """Width over height of the whole photo, as far as the model knows it."""
        return self.resized_width / self.resized_height

    def read(self, path: Path) -> Fractions:
        """Read one photo as an imported network sees it; its EXIF orientation is not looked at.

        Returns:
            `[height, width, 3]`.

        Raises:
            PhotoError: the reason, without the path.
        """
        with image_file(path) as file:
            photo = np.asarray(eight_bit_rgb(file))
        height, width, _ = photo.shape
        if min(height, width) < MIN_SIDE:
            raise PhotoError(f"is {width} x {height} pixels: too small to score")
        # One colour after the other takes a third of the memory and gives the same numbers.
        colours = [self._stretched_middle(photo[:, :, colour]) for colour in range(3)]
        return np.stack(colours, axis=2)

    def _stretched_middle(self, colour: Pixels) -> Fractions:
        # Only imported models need torch to read a photo.
        import torch
        from torchvision.transforms import functional

        fractions = torch.tensor(colour).float().div(255)[None]
        stretched: torch.Tensor = functional.resize(
            fractions, [self.resized_height, self.resized_width], antialias=self.antialias
        )
        middle: Fractions = functional.center_crop(stretched, [self.height, self.width])[0].numpy()
        return middle
