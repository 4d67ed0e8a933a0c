"""Spoilt pictures are drawn from good ones by what spoils them: lost bytes, lost blocks, a cast."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from fperank.ground.errors import PhotoError
from fperank.handover.quality import QUALITY
from fperank.handover.tables import checked
from fperank.quality.judge import LEAST_PHOTOS, marks, usual_look
from fperank.quality.measures import measure
from fperank.quality.station import judge_new, judge_station

SIZE = (640, 480)


def scene(seed: int, strip: bool = True, light: float = 1.0) -> Image.Image:
    """A grey-green bank above brown water, with a noise of leaves, and a printed black strip."""
    rng = np.random.default_rng(seed)
    width, height = SIZE
    pixels = np.empty((height, width, 3))
    shore = height // 3 + rng.integers(-20, 20) + (np.arange(width) // 16) % 40
    is_bank = np.arange(height)[:, None] < shore[None, :]
    pixels[:] = np.where(is_bank[..., None], (110, 130, 100), (120, 110, 95))
    leaves = rng.normal(0, 22, (height // 8, width // 8)).repeat(8, axis=0).repeat(8, axis=1)
    pixels = (pixels + (leaves + rng.normal(0, 8, (height, width)))[..., None]) * light
    if strip:
        pixels[-32:] = 0
        pixels[-24:-8, 20:200:3] = 255
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def jpeg(picture: Image.Image, **how) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", **{"quality": 90, **how})
    return buffer.getvalue()


def cast(picture: Image.Image, blue: int, red: int, from_row: int = 0) -> Image.Image:
    """The picture with all colours shifted, as where a JPEG's colour blocks were lost."""
    shifted = np.asarray(picture.convert("YCbCr")).astype(int)
    shifted[from_row:] += (0, blue, red)
    return Image.fromarray(shifted.clip(0, 255).astype(np.uint8), "YCbCr").convert("RGB")


def moved(picture: Image.Image, brightness: int, columns: int, from_row: int) -> Image.Image:
    """The picture with a lower part of another brightness, and shifted to the side."""
    pixels = np.asarray(picture).astype(int)
    pixels[from_row:] = np.roll(pixels[from_row:], columns, axis=1) + brightness
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


