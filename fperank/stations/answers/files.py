"""A person's comparisons of photo pairs, as the Flow Photo Explorer's JSON or as CSV.

User ids are personal data: only a short hash of them is kept.

Refused: ranks that do not exist, entries without photo ids, two kinds of annotation files at once.
Counted and left out: unanswered pairs, and a file that is the copy of another.
"""

import hashlib
import re
from pathlib import Path
from typing import Any

import pandas as pd

from fperank.ground.errors import DataError
from fperank.ground.files import file_digest, read_json
from fperank.handover.dataset import ANNOTATIONS
from fperank.stations.answers.cells import NOT_ANSWERED, marks_of, photo_id_of, rank_of
from fperank.stations.base import Excluded
from fperank.stations.csv_files import read_csv_text, whole_id, without_na
from fperank.stations.own_folder import (
    ANSWERS_CSV,
    ANSWERS_FOLDER,
    ANSWERS_JSON,
    own_file,
    require_own,
)

Row = dict[str, str | None]
_CSV_NAMES = {
    "left.imageId": "left_image_id",
    "right.imageId": "right_image_id",
    "left.attributes": "left_attributes",
    "right.attributes": "right_attributes",
}


def answer_files(folder: Path) -> list[Path]:
    """The files of comparisons of a station's folder.

    Args:
        folder: holds `annotations.json`, or `annotations/*.json`, or `annotations.csv`, or none.

    Raises:
        DataError: it holds several of these kinds.
    """
    kinds = {
        ANSWERS_JSON: [own_file(folder, ANSWERS_JSON)],
        f"{ANSWERS_FOLDER}/*.json": [one for one in _parts(folder) if _is_json(one)],
        ANSWERS_CSV: [own_file(folder, ANSWERS_CSV)],
    }
    there = {kind: files for kind, files in kinds.items() if any(one.is_file() for one in files)}
    if len(there) > 1:
        first, second, *_ = there
        raise DataError(f"{folder} holds both {first} and {second}: keep the one that counts")
    return next(iter(there.values()), [])


def read_annotations(folder: Path) -> tuple[pd.DataFrame, Excluded]:
    """Read all annotations of a station's folder, see `answer_files`.

    Returns:
        The columns of `ANNOTATIONS`, and what was left out as (kind, name, reason).

    Raises:
        DataError: a file is not what it should be; the message names file and position.
    """
    files = answer_files(folder)
    if len(files) == 1:
        return read_annotation_file(files[0])
    rows: list[Row] = []
    excluded: Excluded = []
    first = 1
    seen: dict[str, str] = {}
    for path in files:
        more, left_out = annotations_from_json(read_json(path), str(path), first=first)
        same = seen.setdefault(file_digest(path), path.name)
        if same != path.name:
            copied = (f"pair {number + 1} of {path.name}" for number in range(len(more)))
            excluded += [("annotation", one, f"its file is a copy of {same}") for one in copied]
            continue
        first += len(more) + len(left_out)
        rows += more
        excluded += left_out
    return annotations_table(rows), excluded


def unread_files(folder: Path) -> list[str]:
    """The files among the comparisons of a station's folder that `read_annotations` leaves."""
    parts = [one for one in _parts(folder) if not _is_json(one)]
    return [f"{one.parent.name}/{one.name}" for one in parts]


def read_annotation_file(path: Path) -> tuple[pd.DataFrame, Excluded]:
    """Read one file of annotations, `.json` or `.csv`; see `read_annotations`.

    Raises:
        DataError: it is not what it should be, or neither of the two.
    """
    if path.suffix.lower() == ".csv":
        return _read_csv(path)
    if path.suffix.lower() != ".json":
        raise DataError(f"{path} is no file of annotations: fperank reads .json and .csv")
    rows, excluded = annotations_from_json(read_json(path), str(path))
    return annotations_table(rows), excluded


def annotations_table(rows: list[Row]) -> pd.DataFrame:
    """Rows of `annotations_from_json` as the columns of `ANNOTATIONS`."""
    return pd.DataFrame(rows, columns=list(ANNOTATIONS.columns), dtype="str")


def annotations_from_json(
    content: Any, where: str, *, first: int = 1, pair_prefix: str = "", user_id: str = ""
) -> tuple[list[Row], Excluded]:
    """The annotations of one JSON file of the Flow Photo Explorer.

    Args:
        content: the parsed file: a list of answers, or a saved training set.
        where: what to name in an error.
        first: number of the first one; the others follow.
        pair_prefix: stands before the number in `pair_id`.
        user_id: who answered, where the file itself does not say.

    Returns:
        Rows with the columns of `ANNOTATIONS`, and what was left out.

    Raises:
        DataError: an entry is not what it should be; the message names its position.
    """
    saved = isinstance(content, dict) and "allPairs" in content
    entries = content["allPairs"] if saved else content
    if not isinstance(entries, list):
        raise DataError(
            f"{where} is not a list of annotations in the Flow Photo Explorer's form, such as "
            '[{"left": {"imageId": 1}, "right": {"imageId": 2}, "rank": "LEFT"}]'
        )
    rows: list[Row] = []
    excluded: Excluded = []
    for position, entry in enumerate(entries, start=1):
        number = f"{pair_prefix}{first + position - 1}"
        entry_where = f"{where}: entry {position}"
        if not isinstance(entry, dict):
            raise DataError(f"{entry_where} is {entry!r}: it must hold left, right and rank")
        row = _json_row({"user_id": user_id, **entry}, number, entry_where)
        if row["rank"] is None:
            excluded.append(("annotation", f"pair {number}", NOT_ANSWERED))
        else:
            rows.append(row)
    return rows, excluded


