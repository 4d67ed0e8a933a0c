"""Small station folders for the tests of the sources."""

import hashlib
from pathlib import Path

from PIL import Image

from fperank.params.parameters import DatasetParams
from fperank.stations.base import Source
from fperank.stations.compose import open_source

MAKE, DETAIL = 271, 34665
DATETIME, ORIGINAL, DIGITIZED = 306, 36867, 36868
OFFSET, OFFSET_ORIGINAL = 36880, 36881


def dataset_params(**changes):
    values = {
        "station": "West Brook 0 (Lower)",
        "variable": "FLOW_CFS",
        "dataset_version": "v1",
        "source": "folder",
        "source_path": "photos",
        "timezone": "America/New_York",
        "timestamp_source": "auto",
        "timestamp_pattern": "",
        "utc_offset": "",
        "clock_shift": [],
        "fpe_station": "",
        "api_url": "",
        "annotations_from": "",
        "observations_from": "",
        "observations_unit": "",
        "observations_column": "",
        "observations_utc_offset": "",
        "observations_date_order": "",
        "observations_rows": [],
        "usgs_site": "",
        "usgs_interval": "continuous",
        "max_gap_minutes": 65,
        "min_whole_share": 0.95,
        "demo_days": 10,
        "demo_interval_minutes": 60,
        "demo_annotations": 10,
        "demo_seed": 1,
    }
    return DatasetParams.model_validate(values | changes)


def folder_source(folder: Path, **changes) -> Source:
    """A folder as the source that the parameters name; parameters can be changed."""
    return open_source(
        dataset_params(source_path=str(folder), **changes), folder.parent / "scratch"
    )


def save_photo(path: Path, taken: str = "", *, main=None, detail=None) -> Path:
    """A tiny photo; `taken` is its DateTimeOriginal, `main` and `detail` are raw EXIF fields."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = ({ORIGINAL: taken} if taken else {}) | (detail or {})
    exif = Image.Exif()
    exif[MAKE] = "a camera"
    for tag, value in (main or {}).items():
        exif[tag] = value
    if fields:
        exif.get_ifd(DETAIL).update(fields)
        exif[DETAIL] = 8  # Pillow's TIFF writer looks for the key, and writes the table above.
    # Each name its own picture, for two files with the same bytes are one photo.
    color = tuple(hashlib.sha256(str(path).encode()).digest()[:3])
    Image.new("RGB", (8, 6), color).save(path, exif=exif)
    return path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
