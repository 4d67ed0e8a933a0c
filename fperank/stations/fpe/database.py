"""A station of the Flow Photo Explorer's PostgreSQL database.

All rows are read in one read-only transaction, so that they belong together. A photo, or a file of
comparisons, lies at the URL that its row names, or in S3 where the row names none. Docs:
docs/fpe-database.md.

Refused: a name that several users have given to a station, files of comparisons that are none.
Counted and left out: what is not DONE, flagged or for training, photos that show people or
vehicles, comparisons whose file is gone.
"""

import difflib
import uuid
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import pandas as pd

from fperank.ground.errors import DataError, ParameterError
from fperank.ground.variables import VARIABLES
from fperank.remote.fetching import Fetcher
from fperank.stations.answers.files import annotations_table
from fperank.stations.base import Answers, Excluded, Observed, Photos
from fperank.stations.fpe import queries as query
from fperank.stations.fpe.connection import connect as connect_by_environment
from fperank.stations.fpe.connection import reading
from fperank.stations.fpe.queries import Connection, Record
from fperank.stations.fpe.records import Listed, refuse_unfinished
from fperank.stations.fpe.submissions import Submission, read_submissions
from fperank.stations.observed.table import counted

_WHERE = "the Flow Photo Explorer's database"

T = TypeVar("T")
Connect = Callable[[], Connection]
Query = Callable[[Connection, int], Any]


class DatabaseStation:
    """A station in the database: what its readers ask for is read in one transaction.

    A reader says what it will need when it is made; everything is read when one of them reads.

    Args:
        station: the parameter fpe_station: number or name.
        connect: opens a read-only connection.
    """

    def __init__(self, station: str, connect: Connect = connect_by_environment) -> None:
        self._wanted = station
        self._connect = connect
        self._queries: list[Query] = []
        self._photos = self.will_need(query.photos)

    def will_need(self, asked: Callable[[Connection, int], T]) -> Callable[[], T]:
        """Have something read together with all the rest.

        Args:
            asked: reads it, from a connection and the station's number.

        Returns:
            Gives what was read.
        """
        position = len(self._queries)
        self._queries.append(asked)

        def answer() -> T:
            found: T = self._read[1][position]
            return found

        return answer

    def photos(self) -> Listed:
        """The station's photos.

        Raises:
            ParameterError: `fpe_station` is empty.
            DataError: the database cannot be read, or there is no such station.
        """
        row, _ = self._read
        return Listed(row, self._photos(), f"{_WHERE}, station {row['name']}")

    @cached_property
    def _read(self) -> tuple[Record, list[Any]]:
        """The station, and what each query gave."""
        if not self._wanted:
            raise ParameterError(
                'fpe_station is "" but source is fpe_database: give the station\'s number or name '
                "in the Flow Photo Explorer, for example -S fpe_station=29"
            )
        with reading("the station"), self._connect() as connection:
            row = self._row(connection)
            return row, [asked(connection, row["id"]) for asked in self._queries]

    def _row(self, connection: Connection) -> Record:
        rows = query.stations(connection, self._wanted)
        if not rows:
            names = query.public_station_names(connection)
            near = difflib.get_close_matches(self._wanted, names, n=3)
            hint = f"; near it are {', '.join(map(repr, near))}" if near else ""
            raise DataError(
                f"{_WHERE} has no station of the number or name {self._wanted!r} "
                f"(fpe_station){hint}"
            )
        if len(rows) > 1:
            listed = "; ".join(
                f"{row['id']} ({'private' if row['private'] else row['description'] or 'no text'})"
                for row in rows
            )
            raise DataError(
                f"{_WHERE} has {len(rows)} stations of the name {self._wanted!r}, of several "
                f"users: give the number of one as fpe_station: {listed}"
            )
        return rows[0]


