"""DVC's stored content: what an output's hash stands for, and copies that are checked.

DVC keeps each file under its MD5, and a folder as a list of the files in it. A cache belongs to its
user: here it is only read. What is copied is checked on the way, because DVC itself trusts a cache
and an S3 remote, and a damaged photo would then be taken for the recorded one.
"""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Store:
    """A cache folder of DVC 3.

    Attributes:
        folder: holds the objects by hash, as `fperank.storage.cache_folder` names it.
    """

    folder: Path

    def path(self, md5: str) -> Path:
        """Where the content with this hash lies, if it lies here."""
        return self.folder / md5[:2] / md5[2:]

    def content(self, md5: str) -> bytes | None:
        """The content with this hash; none where it is absent or damaged."""
        try:
            content = self.path(md5).read_bytes()
        except OSError:
            return None
        right = hashlib.md5(content, usedforsecurity=False).hexdigest()
        return content if right == md5.removesuffix(".dir") else None

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
        with path.open("rb") as stream:
            return hashlib.file_digest(
                stream, lambda: hashlib.md5(usedforsecurity=False)
            ).hexdigest()
    except OSError:
        return ""
