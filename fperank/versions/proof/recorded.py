"""A model version as a revision records it: parameters, stages, and the hashes in `dvc.lock`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fperank.running.errors import DataError
from fperank.versions.repository import Output, file_at, git, locked_outputs, version_name

_NAMES_TOLD = 30
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
    told = git(repository, "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags")
    names = [*told.splitlines(), *sorted({name for name, _ in experiments})]
    more = f" and {len(names) - _NAMES_TOLD} more" if len(names) > _NAMES_TOLD else ""
    raise DataError(
        f"{revision!r} is no revision, tag, branch or experiment here; known are "
        f"{', '.join(names[:_NAMES_TOLD]) or 'none'}{more}"
    )


def _experiments(repository: Path) -> list[tuple[str, str]]:
    """Name and commit of each experiment: `refs/exps/<2 digits>/<38 digits>/<name>`."""
    told = git(repository, "for-each-ref", "--format=%(objectname) %(refname)", "refs/exps")
    return [
        (match[2], match[1])
        for line in told.splitlines()
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
    """

    revision: str
    commit: str
    lock: str
    params: str
    order: tuple[str, ...]
    outputs: tuple[Output, ...]

    @classmethod
    def read(cls, repository: Path, revision: str) -> "RecordedVersion":
        """Read a version from git.

        Raises:
            DataError: the revision is not known, or has no pipeline or no complete `dvc.lock`.
        """
        commit = resolve_revision(repository, revision)
        texts = [file_at(repository, commit, n) for n in ("dvc.yaml", "params.yaml", "dvc.lock")]
        pipeline, params, lock = texts
        if pipeline is None or params is None:
            raise DataError(f"{revision} has no dvc.yaml or no params.yaml: nothing can be made")
        if lock is None:
            raise DataError(
                f"{revision} has no dvc.lock, so nothing was recorded: run `dvc repro` and commit"
            )
        version_name(lock)
        _mapping(params, f"params.yaml of {revision}")
        order = tuple(_mapping(pipeline, f"dvc.yaml of {revision}").get("stages", {}))
        version = cls(revision, commit, lock, params, order, tuple(locked_outputs(lock)))
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
            status: what `dvc status --json` tells of a checkout without data.

        Raises:
            DataError: an output is not recorded, such as that of a renamed model version.
        """
        recorded = {output.path for output in self.outputs}
        absent = [
            path
            for changes in status.values()
            for change in changes
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

    def needed_by(self, stages: Sequence[str]) -> list[Output]:
        """The outputs of other stages that these stages read."""
        locked = yaml.safe_load(self.lock)["stages"]
        read = {dep["path"] for stage in stages for dep in locked[stage].get("deps", [])}
        return [o for o in self.outputs if o.path in read and o.stage not in stages]

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
        return _mapping(self.params, "params.yaml").get(name)


def _mapping(text: str, where: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DataError(f"{where} is not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise DataError(f"{where} is not valid YAML: it must hold names and values")
    return content
