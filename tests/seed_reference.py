"""A plain reference of how EcoSHEDS' Flow Photo RankNet Model saves a network and scores photos.

Our own restatement of its steps, for the tests alone: torchvision's own transforms, one photo at a
time, a network under its names. No real checkpoint has been at hand: those made here are written by
the installed torch, torchvision and numpy, by the steps of the seed's train.py (2024 and later).
"""

import copy

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import nn
from torchvision.transforms import (
    CenterCrop,
    ColorJitter,
    Compose,
    Normalize,
    RandomCrop,
    RandomHorizontalFlip,
    RandomRotation,
    Resize,
    ToTensor,
)

# Arrays, as the seed computes them from its photos.
MEAN, STD = np.array([0.41, 0.45, 0.39]), np.array([0.21, 0.2, 0.23])


class Body(nn.Module):
    def __init__(self):
        super().__init__()
        parts = list(torchvision.models.resnet18(weights=None).children())
        self.model = nn.Sequential(*parts[:-2])

    def forward(self, photos):
        return self.model(photos)


class SeedNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.resnetbody = Body()
        self.pool = nn.AdaptiveAvgPool2d((1, 1))
        self.fclayers = nn.Sequential(
            nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 1)
        )

    def forward(self, photos):
        return self.fclayers(self.pool(self.resnetbody(photos)).flatten(1)).squeeze(1)


def trained_network(seed=0):
    """A network whose BatchNorm statistics and weights look like those of a trained one."""
    torch.manual_seed(seed)
    network = SeedNetwork()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.4, 1.8)
            module.num_batches_tracked.fill_(640)
            nn.init.uniform_(module.weight, 0.6, 1.2)
            nn.init.normal_(module.bias, 0, 0.2)
    # Wider than chance leaves it, so that an error in the pixels moves the score visibly.
    nn.init.normal_(network.fclayers[4].weight, 0, 1)
    return network.eval()


def transforms_for(aspect, **resize):
    whole = [480, np.int32(480 * aspect)]
    middle = [np.int32(480 * 0.8), np.int32(480 * 0.8 * aspect)]
    training = [
        *(Resize(whole, **resize), RandomHorizontalFlip(), RandomRotation(10)),
        *(RandomCrop(middle), ColorJitter(), Normalize(MEAN, STD)),
    ]
    evaluation = [Resize(whole, **resize), CenterCrop(middle), Normalize(MEAN, STD)]
    return {"train": Compose(training), "eval": Compose(evaluation)}


def make_checkpoint(network, aspect=4 / 3, **resize):
    """The table that the seed saves, of a network inside of DataParallel."""
    parallel = nn.DataParallel(network, device_ids=[])
    head = copy.deepcopy(network.fclayers)
    optimizer = torch.optim.SGD(head.parameters(), lr=0.001, momentum=0.9)
    head(torch.ones(1, 512)).sum().backward()
    optimizer.step()
    return {
        "epoch": 7,
        "model_state_dict": parallel.state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
        "training_loss": 0.44,
        "transforms": transforms_for(aspect, **resize),
        "params": {
            "aspect": aspect,
            "input_shape": [np.int32(480 * 0.8), np.int32(480 * 0.8 * aspect)],
            "img_sample_mean": MEAN,
            "img_sample_std": STD,
        },
    }


@torch.no_grad()
def seed_score(network, evaluation, path):
    """Decode, scale to 0 to 1, prepare, score: one photo."""
    photo = evaluation(ToTensor()(Image.open(path)))
    return network(photo[None]).item()


def trail_photo(path, size, seed):
    """A JPEG with edges of every width, as gravel and branches have them."""
    rng = np.random.default_rng(seed)
    width, height = size
    rough = rng.integers(0, 255, (height // 24 + 1, width // 24 + 1, 3), dtype=np.uint8)
    ground = np.asarray(Image.fromarray(rough).resize(size, Image.Resampling.BICUBIC)).astype(int)
    fine = rng.integers(-60, 60, (height, width, 1))
    Image.fromarray((ground + fine).clip(0, 255).astype(np.uint8)).save(path, quality=88)
    return path
