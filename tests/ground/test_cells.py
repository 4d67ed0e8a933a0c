import io

import pandas as pd
import pytest

from fperank.ground.cells import plain_cells, plain_text, safe_text
from fperank.ground.files import csv_text

FORMULAS = ['=HYPERLINK("http://x")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "\n=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_text_and_comes_back(text):
    assert safe_text(text) == f"'{text}"
    assert plain_text(safe_text(text)) == text


@pytest.mark.parametrize(
    "text", ["", "photo.jpg", "a=b", "-5", "+1.5e-07", "-.5", "'quoted'", "O'Neil", "2024-01-01"]
)
def test_what_is_harmless_stays_as_it_is(text):
    assert safe_text(text) == text == plain_text(text)


@pytest.mark.parametrize("text", ["'=1", "''=1", "'-5", "'@"])
def test_text_that_looks_safe_already_comes_back_too(text):
    assert plain_text(safe_text(text)) == text
    assert safe_text(text) != text


def test_a_table_is_written_safe_and_read_as_it_was():
    table = pd.DataFrame(
        {
            "image_id": ["-7", *FORMULAS],
            "score": [-1.5, *[2.0] * 6],
            "reason": pd.Series([None, *FORMULAS], dtype="object"),
        }
    )
    text = csv_text(table)
    cells = pd.read_csv(io.StringIO(text), dtype="str", keep_default_na=False)
    assert cells["image_id"].tolist() == ["-7", *(f"'{one}" for one in FORMULAS)]
    assert cells["score"].tolist()[0] == "-1.5"
    back = plain_cells(cells)
    assert back["image_id"].tolist() == table["image_id"].tolist()
    assert back["reason"].tolist() == ["", *FORMULAS]
    assert table["image_id"].tolist()[1] == FORMULAS[0]


def test_a_harmless_table_is_written_without_a_copy():
    table = pd.DataFrame({"filename": ["a.jpg"], "score": [-1.0], "n": [1]})
    assert csv_text(table) == "filename,score,n\na.jpg,-1,1\n"
