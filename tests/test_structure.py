"""The house's own rules, held against the code. Which package may import which, import-linter says.

`make lint` runs it; here it is only shown that it would object.
"""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from imports import ROOT

PACKAGE = ROOT / "fperank"


def our_files():
    return sorted([*PACKAGE.rglob("*.py"), *ROOT.glob("stages/*.py")])


def test_the_top_of_the_library_holds_packages_and_the_command_line_only():
    assert sorted(path.name for path in PACKAGE.glob("*.py")) == ["__init__.py", "cli.py"]


def test_no_module_is_longer_than_a_few_screens():
    long = {p.name: n for p in our_files() if (n := len(p.read_text("utf-8").splitlines())) > 330}
    assert long == {}


def test_every_module_says_why_it_exists():
    assert [p.name for p in our_files() if not p.read_text("utf-8").startswith('"""')] == []


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("__init__.py")), ids=lambda path: path.parent.name
)
def test_a_package_holds_its_docstring_and_nothing_else(path: Path):
    tree = ast.parse(path.read_text("utf-8"))
    assert len(tree.body) == 1
    docstring = ast.get_docstring(tree)
    assert docstring and len(docstring) > 40, "say what lives there and what it may import"


def linted(folder: Path) -> subprocess.CompletedProcess:
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100)


def test_a_loss_that_imports_the_storage_of_versions_is_refused(tmp_path):
    for name in ("fperank", "stages"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    losses = tmp_path / "fperank" / "network" / "losses.py"
    losses.write_text(losses.read_text("utf-8") + "\nfrom fperank.versions import storage\n")
    refused = linted(tmp_path)
    assert refused.returncode == 1
    assert "fperank.network is not allowed to import fperank.versions" in refused.stdout
    shutil.copy(PACKAGE / "network" / "losses.py", losses)
    assert linted(tmp_path).returncode == 0
