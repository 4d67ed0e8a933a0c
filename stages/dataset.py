"""Stage `dataset`: a station's photos, observed values and annotations become one dataset."""

from typing import Any

from fperank import dataset
from fperank.files import write_bytes
from fperank.overview import plot_annotations, plot_images
from fperank.params import DatasetParams, load_params
from fperank.sources.factory import open_source
from fperank.variables import VARIABLES
from stages.common import output_folder, parse_arguments, run


def main() -> None:
    """Read the station from its source and write the dataset."""
    arguments = parse_arguments(
        __doc__,
        scratch="a folder for what the source keeps between two runs",
        output="the dataset's folder; replaced when the new one is whole",
    )
    params = load_params(arguments.params, DatasetParams)
    variable = VARIABLES[params.variable]
    source = open_source(params, arguments.scratch)
    built = dataset.build(source.read(), params.max_gap_minutes)
    with output_folder(arguments.output) as folder:
        summary = dataset.write(built, source, folder, params)
        write_bytes(folder / "images.png", plot_images(built.images, built.observations, variable))
        write_bytes(folder / "annotations.png", plot_annotations(built.pairs, variable))
    print(told(summary))


def told(summary: dict[str, Any]) -> str:
    """What the user reads at the end of the stage."""
    photos = summary["photos"]
    counts = [
        f"{_number(photos['n'], 'photo')}, {photos['first_date']} to {photos['last_date']}, "
        f"{photos['n_with_value']:,} with an observed value",
        _number(summary["observations"]["n"], "observation"),
        _number(summary["annotations"]["n"], "annotation"),
    ]
    lines = [f"{summary['station']}: {'; '.join(counts)}"]
    for kind, reasons in summary["excluded"].items():
        lines += [f"left out: {_number(n, kind)}: {reason}" for reason, n in reasons.items()]
    lines += [f"note: {note}" for note in summary["notes"]]
    return "\n".join(lines)


def _number(n: int, thing: str) -> str:
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


if __name__ == "__main__":
    run(main)
