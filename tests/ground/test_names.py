import pytest

from fperank.ground.names import Names, matched, same_on_disk

COMPOSED, DECOMPOSED = "B\u00e4ch_1.JPG", "Ba\u0308ch_1.JPG"


@pytest.mark.parametrize(
    "name",
    [
        *(COMPOSED, COMPOSED.lower(), "./" + COMPOSED, "images/" + COMPOSED, "Images\\" + COMPOSED),
        *(DECOMPOSED, DECOMPOSED.upper(), ".\\images\\" + DECOMPOSED),
    ],
)
def test_a_name_in_another_way_of_writing_is_found(name):
    assert Names([DECOMPOSED, "other.JPG"]).find(name) == [DECOMPOSED]


def test_a_name_as_it_stands_goes_before_any_other_way_of_writing():
    names = Names(["a.jpg", "A.jpg", "A.JPG", "images/a.jpg"])
    assert names.find("A.jpg") == ["A.jpg"]
    assert names.find("images/a.jpg") == ["images/a.jpg"]
    assert names.find("a.JPG") == ["a.jpg", "A.jpg", "A.JPG", "images/a.jpg"]
    assert Names(["a.jpg", "A.jpg"]).find("images\\A.jpg") == ["A.jpg"]


@pytest.mark.parametrize("name", ["b.jpg", "sub/a.jpg", "", "a.jpeg", "images"])
def test_what_is_another_name_is_not_found(name):
    assert Names(["a.jpg", "images/c.jpg"]).find(name) == []


def test_each_name_is_matched_with_one_of_its_own():
    there = [DECOMPOSED, "a.jpg", "A.jpg", "b.jpg", "c.jpg"]
    assert matched([COMPOSED, "a.jpg", "B.JPG", "A.JPG"], there) == {
        COMPOSED: DECOMPOSED,
        "a.jpg": "a.jpg",
        "B.JPG": "b.jpg",
        "A.JPG": "A.jpg",
    }


def test_two_names_for_one_are_matched_with_none():
    assert matched(["B.JPG", "./b.jpg"], ["b.jpg"]) == {}


def test_what_a_mac_or_windows_takes_for_one_name_is_equal():
    assert same_on_disk(COMPOSED) == same_on_disk(DECOMPOSED.upper())
    assert same_on_disk("Straße.jpg") == same_on_disk("STRASSE.JPG")
    assert same_on_disk("a b.jpg") != same_on_disk("ab.jpg")
