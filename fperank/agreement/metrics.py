"""Rank agreement between scores and observed values, and its uncertainty.

Pure functions of arrays. Each answers None where its question has no answer, such as the agreement
of a single photo; nothing is made up. Intervals come from a block bootstrap over time (Kunsch 1989,
doi 10.1214/aos/1176347265): neighbouring photos show the same water, so drawing single photos would
promise too much certainty.

Figures are of all rows, however many. Intervals of more than `MAX_DRAWN_ROWS` rows are estimated:
blocks are drawn whole, as always, and a draw's figure is that of `MAX_DRAWN_ROWS` of its rows,
spread evenly over it. What one row in an hour tells of a week's order, its neighbours tell again.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, ks_2samp, rankdata, spearmanr

from fperank.ground.ranks import Values, percentiles

Metric = Callable[[Values, Values], float | None]

MAX_DRAWN_ROWS = 20_000
"""Rows of one bootstrap draw that its figures are computed from, at most."""

_EXTREMES = (75, 90, 95)
_SEED = 20250101


def tau(observed: Values, score: Values) -> float | None:
    """Kendall's tau-b, -1 to 1; chance gives 0.

    tau_b = (C - D) / sqrt((C + D + T_o) (C + D + T_s)), with C and D the pairs that both orders
    agree and disagree on, T_o and T_s those that are tied in the observed values or scores only.

    Kendall 1945, doi 10.1093/biomet/33.3.239.

    Args:
        observed: `[n]`, observed values, any unit.
        score: `[n]`, the model's scores.

    Returns:
        None for fewer than two rows, or where all values or all scores are equal.
    """
    return _number(kendalltau(observed, score).statistic) if len(observed) > 1 else None


def spearman(observed: Values, score: Values) -> float | None:
    """Spearman's rho, -1 to 1: Pearson's correlation of the ranks, ties averaged.

    rho = cov(r_o, r_s) / (sd(r_o) sd(r_s)). Spearman 1904, doi 10.2307/1412159.

    Args:
        observed: `[n]`, observed values, any unit.
        score: `[n]`, the model's scores.

    Returns:
        None where all values or all scores are equal.
    """
    if len(observed) < 2 or np.ptp(observed) == 0 or np.ptp(score) == 0:
        return None
    return _number(spearmanr(observed, score).statistic)


def rank_mae(observed: Values, score: Values) -> float | None:
    """Mean absolute difference of the rank percentiles, 0 to 1; chance gives 1/3.

    mean |p_o - p_s|, with p = (rank - 1) / (n - 1), ties averaged.

    Args:
        observed: `[n]`, observed values, any unit.
        score: `[n]`, the model's scores.

    Returns:
        None for fewer than two rows.
    """
    if len(observed) < 2:
        return None
    return float(np.abs(percentiles(observed) - percentiles(score)).mean())


def map_high(observed: Values, score: Values) -> float | None:
    """Mean average precision of finding high values by the score, 0 to 1.

    AP = sum over k of (R_k - R_(k-1)) P_k, with P_k and R_k the precision and recall of the list
    of the highest scores down to the k-th distinct one; the mean over three tasks: values at or
    above the 75th, 90th and 95th percentile. The same as scikit-learn's `average_precision_score`,
    which sorts anew for each task and would take ten times as long in a bootstrap. Zhu 2004,
    "Recall, precision and average precision", University of Waterloo.

    Args:
        observed: `[n]`, observed values, any unit.
        score: `[n]`, the model's scores.

    Returns:
        None for fewer than two rows, or where all values are equal.
    """
    if len(observed) < 2 or np.ptp(observed) == 0:
        return None
    cuts = np.percentile(observed, _EXTREMES)
    order = np.argsort(score, kind="stable")[::-1]
    observed, score = observed[order], score[order]
    # Equal scores are one step: the list cannot be cut between them.
    last_of_step = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)
    return float(np.mean([_average_precision(observed >= cut, last_of_step) for cut in cuts]))


def map_low(observed: Values, score: Values) -> float | None:
    """Mean average precision of finding values at or below the 25th, 10th and 5th percentile.

    See `map_high`, with the signs of values and scores turned.
    """
    return map_high(-observed, -score)


METRICS: dict[str, Metric] = {
    "tau": tau,
    "spearman": spearman,
    "rank_mae": rank_mae,
    "map_high": map_high,
    "map_low": map_low,
}


def agreement(
    observed: Values, score: Values, block: NDArray[np.int64], samples: int
) -> dict[str, float | int]:
    """All of `METRICS`, each with its 95 % interval.

    Args:
        observed: `[n]`, observed values.
        score: `[n]`, the model's scores of the same photos or days.
        block: `[n]`, which stretch of time each belongs to; blocks are drawn whole.
        samples: bootstrap samples; 0 leaves the intervals out. Above `MAX_DRAWN_ROWS` rows each
            sample's figures are those of as many of its rows, spread evenly.

    Returns:
        `n`, and for each metric that exists its value under its name, and the interval under
        `<name>_ci_low` and `<name>_ci_high` where there are at least two blocks.
    """
    result: dict[str, float | int] = {"n": len(observed)}
    figures = {name: metric(observed, score) for name, metric in METRICS.items()}
    known = {name: figure for name, figure in figures.items() if figure is not None}
    drawn: dict[str, list[float | None]] = {name: [] for name in known}
    for rows in _block_draws(block, samples, MAX_DRAWN_ROWS):
        for name, values in drawn.items():
            values.append(METRICS[name](observed[rows], score[rows]))
    for name, figure in known.items():
        result[name] = figure
        _add_interval(result, name, drawn[name])
    return result


def pair_agreement(
    label: NDArray[np.int64],
    difference: Values,
    tie_probability: Values | None,
    block: NDArray[np.int64],
    samples: int,
) -> dict[str, float | int]:
    """How well scores agree with a person's answers; needs no gauge.

    Args:
        label: `[pairs]`, 1, 0 (no difference) or -1.
        difference: `[pairs]`, score of photo 1 minus that of photo 2.
        tie_probability: `[pairs]`, the model's probability of "no difference", if its loss has one.
        block: `[pairs]`, which stretch of time each belongs to.
        samples: bootstrap samples.

    Returns:
        `n`; `accuracy`, the share of untied pairs in the answered order, with its interval;
        `n_ties` and `tie_share`; with a tie model `tie_share_model` and `tie_calibration_error`,
        the mean distance of the two shares over ten equal bins of score difference.
    """
    ties = label == 0
    result: dict[str, float | int] = {"n": len(label), "n_ties": int(ties.sum())}
    if not len(label):
        return result
    right = (np.sign(difference) == label).astype(np.float64)
    if not ties.all():
        result["accuracy"] = float(right[~ties].mean())
        drawn = [right[rows[~ties[rows]]] for rows in _block_draws(block, samples)]
        _add_interval(result, "accuracy", [float(d.mean()) if len(d) else None for d in drawn])
    result["tie_share"] = float(ties.mean())
    if tie_probability is not None:
        result["tie_share_model"] = float(tie_probability.mean())
        bins = np.array_split(np.argsort(np.abs(difference), kind="stable"), 10)
        gaps = [abs(ties[b].mean() - tie_probability[b].mean()) * len(b) for b in bins if len(b)]
        result["tie_calibration_error"] = float(sum(gaps) / len(label))
    return result


def separation(marked: Values, rest: Values) -> dict[str, float | int]:
    """How far the scores of marked photos, such as dry ones, lie apart from those of the others.

    KS = max over x of |F_marked(x) - F_rest(x)|, the cumulative shares (Smirnov 1939). Share below
    = 1 - U / (n m), with U of Mann and Whitney 1947, doi 10.1214/aoms/1177730491.

    Args:
        marked: `[n]`, scores of the marked photos.
        rest: `[m]`, scores of the others.

    Returns:
        `n`, `n_rest`; `ks`, the Kolmogorov-Smirnov statistic, 0 (the same distribution) to 1 (no
        overlap); `share_below`, how often a marked photo scores below another one, ties counted
        half: 1 is always, 0.5 is chance. Only the counts where there are none of one kind.
    """
    result: dict[str, float | int] = {"n": len(marked), "n_rest": len(rest)}
    if len(marked) and len(rest):
        result["ks"] = float(ks_2samp(marked, rest, method="asymp").statistic)
        order = rankdata(np.concatenate([marked, rest]))[: len(marked)]
        above = order.sum() - len(marked) * (len(marked) + 1) / 2
        result["share_below"] = float(1 - above / (len(marked) * len(rest)))
    return result


def _average_precision(positive: NDArray[np.bool_], last_of_step: NDArray[np.int64]) -> float:
    """Mean of the precisions at each step of recall, weighted by how far recall rises there.

    Args:
        positive: `[n]`, by falling score, what is to be found; at least one.
        last_of_step: the last position of each run of equal scores.
    """
    found = np.cumsum(positive, dtype=np.float64)[last_of_step]
    precision = found / (last_of_step + 1)
    recall = np.append(found[::-1] / found[-1], 0.0)
    return float(-np.sum(np.diff(recall) * precision[::-1]))


def _block_draws(
    block: NDArray[np.int64], samples: int, most: int | None = None
) -> Iterator[NDArray[np.int64]]:
    """Row numbers of each bootstrap sample: as many blocks as there are, drawn with replacement.

    Args:
        block: `[n]`, which block each row belongs to.
        samples: how many.
        most: of more rows than this, a sample holds as many, one at random out of each of `most`
            equal stretches of the drawn blocks. A fixed step could fall into step with the day.
    """
    names, codes, counts = np.unique(block, return_inverse=True, return_counts=True)
    if len(names) < 2:
        return
    order = np.argsort(codes, kind="stable")
    starts = np.cumsum(counts) - counts
    rng = np.random.default_rng(_SEED)
    # Of its own, so that the same blocks are drawn whether or not rows are left out.
    within = np.random.default_rng([_SEED, 1])
    for _ in range(samples):
        drawn = rng.integers(len(names), size=len(names))
        ends = np.cumsum(counts[drawn])
        total = int(ends[-1])
        position = np.arange(total)
        if most is not None and len(block) > most and total > most:
            position = ((np.arange(most) + within.random(most)) * (total / most)).astype(np.int64)
            position = np.minimum(position, total - 1)
        which = np.searchsorted(ends, position, side="right")
        yield order[starts[drawn[which]] + position - (ends - counts[drawn])[which]]


def _add_interval(result: dict[str, float | int], name: str, drawn: list[float | None]) -> None:
    known = [value for value in drawn if value is not None]
    if known:
        low, high = np.percentile(known, [2.5, 97.5])
        result[f"{name}_ci_low"], result[f"{name}_ci_high"] = float(low), float(high)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
