import pytest
import torch

from fperank.ground.errors import ParameterError
from fperank.network.devices import choose_device, mixed_precision, set_determinism, uses_bfloat16


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


@pytest.mark.parametrize("can", [True, False])
def test_processors_with_the_instructions_use_bfloat16_unless_float32_is_asked_for(
    can, monkeypatch
):
    def kind_of_product(precision):
        with mixed_precision(torch.device("cpu"), precision):
            return (torch.ones(2, 2) @ torch.ones(2, 2)).dtype

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": can})
    assert kind_of_product("float32") == torch.float32
    assert kind_of_product("auto") == (torch.bfloat16 if can else torch.float32)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"neon": True})
    assert kind_of_product("auto") == torch.float32


@pytest.mark.parametrize(("can", "asked"), [(True, "auto"), (False, "auto"), (True, "float32")])
def test_cuda_cards_that_can_use_bfloat16_unless_float32_is_asked_for(can, asked, monkeypatch):
    def supported(*, including_emulation):
        return can or including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert uses_bfloat16(torch.device("cuda"), asked) == (can and asked == "auto")


def test_apples_cards_compute_in_float32():
    assert not uses_bfloat16(torch.device("mps"), "auto")
