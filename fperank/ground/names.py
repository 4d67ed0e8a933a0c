"""File names that mean one file although they are written in two ways.

Macs decompose accents, Windows writes backslashes and takes capital letters for small ones, and
lists are typed on another machine than the one that the photos lie on. A name is looked for as it
stands, then in another way of writing, and then in other capital letters.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath


def same_on_disk(name: str) -> str:
    """What is equal for two names that Macs or Windows take for one."""
    return _composed(_composed(name).casefold())


class Names:
    """Names that others are looked for among.

    Args:
        there: the names that there are.
        folder: a folder that some people write before a name and others do not.
    """

    def __init__(self, there: Iterable[str], folder: str = "images") -> None:
        self._there = dict.fromkeys(there)
        self._folder = folder
        self._written: dict[str, list[str]] = {}
        self._any_case: dict[str, list[str]] = {}
        for name in self._there:
            written = self._plain(name)
            self._written.setdefault(written, []).append(name)
            self._any_case.setdefault(same_on_disk(written), []).append(name)

    def find(self, name: str) -> list[str]:
        """The names that may be meant: none, the one, or several that cannot be told apart."""
        if name in self._there:
            return [name]
        written = self._plain(name)
        return self._written.get(written) or self._any_case.get(same_on_disk(written), [])

    def _plain(self, name: str) -> str:
        parts = PurePosixPath(_composed(name).replace("\\", "/")).parts
        below = len(parts) > 1 and parts[0].lower() == self._folder
        return "/".join(parts[1:] if below else parts)


def matched(names: Iterable[str], there: Iterable[str], folder: str = "images") -> dict[str, str]:
    """Which of the names there are is meant by each of some others, one by one.

    Args:
        names: those to look for.
        there: those that there are.
        folder: see `Names`.

    Returns:
        The names of `there` by those of `names`. A name that stands in both means itself; what is
        meant by one is not meant by another, and what cannot be told apart is left out.
    """
    wanted, present = list(names), set(there)
    meant = {name: name for name in wanted if name in present}
    free = Names(sorted(present - meant.keys()), folder)
    found = {name: free.find(name) for name in wanted if name not in meant}
    one = {name: found[0] for name, found in found.items() if len(found) == 1}
    times = Counter(one.values())
    return meant | {name: found for name, found in one.items() if times[found] == 1}


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)
