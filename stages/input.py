"""Stage `input`: choose the photos and pairs of a model version and split them."""

from fperank.handover.dataset import DatasetFolder
from fperank.handover.input import write_input
from fperank.handover.version import Version
from fperank.pairs.build import build
from fperank.params.file import load_params
from fperank.params.parameters import InputParams, VersionParams
from fperank.running.stage import PARAMS, output_folder, run


def main() -> Version:
    """Read the dataset, build the input, write it."""
    version = Version.of(load_params(PARAMS, VersionParams))
    made = build(DatasetFolder(version.dataset), load_params(PARAMS, InputParams))
    with output_folder(version.input) as folder:
        write_input(made, folder)
    photos, pairs = made.summary.photos, made.summary.pairs
    for reason, n in made.summary.excluded["photo"].items():
        print(f"left out: {n} photos {reason}")
    print(f"{photos.n} photos: {', '.join(f'{n} {split}' for split, n in photos.splits.items())}")
    print(f"{pairs.n} pairs: {pairs.splits['train']} train, {pairs.splits['val']} val")
    return version


if __name__ == "__main__":
    run(main, __doc__)
