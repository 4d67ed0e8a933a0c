"""A station from the Flow Photo Explorer's public HTTP API, for those without its database.

The API tells photos, observed values and models, but no comparisons: they are read from the file
that lies beside the predictions of the station's published model. Docs: docs/fpe-api.md.

Refused: station names that none or several have, answers that `fpe_routes` refuses. Counted and
left out: photos that are not DONE or show people or vehicles, values that are none.
"""

import difflib
import itertools
from typing import Any, Generic

import pandas as pd

from fperank.handover.station import Station
from fperank.params.parameters import DatasetParams, PhotoSourceParamsT
from fperank.remote.downloads import Downloads
from fperank.remote.fetching import Fetcher, shown
from fperank.running.errors import AbsentError, DataError, ParameterError
from fperank.stations.answers.elsewhere import read_annotations_at
from fperank.stations.answers.files import Excluded, annotations_table
from fperank.stations.base import StationData
from fperank.stations.fpe.records import (
    IMAGE_COLUMNS,
    FpePhotos,
    ImageSet,
    PhotosTable,
    refuse_unfinished,
    station_data,
    station_of,
)
from fperank.stations.fpe.routes import (
    FpeApi,
    ImagesetRow,
    ImagesetWithImages,
    ModelRow,
    StationRow,
    ValueRow,
)
from fperank.stations.observed.table import Observed, counted, no_observations

_DAYS_AT_ONCE = 363
"""Of values, so that with a day more on both sides no request spans more than a year."""


