"""The commands `fperank score` and `fperank merge-scores`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fperank.handover.model import ModelDescription
    from fperank.params.parameters import PhotoTimeParams

SCRATCH = Path(".fperank")


def score(
    model: Annotated[
        Path, typer.Argument(help="A model's folder, holding model.safetensors and model.json.")
    ],
    photos: Annotated[
        str,
        typer.Argument(
            help="A folder of photos (with its sub-folders), s3://bucket/prefix, or the UUID of an "
            "image set of the Flow Photo Explorer."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The CSV file to begin, or to add rows to.")
    ],
    all_hours: Annotated[
        bool,
        typer.Option(
            "--all-hours", help="Score every photo, whatever its time; times are not looked for."
        ),
    ] = False,
    prefix: Annotated[
        str, typer.Option(help="Stands before each image_id, to tell two memory cards apart.")
    ] = "",
    timezone: Annotated[
        str, typer.Option(help="IANA time zone of the station; else the model's.")
    ] = "",
    utc_offset: Annotated[
        str | None,
        typer.Option(help="Fixed offset of the camera's clock, \"-05:00\"; else the model's."),
    ] = None,
    timestamp_pattern: Annotated[
        str, typer.Option(help='Where file names tell the time: such as "%Y%m%d_%H%M%S".')
    ] = "",
    clock_shift: Annotated[
        list[str] | None,
        typer.Option(help="Added to a wrong camera clock, as in params.yaml; may be repeated."),
    ] = None,
    api_url: Annotated[
        str, typer.Option(help="Image sets: the Flow Photo Explorer's API; else its database.")
    ] = "",
    fpe_station: Annotated[
        str, typer.Option(help="Image sets through the API: the station's number or name.")
    ] = "",
    shard: Annotated[
        str,
        typer.Option(
            help="Score one share of the photos, such as 3/64; array/64 takes its number from the "
            "array job of a cluster. `fperank merge-scores` puts all shares together."
        ),
    ] = "",
    threads: Annotated[
        int, typer.Option(help="Processor threads; any number gives the same scores.")
    ] = 2,
    accelerator: Annotated[
        str, typer.Option(help="cpu, cuda, mps, or auto for cuda or mps where there is one.")
    ] = "cpu",
) -> None:
    """Score photos that no dataset knows, and add those that are new to a file.

    Rows that are there are never touched: run it again whenever photos have come. Photos outside
    of the hours and months that the model was trained on are left out. A photo gets the very score
    that the pipeline would give it. Scores compare within one model only.
    """
    from functools import partial

    import pandas as pd

    from fperank.ground.files import file_digest
    from fperank.handover.model import WEIGHTS_FILE
    from fperank.handover.photo_filter import UNFIT
    from fperank.params.file import check_group
    from fperank.params.parameters import ComputeParams, FpeParams
    from fperank.photos.photo_set import PhotoSet
    from fperank.quality.station import judge_new
    from fperank.scoring.new_photos import score_new
    from fperank.scoring.score_file import PredictionFile, sole_writer
    from fperank.scoring.scorer import Scorer
    from fperank.scoring.shares import Share, Shares
    from fperank.stations.photos.sets import open_photo_set

    compute = check_group(ComputeParams, {"threads": threads, "accelerator": accelerator})
    scorer = Scorer.load(model, compute)
    name = file_digest(model / WEIGHTS_FILE)[:12]
    share = Share.read(shard, os.environ) if shard else None
    described = scorer.description.photo_filter
    wanted = None if all_hours else described
    times = _photo_times(
        *(scorer.description, timezone, utc_offset, timestamp_pattern, clock_shift),
        timed=wanted is not None,
    )
    fpe = check_group(FpeParams, {"api_url": api_url, "fpe_station": fpe_station})
    unfit = described.exclude_quality if described else UNFIT
    judge = partial(judge_new, look=scorer.description.look)

    def named() -> PhotoSet:
        found = open_photo_set(photos, times, fpe, SCRATCH, timed=wanted is not None)
        ids: pd.Series = prefix + found.images["image_id"]
        return PhotoSet(found.images.assign(image_id=ids), found.left_out, found.bring)

    if share:
        shares = Shares(output)
        counts = shares.score(share, named(), name, scorer.score, wanted, judge, unfit)
        output = shares.whole(share)
    else:
        # Held from here on: another run, or a folder that cannot be written, is told at once.
        with sole_writer(output):
            file = PredictionFile(output, name)
            counts = score_new(named(), file, scorer.score, wanted, judge, unfit)
    scored = counts.pop("scored")
    typer.echo(f"{scored:,} photo{'' if scored == 1 else 's'} scored: {output}")
    for words, name in (
        ("were scored before: this share is whole", "whole"),
        ("were scored before", "known"),
        ("could not be read", "failed"),
        ("have a picture that is not fit to be ranked (column reason)", "unfit"),
    ):
        if n := counts.pop(name, 0):
            typer.echo(f"{n:,} {words}")
    for reason, n in counts.items():
        typer.echo(f"{n:,} left out: {reason}")


def merge_scores(
    output: Annotated[
        Path, typer.Argument(help="The file that the shares were scored for (--output).")
    ],
) -> None:
    """Put the shares of `fperank score --shard` together, once all are whole.

    The file becomes what one run on one machine would have written.
    """
    from fperank.scoring.shares import Shares

    added = Shares(output).merge()
    typer.echo(f"{added:,} row{'' if added == 1 else 's'} added: {output}")


def _photo_times(
    model: "ModelDescription",
    timezone: str,
    utc_offset: str | None,
    timestamp_pattern: str,
    clock_shift: list[str] | None,
    *,
    timed: bool,
) -> "PhotoTimeParams":
    """How photos get their times: by the options, and by the model where they say nothing.

    Raises:
        DataError: times are needed and neither names the time zone.
        ParameterError: an option is not allowed.
    """
    from fperank.ground.errors import DataError
    from fperank.params.file import check_group
    from fperank.params.parameters import PhotoTimeParams

    zone = timezone or model.timezone or ""
    if timed and not zone:
        raise DataError(
            "the model does not tell its station's time zone: give --timezone, for example "
            "America/New_York, or --all-hours"
        )
    return check_group(
        PhotoTimeParams,
        {
            "timezone": zone,
            "utc_offset": (model.utc_offset or "") if utc_offset is None else utc_offset,
            "timestamp_source": "auto",
            "timestamp_pattern": timestamp_pattern,
            "clock_shift": clock_shift or [],
        },
    )
