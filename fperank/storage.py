"""What DVC's cache and its remote hold: asked by hash, without changing either.

The remote is asked by a process of its own, so that a server that does not answer can never hold up
the command that asks, and whatever a storage library raises is told as one line.
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from fperank.errors import DataError

PLACEHOLDER = "s3://<"


def cache_folder(top: Path) -> Path:
    """The folder of DVC's cache in which objects lie by their hash.

    Raises:
        DataError: DVC cannot read its configuration.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(top)) as repo:
            return Path(repo.cache.local.path)
    except DvcException as error:
        raise DataError(f"DVC cannot open {top}: {error}") from None


def objects(cache: Path, md5: str) -> set[str]:
    """The hashes of an output: its own and, of a folder whose list is cached, those of its files.

    Args:
        cache: the folder that `cache_folder` names.
        md5: an output's hash; of a folder it ends with `.dir`.
    """
    if not md5.endswith(".dir") or not in_cache(cache, md5):
        return {md5}
    listed = json.loads((cache / md5[:2] / md5[2:]).read_text(encoding="utf-8"))
    return {md5, *(entry["md5"] for entry in listed)}


def in_cache(cache: Path, md5: str) -> bool:
    """Whether an object lies in the cache."""
    return (cache / md5[:2] / md5[2:]).is_file()


def on_remote(top: Path, hashes: Iterable[str], *, seconds: float) -> set[str]:
    """Which hashes lie on DVC's default remote.

    DVC uploads a folder's list (`.dir`) after its files: where the list lies, the files were
    uploaded. Whether one was lost since, only asking for its own hash tells.

    Args:
        top: the top of the repository.
        hashes: as `dvc.lock` records them.
        seconds: how long to wait for the answer.

    Raises:
        DataError: there is no remote, it is still the shipped placeholder, or it does not answer.
    """
    wanted = sorted(set(hashes))
    try:
        answer = subprocess.run(  # noqa: S603  (a list, no shell)
            [sys.executable, "-m", "fperank.storage", str(top)],
            cwd=Path(__file__).parents[1],
            input=json.dumps(wanted),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DataError(f"the remote did not answer within {seconds:g} s") from None
    if answer.returncode:
        last = (answer.stderr.strip() or "no reason told").splitlines()[-1]
        raise DataError(f"the remote cannot be asked: {last}")
    return set(json.loads(answer.stdout))


def _ask(top: str) -> None:
    from dvc.repo import Repo

    with Repo(top) as repo:
        name = repo.config["core"].get("remote")
        if not name:
            sys.exit("no default remote is set")
        if repo.config["remote"][name]["url"].startswith(PLACEHOLDER):
            sys.exit(f"remote {name} is not set up yet; README.md tells how, under Remotes")
        held = repo.cloud.get_remote_odb().oids_exist(json.load(sys.stdin))
    json.dump(sorted(held), sys.stdout)


if __name__ == "__main__":
    _ask(sys.argv[1])
