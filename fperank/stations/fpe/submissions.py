"""The files that annotators' submissions lie in, one a submission, whoever names them.

Refused: files that are not the Flow Photo Explorer's JSON. Told, not refused: files that are gone.
"""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from fperank.ground.errors import AbsentError, DataError
from fperank.handover.dataset import ReadFile
from fperank.remote.fetching import Fetcher, shown
from fperank.stations.answers.files import Row, annotations_from_json
from fperank.stations.base import Excluded

MAX_BYTES = 50_000_000
_FILES_AT_ONCE = 8


@dataclass(frozen=True)
class Submission:
    """Comparisons that a person handed in together.

    Attributes:
        id: its number.
        user_id: who answered, or empty text.
        addresses: where its file lies, to be tried in this order.
    """

    id: str
    user_id: str
    addresses: tuple[str, ...]


@dataclass
class Handed:
    """What the files of submissions hold.

    Attributes:
        rows: the comparisons, in the order of the submissions.
        excluded: what was left out of the files.
        gone: numbers of the submissions whose file is gone.
        read_files: one entry for all files together.
    """

    rows: list[Row] = field(default_factory=list)
    excluded: Excluded = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    read_files: tuple[ReadFile, ...] = ()


def read_submissions(submissions: Sequence[Submission], fetcher: Fetcher) -> Handed:
    """Fetch and read the files; nothing of them is kept, for they may hold user ids.

    Raises:
        DataError: a file cannot be fetched now, or is not what it should be.
    """
    with ThreadPoolExecutor(_FILES_AT_ONCE) as pool:
        contents = list(pool.map(lambda one: _content(one, fetcher), submissions))
    handed = Handed()
    digests: list[str] = []
    for one, content in zip(submissions, contents, strict=True):
        if content is None:
            handed.gone.append(one.id)
            continue
        where = shown(one.addresses[-1])
        rows, left_out = annotations_from_json(
            _parsed(content, where, one.id),
            f"the annotation file {where}",
            pair_prefix=f"{one.id}-",
            user_id=one.user_id,
        )
        handed.rows += rows
        handed.excluded += left_out
        digests.append(f"{where} {hashlib.sha256(content).hexdigest()}\n")
    if digests:
        all_files = hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()
        handed.read_files = (ReadFile(role="annotations", name="submissions", sha256=all_files),)
    return handed


def _content(submission: Submission, fetcher: Fetcher) -> bytes | None:
    """The file of a submission, None if it is gone."""
    for address in submission.addresses:
        try:
            return fetcher.read(address, MAX_BYTES)
        except AbsentError:
            continue
    return None


def _parsed(content: bytes, where: str, number: str) -> Any:
    try:
        return json.loads(content)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        raise DataError(
            f"the annotation file {where} of submission {number} is not valid JSON: have it "
            "flagged in the Flow Photo Explorer to leave it out"
        ) from None
