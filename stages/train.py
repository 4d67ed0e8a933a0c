"""Stage `train`: learn from the pairs; write weights, their description, and the loss curves."""

from typing import Any

from dvclive import Live

from fperank.ground.numbers import LOSS_DIGITS, rounded
from fperank.handover.dataset import DatasetFolder
from fperank.handover.input import InputFolder
from fperank.handover.model import CURVES_FOLDER, TrainingSummary, write_training
from fperank.handover.photo_filter import PhotoFilter
from fperank.handover.version import Version
from fperank.network.devices import uses_bfloat16
from fperank.network.model_file import save_model
from fperank.params.file import load_params
from fperank.params.parameters import LocalParams, TrainParams, VersionParams
from fperank.photos.cache import PixelCache
from fperank.running.stage import PARAMS, SCRATCH, output_folder, run
from fperank.training.data import load_data
from fperank.training.loop import train
from fperank.training.processes import process_group


def main() -> Version:
    """Read the input, train, write the model."""
    version = Version.of(load_params(PARAMS, VersionParams))
    params = load_params(PARAMS, TrainParams)
    dataset, chosen = DatasetFolder(version.dataset), InputFolder(version.input)
    with PixelCache(SCRATCH, load_params(PARAMS, LocalParams).cache_bytes) as cache:
        data = load_data(chosen.pairs, dataset.photos, params, cache.read)
    variable, station = chosen.summary.variable, chosen.station
    with process_group(params.processes, params.accelerator) as group:
        if group.rank:
            train(data, params, variable, station.name, SCRATCH, lambda _row: None, group)
            return version  # the first process writes
        with output_folder(version.model) as folder:
            # DVC tracks what is written here; DVCLive must not edit dvc.yaml or make experiments.
            live = Live(str(folder / CURVES_FOLDER), dvcyaml=None, save_dvc_exp=False, report=None)

            def on_epoch(row: dict[str, Any]) -> None:
                for name in ("train_loss", "val_loss", "val_pair_accuracy", "learning_rate"):
                    live.log_metric(name, rounded(row[name], LOSS_DIGITS), timestamp=False)
                live.next_step()
                print(
                    f"epoch {row['epoch']:3d}  train loss {row['train_loss']:.4f}  "
                    f"val loss {row['val_loss']:.4f}  right pairs {row['val_pair_accuracy']:.1%}"
                )

            model = train(data, params, variable, station.name, SCRATCH, on_epoch, group)
            live.end()
            # What `fperank score` must know of new photos.
            wanted = chosen.summary.parameters.model_dump(include=set(PhotoFilter.model_fields))
            description = model.description.model_copy(
                update={
                    "timezone": station.timezone,
                    "utc_offset": dataset.summary.parameters["utc_offset"],
                    "photo_filter": PhotoFilter(**wanted),
                    "look": dataset.summary.look,
                }
            )
            save_model(folder, model.state, description)
            summary = TrainingSummary(
                pairs_train=len(data.train),
                pairs_val=len(data.val),
                photos=len(data.pixels),
                photos_unreadable=data.unreadable,
                pairs_lost=data.pairs_lost,
                bfloat16=uses_bfloat16(group.device, params.precision),
                pretrained_sha256=model.pretrained_sha256,
                parameters=params,
            )
            write_training(model.history, summary, folder)
    model.checkpoint.remove()
    return version


if __name__ == "__main__":
    run(main, __doc__)
