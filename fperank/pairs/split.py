"""Which pairs train, and which are held out to validate.

Splits hold photos out, not only pairs: a photo that the network was trained on tells little about
photos that it never saw. Photos of one burst count as one, see `bursts`.

Refused: a share of training pairs that is far from what was asked for.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fperank.ground.errors import ParameterError
from fperank.pairs.bursts import bursts, whole_days
from fperank.params.parameters import InputParams

SPLIT_TOLERANCE = 0.05
"""How far the share of training pairs may lie from `train_frac`."""

_SHUFFLES = 100


def split_pairs(pairs: pd.DataFrame, params: InputParams) -> np.ndarray:
    """Choose the training pairs.

    `image` holds whole local days out: every pair that touches a held-out day validates. `graph`
    holds whole connected groups of photos out. `random` holds pairs out, and lets photos of
    training pairs validate too. A burst counts as one photo in all three.

    Returns:
        Whether each pair trains, `[pairs]`.

    Raises:
        ParameterError: the share of training pairs is more than `SPLIT_TOLERANCE` off `train_frac`.
    """
    rng = np.random.default_rng((params.split_seed, 1))
    rank_when_held_out = {
        "image": _day_order,
        "graph": _group_order,
        "random": _pair_order,
    }[params.split_method]
    is_train, miss = _nearest_split(pairs, rank_when_held_out, params.train_frac, rng)
    if miss > SPLIT_TOLERANCE:
        cure = {
            "image": "annotate more days, change train_frac, or set split_method to random",
            "graph": "one group of connected pairs is too large: set split_method to image, or "
            "change train_frac",
            "random": "annotate more pairs or change train_frac",
        }[params.split_method]
        raise ParameterError(
            f"split_method {params.split_method} puts {is_train.mean():.0%} of {len(pairs)} pairs "
            f"into training, but train_frac asks for {params.train_frac:.0%}: {cure}"
        )
    return is_train


def _nearest_split(
    pairs: pd.DataFrame,
    rank_when_held_out: Callable[[pd.DataFrame, np.random.Generator], np.ndarray],
    train_frac: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, float]:
    """Of many shuffles, take the first within a point of the target, else the nearest.

    A shuffle ranks days (or groups, or pairs); holding out the first k of them makes exactly those
    pairs validate whose rank is below k. Few, unequal days can need more than one shuffle.
    """
    best, best_miss = np.ones(len(pairs), dtype=bool), float("inf")
    for _ in range(_SHUFFLES):
        ranks = rank_when_held_out(pairs, rng)
        share_train = 1 - np.cumsum(np.bincount(ranks)) / len(pairs)
        k = int(np.abs(share_train - train_frac).argmin())
        miss = float(abs(share_train[k] - train_frac))
        if miss < best_miss:
            best, best_miss = ranks > k, miss
        if miss <= 0.01:
            break
    return best, best_miss


def _day_order(pairs: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    days = whole_days(_times(pairs))
    ranks = rng.permutation(days.max() + 1)[days].reshape(2, len(pairs))
    return np.asarray(ranks.min(axis=0))


def _group_order(pairs: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    ids = np.concatenate([pairs["image_id_1"], pairs["image_id_2"]])
    names, at, codes = np.unique(ids, return_index=True, return_inverse=True)
    first, second = codes.reshape(2, len(pairs))
    _, one_of_burst, burst = np.unique(
        bursts(_times(pairs).iloc[at]), return_index=True, return_inverse=True
    )
    ends = np.concatenate([second, one_of_burst[burst]])
    begins = np.concatenate([first, np.arange(len(names))])
    edges = coo_array((np.ones(len(ends)), (begins, ends)), shape=(len(names), len(names)))
    n_groups, group = connected_components(edges, directed=False)
    return np.asarray(rng.permutation(n_groups)[group[first]])


def _pair_order(pairs: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Pairs of the same two bursts go together; a pair of single photos goes by itself."""
    ids = np.concatenate([pairs["image_id_1"], pairs["image_id_2"]])
    burst = bursts(_times(pairs))
    photos = pd.Series(ids).groupby(burst).nunique().to_numpy()
    ends = np.sort(burst.reshape(2, len(pairs)), axis=0)
    several = (photos[ends] > 1).any(axis=0)
    alone = np.where(several, -1, np.arange(len(pairs)))
    together = pd.DataFrame({"first": ends[0], "second": ends[1], "alone": alone})
    units = together.groupby(list(together), sort=False).ngroup().to_numpy()
    return np.asarray(rng.permutation(units.max() + 1)[units])


def _times(pairs: pd.DataFrame) -> pd.Series:
    """When the first, and then the second, photos were taken, `[2 * pairs]`."""
    return pd.concat([pairs["timestamp_1"], pairs["timestamp_2"]], ignore_index=True)
