import torch

from fperank.training.best_epoch import kept_epoch, lowest_epoch

HARD_AND_EASY = torch.linspace(0.01, 3, 100)
BY_CHANCE = torch.tensor([0.4, -0.4]).repeat(50)


def test_before_the_first_epoch_there_is_none():
    assert lowest_epoch([]) == kept_epoch([]) == 0


def test_a_later_epoch_that_is_worse_by_chance_only_is_kept():
    lowest = HARD_AND_EASY
    # One standard error of these differences is 0.04.
    within, beyond = (lowest + BY_CHANCE + worse for worse in (0.07, 0.09))
    assert kept_epoch([lowest, within]) == 2
    assert kept_epoch([lowest, beyond]) == 1
    assert kept_epoch([lowest, within, beyond]) == 2
    assert kept_epoch([lowest, beyond, within]) == 3
    assert lowest_epoch([lowest, beyond, within]) == 1


def test_what_makes_a_pair_hard_in_both_epochs_is_no_chance():
    assert kept_epoch([HARD_AND_EASY, HARD_AND_EASY + 0.001]) == 1


def test_an_earlier_epoch_is_kept_only_where_it_is_the_lowest():
    assert kept_epoch([HARD_AND_EASY + BY_CHANCE + 0.03, HARD_AND_EASY]) == 2


def test_one_pair_knows_no_chance():
    assert kept_epoch([torch.tensor([0.5]), torch.tensor([0.6])]) == 1
    assert kept_epoch([torch.tensor([0.6]), torch.tensor([0.5])]) == 2


def test_equal_epochs_are_worth_the_later():
    assert kept_epoch([HARD_AND_EASY, HARD_AND_EASY.clone()]) == 2


def test_a_new_epoch_is_kept_itself_or_changes_nothing():
    """So the kept weights need copying only when an epoch is kept as it ends."""
    seen = set()
    for seed in range(50):
        chance = torch.Generator().manual_seed(seed)
        losses = list(torch.rand(12, 20, generator=chance))
        for n in range(1, 13):
            before, after = kept_epoch(losses[: n - 1]), kept_epoch(losses[:n])
            assert after in (n, before)
            seen.add((after == n, after == lowest_epoch(losses[:n])))
    assert len(seen) == 4
