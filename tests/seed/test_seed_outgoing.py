"""A model goes out to the seed's format: read by its loader's rules, restated here."""

import io

import pytest
import torch
from PIL import Image
from seed_reference import SeedNetwork, trail_photo
from torchvision.transforms import ToTensor

from fperank.handover.model import ModelDescription
from fperank.network.model_file import load_model, network_of, save_model
from fperank.params.parameters import PredictParams
from fperank.photos.view import PhotoView
from fperank.scoring.scorer import Scorer
from fperank.seed.checkpoint import import_checkpoint
from fperank.seed.outgoing import not_held, write_checkpoint


def described(**view):
    return ModelDescription(
        backbone="resnet18",
        hidden_units=[256, 64],
        loss="davidson",
        tie_parameter=-0.2,
        view=PhotoView(**{"height": 72, "width": 107} | view),
        mean=[0.41, 0.45, 0.39],
        std=[0.21, 0.2, 0.23],
        kept_epoch=9,
        variable="FLOW_CFS",
        station="West Brook 0",
    )


def saved(description, folder):
    torch.manual_seed(3)
    network = network_of(description).eval()
    torch.nn.init.normal_(network.head[-1].weight, 0, 1)
    save_model(folder / "model", network.state_dict(), description)
    write_checkpoint(network.state_dict(), description, 0.4, folder / "model.pth")
    return folder / "model.pth"


@torch.no_grad()
def seed_scores(path, photos):
    """Load whatever the pickle says, fill a ResNet-18 in DataParallel, prepare, score."""
    checkpoint = torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=False)
    height, width = checkpoint["params"]["input_shape"]
    network = torch.nn.DataParallel(SeedNetwork(), device_ids=[])
    network.load_state_dict(checkpoint["model_state_dict"])
    network.eval()
    scores = []
    for photo in photos:
        seen = checkpoint["transforms"]["eval"](ToTensor()(Image.open(photo)))
        assert tuple(seen.shape) == (3, height, width)
        scores.append(network.module(seen[None]).item())
    return scores


@pytest.mark.parametrize(
    "view",
    [{"width": 96}, {"crop_bottom": 0.1}, {"crop_top": 0.1, "crop_bottom": 0.1, "width": 120}],
)
def test_the_seeds_loader_gives_the_same_scores(tmp_path, view):
    description = described(**view)
    path = saved(description, tmp_path)
    # Of sizes that no decoder makes smaller for us.
    photos = [trail_photo(tmp_path / f"{k}.jpg", (256, 192), k) for k in range(3)]
    ours = Scorer.load(tmp_path / "model", PredictParams(threads=2, accelerator="cpu"))
    theirs = seed_scores(path, photos)
    assert ours.score(photos).score.tolist() == pytest.approx(theirs, abs=0.05)
    assert max(theirs) - min(theirs) > 0.01


def test_a_model_that_goes_out_comes_in_again(tmp_path):
    path = saved(described(width=96), tmp_path)
    import_checkpoint(path, tmp_path / "in", trust_pickle=True, station="West Brook 0")
    there, back = (load_model(tmp_path / name) for name in ("model", "in"))
    for name, weight in there[0].backbone.state_dict().items():
        assert torch.equal(back[0].backbone.state_dict()[name], weight)
    assert (back[1].kept_epoch, back[1].mean) == (9, described().mean)


def test_the_same_model_gives_the_same_bytes(tmp_path):
    made = []
    for name in "ab":
        (tmp_path / name).mkdir()
        made.append(saved(described(), tmp_path / name).read_bytes())
    assert made[0] == made[1]


def test_what_the_format_cannot_hold_is_said_in_words():
    assert not_held(described()) == ""
    other = described().model_copy(update={"backbone": "resnet50", "hidden_units": [64]})
    assert not_held(other).startswith(
        "backbone is resnet50 and hidden_units are [64], but the Flow"
    )
