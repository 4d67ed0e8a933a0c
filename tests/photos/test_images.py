import io

import numpy as np
import pytest
from PIL import ExifTags, Image

from fperank.ground.errors import DataError, PhotoError
from fperank.photos import decode
from fperank.photos.decode import file_ends, read_many
from fperank.photos.view import PhotoView, view_for

VIEW = PhotoView(height=30, width=40)


def scene(size=(160, 120)):
    """Red above, green below, blue on the right third."""
    width, height = size
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[: height // 2, :, 0] = 200
    pixels[height // 2 :, :, 1] = 200
    pixels[:, 2 * width // 3 :] = (0, 0, 200)
    return Image.fromarray(pixels)


def saved(tmp_path, image, name, **options):
    path = tmp_path / name
    image.save(path, **options)
    return path


def nearly(pixels, expected):
    return np.abs(pixels.astype(int) - expected.astype(int)).mean() < 4


@pytest.fixture
def plain(tmp_path):
    return VIEW.read(saved(tmp_path, scene(), "plain.png"))


def test_a_photo_becomes_bytes_of_the_views_size(plain):
    assert plain.shape == (30, 40, 3)
    assert plain.dtype == np.uint8
    assert tuple(plain[5, 5]) == (200, 0, 0)
    assert tuple(plain[25, 5]) == (0, 200, 0)


@pytest.mark.parametrize("name", ["a.jpg", "b.tif", "c.png", 'it\'s "odd" ñ..jpg'])
def test_every_kind_of_file_and_name_is_read(tmp_path, plain, name):
    assert nearly(VIEW.read(saved(tmp_path, scene(), name)), plain)


def test_colour_models_come_out_as_the_same_picture(tmp_path, plain):
    for mode, name in (("CMYK", "c.jpg"), ("RGBA", "a.png"), ("P", "p.png"), ("YCbCr", "y.jpg")):
        assert nearly(VIEW.read(saved(tmp_path, scene().convert(mode), name)), plain), mode


def test_a_grey_photo_has_three_equal_channels(tmp_path):
    grey = VIEW.read(saved(tmp_path, scene().convert("L"), "g.jpg"))
    assert (grey[..., 0] == grey[..., 1]).all()
    assert (grey[..., 0] == grey[..., 2]).all()
    assert grey.std() > 10


@pytest.mark.parametrize("name", ["deep.png", "deep.tif"])
def test_a_16_bit_photo_is_scaled_to_8_bits(tmp_path, name):
    grey = np.asarray(scene().convert("L"))
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    expected = VIEW.read(saved(tmp_path, scene().convert("L"), "g.png"))
    assert nearly(VIEW.read(saved(tmp_path, deep, name)), expected)


def test_a_rotated_photo_is_turned_upright(tmp_path, plain):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    path = saved(tmp_path, scene().rotate(90, expand=True), "r.jpg", exif=exif, quality=95)
    assert nearly(VIEW.read(path), plain)


def test_crops_cut_off_their_share(tmp_path):
    path = saved(tmp_path, scene(), "a.png")
    bottom = PhotoView(height=15, width=40, crop_top=0.5).read(path)
    assert tuple(bottom[2, 5]) == (0, 200, 0)
    left = PhotoView(height=30, width=20, crop_right=0.5).read(path)
    assert (left[..., 2] == 0).all()


def waves(size):
    """Smooth brightness that sets every pixel apart from its neighbours."""
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    red = 128 + 90 * np.sin(x / 37 + y / 91)
    green = 128 + 90 * np.cos(y / 29)
    return Image.fromarray(np.stack([red, green, 255 - red], axis=2).astype(np.uint8))


@pytest.fixture
def stored_sizes(monkeypatch):
    """The sizes to which photos were really decoded."""
    sizes = []

    def eight_bit(image):
        sizes.append(image.size)
        return image.convert("RGB")

    monkeypatch.setattr(decode, "eight_bit_rgb", eight_bit)
    return sizes


@pytest.mark.parametrize(
    ("size", "decoded"),
    [((1280, 960), (160, 120)), ((319, 239), (160, 120)), ((150, 113), (150, 113))],
)
def test_a_large_jpeg_is_decoded_smaller_but_never_below_twice_the_view(
    tmp_path, stored_sizes, size, decoded
):
    path = saved(tmp_path, waves(size), "large.jpg", quality=95)
    exact = VIEW.read(saved(tmp_path, waves(size), "large.png"))
    assert np.abs(VIEW.read(path) - exact.astype(int)).mean() < 1.5
    assert stored_sizes == [size, decoded]
    assert min(decoded[0] / VIEW.width, decoded[1] / VIEW.height) >= 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_decoded_smaller_shows_the_same_part_however_it_lies(
    tmp_path, orientation, stored_sizes
):
    view = PhotoView(
        height=30, width=40, crop_top=0.07, crop_bottom=0.21, crop_left=0.13, crop_right=0.02
    )
    # One row and column more than the blocks of 8 hold: they are the most that a side can be off.
    stored = waves((641, 489))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    jpeg = saved(tmp_path, stored, "a.jpg", exif=exif, quality=95)
    png = saved(tmp_path, stored, "a.png", exif=exif)
    pixels, exact = view.read(jpeg).astype(int), view.read(png).astype(int)
    assert max(stored_sizes[0]) < 641
    assert np.abs(pixels - exact).mean() < 1.5
    shifted = [
        np.abs(np.roll(exact, by, axis)[2:-2, 2:-2] - pixels[2:-2, 2:-2]).mean()
        for axis in (0, 1)
        for by in (-1, 1)
    ]
    assert min(shifted) > 3


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_grey_or_cmyk_jpeg_decoded_smaller_is_the_same_picture(tmp_path, mode):
    picture = waves((640, 480)).convert(mode)
    exact = VIEW.read(saved(tmp_path, picture.convert("RGB"), "a.png"))
    pixels = VIEW.read(saved(tmp_path, picture, "a.jpg", quality=95))
    assert np.abs(pixels - exact.astype(int)).mean() < 1.5


@pytest.mark.parametrize("share", [0.3, 0.9])
@pytest.mark.parametrize("padding", [b"", bytes(5000)], ids=["short", "zeros"])
def test_a_jpeg_without_its_end_is_read_as_far_as_it_goes(tmp_path, share, padding):
    whole = saved(tmp_path, waves((1280, 960)), "whole.jpg")
    content = whole.read_bytes()
    path = tmp_path / "cut.jpg"
    path.write_bytes(content[: int(len(content) * share)])
    assert not file_ends(path)
    upper = int(VIEW.height * (share - 0.1))
    np.testing.assert_array_equal(VIEW.read(path)[:upper], VIEW.read(whole)[:upper])


def test_bytes_behind_the_end_of_a_jpeg_and_a_preview_in_its_header_do_not_mislead(tmp_path):
    whole = saved(tmp_path, waves((320, 240)), "whole.jpg")
    content = whole.read_bytes()
    preview = b"\xff\xe1" + (2 + len(content)).to_bytes(2, "big") + content
    with_preview = content[:2] + preview + content[2:]
    path = tmp_path / "a.jpg"
    for ends, data in (
        (True, content + bytes(10_000)),
        (True, with_preview),
        (False, with_preview[:-40]),
        (False, with_preview[:-40] + bytes(5000)),
    ):
        path.write_bytes(data)
        assert file_ends(path) is ends
        assert VIEW.read(path).shape == (VIEW.height, VIEW.width, 3)


def test_another_shape_keeps_its_proportions_and_loses_its_edges(tmp_path):
    circle = Image.new("RGB", (400, 120))
    circle.paste((255, 255, 255), (170, 30, 230, 90))
    pixels = VIEW.read(saved(tmp_path, circle, "wide.png"))[..., 0] > 127
    assert pixels.any(axis=0).sum() == pytest.approx(15, abs=1)
    assert pixels.any(axis=1).sum() == pytest.approx(15, abs=1)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"<html>not found</html>", "is not an image of a known kind"),
        (b"\xff\xd8\xff\xe0", "is not an image of a known kind"),
    ],
)
def test_a_file_that_is_no_image_has_a_reason_without_its_path(tmp_path, content, reason):
    path = tmp_path / "bad.jpg"
    path.write_bytes(content)
    with pytest.raises(PhotoError, match=reason) as caught:
        VIEW.read(path)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_truncated_photo_of_another_kind_is_refused_with_a_reason(tmp_path, kind, share):
    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (120, 160, 3)).astype(np.uint8)).save(buffer, kind)
    path = tmp_path / "cut.bin"
    path.write_bytes(buffer.getvalue()[: int(len(buffer.getvalue()) * share)])
    with pytest.raises(PhotoError, match=r"is broken|is not an image") as caught:
        VIEW.read(path)
    assert str(tmp_path) not in str(caught.value)


