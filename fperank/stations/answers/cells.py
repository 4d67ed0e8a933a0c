"""What the parts of one answer mean, however people and programs write them.

R writes what is absent as `NA`, spreadsheets and pandas write an id as `664978.0`, people write
`left` and `DRY, BAD`. Refused: ranks that do not exist, ids that are none.
"""

import re
from collections.abc import Iterable

from fperank.ground.errors import DataError
from fperank.handover.tables import RANKS
from fperank.stations.csv_files import ABSENT, whole_id

NOT_ANSWERED = "not answered"


def rank_of(rank: object, where: str) -> str | None:
    """Which photo shows more, one of `RANKS`; None if the pair was not answered.

    Args:
        rank: as the file holds it, in letters of any case.
        where: what to name in an error.

    Raises:
        DataError: there is no such rank.
    """
    if rank is None or rank in ABSENT:
        return None
    plain = rank.strip().upper() if isinstance(rank, str) else ""
    if plain not in RANKS:
        raise DataError(f"{where}: rank is {rank!r}; allowed: {', '.join(RANKS)}")
    return plain


def marks_of(marks: Iterable[str]) -> str | None:
    """Marks of one photo as `ATTRIBUTES` writes them, joined by commas; None without any.

    Args:
        marks: one a text, or several in one text, separated by commas, semicolons or bars.
    """
    words = ("_".join(word.upper().split()) for text in marks for word in re.split("[,;|]", text))
    return ",".join(dict.fromkeys(word for word in words if word not in ABSENT)) or None


def photo_id_of(photo_id: object, where: str) -> str:
    """The id of a photo as text; a whole number without the `.0` that programs give it.

    Raises:
        DataError: it is none.
    """
    number = isinstance(photo_id, int | float) and not isinstance(photo_id, bool)
    text = str(photo_id).strip() if number or isinstance(photo_id, str) else ""
    if text in ABSENT or (isinstance(photo_id, float) and not photo_id.is_integer()):
        raise DataError(f"{where} names the photo {photo_id!r}: imageId must be an id")
    return whole_id(text)
