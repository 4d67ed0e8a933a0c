"""What DVC's cache and its remote hold, asked by hash; and copies of it that are checked.

DVC keeps each file under its MD5, and a folder as a list of the files in it. A cache belongs to its
user: here it is only read. What is copied is checked on the way, because DVC itself trusts a cache
and an S3 remote, and a damaged photo would then be taken for the recorded one.

The remote is asked by a process of its own, so that a server that does not answer can never hold up
the command that asks, and whatever a storage library raises becomes one line.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fperank.ground.errors import DataError
from fperank.ground.files import file_digest

PLACEHOLDER = "s3://<"


@dataclass(frozen=True)
class Store:
    """A cache folder of DVC 3.

    Attributes:
        folder: holds the objects by hash.
    """

    folder: Path

    def path(self, md5: str) -> Path:
        """Where the content with this hash lies, if it lies here."""
        return self.folder / md5[:2] / md5[2:]

    def content(self, md5: str) -> bytes | None:
        """The content with this hash; none where it is absent or damaged."""
        path = self.path(md5)
        return path.read_bytes() if file_md5(path) == md5.removesuffix(".dir") else None

    def listing(self, md5: str) -> dict[str, str] | None:
        """The files of an output, relative path to hash, in order; none where it is not known.

        Args:
            md5: the output's hash. An output that is a single file has the path "".
        """
        if not md5.endswith(".dir"):
            return {"": md5}
        if (content := self.content(md5)) is None:
            return None
        return {
            entry["relpath"]: entry["md5"]
            for entry in sorted(json.loads(content), key=lambda entry: str(entry["relpath"]))
        }

    def objects(self, md5: str) -> set[str]:
        """The hashes of an output: its own and, of a folder whose list lies here, of its files.

        Raises:
            DataError: the list is damaged.
        """
        files = self.listing(md5)
        if files is None and self.path(md5).exists():
            raise DataError(f"{self.path(md5)} is damaged: delete it, then run `dvc fetch`")
        return {md5, *(files or {}).values()}

    def copy_to(self, other: "Store", md5: str) -> None:
        """Copy an output's content into another store, as far as it lies here whole."""
        if md5.endswith(".dir"):
            _copy(self, other, md5)
        for one in set((self.listing(md5) or {}).values()):
            _copy(self, other, one)

    def lacks(self, md5: str) -> list[str] | None:
        """The files of an output that do not lie here whole; none where not even their list does.

        Args:
            md5: the output's hash.
        """
        files = self.listing(md5)
        if files is None:
            return None
        return [name for name, one in files.items() if file_md5(self.path(one)) != one]


def _copy(store: Store, other: Store, md5: str) -> None:
    source, target = store.path(md5), other.path(md5)
    if target.exists() or file_md5(source) != md5.removesuffix(".dir"):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    shutil.copyfile(source, part)
    part.replace(target)


def file_md5(path: Path) -> str:
    """MD5 of a file's content, "" where it cannot be read."""
    try:
        return file_digest(path, "md5")
    except OSError:
        return ""


def cache_of(top: Path) -> Store:
    """The repository's own cache.

    Raises:
        DataError: DVC cannot read its configuration.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(top)) as repo:
            return Store(Path(repo.cache.local.path))
    except DvcException as error:
        raise DataError(f"DVC cannot open {top}: {error}") from None


def on_remote(top: Path, hashes: Iterable[str], *, seconds: float) -> set[str]:
    """Which hashes lie on DVC's default remote.

    DVC uploads a folder's list (`.dir`) after its files: where the list lies, the files were
    uploaded. Whether one was lost since, only asking for its own hash can show.

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
            [sys.executable, "-m", "fperank.versions.storage", str(top)],
            cwd=Path(__file__).parents[2],
            input=json.dumps(wanted),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DataError(f"the remote did not answer within {seconds:g} s") from None
    if answer.returncode:
        last = (answer.stderr.strip() or "it gave no reason").splitlines()[-1]
        raise DataError(f"the remote cannot be asked: {last}")
    return set(json.loads(answer.stdout))


def _ask(top: str) -> None:
    from dvc.repo import Repo

    with Repo(top) as repo:
        name = repo.config["core"].get("remote")
        if not name:
            sys.exit("no default remote is set")
        if repo.config["remote"][name]["url"].startswith(PLACEHOLDER):
            sys.exit(f"remote {name} is not set up yet; see README.md, under Remotes")
        held = repo.cloud.get_remote_odb().oids_exist(json.load(sys.stdin))
    json.dump(sorted(held), sys.stdout)


if __name__ == "__main__":
    _ask(sys.argv[1])
