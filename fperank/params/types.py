"""The kinds of values that parameters have, each with the check of what is allowed.

A check that fails says in a sentence what to write instead; `params` puts the parameter's name and
value before it.
"""

import datetime as dt
import difflib
import re
import zoneinfo
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from fperank.ground.clocks import parse_clock_shifts

VariableId = Literal["FLOW_CFS", "STAGE_FT", "ICE", "SNOW_FT", "CHLA_PPB", "ANIMAL_COUNT", "OTHER"]
Attribute = Literal["DRY", "DISCONNECTED", "ICE_PARTIAL", "ICE", "BAD"]

QualityMark = Literal[
    "incomplete", "damaged", "one_colour", "colour_cast", "blurred", "dark", "bright", "truncated"
]
"""What may be wrong with a photo's picture, see `fperank.quality.judge`."""


def _folder_name(value: str) -> str:
    if not value.strip() or value != value.strip():
        raise ValueError("is empty or begins or ends with a space")
    if value in {".", ".."} or re.search(r'[/\\"$`\x00-\x1f\x7f]', value):
        raise ValueError(
            'cannot be a folder name: leave out / \\ " $ ` and line breaks '
            "(spaces, brackets, ' # and accents are fine)"
        )
    return value


def _version(value: object) -> object:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9._-]*", value):
        raise ValueError(
            "must begin with a letter and hold only letters, digits, . _ - "
            "(a name such as 1e3 or 007 would be read as a number), for example v2026-05"
        )
    return value


def _date(value: object) -> str:
    if isinstance(value, dt.date):
        value = value.isoformat()
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError('must be a date in quotes, for example "2024-04-30"')
    if value:
        try:
            dt.date.fromisoformat(value)
        except ValueError:
            raise ValueError(
                'must be a date in quotes, for example "2024-04-30", or "" for no limit'
            ) from None
    return value


def _timezone(value: str) -> str:
    if value and value not in zoneinfo.available_timezones():
        near = difflib.get_close_matches(value, zoneinfo.available_timezones(), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(
            f"must be a name of the IANA time zone list, for example America/New_York{hint}"
        )
    return value


_OFFSET = re.compile(r"[+-](?:0\d|1[0-4]):[0-5]\d")


def _utc_offset(value: str) -> str:
    if value not in {"", "standard"} and not _OFFSET.fullmatch(value):
        raise ValueError(
            'must be a UTC offset such as "-05:00", standard (the zone\'s time without summer '
            'time), or "" for local time with summer time'
        )
    return value


def _offset_of_table(value: str) -> str:
    if value not in {"", "standard", "local"} and not _OFFSET.fullmatch(value):
        raise ValueError(
            'must be a UTC offset such as "-05:00", standard (the zone\'s time without summer '
            'time), local (with summer time), or ""'
        )
    return value


def _clock_shifts(values: list[str]) -> list[str]:
    parse_clock_shifts(values)
    return values


def _number_or_name(value: object) -> object:
    # DVC makes a number of `-S fpe_station=29`.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _address(value: str) -> str:
    scheme, separator, rest = value.partition("://")
    if separator and scheme not in {"http", "https", "s3"}:
        raise ValueError(
            "must be a path, or an address that begins with https://, http:// or s3://"
        )
    if "@" in rest.partition("/")[0]:
        # A password in an address would end up in every lock file and log.
        raise ValueError("must not hold a user or password: give credentials by the environment")
    if separator and "?" in rest:
        # A signed address is a credential.
        raise ValueError(
            "must not hold a query (what begins with ?), which may be a signature: fetch the file "
            "yourself and give its path"
        )
    return value


def without_secrets(value: object) -> object:
    """A value as a message may show it: an address without user, password and query."""
    if not isinstance(value, str) or "://" not in value:
        return value
    return re.sub(r"(?<=://)[^/]*@", "", value.partition("?")[0])


def _api_url(value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("must begin with https:// or http://")
    return _address(value).rstrip("/")


def _kinds_of_rows(value: list[str]) -> list[str]:
    for one in value:
        if not all(part.strip() for part in one.partition("=")):
            raise ValueError(
                f'holds {one!r}: write a column and what stands in it, such as "sensor=A12"'
            )
    return value


def _usgs_site(value: str) -> str:
    if value and not re.fullmatch(r"(?:USGS-)?\d{8,15}", value):
        raise ValueError('must be the number of a USGS site in quotes, for example "01171100"')
    return value


def _pretrained_name(value: str) -> str:
    if re.search(r"[/\\]", value):
        raise ValueError(
            "must be the name of a file in the folder weights/, without a path: copy the file into "
            "weights/ (weights/README.md says how) and write its name"
        )
    if value not in {"none", "imagenet"} and not re.fullmatch(
        r"\w[\w .()+-]*\.(?:safetensors|pth|pt)", value
    ):
        raise ValueError(
            "must be none, imagenet, or the name of a file in the folder weights/ that ends in "
            ".safetensors, .pth or .pt and holds letters, digits, spaces, . _ - + ( ) only"
        )
    return value


FolderName = Annotated[str, AfterValidator(_folder_name)]
Version = Annotated[str, BeforeValidator(_version)]
Date = Annotated[str, BeforeValidator(_date)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
NumberOrName = Annotated[str, BeforeValidator(_number_or_name)]
Timezone = Annotated[str, AfterValidator(_timezone)]
UtcOffset = Annotated[str, AfterValidator(_utc_offset)]
OffsetOfTable = Annotated[str, AfterValidator(_offset_of_table)]
ObservedUnit = Literal[
    "", "cfs", "m3/s", "L/s", "ML/d", "m3/d", "gpm", "mgd", "ft", "m", "in", "cm", "mm", "kPa"
]
KindsOfRows = Annotated[list[str], AfterValidator(_kinds_of_rows)]
ClockShifts = Annotated[list[str], AfterValidator(_clock_shifts)]
Address = Annotated[str, AfterValidator(_address)]
ApiUrl = Annotated[str, AfterValidator(_api_url)]
PretrainedName = Annotated[str, AfterValidator(_pretrained_name)]
HiddenUnits = Annotated[list[Annotated[int, Field(ge=1, le=65_536)]], Field(max_length=16)]
UsgsSite = Annotated[str, AfterValidator(_usgs_site)]
