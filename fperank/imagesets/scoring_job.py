"""Scores of the Flow Photo Explorer's image sets, written where the explorer looks for them.

This takes the place of the explorer's own scoring job: it reads the same model, station and photos
and writes the same file for each image set. A set that fails does not stop the others; one without
a photo to score is passed over. Photos are fetched a few hundred at a time and removed, so neither
memory nor disk grows with a set.

Refused: a model that is not known or of which there are two, archives without a model or damaged,
a `station.json` of another station, image sets of another station or that are not DONE, and sets of
which no photo at all can be read: a file of nothing but NA would take the place of good scores.
"""

import gzip
import tarfile
import tempfile
import zlib
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from fperank.ground.errors import (
    AbsentError,
    DataError,
    FperankError,
    NoneUsableError,
    PhotoError,
    TooLargeError,
)
from fperank.ground.files import file_digest, read_json
from fperank.handover.model import DESCRIPTION_FILE, WEIGHTS_FILE
from fperank.handover.photo_filter import UNFIT, PhotoFilter
from fperank.handover.station import STATION_FILE
from fperank.imagesets.settings import ImageSetJob
from fperank.params.parameters import ComputeParams
from fperank.photos.photo_set import PhotoSet
from fperank.publishing.fpe_files import imageset_predictions, read_predictions
from fperank.quality.station import judge_new
from fperank.remote.downloads import MAX_PHOTO_BYTES, Downloads
from fperank.remote.fetching import Fetcher
from fperank.remote.s3 import explained, s3_client
from fperank.running.endings import of_the_machine
from fperank.scoring.new_photos import score_new
from fperank.scoring.score_file import PredictionFile
from fperank.scoring.scorer import Scorer
from fperank.seed.checkpoint import import_checkpoint, photo_filter_of
from fperank.stations.fpe.database import model_of, photos_of
from fperank.stations.fpe.records import FpePhotos
from fperank.stations.photos.sets import fetching

_MAX_ARCHIVE_BYTES = 2_000_000_000
_MAX_JSON_BYTES = 10_000_000
_RANK_INPUT = "rank-input.json"
_HOURS = PhotoFilter(min_hour=7, max_hour=18, min_month=1, max_month=12)
"""What the explorer's job keeps to where `rank-input.json` says nothing."""


@dataclass(frozen=True)
class Model:
    """A model as the job uses it.

    Attributes:
        scorer: scores photos.
        name: first digits of its weights' SHA-256.
        timezone: IANA name of the station's zone.
        wanted: the hours and months to keep to.
    """

    scorer: Scorer
    name: str
    timezone: str
    wanted: PhotoFilter


def score_imagesets(
    job: ImageSetJob, on_line: Callable[[str], None], fetcher: Fetcher | None = None
) -> int:
    """Score all image sets of a job.

    Args:
        job: what to score.
        on_line: gets a line on each set.
        fetcher: fetches from addresses.

    Returns:
        How many sets failed.

    Raises:
        DataError: the model cannot be had.
    """
    fetcher = fetcher or Fetcher()
    client = s3_client()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="fperank-imagesets-") as folder:
        model = _open_model(job, fetcher, Path(folder))
        for number, imageset in enumerate(job.imagesets, 1):
            where = f"image set {imageset} ({number} of {len(job.imagesets)})"
            try:
                with tempfile.TemporaryDirectory(dir=folder) as own:
                    on_line(f"{where}: {_score_set(job, model, imageset, fetcher, client, own)}")
            except NoneUsableError as error:
                on_line(f"{where}: passed over, nothing to score: {error}")
            except FperankError as error:
                failed += 1
                on_line(f"error: {where}: {error}")
            except OSError as error:
                words = of_the_machine(error)
                if words is None:
                    raise
                failed += 1
                on_line(f"error: {where}: {words}")
    return failed


def _score_set(
    job: ImageSetJob, model: Model, imageset: str, fetcher: Fetcher, client: Any, folder: str
) -> str:
    """Score one set, write its file, and say in words what was done."""
    listed = photos_of(imageset)
    if int(listed.station["id"]) != job.station_id:
        raise DataError(
            f"it belongs to the station {listed.station['id']}, but STATION_ID is {job.station_id}"
        )
    found = FpePhotos(lambda: listed, model.timezone, Downloads(Path(folder) / "none", fetcher))
    photos = found.read()
    times = photos.images["timestamp"].dt.tz_convert(model.timezone)
    bring = fetching(partial(_fetch, job.storage_bucket, fetcher))
    own = PhotoSet(photos.images.assign(timestamp=times), {}, bring)
    path = Path(folder) / "scores.csv"
    described = model.scorer.description
    counts = score_new(
        own,
        PredictionFile(path, model.name),
        model.scorer.score,
        model.wanted,
        partial(judge_new, look=described.look),
        described.photo_filter.exclude_quality if described.photo_filter else UNFIT,
    )
    if not path.exists():
        why = "; ".join(f"{n:,} {reason}" for reason, n in counts.items() if n)
        raise NoneUsableError(why or "it holds no photo")
    scores = read_predictions(path)
    if counts.get("failed") == len(scores):
        raise DataError(
            f"none of its {len(scores):,} photos could be read from {job.storage_bucket}, such as "
            f"{scores['filename'].iloc[0]}: is FPE_S3_STORAGE_BUCKET right, and may the job read "
            "it (s3:GetObject)? Nothing was written"
        )
    scores["timestamp"] = scores["timestamp"].dt.tz_convert(model.timezone)
    text = imageset_predictions(scores.sort_values("timestamp", kind="stable"))
    key = f"{job.folder}/transform/imagesets/{imageset}/predictions.csv"
    with explained("PutObject", f"s3://{job.model_bucket}/{key}"):
        client.put_object(
            Bucket=job.model_bucket, Key=key, Body=text.encode("utf-8"), ContentType="text/csv"
        )
    without = int(scores["score"].isna().sum())
    return f"photos with a score {len(scores) - without:,}, without one {without:,}: {key}"


