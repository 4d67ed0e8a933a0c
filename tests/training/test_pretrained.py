import hashlib
import http.server
import threading
from types import SimpleNamespace

import pytest
import torch
import torchvision
from torchvision.models import Weights, WeightsEnum
from toy import changed, group

from fperank.ground.errors import ParameterError
from fperank.ground.files import file_digest
from fperank.handover.model import ModelDescription
from fperank.network.model_file import save_model
from fperank.network.ranknet import FlowRanker
from fperank.params.file import check_group
from fperank.params.parameters import TrainParams
from fperank.photos.view import PhotoView
from fperank.training.data import load_data
from fperank.training.loop import train
from fperank.training.pretrained import load_pretrained


def new_network(seed=0):
    torch.manual_seed(seed)
    return FlowRanker("squeezenet1_1", [8], "ranknet", 64, 64)


def weights_of(network):
    return {k: v.clone() for k, v in network.state_dict().items()}


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """The folder `weights/` of a repository that the test runs in."""
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A web server on loopback with a weights file named as torchvision's are."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch-home"))
    site = tmp_path / "site"
    site.mkdir()
    state = torchvision.models.squeezenet1_1().state_dict()
    torch.save(state, site / "weights.pth")
    digest = hashlib.sha256((site / "weights.pth").read_bytes()).hexdigest()[:8]
    name = f"squeezenet1_1-{digest}.pth"
    (site / "weights.pth").rename(site / name)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(site))

        def log_message(self, *args):
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{httpd.server_port}/{name}"

    class Published(WeightsEnum):
        DEFAULT = Weights(url=url, transforms=None, meta={})

    enum = Published
    monkeypatch.setattr(torchvision.models, "get_model_weights", lambda name: enum)
    yield SimpleNamespace(state=state, file=site / name, stop=httpd.shutdown)
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def test_none_leaves_the_random_weights():
    network = new_network()
    before = weights_of(network)
    assert load_pretrained(network, "squeezenet1_1", "none") is None
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())


def test_imagenet_weights_are_fetched_and_fill_the_backbone_only(server):
    network = new_network()
    before = weights_of(network)
    digest = load_pretrained(network, "squeezenet1_1", "imagenet")
    assert digest == file_digest(server.file)
    for name, value in network.backbone.state_dict().items():
        assert torch.equal(value, server.state[name])
    assert torch.equal(network.head[0].weight, before["head.0.weight"])


def test_weights_that_were_damaged_on_the_way_are_refused(server):
    server.file.write_bytes(server.file.read_bytes()[:-10] + b"0123456789")
    with pytest.raises(ParameterError, match=r"cannot be fetched .*or set it to none"):
        load_pretrained(new_network(), "squeezenet1_1", "imagenet")


def test_without_the_file_on_the_server_the_message_names_none(server):
    server.file.unlink()
    with pytest.raises(ParameterError, match=r"pretrained is imagenet, but the weights of .*none"):
        load_pretrained(new_network(), "squeezenet1_1", "imagenet")


def test_a_model_of_fperank_fills_backbone_and_head(weights):
    donor = new_network(seed=5)
    description = ModelDescription(
        backbone="squeezenet1_1",
        hidden_units=[8],
        loss="ranknet",
        tie_parameter=None,
        view=PhotoView(height=64, width=64),
        mean=[0, 0, 0],
        std=[1, 1, 1],
        kept_epoch=1,
        variable="FLOW_CFS",
        station="x",
    )
    save_model(weights, donor.state_dict(), description)
    network = new_network()
    digest = load_pretrained(network, "squeezenet1_1", "model.safetensors")
    assert digest == file_digest(weights / "model.safetensors")
    assert all(torch.equal(v, donor.state_dict()[k]) for k, v in network.state_dict().items())


def test_a_torchvision_file_fills_the_backbone(weights):
    state = torchvision.models.squeezenet1_1().state_dict()
    torch.save(state, weights / "w.pth")
    network = new_network()
    load_pretrained(network, "squeezenet1_1", "w.pth")
    assert torch.equal(
        network.backbone.state_dict()["features.0.weight"], state["features.0.weight"]
    )


def test_weights_of_another_network_are_refused(weights):
    torch.save(torchvision.models.resnet18().state_dict(), weights / "w.pth")
    with pytest.raises(ParameterError, match=r"do not fit backbone squeezenet1_1: \d+ of \d+ are"):
        load_pretrained(new_network(), "squeezenet1_1", "w.pth")


def test_a_file_that_is_absent_is_refused_with_what_to_do(weights):
    with pytest.raises(
        ParameterError,
        match=r"pretrained is 'brook.pth', but weights/brook.pth does not exist: copy the file",
    ):
        load_pretrained(new_network(), "squeezenet1_1", "brook.pth")


@pytest.mark.parametrize("name", ["../w.pth", "weights/w.pth", "/tmp/w.pth", "C:\\w.pth"])
def test_a_path_is_refused_with_the_folder_to_copy_the_file_into(params, name):
    with pytest.raises(ParameterError, match=r"copy the file into weights/ .* and write its name"):
        check_group(TrainParams, group(params, TrainParams).model_dump() | {"pretrained": name})


@pytest.mark.parametrize("name", ["imagnet", "", "None", "README.md", "w.pth; rm", ".pth"])
def test_a_name_that_stands_for_nothing_is_refused_with_what_is_allowed(params, name):
    with pytest.raises(
        ParameterError, match=r"pretrained is .*: must be none, imagenet, or the name of a file in"
    ):
        check_group(TrainParams, group(params, TrainParams).model_dump() | {"pretrained": name})


def test_another_content_under_the_same_name_is_another_run_and_is_recorded(
    params, toy_input, weights, tmp_path
):
    own = changed(
        group(params, TrainParams),
        **{"backbone": "squeezenet1_1", "input_size": 64, "epochs": 1, "threads": 1},
        pretrained="brook.pth",
    )
    data = load_data(toy_input(60).pairs, tmp_path / "photos", own)
    models = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        torch.save(torchvision.models.squeezenet1_1().state_dict(), weights / "brook.pth")
        model = train(data, own, "FLOW_CFS", "Toy", tmp_path, lambda _row: None)
        assert model.pretrained_sha256 == file_digest(weights / "brook.pth")
        models.append(model)
    assert models[0].pretrained_sha256 != models[1].pretrained_sha256
    assert models[0].checkpoint.path != models[1].checkpoint.path


class Evil:
    def __reduce__(self):
        return (print, ("code ran",))


def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(weights, capsys):
    torch.save({"a": Evil()}, weights / "evil.pth")
    with pytest.raises(ParameterError, match="is not a file of plain weights"):
        load_pretrained(new_network(), "squeezenet1_1", "evil.pth")
    assert "code ran" not in capsys.readouterr().out


def test_a_file_that_holds_something_else_is_refused(weights):
    torch.save([1, 2], weights / "list.pth")
    with pytest.raises(ParameterError, match="must hold one table of names and tensors"):
        load_pretrained(new_network(), "squeezenet1_1", "list.pth")
    (weights / "text.pth").write_text("hello")
    with pytest.raises(ParameterError, match="is not a file of plain weights"):
        load_pretrained(new_network(), "squeezenet1_1", "text.pth")
