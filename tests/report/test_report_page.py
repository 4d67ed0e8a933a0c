import base64
import dataclasses
import hashlib
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from fake_station import write_station

from fperank.agreement.evaluation import evaluate
from fperank.params.parameters import ReportParams
from fperank.report import thumbnails
from fperank.report.charts import MAX_POINTS
from fperank.report.page import CHARTS, script_json, strip_of_ranks, write_page
from fperank.report.thumbnails import embed_photos

PARAMS = ReportParams(bootstrap_samples=20, bootstrap_block_days=2, report_photos=30)


def page_params(photos):
    """The report's parameters with so many photos to embed."""
    return PARAMS.model_copy(update={"report_photos": photos})


HOSTILE = '<script>alert(1)</script> & "x"'


class Page(HTMLParser):
    """Collects what the tests ask of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.scripts: list[dict[str, str | None]] = []
        self.script_texts: list[str] = []
        self.words: list[str] = []
        self.images_without_alt = 0
        self._in: str = ""
        self.feed(text)
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag, attrs):
        told = dict(attrs)
        self._in = tag
        if "id" in told:
            self.ids.append(told["id"])
        self.addresses += [told[key] for key in ("src", "href", "srcset", "action") if key in told]
        self.images_without_alt += tag == "img" and "alt" not in told
        if tag == "script":
            self.scripts.append(told)
            self.script_texts.append("")

    def handle_endtag(self, tag):
        self._in = ""

    def handle_data(self, data):
        if self._in == "script":
            self.script_texts[-1] += data
        elif self._in != "style":
            self.words.append(data)

    @property
    def data(self):
        return json.loads(self.script_texts[0])


@pytest.fixture(scope="module")
def written(material, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_page(material, evaluate(material, PARAMS), path, page_params(30))
    return path


@pytest.fixture(scope="module")
def page(written) -> Page:
    return Page(written.read_text(encoding="utf-8"))


def test_the_page_needs_nothing_beside_it(page, written):
    outside = [one for one in page.addresses if not one.startswith(("#", "data:"))]
    assert outside == []
    assert all("src" not in script for script in page.scripts)
    assert "default-src 'none'" in written.read_text(encoding="utf-8")


def test_the_policy_names_the_page_s_scripts_and_style_and_no_other(page, written):
    policy = re.search('Security-Policy" content="(.*?)"', written.read_text("utf-8"))[1]
    assert "unsafe" not in policy
    assert "http" not in policy
    named = re.findall(r"&#39;(sha256-.*?)&#39;", policy.partition("style-src")[0])
    assert named == [
        "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in page.script_texts[1:]
    ]


def test_no_button_sends_a_chart_anywhere(page):
    own = page.script_texts[-1]
    assert "showSendToCloud: false" in own
    assert 'modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]]' in own


def test_every_chart_has_its_place_and_its_data(page):
    assert set(page.data["charts"]) == set(CHARTS)
    for name in CHARTS:
        assert page.ids.count(f"chart-{name}") == 1
    assert len(page.ids) == len(set(page.ids))


def test_every_entry_of_the_contents_leads_to_a_section(page):
    targets = [one[1:] for one in page.addresses if one.startswith("#")]
    assert len(targets) > 12
    assert set(targets) <= set(page.ids)


def test_the_page_tells_figures_periods_and_versions(page):
    for words in (
        "West Brook 0 (Lower)",
        "Streamflow (cfs)",
        "2023-11-10 to 2023-11-29",
        "DATASET-01",
        "MODEL-01",
        "tau, test-out photos",
        "Kendall's tau",
        "simulated annotator",
        "is not an image that can be read",
        "no time in EXIF <b>",
    ):
        assert words in page.text
    assert page.images_without_alt == 0


def test_photos_are_embedded_in_order_of_time(page):
    photos = page.data["photos"]
    assert len(photos) == 30
    times = [photo["facts"][0] for photo in photos]
    assert times == sorted(times)


def test_the_same_material_gives_the_same_bytes(material, written, tmp_path):
    write_page(material, evaluate(material, PARAMS), tmp_path / "again.html", page_params(30))
    assert (tmp_path / "again.html").read_bytes() == written.read_bytes()


def test_the_page_holds_no_path_of_this_machine(material, written):
    assert str(material.photos) not in written.read_text(encoding="utf-8")


def test_hostile_names_are_shown_and_not_run(tmp_path):
    small = {"days": 5, "photos_per_day": 4, "n_pairs": 30}
    material = write_station(tmp_path, name=HOSTILE, called="<b>Brook", **small).load()
    photo = material.photos / material.predictions["filename"].iloc[5]
    material.predictions.loc[5, "filename"] = "a</script><img src=x onerror=alert(2)>.jpg"
    hostile = material.photos / material.predictions["filename"].iloc[5]
    hostile.parent.mkdir()
    photo.rename(hostile)
    material.failures.loc[0, "filename"] = "<img src=x onerror=alert(3)>"
    write_page(material, evaluate(material, PARAMS), tmp_path / "report.html", page_params(100))
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert HOSTILE in page.text
    assert "<b>Brook" in page.text
    assert "<img src=x onerror=alert(3)>" in page.text
    assert len(page.scripts) == 3
    assert "x" not in page.addresses
    assert "a</script><img src=x" in json.dumps(page.data)


def test_json_in_a_script_cannot_end_it():
    text = script_json({"a": "</script><!-- & \u2028"})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"a": "</script><!-- & \u2028"}


def test_a_station_without_values_gets_a_full_page(material_without_values, tmp_path):
    metrics = evaluate(material_without_values, PARAMS)
    write_page(material_without_values, metrics, tmp_path / "report.html", page_params(10))
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "There are no observed values" in page.text
    assert "No photo of this model version has an observed value" in page.text
    drawn = set(page.data["charts"])
    assert {"hydrograph", "daily-hydrograph", "pairs-by-time", "answers", "ties"} <= drawn
    assert "scatter" not in drawn


@pytest.mark.parametrize(
    "properties",
    [
        {"days": 1, "photos_per_day": 3, "n_pairs": 4},
        {"days": 1, "photos_per_day": 1, "n_pairs": 0, "n_failed": 0},
        {"days": 5, "photos_per_day": 3, "n_failed": 15},
        {"days": 8, "photos_per_day": 3, "splits": ("train", "val"), "n_pairs": 40},
    ],
    ids=["one day", "one photo", "all failed", "no test photos"],
)
def test_odd_stations_get_a_page(station, tmp_path, properties):
    material = station(**properties)
    write_page(material, evaluate(material, PARAMS), tmp_path / "report.html", page_params(10))
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "What the figures mean" in page.text
    assert set(page.data["charts"]) <= set(CHARTS)


def test_a_page_needs_no_figures(material, tmp_path):
    write_page(material, {}, tmp_path / "report.html", page_params(0))
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "No photos have both an observed value and a score." in page.text
    assert "This report holds no photos." in page.text


def test_the_strip_runs_from_the_lowest_to_the_highest_rank(material):
    strip = strip_of_ranks(embed_photos(material, 60).photos)
    ranks = [photo.rank_percentile for photo in strip]
    assert len(strip) == 11
    assert ranks == sorted(ranks)
    assert (ranks[0], ranks[-1]) == (0.0, 1.0)
    assert len({photo.facts[1] for photo in strip}) == 11


def test_a_mark_knows_its_photo_by_its_place_among_the_embedded_ones(page):
    photos = page.data["photos"]
    known = [
        facts
        for trace in page.data["charts"]["hydrograph"]["traces"]
        for facts in trace.get("customdata", [])
        if facts[1] is not None
    ]
    assert {facts[1] for facts in known} == set(range(len(photos)))
    for time, place, *figures in known:
        assert [time, *figures] == [photos[place]["facts"][0], *photos[place]["facts"][2:]]


def test_photos_that_cannot_be_read_are_told(station, tmp_path):
    material = station(days=6, photos_per_day=3, n_pairs=20, n_failed=0)
    for filename in material.predictions["filename"].iloc[:5]:
        (material.photos / filename).unlink()
    write_page(material, {}, tmp_path / "some.html", page_params(100))
    some = Page((tmp_path / "some.html").read_text(encoding="utf-8"))
    assert "5 photos chosen for this report could not be read and are not in it." in some.text
    shutil.rmtree(material.photos)
    write_page(material, {}, tmp_path / "none.html", page_params(100))
    none = Page((tmp_path / "none.html").read_text(encoding="utf-8"))
    assert "None of the 18 photos chosen for this report could be read." in none.text


def test_photos_left_out_for_the_pages_size_are_told(material, tmp_path, monkeypatch):
    monkeypatch.setattr(thumbnails, "MAX_BYTES", 20_000)
    write_page(material, {}, tmp_path / "report.html", page_params(100))
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    dropped = 100 - len(page.data["photos"])
    assert f"{dropped} more were chosen and left out, so that this page stays" in page.text


def test_a_long_record_makes_no_large_page_and_the_page_says_what_it_leaves_out(station, tmp_path):
    material = station(days=4600, photos_per_day=1, n_pairs=4500, photo_size=(8, 8))
    reasons = [f"no time in photo {i}" for i in range(500)]
    excluded = pd.DataFrame({"kind": "photo", "name": "a", "reason": reasons})
    failures = pd.concat([material.failures] * 100, ignore_index=True)
    material = dataclasses.replace(material, excluded=excluded, failures=failures)
    write_page(material, {}, tmp_path / "report.html", page_params(0))
    written = tmp_path / "report.html"
    page = Page(written.read_text(encoding="utf-8"))
    bound = 15_000_000 - thumbnails.MAX_BYTES
    assert written.stat().st_size < bound
    for chart in page.data["charts"].values():
        views = chart["views"] or [{"traces": range(len(chart["traces"]))}]
        for view in views:
            marks = [
                len(chart["traces"][place]["x"])
                for place in view["traces"]
                if "markers" in chart["traces"][place].get("mode", "")
            ]
            assert sum(marks) <= MAX_POINTS
        assert all(len(trace["x"]) <= 2 * MAX_POINTS for trace in chart["traces"])
    for words in (
        "of 4,597 photos are drawn: every n-th one in order of time",
        "days are drawn: the lowest and the highest of each run of neighbours",
        "of 110,400 observed values are drawn",
        "pairs are drawn: every n-th one",
        "The first 200 of 503 reasons",
        "The first 200 of 300;",
    ):
        assert words in page.text