def test_absent_files_and_folders_have_reasons(tmp_path):
    with pytest.raises(PhotoError, match="the file is absent"):
        VIEW.read(tmp_path / "none.jpg")
    with pytest.raises(PhotoError, match="is a folder, not a photo"):
        VIEW.read(tmp_path)


def test_a_photo_one_pixel_high_is_too_small(tmp_path):
    path = saved(tmp_path, Image.new("RGB", (320, 1)), "line.png")
    with pytest.raises(PhotoError, match="is 320 x 1 pixels: too small to score"):
        VIEW.read(path)


def test_100_megapixels_are_read_and_200_are_refused(tmp_path):
    path = saved(tmp_path, Image.new("L", (10000, 10000), 50), "large.png")
    assert (VIEW.read(path) == 50).all()
    path = saved(tmp_path, Image.new("1", (20000, 10000)), "larger.png")
    with pytest.raises(PhotoError, match="is larger than 178 megapixels"):
        VIEW.read(path)


def test_many_photos_come_in_their_order_with_errors_among_them(tmp_path):
    paths = []
    for k in range(70):
        paths.append(saved(tmp_path, Image.new("RGB", (40, 30), (k, k, k)), f"{k}.png"))
    paths[9].write_bytes(b"")
    result = list(read_many(paths, VIEW.read, workers=2))
    assert isinstance(result[9], PhotoError)
    assert [int(p[0, 0, 0]) for k, p in enumerate(result) if k != 9] == [
        k for k in range(70) if k != 9
    ]


def test_the_view_follows_the_most_common_shape_and_the_crops(tmp_path):
    paths = [saved(tmp_path, scene((160, 90)), f"w{k}.png") for k in range(3)]
    paths.append(saved(tmp_path, scene((160, 120)), "n.png"))
    paths.append(tmp_path / "absent.png")
    crops = {"crop_top": 0.0, "crop_bottom": 0.0, "crop_left": 0.0, "crop_right": 0.0}
    assert view_for(paths, 36, crops).width == 64
    assert view_for(paths, 36, {**crops, "crop_bottom": 0.1}).width == 71


@pytest.mark.parametrize("name", ["r.jpg", "r.png", "r.tif"])
@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_the_view_of_a_rotated_photo_is_that_of_the_upright_one(tmp_path, name, orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = saved(tmp_path, scene((90, 160)), name, exif=exif)
    crops = {"crop_top": 0.0, "crop_bottom": 0.0, "crop_left": 0.0, "crop_right": 0.0}
    assert view_for([path], 36, crops).width == 64


def test_no_readable_photo_at_all_is_an_error(tmp_path):
    with pytest.raises(DataError, match="none of the annotated photos can be read"):
        view_for([tmp_path / "none.jpg"], 36, {})
