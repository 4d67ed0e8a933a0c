import subprocess
import sys

import pandas as pd
import pytest
from test_scoring import model  # noqa: F401  (a fixture)

from fperank import cli


def run(*arguments, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["fperank", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    told = capsys.readouterr()
    return caught.value.code, " ".join((told.out + told.err).split())


@pytest.fixture
def fperank(monkeypatch, capsys):
    return lambda *arguments: run(*arguments, monkeypatch=monkeypatch, capsys=capsys)


def test_photos_and_folders_are_scored_into_a_table(fperank, model, toy_images, tmp_path):  # noqa: F811
    photos = tmp_path / "photos"
    (photos / toy_images["filename"][0]).write_bytes(b"")
    code, told = fperank(
        "score", model, photos, photos / "p05-12.png", "-o", tmp_path / "out.csv", "--threads", "1"
    )
    assert code == 0
    assert "120 of 121 photos scored" in told
    assert "the file is empty" in told
    table = pd.read_csv(tmp_path / "out.csv")
    assert list(table.columns) == ["filename", "score", "rank_percentile", "reason"]
    assert len(table) == 121
    assert table["score"].isna().sum() == 1
    again = table[table["filename"].str.endswith("p05-12.png")]
    assert again["score"].nunique() == 1
    assert len(again) == 2


def test_mistakes_are_told_in_one_sentence(fperank, model, tmp_path):  # noqa: F811
    code, told = fperank("score", model, tmp_path / "none.jpg", "-o", tmp_path / "o.csv")
    assert (code, "none.jpg does not exist: name photos or folders" in told) == (1, True)
    (tmp_path / "empty").mkdir()
    code, told = fperank("score", model, tmp_path / "empty", "-o", tmp_path / "o.csv")
    assert (code, "no photo found: fperank reads .jpg" in told) == (1, True)
    code, told = fperank("score", tmp_path, model / "model.json", "-o", tmp_path / "o.csv")
    assert (code, "model.json does not exist" in told) == (1, True)
    code, told = fperank(
        "score", model, model / "model.json", "-o", tmp_path / "o.csv", "--threads", "0"
    )
    assert (code, "command line: threads is 0" in told) == (1, True)


def test_the_demo_folder_is_written_once(fperank, tmp_path):
    code, told = fperank("demo", tmp_path / "demo", "--days", "4", "--annotations", "20")
    assert code == 0
    assert "set source to folder and source_path to it" in told
    assert {p.name for p in (tmp_path / "demo").iterdir()} >= {"images", "station.json"}
    code, told = fperank("demo", tmp_path / "demo")
    assert (code, "exists already: name a folder that does not" in told) == (1, True)


def test_help_needs_no_heavy_module():
    code = (
        "import sys; sys.argv = ['fperank', '--help']; from fperank import cli\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'pandas', 'matplotlib'} & set(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "score" in result.stdout
