"""The report's figures in words: the verdict, the key figures and the tables.

A verdict is one sentence that says what was measured on which photos and how sure it is. It never
takes photos close in time to training photos for new ones without saying so.
"""

from dataclasses import dataclass
from typing import Any

from fperank.agreement.material import UNMARKED, Material
from fperank.handover.report import Figures
from fperank.handover.tables import SPLITS
from fperank.params.parameters import ReportParams
from fperank.params.types import QualityMark
from fperank.report.charts import observed_words

SPLIT_MEANING = {
    "train": "in training pairs",
    "val": "held out, in validation pairs",
    "test-in": "not in any pair, within the annotated dates",
    "test-out": "not in any pair, outside the annotated dates",
}
ROW_NAMES = {"test": "test-in and test-out"}
"""What a row is called where it is not called after its split."""

COLUMNS = {
    "tau": "Kendall's tau",
    "spearman": "Spearman's rho",
    "rank_mae": "Rank MAE",
    "map_high": "MAP, high end",
    "map_low": "MAP, low end",
}
MARK_WORDS = {
    "DRY": "dry",
    "DISCONNECTED": "disconnected pools",
    "ICE_PARTIAL": "partly ice",
    "ICE": "full ice",
    "BAD": "bad photo",
    UNMARKED: "no mark",
}
"""The annotators' marks in words."""

QUALITY_WORDS: dict[QualityMark, str] = {
    "incomplete": "the file holds too little of it",
    "damaged": "parts of the file were lost: colours or brightness jump along a row",
    "one_colour": "nearly all of one colour",
    "colour_cast": "all of it shifted towards one colour",
    "blurred": "much less sharp than usual: fog, a wet lens, out of focus",
    "dark": "much darker than usual",
    "bright": "washed out",
    "truncated": "the file lacks its last bytes; the picture is whole or nearly so",
}
"""The marks of a photo's picture in words."""

DASH = "\N{EN DASH}"
_STRENGTH = (
    (0.8, "very closely"),
    (0.65, "closely"),
    (0.5, "moderately well"),
    (0.3, "weakly"),
    (-2.0, "hardly or not at all"),
)


@dataclass(frozen=True)
class Card:
    """A key figure.

    Attributes:
        label: what it is.
        value: the figure as text, a dash where there is none.
        interval: its 95% interval or what else qualifies it, or empty.
        hint: what it is measured on.
    """

    label: str
    value: str
    interval: str
    hint: str


def number(value: float | None, form: str = ".2f") -> str:
    """A figure as text with a true minus sign; a dash where there is none."""
    return DASH if value is None else format(value, form).replace("-", "\N{MINUS SIGN}")


def interval(figures: Figures, name: str, form: str = ".2f") -> str:
    """The 95% interval of a figure as text, empty where it has none."""
    low, high = figures.get(f"{name}_ci_low"), figures.get(f"{name}_ci_high")
    if low is None or high is None:
        return ""
    return f"{number(low, form)} to {number(high, form)}"


def cards(material: Material, metrics: Figures) -> list[Card]:
    """The key figures at the top of the page."""
    made = []
    if material.has_values:
        for split, hint in (("test-out", "outside"), ("test-in", "within")):
            for kind, noun in (("photo", "photos"), ("day", "days")):
                figures = metrics.get(kind, {}).get(split, {})
                n = figures.get("n", 0)
                made.append(
                    Card(
                        f"tau, {split} {noun}",
                        number(figures.get("tau")),
                        interval(figures, "tau"),
                        f"{n:,} {noun} {hint} the annotated dates" if n else f"no such {noun}",
                    )
                )
    held_out = metrics.get("pairs", {}).get("val", {})
    clear = held_out.get("n", 0) - held_out.get("n_ties", 0)
    made.append(
        Card(
            "accuracy, held-out pairs",
            number(held_out.get("accuracy"), ".0%"),
            interval(held_out, "accuracy", ".0%"),
            f"{clear:,} pairs with a clear answer; chance is 50%",
        )
    )
    counts = metrics.get("counts", {})
    failed = counts.get("photos_failed", int(material.predictions["score"].isna().sum()))
    total = len(material.predictions)
    made.append(Card("photos without a score", f"{failed:,}", "", f"of {total:,} photos"))
    return made


def verdict(material: Material, metrics: Figures) -> str:
    """One honest sentence, with a second one where the first needs a caution."""
    if not material.has_scores:
        return "No photo could be scored, so nothing can be said of this model."
    photo = metrics.get("photo", {})
    for split in ("test-out", "test-in", "val"):
        figures = photo.get(split, {})
        if figures.get("tau") is not None:
            return _tau_sentence(material, metrics, split, figures)
    return _pair_sentence(material, metrics)


def _tau_sentence(material: Material, metrics: Figures, split: str, figures: Figures) -> str:
    tau = figures["tau"]
    low, high = figures.get("tau_ci_low"), figures.get("tau_ci_high")
    strength = next(words for least, words in _STRENGTH if tau >= least)
    span = interval(figures, "tau")
    measured = f"Kendall's tau {number(tau)}" + (f", 95% interval {span}" if span else "")
    sentence = (
        f"On the {figures['n']:,} photos {SPLIT_MEANING[split]} ({split}), the score follows the "
        f"{observed_words(material.variable)} {strength} ({measured}): of two such photos "
        f"with different observed values it puts the higher one first about "
        f"{round(50 * (1 + tau))} times in 100, where chance is 50."
    )
    if low is not None and high is not None and low <= 0 <= high:
        sentence += " This cannot be told from chance."
    days = metrics.get("day", {}).get(split, {}).get("n", 0)
    if 0 < days < 10:
        few = "one day" if days == 1 else f"{days} days"
        sentence += f" These photos are from {few} only: too few to rely on."
    if split != "test-out":
        sentence += (
            " No photo with an observed value lies outside the annotated dates, and these lie close"
            " in time to training photos: expect less of new ones."
        )
    return sentence


