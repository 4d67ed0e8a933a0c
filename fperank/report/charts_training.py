"""Charts of the training: loss and pair accuracy by epoch, and which epoch was kept."""

import pandas as pd

from fperank.agreement.material import Material
from fperank.report.charts import (
    BAND,
    INK,
    SPLIT_COLOUR,
    Absent,
    Chart,
    Layout,
    Trace,
    axis,
    plain_numbers,
)


def loss_curves(material: Material) -> Chart | Absent:
    """Training and validation loss by epoch."""
    title = "Loss by epoch"
    history = material.history
    if history.empty:
        return Absent(title, "The training has no history.")
    return Chart(
        title=title,
        alt="Loss of training and held-out pairs by epoch, the kept epoch marked.",
        traces=[
            _epoch_line(history, "train_loss", "training pairs", "train", "%{y:.4f}"),
            _epoch_line(history, "val_loss", "held-out pairs", "val", "%{y:.4f}"),
        ],
        layout={
            "xaxis": axis("Epoch", rangemode="tozero"),
            "yaxis": axis("Loss (mean of pairs)"),
            **_epoch_marks(history, falling=True),
        },
        height=340,
    )


def accuracy_curve(material: Material) -> Chart | Absent:
    """Share of held-out pairs ordered as the annotator did, by epoch."""
    title = "Pair accuracy by epoch"
    history = material.history
    if history["val_pair_accuracy"].notna().sum() == 0:
        return Absent(title, "The training has no history of pair accuracy.")
    return Chart(
        title=title,
        alt="Accuracy on held-out pairs by epoch, the kept epoch marked.",
        traces=[_epoch_line(history, "val_pair_accuracy", "held-out pairs", "val", "%{y:.1%}")],
        layout={
            "xaxis": axis("Epoch", rangemode="tozero"),
            "yaxis": axis("Pair accuracy", tickformat=".0%"),
            "showlegend": True,
            **_epoch_marks(history, falling=False),
        },
        height=340,
    )


def _epoch_line(history: pd.DataFrame, column: str, name: str, split: str, number: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": [int(epoch) for epoch in history["epoch"]],
        "y": plain_numbers(history[column]),
        "line": {"color": SPLIT_COLOUR[split], "width": 2},
        "marker": {"size": 6},
        "hovertemplate": "epoch %{x}: " + number + "<extra>" + name + "</extra>",
    }


def _epoch_marks(history: pd.DataFrame, *, falling: bool) -> Layout:
    """A line at the kept epoch, a band over the epochs with a frozen backbone.

    Args:
        history: `tables.HISTORY`.
        falling: whether the curves fall, so that the corners at bottom left and top right are free.
    """
    shapes: list[Layout] = []
    annotations: list[Layout] = []
    across = {"yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
    top: Layout = {"y": 1, "yanchor": "top"}
    bottom: Layout = {"y": 0, "yanchor": "bottom"}
    word: Layout = {
        "showarrow": False,
        "yref": "paper",
        "font": {"size": 11, "color": "var(--muted)"},
    }
    frozen = history.loc[history["backbone_frozen"], "epoch"]
    if len(frozen):
        ends = {"x0": int(frozen.min()) - 0.5, "x1": int(frozen.max()) + 0.5}
        shapes.append({"type": "rect", **ends, **across, "fillcolor": BAND, "line": {"width": 0}})
        place = {"x": ends["x0"], "xanchor": "left", **(bottom if falling else top)}
        annotations.append({**word, **place, "text": "backbone frozen"})
    for kept in map(int, history.loc[history["kept"], "epoch"]):
        style = {"color": INK, "width": 1.5, "dash": "dash"}
        shapes.append({"type": "line", "x0": kept, "x1": kept, **across, "line": style})
        left = kept <= history["epoch"].max() / 2
        side = {"xanchor": "left", "xshift": 4} if left else {"xanchor": "right", "xshift": -4}
        place = {"x": kept, **side, **(top if falling else bottom)}
        annotations.append({**word, **place, "text": f"kept: epoch {kept}"})
    return {"shapes": shapes, "annotations": annotations}
