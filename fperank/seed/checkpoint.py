"""A checkpoint of EcoSHEDS' Flow Photo RankNet Model (the seed) -> a model of fperank, once.

The weights become safetensors, what scoring needs becomes JSON, and the pickle is not needed again.
Photos are then seen as the seed saw them, see `view`.

Refused: any checkpoint without the user's word that its maker is trusted, other networks, other
ways of preparing photos, an output that exists.
"""

import operator
import shutil
import zoneinfo
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from fperank.ground.errors import DataError
from fperank.ground.files import read_json
from fperank.ground.variables import VARIABLES
from fperank.handover.model import ModelDescription
from fperank.handover.photo_filter import PhotoFilter
from fperank.handover.station import STATION_FILE
from fperank.network.model_file import network_of, save_model
from fperank.seed.archive import read_checkpoint_bytes
from fperank.seed.pickles import load_checkpoint
from fperank.seed.preparation import preparation

BACKBONE = "resnet18"
HIDDEN_UNITS = [256, 64]
_FILTER_DEFAULTS = {"min_hour": 7, "max_hour": 18, "min_month": 1, "max_month": 12}
"""What the seed's program takes for options that it was not given."""

# The seed cuts a ResNet into a row of its parts; the ReLU and the pooling have no weights.
PARTS = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}


def import_checkpoint(
    model: Path,
    output: Path,
    *,
    trust_pickle: bool,
    antialias: bool | None = None,
    station: str | None = None,
    variable: str | None = None,
    timezone: str | None = None,
) -> ModelDescription:
    """Convert a checkpoint.

    `rank-input.json` and `station.json` are read too where they lie beside the checkpoint, or in
    `../input`, where the seed puts them; `args.json` beside it, for what an old checkpoint lacks.

    Args:
        model: `model.pth`, or the `model.tar.gz` that holds it.
        output: the folder to make.
        trust_pickle: the user's word that whoever made the file is trusted.
        antialias: in place of what the checkpoint says.
        station: likewise, name of the station.
        variable: likewise; `FLOW_CFS` where nothing names it.
        timezone: likewise, IANA name of the station's zone.

    Returns:
        What was written as `model.json`.

    Raises:
        DataError: the checkpoint is not trusted, or is not of the kind, or `output` exists.
    """
    if not trust_pickle:
        raise DataError(
            f"{model} was not opened: a checkpoint is a pickle, a kind of file that can run any "
            "code of whoever made it. If you trust its maker, add --trust-pickle; even then only "
            "the few names that such checkpoints need are let through"
        )
    if output.exists() or output.is_symlink():
        raise DataError(f"{output} exists already: name a folder that does not")
    described = _described_beside(model)
    name = station or described.get("station")
    if not name:
        raise DataError(
            f"no rank-input.json or station.json beside {model} names the station: add --station "
            'with its name, such as --station "West Brook 0"'
        )
    checkpoint = load_checkpoint(read_checkpoint_bytes(model), str(model))
    mean, std, view = preparation(checkpoint, _training_options(model), antialias, str(model))
    description = ModelDescription(
        backbone=BACKBONE,
        hidden_units=HIDDEN_UNITS,
        loss="ranknet",
        tie_parameter=None,
        view=view,
        mean=mean,
        std=std,
        kept_epoch=_kept_epoch(checkpoint, str(model)),
        variable=_known_variable(variable or described.get("variable") or "FLOW_CFS"),
        station=name,
        timezone=_known_zone(timezone or described.get("timezone")),
        photo_filter=described.get("photo_filter"),
    )
    _write(_state(checkpoint, description, str(model)), description, output)
    return description


