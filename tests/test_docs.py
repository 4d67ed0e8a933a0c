"""The documentation against the code: every parameter is explained, every path exists."""

import re

import pytest
from imports import ROOT

from fperank.params.parameters import Params

PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md")])


def test_every_parameter_is_told_of():
    text = (ROOT / "docs" / "parameters.md").read_text("utf-8")
    assert [name for name in Params.model_fields if f"`{name}" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_parameter_in_a_command_exists(page):
    text = page.read_text("utf-8")
    named = set(re.findall(r"-S '?([a-z_]+)=", text))
    assert named <= set(Params.model_fields)
