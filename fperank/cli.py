"""The command `fperank`: what is not a stage of the pipeline.

Heavy modules are imported by the command that needs them, so that help appears at once.
"""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fperank.errors import DataError, FperankError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Relative hydrographs from camera photos. The pipeline itself runs by `dvc repro`.",
)
_console = Console(stderr=True, highlight=False)


@app.callback()
def _top() -> None:
    """Keep `score` a named command even while there are few."""


@app.command()
def score(
    model: Annotated[
        Path, typer.Argument(help="A model's folder, holding model.safetensors and model.json.")
    ],
    photos: Annotated[
        list[Path], typer.Argument(help="Photos, or folders of photos (with their sub-folders).")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The CSV file to write.")],
    threads: Annotated[
        int, typer.Option(help="Processor threads; as in params.yaml for the same last digits.")
    ] = 2,
    accelerator: Annotated[
        str, typer.Option(help="cpu, cuda, mps, or auto for cuda or mps where there is one.")
    ] = "cpu",
) -> None:
    """Score photos that no dataset knows, with the pipeline's own code.

    Writes one row a photo: filename, score, rank_percentile among the photos of this call, and the
    reason where there is no score. Scores compare within one model only.
    """
    import pandas as pd

    from fperank.files import write_text
    from fperank.params import ComputeParams, check_group
    from fperank.ranks import percentiles
    from fperank.scoring import Scorer
    from fperank.sources.photo_files import find_photos

    compute = check_group(ComputeParams, {"threads": threads, "accelerator": accelerator})
    paths: list[Path] = []
    for photo in photos:
        if not photo.exists():
            raise DataError(f"{photo} does not exist: name photos or folders of photos")
        paths += [photo / name for name in find_photos(photo)] if photo.is_dir() else [photo]
    if not paths:
        raise DataError("no photo found: fperank reads .jpg, .jpeg, .png, .tif and .tiff files")
    result = Scorer.load(model, compute).score(paths)
    table = pd.DataFrame(
        {
            "filename": [path.as_posix() for path in paths],
            "score": result.score.astype("float64"),
            "rank_percentile": percentiles(result.score.astype("float64")),
            "reason": [result.reason.get(k, "") for k in range(len(paths))],
        }
    )
    write_text(output, table.to_csv(index=False, lineterminator="\n", float_format="%.9g"))
    scored = len(paths) - len(result.reason)
    _console.print(f"{scored} of {len(paths)} photos scored: {output}", markup=False)
    for position, reason in list(result.reason.items())[:5]:
        _console.print(f"without a score: {paths[position]}: {reason}", markup=False)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="The folder to make; must not exist yet.")],
    days: Annotated[int, typer.Option(help="Days of photos.")] = 420,
    annotations: Annotated[int, typer.Option(help="Pairs that are compared.")] = 1000,
    seed: Annotated[int, typer.Option(help="Another number draws another station.")] = 1,
) -> None:
    """Write the demo station as a folder, to see what a station's folder looks like."""
    from fperank.sources.demo import write_demo_station

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
    _console.print(f"wrote {folder}; set source to folder and source_path to it", markup=False)


@app.command()
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
    from fperank import publish as publishing
    from fperank.params import Params, load_params
    from fperank.places import open_place

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


@app.command()
def versions(
    as_json: Annotated[bool, typer.Option("--json", help="A list for programs.")] = False,
) -> None:
    """List every model version that the repository knows: tags, branches and experiments."""
    from fperank.versions import model_versions, versions_table

    found, trouble = model_versions(Path())
    if as_json:
        typer.echo(json.dumps([version.as_row() for version in found], indent=2))
    elif found:
        console = Console()
        # In a pipe or a file nothing is cut to the width of a screen.
        wide = console if console.is_terminal else Console(width=240)
        wide.print(versions_table(found))
    else:
        _console.print("no model version yet: run `dvc repro` and commit", markup=False)
    for version in found:
        if version.reason and not as_json:
            told = f"{version.revision} ({', '.join(version.names)}): {version.reason}"
            _console.print(told, markup=False, soft_wrap=True)
    if trouble:
        _console.print(trouble, markup=False, soft_wrap=True)


@app.command()
def release(
    push: Annotated[
        bool, typer.Option("--push/--no-push", help="Run `dvc push` first; git is never pushed.")
    ] = False,
) -> None:
    """Make a version of what is committed: check it, and tag it with its metrics."""
    from fperank.release import make_release

    made = make_release(Path(), push=push)
    if not made.new:
        typer.echo(f"{made.tag} is released already, at this commit ({made.commit[:7]})")
        return
    typer.echo(f"released {made.tag} at {made.commit[:7]}. To share the tag:")
    typer.echo(f"  git push origin {made.tag}")


@app.command()
def verify(
    revision: Annotated[
        str, typer.Argument(metavar="REV", help="A git revision, tag, branch or DVC experiment.")
    ] = "HEAD",
    stage: Annotated[
        list[str] | None,
        typer.Option(
            "--stage", help="Run only this stage; repeat for more. Its inputs are fetched."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="An object for programs.")] = False,
) -> None:
    """Prove that a version can be made again: run it in a clean clone and compare every output.

    Exit status 0: the same bytes, or (with a warning) the same within the tolerance. 1: different.
    Nothing is left behind and your files are only read.
    """
    from fperank.repository import top_folder
    from fperank.verdicts import verdicts_table
    from fperank.verify import verify as verify_version

    def tell(line: str) -> None:
        _console.print(line, markup=False, soft_wrap=True)

    result = verify_version(top_folder(Path()), revision, stage, tell)
    if as_json:
        typer.echo(json.dumps(result.as_dict(), indent=2, ensure_ascii=False))
    else:
        console = Console(highlight=False)
        if not console.is_terminal:
            # In a pipe or a file nothing is cut to the width of a screen.
            console = Console(highlight=False, width=240)
        console.print(verdicts_table(result.outputs))
        for line in result.lines():
            console.print(line, markup=False, soft_wrap=True)
    for warning in result.warnings():
        tell(f"warning: {warning}")
    if result.conclusion == "different":
        raise typer.Exit(1)


def main() -> None:
    """Run the command; what the user can mend is told in one message, with exit status 1."""
    try:
        app()
    except FperankError as error:
        _console.print(f"error: {error}", markup=False, soft_wrap=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
