"""What became of each output that was made again, down to the files and lines that differ.

Only scores may differ and still count as equal: within the tolerance of `comparison`, if the code
and the parameters are the recorded ones and the photos and pairs are the same to the bit.
What is derived from the scores then differs too. A report that differs over the same scores is
different.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from rich.table import Table

from fperank.ground.errors import DataError
from fperank.handover.predictions import PREDICTIONS_FILE
from fperank.versions.lock import LOCK, Locked, locked_outputs
from fperank.versions.proof.clean_clone import CleanClone
from fperank.versions.proof.comparison import ScoreDifference, compare_scores, first_difference
from fperank.versions.repository import file_at
from fperank.versions.storage import Store

Verdict = Literal["bit-identical", "within tolerance", "different", "fetched", "not made"]

_FILES_SHOWN = 20
_MAY_MOVE = {"train", "predict", "report"}


@dataclass(frozen=True)
class FileDifference:
    """One file of an output that differs.

    Attributes:
        path: relative to the output, "" where the output is one file.
        difference: what differs, in words.
    """

    path: str
    difference: str


@dataclass(frozen=True)
class OutputVerdict:
    """What became of one output.

    Attributes:
        stage: the stage that writes it; "" for a file from outside.
        path: relative to the top of the repository.
        verdict: `fetched` has the recorded hash but was not made again; `not made` was not reached.
        recorded_md5: as `dvc.lock` records it.
        new_md5: of what was made, "" where nothing was.
        differing: how many files differ; 0 also where the recorded files are not known.
        files: the first of them.
        note: what else is to say, or "".
        scores: how the scores differ, of an output that holds scores which differ.
    """

    stage: str
    path: str
    verdict: Verdict
    recorded_md5: str
    new_md5: str = ""
    differing: int = 0
    files: tuple[FileDifference, ...] = ()
    note: str = ""
    scores: ScoreDifference | None = None


def judge(
    repository: Path, commit: str, clone: CleanClone, store: Store, recorded: Sequence[Locked]
) -> list[OutputVerdict]:
    """Hold what was made in a clone against what was recorded.

    Args:
        repository: the user's repository, for figures that git keeps.
        commit: the version.
        clone: in which the stages have run.
        store: the user's cache, for recorded content.
        recorded: the outputs to judge.

    Raises:
        DataError: the clone's `dvc.lock` is absent.
    """
    lock = (clone.top / LOCK).read_text(encoding="utf-8")
    made = {output.path: output.md5 for output in locked_outputs(lock)}
    verdicts = []
    for output in recorded:
        new = made.get(output.path, "")
        if new == output.md5:
            same = OutputVerdict(output.stage, output.path, "bit-identical", output.md5, new)
            verdicts.append(same)
        elif (text := file_at(repository, commit, output.path)) is not None:
            now = (clone.top / output.path).read_bytes()
            verdicts.append(
                _different(output, new, {"": (text.encode("utf-8"), now)}, {""}, set(), set())
            )
        else:
            verdicts.append(_compare_stored(output, new, commit, clone, store))
    return verdicts


def _compare_stored(
    output: Locked, new: str, commit: str, clone: CleanClone, store: Store
) -> OutputVerdict:
    own = Store(clone.cache)
    before, after = store.listing(output.md5), own.listing(new) or {}
    # Of a single file the hash alone does not show whether its content lies here.
    if before is None or store.lacks(output.md5):
        _fetch_recorded(output, commit, clone)
        before = before or own.listing(output.md5)
    if before is None:
        return OutputVerdict(
            *(output.stage, output.path, "different", output.md5, new),
            note="judged by its hash alone: the recorded content lies neither in the cache nor on "
            "the remote",
        )
    names = {n for n in {*before, *after} if before.get(n) != after.get(n)}
    files: dict[str, tuple[bytes | None, bytes | None]] = {}
    for name in sorted(names)[:_FILES_SHOWN]:
        old, now = before.get(name), after.get(name)
        files[name] = (
            (store.content(old) or own.content(old)) if old else None,
            own.content(now) if now else None,
        )
    gone, came = names - {*after}, names - {*before}
    return _different(output, new, files, names, gone, came)


def _different(
    output: Locked,
    new: str,
    files: dict[str, tuple[bytes | None, bytes | None]],
    names: set[str],
    gone: set[str],
    came: set[str],
) -> OutputVerdict:
    found = []
    scores = None
    for name, (old, now) in files.items():
        if name in gone:
            found.append(FileDifference(name, "is recorded, but was not made"))
        elif name in came:
            found.append(FileDifference(name, "was made, but is not recorded"))
        elif old is None or now is None:
            found.append(FileDifference(name, "has another hash; its recorded content is not here"))
        else:
            found.append(FileDifference(name, first_difference(old, now)))
            if name == PREDICTIONS_FILE:
                scores = compare_scores(old, now)
    return OutputVerdict(
        *(output.stage, output.path, "different", output.md5, new, len(names), tuple(found)),
        scores=scores,
    )


def _fetch_recorded(output: Locked, commit: str, clone: CleanClone) -> None:
    """Bring recorded content from the remote into the clone's cache, if it can be had."""
    if not clone.remote:
        return
    made = (clone.top / LOCK).read_bytes()
    try:
        clone.run("git", "checkout", "--quiet", commit, "--", LOCK)
        clone.dvc("fetch", output.path)
    except DataError as error:
        clone.on_line(f"the recorded {output.path} cannot be fetched: {error}")
    finally:
        (clone.top / LOCK).write_bytes(made)


def with_tolerance(verdicts: list[OutputVerdict], *, own_lock: bool) -> list[OutputVerdict]:
    """Count differences as equal where scores that moved within the tolerance explain them.

    Args:
        verdicts: of all outputs.
        own_lock: whether the lock file belongs to its code and parameters; else nothing is excused.
    """
    different = [verdict for verdict in verdicts if verdict.verdict == "different"]
    scores = next((verdict.scores for verdict in different if verdict.scores), None)
    if (
        not own_lock
        or scores is None
        or not scores.within_tolerance
        or not {verdict.stage for verdict in different} <= _MAY_MOVE
        or "not made" in {verdict.verdict for verdict in verdicts}
    ):
        return verdicts
    return [
        replace(verdict, verdict="within tolerance") if verdict in different else verdict
        for verdict in verdicts
    ]


def verdicts_table(verdicts: Sequence[OutputVerdict]) -> Table:
    """The verdicts as a table for people."""
    table = Table("stage", "output", "verdict")
    for verdict in verdicts:
        style = {"different": "red", "not made": "red", "within tolerance": "yellow"}
        table.add_row(
            verdict.stage, verdict.path, verdict.verdict, style=style.get(verdict.verdict)
        )
    return table


def verdict_lines(verdict: OutputVerdict) -> list[str]:
    """What differs in one output, in words."""
    if verdict.verdict in {"bit-identical", "fetched", "not made"}:
        return []
    lines = [f"{verdict.path}: recorded {verdict.recorded_md5}, now {verdict.new_md5 or 'nothing'}"]
    if verdict.differing:
        count = f"{verdict.differing:,} file{'' if verdict.differing == 1 else 's'}"
        lines.append(f"  {count} differ{'s' if verdict.differing == 1 else ''}")
    lines += [
        f"  {file.path or Path(verdict.path).name}: {file.difference}" for file in verdict.files
    ]
    if verdict.differing > len(verdict.files):
        lines.append(f"  and {verdict.differing - len(verdict.files):,} more")
    if verdict.note:
        lines.append(f"  {verdict.note}")
    if scores := verdict.scores:
        lines.append(f"  {scores}")
    return lines
