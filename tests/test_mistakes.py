"""What users read after the usual mistakes, by the real commands; docs/troubleshooting.md has it.

Every message of the page's table is a key of MESSAGES, and every key is heard in a test.
"""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from imports import ROOT
from PIL import Image
from pipeline_repository import run

from fperank.ground.errors import ParameterError
from fperank.params.file import load_params
from fperank.params.parameters import Params

MESSAGES = {
    "unknown": "min_huor is not a parameter of fperank; did you mean min_hour?",
    "unknown -S": "Could not override 'min_huor'.",
    "type": "max_gap_minutes is 'wide': input should be a valid number",
    "date": "Unsupported value of type 'date' in 'params.yaml:start_date'",
    "date in words": "start_date is 'April': must be a date in quotes, for example \"2024-04-30\"",
    "version 1e3": "dataset_version is 1000.0:",
    "version 007": "dataset_version is 7:",
    "version '007'": "model_version is '007': must begin with a letter",
    "version empty": "dataset_version is None:",
    "station empty": "station is '': is empty or begins or ends with a space",
    "station ..": "station is '..': cannot be a folder name",
    "station /": "station is 'a/b': cannot be a folder name",
    "bracket -S": "mismatched input ' (' expecting <EOF>",
    "quote -S": "LexerNoViableAltException: station=",
    "comma -S": "Sweep overrides can't be used without `--queue`",
    "key absent": "Could not find 'station'",
    "key twice": 'found duplicate key "min_hour"',
    "merge": "'./dvc.lock' is invalid (possible merge conflicts).",
    "skipping": "Stage 'dataset' didn't change, skipping",
}
PAGE = ROOT / "docs" / "troubleshooting.md"
# Starts DVC once for many commands, because its start takes longer than most of them.
STEPS = """
import json, os, pathlib, subprocess, sys
from dvc.cli import main
os.dup2(1, 2)
for kind, *arguments in json.loads(sys.argv[1]):
    if kind == "write":
        pathlib.Path(arguments[0]).write_text(arguments[1], encoding="utf-8")
    elif kind == "show":
        print(pathlib.Path(arguments[0]).read_text(encoding="utf-8"))
    else:
        code = main(arguments) if kind == "dvc" else subprocess.call([kind, *arguments])
        print("rc", code)
    print("=====", flush=True)
"""


@pytest.fixture(scope="module")
def copy(made, tmp_path_factory):
    """A copy of the small repository for all tests of this file."""
    return shutil.copytree(made[0], tmp_path_factory.mktemp("mistakes") / "copy", symlinks=True)


@pytest.fixture
def folder(copy):
    """The copy, put back to its first commit after each test."""
    yield copy
    run(copy, "git", "checkout", "--quiet", "--force", "main")
    run(copy, "git", "clean", "--quiet", "-d", "--force")


def steps(folder, *listed):
    """What each step says, in one line; of a command the exit status stands at the end.

    A step is a line of a shell as a list, `["write", path, text]` or `["show", path]`.
    """
    printed = run(folder, sys.executable, "-c", STEPS, json.dumps(listed))
    return [" ".join(one.split()) for one in printed.split("=====")[:-1]]


def typed(folder, **values):
    """The text of the parameter file with some values as a person would type them."""
    text = (folder / "params.yaml").read_text("utf-8")
    for name, value in values.items():
        text, n = re.subn(
            rf"^{name}: (?:\".*?\"|[^#\n]*)( #.*)?$", f"{name}: {value}\\1", text, flags=re.M
        )
        assert n == 1, name
    return text


def refusal(tmp_path, text):
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ParameterError) as caught:
        load_params(tmp_path / "params.yaml", Params)
    return str(caught.value)


def test_the_page_lists_the_tested_messages_and_no_others():
    rows = re.findall(r"^\| (`+) ?(.+?) ?\1 \|", PAGE.read_text("utf-8"), flags=re.M)
    assert [message for _, message in rows] == list(MESSAGES.values())
    own = Path(__file__).read_text("utf-8")
    assert [name for name in MESSAGES if f'MESSAGES["{name}"]' not in own] == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_gap_minutes": "wide"}, MESSAGES["type"]),
        ({"start_date": "April"}, MESSAGES["date in words"]),
        ({"dataset_version": "1e3"}, MESSAGES["version 1e3"]),
        ({"dataset_version": "007"}, MESSAGES["version 007"]),
        ({"model_version": '"007"'}, MESSAGES["version '007'"]),
        ({"dataset_version": ""}, MESSAGES["version empty"]),
        ({"station": '""'}, MESSAGES["station empty"]),
        ({"station": ".."}, MESSAGES["station .."]),
        ({"station": "a/b"}, MESSAGES["station /"]),
    ],
)
def test_a_value_that_is_not_allowed_is_named(tmp_path, values, message):
    assert f"params.yaml: {message}" in refusal(tmp_path, typed(ROOT, **values))


