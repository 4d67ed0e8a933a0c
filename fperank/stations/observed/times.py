"""The times of a table of observed values, as gauges' programs and spreadsheets write them.

A time's UTC offset stands in its cell, in the column's name (`Date Time, GMT-05:00`), in a column
of zones (`tz_cd`), or in the parameter observations_utc_offset; the first of these that says it
counts. Which of day and month stands first is never guessed: the column decides where a number is
larger than 12, else observations_date_order. A day without a time is noon at the station.

Refused: times that cannot be read, that have no offset, or whose day and month cannot be told
apart. Left out with reasons: local times that the zone skips or has twice, rows without a time.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from fperank.ground.clocks import STANDARD, offset_text, standard_offset
from fperank.ground.errors import DataError
from fperank.stations.observed.numbers import MISSING

ZONE_OFFSETS = {
    "UTC": "+00:00", "GMT": "+00:00", "AST": "-04:00", "ADT": "-03:00", "EST": "-05:00",
    "EDT": "-04:00", "CST": "-06:00", "CDT": "-05:00", "MST": "-07:00", "MDT": "-06:00",
    "PST": "-08:00", "PDT": "-07:00", "AKST": "-09:00", "AKDT": "-08:00", "HST": "-10:00",
    "HDT": "-09:00", "SST": "-11:00", "GST": "+10:00",
}  # fmt: skip
"""Of the abbreviations in USGS's `tz_cd`; GST is Guam's."""

LOCAL = "local"
"""The value of observations_utc_offset that means the station's own zone, summer time included."""

