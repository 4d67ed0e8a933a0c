"""Observed values of a USGS site, through the U.S. Geological Survey's water data API.

The API answers at most three years at once, so longer spans are asked for piece by piece. Each
answer is kept in the scratch folder until all are there, so that an interrupted read goes on where
it stopped; afterwards only answers that are wholly approved are kept, because USGS may revise the
others. A key is read by the package dataretrieval from the environment variable API_USGS_PAT.

Refused: variables that USGS has no parameter of here, sites whose series contradict each other,
units that cannot become the variable's. Left out and counted: times without a value, by what USGS
says of them (ICE, EQUIP, ...).
"""

import contextlib
import datetime as dt
import functools
import io
import logging
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from tqdm import tqdm

from fperank.ground.cells import plain_cells
from fperank.ground.errors import DataError, ParameterError
from fperank.ground.files import csv_text, write_text
from fperank.stations.base import Excluded, Observed
from fperank.stations.observed.table import counted
from fperank.stations.observed.units import conversion_note, factor_to, known_unit

PARAMETERS = {"FLOW_CFS": "00060", "STAGE_FT": "00065"}
"""USGS's numbers of discharge and gage height."""

YEARS_A_REQUEST = 3
Interval = Literal["continuous", "daily"]

_MEAN = "00003"
_COLUMNS = (
    *("time", "value", "unit_of_measure", "approval_status", "qualifier", "time_series_id"),
)
_KEY_HELP = (
    "a key raises the limit: it is free, see https://api.waterdata.usgs.gov/signup/, and goes into "
    "the environment variable API_USGS_PAT"
)


@dataclass(frozen=True)
class _Request:
    """What is asked of USGS: the days are both included."""

    site: str
    parameter: str
    interval: Interval
    first: dt.date
    last: dt.date

    def __str__(self) -> str:
        what = f"{self.interval} values of parameter {self.parameter} at site {self.site}"
        return f"{what} from {self.first} to {self.last}"

    @property
    def filename(self) -> str:
        return f"{self.site}-{self.parameter}-{self.interval}-{self.first}-{self.last}.csv"

    def pieces(self) -> Iterator["_Request"]:
        """The same in pieces that the API answers."""
        first = self.first
        while first <= self.last:
            after = first + pd.DateOffset(years=YEARS_A_REQUEST)
            last = min(after.date() - dt.timedelta(days=1), self.last)
            yield _Request(self.site, self.parameter, self.interval, first, last)
            first = last + dt.timedelta(days=1)


def site_id(text: str, where: str) -> str:
    """A site's number as the API writes it, such as USGS-01171100.

    Raises:
        DataError: the text is no site number.
    """
    match = re.fullmatch(r"(?:USGS-)?(\d{8,15})", text.strip(), flags=re.IGNORECASE)
    if match is None:
        raise DataError(
            f'{where} is {text!r}: a USGS site number has 8 to 15 digits, such as "01171100"'
        )
    return f"USGS-{match[1]}"


