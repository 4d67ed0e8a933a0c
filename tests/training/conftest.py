"""The toy station as stage `train` finds it, made by the writers of the stages before."""

import pandas as pd
import pytest
from toy import ZONE, annotate, changed, group

from fperank.handover.dataset import ANNOTATIONS, EXCLUDED, DatasetFolder, write_dataset
from fperank.handover.station import Station
from fperank.pairs.build import build
from fperank.params.parameters import DatasetParams, InputParams
from fperank.stations import dataset as datasets
from fperank.stations.base import StationData


@pytest.fixture
def toy_input(params, toy_images, tmp_path):
    """Makes the input of the toy station from so many answers; photos lie in `tmp_path/photos`."""

    def make(answers):
        annotations = annotate(toy_images, answers).assign(user_id="toy", comment="")
        data = StationData(
            station=Station(name="Toy", timezone=ZONE),
            images=toy_images.drop(columns=["value", "attributes"]),
            observations=toy_images[["timestamp", "value"]].assign(status=None),
            annotations=annotations[list(ANNOTATIONS.columns)],
            excluded=pd.DataFrame(columns=list(EXCLUDED.columns)),
        )
        own = group(params, DatasetParams)
        dataset = datasets.build(data, own)
        write_dataset(dataset, datasets.summarise(dataset, data, own), tmp_path / "dataset")
        wide = changed(
            group(params, InputParams), min_hour=0, max_hour=23, min_train_pairs=1, min_val_pairs=1
        )
        return build(DatasetFolder(tmp_path / "dataset"), wide)

    return make