class FpeApiSource(FpePhotos, Generic[PhotoSourceParamsT]):
    """A station of the Flow Photo Explorer, read from its public API.

    Args:
        params: `api_url` and `fpe_station` say which station; `read` needs a dataset's, of which
            `variable` says what is measured and compared.
        downloads: keeps the photos that were fetched.
        fetcher: asks the API.
    """

    def __init__(self, params: PhotoSourceParamsT, downloads: Downloads, fetcher: Fetcher) -> None:
        super().__init__(downloads)
        self.params = params
        self._fetcher = fetcher
        self._api = FpeApi(params.api_url, fetcher)

    def read(self: "FpeApiSource[DatasetParams]") -> StationData:
        """Read everything but the pixels.

        Where `observations_from` or `annotations_from` is set, the API's own are not read.

        Raises:
            ParameterError: `api_url` or `fpe_station` is empty.
            DataError: the API does not answer, or not as it should; there is no such station, or
                none of its photos can be used.
        """
        row = self._station_row()
        station = self._station(row)
        imagesets = self._imagesets(row)
        done = [one for one in imagesets if one.status == "DONE"]
        photos = self._photos(row, done, station)
        observed = (
            no_observations(station.timezone)
            if self.params.observations_from
            else self._observed(row, station.timezone, photos[0]["timestamp"])
        )
        annotations, excluded = annotations_table([]), Excluded()
        notes = []
        if not self.params.annotations_from:
            annotations, excluded, note = self._annotations(row)
            notes.append(note)
        if len(done) < len(imagesets):
            notes.append(
                f"{len(imagesets) - len(done)} of {len(imagesets)} image sets are not DONE in the "
                "Flow Photo Explorer: their photos were left out."
            )
        answers = annotations, excluded
        return station_data(station, photos, observed, answers, notes, self.params)

    def read_imageset(self, imageset_uuid: str) -> ImageSet:
        """Read one image set's photos, to score them.

        Args:
            imageset_uuid: as the Flow Photo Explorer shows it; a set of the station that
                `fpe_station` names.

        Returns:
            Its station and photos; `fetch` then gives them.

        Raises:
            ParameterError: `api_url` or `fpe_station` is empty.
            DataError: the station has no such set, or it is not DONE, or none of its photos can be
                used.
        """
        row = self._station_row()
        station = self._station(row)
        wanted = imageset_uuid.strip().lower()
        imagesets = self._imagesets(row)
        found = [one for one in imagesets if one.uuid.lower() == wanted]
        if not found:
            raise DataError(
                f"the station {station.name} has no image set {imageset_uuid!r} among its "
                f"{len(imagesets)} at {self._api.address(f'stations/{row.id}')}/imagesets"
            )
        refuse_unfinished(f"the image set {wanted}", found[0].status)
        images, excluded, _ = self._photos(row, found, station)
        return ImageSet(station, images, excluded)

    def _station_row(self) -> StationRow:
        url, wanted = self.params.api_url, self.params.fpe_station.strip()
        if not url or shown(url) != url:
            raise ParameterError(
                f'api_url is "{shown(url)}" but source is fpe_api: give the address below which '
                "public/stations lies, without ? and #, for example "
                "-S api_url=https://example.org/api"
            )
        if not wanted:
            raise ParameterError(
                'fpe_station is "" but source is fpe_api: give the station\'s number or name in '
                "the Flow Photo Explorer, for example -S fpe_station=29"
            )
        if wanted.isascii() and wanted.isdecimal():
            return self._api.ask(f"stations/{wanted}", StationRow)
        rows = self._api.ask("stations", list[StationRow])
        found = [row for row in rows if (row.name or "").strip() == wanted]
        if len(found) > 1:
            ids = ", ".join(row.id for row in found)
            raise DataError(
                f"{len(found)} stations have the name {wanted!r}: give the number of one as "
                f"fpe_station: {ids}"
            )
        if not found:
            names = {row.name: row.id for row in rows if row.name}
            near = difflib.get_close_matches(wanted, names, n=3)
            told = "; near it are " + ", ".join(f"{name!r} ({names[name]})" for name in near)
            raise DataError(
                f"none of the {len(rows)} public stations at {url} has the name {wanted!r} "
                f"(fpe_station){told if near else ''}"
            )
        return found[0]

    def _station(self, row: StationRow) -> Station:
        # Who owns it is nobody's business.
        return station_of(row.model_dump(exclude={"user_id"}), self.params.timezone)

    def _imagesets(self, row: StationRow) -> list[ImagesetRow]:
        return self._api.ask(f"stations/{row.id}/imagesets", list[ImagesetRow])

    def _photos(
        self, row: StationRow, imagesets: list[ImagesetRow], station: Station
    ) -> PhotosTable:
        rows: list[dict[str, Any]] = []
        for one in imagesets:
            route = f"stations/{row.id}/imagesets/{one.id}"
            answer = self._api.ask(route, ImagesetWithImages)
            rows += [
                image.model_dump() | {"imageset_status": one.status} for image in answer.images
            ]
        photos = pd.DataFrame(rows, columns=list(IMAGE_COLUMNS))
        where = self._api.address(f"stations/{row.id}")
        return self._photos_table(photos, station.timezone, where)

    def _observed(
        self: "FpeApiSource[DatasetParams]", row: StationRow, timezone: str, times: pd.Series
    ) -> Observed:
        """The values from a day before the first photo to a day after the last.

        The API takes local times without offset, which an hour of autumn has twice. So each piece
        is asked with a day more on both sides, and gives only what lies in its own instants.
        """
        room = pd.Timedelta(days=1) + pd.Timedelta(minutes=self.params.max_gap_minutes)
        first, last = (
            time.tz_localize(None).normalize()
            for time in (times.min() - room, times.max() + room + pd.Timedelta(days=1))
        )
        days = pd.date_range(first, last, freq=f"{_DAYS_AT_ONCE}D")
        bounds = [*days[days < last], last]
        rows: list[ValueRow] = []
        for start, end in itertools.pairwise(bounds):
            begin, stop = (
                bound.tz_localize(timezone, ambiguous=True, nonexistent="shift_forward").tz_convert(
                    "UTC"
                )
                for bound in (start, end)
            )
            answer = self._api.ask(
                f"stations/{row.id}/values",
                list[ValueRow],
                variable=self.params.variable,
                start=(start - pd.Timedelta(days=1)).isoformat(),
                end=(end + pd.Timedelta(days=1)).isoformat(),
            )
            rows += [one for one in answer if begin <= one.timestamp < stop]
        told = pd.Series([one.value for one in rows], dtype="float64")
        instants = pd.to_datetime([one.timestamp for one in rows], utc=True)
        values = pd.DataFrame(
            {
                "timestamp": instants.tz_convert(timezone).as_unit("us"),
                "value": told,
                "status": pd.Series(None, index=told.index, dtype="str"),
            }
        )
        good = told.abs().lt(float("inf"))
        excluded = counted((~good).to_numpy(), "no value")
        return Observed(values[good].reset_index(drop=True), excluded)

    def _annotations(
        self: "FpeApiSource[DatasetParams]", row: StationRow
    ) -> tuple[pd.DataFrame, Excluded, str]:
        """The comparisons of the published model, what was left out, and a note on them."""
        variable = self.params.variable
        models = [
            (one, one.predictions_url)
            for one in self._api.ask(f"stations/{row.id}/models", list[ModelRow])
            if one.model_type_id == "RANK" and one.variable_id == variable and one.status == "DONE"
        ]
        published = [(one, url) for one, url in models if url]
        give = "give a file of comparisons by the parameter annotations_from"
        if not published:
            note = (
                f"The Flow Photo Explorer has no published model of {variable} for this station, "
                f"and so no public comparisons: {give}."
            )
            return annotations_table([]), [], note
        long_ago = pd.Timestamp(0, tz="UTC")
        model, url = max(
            published,
            key=lambda one: (bool(one[0].default), one[0].created_at or long_ago, int(one[0].id)),
        )
        address = f"{shown(url).rpartition('/')[0]}/annotations.csv"
        try:
            annotations, excluded = read_annotations_at(address, self._fetcher)
        except AbsentError as error:
            note = f"The comparisons of the model {model.code} are not public ({error}): {give}."
            return annotations_table([]), [], note
        note = f"The comparisons are those of the published model {model.code}."
        return annotations, excluded, note
