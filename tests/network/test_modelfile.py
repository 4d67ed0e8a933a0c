import json

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
    with pytest.raises(DataError, match=r"does not fit model.json beside it"):
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
