"""All commands in one.

Heavy modules are imported by the command that needs them, so that help appears at once.
"""

import typer

from fperank.commands.curve import learning_curve
from fperank.commands.demo import demo
from fperank.commands.imagesets import score_imagesets
from fperank.commands.publish import publish
from fperank.commands.score import merge_scores, score
from fperank.commands.seed import export, import_seed
from fperank.commands.versions import release, verify, versions

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
