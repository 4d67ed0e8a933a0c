"""What should make a person doubt a station's comparisons, in sentences.

Nothing is left out for it: an annotator may be right against all others.
"""

import pandas as pd

from fperank.handover.tables import ATTRIBUTES

_REVERSED = {"LEFT": "RIGHT", "RIGHT": "LEFT"}


def doubts(annotations: pd.DataFrame) -> list[str]:
    """Sentences for the user.

    Args:
        annotations: at least the columns left_image_id, right_image_id, rank, left_attributes and
            right_attributes of `ANNOTATIONS`.
    """
    return [*_one_answer(annotations["rank"]), *_contradictions(annotations), *_marks(annotations)]


def _one_answer(ranks: pd.Series) -> list[str]:
    ranks = ranks[ranks != "UNKNOWN"]
    if len(ranks) < 2 or ranks.nunique() > 1:
        return []
    only = ranks.iloc[0]
    if only == "SAME":
        return [f"All {len(ranks):,} answers are SAME: no order can be learnt from them."]
    return [
        f"All {len(ranks):,} answers are {only}: was one key pressed for all, or were the photos "
        "sorted beforehand? Answers of both kinds are expected."
    ]


def _contradictions(annotations: pd.DataFrame) -> list[str]:
    answered = annotations[annotations["rank"] != "UNKNOWN"]
    left, right, rank = (answered[name] for name in ("left_image_id", "right_image_id", "rank"))
    turned = left > right
    sorted_pairs = pd.DataFrame(
        {
            "one": left.mask(turned, right),
            "other": right.mask(turned, left),
            "rank": rank.mask(turned, rank.replace(_REVERSED)),
        }
    )
    kinds = sorted_pairs.groupby(["one", "other"])["rank"].agg(["size", "nunique"])
    again = kinds[kinds["size"] > 1]
    differ = int((again["nunique"] > 1).sum())
    if not differ:
        return []
    return [
        f"Pairs of photos that were compared more than once: {len(again):,}; with answers that "
        f"contradict each other: {differ:,}. All are kept."
    ]


def _marks(annotations: pd.DataFrame) -> list[str]:
    sides = (annotations[name] for name in ("left_attributes", "right_attributes"))
    marks = pd.concat(sides).dropna().str.split(",").explode()
    unknown = marks[~marks.isin(ATTRIBUTES)].value_counts().sort_index()
    if unknown.empty:
        return []
    counted = ", ".join(f"{mark} ({n:,})" for mark, n in unknown.items())
    return [
        f"Photos bear marks that exclude_attributes cannot name: {counted}; it knows "
        f"{', '.join(ATTRIBUTES)}."
    ]
