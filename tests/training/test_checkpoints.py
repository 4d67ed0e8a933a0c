import dataclasses

import pytest
import torch
from toy import group

from fperank.params.parameters import TrainParams
from fperank.photos.view import PhotoView
from fperank.training.checkpoints import Checkpoint
from fperank.training.data import PairSet, TrainingData


@pytest.fixture
def own(params):
    return group(params, TrainParams)


@pytest.fixture
def data():
    pairs = PairSet(torch.tensor([0, 1]), torch.tensor([1, 2]), torch.tensor([1, -1]))
    pixels = torch.zeros(3, 4, 5, 3, dtype=torch.uint8)
    return TrainingData(
        pixels, PhotoView(height=4, width=5), pairs, pairs, [0.5] * 3, [0.1] * 3, {}, 0
    )


def test_what_is_saved_is_loaded_and_removed(own, data, tmp_path):
    checkpoint = Checkpoint.for_run(tmp_path, data, own)
    assert checkpoint.load() is None
    checkpoint.save({"weights": torch.arange(3.0), "history": [{"epoch": 1}]})
    loaded = checkpoint.load()
    assert torch.equal(loaded["weights"], torch.arange(3.0))
    assert loaded["history"] == [{"epoch": 1}]
    checkpoint.remove()
    checkpoint.remove()
    assert list(tmp_path.rglob("*.pt")) == []


def test_another_pair_pixel_parameter_or_pretrained_file_is_another_run(own, data, tmp_path):
    pixels = data.pixels.clone()
    pixels[0, 0, 0, 0] = 1
    label = PairSet(data.train.first, data.train.second, torch.tensor([1, 0]))
    runs = [
        Checkpoint.for_run(tmp_path, data, own),
        Checkpoint.for_run(tmp_path, dataclasses.replace(data, pixels=pixels), own),
        Checkpoint.for_run(tmp_path, dataclasses.replace(data, train=label), own),
        Checkpoint.for_run(tmp_path, data, own.model_copy(update={"seed": 99})),
        Checkpoint.for_run(tmp_path, data, own, "ab" * 32),
        Checkpoint.for_run(tmp_path, data, own, "cd" * 32),
    ]
    assert len({run.path for run in runs}) == 6
    assert Checkpoint.for_run(tmp_path, data, own) == runs[0]


def test_a_machine_that_trains_with_other_numbers_starts_the_run_afresh(
    own, data, tmp_path, monkeypatch
):
    runs = set()
    for can in (True, False):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda can=can: {"avx512_bf16": can})
        runs.add(Checkpoint.for_run(tmp_path, data, own).path)
    assert len(runs) == 2


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04 half a zip"])
def test_a_broken_checkpoint_starts_the_run_afresh(own, data, tmp_path, content):
    checkpoint = Checkpoint.for_run(tmp_path, data, own)
    checkpoint.path.parent.mkdir(parents=True)
    checkpoint.path.write_bytes(content)
    assert checkpoint.load() is None
