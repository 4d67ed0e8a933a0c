import pytest
import torch

from fperank.compute import choose_device, set_determinism
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
