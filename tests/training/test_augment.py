import pytest
import torch
from toy import changed

from fperank.params.parameters import AugmentParams
from fperank.training.augment import augment

NONE = AugmentParams(
    augment_flip=False,
    augment_shift=0,
    augment_zoom=0,
    augment_rotation_degrees=0,
    augment_brightness=0,
    augment_contrast=0,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def photos():
    """A white disc on black, 64 high and 96 wide, a little off the middle; 20 of them."""
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(96.0), indexing="ij")
    disc = ((x - 40) ** 2 + (y - 30) ** 2 < 18**2).float()
    return disc.expand(20, 3, 64, 96).clone()


def extent(photos, dim):
    return (photos[:, 0] > 0.5).any(dim=dim).sum(dim=1)


def middle(photos):
    weight = photos[:, 0] / photos[:, 0].sum(dim=(1, 2), keepdim=True)
    return (weight.sum(dim=1) * torch.arange(96.0)).sum(dim=1)


def test_nothing_switched_on_changes_nothing(photos):
    torch.testing.assert_close(augment(photos, NONE, generator()), photos)


def test_the_same_generator_state_gives_the_same_photos(photos):
    some = changed(NONE, augment_shift=0.1, augment_brightness=0.2)
    first = augment(photos, some, generator(1))
    assert torch.equal(first, augment(photos, some, generator(1)))
    assert not torch.equal(first, augment(photos, some, generator(2)))


def test_a_rotation_turns_without_shearing(photos):
    turned = augment(photos, changed(NONE, augment_rotation_degrees=40), generator())
    assert (extent(turned, 1) - 35).abs().max() <= 2
    assert (extent(turned, 2) - 35).abs().max() <= 2
    assert (turned - photos).abs().max() > 0.5


def test_a_shift_stays_within_its_share(photos):
    moved = middle(augment(photos, changed(NONE, augment_shift=0.1), generator())) - 40
    assert moved.abs().max() <= 0.1 * 96 + 0.5
    assert moved.abs().max() > 4
    assert moved.std() > 2


def test_a_zoom_changes_the_size_both_ways(photos):
    sizes = extent(augment(photos, changed(NONE, augment_zoom=0.3), generator()), 1)
    assert sizes.min() < 32
    assert sizes.max() > 39
    assert sizes.min() >= 35 / 1.3 - 1
    assert sizes.max() <= 35 / 0.7 + 1


def test_a_flip_mirrors_about_half_left_to_right(photos):
    flipped = augment(photos, changed(NONE, augment_flip=True), generator())
    mirrored = sum(bool(torch.allclose(p, photos[0].flip(2), atol=1e-4)) for p in flipped)
    same = sum(bool(torch.allclose(p, photos[0], atol=1e-4)) for p in flipped)
    assert mirrored + same == 20
    assert 4 <= mirrored <= 16


def test_brightness_and_contrast_do_what_they_say():
    grey = torch.full((50, 3, 8, 8), 0.4)
    grey[..., :4] = 0.6
    bright = augment(grey, changed(NONE, augment_brightness=0.2), generator())
    means = bright.mean(dim=(1, 2, 3))
    assert means.min() >= 0.5 * 0.8
    assert means.max() <= 0.5 * 1.2
    assert means.std() > 0.03
    contrasty = augment(grey, changed(NONE, augment_contrast=0.5), generator())
    torch.testing.assert_close(contrasty.mean(dim=(1, 2, 3)), torch.full((50,), 0.5))
    spans = contrasty[:, 0, 0, 0] - contrasty[:, 0, 0, 7]
    assert spans.std() > 0.02


def test_photos_stay_between_0_and_1(photos):
    wild = changed(NONE, augment_brightness=0.9, augment_contrast=0.9)
    result = augment(photos, wild, generator())
    assert result.min() >= 0
    assert result.max() <= 1
