import json
import subprocess
import sys

import pandas as pd
import pytest

from fperank import cli


def run(*arguments, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["fperank", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    printed = capsys.readouterr()
    return caught.value.code, " ".join((printed.out + printed.err).split())


@pytest.fixture
def fperank(monkeypatch, capsys):
    return lambda *arguments: run(*arguments, monkeypatch=monkeypatch, capsys=capsys)


def test_a_folder_s_photos_are_scored_and_later_only_the_new_ones(
    fperank, model, toy_images, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    photos, out = tmp_path / "photos", tmp_path / "out.csv"
    (photos / toy_images["filename"][0]).write_bytes(b"")
    later = (photos / "p05-12.png").rename(tmp_path / "later.png")
    code, printed = fperank("score", model, photos, "-o", out, "--threads", "1", "--all-hours")
    assert code == 0
    assert "118 photos scored" in printed
    assert "1 could not be read" in printed
    before = out.read_bytes()
    later.rename(photos / "p05-12.png")
    code, printed = fperank("score", model, photos, "-o", out, "--threads", "1", "--all-hours")
    assert "1 photo scored" in printed
    assert "119 were scored before" in printed
    assert out.read_bytes().startswith(before)
    table = pd.read_csv(out)
    assert list(table["image_id"])[-1] == "p05-12.png"
    assert table["reason"].dropna().tolist() == ["the file is empty"]
    assert table["model"].nunique() == 1


def test_hours_of_the_model_are_kept_to_unless_all_are_asked_for(
    fperank, model, toy_images, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    description = json.loads((model / "model.json").read_text())
    hours = {"min_hour": 8, "max_hour": 17, "min_month": 1, "max_month": 12}
    description["photo_filter"] = hours
    (model / "model.json").write_text(json.dumps(description))
    for k, path in enumerate(sorted((tmp_path / "photos").iterdir())):
        hour = path.stem.split("-")[1]
        path.rename(path.with_name(f"2024-01-{k // 3 % 28 + 1:02d}-{hour}-{k:03d}.png"))
    command = ["score", model, "photos", "-o", "out.csv", "--timestamp-pattern", "%Y-%m-%d-%H"]
    code, printed = fperank(*command)
    assert (code, "does not tell its station's time zone: give --timezone" in printed) == (1, True)
    code, printed = fperank(*command, "--timezone", "America/New_York")
    assert code == 0
    assert "40 photos scored" in printed
    assert "80 left out: outside the hours 8 to 17" in printed
    assert pd.read_csv("out.csv")["timestamp"][0] == "2024-01-01T12:00:00-05:00"


def test_two_cards_with_the_same_names_are_kept_apart(fperank, model, toy_images, tmp_path):
    for card in ("card-1", "card-2"):
        (tmp_path / card).mkdir()
        content = (tmp_path / "photos" / toy_images["filename"][0]).read_bytes()
        (tmp_path / card / "IMG_0001.png").write_bytes(content)
    out = tmp_path / "out.csv"
    for card in ("card-1", "card-2"):
        command = ["score", model, tmp_path / card, "-o", out, "--all-hours"]
        assert fperank(*command, "--prefix", f"{card}/")[0] == 0
    table = pd.read_csv(out)
    assert list(table["image_id"]) == ["card-1/IMG_0001.png", "card-2/IMG_0001.png"]
    assert table["score"].nunique() == 1


def test_mistakes_are_said_in_one_sentence(fperank, model, toy_images, tmp_path):
    out = tmp_path / "o.csv"
    code, printed = fperank("score", model, tmp_path / "none", "-o", out, "--all-hours")
    assert (code, "none is no folder: give a folder of photos" in printed) == (1, True)
    (tmp_path / "empty").mkdir()
    code, printed = fperank("score", model, tmp_path / "empty", "-o", out, "--all-hours")
    assert (code, "holds no photo that can be used: looked for .jpg" in printed) == (1, True)
    code, printed = fperank("score", tmp_path, tmp_path / "photos", "-o", out)
    assert (code, "model.json does not exist" in printed) == (1, True)
    code, printed = fperank("score", model, tmp_path / "photos", "-o", out, "--threads", "0")
    assert (code, "command line: threads is 0" in printed) == (1, True)
    code, printed = fperank("score", model, tmp_path / "photos", "-o", out, "--utc-offset", "5")
    assert (code, "command line: utc_offset is '5'" in printed) == (1, True)
    out.write_text("a,b\n1,2\n")
    code, printed = fperank("score", model, tmp_path / "photos", "-o", out, "--all-hours")
    assert (code, "is no file of scores" in printed) == (1, True)


def test_the_demo_folder_is_written_once(fperank, tmp_path):
    code, printed = fperank("demo", tmp_path / "demo", "--days", "4", "--annotations", "20")
    assert code == 0
    assert "set source to folder and source_path to it" in printed
    assert {p.name for p in (tmp_path / "demo").iterdir()} >= {"images", "station.json"}
    code, printed = fperank("demo", tmp_path / "demo")
    assert (code, "exists already: name a folder that does not" in printed) == (1, True)


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