def photos_of(imageset_uuid: str, connect: Connect = connect_by_environment) -> Listed:
    """The photos of one image set, and the station that it belongs to.

    Args:
        imageset_uuid: as the Flow Photo Explorer shows it.
        connect: opens a read-only connection.

    Raises:
        DataError: there is no such set, or it is not DONE, or the database cannot be read.
    """
    try:
        wanted = str(uuid.UUID(imageset_uuid))
    except ValueError:
        raise DataError(
            f"{imageset_uuid!r} is no uuid of an image set, which looks like "
            "0f8fad5b-d9cb-469f-a165-70867728950e"
        ) from None
    where = f"{_WHERE}, image set {wanted}"
    with reading("the image set"), connect() as connection:
        found = query.imagesets(connection, wanted)
        if not found:
            raise DataError(f"{where}: there is none with this uuid")
        refuse_unfinished(where, found[0]["status"])
        station_id = found[0]["station_id"]
        row = query.stations(connection, str(station_id))[0]
        return Listed(row, query.photos(connection, station_id, wanted), where)


def model_of(station_id: int, code: str, connect: Connect = connect_by_environment) -> Record:
    """The one model of a station that has a code.

    Args:
        station_id: the station's number.
        code: the model's.
        connect: opens a read-only connection.

    Returns:
        Its uuid and variable_id.

    Raises:
        DataError: there is none or are several, or the database cannot be read.
    """
    with reading("the models"), connect() as connection:
        found = query.models(connection, station_id, code)
    if len(found) != 1:
        raise DataError(
            f"{_WHERE} has {len(found) or 'no'} model{'s' if len(found) > 1 else ''} of the code "
            f"{code} at the station {station_id} (table models): one is needed"
        )
    return found[0]


class DatabaseObservations:
    """The observed values that the database holds.

    Args:
        station: the station.
        variable: name of the variable.
    """

    def __init__(self, station: DatabaseStation, variable: str) -> None:
        self._variable = variable
        self._values = station.will_need(
            lambda connection, number: query.values(connection, number, variable)
        )
        self._variables = station.will_need(query.variables)

    def read(self, photos: Photos) -> Observed:
        """Read the values, all there are; `DataError` where the database cannot be read."""
        values, variables = self._values(), self._variables()
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
        times = values["timestamp"].dt.tz_convert(photos.station.timezone).dt.as_unit("us")
        status = pd.Series(None, index=values.index, dtype="str")
        good = pd.DataFrame({"timestamp": times, "value": values["value"], "status": status})
        notes = (
            f"The Flow Photo Explorer has no values of {self._variable} for this station; it has "
            f"{', '.join(variables)}.",
        )
        absent = variables and self._variable not in variables
        return Observed(good[~left_out].reset_index(drop=True), excluded, notes if absent else ())


class DatabaseAnswers:
    """The comparisons of the submissions that the database lists.

    Args:
        station: the station.
        variable: name of the variable.
        fetcher: fetches their files.
    """

    def __init__(self, station: DatabaseStation, variable: str, fetcher: Fetcher) -> None:
        name = VARIABLES[variable].annotation_name
        self._submissions = station.will_need(
            lambda connection, number: query.submissions(connection, number, name)
        )
        self._fetcher = fetcher

    def read(self) -> Answers:
        """Read the files of the submissions that count.

        Raises:
            DataError: the database or a file that it names cannot be read.
        """
        submissions = self._submissions()
        reasons = [_reason_to_leave_out(one) for one in submissions]
        wanted = [
            Submission(str(one["id"]), one["user_id"] or "", one["addresses"])
            for one, why in zip(submissions, reasons, strict=True)
            if not why
        ]
        handed = read_submissions(wanted, self._fetcher)
        excluded: Excluded = [
            ("annotation", f"submission {one['id']}", why)
            for one, why in zip(submissions, reasons, strict=True)
            if why
        ]
        excluded += handed.excluded
        excluded += [("annotation", f"submission {one}", "its file is gone") for one in handed.gone]
        notes = (
            f"The files of {len(handed.gone)} of {len(wanted)} submissions of comparisons are gone "
            f"from the Flow Photo Explorer: {', '.join(handed.gone)}.",
        )
        return Answers(
            annotations_table(handed.rows),
            excluded,
            notes if handed.gone else (),
            handed.read_files,
        )


def _reason_to_leave_out(submission: Record) -> str:
    rules = {
        "flagged in the Flow Photo Explorer": submission["flag"],
        "the training of an annotator": submission["training"],
        "not DONE in the Flow Photo Explorer": submission["status"] != "DONE",
        "its row names no file": not submission["addresses"],
    }
    return next((reason for reason, holds in rules.items() if holds), "")
