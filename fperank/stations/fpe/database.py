"""A station from the Flow Photo Explorer's PostgreSQL database.

All rows are read in one read-only transaction, so that they belong together. A photo, or a file of
comparisons, lies at the URL that its row names, or in S3 where the row names none. Docs:
docs/fpe-database.md.

Refused: a name that several users have given to a station, files of comparisons that are none.
Counted and left out: what is not DONE, flagged or for training, photos that show people or
vehicles, comparisons whose file is gone.
"""

import difflib
import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic

import pandas as pd

from fperank.ground.variables import VARIABLES
from fperank.params.parameters import DatasetParams, PhotoSourceParamsT
from fperank.remote.downloads import Downloads
from fperank.remote.fetching import Fetcher, shown
from fperank.running.errors import AbsentError, DataError, ParameterError
from fperank.stations.answers.files import (
    Excluded,
    Row,
    annotations_from_json,
    annotations_table,
)
from fperank.stations.base import StationData
from fperank.stations.fpe import queries as query
from fperank.stations.fpe.connection import connect as connect_by_environment
from fperank.stations.fpe.connection import reading
from fperank.stations.fpe.queries import Connection, Record
from fperank.stations.fpe.records import (
    FpePhotos,
    ImageSet,
    refuse_unfinished,
    station_data,
    station_of,
)
from fperank.stations.observed.table import Observed, counted, no_observations

MAX_ANNOTATION_BYTES = 50_000_000
_FILES_AT_ONCE = 8
_WHERE = "the Flow Photo Explorer's database"


