"""What stage `predict` hands over: a score for every photo of the input.

predictions.csv failures.csv
"""

from functools import cached_property
from pathlib import Path

import pandas as pd

from fperank.handover.tables import (
    IMAGE_COLUMNS,
    SPLITS,
    number_column,
    read_table,
    table_schema,
    text_column,
    write_table,
)

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
_FAILURES = "failures.csv"


class PredictionsFolder:
    """The folder of a model version's scores; each part is read when it is first asked for.

    Args:
        folder: where it lies.
        timezone: IANA name of the station's zone, which the timestamps are told in.

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


def write_predictions(predictions: pd.DataFrame, failures: pd.DataFrame, folder: Path) -> None:
    """Write both tables: `PREDICTIONS` and `FAILURES`."""
    write_table(predictions, PREDICTIONS, folder / PREDICTIONS_FILE)
    write_table(failures, FAILURES, folder / _FAILURES)
