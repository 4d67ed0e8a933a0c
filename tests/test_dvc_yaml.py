"""dvc.yaml against the code: what it lists is what the stages read."""

import pytest
import yaml
from imports import ROOT, all_imports

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
PAGE_FILES = {
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "fperank" / "report").iterdir()
    if path.suffix in {".html", ".css", ".js"}
}


def test_the_five_stages_stand_in_the_order_of_the_data():
    assert list(STAGES) == list(GROUPS)
    assert all(stage["desc"].endswith(".") for stage in STAGES.values())


@pytest.mark.parametrize("name", GROUPS)
def test_a_stage_lists_exactly_the_parameters_that_it_reads(name):
    assert STAGES[name]["params"] == list(GROUPS[name].model_fields)


@pytest.mark.parametrize("name", GROUPS)
def test_a_stage_lists_exactly_the_code_that_it_runs(name):
    code = {path.relative_to(ROOT).as_posix() for path in all_imports(ROOT / f"stages/{name}.py")}
    if name == "report":
        code |= PAGE_FILES
    listed = [dep for dep in STAGES[name]["deps"] if not dep.startswith("data/")]
    assert sorted(listed) == sorted(code)


@pytest.mark.parametrize("name", GROUPS)
def test_every_folder_that_a_stage_is_told_of_is_a_dependency_or_an_output(name):
    stage = STAGES[name]
    told = [part for part in stage["cmd"].split('"') if part.startswith("data/")]
    listed = [dep for dep in stage["deps"] if dep.startswith("data/")] + stage["outs"]
    assert sorted(told) == sorted(listed)
    assert stage["cmd"].count("${") == sum(path.count("${") for path in told)
