"""Time and memory of the `dataset` and `input` stages' tables for a very large station.

    python -m benchmarks.tables --photos 1000000 --pairs 100000

Photos are rows only: no pixels are read or copied. Prints seconds and peak memory of each step.
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from fperank.ground.files import write_json
from fperank.handover.dataset import ANNOTATIONS, EXCLUDED, DatasetFolder, write_dataset
from fperank.handover.input import write_input
from fperank.handover.station import Station
from fperank.pairs.build import build
from fperank.params.file import load_params
from fperank.params.parameters import DatasetParams, InputParams
from fperank.stations import dataset
from fperank.stations.base import StationData

ZONE = "America/New_York"


def station(n_photos: int, n_pairs: int) -> StationData:
    """A station of photos every 15 minutes, an observation each hour, random pairs."""
    rng = np.random.default_rng(1)
    image_id = pd.Series(range(n_photos)).astype("str")
    name = "imagesets/0f8fad5b-d9cb-469f-a165-70867728950e/images/IMG_" + image_id + ".JPG"

    def every(minutes: int, n: int) -> pd.DatetimeIndex:
        start = pd.Timestamp("1996-01-01", tz=ZONE)
        return pd.date_range(start, periods=n, freq=f"{minutes}min").as_unit("us")

    images = pd.DataFrame(
        {
            "image_id": image_id,
            "timestamp": every(15, n_photos),
            "filename": name,
            "url": "https://bucket.s3.example.org/" + name,
            "clock": "images.csv, with its own UTC offset",
        }
    )
    hours = n_photos // 4
    observations = pd.DataFrame(
        {"timestamp": every(60, hours), "value": rng.lognormal(size=hours), "status": "approved"}
    )
    left = rng.integers(0, n_photos, n_pairs)
    right = (left + rng.integers(1, n_photos - 1, n_pairs)) % n_photos
    annotations = pd.DataFrame(
        {
            "pair_id": pd.Series(range(n_pairs)).astype("str"),
            "user_id": "u-0123456789ab",
            "left_image_id": image_id.to_numpy()[left],
            "right_image_id": image_id.to_numpy()[right],
            "rank": rng.choice(["LEFT", "RIGHT", "SAME"], n_pairs),
        }
    ).reindex(columns=list(ANNOTATIONS.columns))
    nothing = pd.DataFrame(columns=list(EXCLUDED.columns), dtype="str")
    about = Station(name="Large", timezone=ZONE)
    return StationData(about, images, observations, annotations, nothing)


def main() -> None:
    """Run both stages' tables once and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--out", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    own = load_params(Path("params.yaml"), DatasetParams)
    data = station(arguments.photos, arguments.pairs)
    steps: dict[str, float] = {}
    began = time.perf_counter()

    def step(name: str) -> None:
        steps[name] = round(time.perf_counter() - began - sum(steps.values()), 2)

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        built = dataset.build(data, own)
        step("dataset: join")
        write_dataset(built, dataset.summarise(built, data, own), out / "data")
        step("dataset: write")
        stored = DatasetFolder(out / "data")
        _ = stored.images, stored.pairs
        step("input: read")
        chosen = build(stored, load_params(Path("params.yaml"), InputParams))
        step("input: choose and split")
        write_input(chosen, out / "input")
        step("input: write")
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {
        "photos": arguments.photos,
        "pairs": arguments.pairs,
        "photos_chosen": chosen.summary.photos.n,
        "seconds": steps | {"total": round(sum(steps.values()), 2)},
        "peak_mib": round(peak_mib),
    }
    print(json.dumps(told, indent=2))
    if arguments.out:
        write_json(told, arguments.out)


if __name__ == "__main__":
    main()
