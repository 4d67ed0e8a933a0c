"""The source that the parameters name, with what they put in place of its own parts.

This module alone looks at `source`, `observations_from` and `annotations_from`: a reader is given
what it needs. Of what is replaced, not even the reader is made. A module is imported when its
source is asked for: reading a folder needs no database and no cloud.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fperank.ground.errors import ParameterError
from fperank.params.parameters import DatasetParams, ObservedTableParams
from fperank.stations.base import AnswerReader, ObservationReader, PhotoReader, Source
from fperank.stations.folder import (
    FolderAnswers,
    FolderObservations,
    FolderPhotos,
    OwnFolder,
    StationFolder,
)

if TYPE_CHECKING:
    from fperank.remote.fetching import Fetcher

USGS = "usgs"
"""The value of observations_from that is neither a path nor an address."""


class _Own(NamedTuple):
    """The readers of a source; those that may be replaced are made when they are called."""

    photos: PhotoReader
    observations: Callable[[], ObservationReader]
    answers: Callable[[], AnswerReader]


def open_source(params: DatasetParams, scratch: Path, fetcher: "Fetcher | None" = None) -> Source:
    """Open the station's source.

    Args:
        params: `source` says which; `annotations_from` and `observations_from` what else to read.
        scratch: a folder for what a source has to keep between two runs.
        fetcher: fetches from addresses.

    Raises:
        ParameterError: parameters contradict each other, or `source_path` is empty where it is
            needed.
    """
    sources: dict[str, Callable[[], _Own]] = {
        "demo": lambda: _of_folder(_demo_folder(params, scratch), params),
        "folder": lambda: _of_folder(_station_folder(params, scratch, fetcher), params),
        "fpe_api": lambda: _fpe_api(params, scratch, fetcher),
        "fpe_database": lambda: _fpe_database(params, scratch, fetcher),
        "seed": lambda: _seed(params, scratch, fetcher),
    }
    own = sources[params.source]()
    return Source(
        own.photos,
        _observations_elsewhere(params, scratch, fetcher)
        if params.observations_from
        else own.observations(),
        _answers_elsewhere(params.annotations_from, fetcher)
        if params.annotations_from
        else own.answers(),
    )


def _of_folder(folder: StationFolder, params: DatasetParams) -> _Own:
    return _Own(
        FolderPhotos(folder, params.station, params),
        lambda: FolderObservations(folder, params.variable, params),
        lambda: FolderAnswers(folder),
    )


def _station_folder(
    params: DatasetParams, scratch: Path, fetcher: "Fetcher | None"
) -> StationFolder:
    if not params.source_path.startswith("s3://"):
        return OwnFolder(_path(params))
    from fperank.stations.photos.s3_folder import S3Folder

    return S3Folder(params.source_path, scratch / "s3", fetcher or _fetcher())


def _demo_folder(params: DatasetParams, scratch: Path) -> StationFolder:
    from fperank.stations.demo.station import DemoFolder, write_demo_station

    draw = partial(
        write_demo_station,
        days=params.demo_days,
        interval_minutes=params.demo_interval_minutes,
        annotations=params.demo_annotations,
        seed=params.demo_seed,
        name=params.station,
        timezone=params.timezone or "America/New_York",
    )
    return DemoFolder(scratch / "demo", draw)


def _fpe_api(params: DatasetParams, scratch: Path, fetcher: "Fetcher | None") -> _Own:
    from fperank.remote.downloads import Downloads
    from fperank.stations.fpe.api import ApiAnswers, ApiObservations, ApiStation
    from fperank.stations.fpe.records import FpePhotos

    fetcher = fetcher or _fetcher()
    downloads = Downloads(scratch / "downloads", fetcher)
    station = ApiStation(params.api_url, params.fpe_station, fetcher)
    return _Own(
        FpePhotos(station.photos, params.timezone, downloads, params.clock_shift),
        lambda: ApiObservations(station, params.variable, params.max_gap_minutes),
        lambda: ApiAnswers(station, params.variable),
    )


def _fpe_database(params: DatasetParams, scratch: Path, fetcher: "Fetcher | None") -> _Own:
    from fperank.remote.downloads import Downloads
    from fperank.stations.fpe.database import (
        DatabaseAnswers,
        DatabaseObservations,
        DatabaseStation,
    )
    from fperank.stations.fpe.records import FpePhotos

    given = fetcher or _fetcher()
    downloads = Downloads(scratch / "downloads", given)
    station = DatabaseStation(params.fpe_station)
    return _Own(
        FpePhotos(station.photos, params.timezone, downloads, params.clock_shift),
        lambda: DatabaseObservations(station, params.variable),
        lambda: DatabaseAnswers(station, params.variable, given),
    )


def _seed(params: DatasetParams, scratch: Path, fetcher: "Fetcher | None") -> _Own:
    from fperank.remote.downloads import Downloads
    from fperank.stations.seed.station import SeedAnswers, SeedObservations, SeedPhotos

    folder = _path(params)
    downloads = Downloads(scratch / "downloads", fetcher or _fetcher())
    return _Own(
        SeedPhotos(folder, params.station, params.timezone, downloads),
        lambda: SeedObservations(folder, params.variable),
        lambda: SeedAnswers(folder),
    )


def _observations_elsewhere(
    params: DatasetParams, scratch: Path, fetcher: "Fetcher | None"
) -> ObservationReader:
    from fperank.stations.observed.elsewhere import (
        AddressObservations,
        PathObservations,
        UsgsObservations,
    )

    where, variable = params.observations_from, params.variable
    if where == USGS:
        for name in ObservedTableParams.model_fields:
            if getattr(params, name):
                raise ParameterError(
                    f"{name} is {getattr(params, name)!r}, but observations_from is usgs, which "
                    f'tells all itself: set {name} to ""'
                )
        return UsgsObservations(params.usgs_site, variable, params.usgs_interval, scratch)
    if "://" in where:
        return AddressObservations(where, variable, params, scratch, fetcher or _fetcher())
    return PathObservations(where, variable, params)


def _answers_elsewhere(where: str, fetcher: "Fetcher | None") -> AnswerReader:
    from fperank.stations.answers.elsewhere import AddressAnswers, PathAnswers

    return AddressAnswers(where, fetcher or _fetcher()) if "://" in where else PathAnswers(where)


def _fetcher() -> "Fetcher":
    from fperank.remote.fetching import Fetcher

    return Fetcher()


def _path(params: DatasetParams) -> Path:
    if not params.source_path:
        raise ParameterError(
            f'source_path is "" but source is {params.source}: give the folder that holds the '
            "photos, for example -S source_path=../my-station"
        )
    return Path(params.source_path).expanduser()
