import shutil

import pytest
from PIL import Image
from station_folder import folder_source, save_photo

from fperank.photos.decode import image_file, upright_rgb
from fperank.stations.photos.files import scan
from fperank.stations.photos.kinds import is_picture, kind, litter, other_kind

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\x08free"
"""The first bytes of what phones write: a box that names its brands."""
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42\0\0\0\x08free"


def one(folder):
    """The only picture of a folder, and why it is not taken."""
    ((name, reason),) = scan(folder, folder).photos.items()
    return name, reason


@pytest.mark.parametrize(
    "suffix", [".jfif", ".jpe", ".JPG", ".webp", ".avif", ".png", ".tif", ".mpo"]
)
def test_a_photo_of_any_kind_that_is_read_has_its_time_and_its_pixels(tmp_path, suffix):
    kinds = {".jfif": ".jpg", ".jpe": ".jpg", ".mpo": ".jpg"}
    photo = save_photo(tmp_path / f"a{kinds.get(suffix, suffix)}", "2024:07:01 07:15:00")
    path = photo.rename(tmp_path / f"b{suffix}")
    data = folder_source(tmp_path).read()
    assert data.images["filename"].tolist() == [path.name]
    assert data.images["timestamp"].iloc[0].isoformat() == "2024-07-01T07:15:00-04:00"
    with image_file(path) as file:
        assert upright_rgb(file).size == (8, 6)


def test_a_bmp_holds_no_time_but_its_name_may(tmp_path):
    Image.new("RGB", (8, 6)).save(tmp_path / "2024-07-01.bmp")
    data = folder_source(tmp_path, timestamp_pattern="%Y-%m-%d").read()
    assert data.images["filename"].tolist() == ["2024-07-01.bmp"]


def test_a_camera_s_two_pictures_in_one_file_are_read_as_the_first(tmp_path):
    exif = Image.Exif()
    exif[34665] = {36867: "2024:07:01 07:15:00"}
    first, second = Image.new("RGB", (8, 6), (200, 0, 0)), Image.new("RGB", (4, 3), (0, 0, 200))
    path = tmp_path / "DSC1.JPG"
    first.save(path, "MPO", save_all=True, append_images=[second], exif=exif)
    data = folder_source(tmp_path).read()
    assert data.images["timestamp"].iloc[0].isoformat() == "2024-07-01T07:15:00-04:00"
    with image_file(path) as file:
        assert file.format == "MPO"
        assert upright_rgb(file).getpixel((4, 3))[0] > 150


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a.HEIC", "a HEIC picture (.HEIC), which is not read: save it as JPEG, for example by "),
        ("a.heif", "a HEIC picture (.heif), which is not read: save it as JPEG, for example by "),
        ("a.gif", "a picture of a kind that is not read (.gif): save it as JPEG, for example by "),
        ("a.CR2", "a raw picture (.CR2), which is not read: save it as JPEG with its camera's "),
        ("a.dng", "a raw picture (.dng), which is not read: save it as JPEG with its camera's "),
        ("a.MP4", "a video (.MP4), no photo"),
    ],
)
def test_pictures_of_other_kinds_are_counted_with_their_ending_and_a_cure(tmp_path, name, reason):
    (tmp_path / name).write_bytes(b"x")
    found, why = one(tmp_path)
    assert found == name
    assert why.startswith(reason)
    assert is_picture(name)


def test_the_bytes_count_where_the_name_says_something_else(tmp_path):
    shutil.copy(save_photo(tmp_path / "in/a.jpg"), tmp_path / "a.HEIC")
    shutil.rmtree(tmp_path / "in")
    assert one(tmp_path) == ("a.HEIC", "")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.JPG", HEIC, "its name is wrong: a HEIC picture (named .JPG), which is not read: save"),
        ("a.jpg", MP4, "its name is wrong: a video (named .jpg), no photo"),
        ("a.png", b"GIF89a", "its name is wrong: a picture of a kind that is not read (named .png"),
        ("a.heic", MP4, "its name is wrong: a video (named .heic), no photo"),
        ("a.jpg", b"RIFF\0\0\0\0AVI LIST", "its name is wrong: a video (named .jpg), no photo"),
    ],
)
def test_a_file_that_is_no_photo_inside_is_told(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    assert one(tmp_path)[1].startswith(reason)


@pytest.mark.parametrize("content", [b"", b"text", b"\0" * 64, b"\xff\xd8\xff\xe0"])
def test_what_the_bytes_do_not_tell_is_left_to_the_decoder(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    assert one(tmp_path) == ("a.jpg", "")


def test_a_raw_picture_is_none_of_the_small_jpeg_within_it(tmp_path):
    shutil.copy(save_photo(tmp_path / "in/a.tif"), tmp_path / "a.NEF")
    shutil.rmtree(tmp_path / "in")
    assert one(tmp_path)[1].startswith("a raw picture (.NEF)")


def test_what_systems_put_among_photos_is_told():
    assert litter("x/$RECYCLE.BIN/S-1/$RA.JPG") == "in $RECYCLE.BIN, a folder of the system"
    assert litter("x/SYNOPHOTO_THUMB_M.jpg") == "a small copy that a network drive has made"
    assert litter("x/IMG_1.JPG") == ""
    assert kind("thumbs.DB") == "Thumbs.db"
    assert kind("a.tar.GZ") == ".gz files"
    assert other_kind("a.jpg") == ""
