"""The command `fperank score-imagesets`: the Flow Photo Explorer's scoring job."""

import os
from typing import Annotated

import typer


def score_imagesets(
    station_id: Annotated[
        str, typer.Option(help="The station's number; else STATION_ID of the environment.")
    ] = "",
    model_code: Annotated[str, typer.Option(help="The model's code; else MODEL_CODE.")] = "",
    imageset_uuids: Annotated[
        str,
        typer.Option(
            "--imageset-uuids",
            "--imageset-uuid",
            help="UUIDs of image sets, separated by commas; else IMAGESET_UUIDS.",
        ),
    ] = "",
    num_workers: Annotated[
        str, typer.Option(help="Processor threads; else NUM_WORKERS, or 2.")
    ] = "",
    batch_size: Annotated[
        str,
        typer.Option(
            help="Taken for the sake of job definitions that give it (or BATCH_SIZE); it changes "
            "nothing: a photo has one score in a batch of any size."
        ),
    ] = "",
) -> None:
    """Score image sets of the Flow Photo Explorer, in the place of its own scoring job.

    Exit status 0: done, or nothing to do. 1: an image set failed. 2: an option or variable is
    missing or wrong. docs/imagesets.md lists the variables.
    """
    from fperank.ground.errors import ParameterError
    from fperank.imagesets.settings import own_names, read_job

    del batch_size
    options: dict[str, str | None] = {
        "STATION_ID": station_id,
        "MODEL_CODE": model_code,
        "IMAGESET_UUIDS": imageset_uuids,
        "NUM_WORKERS": num_workers,
    }
    try:
        job = read_job(options, os.environ)
    except ParameterError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    os.environ.update(own_names(os.environ))
    from fperank.imagesets.scoring_job import score_imagesets as score_all

    if score_all(job, lambda line: typer.echo(line, err=line.startswith("error: "))):
        raise typer.Exit(1)
