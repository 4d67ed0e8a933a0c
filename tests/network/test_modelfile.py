import json
import os
import resource

import pytest
import torch

from fperank.ground.errors import DataError
from fperank.handover.model import DESCRIPTION_FILE, WEIGHTS_FILE, ModelDescription
from fperank.network.model_file import (
    load_model,
    network_of,
    normalise,
    save_model,
    to_tensor,
)
from fperank.photos.view import PhotoView


@pytest.fixture
def description():
    return ModelDescription(
        backbone="squeezenet1_1",
        hidden_units=[8],
        loss="davidson",
        tie_parameter=0.25,
        view=PhotoView(height=32, width=40, crop_bottom=0.1),
        mean=[0.4, 0.5, 0.6],
        std=[0.2, 0.2, 0.2],
        kept_epoch=3,
        variable="FLOW_CFS",
        station="Río (Lower) #2",
    )


def test_a_model_comes_back_as_it_was(description, tmp_path):
    network = network_of(description).eval()
    save_model(tmp_path, network.state_dict(), description)
    loaded, read = load_model(tmp_path)
    assert read == description
    photos = torch.rand(2, 3, 32, 40)
    with torch.no_grad():
        assert torch.equal(loaded(photos), network(photos))
    assert not loaded.training


def test_the_same_model_has_the_same_bytes(description, tmp_path):
    state = network_of(description).state_dict()
    save_model(tmp_path / "a", state, description)
    save_model(tmp_path / "b", dict(reversed(state.items())), description)
    for name in (WEIGHTS_FILE, DESCRIPTION_FILE):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_files_that_are_absent_broken_or_of_two_models_are_refused(description, tmp_path):
    with pytest.raises(DataError, match=r"model.json does not exist"):
        load_model(tmp_path)
    save_model(tmp_path, network_of(description).state_dict(), description)
    other = description.model_copy(update={"hidden_units": [16]})
    (tmp_path / DESCRIPTION_FILE).write_text(other.model_dump_json())
    with pytest.raises(
        DataError,
        match=r"does not fit model.json beside it: 3 weights .* such as head.0.bias, which is 8 in",
    ):
        load_model(tmp_path)
    (tmp_path / DESCRIPTION_FILE).write_text(json.dumps({"backbone": "resnet18"}))
    with pytest.raises(DataError, match=r"model.json: hidden_units: Field required"):
        load_model(tmp_path)
    (tmp_path / DESCRIPTION_FILE).write_text(description.model_dump_json())
    (tmp_path / WEIGHTS_FILE).write_bytes(b"not weights")
    with pytest.raises(DataError, match="is not a safetensors file"):
        load_model(tmp_path)
    (tmp_path / WEIGHTS_FILE).unlink()
    with pytest.raises(DataError, match=r"model.safetensors does not exist"):
        load_model(tmp_path)


def test_pixels_become_normalised_tensors():
    pixels = torch.tensor([[[[0, 255, 51]]]], dtype=torch.uint8)
    photos = to_tensor(pixels, torch.device("cpu"))
    assert photos.shape == (1, 3, 1, 1)
    torch.testing.assert_close(photos.flatten(), torch.tensor([0.0, 1.0, 0.2]))
    result = normalise(photos, [0.5, 0.5, 0.2], [0.5, 0.25, 1.0])
    torch.testing.assert_close(result.flatten(), torch.tensor([-1.0, 2.0, 0.0]))


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (
            {"hidden_units": [10**18]},
            r"hidden_units.0: Input should be less than or equal to 65536",
        ),
        ({"hidden_units": [65_536] * 16}, r"weights have another name or size"),
        ({"view": {"height": 32, "width": 10**9}}, r"view.covered.width: Input should be less"),
        (
            {"view": {"height": 32, "width": 40, "crop_top": 0.5, "crop_bottom": 0.5}},
            "leave nothing",
        ),
        ({"backbone": "vit_h_14"}, r"model.json: backbone vit_h_14 cannot take photos of 40 x 32"),
        ({"backbone": "../x"}, r"model.json: backbone is '../x': choose one of"),
        ({"std": [0, 0.2, 0.2]}, r"std.0: Input should be greater than 0"),
        ({"mean": [0.5]}, r"mean: List should have at least 3 items"),
    ],
)
def test_a_description_that_lies_ends_in_words_before_memory_is_used(
    description, tmp_path, lie, said
):
    save_model(tmp_path, network_of(description).state_dict(), description)
    (tmp_path / DESCRIPTION_FILE).write_text(json.dumps(description.model_dump() | lie))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match=said):
        load_model(tmp_path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000


def test_weights_that_lie_about_their_size_are_not_read(description, tmp_path):
    network = network_of(description)
    save_model(tmp_path, network.state_dict(), description)
    path = tmp_path / WEIGHTS_FILE
    head = {"head.0.weight": {"dtype": "F32", "shape": [10**11], "data_offsets": [0, 4 * 10**11]}}
    text = json.dumps(head).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + 4 * 10**11)
    with pytest.raises(DataError, match=r"has 400,000,000,103 bytes, but the network that model"):
        load_model(tmp_path)
    path.write_bytes((2**60).to_bytes(8, "little") + b"{}")
    with pytest.raises(DataError, match="is not a safetensors file"):
        load_model(tmp_path)


def test_what_is_no_file_is_not_waited_for(description, tmp_path):
    save_model(tmp_path, network_of(description).state_dict(), description)
    for name in (WEIGHTS_FILE, DESCRIPTION_FILE):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).unlink()
        os.mkfifo(tmp_path / name)
        with pytest.raises(DataError, match=f"{name} is a pipe or a device, not a file"):
            load_model(tmp_path)
        (tmp_path / name).unlink()
        (tmp_path / name).write_bytes(content)
    with (tmp_path / DESCRIPTION_FILE).open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(DataError, match="1,000,000,000,000 bytes; the description of a model"):
        load_model(tmp_path)
    (tmp_path / DESCRIPTION_FILE).write_text("[" * 100_000)
    with pytest.raises(DataError, match="too deeply"):
        load_model(tmp_path)


def test_weights_that_are_no_numbers_are_refused(description, tmp_path):
    state = network_of(description).state_dict()
    state["head.0.weight"][0, 0] = torch.nan
    save_model(tmp_path, state, description)
    with pytest.raises(DataError, match=r"head.0.weight holds what is no number"):
        load_model(tmp_path)
