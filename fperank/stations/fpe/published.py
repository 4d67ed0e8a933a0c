"""The comparisons of a published model, with what its table leaves out.

`annotations.csv` beside a model's predictions holds only what the model learnt from: no UNKNOWN
answers, no photos outside of its hours, and so not the marks (BAD, ICE) that stood in these. But it
names the files that the answers came from, and where these may be read by everybody they are taken
instead: whole, as the database names them.

Refused: files that are not of the Flow Photo Explorer. Addresses on another host than the table's
are not asked.
"""

import urllib.parse

import pandas as pd

from fperank.remote.fetching import Fetcher
from fperank.stations.answers.elsewhere import fetched_answers
from fperank.stations.answers.files import annotations_table
from fperank.stations.base import Answers
from fperank.stations.csv_files import whole_id, without_na
from fperank.stations.fpe.addresses import place_of
from fperank.stations.fpe.submissions import Submission, read_submissions

_COLUMNS = ["annotation_id", "user_id", "url"]
_LESS = (
    "only what the published table tells of them is known. It holds no UNKNOWN answers and no "
    "photos outside of the model's hours, and not the marks that stood there: exclude_attributes "
    "may find fewer photos, and more pairs remain, than with source fpe_database."
)


def read_published(address: str, fetcher: Fetcher) -> Answers:
    """Read the comparisons of the table at an address.

    Raises:
        AbsentError: nothing lies there.
        DataError: it cannot be fetched, or it or a file that it names is not what it should be.
    """
    answers, cells = fetched_answers(address, fetcher)
    submissions = _submissions(without_na(cells), address)
    if not submissions:
        note = f"The published table names no files of submissions: {_LESS}"
        return Answers(answers.table, answers.excluded, (note,), answers.read_files)
    handed = read_submissions(submissions, fetcher)
    gone = set(handed.gone)
    number = answers.table["pair_id"].str.partition("-")[0]
    rest = answers.table[number.isin(gone)]
    excluded = [
        one for one in answers.excluded if one[1].removeprefix("pair ").partition("-")[0] in gone
    ]
    note = (
        f"Of {len(submissions)} submissions all answers and marks were read from their own files. "
        "What was handed in since the model was made is not among them, so that source "
        "fpe_database may give more pairs."
    )
    if gone:
        note = f"Of {len(submissions)} submissions the files of {len(gone)} are not public: {_LESS}"
    return Answers(
        pd.concat([annotations_table(handed.rows), rest], ignore_index=True),
        handed.excluded + excluded,
        (note,),
        answers.read_files + handed.read_files,
    )


def _submissions(cells: pd.DataFrame, address: str) -> list[Submission]:
    """The submissions that the table names, by number; none where it does not tell all of them."""
    if not {*_COLUMNS, "pair_id"} <= set(cells.columns):
        return []
    told = cells[_COLUMNS].drop_duplicates("annotation_id")
    if told["annotation_id"].eq("").any():
        return []
    made = [
        Submission(
            id=number,
            user_id=user,
            addresses=place_of(url).addresses if _beside(url, address) else (),
        )
        for number, user, url in told.itertuples(index=False)
    ]
    return sorted(made, key=lambda one: (len(whole_id(one.id)), whole_id(one.id)))


def _beside(url: str, address: str) -> bool:
    """Whether an address of the table lies on the table's own server."""
    try:
        one, other = (urllib.parse.urlsplit(text).netloc.lower() for text in (url, address))
    except ValueError:
        return False
    return one == other or all(host.endswith(".amazonaws.com") for host in (one, other))