def _fetch(bucket: str, fetcher: Fetcher, filename: str, target: Path) -> None:
    """Fetch a photo by its key."""
    try:
        fetcher.download(f"s3://{bucket}/{filename}", target, MAX_PHOTO_BYTES)
    except (AbsentError, TooLargeError) as error:
        raise PhotoError(str(error)) from None


def _open_model(job: ImageSetJob, fetcher: Fetcher, folder: Path) -> Model:
    """Fetch the model, and what lies beside it of the station and the hours."""
    row = model_of(job.station_id, job.model_code)
    archive = folder / "model.tar.gz"
    published = f"s3://{job.storage_bucket}/models/{row['uuid']}/{archive.name}"
    fetcher.download(published, archive, _MAX_ARCHIVE_BYTES)
    station, asked = (_beside(job, name, fetcher, folder) for name in (STATION_FILE, _RANK_INPUT))
    timezone = _timezone(station, job)
    made = _own_model(archive, folder / "own")
    if made is None:
        # Written by the explorer's own staff, and read by the few names that it needs.
        made = folder / "imported"
        import_checkpoint(
            archive,
            made,
            trust_pickle=True,
            station=f"station {job.station_id}",
            variable=row["variable_id"],
        )
    scorer = Scorer.load(made, ComputeParams(threads=job.threads, accelerator="cpu"))
    wanted = photo_filter_of(asked, folder / _RANK_INPUT)
    name = file_digest(made / WEIGHTS_FILE)[:12]
    return Model(scorer, name, timezone, wanted or _HOURS)


def _beside(job: ImageSetJob, name: str, fetcher: Fetcher, folder: Path) -> dict[str, Any]:
    """A file of the model's input; without it the hours or the zone would only be guessed."""
    address = f"s3://{job.model_bucket}/{job.folder}/input/{name}"
    fetcher.download(address, folder / name, _MAX_JSON_BYTES)
    values = read_json(folder / name)
    if not isinstance(values, dict):
        raise DataError(f"{address} must be an object, such as {{...}}: write it again")
    return values


def _timezone(station: dict[str, Any], job: ImageSetJob) -> str:
    """The zone that `station.json` names, if it is this station's."""
    where = f"s3://{job.model_bucket}/{job.folder}/input/{STATION_FILE}"
    told = str(station.get("id", job.station_id))
    if told != str(job.station_id):
        raise DataError(f"{where} is of the station {told}, but STATION_ID is {job.station_id}")
    zone = station.get("timezone")
    if not isinstance(zone, str) or zone not in zoneinfo.available_timezones():
        raise DataError(
            f"{where}: timezone is {zone!r}, no name of the IANA list such as America/New_York"
        )
    return zone


def _own_model(archive: Path, folder: Path) -> Path | None:
    """The folder of the model of fperank that an archive holds, or none where it holds none.

    Raises:
        DataError: it is no archive, or holds more than a model may.
    """
    folder.mkdir()
    try:
        with gzip.open(archive) as unzipped, tarfile.open(fileobj=unzipped, mode="r|") as opened:
            for entry in opened:
                name = PurePosixPath(entry.name).name
                if name not in {WEIGHTS_FILE, DESCRIPTION_FILE} or not entry.isreg():
                    continue
                source = opened.extractfile(entry)
                if source is None or entry.size > _MAX_ARCHIVE_BYTES:
                    raise DataError(f"the model's {name} has {entry.size:,} bytes: it is refused")
                with (folder / name).open("wb") as file:
                    while block := source.read(1 << 20):
                        file.write(block)
            # The gzip's checksum stands behind the tar's end: without it damaged weights score.
            while unzipped.read(1 << 20):
                pass
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error):
        raise DataError("the model.tar.gz is no whole archive: publish the model again") from None
    whole = all((folder / name).is_file() for name in (WEIGHTS_FILE, DESCRIPTION_FILE))
    return folder if whole else None