def _pair_sentence(material: Material, metrics: Figures) -> str:
    held_out = metrics.get("pairs", {}).get("val", {})
    why = (
        "Too few photos have both an observed value and a score"
        if material.has_values
        else "There are no observed values"
    )
    if held_out.get("accuracy") is None:
        return f"{why}, and no scored pair was held out, so nothing can be said of this model."
    span = interval(held_out, "accuracy", ".0%")
    clear = held_out["n"] - held_out.get("n_ties", 0)
    return (
        f"{why}, so the model can only be held against the annotator: on {clear:,} held-out pairs "
        f"with a clear answer it agrees in {number(held_out['accuracy'], '.0%')}"
        + (f" (95% interval {span})" if span else "")
        + ", where chance is 50%. Whether the annotator was right, it cannot tell."
    )


def metric_rows(figures_by_split: Figures) -> list[dict[str, Any]]:
    """One row a split, one over both test splits, one over all.

    Returns:
        split, name, n and cells: the figures as (value, interval).
    """
    rows = []
    for split in (*SPLITS, "test", "all"):
        figures = figures_by_split.get(split)
        if figures:
            cells = [(number(figures.get(name)), interval(figures, name)) for name in COLUMNS]
            name = ROW_NAMES.get(split, split)
            rows.append({"split": split, "name": name, "n": figures["n"], "cells": cells})
    return rows


def pair_rows(metrics: Figures) -> list[dict[str, Any]]:
    """One row a split of the pairs: accuracy and ties."""
    rows = []
    for split, words in (("val", "held-out pairs"), ("train", "training pairs")):
        figures = metrics.get("pairs", {}).get(split, {})
        if figures.get("n"):
            cells = [
                (number(figures.get("accuracy"), ".1%"), interval(figures, "accuracy", ".0%")),
                (number(figures.get("tie_share"), ".1%"), ""),
                (number(figures.get("tie_share_model"), ".1%"), ""),
                (number(figures.get("tie_calibration_error"), ".1%"), ""),
            ]
            rows.append({"split": words, "n": figures["n"], "cells": cells})
    return rows


def mark_rows(metrics: Figures) -> list[dict[str, Any]]:
    """One row a mark of the annotators: how far its photos' scores lie apart from the others'."""
    return [
        {
            "mark": MARK_WORDS[name],
            "n": figures["n"],
            "n_rest": figures["n_rest"],
            "cells": [number(figures.get("ks")), number(figures.get("share_below"), ".0%")],
        }
        for name, figures in metrics.get("marks", {}).items()
    ]


@dataclass(frozen=True)
class QualityRow:
    """One mark of photos' pictures.

    Attributes:
        mark: in words.
        n: photos of the dataset that bear it.
        ranked: whether photos that bear it are ranked all the same.
        meaning: what it says of the picture.
    """

    mark: str
    n: int
    ranked: bool
    meaning: str


def quality_rows(material: Material) -> list[QualityRow]:
    """The marks that the dataset's pictures bear, the most frequent first."""
    unfit = material.input.parameters.exclude_quality
    return [
        QualityRow(mark.replace("_", " "), n, mark not in unfit, QUALITY_WORDS[mark])
        for mark, n in sorted(material.dataset.quality.items(), key=lambda item: -item[1])
    ]


def left_out_rows(material: Material) -> list[tuple[str, str, str, int]]:
    """What was left out: stage, kind, reason, count."""
    counts = (
        material.excluded.groupby(["kind", "reason"], sort=True).size().reset_index(name="count")
    )
    rows = [
        ("dataset", str(kind), str(reason), int(n))
        for kind, reason, n in zip(counts["kind"], counts["reason"], counts["count"], strict=True)
    ]
    for kind, reasons in sorted(material.input.excluded.items()):
        rows += [("input", kind, reason, int(n)) for reason, n in sorted(reasons.items()) if n]
    if lost := material.training.pairs_lost:
        rows.append(("train", "pair", "one of its photos cannot be read", lost))
    return rows


def parameter_rows(material: Material, params: ReportParams) -> list[tuple[str, str, str]]:
    """How the model was made: stage, name and value of every parameter; files read; the model."""
    groups: dict[str, dict[str, Any]] = {
        "dataset": material.dataset.parameters,
        "input": material.input.parameters.model_dump(),
        "train": material.training.parameters.model_dump(),
        "predict": material.predicted.parameters.model_dump(),
        "report": params.model_dump(),
        "files read": {
            f"{file.role}: {file.name}": f"SHA-256 {file.sha256}"
            for file in material.dataset.read_files
        },
        "model": {
            **material.model.model_dump(exclude=_MODEL_SHOWN),
            "bfloat16": material.training.bfloat16,
            "pretrained_sha256": material.training.pretrained_sha256,
        },
    }
    return [
        (stage, name, _plain(value))
        for stage, values in groups.items()
        for name, value in sorted(values.items())
    ]


_MODEL_SHOWN = {"station", "variable"}


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(one)}" for name, one in sorted(value.items()))
    if isinstance(value, list | tuple):
        return ", ".join(_plain(one) for one in value) or DASH
    if isinstance(value, float):
        return f"{value:.6g}"
    if value is None or value == "":
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
