"""What the benchmarks share: time in turn, peak memory, the machine's kind, tables.

Times are compared within one run only, taken in turn, and told as medians: other work on the
machine slows all alike. The machine is told by its kind, never by name or path.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from fperank.ground.files import write_json
from fperank.params.file import load_params
from fperank.params.parameters import GroupT, Params

ROOT = Path(__file__).parents[1]
SCRATCH = ROOT / ".fperank" / "benchmarks"
"""Where photos are kept between two runs; may be deleted at any time."""

UNCUT = {"crop_top": 0, "crop_bottom": 0, "crop_left": 0, "crop_right": 0}
"""The whole photo."""

CACHE_BYTES = 2**30
"""What the cache of decoded photos may take."""

Figure = float | int | str | None


@dataclass
class Result:
    """What a benchmark found.

    Attributes:
        name: of the benchmark.
        settings: what was measured.
        figures: what was found; the names tell the unit.
        goals: what should hold, and whether it does.
    """

    name: str
    settings: dict[str, Any]
    figures: dict[str, Figure] = field(default_factory=dict)
    goals: dict[str, bool] = field(default_factory=dict)

    def at_least(self, figure: str, goal: float) -> None:
        """Hold a figure against the least that it should be."""
        self.goals[f"{figure} is at least {goal:g}"] = _value(self.figures[figure]) >= goal

    def at_most(self, figure: str, goal: float) -> None:
        """Hold a figure against the most that it may be."""
        self.goals[f"{figure} is at most {goal:g}"] = _value(self.figures[figure]) <= goal

    def tell(self, out: Path | None) -> None:
        """Print the tables and write the JSON file, if one is asked for."""
        print(markdown(self.name, ["setting", "value"], self.settings.items()))
        print(markdown("", ["figure", "value"], self.figures.items()))
        reached = [(goal, "yes" if met else "NO") for goal, met in self.goals.items()]
        if reached:
            print(markdown("", ["goal", "reached"], reached))
        if out is not None:
            told = {"settings": self.settings, "figures": self.figures, "goals": self.goals}
            write_json({self.name: told, "machine": machine()}, out)


def _value(figure: Figure) -> float:
    return float(figure) if isinstance(figure, (int, float)) else float("nan")


def arguments(doc: str | None, **options: tuple[Any, str]) -> argparse.Namespace:
    """Read a benchmark's command line: `--out` and its options.

    Args:
        doc: the module's docstring; its first line is shown.
        options: name to default and help text; the default's type is the option's.
    """
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument(
        "--out", type=Path, default=None, help="write the figures to this JSON file"
    )
    for name, (default, told) in options.items():
        option = f"--{name.replace('_', '-')}"
        several = isinstance(default, list)
        parser.add_argument(
            option,
            default=default,
            help=f"{told} (default: {default})",
            type=type(default[0]) if several else type(default),
            nargs="+" if several else None,
        )
    return parser.parse_args()


def parameters(group: type[GroupT], **changes: Any) -> GroupT:
    """One stage's share of params.yaml, with some values changed."""
    params = load_params(ROOT / "params.yaml", Params)
    values = {name: getattr(params, name) for name in group.model_fields}
    return group.model_validate({**values, **changes})


def seconds(task: Callable[[], object]) -> float:
    """How long a task takes."""
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


def in_turn(tasks: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of each task; all once, all again, as often as asked for."""
    taken: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(repeats):
        for name, task in tasks.items():
            taken[name].append(seconds(task))
    return {name: statistics.median(values) for name, values in taken.items()}


def peak_mib(module: str, *options: object) -> int:
    """Peak memory of `python -m <module> <options>` and nothing else, MiB.

    Raises:
        RuntimeError: the process failed; its own words stand above.
    """
    # Linux counts a process's peak from before it became another program: what starts this one
    # must be small itself.
    command = [sys.executable, "-c", _START_AND_TELL_PEAK, sys.executable, "-m", module]
    told = subprocess.run(  # noqa: S603
        [*command, *map(str, options)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    if told.returncode:
        raise RuntimeError(f"python -m {module} ended with status {told.returncode}")
    # Linux counts in KiB, macOS in bytes.
    return round(int(told.stdout) / (2**20 if sys.platform == "darwin" else 2**10))


_START_AND_TELL_PEAK = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""


def machine() -> dict[str, Figure]:
    """The kind of machine: processor, cores, memory, versions; no name, no path."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    accelerator = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "accelerator": accelerator,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    if told.exists():
        for line in told.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def markdown(title: str, columns: list[str], rows: Iterable[tuple[Any, ...]]) -> str:
    """A table for the screen and for docs."""
    told = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(row[k]) for row in [columns, *told]) for k in range(len(columns))]

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)) + " |"

    lines = [line(columns), line(["-" * width for width in widths]), *map(line, told)]
    return "\n".join([*([f"\n### {title}\n"] if title else [""]), *lines])


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value)
