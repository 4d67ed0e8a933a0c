import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from seed_reference import trail_photo
from torchvision.transforms import CenterCrop, Compose, Resize, ToTensor

from fperank.ground.errors import PhotoError
from fperank.handover.model import ModelDescription
from fperank.network.model_file import load_model, network_of, save_model
from fperank.params.parameters import PredictParams
from fperank.photos.stretched import SeedView
from fperank.photos.view import PhotoView
from fperank.scoring.scorer import Scorer

VIEW = SeedView(resized_height=48, resized_width=64, height=38, width=51, antialias=False)


@pytest.fixture
def photo(tmp_path):
    return trail_photo(tmp_path / "p.jpg", (211, 150), 1)


@pytest.mark.parametrize("antialias", [True, False])
def test_pixels_are_those_of_torchvision(photo, antialias):
    view = VIEW.model_copy(update={"antialias": antialias})
    pixels = view.read(photo)
    steps = Compose([ToTensor(), Resize([48, 64], antialias=antialias), CenterCrop([38, 51])])
    expected = steps(Image.open(photo)).permute(1, 2, 0).numpy()
    assert (pixels.dtype, pixels.shape) == (np.float32, (38, 51, 3))
    assert np.abs(pixels - expected).max() < 1e-6


def test_the_orientation_that_exif_tells_is_not_looked_at(photo, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3
    image = Image.open(photo)
    image.save(tmp_path / "a.png")
    image.save(tmp_path / "b.png", exif=exif)
    one, other = (VIEW.read(tmp_path / name) for name in ("a.png", "b.png"))
    assert (one == other).all()


def test_grey_photos_are_read_and_bad_ones_refused(photo, tmp_path):
    Image.open(photo).convert("L").save(tmp_path / "grey.png")
    grey = VIEW.read(tmp_path / "grey.png")
    assert (grey[:, :, 0] == grey[:, :, 2]).all()
    (tmp_path / "empty.jpg").write_bytes(b"")
    with pytest.raises(PhotoError, match=r"^the file is empty$"):
        VIEW.read(tmp_path / "empty.jpg")
    Image.new("RGB", (30, 7)).save(tmp_path / "low.png")
    with pytest.raises(PhotoError, match=r"^is 30 x 7 pixels: too small to score$"):
        VIEW.read(tmp_path / "low.png")


def description(view):
    return ModelDescription(
        backbone="resnet18",
        hidden_units=[8],
        loss="ranknet",
        tie_parameter=None,
        view=view,
        mean=[0.5] * 3,
        std=[0.25] * 3,
        kept_epoch=1,
        variable="FLOW_CFS",
        station="x",
    )


def test_the_kind_of_view_stands_in_the_file_and_files_without_one_still_load(tmp_path):
    for view in (VIEW, PhotoView(height=32, width=43, crop_top=0.1)):
        described = description(view)
        save_model(tmp_path, network_of(described).state_dict(), described)
        assert load_model(tmp_path)[1].view == view
    assert '"kind"' not in (tmp_path / "model.json").read_text()
    with pytest.raises(ValidationError, match="less than or equal to 2048"):
        SeedView(**VIEW.model_dump() | {"width": 4000})


def test_a_score_is_the_same_bits_alone_and_in_any_batch(tmp_path):
    torch.manual_seed(0)
    described = description(VIEW)
    save_model(tmp_path / "model", network_of(described).state_dict(), described)
    scorer = Scorer.load(tmp_path / "model", PredictParams(threads=2, accelerator="cpu"))
    sizes = [(90 + 3 * k, 70) for k in range(37)]
    paths = [trail_photo(tmp_path / f"{k}.jpg", size, k) for k, size in enumerate(sizes)]
    paths[5].write_bytes(b"broken")
    together = scorer.score(paths)
    assert list(together.reason) == [5]
    assert len(set(together.score.tolist())) == 37
    for k in (0, 31, 36):
        assert scorer.score([paths[k]]).score[0] == together.score[k]
    backwards = scorer.score(paths[::-1]).score[::-1]
    assert np.array_equal(backwards, together.score, equal_nan=True)
