import ast
import math

import numpy as np
import pandas as pd
from imports import ROOT

from fperank.ground.files import csv_text, write_json
from fperank.ground.numbers import all_rounded, rounded


def test_a_number_keeps_nine_digits():
    assert rounded(0.43264935582228736) == 0.432649356
    assert rounded(-1234567890123.0) == -1234567890000.0
    assert rounded(1e-300) == 1e-300
    assert math.isnan(rounded(math.nan))


def test_nine_digits_bring_every_32_bit_number_back():
    numbers = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    assert all(np.float32(rounded(float(one))) == one for one in numbers)


def test_fractions_are_rounded_however_deep_and_nothing_else_is_touched():
    values = {"a": [0.1 + 0.2, {"b": (1 / 3, "0.12345678901234", 12345678901234, True, None)}]}
    assert all_rounded(values) == {
        "a": [0.3, {"b": [0.333333333, "0.12345678901234", 12345678901234, True, None]}]
    }


def test_json_and_tables_are_written_by_that_rule(tmp_path):
    write_json({"a": 1 / 3, "b": np.float64(2 / 3), "c": np.float32(0.1)}, tmp_path / "a.json")
    assert (tmp_path / "a.json").read_text() == (
        '{\n  "a": 0.333333333,\n  "b": 0.666666667,\n  "c": 0.100000001\n}\n'
    )
    assert csv_text(pd.DataFrame({"a": [1 / 3], "b": ["x"]})) == "a,b\n0.333333333,x\n"
    assert csv_text(pd.DataFrame({"a": [1 / 3]}), digits=6) == "a\n0.333333\n"


def test_no_other_module_formats_a_table_or_dumps_json_into_an_output():
    """Every way to write numbers as text leads through `ground.files` and so `ground.numbers`."""
    wrong = []
    for path in sorted([*(ROOT / "fperank").rglob("*.py"), *(ROOT / "stages").glob("*.py")]):
        name = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = (
                node.func.attr
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
                else ""
            )
            if called == "to_csv" or (called in {"dump", "dumps"} and name not in JSON_ELSEWHERE):
                wrong.append((name, node.lineno, called))
    assert [one for one in wrong if one[0] != "fperank/ground/files.py"] == []


JSON_ELSEWHERE = {
    # What these print or send is no output of a stage.
    "fperank/running/runlog.py",
    "fperank/versions/storage.py",
    "fperank/commands/versions.py",
    "fperank/publishing/publish.py",
}
