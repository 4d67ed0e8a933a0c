"""A station of the Flow Photo Explorer's public HTTP API, for those without its database.

The API gives photos, observed values and models, but no comparisons: they are found by the table
that lies beside the predictions of the station's published model, see `published`. Docs:
docs/fpe-api.md.

Refused: station names that none or several have, answers that `routes` refuses. Counted and left
out: photos that are not DONE or show people or vehicles, values that are none.
"""

import datetime as dt
import difflib
import itertools
from dataclasses import replace
from functools import cached_property
from typing import Any

import pandas as pd

from fperank.ground.errors import AbsentError, DataError, ParameterError
from fperank.remote.fetching import Fetcher, shown
from fperank.stations.answers.files import annotations_table
from fperank.stations.base import Answers, Observed, Photos
from fperank.stations.fpe.published import read_published
from fperank.stations.fpe.records import IMAGE_COLUMNS, Listed, refuse_unfinished
from fperank.stations.fpe.routes import (
    FpeApi,
    ImagesetRow,
    ImagesetWithImages,
    ModelRow,
    StationRow,
    ValueRow,
)
from fperank.stations.observed.table import counted

_DAYS_AT_ONCE = 363
"""Of values, so that with a day more on both sides no request spans more than a year."""


class ApiStation:
    """A station at the API, which its readers share.

    Args:
        url: the parameter api_url.
        station: the parameter fpe_station: number or name.
        fetcher: asks the API.
    """

    def __init__(self, url: str, station: str, fetcher: Fetcher) -> None:
        self._url = url
        self._wanted = station.strip()
        self.fetcher = fetcher
        self.api = FpeApi(url, fetcher)

    @cached_property
    def row(self) -> StationRow:
        """The station.

        Raises:
            ParameterError: `api_url` or `fpe_station` is empty.
            DataError: the API does not answer, or not as it should; there is no such station.
        """
        url, wanted = self._url, self._wanted
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
            return self.api.ask(f"stations/{wanted}", StationRow)
        rows = self.api.ask("stations", list[StationRow])
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
            hint = "; near it are " + ", ".join(f"{name!r} ({names[name]})" for name in near)
            raise DataError(
                f"none of the {len(rows)} public stations at {url} has the name {wanted!r} "
                f"(fpe_station){hint if near else ''}"
            )
        return found[0]

    def photos(self) -> Listed:
        """The photos of the image sets that are DONE.

        Raises:
            ParameterError: see `row`.
            DataError: likewise.
        """
        imagesets = self._imagesets()
        done = [one for one in imagesets if one.status == "DONE"]
        notes = (
            f"{len(imagesets) - len(done)} of {len(imagesets)} image sets are not DONE in the "
            "Flow Photo Explorer: their photos were left out.",
        )
        return self._listed(done, notes if len(done) < len(imagesets) else ())

    def photos_of(self, imageset_uuid: str) -> Listed:
        """The photos of one image set.

        Args:
            imageset_uuid: as the Flow Photo Explorer shows it.

        Raises:
            ParameterError: see `row`.
            DataError: likewise; or the station has no such set, or it is not DONE.
        """
        wanted = imageset_uuid.strip().lower()
        imagesets = self._imagesets()
        found = [one for one in imagesets if (one.uuid or "").lower() == wanted]
        if not found:
            raise DataError(
                f"the station {self.row.name} has no image set {imageset_uuid!r} among its "
                f"{len(imagesets)} at {self._where}/imagesets"
            )
        refuse_unfinished(f"the image set {wanted}", found[0].status)
        return self._listed(found)

    @property
    def _where(self) -> str:
        return self.api.address(f"stations/{self.row.id}")

    def _imagesets(self) -> list[ImagesetRow]:
        return self.api.ask(f"stations/{self.row.id}/imagesets", list[ImagesetRow])

    def _listed(self, imagesets: list[ImagesetRow], notes: tuple[str, ...] = ()) -> Listed:
        rows: list[dict[str, Any]] = []
        for one in imagesets:
            route = f"stations/{self.row.id}/imagesets/{one.id}"
            answer = self.api.ask(route, ImagesetWithImages)
            rows += [
                image.model_dump() | {"imageset_status": one.status} for image in answer.images
            ]
        photos = pd.DataFrame(rows, columns=list(IMAGE_COLUMNS))
        # Who owns the station is nobody's business.
        return Listed(self.row.model_dump(exclude={"user_id"}), photos, self._where, notes)


