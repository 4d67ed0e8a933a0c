"""Comparisons name photos as a person wrote them; here they get the names that the station uses.

A name that differs in its way of writing alone (see `ground.names`) means the photo there, and the
name of a copy means the photo that is kept of both, so no answer is lost with a copy. A name that
may mean two photos is left as it is, and told.
"""

from collections.abc import Iterable, Mapping

import pandas as pd

from fperank.ground.names import Names

_SIDES = ("left_image_id", "right_image_id")


def as_the_station_names(
    table: pd.DataFrame,
    image_ids: Iterable[str],
    same_as: Mapping[str, str],
    left_out: Iterable[str],
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Comparisons with the image_ids of the station.

    Args:
        table: the columns of `ANNOTATIONS`.
        image_ids: those of the station's photos.
        same_as: the photo that is kept, by image_id of its copy.
        left_out: image_ids of other photos that were left out.

    Returns:
        The same with other ids where the station writes them in another way, and sentences that
        tell of those.
    """
    known = set(image_ids)
    named = {one for side in _SIDES for one in table[side]}
    written: dict[str, str] = {}
    unclear: dict[str, list[str]] = {}
    if unknown := sorted(named - known):
        names = Names([*sorted(known), *same_as, *left_out])
        for name in unknown:
            found = names.find(name)
            if len(found) > 1:
                unclear[name] = found
            elif found and found[0] != name:
                written[name] = found[0]
    meant = {name: written.get(name, name) for name in named}
    copied = {name: same_as[one] for name, one in meant.items() if one in same_as}
    notes = [
        *_note(table, written, "photos in another way of writing than the station's"),
        *_note(table, copied, "copies of photos"),
    ]
    for name, found in list(unclear.items())[:1]:
        notes.append(
            f"{_touching(table, unclear):,} comparisons are left out, for they do not tell which "
            f"photo they mean; the first: {name!r} may be {found[0]!r} or {found[1]!r}."
        )
    new = {side: table[side].map(meant | copied).astype("str") for side in _SIDES}
    return table.assign(**new) if written or copied else table, tuple(notes)


def _note(table: pd.DataFrame, names: Mapping[str, str], what: str) -> list[str]:
    return [
        f"{_touching(table, names):,} comparisons name {what} and are read as of the photo that "
        f"is there; the first: {name!r} as {meant!r}."
        for name, meant in sorted(names.items())[:1]
    ]


def _touching(table: pd.DataFrame, names: Mapping[str, object]) -> int:
    return int((table[_SIDES[0]].isin(names) | table[_SIDES[1]].isin(names)).sum())