_CLOCK = (
    r"(?:[T ,]+(?P<H>\d{1,2}):(?P<M>[0-5]\d)(?::(?P<S>[0-5]\d)(?P<f>[.,]\d+)?)?"
    r"\s*(?P<p>[AaPp]\.?[Mm]\.?)?)?"
    r"\s*(?P<z>[Zz]|(?:UTC|GMT)?[+-]\d\d:?\d\d|(?:UTC|GMT)?[+-]\d{1,2}|UTC|GMT)?"
)
_SEPARATORS = r"(?P<sep>[-/.])"
_FORMS = {
    "ymd": rf"(?P<y>\d{{4}}){_SEPARATORS}(?P<m>\d{{1,2}})(?P=sep)(?P<d>\d{{1,2}}){_CLOCK}",
    "compact": r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)(?:[T _-]?(?P<H>\d\d)(?P<M>[0-5]\d)"
    r"(?P<S>[0-5]\d)?(?P<z>[Zz]|[+-]\d\d:?\d\d)?)?",
    "either": rf"(?P<m>\d{{1,2}}){_SEPARATORS}(?P<d>\d{{1,2}})(?P=sep)(?P<y>\d{{4}}|\d\d){_CLOCK}",
    "named": rf"(?P<d>\d{{1,2}})[- .]+(?P<m>[A-Za-z]{{3,9}})\.?[- ,]+(?P<y>\d{{4}}){_CLOCK}",
    "named_us": rf"(?P<m>[A-Za-z]{{3,9}})\.?[- ]+(?P<d>\d{{1,2}}),?[- ]+(?P<y>\d{{4}}){_CLOCK}",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_IN_NAME = re.compile(
    r"(?:UTC|GMT)\s*(?P<offset>[+-]\d{1,2}(?::?\d\d)?)|(?:^|[\s_(,\[])(?P<zone>[A-Z]{3,4})[)\]]?$"
)


@dataclass(frozen=True)
class ReadTimes:
    """The times of a table's rows.

    Attributes:
        instants: in the station's zone; none where a row is left out.
        left_out: rows that have no time, by the reason.
        told: how the times were read, in words.
    """

    instants: pd.Series
    left_out: tuple[tuple[npt.NDArray[np.bool_], str], ...]
    told: str


def read_times(
    texts: pd.Series,
    zones: pd.Series | None,
    name: str,
    timezone: str,
    utc_offset: str,
    date_order: str,
    where: str,
) -> ReadTimes:
    """Read a column of times.

    Args:
        texts: the cells; the index holds the lines of the file.
        zones: the cells of a column of zones or offsets, if there is one.
        name: the column's name, which may tell the offset.
        timezone: IANA name of the station's zone.
        utc_offset: the parameter observations_utc_offset: "-05:00", "standard", "local" or "".
        date_order: the parameter observations_date_order: "dmy", "mdy" or "".
        where: what to name in an error, such as `observations.csv, column time`.

    Raises:
        DataError: a time cannot be read, or what it means is not told.
    """
    missing = texts.isin(MISSING).to_numpy()
    parts, either = _parts(texts)
    order = _order(parts, either, texts, date_order, where)
    if order == "dmy":
        swapped = parts.loc[either, ["d", "m"]].to_numpy()
        parts.loc[either, ["m", "d"]] = swapped
    readings = _readings(parts)
    minutes = {text: offset_minutes(text) for text in parts["z"].unique()}
    no_offset = (parts["z"] != "") & parts["z"].map(minutes).isna()
    bad = (readings.isna() | no_offset).to_numpy() & ~missing
    if bad.any():
        raise DataError(_unreadable(texts, int(bad.argmax()), where))
    days = (parts["H"] == "").to_numpy() & ~missing
    own = parts["z"].where(parts["z"] != "")
    offset, told = own, "with the UTC offset that each tells"
    without = own.isna().to_numpy() & ~missing & ~days
    if utc_offset == STANDARD and without.any():
        year = int(readings[without].iloc[0].year)
        utc_offset = offset_text(standard_offset(timezone, year))
    if without.any():
        elsewhere, how = _offset_elsewhere(texts, zones, name, utc_offset, without, where)
        offset = own.fillna(elsewhere)
        told = f"{how}, except those that tell their own" if own.notna().any() else how
    instants = _instants(readings, offset, timezone, days)
    unclear = instants.isna().to_numpy() & ~missing
    if days.any():
        told = "noon of each day" if days[~missing].all() else f"{told}; a day alone is its noon"
    if either.any():
        decided = "" if date_order else ", for a number is larger than 12"
        told += f"; the {'day' if order == 'dmy' else 'month'} first{decided}"
    return ReadTimes(
        instants,
        (
            (missing, "no time"),
            (unclear, f"a local time that {timezone} skips or has twice"),
        ),
        told,
    )


def _parts(texts: pd.Series) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
    """The parts of each time as text, and the rows where day or month may stand first."""
    columns = ["y", "m", "d", "H", "M", "S", "f", "p", "z"]
    parts = pd.DataFrame("", index=range(len(texts)), columns=columns, dtype="str")
    plain = texts.reset_index(drop=True)
    left = np.ones(len(plain), dtype=bool)
    either = np.zeros(len(plain), dtype=bool)
    for form, pattern in _FORMS.items():
        if not left.any():
            break
        found = plain[left].str.extract(f"^{pattern}$").fillna("")
        found = found[found["y"] != ""]
        parts.loc[found.index, columns] = found.reindex(columns=columns, fill_value="")
        left[found.index] = False
        if form == "either":
            either[found.index] = True
    return parts, either


def _order(
    parts: pd.DataFrame,
    either: npt.NDArray[np.bool_],
    texts: pd.Series,
    date_order: str,
    where: str,
) -> str:
    """Whether day or month stands first where either could; refused where nothing decides."""
    if not either.any():
        return ""
    first = parts.loc[either, "m"].astype("int64").to_numpy()
    second = parts.loc[either, "d"].astype("int64").to_numpy()
    short = (parts.loc[either, "y"].str.len() == 2).to_numpy()
    possible = {"dmy": bool((second <= 12).all()), "mdy": bool((first <= 12).all())}
    if date_order:
        if not possible[date_order]:
            wrong = int(np.flatnonzero((second if date_order == "dmy" else first) > 12)[0])
            row = int(np.flatnonzero(either)[wrong])
            raise DataError(
                f"{where}: line {texts.index[row]} holds {texts.iloc[row]!r}, whose "
                f"{'second' if date_order == 'dmy' else 'first'} number is no month, but "
                f"observations_date_order is {date_order}: correct one of them"
            )
        return date_order
    row = int(np.flatnonzero(either)[0])
    # Of 24/06/13 the year may stand first; of 6/13/24 it cannot, for there is no month 13.
    if all(possible.values()) or (short.any() and possible["dmy"]):
        others = texts[~either & ~texts.isin(MISSING).to_numpy()]
        unlike = f"unlike {others.iloc[0]!r} of line {others.index[0]}" if len(others) else ""
        raise DataError(
            f"{where}: line {texts.index[row]} holds {texts.iloc[row]!r}, "
            + (f"{unlike}, " if unlike else "")
            + "and nothing in the column tells whether the day or the month stands first: "
            + ("write it like the others, or " if unlike else "")
            + "set observations_date_order to dmy (day first) or mdy (month first)"
        )
    if not any(possible.values()):
        row = int(np.flatnonzero(either)[int((first > 12).argmax())])
        raise DataError(
            f"{where}: in some rows the day stands first and in others the month: line "
            f"{texts.index[row]} holds {texts.iloc[row]!r}; write the column in one way"
        )
    return "dmy" if possible["dmy"] else "mdy"


def _readings(parts: pd.DataFrame) -> pd.Series:
    """The readings of the clock, without a zone."""
    month = parts["m"].str.lower().str[:3].map({name: n for n, name in enumerate(_MONTHS, 1)})
    hour = pd.to_numeric(parts["H"].replace("", "0"))
    half = parts["p"].str[:1].str.lower()
    bad_hour = (hour > 24) | ((half != "") & ~hour.between(1, 12))
    hour = hour.mask(half != "", hour % 12 + (half == "p") * 12)
    minute, second = (pd.to_numeric(parts[name].replace("", "0")) for name in ("M", "S"))
    # Midnight may be written as the end of the day before.
    bad_hour |= (hour == 24) & ((minute > 0) | (second > 0))
    years = parts["y"].where(parts["y"].str.len() != 2, "20" + parts["y"])
    whole = pd.DataFrame(
        {
            "year": pd.to_numeric(years, errors="coerce"),
            "month": month.fillna(pd.to_numeric(parts["m"], errors="coerce")),
            "day": pd.to_numeric(parts["d"], errors="coerce"),
        }
    )
    days = pd.to_datetime(whole, errors="coerce").dt.as_unit("us")
    fraction = pd.to_numeric("0" + parts["f"].str.replace(",", "."), errors="coerce").fillna(0)
    clock = pd.to_timedelta(hour * 3600 + minute * 60 + second, unit="s")
    return (days + clock + pd.to_timedelta((fraction * 1e6).round(), unit="us")).mask(bad_hour)


def offset_minutes(text: str) -> int | None:
    """Minutes that an offset is ahead of UTC: of `Z`, `-05`, `GMT-05:00`, `EST`; None of others."""
    text = text.strip()
    text = ZONE_OFFSETS.get(text.upper(), text)
    match = re.fullmatch(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d\d)?", text, re.IGNORECASE)
    if text.upper() == "Z" or match is None:
        return 0 if text.upper() == "Z" else None
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    return None if minutes > 14 * 60 else minutes * (-1 if match[1] == "-" else 1)


def offset_of_name(name: str) -> str:
    """The offset that a column's name tells, such as -05:00 of `Date Time, GMT-05:00`, or ""."""
    match = _IN_NAME.search(name.strip())
    if match and match["offset"]:
        return match["offset"]
    zone = match["zone"] if match else re.split(r"[^a-z]+", name.lower())[-1].upper()
    return ZONE_OFFSETS.get(zone, "") if match or zone in {"UTC", "GMT"} else ""


def _offset_elsewhere(
    texts: pd.Series,
    zones: pd.Series | None,
    name: str,
    utc_offset: str,
    without: npt.NDArray[np.bool_],
    where: str,
) -> tuple[pd.Series, str]:
    """The offset of rows that tell none, and the words for where it stands."""
    of_name = offset_of_name(name)
    plain: Sequence[str] = ()
    if of_name:
        plain, told = [of_name] * len(texts), f"at UTC{of_name}, as the column's name tells"
    elif zones is not None and (zones.to_numpy()[without] != "").all():
        plain, told = list(zones), f"with the offset of the column {zones.name}"
    elif utc_offset:
        plain = [utc_offset] * len(texts)
        told = (
            "the station's local time (observations_utc_offset)"
            if utc_offset == LOCAL
            else f"at UTC{utc_offset} (observations_utc_offset)"
        )
    else:
        row = int(without.argmax())
        raise DataError(
            f"{where}: line {texts.index[row]} holds {texts.iloc[row]!r}, a time without its UTC "
            'offset: set observations_utc_offset to that of the whole table, such as "-05:00", or '
            "to local if it follows the station's local time with its summer time"
        )
    unknown = [text for text in dict.fromkeys(plain) if text and offset_minutes(text) is None]
    if unknown and unknown != [LOCAL]:
        row = list(plain).index(unknown[0])
        raise DataError(
            f"{where}: the time zone {unknown[0]!r} on line {texts.index[row]} is not known; "
            f"known are offsets such as -05:00, and {', '.join(ZONE_OFFSETS)}"
        )
    return pd.Series(plain, index=range(len(texts)), dtype="str"), told


def _instants(
    readings: pd.Series, offset: pd.Series, timezone: str, days: npt.NDArray[np.bool_]
) -> pd.Series:
    """The instants in the station's zone; none where a local time is not one instant."""
    local = (offset == LOCAL).to_numpy() | days
    readings = readings + pd.to_timedelta(np.where(days, 12, 0), unit="h")
    known = {text: offset_minutes(text) for text in offset.dropna().unique()}
    minutes = offset.map(known)
    ahead = pd.to_timedelta(pd.to_numeric(minutes, errors="coerce").fillna(0), unit="min")
    fixed = (readings - ahead).dt.tz_localize("UTC")
    if local.any():
        told = readings.where(local).dt.tz_localize(timezone, ambiguous="NaT", nonexistent="NaT")
        fixed = fixed.mask(local, told.dt.tz_convert("UTC"))
    return fixed.dt.tz_convert(timezone).dt.as_unit("us")


def _unreadable(texts: pd.Series, row: int, where: str) -> str:
    line, cell = texts.index[row], texts.iloc[row]
    if re.fullmatch(r"[34]\d{4}(?:[.,]\d+)?", cell):
        return (
            f"{where}: line {line} holds {cell!r}, a spreadsheet's number of a day: give the "
            "column a date format there and save it again"
        )
    return (
        f"{where}: line {line} holds {cell!r}, which is no time: write it as "
        "2024-04-30T07:15:00-04:00, 2024-04-30 07:15, 4/30/2024 7:15 or 30-Apr-2024 07:15"
    )
