"""The command `fperank learning-curve`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

TABLE, PICTURE = "learning-curve.csv", "learning-curve.png"


def learning_curve(
    folder: Annotated[
        Path,
        typer.Argument(help="The folder for the table and the picture; begun, or gone on with."),
    ],
    sizes: Annotated[
        str,
        typer.Option(help='Training pairs to learn from, such as "100,300,1000"; all come last.'),
    ] = "",
    repetitions: Annotated[
        int, typer.Option(help="Models of each size, each from other pairs and starting weights.")
    ] = 5,
    photos: Annotated[
        int, typer.Option(help="Photos in no pair to hold each model against, at most.")
    ] = 1000,
) -> None:
    """Find out how many comparisons a station needs: train on more and more of them.

    Of the version that params.yaml names, whose stages dataset and input have run. Its held-out
    pairs stay the same for all models. Each model takes as long as stage train with so many pairs;
    a run that was stopped goes on where it stood.
    """
    from fperank.experiments import learning_curve as experiment
    from fperank.experiments.curve_drawing import plot_curve
    from fperank.ground.files import write_bytes
    from fperank.ground.variables import VARIABLES
    from fperank.handover.dataset import DatasetFolder
    from fperank.handover.input import InputFolder
    from fperank.handover.version import Version
    from fperank.params.file import load_params
    from fperank.params.parameters import LocalParams, TrainParams, VersionParams
    from fperank.photos.cache import PixelCache
    from fperank.running.stage import PARAMS, SCRATCH

    version = Version.of(load_params(PARAMS, VersionParams))
    chosen = InputFolder(version.input)
    with PixelCache(SCRATCH, load_params(PARAMS, LocalParams).cache_bytes) as cache:
        table = experiment.learning_curve(
            chosen,
            DatasetFolder(version.dataset).photos,
            load_params(PARAMS, TrainParams),
            folder / TABLE,
            sizes=_sizes(sizes, experiment.SIZES),
            repetitions=repetitions,
            test_photos=photos,
            scratch=SCRATCH,
            read=cache.read,
            on_model=_tell,
        )
    variable = VARIABLES[chosen.summary.variable]
    station = chosen.station.label or chosen.station.name
    write_bytes(folder / PICTURE, plot_curve(table, variable, station))
    typer.echo(f"wrote {folder / TABLE} and {folder / PICTURE}: {len(table)} models")


def _tell(row: dict[str, Any]) -> None:
    told = [f"{row['pairs']:,} pairs, repetition {row['repetition']}"]
    # Held-out pairs without any clear answer have no accuracy.
    if row["val_pair_accuracy"] == row["val_pair_accuracy"]:
        told.append(f"{row['val_pair_accuracy']:.0%} of held-out pairs in the answered order")
    if row["tau"] is not None:
        told.append(f"tau {row['tau']:.2f} over {row['test_photos']:,} photos")
    typer.echo(", ".join(told))


def _sizes(text: str, usual: "Sequence[int]") -> "Sequence[int]":
    from fperank.ground.errors import ParameterError

    try:
        return [int(one) for one in text.split(",")] if text.strip() else usual
    except ValueError:
        raise ParameterError(
            f'--sizes is {text!r}: write whole numbers with commas between, such as "100,300,1000"'
        ) from None
