import os

import pytest
from station_folder import save_photo, write

from fperank.stations.photos.files import leads_out, plain_name, scan, tellable


def test_photos_are_found_in_sub_folders_whatever_the_case_of_their_ending(tmp_path):
    for name in ("b.JPG", "a.jpeg", "sub/deep/c.Png", "sub/d.tif", "sub/e.TIFF", "f..g.jpg"):
        save_photo(tmp_path / name)
    write(tmp_path / "notes.txt", "")
    write(tmp_path / "movie.jpg.zip", "")
    expected = ["a.jpeg", "b.JPG", "f..g.jpg", "sub/d.tif", "sub/deep/c.Png", "sub/e.TIFF"]
    assert list(scan(tmp_path, tmp_path).photos) == expected


def test_hidden_files_and_folders_are_not_looked_at_but_counted(tmp_path):
    for name in ("a.jpg", ".b.jpg", "._a.jpg", ".trash/c.jpg", ".trash/e.jpg", "sub/.d.jpg"):
        save_photo(tmp_path / name)
    found = scan(tmp_path, tmp_path)
    assert found.photos == {"a.jpg": ""}
    assert found.others == {"hidden files": 2, "._ files of a Mac": 1, "hidden folders": 1}


def test_files_that_are_no_photos_are_counted_by_their_kind_and_tables_are_not(tmp_path):
    station = ("images.csv", "Observations.CSV", "annotations/1.json", "station.json")
    other = ("sub/images.csv", "notes.TXT", "b.txt", "Thumbs.db", "README", "desktop.ini")
    for name in (*station, *other):
        write(tmp_path / name, "")
    assert scan(tmp_path, tmp_path).others == {
        **{".csv files": 1, ".txt files": 2, "Thumbs.db": 1, "desktop.ini": 1},
        "files of no kind": 1,
    }


def test_names_with_spaces_quotes_and_unicode_are_kept(tmp_path):
    names = sorted(['it\'s "one".jpg', "río ☂.jpg", "a b/c, d.jpg", "日本/川.png", "#1 $x.jpg"])
    for name in names:
        save_photo(tmp_path / name)
    assert list(scan(tmp_path, tmp_path).photos) == names


def test_symbolic_links_are_used_only_within_the_folder(tmp_path):
    home, outside = tmp_path / "home", tmp_path / "outside"
    save_photo(home / "images/a.jpg")
    save_photo(home / "raw/b.jpg")
    save_photo(outside / "c.jpg")
    root = home / "images"
    (root / "inside.jpg").symlink_to("../raw/b.jpg")
    (root / "out.jpg").symlink_to(outside / "c.jpg")
    (root / "gone.jpg").symlink_to("nothing.jpg")
    (root / "out").symlink_to(outside)
    (root / "loop").symlink_to(".")
    assert scan(root, home).photos == {
        "a.jpg": "",
        "gone.jpg": "a symbolic link that leads nowhere",
        "inside.jpg": "",
        "loop": "a symbolic link to a folder, which is not followed",
        "out": "a symbolic link that leads out of the folder",
        "out.jpg": "a symbolic link that leads out of the folder",
    }


def test_names_that_a_table_cannot_hold_are_refused(tmp_path):
    save_photo(tmp_path / "two\nlines.jpg")
    try:
        save_photo(tmp_path / os.fsdecode(b"rivi\xe8re.jpg"))
    except (OSError, UnicodeError):
        pytest.skip("this file system takes no name that is not UTF-8")
    found = scan(tmp_path, tmp_path).photos
    assert len(found) == 2
    assert all("rename it" in reason for reason in found.values())
    assert sorted(map(tellable, found)) == ["rivi\\udce8re.jpg", "two\\x0alines.jpg"]


@pytest.mark.parametrize(
    "name", ["/a.jpg", "../a.jpg", "b/../a.jpg", "..\\a.jpg", "C:\\a.jpg", "C:a"]
)
def test_names_that_lead_out_on_any_system_are_told(name):
    assert leads_out(name)


@pytest.mark.parametrize("name", ["a..b.jpg", "..a/b..jpg", "a/b.jpg", "... .jpg"])
def test_dots_within_a_name_do_not_lead_out(name):
    assert not leads_out(name)


def test_one_file_has_one_plain_name():
    assert plain_name("./a//b.jpg") == plain_name("a/b.jpg") == "a/b.jpg"
    assert plain_name("") == ""


def test_a_pipe_is_no_photo_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.JPG")
    (tmp_path / "link.jpg").symlink_to("pipe.JPG")
    why = "a pipe or a device, no file"
    assert scan(tmp_path, tmp_path).photos == {"link.jpg": why, "pipe.JPG": why}


@pytest.mark.parametrize(
    "folder", ["$RECYCLE.BIN/S-1-5-21", "@eaDir/a.jpg", "__MACOSX", "RECYCLER"]
)
def test_photos_in_a_folder_of_the_system_are_not_taken(tmp_path, folder):
    write(tmp_path / folder / "b.jpg", "")
    system = folder.partition("/")[0]
    assert scan(tmp_path, tmp_path).photos == {
        f"{folder}/b.jpg": f"in {system}, a folder of the system"
    }
