"""Small, seeded, generated material that several test files use."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fpe_api_server import fpe_api, fpe_api_server, waits  # noqa: F401
from pipeline_repository import made, repository  # noqa: F401
from postgres import postgres  # noqa: F401
from report_fixtures import material, material_without_values, station  # noqa: F401
from s3_server import s3, s3_endpoint  # noqa: F401
from toy import ZONE, annotate, changed, group, water_photo

from fperank.params.file import load_params
from fperank.params.parameters import DatasetParams, InputParams, Params, PredictParams

ROOT = Path(__file__).parents[1]


@pytest.fixture
def params() -> Params:
    """The shipped parameters."""
    return load_params(ROOT / "params.yaml", Params)


@pytest.fixture
def toy_images(tmp_path: Path) -> pd.DataFrame:
    """Forty days with three toy photos each, in `tmp_path/photos`; values rise and fall."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(3)
    rows = []
    for day in range(40):
        for hour in (7, 12, 18):
            time = pd.Timestamp("2024-01-01") + pd.Timedelta(days=day, hours=hour)
            level = rng.random()
            name = f"p{day:02d}-{hour:02d}.png"
            water_photo(level, seed=len(rows)).save(folder / name)
            rows.append((name, time, name, None, 10.0**level))
    images = pd.DataFrame(rows, columns=["image_id", "timestamp", "filename", "url", "value"])
    images["attributes"] = pd.Series(pd.NA, index=images.index, dtype="str")
    images["quality"] = pd.Series(pd.NA, index=images.index, dtype="str")
    images["timestamp"] = images["timestamp"].dt.tz_localize(ZONE).dt.as_unit("us")
    return images


@pytest.fixture
def station_input(params, tmp_path: Path):
    """Makes the input of photos with values and of answers, through the dataset's own files."""
    from fperank.handover.dataset import ANNOTATIONS, EXCLUDED, DatasetFolder, write_dataset
    from fperank.handover.station import Station
    from fperank.pairs.build import build
    from fperank.stations import dataset
    from fperank.stations.base import StationData

    def make(images: pd.DataFrame, answers: pd.DataFrame, own: InputParams):
        data = StationData(
            station=Station(name="Toy", timezone=ZONE),
            images=images.drop(columns=["value", "attributes", "quality"]).assign(clock="a clock"),
            observations=images[["timestamp", "value"]].assign(status=None),
            annotations=answers.assign(user_id=None, comment=None)[list(ANNOTATIONS.columns)],
            excluded=pd.DataFrame(columns=list(EXCLUDED.columns)),
        )
        chosen = group(params, DatasetParams)
        built = dataset.build(data, chosen)
        write_dataset(built, dataset.summarise(built, data, chosen), tmp_path / "dataset")
        return build(DatasetFolder(tmp_path / "dataset"), own)

    return make


@pytest.fixture
def toy_input(params, station_input, toy_images):
    """Makes the input of the toy station from so many answers; photos lie in `tmp_path/photos`."""
    wide = changed(
        group(params, InputParams), min_hour=0, max_hour=23, min_train_pairs=1, min_val_pairs=1
    )
    return lambda answers: station_input(toy_images, annotate(toy_images, answers), wide)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The folder of a small model that was never trained."""
    import torch

    from fperank.handover.model import ModelDescription
    from fperank.network.model_file import network_of, save_model
    from fperank.photos.view import PhotoView

    torch.manual_seed(0)
    description = ModelDescription(
        backbone="resnet18",
        hidden_units=[16],
        loss="ranknet",
        tie_parameter=None,
        view=PhotoView(height=32, width=43),
        mean=[0.5] * 3,
        std=[0.25] * 3,
        kept_epoch=1,
        variable="FLOW_CFS",
        station="x",
    )
    save_model(tmp_path / "model", network_of(description).state_dict(), description)
    return tmp_path / "model"


@pytest.fixture
def scorer(model: Path):
    """That model, ready to score."""
    from fperank.scoring.scorer import Scorer

    return Scorer.load(model, PredictParams(threads=1, accelerator="cpu"))
