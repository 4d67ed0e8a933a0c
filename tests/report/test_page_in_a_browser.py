"""The report in a real browser: nothing of a stranger runs, and every chart is drawn."""

import re
import shutil
import subprocess

import pytest
from fake_station import write_station

from fperank.agreement.evaluation import evaluate
from fperank.params.parameters import ReportParams
from fperank.report.page import CHARTS, write_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PARAMS = ReportParams(bootstrap_samples=20, bootstrap_block_days=2, report_photos=30)
# Each would change the title, which nothing else of the page does.
HOSTILE = "<script>document.title='pwned'</script>"
STATION = "<img src=x onerror=document.title='pwned'>"
IMAGE = "a</script><img src=x onerror=\"document.title='pwned'\">.jpg"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


def seen_by_a_browser(path, profile):
    """The page's elements after its scripts have run, and what the browser wrote to its console."""
    result = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"),
            *(f"--user-data-dir={profile}", "--window-size=1200,900"),
            *("--virtual-time-budget=20000", "--dump-dom", path.as_uri()),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    console = [line for line in result.stderr.splitlines() if ":CONSOLE:" in line]
    return result.stdout, console


@pytest.fixture
def report(tmp_path):
    small = {"days": 5, "photos_per_day": 4, "n_pairs": 30}
    material = write_station(tmp_path, name=HOSTILE, called=STATION, **small).load()
    photo = material.photos / material.predictions["filename"].iloc[5]
    material.predictions.loc[5, "filename"] = IMAGE
    hostile = material.photos / IMAGE
    hostile.parent.mkdir()
    photo.rename(hostile)
    material.failures.loc[0, "filename"] = IMAGE
    write_page(material, evaluate(material, PARAMS), tmp_path / "report.html", PARAMS)
    return tmp_path / "report.html"


def test_names_of_a_stranger_are_text_and_every_chart_is_drawn(report, tmp_path):
    dom, console = seen_by_a_browser(report, tmp_path / "profile")
    assert "relative hydrograph" in re.search("<title>(.*?)</title>", dom)[1]
    assert "&lt;script&gt;document.title" in dom
    drawn = dom.count('class="main-svg"')
    assert drawn >= dom.count("data-chart=") > len(CHARTS) / 2
    # Neither a script nor a style of the page's own is kept back.
    assert console == []


def test_the_policy_stops_what_a_mistake_in_the_page_would_let_in(report, tmp_path):
    """With the escaping undone, the policy alone keeps a stranger's script and image away."""
    page = report.read_text("utf-8")
    inside = f"<main>{HOSTILE}<img src='http://127.0.0.1:9/x' onerror=\"document.title='pwned'\">"
    report.write_text(page.replace("<main>", inside, 1), "utf-8")
    dom, console = seen_by_a_browser(report, tmp_path / "profile")
    assert "<title>pwned</title>" not in dom
    assert sum("Content Security Policy" in line for line in console) >= 2
    without = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    report.write_text(without.replace("<main>", inside, 1), "utf-8")
    dom, _ = seen_by_a_browser(report, tmp_path / "profile")
    assert "<title>pwned</title>" in dom
