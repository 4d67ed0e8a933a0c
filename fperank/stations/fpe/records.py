"""The Flow Photo Explorer's records and photos, whichever lists them: its database or its API.

Photos count only if they and their image set are DONE. Photos that show people or vehicles are left
out everywhere, of training as of scoring: a detection of a person of 0.2 or more, of a vehicle of
0.8 or more, or a mark by hand, unless a mark by hand says that there is none.

Refused: photos without an id, time or address, file names that lead out of the dataset.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fperank.ground.errors import AbsentError, DataError, NoneUsableError, PhotoError, TooLargeError
from fperank.handover.station import Station, station_from
from fperank.remote.downloads import Downloads
from fperank.remote.fetching import shown
from fperank.stations.answers.files import hashed_user_id
from fperank.stations.base import Photos
from fperank.stations.fpe.addresses import Place, place_of
from fperank.stations.photos.files import leads_out, tellable

_NO_CLOCK_SHIFT = (
    "clock_shift was not used: the photos' times come from the Flow Photo Explorer.",
)
PERSON_THRESHOLD = 0.2
VEHICLE_THRESHOLD = 0.8
IMAGE_COLUMNS = (
    *("id", "filename", "timestamp", "full_url", "bucket", "key", "status", "imageset_status"),
    *("pii_person", "pii_vehicle", "pii_on", "pii_off"),
)
"""What is read of a photo. Bucket and key are `full_s3`, which the API does not tell."""


@dataclass(frozen=True)
class Listed:
    """Photos as the database or the API lists them, good and bad.

    Attributes:
        station: the row of the station that they belong to.
        rows: `IMAGE_COLUMNS`, one row a photo; `timestamp` an instant or ISO 8601 with offset.
        where: what to name in an error, such as the API's address.
        notes: sentences for the user.
    """

    station: Mapping[str, Any]
    rows: pd.DataFrame
    where: str
    notes: tuple[str, ...] = ()


class FpePhotos:
    """The photos of a station, or of one of its image sets.

    Args:
        listed: lists them.
        timezone: IANA name of the zone of a station that names none.
        downloads: keeps the photos that were fetched.
        clock_shift: the parameter; the user is warned that it is without effect.
    """

    def __init__(
        self,
        listed: Callable[[], Listed],
        timezone: str,
        downloads: Downloads,
        clock_shift: Sequence[str] = (),
    ) -> None:
        self._listed = listed
        self._timezone = timezone
        self._downloads = downloads
        self._clock_shift = clock_shift
        self._addresses: dict[str, tuple[str, ...]] = {}

    def read(self) -> Photos:
        """Read everything but the pixels.

        Raises:
            ParameterError: a parameter that names the station is empty.
            DataError: there is no such station; `NoneUsableError`, that none of its photos can be
            used.
        """
        listed = self._listed()
        station = station_of(listed.station, self._timezone)
        places = _places(listed.rows)
        photos = _usable(listed, places, station)
        by_id = dict(zip(listed.rows["id"].astype("str"), places, strict=True))
        used = [by_id[image_id] for image_id in photos.images["image_id"]]
        self._addresses = {place.name: place.addresses for place in used}
        return replace(photos, notes=listed.notes + (_NO_CLOCK_SHIFT if self._clock_shift else ()))

    def fetch(self, filename: str, target: Path) -> None:
        """Put a photo at `target`; what was downloaded before is not downloaded again.

        Raises:
            PhotoError: it is gone, or none of the photos that were read.
            DataError: no photo can be had now.
        """
        faults = [f"{filename} is none of the photos that were read"]
        for address in self._addresses.get(filename, ()):
            try:
                return self._downloads.put(address, target)
            except (AbsentError, TooLargeError) as error:
                faults.append(str(error))
        raise PhotoError(faults[-1])


def refuse_unfinished(imageset: str, status: str | None) -> None:
    """Refuse an image set whose photos do not count yet: `DataError`."""
    if status != "DONE":
        raise DataError(
            f"{imageset} is {status}, not DONE: score it when the Flow Photo Explorer has finished "
            "with it"
        )


def station_of(row: Mapping[str, Any], timezone: str) -> Station:
    """The station of a row of `stations`.

    Args:
        row: the row; further columns than the station's own are left behind.
        timezone: taken where the row names none.

    Raises:
        DataError: it has no name, or no time zone that there is.
    """
    values = {name: row.get(name) for name in Station.model_fields}
    values["timezone"] = values["timezone"] or timezone
    for name in ("uuid", "status"):
        if row.get(name):
            values[name] = str(row[name])
    if row.get("user_id"):
        values["user_id"] = hashed_user_id(str(row["user_id"]))
    if not values["timezone"]:
        raise DataError(
            f"the station {values['name']} has no time zone in the Flow Photo Explorer: set the "
            "parameter timezone, for example to America/New_York"
        )
    return station_from(values, f"the station {values['name']}")


def _places(rows: pd.DataFrame) -> list[Place]:
    """The place of each photo; the same photo thus has one name whatever lists it."""
    columns = rows[["full_url", "bucket", "key"]].astype("object")
    texts = columns.where(columns.map(lambda cell: isinstance(cell, str)), None)
    return [place_of(*one) for one in texts.itertuples(index=False)]


def _usable(listed: Listed, places: Sequence[Place], station: Station) -> Photos:
    """The photos that may be used, and the reasons why the others may not.

    Raises:
        DataError: an id stands twice, or none of the photos may be used.
    """
    rows, where = listed.rows, listed.where
    ids = rows["id"].astype("str")
    if ids.duplicated().any():
        raise DataError(f"{where}: the photo id {ids[ids.duplicated()].iloc[0]} stands twice")
    names = pd.Series([place.name for place in places], index=rows.index, dtype="str")
    urls = [place.addresses[-1] if place.name else "" for place in places]
    times = pd.to_datetime(rows["timestamp"], utc=True, errors="coerce", format="ISO8601")
    rules = {
        "not DONE in the Flow Photo Explorer": rows["status"].ne("DONE")
        | rows["imageset_status"].ne("DONE"),
        "shows a person or vehicle": shows_pii(rows),
        "has no time in the Flow Photo Explorer": times.isna(),
        "has no address in the Flow Photo Explorer": names.eq(""),
        "its address leads out of the dataset": names.map(leads_out).astype("bool"),
        "another photo has the same address": names.duplicated(),
    }
    reason = pd.Series(
        np.select([rule.to_numpy() for rule in rules.values()], list(rules), default=""),
        index=rows.index,
        dtype="str",
    )
    good = reason.eq("").to_numpy()
    if not good.any():
        counts = reason[~good].value_counts()
        why = ", ".join(f"{n:,} {rule}" for rule, n in counts.items()) or _none_at_all(listed)
        raise NoneUsableError(f"{where}: none of {len(rows):,} photos can be used: {why}")
    images = pd.DataFrame(
        {
            "image_id": ids[good],
            "timestamp": times[good].dt.tz_convert(station.timezone).dt.as_unit("us"),
            "filename": names[good],
            "url": [_told(url) for url, usable in zip(urls, good, strict=True) if usable],
            "clock": "the Flow Photo Explorer",
        }
    ).sort_values(["timestamp", "filename"], ignore_index=True)
    left_out = names.where(names.ne(""), ids)[~good]
    excluded = sorted(
        (("photo", tellable(name), why) for name, why in zip(left_out, reason[~good], strict=True)),
        key=lambda one: one[1],
    )
    reasons = dict(zip(ids[~good], reason[~good], strict=True))
    return Photos(station, images, excluded, reasons)


def _told(url: str) -> str:
    """The address as a table may hold it; of one in S3 nothing is a query."""
    return url if url.startswith("s3://") else shown(url)


def _none_at_all(listed: Listed) -> str:
    camera = listed.station.get("nims_camera_id")
    if not camera:
        return "it has none at all"
    return (
        f"they are those of USGS's river camera {camera}, which the Flow Photo Explorer shows but "
        "does not keep: fetch them from USGS into a folder with an images.csv whose image_id is "
        "the one of the comparisons (nims:CAMERA:FILE), and take source folder with "
        "annotations_from"
    )


def shows_pii(rows: pd.DataFrame) -> pd.Series:
    """Whether a photo shows a person or vehicle, by detections and marks; see the module's text."""
    person = pd.to_numeric(rows["pii_person"]).ge(PERSON_THRESHOLD)
    vehicle = pd.to_numeric(rows["pii_vehicle"]).ge(VEHICLE_THRESHOLD)
    marked, cleared = (rows[name].eq(True).fillna(False) for name in ("pii_on", "pii_off"))
    shows: pd.Series = (person | vehicle | marked) & ~cleared
    return shows
