"""Which rows of a table are taken, where it holds several kinds below one another.

Loggers and agencies write several sensors, parameters or statistics into one table. Which one is
the station's is for the user to say: the parameter `observations_rows` names columns and what must
stand in them.

Refused: a column that is not there, and what no row holds.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from fperank.ground.errors import DataError
from fperank.stations.observed.columns import plain_name

_SHOWN = 10


def wanted_rows(frame: pd.DataFrame, wanted: Sequence[str], path: Path) -> npt.NDArray[np.bool_]:
    """The rows that hold what the user names.

    Args:
        frame: the table as text.
        wanted: each a column and what stands in it, `sensor=A12`.
        path: what to name in an error.

    Raises:
        DataError: there is no such column, or no such row.
    """
    rows = np.ones(len(frame), dtype=bool)
    for one in wanted:
        name, _, kind = (part.strip() for part in one.partition("="))
        columns = [column for column in frame.columns if plain_name(column) == plain_name(name)]
        if not columns:
            raise DataError(
                f"{path}: observations_rows names the column {name!r}, which is not there; columns "
                f"found: {', '.join(frame.columns)}"
            )
        cells = frame[columns[0]]
        hit = cells.str.casefold() == kind.casefold()
        if not hit.any():
            kinds = sorted(set(cells) - {""})
            more = f" and {len(kinds) - _SHOWN} more" if len(kinds) > _SHOWN else ""
            raise DataError(
                f"{path}: observations_rows is {one!r}, but the column {columns[0]} holds "
                f"{', '.join(kinds[:_SHOWN]) or 'nothing'}{more}"
            )
        rows &= hit.to_numpy()
    if len(frame) and not rows.any():
        raise DataError(f"{path}: no row holds all of observations_rows: {', '.join(wanted)}")
    return rows
