"""What stage `predict` hands over: a score for every photo of the input.

predictions.csv failures.csv predict.json
"""

from functools import cached_property
from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ConfigDict

from fperank.ground.files import write_json
from fperank.handover.summaries import read_summary
from fperank.handover.tables import (
    IMAGE_COLUMNS,
    SPLITS,
    number_column,
    read_table,
    table_schema,
    text_column,
    write_table,
)
from fperank.params.parameters import PredictParams

PREDICTIONS = table_schema(
    "predictions",
    {
        "split": text_column(among=SPLITS),
        **IMAGE_COLUMNS,
        "score": number_column(),
        "rank_percentile": number_column(),
    },
    unique="image_id",
)
"""Every photo of the input with its score, empty where the photo could not be read."""

FAILURES = table_schema(
    "failures",
    {"image_id": text_column(), "filename": text_column(), "reason": text_column()},
    unique="image_id",
)
"""Photos without a score, and why."""

PREDICTIONS_FILE = "predictions.csv"
_FAILURES, _SUMMARY = "failures.csv", "predict.json"


class PredictionsSummary(BaseModel):
    """The content of `predict.json`.

    Attributes:
        photos: photos of the input.
        photos_failed: those that have no score.
        parameters: those of stage `predict`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    photos: int
    photos_failed: int
    parameters: PredictParams


class PredictionsFolder:
    """The folder of a model version's scores; each part is read when it is first asked for.

    Args:
        folder: where it lies.
        timezone: IANA name of the station's zone, which the timestamps get.

    Everything raises `DataError` where a file is absent or is not what it should be.
    """

    def __init__(self, folder: Path, timezone: str) -> None:
        self.folder = folder
        self.timezone = timezone
        self.predictions_file = folder / PREDICTIONS_FILE

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """`PREDICTIONS`."""
        return read_table(self.predictions_file, PREDICTIONS, self.timezone)

    @cached_property
    def failures(self) -> pd.DataFrame:
        """`FAILURES`."""
        return read_table(self.folder / _FAILURES, FAILURES, self.timezone)

    @cached_property
    def summary(self) -> PredictionsSummary:
        """What `predict.json` holds."""
        return read_summary(self.folder / _SUMMARY, PredictionsSummary)


def write_predictions(
    predictions: pd.DataFrame, failures: pd.DataFrame, params: PredictParams, folder: Path
) -> None:
    """Write both tables, `PREDICTIONS` and `FAILURES`, and the summary."""
    write_table(predictions, PREDICTIONS, folder / PREDICTIONS_FILE)
    write_table(failures, FAILURES, folder / _FAILURES)
    summary = PredictionsSummary(
        photos=len(predictions), photos_failed=len(failures), parameters=params
    )
    write_json(summary.model_dump(), folder / _SUMMARY)
