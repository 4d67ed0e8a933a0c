import pytest
import torch

from fperank.training.data import PairSet
from fperank.training.pair_batches import pair_batches


def random_pairs(photos, n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    first = torch.randint(photos, (n,), generator=generator)
    second = (first + 1 + torch.randint(photos - 1, (n,), generator=generator)) % photos
    return PairSet(first, second, torch.ones(n, dtype=torch.long))


def batches_of(pairs, size, seed=1):
    return pair_batches(pairs, size, torch.Generator().manual_seed(seed))


def photos_of(pairs, batches):
    return [len(torch.cat([pairs.first[b], pairs.second[b]]).unique()) for b in batches]


@pytest.mark.parametrize("photos", [2, 12, 80, 500])
def test_batches_hold_every_pair_once_and_are_of_nearly_one_size(photos):
    batches = batches_of(random_pairs(photos, 103), 25)
    assert sorted(torch.cat(batches).tolist()) == list(range(103))
    assert {len(b) for b in batches} == {25, 26}
    assert [len(b) for b in batches_of(random_pairs(photos, 3), 64)] == [3]


@pytest.mark.parametrize(("shares", "batches"), [(1, 4), (2, 4), (3, 3), (8, 8)])
def test_batches_can_be_shared_out_evenly(shares, batches):
    made = pair_batches(random_pairs(80, 103), 25, torch.Generator().manual_seed(1), shares)
    assert len(made) == batches
    assert sorted(torch.cat(made).tolist()) == list(range(103))


def test_batches_of_a_sparse_station_encode_far_fewer_photos_than_random_ones():
    pairs = random_pairs(350, 750)
    random = torch.randperm(750, generator=torch.Generator().manual_seed(1)).tensor_split(12)
    ours, theirs = photos_of(pairs, batches_of(pairs, 64)), photos_of(pairs, random)
    assert len(ours) == len(theirs)
    assert sum(ours) < 0.6 * sum(theirs)


def test_batches_of_photos_that_were_all_compared_still_hold_many_photos():
    pairs = random_pairs(40, 1500)
    assert min(photos_of(pairs, batches_of(pairs, 50))) >= 25


def test_the_same_generator_state_gives_the_same_batches_and_another_one_others():
    pairs = random_pairs(50, 200)

    def same(a, b):
        return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))

    assert same(batches_of(pairs, 32), batches_of(pairs, 32))
    assert not same(batches_of(pairs, 32), batches_of(pairs, 32, seed=2))


def test_batches_do_not_come_in_the_order_in_which_they_grew():
    pairs = random_pairs(350, 750)
    counts = torch.tensor([photos_of(pairs, batches_of(pairs, 64, seed)) for seed in range(20)])
    by_place = counts.float().mean(dim=0)
    # The last batch to grow holds half as many photos again as the first.
    assert by_place.max() < 1.25 * by_place.min()
