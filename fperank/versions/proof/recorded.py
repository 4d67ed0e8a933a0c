"""A model version as a revision records it: parameters, stages, and the hashes in `dvc.lock`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fperank.ground.errors import DataError
from fperank.running.stage import PARAMS
from fperank.versions.lock import (
    LOCK,
    Locked,
    Outside,
    locked_deps,
    locked_outputs,
    locked_version,
    outside_files,
)
from fperank.versions.repository import PIPELINE, file_at, git, yaml_mapping

_NAMES_SHOWN = 30
_MADE_BY_PROGRAM = "demo"


def resolve_revision(repository: Path, revision: str) -> str:
    """The full hash of the commit that a name stands for.

    Args:
        repository: a folder in the repository.
        revision: a git revision, tag or branch, or the name of a DVC experiment.

    Raises:
        DataError: nothing has that name, or several experiments have.
    """
    try:
        wanted = f"{revision}^{{commit}}"
        return git(
            repository, "rev-parse", "--verify", "--quiet", "--end-of-options", wanted
        ).strip()
    except DataError:
        experiments = _experiments(repository)
    found = sorted({commit for name, commit in experiments if name == revision})
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(
            f"{revision} is the name of {len(found)} experiments: name one by its commit, "
            f"{' or '.join(commit[:7] for commit in found)}"
        )
    refs = git(repository, "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags")
    names = [*refs.splitlines(), *sorted({name for name, _ in experiments})]
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    raise DataError(
        f"{revision!r} is no revision, tag, branch or experiment here; known are "
        f"{', '.join(names[:_NAMES_SHOWN]) or 'none'}{more}"
    )


def _experiments(repository: Path) -> list[tuple[str, str]]:
    """Name and commit of each experiment: `refs/exps/<2 digits>/<38 digits>/<name>`."""
    refs = git(repository, "for-each-ref", "--format=%(objectname) %(refname)", "refs/exps")
    return [
        (match[2], match[1])
        for line in refs.splitlines()
        if (match := re.fullmatch(r"(\w+) refs/exps/[0-9a-f]{2}/[0-9a-f]{38}/(.+)", line))
    ]


@dataclass(frozen=True)
class RecordedVersion:
    """What a revision says of its pipeline.

    Attributes:
        revision: as the user named it.
        commit: its full hash.
        lock: the text of `dvc.lock`.
        params: the text of `params.yaml`.
        order: the stages of `dvc.yaml`, in run order.
        outputs: what `dvc.lock` records.
        outside: the files that `dvc add` keeps, or nothing, and that stages read.
    """

    revision: str
    commit: str
    lock: str
    params: str
    order: tuple[str, ...]
    outputs: tuple[Locked, ...]
    outside: tuple[Outside, ...]

    @classmethod
    def read(cls, repository: Path, revision: str) -> "RecordedVersion":
        """Read a version from git.

        Raises:
            DataError: the revision is not known, or has no pipeline or no complete `dvc.lock`.
        """
        commit = resolve_revision(repository, revision)
        texts = [file_at(repository, commit, n) for n in (PIPELINE, str(PARAMS), LOCK)]
        pipeline, params, lock = texts
        if pipeline is None or params is None:
            raise DataError(f"{revision} has no dvc.yaml or no params.yaml: nothing can be made")
        if lock is None:
            raise DataError(
                f"{revision} has no dvc.lock, so nothing was recorded: run `dvc repro` and commit"
            )
        locked_version(lock)
        yaml_mapping(params, f"params.yaml of {revision}")
        order = tuple(yaml_mapping(pipeline, f"dvc.yaml of {revision}").get("stages", {}))
        outputs, outside = locked_outputs(lock), outside_files(repository, commit, lock)
        version = cls(revision, commit, lock, params, order, tuple(outputs), tuple(outside))
        absent = [stage for stage in order if stage not in {out.stage for out in version.outputs}]
        if absent:
            raise DataError(
                f"dvc.lock of {revision} records nothing of stage {', '.join(absent)}: "
                "run `dvc repro` and commit dvc.lock"
            )
        return version

    def require_complete(self, status: dict[str, Any]) -> None:
        """Refuse a lock file that does not record what `dvc.yaml` and `params.yaml` ask for.

        Args:
            status: what `dvc status --json` says of a checkout without data.

        Raises:
            DataError: an output is not recorded, such as that of a renamed model version.
        """
        recorded = {output.path for output in self.outputs}
        absent = [
            path
            for stage in self.order
            for change in status.get(stage, ())
            if isinstance(change, dict)
            for path in change.get("changed outs", {})
            if path not in recorded
        ]
        if absent:
            raise DataError(
                f"dvc.lock of {self.revision} records other outputs than its dvc.yaml and "
                f"params.yaml name; nothing is recorded for {', '.join(absent)}: "
                "run `dvc repro` and commit dvc.lock"
            )

    def stages_to_run(self, wanted: Sequence[str] | None) -> list[str]:
        """The stages to make again, in run order: all that can be, or those asked for.

        Raises:
            DataError: a stage is not known, or reads what lies outside of the repository.
        """
        if not wanted:
            return [stage for stage in self.order if stage != "dataset" or self.remakes_dataset]
        for stage in wanted:
            if stage not in self.order:
                raise DataError(f"there is no stage {stage!r}; stages: {', '.join(self.order)}")
        if "dataset" in wanted and not self.remakes_dataset:
            raise DataError(
                "the stage dataset reads files from outside of the repository, so it cannot be "
                "made again from a clone; leave it out, and its output is fetched by its hash"
            )
        return [stage for stage in self.order if stage in wanted]

    def with_stage(self, stages: Sequence[str], more: str) -> list[str]:
        """The stages and one more, in run order."""
        return [stage for stage in self.order if stage in {*stages, more}]

    def needed_by(self, stages: Sequence[str]) -> list[Locked]:
        """The outputs of other stages that these stages read."""
        read = {dep.path for dep in locked_deps(self.lock) if dep.stage in stages}
        return [out for out in self.outputs if out.path in read and out.stage not in stages]

    def outside_of(self, stages: Sequence[str]) -> list[Outside]:
        """The files from outside that these stages read."""
        return [file for file in self.outside if {*file.stages} & {*stages}]

    @property
    def remakes_dataset(self) -> bool:
        """Whether the dataset is drawn by the program itself, from nothing but parameters."""
        return self._parameter("source") == _MADE_BY_PROGRAM

    @property
    def threads(self) -> int | None:
        """The parameter of that name."""
        value = self._parameter("threads")
        return value if isinstance(value, int) else None

    def _parameter(self, name: str) -> object:
        return yaml_mapping(self.params, str(PARAMS)).get(name)
