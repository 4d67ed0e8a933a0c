"""A model version by its names, and where its files lie.

Users chose this order of folders: `data/<STATION>/<VARIABLE>/<DATASET_VERSION>/models/
<MODEL_VERSION>`. `dvc.yaml` states the same paths, and a test holds the two together.
"""

from dataclasses import astuple, dataclass
from pathlib import Path

from fperank.params.parameters import Params, VersionParams

FIGURES = Path("report")
"""Metrics and plot data of the current version, in git at a fixed path: DVC compares by path."""


@dataclass(frozen=True)
class Version:
    """One model version. Paths are relative to the top of the repository."""

    station: str
    variable: str
    dataset_version: str
    model_version: str

    @classmethod
    def of(cls, params: VersionParams | Params) -> "Version":
        """The version that parameters name."""
        return cls(params.station, params.variable, params.dataset_version, params.model_version)

    def __str__(self) -> str:
        """The names in the order of the folders."""
        return "/".join(astuple(self))

    @property
    def dataset(self) -> Path:
        """What stage `dataset` writes."""
        return self._dataset_version / "data"

    @property
    def input(self) -> Path:
        """What stage `input` writes."""
        return self._model_version / "input"

    @property
    def model(self) -> Path:
        """What stage `train` writes."""
        return self._model_version / "model"

    @property
    def predictions(self) -> Path:
        """What stage `predict` writes."""
        return self._model_version / "predictions"

    @property
    def report(self) -> Path:
        """What stage `report` writes, beside `FIGURES`."""
        return self._model_version / "report"

    @property
    def _dataset_version(self) -> Path:
        return Path("data", self.station, self.variable, self.dataset_version)

    @property
    def _model_version(self) -> Path:
        return self._dataset_version / "models" / self.model_version