def hashed_user_id(user_id: str) -> str | None:
    """A short hash in place of a user id; hashes made before stay as they are."""
    if not user_id or re.fullmatch(r"u-[0-9a-f]{12}", user_id):
        return user_id or None
    return f"u-{hashlib.sha256(user_id.encode()).hexdigest()[:12]}"


def _json_row(entry: dict[str, Any], pair_id: str, where: str) -> Row:
    row: Row = {
        "pair_id": pair_id,
        "user_id": hashed_user_id(str(entry.get("user_id") or "")),
        "rank": rank_of(entry.get("rank"), where),
        "comment": str(entry.get("comment") or "").strip() or None,
    }
    for side in ("left", "right"):
        photo = entry.get(side)
        if not isinstance(photo, dict):
            raise DataError(f'{where}: {side} is {photo!r}: it must be such as {{"imageId": 1}}')
        # A finished annotation names the photo itself, a saved training set holds its whole row.
        inner = photo.get("image")
        image_id = inner.get("image_id") if isinstance(inner, dict) else photo.get("imageId")
        attributes = photo.get("attributes") or []
        if not isinstance(attributes, list) or not all(isinstance(a, str) for a in attributes):
            raise DataError(f'{where}: {side} has attributes {attributes!r}: a list as ["ICE"]')
        row[f"{side}_image_id"] = photo_id_of(image_id, f"{where}: {side}")
        row[f"{side}_attributes"] = marks_of(attributes)
    return row


def _parts(folder: Path) -> list[Path]:
    answers = own_file(folder, ANSWERS_FOLDER)
    parts = answers.iterdir() if answers.is_dir() else ()
    shown = sorted(one for one in parts if not one.name.startswith("."))
    for one in shown:
        require_own(one, folder)
    return [one for one in shown if one.is_file()]


def _is_json(path: Path) -> bool:
    return path.suffix.lower() == ".json"


def _read_csv(path: Path) -> tuple[pd.DataFrame, Excluded]:
    frame = without_na(read_csv_text(path))
    found = ", ".join(frame.columns)
    names = {old: new for old, new in _CSV_NAMES.items() if new not in frame.columns}
    frame = frame.rename(columns=names)
    for name in ("left_image_id", "right_image_id", "rank"):
        if name not in frame.columns:
            raise DataError(
                f"{path}: the column {name} is missing; needed are left_image_id, right_image_id "
                f"and rank; columns found: {found}"
            )
    frame["pair_id"] = _pair_ids(frame, path)
    frame["rank"] = [rank_of(rank, f"{path}: line {n}") for n, rank in frame["rank"].items()]
    unanswered = frame["rank"].isna()
    excluded = [
        ("annotation", f"pair {number}", NOT_ANSWERED) for number in frame["pair_id"][unanswered]
    ]
    frame = frame[~unanswered].reindex(columns=list(ANNOTATIONS.columns), fill_value="")
    for side in ("left", "right"):
        ids = frame[f"{side}_image_id"]
        for line in ids.index[ids == ""]:
            raise DataError(f"{path}: line {line} has no {side}_image_id")
        frame[f"{side}_image_id"] = [whole_id(one) for one in ids]
        frame[f"{side}_attributes"] = [marks_of([one]) for one in frame[f"{side}_attributes"]]
    for name in ("user_id", "comment"):
        frame[name] = frame[name].mask(frame[name] == "")
    frame["user_id"] = frame["user_id"].map(hashed_user_id, na_action="ignore")
    return frame.astype("str").reset_index(drop=True), excluded


def _pair_ids(frame: pd.DataFrame, path: Path) -> list[str]:
    running = [str(number) for number in range(1, len(frame) + 1)]
    submission = frame.get("annotation_id")
    if "pair_id" not in frame.columns:
        own = submission is not None and submission.is_unique and submission.ne("").all()
        return list(submission) if own and submission is not None else running
    ids = frame["pair_id"]
    for line in ids.index[ids == ""]:
        raise DataError(f"{path}: line {line} has no pair_id: fill it in, or remove the column")
    if submission is not None:
        # Pairs are numbered anew within each submission.
        ids = submission + "-" + ids
    repeated = ids[ids.duplicated(keep=False)]
    if len(repeated):
        same = repeated[repeated == repeated.iloc[0]].index
        raise DataError(
            f"{path}: lines {same[0]} and {same[1]} have one pair_id, {repeated.iloc[0]!r}: give "
            "each pair its own, or remove the column"
        )
    return list(ids)
