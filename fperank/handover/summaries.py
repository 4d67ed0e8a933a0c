"""The typed summary beside each stage's tables, read back through its type."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from fperank.ground.errors import DataError
from fperank.ground.files import read_json

SummaryT = TypeVar("SummaryT", bound=BaseModel)


def read_summary(path: Path, kind: type[SummaryT]) -> SummaryT:
    """Read a summary.

    Args:
        path: the JSON file.
        kind: what it must hold.

    Raises:
        DataError: the file is absent, is not JSON, or holds something else.
    """
    try:
        return kind.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise DataError(
            f"{path}: {key}: {first['msg']}. Another version of fperank may have written it: run "
            "`dvc repro`"
        ) from None
