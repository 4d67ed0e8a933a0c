"""A station as `station.json` describes it, in the dataset's folder and in the input's."""

import zoneinfo
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from fperank.ground.errors import DataError
from fperank.ground.files import read_json, write_json

STATION_FILE = "station.json"


class Station(BaseModel):
    """A station. Other keys of the file are carried along.

    Attributes:
        name: as its source calls it.
        timezone: IANA name; all local times are of this zone.
        nwis_id: number of the USGS gauge beside it.
        label: the parameter `station`, which names its folder; set by stage `dataset`.
        variable: the parameter of that name; likewise.
    """

    model_config = ConfigDict(frozen=True, extra="allow", coerce_numbers_to_str=True)

    name: str
    timezone: str
    id: str | None = None
    description: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    nwis_id: str | None = None
    waterbody_type: str | None = None
    label: str | None = None
    variable: str | None = None

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in zoneinfo.available_timezones():
            raise ValueError(f"{value!r} is not a name of the IANA list such as America/New_York")
        return value


def read_station(folder: Path) -> Station:
    """Read the `station.json` of a folder.

    Raises:
        DataError: the file is absent, is not JSON or lacks a key.
    """
    path = folder / STATION_FILE
    return station_from(read_json(path), str(path))


def write_station(station: Station, folder: Path) -> None:
    """Write a folder's `station.json`."""
    write_json(station.model_dump(), folder / STATION_FILE)


def station_from(values: Any, where: str) -> Station:
    """A station from a description of it.

    Args:
        values: a name, a time zone and what else there is.
        where: what to name in an error, such as the file.

    Raises:
        DataError: a key is absent or of a wrong kind.
    """
    try:
        return Station.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{where}: {key}: {first['msg']}") from None