def _write(state: dict[str, Tensor], description: ModelDescription, output: Path) -> None:
    part = output.with_name(f".{output.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        save_model(part, state, description)
        part.rename(output)
    except OSError as error:
        raise DataError(f"{output} cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _state(
    checkpoint: Mapping[str, Any], description: ModelDescription, where: str
) -> dict[str, Tensor]:
    """The weights under fperank's names."""
    saved = checkpoint.get("model_state_dict")
    if not isinstance(saved, Mapping):
        raise DataError(f"{where} is no checkpoint of the seed: it has no model_state_dict")
    # Names and sizes only: no weight is drawn, nothing is computed.
    with torch.device("meta"):
        wanted = network_of(description).state_dict()
    # Not a weight of the seed: its loss learns nothing of ties.
    state = {"tie_parameter": torch.zeros(())}
    for name, value in saved.items():
        own = _own_name(name)
        if (
            own not in wanted
            or not isinstance(value, Tensor)
            or value.shape != wanted[own].shape
            or not value.isfinite().all()
        ):
            raise DataError(_other_network(where, "a weight has another name or size, or no value"))
        state[own] = value.to(wanted[own].dtype, copy=True)
    if missing := sorted(wanted.keys() - state.keys()):
        raise DataError(_other_network(where, f"{len(missing)} weights are missing: {missing[0]}"))
    return state


def _other_network(where: str, fault: str) -> str:
    return (
        f"{where} is not a ResNet-18 with a head of 256 and 64 units, the network of the seed: "
        f"{fault}"
    )


def _own_name(name: object) -> str:
    parts = str(name).removeprefix("module.").split(".")
    if parts[:2] == ["resnetbody", "model"] and len(parts) > 3 and parts[2] in PARTS:
        return ".".join(["backbone", PARTS[parts[2]], *parts[3:]])
    return ".".join(["head", *parts[1:]]) if parts[0] == "fclayers" else ""


def _kept_epoch(checkpoint: Mapping[str, Any], where: str) -> int:
    try:
        epoch = operator.index(checkpoint["epoch"])
    except (KeyError, TypeError):
        epoch = -1
    if not 0 <= epoch < 1_000_000:
        raise DataError(f"{where} is no checkpoint of the seed: it has no number of its epoch")
    return epoch + 1


def _known_variable(variable: str) -> str:
    if variable not in VARIABLES:
        raise DataError(f"variable {variable!r} is unknown; allowed: {', '.join(VARIABLES)}")
    return variable


def _known_zone(timezone: str | None) -> str | None:
    if timezone is not None and timezone not in zoneinfo.available_timezones():
        raise DataError(
            f"timezone {timezone!r} is not a name of the IANA list such as America/New_York"
        )
    return timezone


def _described_beside(model: Path) -> dict[str, Any]:
    """What the seed's files say of the model: station, variable, timezone, photo_filter."""
    described: dict[str, Any] = {}
    for folder in (model.parent, model.parent.parent / "input"):
        path = folder / "rank-input.json"
        if "variable" not in described and path.is_file():
            values = read_json(path)
            described |= {"station": _text(values, "station", "name")}
            described |= {"variable": _text(values, "variable_id")}
            described |= {"photo_filter": photo_filter_of(values, path)}
        path = folder / STATION_FILE
        if "timezone" not in described and path.is_file():
            values = read_json(path)
            described |= {"timezone": _text(values, "timezone")}
            described["station"] = described.get("station") or _text(values, "name")
    return described


def _training_options(model: Path) -> Mapping[str, Any]:
    """The options of the seed's train.py, which writes them beside the checkpoint."""
    path = model.parent / "args.json"
    options = read_json(path) if path.is_file() else {}
    return options if isinstance(options, dict) else {}


def _text(values: Any, *keys: str) -> str | None:
    for key in keys:
        values = values.get(key) if isinstance(values, dict) else None
    return values if isinstance(values, str) and values else None


def photo_filter_of(values: Any, path: Path) -> PhotoFilter | None:
    """The hours and months among the options that the seed was called with, if there are some.

    Args:
        values: the content of `rank-input.json`.
        path: what to name in an error.

    Raises:
        DataError: an option is none.
    """
    arguments = values.get("args") if isinstance(values, dict) else None
    options = arguments.get("options") if isinstance(arguments, dict) else None
    if not isinstance(options, dict):
        return None
    named = {str(key).replace("-", "_"): value for key, value in options.items()}
    try:
        return PhotoFilter.model_validate(
            {name: named.get(name, default) for name, default in _FILTER_DEFAULTS.items()}
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(
            f"{path}: args.options.{'.'.join(map(str, first['loc']))}: {first['msg']}"
        ) from None