def read_usgs(
    site: str,
    variable_id: str,
    interval: Interval,
    first_date: dt.date,
    last_date: dt.date,
    *,
    timezone: str,
    scratch: Path,
) -> Observed:
    """Read a site's values for a span of days, and a day more on both sides.

    Args:
        site: number of the site, with or without `USGS-`.
        variable_id: FLOW_CFS or STAGE_FT.
        interval: `continuous`, or `daily` means, which are stamped at noon.
        first_date: first local day.
        last_date: last local day.
        timezone: IANA name of the station's zone.
        scratch: folder for answers that may serve again; `usgs` in it is used.

    Raises:
        ParameterError: USGS has no parameter of that variable here.
        DataError: there is no such data, it cannot be had now, or cannot be understood.
    """
    if variable_id not in PARAMETERS:
        known = ", ".join(f"{one} (parameter {code})" for one, code in PARAMETERS.items())
        raise ParameterError(
            f"variable is {variable_id}, but observations_from: usgs can serve only {known}"
        )
    day = dt.timedelta(days=1)
    request = _Request(
        site_id(site, "the USGS site"),
        PARAMETERS[variable_id],
        interval,
        first_date - day,
        last_date + day,
    )
    pieces = list(request.pieces())
    kept = scratch / "usgs"
    answers = [
        _answer(piece, kept / piece.filename)
        for piece in tqdm(pieces, "asking USGS", leave=False, disable=None)
    ]
    for piece, answer in zip(pieces, answers, strict=True):
        if answer.empty or not (answer["approval_status"] == "Approved").all():
            (kept / piece.filename).unlink(missing_ok=True)
    rows = pd.concat(answers, ignore_index=True)
    if rows.empty:
        other = "continuous" if interval == "daily" else "daily"
        raise DataError(
            f"USGS has no {request}: check usgs_site (or the station's nwis_id) and the photos' "
            f"dates, or try usgs_interval: {other}"
        )
    _refuse_rival_series(rows, request)
    return _observed(rows, request, variable_id, timezone)


def _answer(piece: _Request, path: Path) -> pd.DataFrame:
    """USGS's answer as text, from the scratch folder if it is kept there."""
    if path.is_file():
        text = path.read_text(encoding="utf-8")
    else:
        text = csv_text(_ask(piece))
        write_text(path, text)
    return plain_cells(pd.read_csv(io.StringIO(text), dtype="str", keep_default_na=False))


def _ask(piece: _Request) -> pd.DataFrame:
    # Imported here: the package and its HTTP library take a second that other sources do not need.
    import dataretrieval
    from dataretrieval import waterdata
    from dataretrieval.configuration import Configuration

    ask: Callable[..., tuple[pd.DataFrame, Any]]
    if piece.interval == "daily":
        ask = functools.partial(waterdata.get_daily, statistic_id=_MEAN, skip_geometry=True)
        time = f"{piece.first}/{piece.last}"
    else:
        ask = waterdata.get_continuous
        time = f"{piece.first}T00:00:00Z/{piece.last}T23:59:59Z"
    settings = Configuration(api_key=os.environ.get("API_USGS_PAT") or None, progress=False)
    try:
        with dataretrieval.configure(settings), _quiet():
            frame, _ = ask(
                monitoring_location_id=piece.site,
                parameter_code=piece.parameter,
                time=time,
                # Without this list an empty answer costs another request, for the columns' names.
                properties=list(_COLUMNS),
                convert_type=False,
            )
    except dataretrieval.DataRetrievalError as error:
        raise DataError(_fault(_status(error), piece)) from None
    return pd.DataFrame({name: _texts(frame, name) for name in _COLUMNS}, dtype="str")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the package's own log lines: they hold addresses, and are put better below."""
    logger = logging.getLogger("dataretrieval")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def _status(error: BaseException | None) -> int | None:
    """The HTTP status of an error or of what it was raised from."""
    while error is not None:
        status = getattr(error, "status_code", None)
        if isinstance(status, int):
            return status
        error = error.__cause__
    return None


def _fault(status: int | None, piece: _Request) -> str:
    """What went wrong, never in the package's words: they hold addresses and answers."""
    again = "run again later: answers so far are kept"
    if status is None:
        return (
            f"USGS could not be asked for {piece}: no connection to api.waterdata.usgs.gov, or no "
            f"answer that can be read. Check the network and {again}"
        )
    refused = f"USGS refused {piece} with status {status}"
    if status == 429:
        return f"{refused} (too many requests): {again}, or {_KEY_HELP}"
    if status in {401, 403}:
        return (
            f"{refused}: is the key in API_USGS_PAT valid? Without one, less is allowed; "
            f"{_KEY_HELP}"
        )
    if status >= 500:
        return f"{refused}: its server is in trouble; {again}"
    return f"{refused}: check usgs_site, or the station's nwis_id"


