"""The source that the parameters name, with what they put in place of its own parts."""

from collections.abc import Callable
from pathlib import Path

from fperank.params.parameters import DatasetParams
from fperank.remote.downloads import Downloads
from fperank.remote.fetching import Fetcher
from fperank.running.errors import ParameterError
from fperank.stations.answers.elsewhere import AnnotationsElsewhere
from fperank.stations.base import Source
from fperank.stations.demo.station import DemoSource
from fperank.stations.folder import FolderSource
from fperank.stations.fpe.api import FpeApiSource
from fperank.stations.fpe.database import FpeDatabaseSource
from fperank.stations.observed.elsewhere import ObservedElsewhere
from fperank.stations.photos.s3_folder import S3FolderSource
from fperank.stations.seed.station import SeedSource


def open_source(params: DatasetParams, scratch: Path, fetcher: Fetcher | None = None) -> Source:
    """Open the station's source.

    Args:
        params: `source` says which; `annotations_from` and `observations_from` what else to read.
        scratch: a folder for what a source has to keep between two runs.
        fetcher: fetches from addresses.

    Raises:
        ParameterError: `source_path` is empty where it is needed.
    """
    fetcher = fetcher or Fetcher()
    downloads = Downloads(scratch / "downloads", fetcher)
    sources: dict[str, Callable[[], Source]] = {
        "demo": lambda: DemoSource(params, scratch),
        "folder": lambda: _folder(params, scratch, fetcher),
        "fpe_api": lambda: FpeApiSource(params, downloads, fetcher),
        "fpe_database": lambda: FpeDatabaseSource(params, downloads, fetcher),
        "seed": lambda: SeedSource(_path(params), params, downloads),
    }
    source = sources[params.source]()
    if params.annotations_from:
        source = AnnotationsElsewhere(source, params.annotations_from, fetcher)
    if params.observations_from:
        source = ObservedElsewhere(source, params, scratch, fetcher)
    return source


def _folder(params: DatasetParams, scratch: Path, fetcher: Fetcher) -> Source:
    if params.source_path.startswith("s3://"):
        return S3FolderSource(params.source_path, params, scratch / "s3", fetcher)
    return FolderSource(_path(params), params)


def _path(params: DatasetParams) -> Path:
    if not params.source_path:
        raise ParameterError(
            f'source_path is "" but source is {params.source}: give the folder that holds the '
            "photos, for example -S source_path=../my-station"
        )
    return Path(params.source_path).expanduser()
