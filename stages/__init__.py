"""The five stages of the pipeline, each a thin script that `dvc.yaml` runs."""

import sys
from importlib.util import find_spec
from types import TracebackType

# DVC runs the first `python` of the PATH: another one where the environment is not activated.
if find_spec("pandas") is None:
    sys.exit(
        f"error: the Python at {sys.executable} has not the packages of fperank; in the top folder "
        "of the repository type `source .venv/bin/activate`, then the command again"
    )


def _in_a_line(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Ctrl-C while packages are imported, which takes seconds, is no defect to show."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("stopped\n")
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _in_a_line
