"""The command `fperank demo`."""

from pathlib import Path
from typing import Annotated

import typer

from fperank.ground.errors import DataError


def demo(
    folder: Annotated[Path, typer.Argument(help="The folder to make; must not exist yet.")],
    days: Annotated[int, typer.Option(help="Days of photos.")] = 420,
    annotations: Annotated[int, typer.Option(help="Pairs that are compared.")] = 1000,
    seed: Annotated[int, typer.Option(help="Another number draws another station.")] = 1,
) -> None:
    """Write the demo station as a folder, to see what a station's folder looks like."""
    from fperank.stations.demo.station import write_demo_station

    if folder.exists():
        raise DataError(f"{folder} exists already: name a folder that does not")
    write_demo_station(
        folder,
        days=days,
        interval_minutes=110,
        annotations=annotations,
        seed=seed,
        name="Demo Brook",
        timezone="America/New_York",
    )
    typer.echo(f"wrote {folder}; set source to folder and source_path to it")
