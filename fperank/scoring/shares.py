"""One share of the photos to score, for machines that work side by side and do not know each other.

An array job of a cluster scores as many shares as it has tasks. The photos, in order of time, are
cut into shares of equal length; each is a table of its own beside the file of scores, in the folder
`FILE.parts`. A share is begun and gone on with like any file of scores, so a task that is run again
scores what is left. When all are whole, `merge` adds them to the file in their order: the bytes are
those of one run on one machine.

Refused: shares of other photos or of another model than those that lie there, and a merge while one
is not whole.
"""

import hashlib
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from fperank.ground.errors import DataError, ParameterError
from fperank.ground.files import read_json, write_json
from fperank.handover.photo_filter import PhotoFilter
from fperank.params.types import QualityMark
from fperank.photos.photo_set import PhotoSet
from fperank.scoring.new_photos import Judge, Score, add_scores, to_score
from fperank.scoring.score_file import PredictionFile, sole_writer

MOST_SHARES = 10_000
_PLAN, _WHOLE = "plan.json", ".csv"
_SHOWN = 10
# The number of a task in an array job, from which number they count, and how many tasks there are.
_TASKS = (
    ("AWS_BATCH_JOB_ARRAY_INDEX", "0", "AWS_BATCH_JOB_ARRAY_SIZE"),
    ("JOB_COMPLETION_INDEX", "0", ""),
    ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_COUNT"),
)


