"""Stage `train`: learn from the pairs; write weights, their description, and the loss curves."""

from typing import Any

from dvclive import Live

from fperank.batches import load_data
from fperank.compute import half_the_digits
from fperank.files import read_json, write_json
from fperank.modelfile import save_model
from fperank.params import LocalParams, TrainParams, load_params
from fperank.photo_filter import PhotoFilter
from fperank.pixel_cache import PixelCache
from fperank.tables import HISTORY, PAIRS, read_station, read_table, write_table
from fperank.team import gather
from fperank.training import train
from stages.common import output_folder, parse_arguments, run


def main() -> None:
    """Read the input, train, write the model."""
    paths = parse_arguments(
        __doc__,
        scratch="a folder for decoded photos and for the checkpoint, which survives a kill",
        dataset="the dataset's folder",
        input="the folder of stage input",
        output="the folder to write; replaced when the new one is whole",
    )
    params = load_params(paths.params, TrainParams)
    station = read_station(paths.input / "station.json")
    chosen = read_json(paths.input / "input.json")
    told = read_json(paths.dataset / "dataset.json")
    pairs = read_table(paths.input / "pairs.csv", PAIRS, station.timezone)
    local = load_params(paths.params, LocalParams)
    with PixelCache(paths.scratch, local.cache_bytes) as cache:
        data = load_data(pairs, paths.dataset / "photos", params, cache.read)
    variable, scratch = chosen["variable"], paths.scratch
    with gather(params.processes, params.accelerator) as team:
        if team.place:
            train(data, params, variable, station.name, scratch, lambda _row: None, team)
            return  # the first process writes
        with output_folder(paths.output) as folder:
            # DVC tracks what is written here; DVCLive must not edit dvc.yaml or make experiments.
            live = Live(str(folder / "live"), dvcyaml=None, save_dvc_exp=False, report=None)

            def tell(row: dict[str, Any]) -> None:
                for name in ("train_loss", "val_loss", "val_pair_accuracy", "learning_rate"):
                    live.log_metric(name, row[name], timestamp=False)
                live.next_step()
                print(
                    f"epoch {row['epoch']:3d}  train loss {row['train_loss']:.4f}  "
                    f"val loss {row['val_loss']:.4f}  right pairs {row['val_pair_accuracy']:.1%}"
                )

            model = train(data, params, variable, station.name, scratch, tell, team)
            live.end()
            # What `fperank score` must know of new photos.
            names = PhotoFilter.model_fields
            description = model.description.model_copy(
                update={
                    "timezone": station.timezone,
                    "utc_offset": told["params"]["utc_offset"],
                    "photo_filter": PhotoFilter(**{k: chosen["parameters"][k] for k in names}),
                }
            )
            save_model(folder, model.state, description)
            write_table(model.history, HISTORY, folder / "history.csv")
            write_json(
                {
                    "pairs_train": len(data.train),
                    "pairs_val": len(data.val),
                    "photos": len(data.pixels),
                    "photos_unreadable": data.unreadable,
                    "pairs_lost": data.pairs_lost,
                    "half_the_digits": half_the_digits(team.device, params.precision),
                    "parameters": params.model_dump(),
                },
                folder / "train.json",
            )
    model.checkpoint.remove()


if __name__ == "__main__":
    run(main)
