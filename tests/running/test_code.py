from imports import ROOT

from fperank.running import code


def test_only_loaded_code_that_changed_is_told(monkeypatch):
    monkeypatch.chdir(ROOT)
    before = code.code_files()
    assert "fperank/running/code.py" in before
    assert "fperank/report/page.html" in before
    assert code.changed_since(before) == {}
    earlier = {"fperank/running/code.py": "1", "fperank/report/page.html": "2", "stages/no.py": "3"}
    assert code.changed_since({**before, **earlier}) == {
        "fperank/running/code.py": "1",
        "fperank/report/page.html": "2",
    }


def test_outside_of_git_nothing_is_known_and_nothing_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert code.code_files() == {}
    assert code.changed_since({}) == {}
