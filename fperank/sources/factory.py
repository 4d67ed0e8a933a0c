"""The source that the parameter `source` names."""

from pathlib import Path

from fperank.errors import ParameterError
from fperank.params import DatasetParams
from fperank.sources.base import Source
from fperank.sources.demo import DemoSource
from fperank.sources.folder import FolderSource


def open_source(params: DatasetParams, scratch: Path) -> Source:
    """Open the station's source.

    Args:
        params: `source` says which, `source_path` where.
        scratch: a folder for what a source has to keep between two runs.

    Raises:
        ParameterError: `source_path` is empty where it is needed.
    """
    if params.source == "demo":
        return DemoSource(params, scratch)
    if not params.source_path:
        raise ParameterError(
            'source_path is "" but source is folder: give the folder that holds the photos, '
            "for example -S source_path=../my-station"
        )
    return FolderSource(Path(params.source_path).expanduser(), params)
