"""The command `fperank`: what is not a stage of the pipeline.

Heavy modules are imported by the command that needs them, so that help appears at once.
"""

import typer
from rich.console import Console

from fperank.commands.curve import learning_curve
from fperank.commands.demo import demo
from fperank.commands.imagesets import score_imagesets
from fperank.commands.publish import publish
from fperank.commands.score import merge_scores, score
from fperank.commands.seed import export, import_seed
from fperank.commands.versions import release, verify, versions
from fperank.running.endings import ends_in_words

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Relative hydrographs from camera photos. The pipeline itself runs by `dvc repro`.",
)
for _command in (
    *(score, merge_scores, demo, versions, release, verify, publish, export, import_seed),
    *(learning_curve, score_imagesets),
):
    app.command()(_command)


def main() -> None:
    """Run the command; see `running.endings` for how it can end."""
    with ends_in_words(_say, "stopped before the end: what was whole before is still there"):
        app()


def _say(line: str) -> None:
    Console(stderr=True, highlight=False).print(line, markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()
