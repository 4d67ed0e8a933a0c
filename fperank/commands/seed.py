"""The commands `fperank import-seed` and `fperank export`: models come in, results go back."""

from pathlib import Path
from typing import Annotated

import typer


def import_seed(
    model: Annotated[
        Path, typer.Argument(help="The seed's model.pth, or the model.tar.gz that holds it.")
    ],
    output: Annotated[Path, typer.Argument(help="The model's folder to make; must not exist yet.")],
    trust_pickle: Annotated[
        bool,
        typer.Option(
            "--trust-pickle",
            help="Needed, because a checkpoint is a pickle: a kind of file that can run any code "
            "of whoever made it. Say it only of files whose maker you trust; fperank lets through "
            "only the few names that such checkpoints need.",
        ),
    ] = False,
    antialias: Annotated[
        bool | None,
        typer.Option(
            "--antialias/--no-antialias",
            help="Whether photos are smoothed while they are shrunk; else as the checkpoint says.",
        ),
    ] = None,
    station: Annotated[
        str | None, typer.Option(help="The station's name; else from files beside the model.")
    ] = None,
    variable: Annotated[
        str | None,
        typer.Option(help="What the model ranks; else from files beside the model, or FLOW_CFS."),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(help="The station's IANA time zone; else from files beside the model."),
    ] = None,
) -> None:
    """Convert a model of EcoSHEDS' Flow Photo RankNet Model, once; see docs/seed.md."""
    from fperank.seed.checkpoint import import_checkpoint

    made = import_checkpoint(
        model,
        output,
        trust_pickle=trust_pickle,
        antialias=antialias,
        station=station,
        variable=variable,
        timezone=timezone,
    )
    typer.echo(f"wrote {output}: {made.variable} at {made.station}, epoch {made.kept_epoch}")
    view = made.view.model_dump()
    smoothed = "smoothed" if view["antialias"] else "not smoothed (no antialias)"
    typer.echo(
        f"photos are stretched to {view['resized_width']} x {view['resized_height']} pixels, "
        f"{smoothed}; the middle {view['width']} x {view['height']} is scored"
    )


def export(
    folder: Annotated[Path, typer.Argument(help="The folder to make; must not exist yet.")],
    prefix: Annotated[
        str | None,
        typer.Option(help="Where the photos lie in S3; else the prefix of their addresses."),
    ] = None,
    model_code: Annotated[
        str | None,
        typer.Option(help="The model's code in the Flow Photo Explorer; else model_version."),
    ] = None,
) -> None:
    """Write the version that params.yaml names as files that the Flow Photo Explorer takes.

    predictions.csv, imagesets/UUID/predictions.csv, manifest.json, rank-input.json, and the folders
    input and output of a model. output/model.pth lets the explorer's own program score photos,
    where it can hold the network. See docs/publishing.md.
    """
    from fperank.handover.version import Version
    from fperank.params.file import load_params
    from fperank.params.parameters import VersionParams
    from fperank.publishing.export import export as export_files
    from fperank.running.stage import PARAMS

    version = Version.of(load_params(PARAMS, VersionParams))
    made = export_files(
        Path(),
        version,
        folder,
        prefix=prefix,
        model_code=model_code or version.model_version,
    )
    typer.echo(
        f"wrote {folder}: {made.photos:,} photos, {made.scored:,} with a score, "
        f"{made.image_sets:,} image sets, photos below {made.prefix}"
    )
    if made.without_set:
        typer.echo(
            f"{made.without_set:,} photos are in no image set: their names are not "
            "imagesets/UUID/images/NAME"
        )
    if made.not_held:
        typer.echo(f"no output/model.pth was written: {made.not_held}")