class FpeDatabaseSource(FpePhotos, Generic[PhotoSourceParamsT]):
    """A station of the Flow Photo Explorer, read from its database.

    Args:
        params: `fpe_station` says which station; `read` needs a dataset's, of which `variable`
            says what is measured and compared.
        downloads: keeps the photos that were fetched.
        fetcher: fetches the files of comparisons.
        connect: opens a read-only connection.
    """

    def __init__(
        self,
        params: PhotoSourceParamsT,
        downloads: Downloads,
        fetcher: Fetcher,
        connect: Callable[[], Connection] = connect_by_environment,
    ) -> None:
        super().__init__(downloads)
        self.params = params
        self._fetcher = fetcher
        self._connect = connect

    def read(self: "FpeDatabaseSource[DatasetParams]") -> StationData:
        """Read everything but the pixels.

        Where `observations_from` or `annotations_from` is set, the database's own are not read.

        Raises:
            ParameterError: `fpe_station` is empty.
            DataError: the database or a file that it names cannot be read, or there is no such
                station, or none of its photos can be used.
        """
        if not self.params.fpe_station:
            raise ParameterError(
                'fpe_station is "" but source is fpe_database: give the station\'s number or name '
                "in the Flow Photo Explorer, for example -S fpe_station=29"
            )
        variable = VARIABLES[self.params.variable]
        values: pd.DataFrame | None = None
        submissions: list[Record] = []
        variables: list[str] = []
        with reading("the station"), self._connect() as connection:
            row = self._station_row(connection)
            station_id = row["id"]
            photos = query.photos(connection, station_id)
            if not self.params.observations_from:
                values = query.values(connection, station_id, variable.id)
                variables = query.variables(connection, station_id)
            if not self.params.annotations_from:
                submissions = query.submissions(connection, station_id, variable.annotation_name)

        station = station_of(row, self.params.timezone)
        where = f"{_WHERE}, station {station.name}"
        table = self._photos_table(photos, station.timezone, where)
        observed = (
            no_observations(station.timezone)
            if values is None
            else _observed(values, station.timezone)
        )
        annotations, excluded_answers, notes = self._annotations(submissions)
        if variables and variable.id not in variables:
            notes.append(
                f"The Flow Photo Explorer has no values of {variable.id} for this station; it has "
                f"{', '.join(variables)}."
            )
        answers = annotations, excluded_answers
        return station_data(station, table, observed, answers, notes, self.params)

    def read_imageset(self, imageset_uuid: str) -> ImageSet:
        """Read one image set's photos, to score them.

        Args:
            imageset_uuid: as the Flow Photo Explorer shows it.

        Returns:
            The station that the set belongs to, and its photos; `fetch` then gives them.

        Raises:
            DataError: there is no such set, or it is not DONE, or none of its photos can be used.
        """
        try:
            wanted = str(uuid.UUID(imageset_uuid))
        except ValueError:
            raise DataError(
                f"{imageset_uuid!r} is no uuid of an image set, which looks like "
                "0f8fad5b-d9cb-469f-a165-70867728950e"
            ) from None
        where = f"{_WHERE}, image set {wanted}"
        with reading("the image set"), self._connect() as connection:
            found = query.imagesets(connection, wanted)
            if not found:
                raise DataError(f"{where}: there is none with this uuid")
            refuse_unfinished(where, found[0]["status"])
            station_id = found[0]["station_id"]
            row = query.stations(connection, str(station_id))[0]
            photos = query.photos(connection, station_id, wanted)
        station = station_of(row, self.params.timezone)
        images, excluded, _ = self._photos_table(photos, station.timezone, where)
        return ImageSet(station, images, excluded)

    def _station_row(self, connection: Connection) -> Record:
        wanted = self.params.fpe_station
        rows = query.stations(connection, wanted)
        if not rows:
            names = query.public_station_names(connection)
            near = difflib.get_close_matches(wanted, names, n=3)
            hint = f"; near it are {', '.join(map(repr, near))}" if near else ""
            raise DataError(
                f"{_WHERE} has no station of the number or name {wanted!r} (fpe_station){hint}"
            )
        if len(rows) > 1:
            told = "; ".join(
                f"{row['id']} ({'private' if row['private'] else row['description'] or 'no text'})"
                for row in rows
            )
            raise DataError(
                f"{_WHERE} has {len(rows)} stations of the name {wanted!r}, of several users: give "
                f"the number of one as fpe_station: {told}"
            )
        return rows[0]

    def _annotations(self, submissions: list[Record]) -> tuple[pd.DataFrame, Excluded, list[str]]:
        reasons = [_reason_to_leave_out(one) for one in submissions]
        wanted = [one for one, why in zip(submissions, reasons, strict=True) if not why]
        with ThreadPoolExecutor(_FILES_AT_ONCE) as pool:
            contents = list(pool.map(self._content, wanted))
        rows: list[Row] = []
        excluded: Excluded = [
            ("annotation", f"submission {one['id']}", why)
            for one, why in zip(submissions, reasons, strict=True)
            if why
        ]
        gone: list[str] = []
        for one, content in zip(wanted, contents, strict=True):
            if content is None:
                gone.append(str(one["id"]))
                continue
            more, left_out = annotations_from_json(
                content,
                f"the annotation file {shown(one['address'])}",
                pair_prefix=f"{one['id']}-",
                user_id=one["user_id"] or "",
            )
            rows += more
            excluded += left_out
        excluded += [("annotation", f"submission {one}", "its file is gone") for one in gone]
        notes = [
            f"The files of {len(gone)} of {len(wanted)} submissions of comparisons are gone from "
            f"the Flow Photo Explorer: {', '.join(gone)}."
        ]
        return annotations_table(rows), excluded, notes if gone else []

    def _content(self, submission: Record) -> Any:
        """The parsed file of a submission, None if it is gone."""
        address = submission["address"]
        try:
            return json.loads(self._fetcher.read(address, MAX_ANNOTATION_BYTES))
        except AbsentError:
            return None
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
            raise DataError(
                f"the annotation file {shown(address)} of submission {submission['id']} is not "
                "valid JSON: have it flagged in the Flow Photo Explorer to leave it out"
            ) from None


def _observed(values: pd.DataFrame, timezone: str) -> Observed:
    left_out = pd.Series(False, index=values.index)
    excluded: Excluded = []
    for bad, reason in (
        (values["flagged"], "flagged"),
        (values["value"].isna(), "no value"),
        (values["value"].abs().eq(float("inf")), "not a finite number"),
        (values["timestamp"].isna(), "no time"),
    ):
        excluded += counted((bad & ~left_out).to_numpy(), reason)
        left_out |= bad
    times = values["timestamp"].dt.tz_convert(timezone).dt.as_unit("us")
    status = pd.Series(None, index=values.index, dtype="str")
    good = pd.DataFrame({"timestamp": times, "value": values["value"], "status": status})
    return Observed(good[~left_out].reset_index(drop=True), excluded)


def _reason_to_leave_out(submission: Record) -> str:
    rules = {
        "flagged in the Flow Photo Explorer": submission["flag"],
        "the training of an annotator": submission["training"],
        "not DONE in the Flow Photo Explorer": submission["status"] != "DONE",
        "its row names no file": not submission["address"],
    }
    return next((reason for reason, holds in rules.items() if holds), "")
