"""Reading JSON and writing files: whole or not at all, the same bytes for the same content."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

from fperank.errors import DataError


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        DataError: the file is absent or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not valid JSON: {error}") from None


def write_json(values: Any, path: Path) -> None:
    """Write a JSON file with sorted keys, whole or not at all; parents are created."""

    def plain(value: Any) -> Any:
        if isinstance(value, dt.date):
            return value.isoformat()
        if hasattr(value, "item"):
            return value.item()
        raise TypeError(f"{type(value)} has no JSON form")

    text = json.dumps(
        values, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False, default=plain
    )
    write_text(path, text + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all; parents are created."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all; parents are created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(content)
    temporary.replace(path)