@pytest.mark.parametrize("name", ["West Brook (Lower)", "O'Hara", "Brook #2", "Cañada", "a, b"])
def test_a_name_in_quotes_may_hold_brackets_quotes_hashes_accents_and_commas(tmp_path, name):
    (tmp_path / "params.yaml").write_text(typed(ROOT, station=f'"{name}"'), encoding="utf-8")
    assert load_params(tmp_path / "params.yaml", Params).station == name


@pytest.mark.slow
def test_what_dvc_says_to_mistakes_in_the_parameter_file(folder, tmp_path):
    def write(text):
        return ["write", "params.yaml", text]

    good = typed(folder)
    status, dry = ["dvc", "status"], ["dvc", "repro", "--dry", "dataset"]
    unknown = good + "min_huor: 7\n"
    printed = steps(
        folder,
        *(write(unknown), ["dvc", "repro", "dataset"]),
        *(write(typed(folder, start_date="2024-04-01")), status, dry),
        *(write(typed(folder, start_date='"2024-04-01"')), dry),
        *(write(typed(folder, min_hour="8\nmin_hour: 9")), status, dry),
        *(write(good.replace("\nstation:", "\nstatoin:")), status, dry),
        *(write(typed(folder, dataset_version="1e3")), ["dvc", "status", "dataset"]),
        *(write(typed(folder, dataset_version="007")), ["dvc", "status", "dataset"]),
        *(write(typed(folder, dataset_version="")), ["dvc", "status", "dataset"]),
        *(write(typed(folder, max_gap_minutes="wide")), ["dvc", "repro", "dataset"]),
        *(write(good), ["dvc", "repro", "dataset"], ["dvc", "status", "dataset"]),
    )
    printed = [one for one in printed if one]
    # A key that no stage reads changes nothing for DVC, so no stage runs that could refuse it.
    assert "up to date" in printed[0]
    assert MESSAGES["unknown"] in refusal(tmp_path, unknown)
    assert all(MESSAGES["date"] in one and not one.endswith("rc 0") for one in printed[1:3])
    assert printed[3].endswith("rc 0")
    assert all(MESSAGES["key twice"] in one and not one.endswith("rc 0") for one in printed[4:6])
    assert all(MESSAGES["key absent"] in one for one in printed[6:8])
    assert [re.findall(r"FLOW_CFS/(\w[\w.]*)/data", one) for one in printed[8:11]] == [
        ["1000.0"],
        ["7"],
        ["None"],
    ]
    assert f"error: params.yaml: {MESSAGES['type']}" in printed[11]
    assert "failed to reproduce 'dataset'" in printed[11]
    # DVC took the output away before the stage refused; the next run has it from the cache.
    assert "is cached - skipping run, checking out outputs" in printed[12]
    assert "up to date" in printed[13]


@pytest.mark.slow
def test_mistakes_on_the_command_line_leave_the_parameters_alone_or_are_taken_back(folder):
    printed = steps(
        folder,
        ["dvc", "exp", "run", "-S", "min_huor=7"],
        ["dvc", "exp", "run", "-S", "station=West Brook (Lower)"],
        ["dvc", "exp", "run", "-S", "station=O'Hara"],
        ["dvc", "exp", "run", "-S", "station=Brook #2"],
        ["dvc", "exp", "run", "-S", "station=Cañada"],
        ["dvc", "exp", "run", "-S", "station=Smith, Upper"],
        ["git", "status", "--porcelain"],
        ["dvc", "exp", "run", "-S", "station=", "dataset"],
        ["git", "status", "--porcelain"],
        ["git", "checkout", "HEAD", "--", "params.yaml"],
    )
    assert MESSAGES["unknown -S"] in printed[0]
    assert MESSAGES["bracket -S"] in printed[1]
    assert all(MESSAGES["quote -S"] in one for one in printed[2:5])
    assert MESSAGES["comma -S"] in printed[5]
    assert printed[6] == "rc 0"
    assert f"error: params.yaml: {MESSAGES['station empty']}" in printed[7]
    assert printed[8].split()[:2] == ["M", "params.yaml"]
    assert load_params(folder / "params.yaml", Params).station


