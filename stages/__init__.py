"""The five stages of the pipeline, each a thin script that `dvc.yaml` runs."""

import sys
from importlib.util import find_spec

# DVC runs the first `python` of the PATH: another one where the environment is not activated.
if find_spec("pandas") is None:
    sys.exit(
        f"error: the Python at {sys.executable} has not the packages of fperank; in the top folder "
        "of the repository type `source .venv/bin/activate`, then the command again"
    )
