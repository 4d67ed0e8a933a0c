"""What stages read and do not make themselves, put into a clean clone.

First from the user's cache, which is only read, then from the remote. Each content is checked by
its hash, so a damaged one is named and never used. Refused: what lies nowhere.
"""

from collections.abc import Sequence

from fperank.ground.errors import DataError
from fperank.versions.lock import Locked
from fperank.versions.proof.clean_clone import CleanClone
from fperank.versions.proof.recorded import RecordedVersion
from fperank.versions.proof.verdicts import FileDifference, OutputVerdict
from fperank.versions.storage import Store, file_md5


def supply(
    clone: CleanClone, store: Store, version: RecordedVersion, chosen: Sequence[str]
) -> tuple[list[OutputVerdict], list[str]]:
    """Put the outputs of other stages and the files from outside into a clone.

    Args:
        clone: where to.
        store: the user's cache.
        version: whose files.
        chosen: the stages that will run, in run order.

    Returns:
        A verdict for each of these files, and the stages to run: with `dataset` where that is not
        stored anywhere but can be made.

    Raises:
        DataError: one lies neither in the user's cache nor on the remote, or nothing keeps it.
    """
    own = Store(clone.cache)
    needed = version.needed_by(chosen)
    for file in version.outside_of(chosen):
        file.require_kept()
        needed.append(Locked("", file.path, file.md5, file.size))
    verdicts: list[OutputVerdict] = []
    for one in needed:
        clone.on_line(f"fetching {one.path}")
        trouble = _bring(clone, store, own, one)
        if (lacking := own.lacks(one.md5)) == []:
            verdicts.append(OutputVerdict(one.stage, one.path, "fetched", one.md5, one.md5))
        elif one.stage == "dataset" and version.remakes_dataset:
            return supply(clone, store, version, version.with_stage(chosen, "dataset"))
        elif damage := _damage(store, own, one, lacking):
            verdicts.append(
                OutputVerdict(
                    *(one.stage, one.path, "different", one.md5),
                    differing=len(damage),
                    files=tuple(damage),
                    note=f"the cache is damaged and the remote could not mend it: {trouble}",
                )
            )
        else:
            what, again = (
                (f"stage {one.stage}, ", "was made, or `dvc repro` and commit")
                if one.stage
                else ("", "was added")
            )
            raise DataError(
                f"{one.path} ({what}{one.md5}) lies neither in this repository's cache nor on its "
                f"remote: run `dvc push` where it {again}\n{trouble}"
            )
    if paths := [verdict.path for verdict in verdicts if verdict.verdict == "fetched"]:
        clone.dvc("checkout", *paths)
    return verdicts, list(chosen)


def _bring(clone: CleanClone, store: Store, own: Store, one: Locked) -> str:
    """Copy or fetch a content into the clone's cache; returns what hindered the fetching."""
    store.copy_to(own, one.md5)
    if own.lacks(one.md5) == []:
        return ""
    if not clone.remote:
        return "no remote is set up"
    try:
        clone.dvc("fetch", one.path)
    except DataError as error:
        return str(error)
    return "the remote's content is damaged too"


def _damage(
    store: Store, own: Store, one: Locked, lacking: list[str] | None
) -> list[FileDifference]:
    """The files whose stored content is not what its name promises."""
    if lacking is None:
        if not store.path(one.md5).exists():
            return []
        return [FileDifference("", "the stored list of its files is damaged")]
    hashes = own.listing(one.md5) or {}
    found = [(name, hashes[name], file_md5(store.path(hashes[name]))) for name in lacking]
    return [
        FileDifference(name, f"its stored content has MD5 {md5}, recorded is {wanted}")
        for name, wanted, md5 in found
        if md5
    ]
