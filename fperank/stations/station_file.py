"""The station as a folder's `station.json` describes it, and the parameters where it does not."""

from pathlib import Path

from fperank.ground.errors import DataError
from fperank.ground.files import read_json
from fperank.handover.station import Station, station_from
from fperank.stations.answers.files import hashed_user_id
from fperank.stations.own_folder import STATION, own_file


def station_of_folder(folder: Path, name: str, timezone: str) -> Station:
    """Read `station.json`, if there is one.

    Args:
        folder: the station's folder.
        name: the station's name where the file holds none.
        timezone: IANA name of its zone, likewise.

    Raises:
        DataError: the file is not what it should be, or the time zone is not known.
    """
    path = own_file(folder, STATION)
    content = read_json(path) if path.is_file() else {}
    if not isinstance(content, dict):
        raise DataError(f'{path} must be an object such as {{"name": "West Brook"}}')
    # R, in which the seed is written, writes what is absent as an empty object or as NA.
    given = {key: value for key, value in content.items() if value not in ({}, [], "NA", "", None)}
    values = {"name": name, "timezone": timezone} | given
    if not values["timezone"]:
        raise DataError(
            "the station's time zone is not known: give the parameter timezone, or "
            f'"timezone" in {path}, for example America/New_York'
        )
    if "user_id" in values:
        values["user_id"] = hashed_user_id(str(values["user_id"]))
    return station_from(values, str(path))