def _texts(frame: pd.DataFrame, name: str) -> list[str]:
    if name not in frame.columns:
        return [""] * len(frame)
    return [
        ",".join(map(str, cell)) if isinstance(cell, list) else "" if _none(cell) else str(cell)
        for cell in frame[name]
    ]


def _none(cell: object) -> bool:
    return cell is None or (isinstance(cell, float) and np.isnan(cell))


def _refuse_rival_series(rows: pd.DataFrame, request: _Request) -> None:
    """Refuse two sensors that have values of the same times; one after the other is one record."""
    valued = rows[rows["value"] != ""]
    per_time = valued.groupby("time")["time_series_id"].nunique()
    if (per_time <= 1).all():
        return
    counts = valued["time_series_id"].value_counts().sort_index()
    series = ", ".join(f"{name} ({n} values)" for name, n in counts.items())
    raise DataError(
        f"USGS has several series of {request} that tell of the same times: {series}. Which one "
        "belongs to the photos cannot be told: download it as CSV from "
        f"https://waterdata.usgs.gov/monitoring-location/{request.site}/ and give the file as "
        "observations_from"
    )


def _observed(rows: pd.DataFrame, request: _Request, variable_id: str, timezone: str) -> Observed:
    values = pd.to_numeric(rows["value"], errors="coerce").to_numpy(dtype="float64")
    good = np.isfinite(values)
    excluded: Excluded = []
    missing = rows[~good]
    why = missing["qualifier"].where(missing["value"] == "", "no number")
    for qualifier in sorted(set(why)):
        reason = f"no value at USGS, marked {qualifier}" if qualifier else "no value at USGS"
        if qualifier == "no number":
            example = missing["value"][why == qualifier].iloc[0]
            reason = f"not a number at USGS, for example {example!r}"
        excluded += counted((why == qualifier).to_numpy(), reason)
    units = sorted(set(rows["unit_of_measure"][good]))
    where = f"USGS site {request.site}, parameter {request.parameter}"
    notes = []
    for text in units:
        unit = known_unit(text)
        if not unit:
            raise DataError(
                f"{where}: its unit {text!r} is not known here: download the values as CSV, "
                "convert them, and give the file as observations_from"
            )
        factor = factor_to(variable_id, unit, where)
        values = np.where(rows["unit_of_measure"] == text, values * factor, values)
        notes.append(conversion_note(variable_id, unit, factor))
    status = rows["approval_status"].map(
        lambda text: {"": None, "Approved": "approved"}.get(text, "provisional")
    )
    frame = pd.DataFrame(
        {
            "timestamp": _times(rows["time"], request, timezone),
            "value": values,
            "status": status.astype("str"),
        }
    )
    frame = frame[good].sort_values("timestamp", kind="stable", ignore_index=True)
    return Observed(frame, excluded, (_source_note(request), *(note for note in notes if note)))


def _source_note(request: _Request) -> str:
    what = {"00060": "discharge", "00065": "gage height"}[request.parameter]
    kind = "daily mean" if request.interval == "daily" else "continuous"
    return (
        f"Observed values are the {kind} {what} of USGS site {request.site.removeprefix('USGS-')}."
    )


def _times(texts: pd.Series, request: _Request, timezone: str) -> pd.Series:
    try:
        if request.interval == "continuous":
            times = pd.to_datetime(texts, utc=True, format="ISO8601").dt.tz_convert(timezone)
        else:
            noon = pd.to_datetime(texts.str.slice(0, 10), format="%Y-%m-%d") + pd.Timedelta(
                hours=12
            )
            times = noon.dt.tz_localize(timezone)
    except ValueError:
        raise DataError(
            f"USGS's answer for {request} holds times that cannot be read, for example "
            f"{texts.iloc[0]!r}"
        ) from None
    return times.dt.as_unit("us")
