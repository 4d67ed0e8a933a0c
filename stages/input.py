"""Stage `input`: choose the photos and pairs of a model version and split them."""

from pathlib import Path

from fperank.files import read_json, write_json
from fperank.pairs import build
from fperank.params import InputParams, load_params
from fperank.tables import (
    DATASET_PAIRS,
    IMAGES,
    INPUT_IMAGES,
    PAIRS,
    read_station,
    read_table,
    write_table,
)
from stages.common import output_folder, parse_arguments, run


def main() -> None:
    """Read the dataset, build the input, write it."""
    paths = parse_arguments(
        __doc__,
        dataset="the dataset's folder",
        output="the folder to write; replaced when the new one is whole",
    )
    params = load_params(paths.params, InputParams)
    dataset: Path = paths.dataset
    zone = read_station(dataset / "station.json").timezone
    model_input = build(
        read_table(dataset / "images.csv", IMAGES, zone),
        read_table(dataset / "pairs.csv", DATASET_PAIRS, zone),
        params,
    )
    summary = model_input.summary()
    told = read_json(dataset / "dataset.json")
    with output_folder(paths.output) as folder:
        write_table(model_input.images, INPUT_IMAGES, folder / "images.csv")
        write_table(model_input.pairs, PAIRS, folder / "pairs.csv")
        write_json(read_json(dataset / "station.json"), folder / "station.json")
        # The form that the Flow Photo Explorer's batch scoring reads.
        names = list(model_input.images["filename"])
        write_json([{"prefix": "photos/"}, *names], folder / "manifest.json")
        versions = {key: told[key] for key in ("dataset_version", "variable")}
        parameters = params.model_dump()
        write_json({**summary, **versions, "parameters": parameters}, folder / "input.json")
    splits = ", ".join(f"{n} {split}" for split, n in summary["photos"]["splits"].items())
    pairs = summary["pairs"]["splits"]
    print(f"{summary['photos']['n']} photos: {splits}")
    print(f"{summary['pairs']['n']} pairs: {pairs['train']} train, {pairs['val']} val")


if __name__ == "__main__":
    run(main)
