"""Time and memory against photos and pairs, of all that is done without pixels; a table and a plot.

    python -m benchmarks.growth

Runs `benchmarks.tables` (tables of stages `dataset` and `input`) and `benchmarks.report` (stage
`report`) at growing sizes, each in a process of its own, and draws benchmarks/growth.png. The
network's time is not measured here: it is proportional to photos, see benchmarks/lab-book.md.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib
import yaml

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from fperank.ground.files import read_json, write_json

ROOT = Path(__file__).parents[1]
PHOTOS = (1_000, 10_000, 100_000)
PAIRS = (500, 1_000, 2_000, 5_000, 10_000)
_PAIRS_OF_PHOTOS = 1_000
_PHOTOS_OF_PAIRS = 10_000
_COLOUR = {"tables": "#0072B2", "report": "#D55E00"}
_WORDS = {"tables": "tables of dataset and input", "report": "report"}


def measure(n_photos: int, n_pairs: int, repeats: int) -> dict[str, Any]:
    """Run both benchmarks at one size.

    Returns:
        photos, pairs; for `tables` and `report` the median seconds of the repeats and the peak MiB
        of a process; the size of the report's page.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        # Photos of all hours, so that every pair asked for is there.
        values |= {"min_hour": 0, "max_hour": 23, "min_train_pairs": 1}
        (folder / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
        tables = [_run("tables", n_photos, n_pairs, folder) for _ in range(repeats)]
        report = [_run("report", n_photos, n_pairs, folder) for _ in range(repeats)]
    return {
        "photos": n_photos,
        "pairs": n_pairs,
        "tables_s": median(run["seconds"]["total"] for run in tables),
        "tables_mib": max(run["peak_mib"] for run in tables),
        "report_s": median(run["seconds"]["total"] for run in report),
        "report_mib": max(run["peak_mib"]["end"] for run in report),
        "page_mib": report[0]["page_mib"],
    }


def plot(by_photos: list[dict[str, Any]], by_pairs: list[dict[str, Any]], path: Path) -> None:
    """Draw seconds and memory against photos, and against pairs."""
    figure, axes = plt.subplots(2, 2, figsize=(7.5, 5), layout="constrained", sharey="row")
    for column, (rows, against) in enumerate(((by_photos, "photos"), (by_pairs, "pairs"))):
        sizes = [row[against] for row in rows]
        for name, colour in _COLOUR.items():
            for place, unit in enumerate(("s", "mib")):
                numbers = [row[f"{name}_{unit}"] for row in rows]
                axes[place, column].plot(sizes, numbers, "o-", color=colour, label=_WORDS[name])
        for place in range(2):
            axes[place, column].set_xscale("log")
            axes[place, column].set_ylim(bottom=0)
            axes[place, column].grid(alpha=0.3)
        axes[0, column].set_title(
            f"{_PAIRS_OF_PHOTOS:,} pairs" if against == "photos" else f"{_PHOTOS_OF_PAIRS:,} photos"
        )
        axes[1, column].set_xlabel(against.capitalize())
    axes[0, 0].set_ylabel("Seconds")
    axes[1, 0].set_ylabel("Peak memory, MiB")
    axes[0, 0].legend(frameon=False)
    figure.savefig(path, dpi=100, metadata={"Software": None})
    plt.close(figure)


def _run(name: str, n_photos: int, n_pairs: int, folder: Path) -> dict[str, Any]:
    """What a benchmark found, run in a folder that holds its params.yaml."""
    out = folder / f"{name}.json"
    command = [sys.executable, "-m", f"benchmarks.{name}", "--out", str(out)]
    command += ["--photos", str(n_photos), "--pairs", str(n_pairs)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(  # noqa: S603
        command, cwd=folder, env=environment, capture_output=True, text=True
    )
    if result.returncode:
        sys.exit(f"{' '.join(command[1:])} failed:\n{result.stderr}")
    found: dict[str, Any] = read_json(out)
    return found


def _print_table(rows: list[dict[str, Any]]) -> None:
    print("| photos | pairs | tables, s | tables, MiB | report, s | report, MiB | page, MiB |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        print("| " + " | ".join(f"{value:,}" for value in row.values()) + " |")
    print()


def main() -> None:
    """Measure all sizes, print the table of benchmarks/lab-book.md, draw its plot."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", type=int, nargs="+", default=list(PHOTOS))
    parser.add_argument("--pairs", type=int, nargs="+", default=list(PAIRS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--plot", type=Path, default=ROOT / "benchmarks" / "growth.png")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    by_photos = [measure(n, _PAIRS_OF_PHOTOS, arguments.repeats) for n in arguments.photos]
    _print_table(by_photos)
    by_pairs = [measure(_PHOTOS_OF_PAIRS, n, arguments.repeats) for n in arguments.pairs]
    _print_table(by_pairs)
    plot(by_photos, by_pairs, arguments.plot)
    if arguments.out:
        write_json({"by_photos": by_photos, "by_pairs": by_pairs}, arguments.out)


if __name__ == "__main__":
    main()
