"""Observed values that lie elsewhere than the photos: at USGS, or in a CSV file.

Refused: USGS without a site number, files that are absent, larger than 1 GB, or not as
`observed.table` wants them.
"""

import hashlib
from dataclasses import replace
from pathlib import Path

from fperank.ground.errors import DataError
from fperank.handover.station import Station
from fperank.handover.tables import local_dates
from fperank.params.parameters import ObservedTableParams
from fperank.remote.fetching import Fetcher, shown
from fperank.stations.base import Observed, Photos
from fperank.stations.observed.table import read_observations
from fperank.stations.observed.usgs import Interval, read_usgs, site_id
from fperank.stations.own_folder import read_file

MAX_BYTES = 1_000_000_000


class PathObservations:
    """A CSV file on this machine that the parameter observations_from names.

    Args:
        path: the file.
        variable: see `read_observations`.
        params: likewise.
    """

    def __init__(self, path: str, variable: str, params: ObservedTableParams) -> None:
        self._path = path
        self._variable = variable
        self._params = params

    def read(self, photos: Photos) -> Observed:
        """Read it; `DataError` where it is absent or not what it should be."""
        path = Path(self._path).expanduser()
        if not path.is_file():
            raise DataError(
                f"observations_from is {self._path!r}, but there is no such file: give a CSV "
                "file's path, its address (https:// or s3://), or usgs"
            )
        return _read(path, path.name, self._variable, photos.station.timezone, self._params)


class AddressObservations:
    """A CSV file at an address, fetched anew each time: what lies there may change.

    Args:
        address: https://, http:// or s3://.
        variable: see `read_observations`.
        params: likewise.
        scratch: a folder for the file while it is read.
        fetcher: fetches it.
    """

    def __init__(
        self,
        address: str,
        variable: str,
        params: ObservedTableParams,
        scratch: Path,
        fetcher: Fetcher,
    ) -> None:
        self._address = address
        self._variable = variable
        self._params = params
        self._scratch = scratch
        self._fetcher = fetcher

    def read(self, photos: Photos) -> Observed:
        """Fetch and read it; `DataError` where it is absent or not what it should be."""
        name = hashlib.sha256(self._address.encode()).hexdigest()[:32]
        path = self._scratch / "observations" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        where = shown(self._address)
        try:
            self._fetcher.download(self._address, path, MAX_BYTES)
            return _read(path, where, self._variable, photos.station.timezone, self._params)
        except DataError as error:
            fault = str(error).replace(str(path), where)
            raise DataError(f"observations_from: {fault}") from None
        finally:
            path.unlink(missing_ok=True)


class UsgsObservations:
    """The values of the USGS gauge beside the photos, on the days that the photos are from.

    Args:
        site: number of the gauge, or "" for the one that the station names.
        variable: see `read_usgs`.
        interval: likewise.
        scratch: likewise.
    """

    def __init__(self, site: str, variable: str, interval: Interval, scratch: Path) -> None:
        self._site = site
        self._variable = variable
        self._interval = interval
        self._scratch = scratch

    def read(self, photos: Photos) -> Observed:
        """Ask USGS; `DataError` where no site is named or it has no such values."""
        dates = local_dates(photos.images["timestamp"])
        return read_usgs(
            self._number(photos.station),
            self._variable,
            self._interval,
            dates.min(),
            dates.max(),
            timezone=photos.station.timezone,
            scratch=self._scratch,
        )

    def _number(self, station: Station) -> str:
        if self._site:
            return site_id(self._site, "usgs_site")
        if station.nwis_id and station.nwis_id.strip():
            return site_id(station.nwis_id, "the station's nwis_id")
        raise DataError(
            f"observations_from is usgs, but {station.name} names no USGS site: set usgs_site to "
            'its number in quotes, such as "01171100" (find it on https://waterdata.usgs.gov), or '
            "nwis_id in station.json"
        )


def _read(
    path: Path, name: str, variable: str, timezone: str, params: ObservedTableParams
) -> Observed:
    observed = read_observations(path, variable, timezone, params)
    table = observed.table and observed.table.model_copy(update={"file": name})
    return replace(observed, read_files=(read_file("observations", path, name),), table=table)
