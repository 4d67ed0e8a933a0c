"""Random changes of training photos, so that the network learns water and not the frame.

Every random number comes from one generator, so an epoch can be repeated exactly.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as nnf

from fperank.params.parameters import AugmentParams


def augment(photos: Tensor, params: AugmentParams, generator: torch.Generator) -> Tensor:
    """Shift, zoom, rotate, mirror, brighten and contrast each photo by its own random amounts.

    What moves in from outside the frame repeats the photo's edge.

    Args:
        photos: `[photos, 3, height, width]`, 0 to 1.
        params: the largest change of each kind; 0 switches it off.
        generator: a generator on the CPU.

    Returns:
        `[photos, 3, height, width]`, 0 to 1.
    """
    n = len(photos)

    def uniform(largest: float) -> Tensor:
        return (torch.rand(n, generator=generator) * 2 - 1) * largest

    angle = uniform(math.radians(params.augment_rotation_degrees))
    zoom = 1 + uniform(params.augment_zoom)
    shift_x, shift_y = uniform(2 * params.augment_shift), uniform(2 * params.augment_shift)
    flip = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    mirror = flip if params.augment_flip else torch.ones(n)
    brightness = 1 + uniform(params.augment_brightness)
    contrast = 1 + uniform(params.augment_contrast)

    moves = (
        params.augment_flip
        or params.augment_shift
        or params.augment_zoom
        or params.augment_rotation_degrees
    )
    if moves:
        # affine_grid works in a square of side 2: without the aspect a rotation would shear.
        aspect = photos.shape[-1] / photos.shape[-2]
        cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
        theta = torch.stack(
            [
                torch.stack([mirror * cos, -sin / aspect, shift_x], dim=1),
                torch.stack([mirror * sin * aspect, cos, shift_y], dim=1),
            ],
            dim=1,
        ).to(photos.device)
        grid = nnf.affine_grid(theta, list(photos.shape), align_corners=False)
        photos = nnf.grid_sample(photos, grid, padding_mode="border", align_corners=False)
        # grid_sample answers channels first; convolutions are fastest on channels last.
        photos = photos.contiguous(memory_format=torch.channels_last)
    if params.augment_brightness or params.augment_contrast:
        scale = (brightness * contrast).to(photos.device)[:, None, None, None]
        mean = (
            photos.mean(dim=(1, 2, 3), keepdim=True)
            * brightness.to(photos.device)[:, None, None, None]
        )
        gain = contrast.to(photos.device)[:, None, None, None]
        photos = (photos * scale + mean * (1 - gain)).clamp(0, 1)
    return photos
