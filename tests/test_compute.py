import pytest
import torch

from fperank.compute import choose_device, mixed_precision, set_determinism
from fperank.errors import ParameterError


def test_seed_threads_and_algorithms_are_set():
    set_determinism(threads=1, seed=7)
    first = torch.rand(3)
    assert torch.get_num_threads() == 1
    assert torch.are_deterministic_algorithms_enabled()
    set_determinism(threads=1, seed=7)
    assert torch.equal(first, torch.rand(3))


def test_auto_takes_what_is_there_and_a_named_device_must_be_there():
    assert choose_device("cpu").type == "cpu"
    there = torch.cuda.is_available()
    assert (choose_device("auto").type == "cuda") == there
    if not there:
        with pytest.raises(ParameterError, match=r"accelerator is 'cuda'.*set it to cpu or auto"):
            choose_device("cuda")


def test_processors_keep_all_digits_and_cuda_cards_that_can_do_with_half(monkeypatch):
    product = torch.ones(2, 2) @ torch.ones(2, 2)
    with mixed_precision(torch.device("cpu")):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == product.dtype == torch.float32
    for can in (True, False):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda can=can: can)
        assert mixed_precision(torch.device("cuda"))._enabled == (can and torch.cuda.is_available())