def station_folder(path, n):
    (path / "images").mkdir(exist_ok=True, parents=True)
    rows = ["filename,timestamp"]
    for day in range(1, n + 1):
        Image.new("RGB", (40, 30), (40 * day, 0, 0)).save(path / f"images/p{day}.jpg")
        rows.append(f"p{day}.jpg,2024-05-{day:02d}T12:00:00-04:00")
    (path / "images.csv").write_text("\n".join(rows) + "\n")


@pytest.mark.slow
def test_a_dataset_version_with_other_content_is_replaced_and_the_old_one_kept(folder, tmp_path):
    name = "O'Hara #2 (ñ), a"
    images = f"data/{name}/FLOW_CFS/demo-1/data/images.csv"
    station_folder(tmp_path / "station", 3)
    printed = steps(
        folder,
        ["git", "checkout", "--quiet", "-b", "three-photos"],
        [
            *("dvc", "exp", "run", "dataset", "-S", f'station="{name}"', "-S", "source=folder"),
            *("-S", f"source_path={tmp_path / 'station'}"),
        ],
        ["git", "commit", "--quiet", "--all", "--message=three photos"],
    )
    assert printed[1].endswith("rc 0"), printed
    three = (folder / images).read_text("utf-8")
    assert three.count(".jpg,") > 0
    station_folder(tmp_path / "station", 5)
    printed = steps(
        folder,
        ["dvc", "repro", "dataset"],
        ["dvc", "repro", "--force", "--single-item", "dataset"],
        ["show", images],
        ["git", "checkout", "HEAD", "--", "params.yaml", "dvc.lock"],
        ["dvc", "checkout", "dataset"],
    )
    assert MESSAGES["skipping"] in printed[0]
    assert "p5.jpg" in printed[2]
    assert "p5.jpg" not in three
    assert (folder / images).read_text("utf-8") == three


@pytest.mark.slow
def test_two_branches_that_changed_the_lock_file_are_merged(folder):
    (path,) = folder.glob("data/*/*/*/models/*/input/input.json")
    show = ["show", str(path.relative_to(folder))]
    printed = steps(
        folder,
        ["dvc", "checkout", "--quiet", "--force"],
        ["git", "checkout", "--quiet", "-b", "mine"],
        ["write", "params.yaml", typed(folder, min_hour="9")],
        ["dvc", "repro", "input"],
        ["git", "commit", "--quiet", "--all", "--message=mine"],
        ["git", "checkout", "--quiet", "-b", "theirs", "main"],
        ["write", "params.yaml", typed(folder, split_seed="2")],
        ["dvc", "repro", "input"],
        show,
        ["git", "commit", "--quiet", "--all", "--message=theirs"],
        ["git", "checkout", "--quiet", "mine"],
        ["git", "merge", "theirs"],
        ["dvc", "status"],
        ["dvc", "repro"],
        # One branch's version as it is.
        ["git", "checkout", "theirs", "--", "params.yaml", "dvc.lock", "report"],
        ["dvc", "checkout", "input"],
        show,
        ["git", "merge", "--abort"],
        # What both changed, together.
        ["git", "merge", "theirs"],
        ["git", "checkout", "--ours", "dvc.lock"],
        ["dvc", "repro", "input"],
        ["dvc", "status", "input"],
        show,
        ["git", "commit", "--quiet", "--all", "--message=both"],
    )
    theirs, conflict, status, repro, taken, again, run_again, clean, both, committed = (
        printed[k] for k in (8, 11, 12, 13, 16, 18, 20, 21, 22, 23)
    )
    assert all("Updating lock file" in printed[k] for k in (3, 7)), printed
    assert "CONFLICT (content): Merge conflict in dvc.lock" in conflict
    assert MESSAGES["merge"] in status
    assert MESSAGES["merge"] in repro
    assert taken == theirs
    assert "Merge conflict in dvc.lock" in again
    assert "Running stage 'input'" in run_again
    assert "up to date" in clean
    assert '"min_hour": 9' in both
    assert '"split_seed": 2' in both
    assert '"min_hour": 9' not in theirs
    assert committed == "rc 0"
