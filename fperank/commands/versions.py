"""The commands that list, name and prove versions: `fperank versions`, `release`, `verify`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

_FILES_SHOWN = 10

_console = Console(stderr=True, highlight=False)


def versions(
    as_json: Annotated[bool, typer.Option("--json", help="A list for programs.")] = False,
) -> None:
    """List every model version that the repository knows: tags, branches and experiments."""
    from fperank.versions.listing import model_versions, versions_table

    found, trouble = model_versions(Path())
    if as_json:
        typer.echo(json.dumps([version.as_row() for version in found], indent=2))
    elif found:
        console = Console()
        # In a pipe or a file nothing is cut to the width of a screen.
        wide = console if console.is_terminal else Console(width=240)
        wide.print(versions_table(found))
    else:
        _console.print("no model version yet: run `dvc repro` and commit", markup=False)
    for version in found:
        if version.reason and not as_json:
            line = f"{version.revision} ({', '.join(version.names)}): {version.reason}"
            _console.print(line, markup=False, soft_wrap=True)
    if trouble:
        _console.print(trouble, markup=False, soft_wrap=True)


def release(
    push: Annotated[
        bool, typer.Option("--push/--no-push", help="Run `dvc push` first; git is never pushed.")
    ] = False,
) -> None:
    """Make a version of what is committed: check it, and tag it with its metrics."""
    from fperank.versions.release import make_release

    made = make_release(Path(), push=push)
    if not made.new:
        typer.echo(f"{made.tag} is released already, at this commit ({made.commit[:7]})")
        return
    typer.echo(f"released {made.tag} at {made.commit[:7]}. To share the tag:")
    typer.echo(f"  git push origin {made.tag}")


def verify(
    revision: Annotated[
        str, typer.Argument(metavar="REV", help="A git revision, tag, branch or DVC experiment.")
    ] = "HEAD",
    stage: Annotated[
        list[str] | None,
        typer.Option(
            "--stage", help="Run only this stage; repeat for more. Its inputs are fetched."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="An object for programs.")] = False,
    trust: Annotated[
        bool, typer.Option("--trust", help="Run a stranger's code without asking.")
    ] = False,
) -> None:
    """Prove that a version can be made again: run it in a clean clone and compare every output.

    Exit status 0: the same bytes, or (with a warning) the same within the tolerance. 1: different.
    Nothing is left behind and your files are only read. It runs the code of that revision, with
    your rights, and asks first where you neither made that code here nor fetched it from the
    origin.
    """
    from fperank.versions.proof.verdicts import verdicts_table
    from fperank.versions.proof.verify import verify as verify_version
    from fperank.versions.repository import top_folder

    def on_line(line: str) -> None:
        _console.print(line, markup=False, soft_wrap=True)

    top = top_folder(Path())
    if not trust:
        _ask_about_strangers(top, revision)
    result = verify_version(top, revision, stage, on_line)
    if as_json:
        typer.echo(json.dumps(result.as_dict(), indent=2, ensure_ascii=False))
    else:
        console = Console(highlight=False)
        if not console.is_terminal:
            # In a pipe or a file nothing is cut to the width of a screen.
            console = Console(highlight=False, width=240)
        console.print(verdicts_table(result.outputs))
        for line in result.lines():
            console.print(line, markup=False, soft_wrap=True)
    for warning in result.warnings():
        on_line(f"warning: {warning}")
    if result.conclusion == "different":
        raise typer.Exit(1)


def _ask_about_strangers(top: Path, revision: str) -> None:
    """Ask whether a stranger's code may run.

    Raises:
        DataError: nobody is there to ask.
        Abort: the answer is no.
    """
    from fperank.ground.errors import DataError
    from fperank.versions.proof.recorded import resolve_revision
    from fperank.versions.proof.trust import code_of_strangers

    files = code_of_strangers(top, resolve_revision(top, revision))
    if not files:
        return
    shown = ", ".join(files[:_FILES_SHOWN])
    more = f" and {len(files) - _FILES_SHOWN:,} more" if len(files) > _FILES_SHOWN else ""
    told = (
        f"{revision} brings code that was neither made in this repository nor fetched from its "
        f"origin, and verify would run it with your rights. It differs in {shown}{more}"
    )
    if not sys.stdin.isatty():
        raise DataError(f"{told}. Read it, then repeat the command with --trust")
    typer.confirm(f"{told}. Run it?", abort=True, err=True)
