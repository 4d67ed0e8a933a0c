import json
import shutil

import pytest
from station_folder import folder_source, save_photo, write

from fperank.stations.photos.repeats import COPY, same_bytes

COPIED = "a copy of another photo, byte for byte"


def files(folder, **contents):
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def card(folder, *names, where="100"):
    for n, name in enumerate(names):
        save_photo(folder / where / name, f"2024:07:01 {7 + n:02d}:15:00")
    return folder


def left_out(data):
    return data.excluded[data.excluded["kind"] == "photo"][["name", "reason"]].to_numpy().tolist()


def test_files_of_one_size_and_one_beginning_may_still_differ(tmp_path):
    begin = b"b" * 5000
    paths = files(
        tmp_path, a=begin + b"1", b=begin + b"2", c=begin + b"1", d=b"2", e=b"3", f=b"2", g=begin
    )
    assert same_bytes(paths) == [[0, 2], [3, 5]]


def test_empty_files_and_files_that_cannot_be_read_are_like_no_other(tmp_path):
    paths = files(tmp_path, a=b"", b=b"", c=b"x")
    assert same_bytes([*paths, tmp_path / "gone", tmp_path / "gone"]) == []


def test_only_files_of_one_size_are_opened(tmp_path):
    a, b = files(tmp_path, a=b"1", b=b"22")
    a.chmod(0)
    opened = []
    original = type(a).open
    try:
        type(a).open = lambda self, *more: opened.append(self) or original(self, *more)
        same_bytes([a, b])
    finally:
        type(a).open = original
    assert opened == []


def test_a_card_copied_twice_is_one_card(tmp_path):
    card(tmp_path, "a.jpg", "b.jpg")
    shutil.copytree(tmp_path / "100", tmp_path / "backup/100")
    data = folder_source(tmp_path).read()
    assert data.images["filename"].tolist() == ["100/a.jpg", "100/b.jpg"]
    assert left_out(data) == [
        ["backup/100/a.jpg (of 100/a.jpg)", COPIED],
        ["backup/100/b.jpg (of 100/b.jpg)", COPIED],
    ]
    assert COPY == COPIED


def test_answers_that_name_a_copy_are_read_as_of_the_photo_that_is_kept(tmp_path):
    card(tmp_path, "a.jpg", "b.jpg")
    shutil.copytree(tmp_path / "100", tmp_path / "copy")
    sides = [
        ("copy/a.jpg", "100/b.jpg"),
        ("Copy\\A.JPG", "copy/b.jpg"),
        ("copy/a.jpg", "100/a.jpg"),
    ]
    content = [
        {"left": {"imageId": left}, "right": {"imageId": right}, "rank": "LEFT"}
        for left, right in sides
    ]
    write(tmp_path / "annotations.json", json.dumps(content))
    data = folder_source(tmp_path).read()
    assert data.annotations["left_image_id"].tolist() == ["100/a.jpg", "100/a.jpg"]
    assert data.annotations["right_image_id"].tolist() == ["100/b.jpg", "100/b.jpg"]
    (own,) = data.excluded[data.excluded["kind"] == "annotation"]["reason"]
    assert own == "compares a photo with itself"
    told = [note for note in data.notes if "comparisons" in note]
    assert told == [
        "1 comparisons name photos in another way of writing than the station's and are read as "
        "of the photo that is there; the first: 'Copy\\\\A.JPG' as 'copy/a.jpg'.",
        "3 comparisons name copies of photos and are read as of the photo that is there; the "
        "first: 'Copy\\\\A.JPG' as '100/a.jpg'.",
    ]


def test_the_copy_that_images_csv_lists_is_the_one_to_keep(tmp_path):
    card(tmp_path, "a.jpg", "b.jpg")
    shutil.copytree(tmp_path / "100", tmp_path / "z")
    write(tmp_path / "images.csv", "image_id,filename\n1,z/a.jpg\n2,100/b.jpg\n")
    write(tmp_path / "annotations.csv", "left_image_id,right_image_id,rank\n100/a.jpg,2,LEFT\n")
    data = folder_source(tmp_path).read()
    assert data.images["filename"].tolist() == ["z/a.jpg", "100/b.jpg"]
    assert left_out(data) == [
        ["100/a.jpg (of z/a.jpg)", COPIED],
        ["z/b.jpg (of 100/b.jpg)", COPIED],
    ]
    assert data.annotations["left_image_id"].tolist() == ["1"]


def test_a_copy_without_a_time_in_its_name_does_not_take_the_photo_s_place(tmp_path):
    save_photo(tmp_path / "x 20240701_0815.jpg")
    photo = save_photo(tmp_path / "x 20240701_0715.jpg")
    shutil.copy(photo, tmp_path / "copy.jpg")
    data = folder_source(tmp_path, timestamp_pattern="%Y%m%d_%H%M").read()
    assert data.images["filename"].tolist() == [photo.name, "x 20240701_0815.jpg"]


def test_a_picture_that_was_sent_again_later_keeps_its_first_time_and_is_told(tmp_path):
    save_photo(tmp_path / "20240701_0615.jpg")
    later = save_photo(tmp_path / "20240701_0815.jpg")
    shutil.copy(later, tmp_path / "20240701_0715.jpg")
    data = folder_source(tmp_path, timestamp_pattern="%Y%m%d_%H%M").read()
    assert data.images["filename"].tolist() == ["20240701_0615.jpg", "20240701_0715.jpg"]
    assert any(
        "1 copy of photos had another time than the photo, such as 20240701_0815.jpg than "
        "20240701_0715.jpg: the earliest time was taken." in note
        for note in data.notes
    )


def test_two_copies_of_the_only_photo_are_no_clock_that_was_never_set(tmp_path):
    card(tmp_path, "a.jpg")
    shutil.copy(tmp_path / "100/a.jpg", tmp_path / "100/b.jpg")
    assert folder_source(tmp_path).read().images["filename"].tolist() == ["100/a.jpg"]


@pytest.mark.parametrize("kept", ["first", "second"])
def test_a_link_within_the_folder_is_a_copy_of_its_photo(tmp_path, kept):
    card(tmp_path, "m.jpg", "n.jpg")
    name = {"first": "z.jpg", "second": "a.jpg"}[kept]
    (tmp_path / "100" / name).symlink_to("m.jpg")
    images = folder_source(tmp_path).read().images
    first = {"first": "m.jpg", "second": "a.jpg"}[kept]
    assert images["filename"].tolist() == [f"100/{first}", "100/n.jpg"]
