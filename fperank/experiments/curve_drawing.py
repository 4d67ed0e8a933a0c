"""The learning curve as a picture: a dot for each model, a line through the medians."""

import io

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator, PercentFormatter

from fperank.ground.variables import Variable

_INK, _GRID, _DOT = "#333333", "#d9dde1", "#0b6fa4"


def plot_curve(table: pd.DataFrame, variable: Variable, station: str) -> bytes:
    """Draw it: above the agreement with observed values, if there are some, below with the answers.

    Args:
        table: as `learning_curve.learning_curve` gives it.
        variable: what was compared.
        station: its name.

    Returns:
        A PNG image; the same bytes for the same table.
    """
    figures = {
        "tau": f"Kendall's tau with observed\n{variable.label.lower()}, photos in no pair",
        "val_pair_accuracy": "Held-out pairs\nin the answered order",
    }
    shown = {name: words for name, words in figures.items() if table[name].notna().any()}
    figure = Figure(figsize=(8, 1.2 + 3 * len(shown)), dpi=110, layout="constrained")
    figure.suptitle(f"{station}: how good after how many comparisons", color=_INK)
    panels = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, words) in zip(panels, shown.items(), strict=True):
        _draw(axes, table, name, words)
    panels[-1].set_xlabel("Training pairs")
    buffer = io.BytesIO()
    # Without the writer's version: the bytes follow from the table alone.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _draw(axes: Axes, table: pd.DataFrame, name: str, words: str) -> None:
    repetitions = int(table["repetition"].nunique())
    middle = table.groupby("pairs")[name].median()
    axes.scatter(
        table["pairs"], table[name], s=18, color=_DOT, alpha=0.5, linewidth=0, label="a model"
    )
    axes.plot(middle.index, middle, color=_INK, linewidth=1.4, label=f"median of {repetitions}")
    axes.set_xscale("log")
    axes.set_xticks(list(middle.index))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.tick_params(axis="x", labelrotation=45)
    if name == "val_pair_accuracy":
        axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_ylabel(words)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, loc="lower right")
