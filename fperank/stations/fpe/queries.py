"""What is asked of the Flow Photo Explorer's database, and nothing else of it.

Every value is handed over as a parameter, never as text of the query. Server-side cursors bring a
few thousand rows at once, so that a large station takes little memory.
"""

from typing import Any

import pandas as pd
import psycopg

from fperank.stations.fpe.addresses import place_of
from fperank.stations.fpe.connection import reading

Connection = psycopg.Connection[Any]
Record = dict[str, Any]

_ROWS_AT_ONCE = 5_000

_STATIONS = """
    SELECT id, name, description, latitude::text::float8 AS latitude,
           longitude::text::float8 AS longitude, timezone, nwis_id,
           waterbody_type::text, status::text, private
    FROM stations
    WHERE id::text = %(wanted)s OR name = %(wanted)s
    ORDER BY id
"""
_PUBLIC_NAMES = """
    SELECT DISTINCT name FROM stations WHERE NOT private AND name IS NOT NULL ORDER BY name
"""
_IMAGESET = "SELECT station_id, status::text FROM imagesets WHERE uuid::text = %(uuid)s"
_MODELS = """
    SELECT uuid::text, variable_id FROM models
    WHERE station_id = %(station_id)s AND code = %(code)s
    ORDER BY id
"""

# Times come as microseconds since 1970. One that no table can hold, such as infinity, is none.
_PHOTOS = """
    SELECT i.id, i.filename, i.status::text, m.status::text AS imageset_status, i.full_url,
           i.full_s3 ->> 'Bucket' AS bucket, i.full_s3 ->> 'Key' AS key,
           i.pii_person::float8, i.pii_vehicle::float8, i.pii_on, i.pii_off,
           CASE WHEN i.timestamp BETWEEN '1800-01-01Z' AND '2200-01-01Z'
                THEN (extract(epoch FROM i.timestamp) * 1000000)::int8 END AS timestamp
    FROM imagesets m JOIN images i ON i.imageset_id = m.id
    WHERE m.station_id = %(station_id)s AND (%(uuid)s::text IS NULL OR m.uuid::text = %(uuid)s)
    ORDER BY i.id
"""
# A value is a number of 32 bits: as text it is what was uploaded and what the API tells, while a
# cast would add digits to it that nobody measured.
_VALUES = """
    SELECT v.value::text::float8 AS value, v.flag IS NOT NULL AS flagged,
           CASE WHEN v.timestamp BETWEEN '1800-01-01Z' AND '2200-01-01Z'
                THEN (extract(epoch FROM v.timestamp) * 1000000)::int8 END AS timestamp
    FROM datasets d JOIN series s ON s.dataset_id = d.id JOIN "values" v ON v.series_id = s.id
    WHERE d.station_id = %(station_id)s AND d.status = 'DONE' AND s.variable_id = %(variable)s
    ORDER BY v.timestamp, v.id
"""
_VARIABLES = """
    SELECT DISTINCT s.variable_id AS name
    FROM datasets d JOIN series s ON s.dataset_id = d.id
    WHERE d.station_id = %(station_id)s AND d.status = 'DONE'
    ORDER BY name
"""
# Submissions of the time when flow was all that was compared name no variable.
_SUBMISSIONS = """
    SELECT id, user_id, status::text, coalesce(flag, false) AS flag,
           coalesce(training, false) AS training, url,
           s3 ->> 'Bucket' AS bucket, s3 ->> 'Key' AS key
    FROM annotations
    WHERE station_id = %(station_id)s AND coalesce(variable, 'FLOW') = %(annotation_name)s
    ORDER BY id
"""


def stations(connection: Connection, wanted: str) -> list[Record]:
    """The stations of a number or name, and only the one of that number if there is one."""
    rows = _records(_table(connection, "the stations", _STATIONS, wanted=wanted))
    return [row for row in rows if str(row["id"]) == wanted] or rows


def public_station_names(connection: Connection) -> list[str]:
    """Names of the stations that are not private."""
    return list(_table(connection, "the stations", _PUBLIC_NAMES)["name"])


def imagesets(connection: Connection, uuid: str) -> list[Record]:
    """The image set of a uuid, or none: station_id and status."""
    return _records(_table(connection, "the image sets", _IMAGESET, uuid=uuid))


def models(connection: Connection, station_id: int, code: str) -> list[Record]:
    """The models of a station that have a code: uuid and variable_id."""
    return _records(_table(connection, "the models", _MODELS, station_id=station_id, code=code))


def photos(connection: Connection, station_id: int, uuid: str | None = None) -> pd.DataFrame:
    """A station's photos, or those of one of its image sets, good or bad, ordered by id.

    Returns:
        `records.IMAGE_COLUMNS`, with bucket and key.
    """
    rows = _table(connection, "the photos", _PHOTOS, station_id=station_id, uuid=uuid)
    rows["timestamp"] = _instants(rows["timestamp"])
    return rows


def values(connection: Connection, station_id: int, variable: str) -> pd.DataFrame:
    """A variable's values in order of time, good or bad: value, flagged, timestamp."""
    asked = {"station_id": station_id, "variable": variable}
    rows = _table(connection, "the observed values", _VALUES, **asked)
    rows["timestamp"] = _instants(rows["timestamp"])
    return rows.astype({"value": "float64", "flagged": "bool"})


def variables(connection: Connection, station_id: int) -> list[str]:
    """The variables that a station has values of."""
    return list(_table(connection, "the variables", _VARIABLES, station_id=station_id)["name"])


def submissions(connection: Connection, station_id: int, annotation_name: str) -> list[Record]:
    """The submissions of comparisons, good or bad.

    Returns:
        id, user_id, status, flag, training, addresses (see `addresses.Place`), ordered by id.
    """
    asked = {"station_id": station_id, "annotation_name": annotation_name}
    rows = _table(connection, "the annotations", _SUBMISSIONS, **asked)
    parts = zip(rows.pop("url"), rows.pop("bucket"), rows.pop("key"), strict=True)
    rows["addresses"] = pd.Series([place_of(*one).addresses for one in parts], dtype="object")
    return _records(rows)


def _table(connection: Connection, what: str, query: str, **asked: object) -> pd.DataFrame:
    """The rows of a query; absent values are None."""
    with reading(what), connection.cursor(name="fperank") as cursor:
        cursor.execute(query, asked)
        names = [column.name for column in cursor.description or ()]
        columns: list[list[Any]] = [[] for _ in names]
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            for column, cells in zip(columns, zip(*rows, strict=True), strict=True):
                column.extend(cells)
    return pd.DataFrame(
        {name: pd.Series(cells, dtype="object") for name, cells in zip(names, columns, strict=True)}
    )


def _records(rows: pd.DataFrame) -> list[Record]:
    return [dict(zip(rows.columns, cells, strict=True)) for cells in rows.itertuples(index=False)]


def _instants(microseconds: pd.Series) -> pd.Series:
    return pd.to_datetime(microseconds.astype("Int64"), unit="us", utc=True)
