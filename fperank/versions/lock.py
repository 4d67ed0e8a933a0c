"""What a `dvc.lock` records: the version, what stages wrote and read, and what keeps each.

Git keeps small files, a stage makes its outputs, and `dvc add` keeps a file from outside, such as
large weights. What none of the three keeps cannot be had again from a clone.

Refused: a text that is not YAML, as after a merge with conflicts.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from fperank.ground.errors import DataError
from fperank.handover.version import Version
from fperank.running.stage import PARAMS
from fperank.versions.repository import file_at, git, yaml_mapping

LOCK = "dvc.lock"


@dataclass(frozen=True)
class Locked:
    """A file or folder as `dvc.lock` records it: what a stage writes, or what it reads.

    Attributes:
        stage: name of the stage.
        path: relative to the top of the repository.
        md5: DVC's hash; of a folder it ends with `.dir`.
        size: bytes, 0 where the lock file does not say.
    """

    stage: str
    path: str
    md5: str
    size: int


@dataclass(frozen=True)
class Outside:
    """A file that a stage reads and that neither git nor a stage keeps, such as large weights.

    `dvc add` keeps such a file: DVC stores the content, and git a small file with its hash.

    Attributes:
        stages: names of the stages that read it.
        path: relative to the top of the repository.
        md5: as the small file records it; "" where there is none.
        locked_md5: as `dvc.lock` records it.
        size: bytes, likewise.
    """

    stages: tuple[str, ...]
    path: str
    md5: str
    locked_md5: str
    size: int

    def require_kept(self) -> None:
        """Refuse a file that cannot be had again.

        Raises:
            DataError: no commit holds it or its hash.
        """
        if not self.md5:
            raise DataError(
                f"{self.path} (read by stage {', '.join(self.stages)}) is neither in git nor kept "
                f"by DVC, so nobody else can have it: run `dvc add '{self.path}'`, then commit and "
                "`dvc push`"
            )


def locked_stages(lock: str) -> dict[str, Any]:
    """What a `dvc.lock` records of each stage.

    Args:
        lock: the text of the file.
    """
    stages = yaml_mapping(lock, LOCK).get("stages")
    return stages if isinstance(stages, dict) else {}


def locked_outputs(lock: str) -> list[Locked]:
    """The outputs that a `dvc.lock` records, in its order; metrics and plots too."""
    return _locked(lock, "outs")


def locked_deps(lock: str) -> list[Locked]:
    """The files and folders that stages read by a `dvc.lock`, in its order."""
    return _locked(lock, "deps")


def _locked(lock: str, kind: str) -> list[Locked]:
    return [
        Locked(name, one["path"], str(one.get("md5", "")), int(one.get("size", 0)))
        for name, stage in locked_stages(lock).items()
        for one in stage.get(kind, [])
    ]


def locked_version(lock: str) -> Version | None:
    """The model version whose files a `dvc.lock` records, or none where it records no model.

    Args:
        lock: the text of the file. Its parameters are read, not those of `params.yaml`: they are
            what the files were made with, and have stayed the same names in every fperank.

    Raises:
        DataError: the text is not YAML, as after a merge with conflicts, or lacks a name.
    """
    stages = locked_stages(lock)
    if "train" not in stages:
        return None
    names = {
        name: value
        for stage in stages.values()
        for name, value in stage.get("params", {}).get(str(PARAMS), {}).items()
    }
    wanted = [field.name for field in fields(Version)]
    if missing := [name for name in wanted if not isinstance(names.get(name), str)]:
        raise DataError(f"{LOCK} does not record {', '.join(missing)}: run `dvc repro`")
    return Version(*(names[name] for name in wanted))


def heavy_outputs(folder: Path, revision: str, lock: str) -> list[Locked]:
    """The outputs of a revision that DVC keeps: those that git does not.

    Args:
        folder: in the repository.
        revision: whose files git is asked for.
        lock: the text of `dvc.lock` at that revision.
    """
    in_git = _files_in_git(folder, revision)
    return [out for out in locked_outputs(lock) if out.path not in in_git]


def outside_files(folder: Path, revision: str, lock: str) -> list[Outside]:
    """What the stages of a revision read that is neither in git there nor made by a stage.

    Args:
        folder: in the repository.
        revision: whose files git is asked for.
        lock: the text of `dvc.lock` at that revision.
    """
    in_git = _files_in_git(folder, revision)
    # A folder is in git where a file of it is.
    kept = in_git | {str(parent) for name in in_git for parent in Path(name).parents}
    kept |= {out.path for out in locked_outputs(lock)}
    read: dict[str, list[Locked]] = {}
    for dep in locked_deps(lock):
        if dep.path not in kept:
            read.setdefault(dep.path, []).append(dep)
    return [
        Outside(
            tuple(dep.stage for dep in deps),
            path,
            _added_md5(file_at(folder, revision, f"{path}.dvc"), f"{path}.dvc"),
            deps[0].md5,
            deps[0].size,
        )
        for path, deps in read.items()
    ]


def _files_in_git(folder: Path, revision: str) -> set[str]:
    listed = git(folder, "ls-tree", "-r", "-z", "--full-tree", "--name-only", revision)
    return set(listed.split("\0"))


def _added_md5(text: str | None, where: str) -> str:
    """The hash in a file that `dvc add` wrote, "" where there is no such file."""
    outs = yaml_mapping(text or "", where).get("outs") or [{}]
    return str(outs[0].get("md5", ""))
