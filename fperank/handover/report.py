"""What stage `report` hands over: the page for people, the figures for programs.

report.html metrics.json       in the version's own folder
metrics.json, plot data        at a fixed path, `version.FIGURES`, in git
"""

import json
from pathlib import Path
from typing import Any

from fperank.ground.errors import DataError

PAGE_FILE = "report.html"
METRICS_FILE = "metrics.json"

Figures = dict[str, Any]
"""The content of `metrics.json`; `agreement.evaluation.evaluate` says what it holds."""


def parse_metrics(text: str, where: str) -> Figures:
    """Understand the text of a `metrics.json`, of the work tree or of another revision.

    Raises:
        DataError: it is not what stage `report` writes.
    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError:
        content = None
    if not isinstance(content, dict):
        raise DataError(f"{where} is not what stage report writes: run `dvc repro` and commit")
    return content


def read_metrics(path: Path) -> Figures:
    """Read a `metrics.json`.

    Raises:
        DataError: it is absent or is not what stage `report` writes.
    """
    try:
        return parse_metrics(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
