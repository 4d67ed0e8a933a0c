"""The command `fperank`: what is not a stage of the pipeline.

Heavy modules are imported by the command that needs them, so that help appears at once.
"""

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
    _console.print(f"{len(paths) - len(result.reason)} of {len(paths)} photos scored: {output}")
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


def main() -> None:
    """Run the command; what the user can mend is told in one message, with exit status 1."""
    try:
        app()
    except FperankError as error:
        _console.print(f"error: {error}", markup=False, soft_wrap=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