@dataclass(frozen=True)
class Share:
    """One of several shares.

    Attributes:
        number: which one, from 1.
        of: how many there are.
    """

    number: int
    of: int

    @classmethod
    def read(cls, text: str, environment: Mapping[str, str]) -> "Share":
        """Read `3/64`; or `array` or `array/64`, where the number stands in the environment.

        AWS Batch, Kubernetes and Slurm tell a task its number in this way.

        Raises:
            ParameterError: it is none of these, or the environment tells no number.
        """
        match = re.fullmatch(r"(?:(?P<number>\d{1,6})|array)(?:/(?P<of>\d{1,6}))?", text)
        if match is None or (match["number"] and not match["of"]):
            raise ParameterError(
                f"--shard is {text!r}: give which share of how many, such as 3/64, or array/64 in "
                "an array job of AWS Batch, Kubernetes or Slurm"
            )
        number, of = int(match["number"] or 0), int(match["of"] or 0)
        if not match["number"]:
            number, told = _of_task(environment)
            of = of or told
        if not 1 <= number <= of <= MOST_SHARES:
            raise ParameterError(
                f"--shard {text} means share {number} of {of or 'an unknown number'}: shares count "
                f"from 1, and there are {MOST_SHARES:,} at most"
            )
        return cls(number, of)

    def rows(self, photos: pd.DataFrame) -> pd.DataFrame:
        """This share of a table's rows; all shares together are the table, in its order."""
        begin, end = (len(photos) * number // self.of for number in (self.number - 1, self.number))
        return photos.iloc[begin:end]


def _of_task(environment: Mapping[str, str]) -> tuple[int, int]:
    """The number of this task, counted from 1, and how many there are, 0 where nothing tells."""
    for index, first, count in _TASKS:
        if index in environment:
            try:
                begin = int(environment.get(first, "0")) if first != "0" else 0
                return int(environment[index]) - begin + 1, int(environment.get(count) or 0)
            except ValueError:
                raise ParameterError(
                    f"{index} is {environment[index]!r} in the environment, which is no number"
                ) from None
    names = ", ".join(index for index, _, _ in _TASKS)
    raise ParameterError(
        f"--shard array needs the number of the task in the environment, but none of {names} is "
        "set: give the number itself, such as --shard 3/64"
    )


@dataclass(frozen=True)
class Plan:
    """What all shares must agree on.

    Attributes:
        of: how many there are.
        photos: how many photos they hold together.
        ids: SHA-256 of the photos' image_ids in their order.
        model: short name of the model.
    """

    of: int
    photos: int
    ids: str
    model: str

    @classmethod
    def of_photos(cls, photos: pd.DataFrame, of: int, model: str) -> "Plan":
        """The plan of some photos."""
        digest = hashlib.sha256("\n".join(photos["image_id"]).encode("utf-8")).hexdigest()
        return cls(of, len(photos), digest, model)


class Shares:
    """The folder of shares beside a file of scores.

    Args:
        output: the file that they become.
    """

    def __init__(self, output: Path) -> None:
        self._output = output
        self.folder = output.with_name(f"{output.name}.parts")

    def begin(self, plan: Plan) -> None:
        """Write down what is shared, or hold it against what the first task wrote.

        Raises:
            DataError: other tasks share other photos, in another number, or by another model.
        """
        path = self.folder / _PLAN
        if not path.exists():
            # Tasks that begin at once write the same, or find below that they do not agree.
            write_json(asdict(plan), path)
        first = self._plan()
        if first != plan:
            told = ", ".join(
                f"{name} {old} there and {new} here"
                for name, old, new in (
                    ("shares", first.of, plan.of),
                    ("photos", first.photos, plan.photos),
                    ("model", first.model, plan.model),
                )
                if old != new
            )
            raise DataError(
                f"{self.folder} holds shares of another task ({told or 'other photos'}): all "
                "tasks must find the same photos and take the same model. Remove that folder to "
                "begin anew"
            )

    def whole(self, share: Share) -> Path:
        """Where a share lies when all of it is scored."""
        width = len(str(share.of))
        return self.folder / f"{share.number:0{width}}-of-{share.of}{_WHOLE}"

    def unfinished(self, share: Share) -> Path:
        """Where it lies until then."""
        return self.whole(share).with_suffix(".unfinished")

    def finish(self, share: Share) -> None:
        """Give a share the name of a whole one; one without photos is an empty file."""
        self.unfinished(share).touch()
        self.unfinished(share).replace(self.whole(share))

    def merge(self) -> int:
        """Add all shares to the file in their order, and remove their folder.

        A merge that was stopped goes on where it stood.

        Returns:
            How many rows were added.

        Raises:
            DataError: there are no shares, or one is not whole.
        """
        if not (self.folder / _PLAN).is_file():
            raise DataError(
                f"{self.folder} does not exist: score the shares first, by `fperank score ... "
                f"-o {self._output} --shard 1/8` and so on"
            )
        plan = self._plan()
        shares = [Share(number, plan.of) for number in range(1, plan.of + 1)]
        absent = [share.number for share in shares if not self.whole(share).is_file()]
        if absent:
            more = f" and {len(absent) - _SHOWN:,} more" if len(absent) > _SHOWN else ""
            raise DataError(
                f"{len(absent):,} of {plan.of:,} shares are not whole yet: "
                f"{', '.join(map(str, absent[:_SHOWN]))}{more}. Score them, then merge"
            )
        added = 0
        with sole_writer(self._output):
            file = PredictionFile(self._output, plan.model)
            for share in shares:
                added += file.add_from(self.whole(share))
        shutil.rmtree(self.folder)
        return added

    def score(
        self,
        share: Share,
        photos: PhotoSet,
        model: str,
        score: Score,
        wanted: PhotoFilter | None,
        judge: Judge,
        unfit: Sequence[QualityMark],
    ) -> dict[str, int]:
        """Score one share of what the file does not hold yet, or what is left of it.

        Args:
            share: which one.
            photos: all photos, the same for every share.
            model: short name of the model.
            score: scores photo files, as `scoring.Scorer.score` does.
            wanted: the hours and months to keep to, if any.
            judge: judges the pictures of photo files, as `quality.station.judge_new` does.
            unfit: marks with which a photo gets no score.

        Returns:
            As `new_photos.score_new`; what is left out is counted over all photos.

        Raises:
            DataError: other tasks share other photos, or another run scores this very share.
        """
        rows, counts = to_score(photos, PredictionFile(self._output, model), wanted)
        self.begin(Plan.of_photos(rows, share.of, model))
        own = share.rows(rows)
        if self.whole(share).is_file():
            return counts | {"scored": 0, "whole": len(own)}
        path = self.unfinished(share)
        with sole_writer(path):
            part = PredictionFile(path, model)
            left = part.new(own)
            counts["known"] = counts.get("known", 0) + len(own) - len(left)
            counts |= add_scores(left, photos, part, score, judge, unfit)
        self.finish(share)
        return {reason: n for reason, n in counts.items() if n or reason == "scored"}

    def _plan(self) -> Plan:
        path = self.folder / _PLAN
        try:
            return Plan(**read_json(path))
        except TypeError:
            raise DataError(f"{path} is no plan of shares: remove its folder, begin anew") from None
