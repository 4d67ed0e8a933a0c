import math

import pytest
import torch
from torch import nn

from fperank.errors import ParameterError
from fperank.ranknet import FlowRanker, make_backbone, pair_log_probabilities, pair_loss

D = torch.tensor([-3.0, -0.5, 0.0, 0.5, 3.0], dtype=torch.float64)
ZERO = torch.tensor(0.0, dtype=torch.float64)


def test_ranknet_is_the_cross_entropy_of_the_sigmoid():
    for label, expected in (
        (1, torch.log1p(torch.exp(-D))),
        (-1, torch.log1p(torch.exp(D))),
        (0, 0.5 * torch.log1p(torch.exp(-D)) + 0.5 * torch.log1p(torch.exp(D))),
    ):
        labels = torch.full((5,), label)
        torch.testing.assert_close(pair_loss(D, labels, "ranknet", ZERO), expected)


def test_davidson_is_its_closed_form():
    nu = 1.7
    tie = torch.tensor(math.log(nu), dtype=torch.float64)
    z = torch.exp(D / 2) + torch.exp(-D / 2) + nu
    expected = torch.stack([torch.exp(D / 2) / z, nu / z, torch.exp(-D / 2) / z], dim=1)
    torch.testing.assert_close(pair_log_probabilities(D, "davidson", tie).exp(), expected)


def test_rao_kupper_is_its_closed_form():
    raw = torch.tensor(0.3, dtype=torch.float64)
    theta = math.exp(math.log1p(math.exp(0.3)))
    first, second = 1 / (1 + theta * torch.exp(-D)), 1 / (1 + theta * torch.exp(D))
    expected = torch.stack([first, 1 - first - second, second], dim=1)
    torch.testing.assert_close(pair_log_probabilities(D, "rao_kupper", raw).exp(), expected)


@pytest.mark.parametrize("loss", ["ranknet", "davidson", "rao_kupper"])
def test_probabilities_sum_to_one_and_reversing_a_pair_changes_nothing(loss):
    probabilities = pair_log_probabilities(D, loss, ZERO).exp()
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones_like(D))
    labels = torch.tensor([1, 0, -1, 1, 0])
    torch.testing.assert_close(pair_loss(D, labels, loss, ZERO), pair_loss(-D, -labels, loss, ZERO))


@pytest.mark.parametrize("loss", ["davidson", "rao_kupper"])
def test_without_ties_to_expect_a_tie_model_is_ranknet(loss):
    labels = torch.tensor([1, -1, 1, -1, 1])
    no_ties = torch.tensor(-40.0, dtype=torch.float64)
    torch.testing.assert_close(
        pair_loss(D, labels, loss, no_ties), pair_loss(D, labels, "ranknet", ZERO)
    )


@pytest.mark.parametrize("loss", ["ranknet", "davidson", "rao_kupper"])
def test_losses_and_gradients_are_finite_at_large_differences(loss):
    difference = torch.tensor([-200.0, -50.0, 0.0, 50.0, 200.0], requires_grad=True)
    tie = torch.tensor(0.0, requires_grad=True)
    for label in (1, 0, -1):
        value = pair_loss(difference, torch.full((5,), label), loss, tie).sum()
        gradients = torch.autograd.grad(value, [difference, tie], allow_unused=True)
        assert torch.isfinite(value)
        assert all(torch.isfinite(g).all() for g in gradients if g is not None)


def test_a_tie_pulls_scores_together_and_an_answer_pushes_them_apart():
    difference = torch.tensor([1.0], requires_grad=True)
    for label, sign in ((0, 1), (1, -1), (-1, 1)):
        loss = pair_loss(difference, torch.tensor([label]), "davidson", ZERO.float()).sum()
        (gradient,) = torch.autograd.grad(loss, difference)
        assert torch.sign(gradient).item() == sign


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("resnet18", 512),
        ("mobilenet_v3_small", 576),
        ("squeezenet1_1", 512),
        ("densenet121", 1024),
        ("vgg11", 512),
        ("convnext_tiny", 768),
        ("efficientnet_b0", 1280),
        ("regnet_y_400mf", 440),
        ("shufflenet_v2_x0_5", 1024),
        ("mnasnet0_5", 1280),
        ("googlenet", 1024),
        ("swin_t", 768),
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
