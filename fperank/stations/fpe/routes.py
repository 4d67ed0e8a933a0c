"""The Flow Photo Explorer's public API: its answers, held against the shape they should have.

Only the keys that fperank uses are looked at; others may come and go.

Refused: answers of another shape, web pages, text that is not JSON, answers larger than 200 MB.
"""

import urllib.parse
from typing import Annotated, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from fperank.ground.errors import AbsentError, DataError
from fperank.remote.fetching import Fetcher

MAX_ANSWER_BYTES = 200_000_000

T = TypeVar("T")


def _id(value: object) -> object:
    """PostgreSQL's large integers come as text, the others as numbers."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Id = Annotated[str, BeforeValidator(_id), StringConstraints(pattern=r"^[0-9]{1,19}$")]
PhotoId = Annotated[
    str, BeforeValidator(_id), StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,500}$")
]
"""Photos of USGS's river cameras have text, such as `nims:CAMERA:FILE`."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True)


class StationRow(_Row):
    """A station; further columns are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: Id
    name: str | None


class ImagesetRow(_Row):
    """A set of photos, uploaded together."""

    id: Id
    uuid: str | None = None
    status: str | None


class ImageRow(_Row):
    """A photo."""

    id: PhotoId
    filename: str | None = None
    timestamp: AwareDatetime | None = None
    full_url: str | None = None
    status: str | None
    pii_person: float | None = None
    pii_vehicle: float | None = None
    pii_on: bool | None = None
    pii_off: bool | None = None


class ImagesetWithImages(ImagesetRow):
    """A set with its photos."""

    images: list[ImageRow]


class ValueRow(_Row):
    """An observed value."""

    timestamp: AwareDatetime | None
    value: float | None


class ModelRow(_Row):
    """A model that was made for a station."""

    id: Id
    code: str | None = None
    model_type_id: str | None
    variable_id: str | None
    status: str | None
    default: bool | None = None
    predictions_url: str | None = None
    created_at: AwareDatetime | None = None


class FpeApi:
    """The API at an address.

    Args:
        url: below it lies `public/stations`.
        fetcher: asks it.
    """

    def __init__(self, url: str, fetcher: Fetcher) -> None:
        self._url = url
        self._fetcher = fetcher

    def address(self, route: str) -> str:
        """Where a public route lies."""
        return f"{self._url}/public/{route}"

    def ask(self, route: str, shape: type[T], **query: str) -> T:
        """What the API answers.

        Args:
            route: such as `stations/29`.
            shape: one of this module's rows, or a list of them.
            query: the parameters of the request.

        Raises:
            DataError: it cannot be had, or has another shape; the message names the route.
        """
        address = self.address(route)
        asked = f"{address}?{urllib.parse.urlencode(query)}" if query else address
        try:
            body = self._fetcher.read(asked, MAX_ANSWER_BYTES, {"Accept": "application/json"})
        except AbsentError:
            raise DataError(
                f"{address} is not there: is api_url right (below it must lie public/stations), "
                "and is the station public?"
            ) from None
        try:
            return TypeAdapter(shape).validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
        if body.lstrip()[:1] == b"<":
            why = "a web page came instead of JSON"
        elif first["type"] == "json_invalid":
            why = "what came is not valid JSON"
        else:
            why = f"{'.'.join(map(str, first['loc'])) or 'the answer'}: {first['msg']}"
        raise DataError(
            f"{address} did not answer as the Flow Photo Explorer's API does ({why}): is api_url "
            "right? If it is, the API has changed"
        )
