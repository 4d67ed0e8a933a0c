"""The command `fperank publish`."""

from pathlib import Path
from typing import Annotated

import typer

from fperank.running.errors import DataError


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
    lie there already are skipped. docs/publishing.md tells more.
    """
    from fperank.params.parameters import Params, load_params
    from fperank.publishing import publish as publishing
    from fperank.publishing.destinations import open_place

    if uuid is not None and stations:
        raise DataError("--uuid and --stations exclude each other: the list holds the UUIDs")
    params = load_params(Path("params.yaml"), Params)
    listed = publishing.read_list(stations) if stations else []
    place = open_place(to, profile=profile, endpoint_url=endpoint_url, offline=dry_run)

    def one(station: str, own_uuid: str | None) -> list[publishing.Copied]:
        typer.echo(f"{station}:")
        version = publishing.Version(
            station, params.variable, params.dataset_version, params.model_version
        )
        return publishing.publish(
            Path(),
            version,
            place,
            own_uuid,
            keep_user_ids=keep_user_ids,
            dry_run=dry_run,
            tell=typer.echo,
        )

    if not stations:
        typer.echo(publishing.summary(one(params.station, uuid)))
        return
    outcomes = publishing.publish_list(listed, lambda entry: one(entry.station, entry.uuid))
    typer.echo("\nline  outcome                          station")
    for entry, outcome in outcomes:
        typer.echo(f"{entry.line:>4}  {outcome:<32} {entry.station}")
    faults = [
        f"{stations}, line {entry.line}: {entry.station}: {entry.fault}"
        for entry, _ in outcomes
        if entry.fault
    ]
    if faults:
        raise DataError(f"{len(faults)} of {len(outcomes)} not published\n" + "\n".join(faults))
