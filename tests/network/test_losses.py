import math

import pytest
import torch

from fperank.network.losses import pair_log_probabilities, pair_loss

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
