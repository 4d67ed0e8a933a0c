"""Reading `params.yaml`: the whole file is checked whenever any stage starts.

So a mistake in what a late stage reads shows at once. The file is read by the very reader that DVC
reads and rewrites it with (YAML 1.2), because one file must not have two meanings.

Refused: what is no flat list of names and values, unknown keys, values that are not allowed.
"""

import difflib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from fperank.ground.errors import ParameterError
from fperank.params.parameters import GroupT, Params
from fperank.params.types import without_secrets


def read_yaml(text: str, where: str) -> Any:
    """What a YAML text means to DVC.

    Args:
        text: the YAML.
        where: what to name in an error, such as the file.

    Raises:
        ParameterError: it is not YAML.
    """
    try:
        return YAML(typ="safe").load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        fault = getattr(error, "problem", None) or str(error)
        raise ParameterError(f"{where} is not valid YAML{line}: {fault}") from None


def load_params(path: Path, group: type[GroupT]) -> GroupT:
    """Read and check the whole parameter file, and return one stage's share of it.

    Args:
        path: the YAML file, usually `params.yaml`.
        group: the model of the stage, such as `TrainParams`, or `Params` for everything.

    Raises:
        ParameterError: the file is absent, is not a flat list of names and values, or a value is
            not allowed. The message lists every fault at once.
    """
    try:
        values = read_yaml(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise ParameterError(f"{path} does not exist: run from the top folder") from None
    except UnicodeDecodeError:
        raise ParameterError(f"{path} is not a text file in UTF-8: save it as one") from None
    if not isinstance(values, dict):
        raise ParameterError(f"{path} must hold lines of the form `name: value`")
    params = _checked(Params, values, str(path))
    return group.model_validate({name: getattr(params, name) for name in group.model_fields})


def check_group(group: type[GroupT], values: dict[str, Any]) -> GroupT:
    """Check parameters that come from a command line instead of the file.

    Raises:
        ParameterError: a value is not allowed; the message lists every fault at once.
    """
    return _checked(group, values, "command line")


def _checked(group: type[GroupT], values: dict[str, Any], where: str) -> GroupT:
    try:
        return group.model_validate(values)
    except ValidationError as error:
        faults = (_sentence(dict(one), where) for one in error.errors())
        raise ParameterError("\n".join(faults)) from None


def _sentence(error: dict[str, Any], where: str) -> str:
    name = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, Params.model_fields, n=1)
        hint = f"did you mean {near[0]}?" if near else "remove it, or see docs/parameters.md"
        return f"{where}: {name} is not a parameter of fperank; {hint}"
    if error["type"] == "missing":
        return f"{where}: {name} is missing; docs/parameters.md says what it means"
    message = error["msg"].removeprefix("Value error, ")
    if not name:
        return f"{where}: {message}"
    value = without_secrets(error["input"])
    return f"{where}: {name} is {value!r}: {message[0].lower()}{message[1:]}"
