"""Stage `predict`: score every photo of the input."""

from fperank.handover.dataset import DatasetFolder
from fperank.handover.input import InputFolder
from fperank.handover.predictions import write_predictions
from fperank.handover.version import Version
from fperank.params.file import load_params
from fperank.params.parameters import LocalParams, PredictParams, VersionParams
from fperank.photos.cache import PixelCache
from fperank.running.stage import PARAMS, SCRATCH, output_folder, run
from fperank.scoring.scorer import Scorer, predict


def main() -> Version:
    """Read the input and the model, score, write."""
    version = Version.of(load_params(PARAMS, VersionParams))
    params = load_params(PARAMS, PredictParams)
    images = InputFolder(version.input).images
    photos = DatasetFolder(version.dataset).photos
    with PixelCache(SCRATCH, load_params(PARAMS, LocalParams).cache_bytes) as cache:
        scorer = Scorer.load(version.model, params, cache.read)
        predictions, failures = predict(images, photos, scorer)
    with output_folder(version.predictions) as folder:
        write_predictions(predictions, failures, params, folder)
    print(f"{len(images) - len(failures)} photos scored, {len(failures)} without a score")
    for reason, n in failures["reason"].value_counts().head(5).items():
        print(f"  {n} without a score: {reason}")
    return version


if __name__ == "__main__":
    run(main, __doc__)
