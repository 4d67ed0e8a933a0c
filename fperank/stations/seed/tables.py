"""The tables of EcoSHEDS' Flow Photo RankNet Model, read by the names of their columns.

R writes what is absent as nothing or as `NA`, and the id 100000 as `1e+05`; all are read so.

Refused: ids or file names twice, labels that do not exist, values that are no numbers.
"""

from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from fperank.ground.errors import DataError
from fperank.handover.tables import LABEL_OF_RANK, parse_times
from fperank.remote.fetching import shown
from fperank.stations.answers.files import annotations_table
from fperank.stations.base import Excluded
from fperank.stations.csv_files import read_csv_text, whole_id, without_na
from fperank.stations.photos.files import leads_out, plain_name, tellable

Floats = npt.NDArray[np.float64]
_RANK_OF_LABEL = {label: rank for rank, label in LABEL_OF_RANK.items()}


def listed_photos(path: Path) -> pd.DataFrame:
    """Read `images.csv`.

    Returns:
        Its columns as text, with `url` and `value` whether it has them or not, empty where absent;
        the index is the line.

    Raises:
        DataError: a column is absent, or a photo stands there twice or without id or name.
    """
    frame = _table(path, ("image_id", "timestamp", "filename"))
    frame["image_id"] = frame["image_id"].map(whole_id)
    frame["filename"] = [plain_name(name.removeprefix("/")) for name in frame["filename"]]
    for name in ("image_id", "filename"):
        empty = frame.index[frame[name] == ""]
        if len(empty):
            raise DataError(f"{path}: line {empty[0]} has no {name}: fill it in")
        same = frame.index[frame[name].duplicated(keep=False)]
        if len(same):
            lines = frame.index[frame[name] == frame[name][same[0]]]
            raise DataError(
                f"{path}: lines {lines[0]} and {lines[1]} have the same {name}, "
                f"{frame[name][same[0]]!r}: each photo must stand there once"
            )
    for name in ("url", "value"):
        frame[name] = frame.get(name, "")
    return frame


def usable_photos(
    listed: pd.DataFrame, timezone: str, path: Path
) -> tuple[pd.DataFrame, dict[str, str]]:
    """The photos that can be used.

    Args:
        listed: see `listed_photos`.
        timezone: IANA name of the station's zone.
        path: what to name in an error.

    Returns:
        image_id, timestamp, filename, url, value (a number or none), by time; and by id the reason
        why a photo cannot be used.

    Raises:
        DataError: none can, or a time or value is none.
    """
    left_out: dict[str, str] = {}
    for image_id, name, time in zip(
        listed["image_id"], listed["filename"], listed["timestamp"], strict=True
    ):
        if leads_out(name):
            left_out[image_id] = "its filename in images.csv leads out of the folder"
        elif tellable(name) != name:
            left_out[image_id] = "its name holds a line break or control character: rename it"
        elif not time:
            left_out[image_id] = "images.csv gives no time"
    good = listed[~listed["image_id"].isin(left_out)]
    if good.empty:
        counts = Counter(left_out.values()).most_common(3)
        why = "; ".join(f"{n}: {reason}" for reason, n in counts) or "it lists none"
        raise DataError(f"{path} lists no photo that can be used ({why})")
    times = parse_times(good["timestamp"], timezone, f"{path}, column timestamp")
    values = _numbers(good["value"], f"{path}, column value")
    images = good[["image_id", "filename"]].assign(timestamp=times, value=values)
    # An address may be signed; its signature stays out of every table.
    images["url"] = good["url"].map(shown).mask(good["url"] == "")
    images["clock"] = "images.csv, with its own UTC offset"
    columns = ["image_id", "timestamp", "filename", "url", "clock", "value"]
    return images[columns].sort_values(["timestamp", "filename"], ignore_index=True), left_out


