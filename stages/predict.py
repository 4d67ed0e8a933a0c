"""Stage `predict`: score every photo of the input."""

from fperank.params import LocalParams, PredictParams, load_params
from fperank.pixel_cache import PixelCache
from fperank.scoring import Scorer, predict
from fperank.tables import (
    FAILURES,
    INPUT_IMAGES,
    PREDICTIONS,
    read_station,
    read_table,
    write_table,
)
from stages.common import output_folder, parse_arguments, run


def main() -> None:
    """Read the input and the model, score, write."""
    paths = parse_arguments(
        __doc__,
        scratch="a folder for decoded photos",
        dataset="the dataset's folder",
        input="the folder of stage input",
        model="the folder of stage train",
        output="the folder to write; replaced when the new one is whole",
    )
    params = load_params(paths.params, PredictParams)
    station = read_station(paths.input / "station.json")
    images = read_table(paths.input / "images.csv", INPUT_IMAGES, station.timezone)
    local = load_params(paths.params, LocalParams)
    with PixelCache(paths.scratch, local.cache_bytes) as cache:
        scorer = Scorer.load(paths.model, params, cache.read)
        predictions, failures = predict(images, paths.dataset / "photos", scorer)
    with output_folder(paths.output) as folder:
        write_table(predictions, PREDICTIONS, folder / "predictions.csv")
        write_table(failures, FAILURES, folder / "failures.csv")
    print(f"{len(images) - len(failures)} photos scored, {len(failures)} without a score")
    for reason, n in failures["reason"].value_counts().head(5).items():
        print(f"  {n} without a score: {reason}")


if __name__ == "__main__":
    run(main)
