"""Whose code a revision brings: that of this user and of the origin, or a stranger's.

To make a version again runs its code with the user's rights. Trusted is what is part of a commit
that was made in this repository (its reflog says so, which nobody else writes) or that was fetched
from the origin. A revision that differs from such a commit by parameters, records and figures only,
as an experiment does, brings no code.
"""

import fnmatch
import re
from pathlib import Path

from fperank.versions.repository import git

_MADE_HERE = re.compile(
    r"(?:commit|cherry-pick|revert|merge|am|rebase(?: -i)? \((?:pick|reword|edit|squash|fixup)\))"
    r"(?!.*fast-forward)",
    re.IGNORECASE,
)
"""What the reflog says of a commit that is new; a fast-forward only moves a branch to another's."""

# What a version may hold of its own and what is never run.
_NO_CODE = ("params.yaml", "dvc.lock", "report/*", "weights/*.dvc", "*.md")


def code_of_strangers(repository: Path, commit: str) -> list[str]:
    """The files by which a revision's code differs from all that is trusted.

    Args:
        repository: its top.
        commit: full hash of the revision.

    Returns:
        Paths, also of files that it lacks. None where nothing unknown would run.
    """
    trusted = _trusted(repository)
    new = git(repository, "rev-list", "--boundary", commit, "--not", *trusted).splitlines()
    if not new:
        return []
    # Where the stranger's commits begin; nowhere in a history of their own.
    beginnings = [line[1:] for line in new if line.startswith("-")] or [_nothing(repository)]
    differ = [_code_between(repository, one, commit) for one in beginnings]
    return min(differ, key=len)


def _trusted(repository: Path) -> list[str]:
    """The commits that the user made here, and those of the origin's branches."""
    log = git(repository, "log", "--walk-reflogs", "--all", "--format=%H %gs")
    made = [
        commit
        for commit, _, done in (line.partition(" ") for line in log.splitlines())
        if _MADE_HERE.match(done)
    ]
    origin = git(repository, "for-each-ref", "--format=%(objectname)", "refs/remotes/origin")
    return list(dict.fromkeys([*made, *origin.split()]))


def _nothing(repository: Path) -> str:
    """The hash of a folder without files, in this repository's kind of hash."""
    return git(repository, "hash-object", "-t", "tree", "/dev/null").strip()


def _code_between(repository: Path, first: str, second: str) -> list[str]:
    names = git(repository, "diff", "--name-only", "--no-renames", "-z", first, second)
    return sorted(
        name
        for name in names.split("\0")
        if name and not any(fnmatch.fnmatchcase(name, pattern) for pattern in _NO_CODE)
    )
