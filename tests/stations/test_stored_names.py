import pytest
from station_folder import dataset_params, folder_source, save_photo

from fperank.ground.names import same_on_disk
from fperank.stations import dataset
from fperank.stations.stored_names import stored_names


def test_ordinary_names_stay_as_they_are():
    names = ["100/a b (1).jpg", "río ☂/it's.JPG", "-rf.JPG", "x..JPG", "=1+1.JPG", "%41 #1.JPG"]
    assert stored_names(names) == {name: name for name in names}


def test_names_that_would_be_one_on_a_mac_are_kept_apart():
    names = ["a/B\u00e4ch.jpg", "a/Ba\u0308ch.jpg", "A/b\u00c4ch.JPG", "A/c.jpg"]
    stored = stored_names(names)
    assert len({same_on_disk(one) for one in stored.values()}) == 4
    assert {one.partition("/")[0] for one in stored.values()} == {"A"}
    assert all(one.lower().endswith(".jpg") for one in stored.values())
    assert stored == stored_names(reversed(names))


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("CON.jpg", "_CON.jpg"),
        ("nul", "_nul"),
        ("console.jpg", "console.jpg"),
        ("12:30 ?.jpg", "12_30 ?.jpg"),
        ("a./b.jpg ", "a_/b.jpg_"),
        ("two\\parts.jpg", "two_parts.jpg"),
    ],
)
def test_names_that_windows_takes_for_others_are_changed_a_little(name, kept):
    assert stored_names([name]) == {name: kept}


def test_a_name_too_long_for_a_disk_is_shortened_and_stays_its_own():
    names = [f"{'é' * 150}{n}.jpg" for n in range(2)]
    kept = set(stored_names(names).values())
    assert len(kept) == 2
    assert all(len(one.encode()) <= 255 and one.endswith(".jpg") for one in kept)


def test_photos_whose_names_differ_only_in_case_both_reach_the_dataset(tmp_path):
    for hour, name in ((7, "IMG_1.JPG"), (8, "img_1.jpg")):
        save_photo(tmp_path / "in" / name, f"2024:07:01 {hour:02d}:00:00")
    source, params = folder_source(tmp_path / "in"), dataset_params()
    data = source.read()
    if len(data.images) == 1:
        pytest.skip("this disk takes the two names for one")
    built = dataset.build(data, params)
    summary = dataset.write(built, data, source, tmp_path / "out", params)
    assert built.images["image_id"].tolist() == ["IMG_1.JPG", "img_1.jpg"]
    first, second = built.images["filename"]
    assert first == "IMG_1.JPG"
    assert same_on_disk(second) != same_on_disk(first)
    for kept, own in ((first, "IMG_1.JPG"), (second, "img_1.jpg")):
        there = (tmp_path / "out/photos" / kept).read_bytes()
        assert there == (tmp_path / "in" / own).read_bytes()
    assert any(f"the first: 'img_1.jpg' as {second!r}" in note for note in summary.notes)