def answers_of_pairs(path: Path) -> tuple[pd.DataFrame, int]:
    """Read `pairs.csv`, where pairs stand twice: once as they were answered, once mirrored.

    Returns:
        Each comparison once, with the columns of `tables.ANNOTATIONS`; photo 1 is the left one. And
        how many mirrored rows were dropped.

    Raises:
        DataError: a column is absent or a label does not exist.
    """
    frame = _table(path, ("image_id_1", "image_id_2", "label"))
    for name in ("image_id_1", "image_id_2"):
        if (frame[name] == "").any():
            line = frame.index[frame[name] == ""][0]
            raise DataError(f"{path}: line {line} has no {name}: fill it in")
    # As numbers: R writes the mirror of a tie as -0.
    labels = pd.to_numeric(frame["label"], errors="coerce")
    wrong = frame.index[~labels.isin(list(_RANK_OF_LABEL))]
    if len(wrong):
        raise DataError(
            f"{path}: line {wrong[0]}: label is {frame['label'][wrong[0]]!r}; allowed: "
            f"{', '.join(map(str, _RANK_OF_LABEL))}"
        )
    numbered = "pair" in frame and frame["pair"].duplicated().any()
    # The seed gives both rows of a pair one number; a file that numbers every row pairs nothing.
    groups = frame["pair"] if numbered else pd.Series("", labels.index)
    waiting: Counter[tuple[str, str, str, int]] = Counter()
    rows: list[dict[str, str | None]] = []
    ids = [frame[name].map(whole_id) for name in ("image_id_1", "image_id_2")]
    for group, first, second, label in zip(groups, *ids, labels.astype(int), strict=True):
        if waiting[group, first, second, label]:
            waiting[group, first, second, label] -= 1
            continue
        # What its mirror would look like.
        waiting[group, second, first, -label] += 1
        rows.append(
            {
                "pair_id": str(len(rows) + 1),
                "left_image_id": first,
                "right_image_id": second,
                "rank": _RANK_OF_LABEL[label],
            }
        )
    return annotations_table(rows), len(frame) - len(rows)


def read_values(
    path: Path, variable_id: str, timezone: str
) -> tuple[pd.DataFrame, Excluded, list[str]]:
    """Read the values of one variable from `values.csv`.

    Returns:
        timestamp, value, status (always none); what was left out; the other variables of the file,
        if it holds none of this one.

    Raises:
        DataError: a column is absent, or a time or value is none.
    """
    table = _table(path, ("variable_id", "timestamp", "value"))
    rows = table[table["variable_id"] == variable_id]
    others = sorted(set(table["variable_id"])) if rows.empty else []
    flagged = ~rows.get("flag", pd.Series("", index=rows.index)).eq("")
    absent = rows["value"].eq("") & ~flagged
    excluded = _counted(int(flagged.sum()), "flagged") + _counted(int(absent.sum()), "no value")
    good = rows[~flagged & ~absent]
    times = parse_times(good["timestamp"], timezone, f"{path}, column timestamp")
    values = _numbers(good["value"], f"{path}, column value")
    return observed(times, values), excluded, others


def observed(times: pd.Series, values: Floats) -> pd.DataFrame:
    """timestamp, value, status (always none) of the values that are there."""
    frame = pd.DataFrame({"timestamp": times.array, "value": values})
    frame["status"] = pd.Series(pd.NA, index=frame.index, dtype="str")
    return frame.dropna(subset="value", ignore_index=True)


def _table(path: Path, needed: tuple[str, ...]) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(f"{path} does not exist: give the seed's folder that holds {path.name}")
    frame = without_na(read_csv_text(path))
    if missing := [name for name in needed if name not in frame.columns]:
        raise DataError(
            f"{path}: the column {missing[0]} is missing; columns needed: {', '.join(needed)}; "
            f"columns found: {', '.join(frame.columns)}"
        )
    return frame


def _numbers(texts: pd.Series, where: str) -> Floats:
    """Numbers of text whose index is the line; absent ones are not a number."""
    missing = texts.eq("")
    numbers = pd.to_numeric(texts.mask(missing), errors="coerce").to_numpy(dtype="float64")
    wrong = np.flatnonzero(~np.isfinite(numbers) & ~missing.to_numpy())
    if len(wrong):
        line, text = texts.index[wrong[0]], texts.iloc[wrong[0]]
        raise DataError(f"{where}: line {line} holds {text!r}, which is no number")
    return numbers


def _counted(n: int, reason: str) -> Excluded:
    return [("observation", f"{n} row{'' if n == 1 else 's'}", reason)] if n else []
