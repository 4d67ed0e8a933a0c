"""A station whose observed values come from elsewhere than its photos.

It stands around any other source: `observations_from` names USGS, or a CSV file by path or address,
and takes the place of what the source itself tells of observed values.

Refused: USGS without a site number, files that are absent, larger than 1 GB, or not as
`fperank.stations.observed.table` wants them.
"""

import hashlib
from dataclasses import replace
from pathlib import Path

import pandas as pd

from fperank.handover.dataset import EXCLUDED
from fperank.handover.station import Station
from fperank.handover.tables import local_dates
from fperank.params.parameters import DatasetParams
from fperank.remote.fetching import Fetcher, shown
from fperank.running.errors import DataError, ParameterError
from fperank.stations.base import Source, StationData
from fperank.stations.observed.table import Observed, read_observations
from fperank.stations.observed.usgs import read_usgs, site_id

MAX_BYTES = 1_000_000_000
USGS = "usgs"


class ObservedElsewhere:
    """A source with other observed values.

    Args:
        inner: tells everything else.
        params: `observations_from` says where the values are, `observations_unit` their unit,
            `usgs_site` and `usgs_interval` which of USGS's.
        scratch: a folder for what is kept between two runs.
        fetcher: fetches a file from its address.
    """

    def __init__(
        self,
        inner: Source,
        params: DatasetParams,
        scratch: Path,
        fetcher: Fetcher | None = None,
    ) -> None:
        self._inner = inner
        self._params = params
        self._scratch = scratch
        self._fetcher = fetcher or Fetcher()

    def read(self) -> StationData:
        """Read the inner source, and the observed values from where they are.

        Raises:
            DataError: one of them cannot be read.
            ParameterError: the parameters contradict each other.
        """
        data = self._inner.read()
        observed = self._observed(data)
        kept = data.excluded[data.excluded["kind"] != "observation"]
        left_out = pd.DataFrame(observed.excluded, columns=list(EXCLUDED.columns), dtype="str")
        return replace(
            data,
            observations=observed.values,
            excluded=pd.concat([kept, left_out], ignore_index=True),
            notes=(*data.notes, *observed.notes),
        )

    def fetch(self, filename: str, target: Path) -> None:
        """Fetch a photo from the inner source."""
        self._inner.fetch(filename, target)

    def _observed(self, data: StationData) -> Observed:
        place = self._params.observations_from
        if place == USGS:
            return self._from_usgs(data)
        if "://" in place:
            return self._from_address(place, data.station.timezone)
        path = Path(place).expanduser()
        if not path.is_file():
            raise DataError(
                f"observations_from is {place!r}, but there is no such file: give a CSV file's "
                "path, its address (https:// or s3://), or usgs"
            )
        return self._from_file(path, data.station.timezone)

    def _from_file(self, path: Path, timezone: str) -> Observed:
        unit = self._params.observations_unit
        return read_observations(path, self._params.variable, timezone, unit)

    def _from_address(self, address: str, timezone: str) -> Observed:
        """Fetched anew each time: what lies at an address may change."""
        name = hashlib.sha256(address.encode()).hexdigest()[:32]
        path = self._scratch / "observations" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._fetcher.download(address, path, MAX_BYTES)
            return self._from_file(path, timezone)
        except DataError as error:
            told = str(error).replace(str(path), shown(address))
            raise DataError(f"observations_from: {told}") from None
        finally:
            path.unlink(missing_ok=True)

    def _from_usgs(self, data: StationData) -> Observed:
        if self._params.observations_unit:
            raise ParameterError(
                f"observations_unit is {self._params.observations_unit!r}, but observations_from "
                'is usgs, which tells its units itself: set observations_unit to ""'
            )
        dates = local_dates(data.images["timestamp"])
        return read_usgs(
            self._site(data.station),
            self._params.variable,
            self._params.usgs_interval,
            dates.min(),
            dates.max(),
            timezone=data.station.timezone,
            scratch=self._scratch,
        )

    def _site(self, station: Station) -> str:
        if self._params.usgs_site:
            return site_id(self._params.usgs_site, "usgs_site")
        if station.nwis_id and station.nwis_id.strip():
            return site_id(station.nwis_id, "the station's nwis_id")
        raise DataError(
            f"observations_from is usgs, but {station.name} names no USGS site: set usgs_site to "
            'its number in quotes, such as "01171100" (find it on https://waterdata.usgs.gov), or '
            "nwis_id in station.json"
        )