GOOD = jpeg(scene(99))
SPOILT = {
    "whole": (GOOD, set()),
    "dusk": (jpeg(scene(5, light=0.75)), set()),
    "its last bytes are missing": (GOOD[:-60], {"truncated"}),
    "cut at 40 %": (GOOD[: int(len(GOOD) * 0.4)], {"incomplete"}),
    "zeros from the middle on": (GOOD[: len(GOOD) // 2] + bytes(len(GOOD) // 2), {"incomplete"}),
    "grey from the middle down": (
        jpeg(
            Image.fromarray(
                np.where(np.arange(480)[:, None, None] < 240, scene(1), 128).astype("u1")
            )
        ),
        {"incomplete"},
    ),
    "green": (jpeg(cast(scene(2), -25, -30)), {"colour_cast"}),
    "violet": (jpeg(cast(scene(2), 35, 25)), {"colour_cast"}),
    "violet below": (jpeg(cast(scene(2), 35, 35, 296)), {"damaged"}),
    "brighter below": (jpeg(moved(scene(2), 50, 0, 200)), {"damaged"}),
    "shifted below, brighter": (jpeg(moved(scene(2), 40, 130, 200)), {"damaged"}),
    "all white": (jpeg(Image.new("RGB", SIZE, (252, 252, 252))), {"one_colour", "bright"}),
    "black": (jpeg(Image.new("RGB", SIZE)), {"one_colour", "dark"}),
    "night without a lamp": (jpeg(scene(3, light=0.25)), {"dark"}),
    "out of focus": (jpeg(scene(4).filter(ImageFilter.GaussianBlur(25))), {"blurred"}),
    "grey, as by infrared": (jpeg(scene(4).convert("L")), set()),
}


@pytest.fixture(scope="module")
def look(tmp_path_factory):
    folder = tmp_path_factory.mktemp("station")
    figures = []
    for seed in range(30):
        (folder / f"{seed}.jpg").write_bytes(jpeg(scene(seed, light=0.8 + seed / 100)))
        figures.append(measure(folder / f"{seed}.jpg"))
    return usual_look(figures, 0.95)


@pytest.mark.parametrize("kind", SPOILT)
def test_each_kind_of_spoilt_picture_has_its_mark_and_a_good_one_none(tmp_path, look, kind):
    content, expected = SPOILT[kind]
    (tmp_path / "a.jpg").write_bytes(content)
    found = marks(measure(tmp_path / "a.jpg"), look, 0.95)
    # A cut picture is also of other colours: what matters is that nothing good is marked.
    assert set(found) >= expected
    assert (
        set(found) - {"truncated", "one_colour", "blurred"} <= expected if expected else not found
    )
    assert all(len(reason) > 20 for reason in found.values())


def test_the_share_that_must_be_there_decides_what_is_incomplete(tmp_path, look):
    (tmp_path / "a.jpg").write_bytes(GOOD[: int(len(GOOD) * 0.8)])
    photo = measure(tmp_path / "a.jpg")
    assert 0.6 < photo.whole_share < 0.95
    assert "only the upper" in marks(photo, look, 0.95)["incomplete"]
    assert "incomplete" not in marks(photo, look, 0.5)
    assert "truncated" in marks(photo, look, 0.5)


def test_a_png_and_a_small_photo_are_measured_alike(tmp_path, look):
    scene(7).save(tmp_path / "a.png")
    assert marks(measure(tmp_path / "a.png"), look, 0.95) == {}
    scene(7).resize((80, 60)).save(tmp_path / "small.jpg")
    assert measure(tmp_path / "small.jpg").whole_share == 1
    Image.new("RGB", (320, 3)).save(tmp_path / "line.png")
    with pytest.raises(PhotoError, match="320 x 3 pixels are too few"):
        measure(tmp_path / "line.png")


def test_a_printed_strip_is_the_station_s_own_and_no_damage(look):
    assert [round(step.at, 2) for step in look.usual_steps] != []
    assert all(step.at > 0.9 for step in look.usual_steps)


def test_few_photos_have_no_usual_look_and_fixed_limits_alone_decide(tmp_path):
    paths = []
    for name in ("whole", "green", "cut at 40 %", "all white"):
        paths.append(tmp_path / f"{name}.jpg")
        paths[-1].write_bytes(SPOILT[name][0])
    judged = judge_station(paths, ["a", "b", "c", "d"], 0.95)
    assert len(paths) < LEAST_PHOTOS
    assert judged.look is None
    assert [set(one) - {"truncated"} for one in judged.marks] == [
        set(),
        set(),
        {"incomplete"},
        {"one_colour", "bright"},
    ]


def test_a_station_is_judged_by_its_good_photos_also_where_most_are_spoilt(tmp_path):
    spoilt = [content for content, expected in SPOILT.values() if expected - {"dark", "truncated"}]
    good = [jpeg(scene(100 + n)) for n in range(len(spoilt) - 1)]
    paths = []
    for n, content in enumerate(spoilt + good):
        paths.append(tmp_path / f"{n:03}.jpg")
        paths[-1].write_bytes(content)
    paths.append(tmp_path / "none.jpg")
    judged = judge_station(paths, [path.stem for path in paths], 0.95)
    assert all(judged.marks[: len(spoilt)])
    assert not any(judged.marks[len(spoilt) :])
    table = checked(judged.table, QUALITY, "quality")
    assert table["image_id"].tolist() == [path.stem for path in paths[:-1]]
    assert table["reason"].notna().tolist() == [bool(one) for one in judged.marks[:-1]]
    assert not isinstance(table["largest_step"].iloc[0], str)
    # A photo that comes later is held against the same look.
    assert judge_new(paths, judged.look) == judged.marks


def test_a_station_without_photos_that_can_be_read_has_an_empty_table(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no photo")
    judged = judge_station([tmp_path / "a.jpg"], ["a"], 0.95)
    assert (judged.look, judged.marks, len(judged.table)) == (None, [{}], 0)
    pd.testing.assert_index_equal(
        judged.table.columns, pd.Index(QUALITY.columns), check_order=False
    )
