"""A whole model version, by the real writers, where its `Version` says; and a `params.yaml`."""

import json
import re
import shutil
from pathlib import Path

from fake_station import write_station

from fperank.ground.files import write_json, write_text
from fperank.handover.report import METRICS_FILE, PAGE_FILE

ROOT = Path(__file__).parents[2]


def write_version(top, version, **station):
    """What the stages leave; `station` goes to `fake_station.write_station`."""
    made = write_station(top / "made", **station)
    for part in ("dataset", "input", "model", "predictions"):
        target = top / getattr(version, part)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(getattr(made, part), target)
    shutil.rmtree(top / "made")
    write_text(top / version.report / PAGE_FILE, "<h1>report</h1>")
    write_json({}, top / version.report / METRICS_FILE)
    text = (ROOT / "params.yaml").read_text("utf-8")
    for name in ("station", "dataset_version", "model_version"):
        value = json.dumps(getattr(version, name))
        text, n = re.subn(rf"^{name}: (?:\".*?\"|[^#\n]*)", f"{name}: {value} ", text, flags=re.M)
        assert n == 1, name
    write_text(top / "params.yaml", text)
