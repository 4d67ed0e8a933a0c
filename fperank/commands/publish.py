"""The command `fperank publish`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from fperank.ground.errors import DataError


def publish(
    to: Annotated[
        str, typer.Option("--to", help="s3://bucket/prefix, or a folder. Files go to models/UUID/.")
    ],
    uuid: Annotated[
        str | None, typer.Option(help="In place of the one that follows from the version's names.")
    ] = None,
    stations: Annotated[
        Path | None,
        typer.Option(help="A list of stations to publish, `station uuid` one a line."),
    ] = None,
    model_code: Annotated[
        str | None,
        typer.Option(help="The model's code, which names the report; else model_version."),
    ] = None,
    models_row: Annotated[
        Path | None,
        typer.Option(
            help="Also write the row of the Flow Photo Explorer's table models: a file .sql or .csv"
        ),
    ] = None,
    replace_model: Annotated[
        bool,
        typer.Option(
            "--replace-model",
            help="Replace a model.tar.gz that the Flow Photo Explorer scores photos with.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list what would be copied, with sizes.")
    ] = False,
    keep_user_ids: Annotated[
        bool,
        typer.Option("--keep-user-ids", help="Leave the annotators' ids; else they are numbered."),
    ] = False,
    endpoint_url: Annotated[
        str | None, typer.Option(help="Another S3 server than Amazon's.")
    ] = None,
    profile: Annotated[str | None, typer.Option(help="AWS profile to take.")] = None,
) -> None:
    """Copy the version that params.yaml names to where others read it, and check it there.

    Copies annotations, photos' table, report, metrics, model and, last, predictions.csv. Files that
    lie there already are skipped. See docs/publishing.md.
    """
    from fperank.handover.version import Version
    from fperank.params.file import load_params
    from fperank.params.parameters import VersionParams
    from fperank.publishing.destinations import open_destination
    from fperank.publishing.models_row import checked_file, write_rows
    from fperank.publishing.models_row import models_row as row_of
    from fperank.publishing.publish import Copied, published_uuid, summary
    from fperank.publishing.publish import publish as publish_version
    from fperank.publishing.station_list import publish_list, read_list
    from fperank.running.stage import PARAMS

    if uuid is not None and stations:
        raise DataError("--uuid and --stations exclude each other: the list holds the UUIDs")
    version = Version.of(load_params(PARAMS, VersionParams))
    listed = read_list(stations) if stations else []
    destination = open_destination(to, profile=profile, endpoint_url=endpoint_url, offline=dry_run)

    code = model_code or version.model_version
    row_file = checked_file(models_row) if models_row else None
    rows = []

    def one(station: str, own_uuid: str | None) -> list[Copied]:
        typer.echo(f"{station}:")
        own = replace(version, station=station)
        identity = published_uuid(own, own_uuid)
        row = row_of(Path(), own, destination, identity, code) if row_file else None
        copied = publish_version(
            Path(),
            own,
            destination,
            identity,
            code=code,
            keep_user_ids=keep_user_ids,
            replace_model=replace_model,
            dry_run=dry_run,
            on_line=typer.echo,
        )
        rows.extend([row] if row else [])
        return copied

    def write_row_file() -> None:
        if row_file and rows and not dry_run:
            write_rows(rows, row_file)
            typer.echo(f"wrote {row_file}: look at it, then have it added to the table models")

    if not stations:
        typer.echo(summary(one(version.station, uuid)))
        write_row_file()
        return
    outcomes = publish_list(listed, lambda entry: one(entry.station, entry.uuid))
    typer.echo("\nline  outcome                          station")
    for entry, outcome in outcomes:
        typer.echo(f"{entry.line:>4}  {outcome:<32} {entry.station}")
    write_row_file()
    faults = [
        f"{stations}, line {entry.line}: {entry.station}: {entry.fault}"
        for entry, _ in outcomes
        if entry.fault
    ]
    if faults:
        raise DataError(f"{len(faults)} of {len(outcomes)} not published\n" + "\n".join(faults))
