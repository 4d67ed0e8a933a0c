"""Stage `dataset`: a station's photos, observed values and annotations become one dataset."""

import datetime as dt

from fperank.ground.files import write_bytes
from fperank.ground.variables import VARIABLES
from fperank.handover.dataset import DatasetSummary, ObservedTable
from fperank.handover.version import Version
from fperank.params.file import load_params
from fperank.params.parameters import DatasetParams, VersionParams
from fperank.running.stage import PARAMS, SCRATCH, output_folder, run
from fperank.stations import dataset
from fperank.stations.compose import open_source
from fperank.stations.overview import plot_annotations, plot_images
from fperank.stations.photos.clock_jumps import in_future


def main() -> Version:
    """Read the station from its source and write the dataset."""
    version = Version.of(load_params(PARAMS, VersionParams))
    params = load_params(PARAMS, DatasetParams)
    variable = VARIABLES[params.variable]
    source = open_source(params, SCRATCH)
    data = source.read()
    built = dataset.build(data, params)
    with output_folder(version.dataset) as folder:
        summary = dataset.write(built, data, source, folder, params)
        write_bytes(folder / "images.png", plot_images(built.images, built.observations, variable))
        write_bytes(folder / "annotations.png", plot_annotations(built.pairs, variable))
    print(in_words(summary))
    # Printed alone: kept, it would make the dataset depend on the day of the run.
    if late := in_future(
        list(built.images["filename"]), list(built.images["timestamp"]), dt.datetime.now(dt.UTC)
    ):
        print(f"note: {late}")
    return version


def in_words(summary: DatasetSummary) -> str:
    """What the user reads at the end of the stage."""
    photos = summary.photos
    counts = [
        f"{_number(photos.n, 'photo')}, {photos.first_date} to {photos.last_date}, "
        f"{photos.n_with_value:,} with an observed value",
        _number(summary.observations.n, "observation"),
        _number(summary.annotations.n, "annotation"),
    ]
    lines = [f"{summary.station}: {'; '.join(counts)}"]
    clocks = "; ".join(f"{clock} ({n:,})" for clock, n in summary.photos.by_clock.items())
    lines.append(f"times of photos: {clocks}")
    if summary.observed_table:
        lines.append(_of_table(summary.observed_table))
    for kind, reasons in summary.excluded.items():
        lines += [f"left out: {_number(n, kind)}: {reason}" for reason, n in reasons.items()]
    lines += [f"note: {note}" for note in summary.notes]
    return "\n".join(lines)


def _of_table(table: ObservedTable) -> str:
    """How a table of observed values was read."""
    parts = [f"values: {table.values}", f"unit: {table.unit}", f"times: {table.times}"]
    return f"{table.file} was read as {'; '.join([*parts, *table.rows])}"


def _number(n: int, thing: str) -> str:
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


if __name__ == "__main__":
    run(main, __doc__)