class ApiObservations:
    """The observed values that the API gives.

    Args:
        station: the station.
        variable: name of the variable.
        max_gap_minutes: values so long before the first photo and after the last are read too.
    """

    def __init__(self, station: ApiStation, variable: str, max_gap_minutes: float) -> None:
        self._station = station
        self._variable = variable
        self._max_gap = pd.Timedelta(minutes=max_gap_minutes)

    def read(self, photos: Photos) -> Observed:
        """Ask for the values from a day before the first photo to a day after the last.

        The API takes local times without offset, which an hour of autumn has twice. So each piece
        is asked with a day more on both sides, and gives only what lies in its own instants.
        """
        timezone, times = photos.station.timezone, photos.images["timestamp"]
        room = pd.Timedelta(days=1) + self._max_gap
        first, last = (
            time.tz_localize(None).normalize()
            for time in (times.min() - room, times.max() + room + pd.Timedelta(days=1))
        )
        days = pd.date_range(first, last, freq=f"{_DAYS_AT_ONCE}D")
        bounds = [*days[days < last], last]
        rows: list[tuple[dt.datetime, float | None]] = []
        for start, end in itertools.pairwise(bounds):
            begin, stop = (
                bound.tz_localize(timezone, ambiguous=True, nonexistent="shift_forward").tz_convert(
                    "UTC"
                )
                for bound in (start, end)
            )
            answer = self._station.api.ask(
                f"stations/{self._station.row.id}/values",
                list[ValueRow],
                variable=self._variable,
                start=(start - pd.Timedelta(days=1)).isoformat(),
                end=(end + pd.Timedelta(days=1)).isoformat(),
            )
            rows += [
                (one.timestamp, one.value)
                for one in answer
                if one.timestamp is not None and begin <= one.timestamp < stop
            ]
        given = pd.Series([value for _, value in rows], dtype="float64")
        instants = pd.to_datetime([time for time, _ in rows], utc=True)
        values = pd.DataFrame(
            {
                "timestamp": instants.tz_convert(timezone).as_unit("us"),
                "value": given,
                "status": pd.Series(None, index=given.index, dtype="str"),
            }
        )
        good = given.abs().lt(float("inf"))
        excluded = counted((~good).to_numpy(), "no value")
        return Observed(values[good].reset_index(drop=True), excluded)


class ApiAnswers:
    """The comparisons of the station's published model.

    Args:
        station: the station.
        variable: name of the variable.
    """

    def __init__(self, station: ApiStation, variable: str) -> None:
        self._station = station
        self._variable = variable

    def read(self) -> Answers:
        """Read the file that lies beside the model's predictions, if it is public."""
        route = f"stations/{self._station.row.id}/models"
        published = [
            (one, one.predictions_url)
            for one in self._station.api.ask(route, list[ModelRow])
            if one.model_type_id == "RANK" and one.variable_id == self._variable
            if one.status == "DONE" and one.predictions_url
        ]
        give = "give a file of comparisons by the parameter annotations_from"
        if not published:
            note = (
                f"The Flow Photo Explorer has no published model of {self._variable} for this "
                f"station, and so no public comparisons: {give}."
            )
            return Answers(annotations_table([]), [], (note,))
        long_ago = pd.Timestamp(0, tz="UTC")
        model, url = max(
            published,
            key=lambda one: (bool(one[0].default), one[0].created_at or long_ago, int(one[0].id)),
        )
        address = f"{shown(url).rpartition('/')[0]}/annotations.csv"
        try:
            answers = read_published(address, self._station.fetcher)
        except AbsentError as error:
            note = f"The comparisons of the model {model.code} are not public ({error}): {give}."
            return Answers(annotations_table([]), [], (note,))
        note = f"The comparisons are those of the published model {model.code}."
        return replace(answers, notes=(note, *answers.notes))
