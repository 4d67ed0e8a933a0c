"""What the code really imports, read from its syntax: for the tests of structure."""

import ast
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]


def module_path(module: str) -> Path | None:
    """The file of a module of ours, or None; a package has no code of its own."""
    path = ROOT / Path(*module.split(".")).with_suffix(".py")
    return path if path.is_file() else None


def direct_imports(path: Path) -> set[Path]:
    """Our files that a file imports, wherever in it the import stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.split(".")[0] in {"fperank", "stages"} and (target := module_path(name)):
                found.add(target)
    return found - {path}


def all_imports(path: Path, leave_out: Callable[[str], bool]) -> set[str]:
    """Our files that run when a file runs, relative to the top: its imports, theirs, and so on.

    Args:
        path: where to begin; it is among them.
        leave_out: files that do not count, and whose own imports do not count through them.
    """
    seen: set[str] = set()
    waiting = [path]
    while waiting:
        current = waiting.pop()
        name = current.relative_to(ROOT).as_posix()
        if name not in seen and not leave_out(name):
            seen.add(name)
            waiting += direct_imports(current)
    return seen
