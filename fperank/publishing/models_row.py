"""The row of a published model for the Flow Photo Explorer's table `models`, for its staff to add.

Without that row the explorer does not show the model. Nothing is written to a database here: the
row is a line of SQL or CSV that a person looks at first. It is never the station's default model:
that a person decides too.

Refused: stations that have no number in the explorer, other kinds of files than .sql and .csv.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fperank.ground.errors import DataError
from fperank.ground.files import csv_text, write_text
from fperank.ground.variables import VARIABLES
from fperank.handover.dataset import DatasetFolder
from fperank.handover.version import Version
from fperank.publishing.destinations import Destination
from fperank.publishing.published_files import PREDICTIONS_NAME, page_name

_SUFFIXES = (".sql", ".csv")


@dataclass(frozen=True)
class ModelsRow:
    """One row; `cells` by the table's column."""

    cells: dict[str, str | int | bool | None]


def checked_file(path: Path) -> Path:
    """The path again, if such a file can be written; `DataError` otherwise."""
    if path.suffix.lower() not in _SUFFIXES:
        raise DataError(f"--models-row {path}: name a file that ends in {' or '.join(_SUFFIXES)}")
    return path


def models_row(
    top: Path, version: Version, destination: Destination, uuid: str, code: str
) -> ModelsRow:
    """The row of a version.

    Args:
        top: the folder that holds `data/`.
        version: what was published.
        destination: where to.
        uuid: the model's.
        code: the model's.

    Raises:
        DataError: the station's number in the explorer is not known.
    """
    station = DatasetFolder(top / version.dataset).station
    if not (station.id or "").isdecimal():
        raise DataError(
            f"the row of the table models needs the station's number in the Flow Photo Explorer, "
            f'but {version.station} has the id {station.id!r}: give "id" in its station.json, or '
            "leave out --models-row"
        )
    cells: dict[str, str | int | bool | None] = {
        "station_id": int(station.id or 0),
        "model_type_id": "RANK",
        "variable_id": VARIABLES[version.variable].id,
        "code": code,
        "uuid": uuid,
        "default": False,
    }
    for column, name in (("diagnostics", page_name(code)), ("predictions", PREDICTIONS_NAME)):
        key = f"models/{uuid}/{name}"
        cells[f"{column}_url"] = destination.web_address(key)
    return ModelsRow(cells | {"status": "DONE"})


def write_rows(rows: list[ModelsRow], path: Path) -> None:
    """Write rows as SQL or, by the file's suffix, as CSV.

    Raises:
        DataError: the file cannot be written.
    """
    if path.suffix.lower() == ".csv":
        text = csv_text(pd.DataFrame([row.cells for row in rows], dtype="object"))
    else:
        text = "".join(map(_statement, rows))
    try:
        write_text(path, text)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from None


def _statement(row: ModelsRow) -> str:
    names = ", ".join(f'"{name}"' for name in row.cells)
    cells = ", ".join(map(_literal, row.cells.values()))
    return f"INSERT INTO models ({names})\nVALUES ({cells});\n"


def _literal(value: str | int | bool | None) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int):
        return str(value).lower()
    return "'" + value.replace("'", "''") + "'"
