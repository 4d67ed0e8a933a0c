import hashlib
import http.server
import threading
from types import SimpleNamespace

import pytest
import torch
import torchvision
from torchvision.models import Weights

from fperank.handover.model import ModelDescription
from fperank.network.model_file import save_model
from fperank.network.ranknet import FlowRanker
from fperank.photos.decode import PhotoView
from fperank.running.errors import ParameterError
from fperank.training.pretrained import load_pretrained


def new_network(seed=0):
    torch.manual_seed(seed)
    return FlowRanker("squeezenet1_1", [8], "ranknet", 64, 64)


def weights_of(network):
    return {k: v.clone() for k, v in network.state_dict().items()}


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
    weights = Weights(url=url, transforms=None, meta={})
    enum = SimpleNamespace(
        DEFAULT=SimpleNamespace(
            get_state_dict=lambda **options: torch.hub.load_state_dict_from_url(
                weights.url, **options
            )
        )
    )
    monkeypatch.setattr(torchvision.models, "get_model_weights", lambda name: enum)
    yield SimpleNamespace(state=state, file=site / name, stop=httpd.shutdown)
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def test_none_leaves_the_random_weights():
    network = new_network()
    before = weights_of(network)
    load_pretrained(network, "squeezenet1_1", "none")
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())


def test_imagenet_weights_are_fetched_and_fill_the_backbone_only(server):
    network = new_network()
    before = weights_of(network)
    load_pretrained(network, "squeezenet1_1", "imagenet")
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


def test_a_model_of_fperank_fills_backbone_and_head(tmp_path):
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
    save_model(tmp_path, donor.state_dict(), description)
    network = new_network()
    load_pretrained(network, "squeezenet1_1", str(tmp_path / "model.safetensors"))
    assert all(torch.equal(v, donor.state_dict()[k]) for k, v in network.state_dict().items())


def test_a_torchvision_file_fills_the_backbone(tmp_path):
    state = torchvision.models.squeezenet1_1().state_dict()
    torch.save(state, tmp_path / "w.pth")
    network = new_network()
    load_pretrained(network, "squeezenet1_1", str(tmp_path / "w.pth"))
    assert torch.equal(
        network.backbone.state_dict()["features.0.weight"], state["features.0.weight"]
    )


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save(torchvision.models.resnet18().state_dict(), tmp_path / "w.pth")
    with pytest.raises(ParameterError, match=r"do not fit backbone squeezenet1_1: \d+ of \d+ are"):
        load_pretrained(new_network(), "squeezenet1_1", str(tmp_path / "w.pth"))


def test_a_path_that_is_no_file_lists_what_is_allowed():
    with pytest.raises(ParameterError, match=r"pretrained is 'imagnet', which is no file"):
        load_pretrained(new_network(), "squeezenet1_1", "imagnet")


class Evil:
    def __reduce__(self):
        return (print, ("code ran",))


def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(tmp_path, capsys):
    torch.save({"a": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(ParameterError, match="is not a file of plain weights"):
        load_pretrained(new_network(), "squeezenet1_1", str(tmp_path / "evil.pth"))
    assert "code ran" not in capsys.readouterr().out


def test_a_file_that_holds_something_else_is_refused(tmp_path):
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ParameterError, match="must hold one table of names and tensors"):
        load_pretrained(new_network(), "squeezenet1_1", str(tmp_path / "list.pth"))
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(ParameterError, match="is not a file of plain weights"):
        load_pretrained(new_network(), "squeezenet1_1", str(tmp_path / "text.pth"))
