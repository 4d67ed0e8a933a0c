"""The documentation against the code: what it names exists, and what the code writes is in it."""

import itertools
import re
from pathlib import Path

import pytest
from imports import ROOT
from pydantic import BaseModel
from typer.main import get_command

from fperank.commands.app import app
from fperank.handover import dataset, model, predictions
from fperank.handover import input as input_handover
from fperank.handover.photo_filter import PhotoFilter
from fperank.handover.station import Station
from fperank.params.parameters import Params
from fperank.photos.stretched import SeedView
from fperank.photos.view import PhotoView

WIDTH = 100
PAGES = sorted(
    page
    for page in itertools.chain(ROOT.glob("*.md"), ROOT.glob("*/*.md"))
    if not page.relative_to(ROOT).parts[0].startswith(".")
)
SCHEMAS = (
    *(dataset.IMAGES, dataset.OBSERVATIONS, dataset.DATASET_PAIRS, dataset.EXCLUDED),
    *(input_handover.INPUT_IMAGES, input_handover.PAIRS, model.HISTORY),
    *(predictions.PREDICTIONS, predictions.FAILURES),
)
SUMMARIES: tuple[type[BaseModel], ...] = (
    *(dataset.DatasetSummary, dataset.ReadFile, dataset.PhotoCounts, dataset.ObservationCounts),
    *(dataset.AnnotationCounts, dataset.AnswerAgreement),
    *(input_handover.InputSummary, input_handover.InputPhotos, input_handover.InputPairs),
    *(model.ModelDescription, model.TrainingSummary, predictions.PredictionsSummary),
    *(Station, PhotoFilter, PhotoView, SeedView),
)


def page_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def prose(page: Path) -> list[tuple[int, str]]:
    """Number and text of each line that is neither in a table nor in a block of code."""
    lines, fenced = [], False
    for number, line in enumerate(page.read_text("utf-8").splitlines(), start=1):
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced and not line.startswith(("|", "    ")):
            lines.append((number, line))
    return lines


def anchors(page: Path) -> set[str]:
    """What a link can name of a page: its headings, as GitHub and GitLab turn them into names."""
    heads = [line.lstrip("# ") for _, line in prose(page) if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_parameter_is_explained():
    text = (ROOT / "docs" / "parameters.md").read_text("utf-8")
    assert [name for name in Params.model_fields if f"`{name}" not in text] == []


def test_every_column_of_a_hand_over_is_explained():
    text = (ROOT / "docs" / "formats.md").read_text("utf-8")
    columns = {name for schema in SCHEMAS for name in schema.columns}
    # A table row that explains both photos of a pair names one of them in full.
    named = {name for name in columns if f"`{name}`" in text}
    of_right = {name for name in columns - named if name.replace("right_", "left_") in named}
    assert sorted(columns - named - of_right) == []


def test_every_key_of_a_hand_over_is_explained():
    text = (ROOT / "docs" / "formats.md").read_text("utf-8")
    keys = {name for summary in SUMMARIES for name in summary.model_fields}
    assert [name for name in sorted(keys) if f"`{name}`" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_prose_wraps_at_one_width(page):
    assert [(number, line) for number, line in prose(page) if len(line) > WIDTH] == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_link_leads_to_a_file_and_a_heading_that_exist(page):
    lost = []
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8")):
        if "://" in link:
            continue
        name, _, heading = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (heading and heading not in anchors(target)):
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_path_of_the_repository_exists(page):
    # Not weights/: its page names files that a user may put there.
    tops = "fperank|stages|benchmarks|tests|docs"
    text = page.read_text("utf-8")
    named = set(re.findall(rf"(?<![\w./-])(?:{tops})/[\w/.-]*[\w/]", text))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_module_in_a_command_exists(page):
    named = set(re.findall(r"python -m ((?:benchmarks|stages)[\w.]*)", page.read_text("utf-8")))
    paths = [ROOT / Path(*name.split(".")) for name in named]
    assert [
        path for path in paths if not path.is_dir() and not path.with_suffix(".py").exists()
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_parameter_in_a_command_exists(page):
    named = set(re.findall(r"-S [\"']?([a-z_]+)=", page.read_text("utf-8")))
    # The page of mistakes shows a misspelt one.
    assert named - {"min_huor"} <= set(Params.model_fields)


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_command_of_fperank_exists(page):
    named = set(re.findall(r"(?:^ {4}|`)fperank ([a-z][a-z-]*)", page.read_text("utf-8"), re.M))
    group = get_command(app)
    assert named <= set(group.commands)
