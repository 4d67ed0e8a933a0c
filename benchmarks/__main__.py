"""All benchmarks, one after another, into one table each and one JSON file.

    python -m benchmarks
    python -m benchmarks --only train score

Each runs in a process of its own, so that none uses what another has left in memory. One that
fails is named at the end, and the others are kept.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import measure
from fperank.ground.files import read_json, write_json

RESULTS = measure.ROOT / "benchmarks" / "results.json"
NAMES = ("train", "score", "tables", "report", "status", "growth", "sizes", "agreement")
"""In this order. `batching` is not among them: it takes a station, see README.md."""


def run(name: str) -> dict[str, Any] | None:
    """Run one benchmark; what it found, or none where it failed."""
    print(f"\n## {name}\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        command = [sys.executable, "-m", f"benchmarks.{name}", "--out", str(out)]
        ended = subprocess.run(command, cwd=measure.ROOT)  # noqa: S603
        if ended.returncode or not out.exists():
            return None
        found: dict[str, Any] = read_json(out)
    # Every benchmark that tells the machine's kind tells the same.
    found.pop("machine", None)
    inner: dict[str, Any] = found.get(name, found)
    return inner


def main() -> None:
    """Run them and write the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    there = [name for name in NAMES if (Path(__file__).parent / f"{name}.py").exists()]
    parser.add_argument("--only", nargs="+", choices=there, default=there)
    parser.add_argument("--out", type=Path, default=RESULTS, help="JSON file to write")
    arguments = parser.parse_args()
    machine = measure.machine()
    print(measure.markdown("machine", ["what", "value"], machine.items()), flush=True)
    found = {name: run(name) for name in arguments.only}
    whole = {name: told for name, told in found.items() if told is not None}
    write_json({"machine": machine, **whole}, arguments.out)
    if failed := sorted(found.keys() - whole.keys()):
        sys.exit(f"failed: {', '.join(failed)}; the figures of the others are written")


if __name__ == "__main__":
    main()
