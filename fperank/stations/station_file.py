"""The station as a folder's `station.json` tells it, and the parameters where it does not."""

from pathlib import Path

from fperank.ground.files import read_json
from fperank.handover.station import Station, station_from
from fperank.params.parameters import DatasetParams
from fperank.running.errors import DataError
from fperank.stations.answers.files import hashed_user_id


def station_of_folder(folder: Path, params: DatasetParams) -> Station:
    """Read `station.json`, if there is one.

    Args:
        folder: the station's folder.
        params: `station` and `timezone` serve where the file does not tell them.

    Raises:
        DataError: the file is not what it should be, or nobody tells the time zone.
    """
    path = folder / "station.json"
    told = read_json(path) if path.is_file() else {}
    if not isinstance(told, dict):
        raise DataError(f'{path} must be an object such as {{"name": "West Brook"}}')
    # R, in which the seed is written, tells what is absent as an empty object or as NA.
    values = {name: value for name, value in told.items() if value not in ({}, [], "NA", "", None)}
    values = {"name": params.station, "timezone": params.timezone} | values
    if not values["timezone"]:
        raise DataError(
            "the station's time zone is not known: give the parameter timezone, or "
            f'"timezone" in {path}, for example America/New_York'
        )
    if "user_id" in values:
        values["user_id"] = hashed_user_id(str(values["user_id"]))
    return station_from(values, str(path))
