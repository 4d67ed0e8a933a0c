"""How an epoch's pairs are cut into batches whose pairs share photos.

A batch encodes each of its photos once, so an epoch costs what the sum of its batches' distinct
photos costs. Random batches of a station with four pairs a photo encode nearly twice the photos
that these do; what that does to rank agreement stands in benchmarks/lab-book.md.
"""

from heapq import heappop, heappush

import torch
from torch import Tensor

from fperank.training.data import PairSet

# Where everything was compared with everything, a batch without this limit would hold so few
# photos that BatchNorm's statistics mean nothing.
_PAIRS_PER_PHOTO = 2


def pair_batches(
    pairs: PairSet, size: int, generator: torch.Generator, shares: int = 1
) -> list[Tensor]:
    """All pairs, in batches of nearly equal size whose pairs share photos as far as they can.

    A batch grows from a random photo by the photo that the most waiting pairs tie to it, chance
    deciding between equals, and takes up to two of those pairs with each. The batches are shuffled,
    as the last to grow find the fewest photos to share.

    Args:
        pairs: the pairs to learn from.
        size: pairs of a batch, about: an undersized last batch would weigh its pairs more and, of
            two photos, break BatchNorm.
        generator: makes everything that is random, so the same state makes the same batches.
        shares: among how many the batches can be shared out evenly.

    Returns:
        Positions of pairs, each in one batch.
    """
    waiting = _WaitingPairs(pairs, generator)
    n = len(pairs)
    count = shares * max(round(n / (size * shares)), 1)
    sizes = [len(part) for part in torch.arange(n).tensor_split(count)]
    batches = [torch.tensor(waiting.take(size)) for size in sizes]
    return [batches[k] for k in torch.randperm(len(batches), generator=generator).tolist()]


class _WaitingPairs:
    """The pairs that are in no batch yet, by their photos, photos and pairs in random order."""

    def __init__(self, pairs: PairSet, generator: torch.Generator) -> None:
        self.ends = list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
        # Dictionaries without values: sets that keep their order.
        self.of_photo: dict[int, dict[int, None]] = {}
        for pair in torch.randperm(len(self.ends), generator=generator).tolist():
            for photo in self.ends[pair]:
                self.of_photo.setdefault(photo, {})[pair] = None
        self.turn = {photo: k for k, photo in enumerate(self.of_photo)}

    def take(self, n: int) -> list[int]:
        """Grow a batch of `n` pairs and take them away; so many must be there."""
        batch: list[int] = []
        inside: set[int] = set()
        ties: dict[int, int] = {}
        candidates: list[tuple[int, int, int]] = []
        while len(batch) < n:
            if not candidates:
                inside, ties = set(), {}
                candidates = [(0, self.turn[photo], photo) for photo in self.of_photo]
            _, _, photo = heappop(candidates)
            if photo in inside or photo not in self.of_photo:
                continue
            inside.add(photo)
            taken: list[int] = []
            for pair in self.of_photo[photo]:
                first, second = self.ends[pair]
                other = second if first == photo else first
                if other not in inside:
                    ties[other] = ties.get(other, 0) + 1
                    heappush(candidates, (-ties[other], self.turn[other], other))
                elif len(taken) < min(_PAIRS_PER_PHOTO, n - len(batch)):
                    taken.append(pair)
            batch += taken
            for pair in taken:
                self._remove(pair)
        return batch

    def _remove(self, pair: int) -> None:
        for photo in self.ends[pair]:
            del self.of_photo[photo][pair]
            if not self.of_photo[photo]:
                del self.of_photo[photo]
