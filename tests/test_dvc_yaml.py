"""dvc.yaml against the code: what it lists is what the stages read, and no more."""

import pytest
import yaml
from imports import ROOT, all_imports

from fperank.handover.version import FIGURES, Version
from fperank.params.parameters import (
    DatasetParams,
    InputParams,
    PredictParams,
    ReportParams,
    TrainParams,
)

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
GROUPS = {
    "dataset": DatasetParams,
    "input": InputParams,
    "train": TrainParams,
    "predict": PredictParams,
    "report": ReportParams,
}
SHAPES_NO_BYTE = {
    "fperank/ground/errors.py": "kinds of errors: what they say goes to the screen",
    "fperank/running": "the run log and the stages' shell: when and whether a stage ran",
    "fperank/params": "dvc.lock records the values themselves; this checks them and refuses",
    "fperank/handover/version.py": "where outputs lie, not what is in them; tested below",
    "fperank/handover/summaries.py": "reads a summary back through its type, and refuses",
}
"""Code that a stage runs and dvc.yaml does not list, with the reason.

An agency with 160 models must not train them again because a message was reworded.
"""


def inside(name, place):
    return name == place or name.startswith(f"{place}/")


def shapes_no_byte(name):
    return any(inside(name, place) for place in SHAPES_NO_BYTE)


def listed_code(stage):
    return [dep for dep in STAGES[stage]["deps"] if dep.startswith(("fperank/", "stages/"))]


def test_the_five_stages_stand_in_the_order_of_the_data():
    assert list(STAGES) == list(GROUPS)
    assert all(stage["desc"].endswith(".") for stage in STAGES.values())


def test_the_file_is_read_in_a_minute():
    assert len((ROOT / "dvc.yaml").read_text("utf-8").splitlines()) <= 180


@pytest.mark.parametrize("name", GROUPS)
def test_nothing_of_a_parameter_reaches_a_shell(name):
    assert STAGES[name]["cmd"] == f"python -m stages.{name}"


@pytest.mark.parametrize("name", GROUPS)
def test_a_stage_lists_exactly_the_parameters_that_it_reads(name):
    assert STAGES[name]["params"] == list(GROUPS[name].model_fields)


@pytest.mark.parametrize("name", GROUPS)
def test_all_code_that_a_stage_runs_is_listed_and_nothing_else(name):
    code = all_imports(ROOT / f"stages/{name}.py", shapes_no_byte)
    listed = listed_code(name)
    assert [one for one in code if not any(inside(one, dep) for dep in listed)] == []
    assert [dep for dep in listed if not any(inside(one, dep) for one in code)] == []
    assert [dep for dep in listed if shapes_no_byte(dep)] == []


@pytest.mark.parametrize("name", GROUPS)
def test_a_folder_that_is_listed_holds_nothing_that_shapes_no_byte(name):
    folders = [dep for dep in listed_code(name) if not dep.endswith(".py")]
    assert [
        (folder, place) for folder in folders for place in SHAPES_NO_BYTE if inside(place, folder)
    ] == []


def test_the_code_that_is_left_out_exists():
    gone = [place for place in SHAPES_NO_BYTE if not (ROOT / place).exists()]
    assert gone == []


def test_the_paths_are_those_of_the_version_type():
    version = Version("${station}", "${variable}", "${dataset_version}", "${model_version}")
    for name, folder in (
        ("dataset", version.dataset),
        ("input", version.input),
        ("train", version.model),
        ("predict", version.predictions),
        ("report", version.report),
    ):
        assert STAGES[name]["outs"] == [folder.as_posix()]
    figures = [*STAGES["report"]["metrics"], *STAGES["report"]["plots"]]
    assert all(next(iter(one)).startswith(f"{FIGURES}/") for one in figures)


def test_each_stage_reads_what_the_ones_before_it_wrote():
    outs = {name: stage["outs"][0] for name, stage in STAGES.items()}
    reads = {
        name: [dep for dep in stage["deps"] if dep in outs.values()]
        for name, stage in STAGES.items()
    }
    assert reads == {
        "dataset": [],
        "input": [outs["dataset"]],
        "train": [outs["dataset"], outs["input"]],
        "predict": [outs["dataset"], outs["input"], outs["train"]],
        "report": [outs["dataset"], outs["input"], outs["train"], outs["predict"]],
    }
