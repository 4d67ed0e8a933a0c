"""What the code really imports, read from its syntax: for the tests of structure."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]


def module_path(module: str) -> Path | None:
    """The file of a module of ours, or None."""
    base = ROOT / Path(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


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


def all_imports(path: Path) -> set[Path]:
    """Our files that run when a file runs: its imports, theirs, and so on, itself included."""
    seen: set[Path] = set()
    waiting = [path]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            waiting += direct_imports(current)
    return {file for file in seen if file.read_text(encoding="utf-8").count("\n") > 1}
