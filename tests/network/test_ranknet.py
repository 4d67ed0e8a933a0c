import pytest
import torch
from torch import nn

from fperank.ground.errors import ParameterError
from fperank.network.ranknet import FlowRanker, make_backbone


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("resnet18", 512),
        ("mobilenet_v3_small", 576),
        ("squeezenet1_1", 512),
        pytest.param("densenet121", 1024, marks=pytest.mark.slow),
        pytest.param("vgg11", 512, marks=pytest.mark.slow),
        pytest.param("convnext_tiny", 768, marks=pytest.mark.slow),
        pytest.param("efficientnet_b0", 1280, marks=pytest.mark.slow),
        ("regnet_y_400mf", 440),
        ("shufflenet_v2_x0_5", 1024),
        ("mnasnet0_5", 1280),
        pytest.param("googlenet", 1024, marks=pytest.mark.slow),
        pytest.param("swin_t", 768, marks=pytest.mark.slow),
    ],
)
def test_networks_of_every_family_lose_their_head(name, channels):
    backbone = make_backbone(name).eval()
    with torch.no_grad():
        assert backbone(torch.zeros(2, 3, 64, 96)).shape == (2, channels)


def test_the_resnet_backbone_is_convolutions_and_global_average_pooling():
    backbone = make_backbone("resnet18").eval()
    photo = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        features = nn.Sequential(*list(backbone.children())[:-2])(photo)
        torch.testing.assert_close(backbone(photo), features.mean(dim=(2, 3)))


def test_an_unknown_network_is_refused_with_those_that_exist():
    with pytest.raises(ParameterError, match=r"backbone is 'resnet19'.*resnet18"):
        make_backbone("resnet19")


def test_a_network_of_one_size_only_is_refused_at_another():
    with pytest.raises(ParameterError, match=r"vit_b_16 cannot take photos of 96 x 64 pixels"):
        FlowRanker("vit_b_16", [8], "ranknet", 64, 96)


def test_a_photo_gets_one_score_alone_or_in_a_batch():
    torch.manual_seed(0)
    network = FlowRanker("resnet18", [16, 8], "davidson", 64, 96).eval()
    photos = torch.rand(3, 3, 64, 96)
    with torch.no_grad():
        assert network(photos).shape == (3,)
        assert network(photos[:1]).shape == (1,)
    assert [m.out_features for m in network.head if isinstance(m, nn.Linear)] == [16, 8, 1]


def test_only_a_tie_model_learns_a_tie_parameter():
    for loss, learnt in (("ranknet", False), ("davidson", True), ("rao_kupper", True)):
        network = FlowRanker("squeezenet1_1", [], loss, 64, 64)
        assert network.tie_parameter.requires_grad is learnt
