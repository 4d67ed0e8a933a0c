import json

import pytest
from station_folder import write

from fperank.ground.errors import DataError
from fperank.handover import tables
from fperank.handover.dataset import ANNOTATIONS
from fperank.stations.answers.files import (
    hashed_user_id,
    read_annotations,
    unread_files,
)


def answer(left, right, rank="LEFT", /, **more):
    return {
        "left": {"imageId": left, "attributes": []},
        "right": {"imageId": right, "attributes": []},
        "rank": rank,
        "comment": None,
    } | more


def as_json(folder, content, name="annotations.json"):
    write(folder / name, json.dumps(content))
    return folder


def test_the_explorer_s_json_is_read(tmp_path):
    first = answer(664978, "442036", "RIGHT", comment=" foggy ")
    first["left"]["attributes"] = ["DISCONNECTED", "ICE"]
    frame, excluded = read_annotations(as_json(tmp_path, [first, answer(1, 2, "UNKNOWN")]))
    tables.checked(frame, ANNOTATIONS, "annotations")
    assert frame["pair_id"].tolist() == ["1", "2"]
    assert frame["left_image_id"].tolist() == ["664978", "1"]
    assert frame["right_image_id"].tolist() == ["442036", "2"]
    assert frame["rank"].tolist() == ["RIGHT", "UNKNOWN"]
    assert frame["left_attributes"].iloc[0] == "DISCONNECTED,ICE"
    assert frame["comment"].iloc[0] == "foggy"
    assert frame[["user_id", "right_attributes"]].isna().all(axis=None)
    assert excluded == []


def test_missing_attributes_and_comments_are_none(tmp_path):
    plain = {"left": {"imageId": 1}, "right": {"imageId": 2}, "rank": "SAME"}
    frame, _ = read_annotations(as_json(tmp_path, [plain]))
    assert frame[["left_attributes", "comment"]].isna().all(axis=None)


def test_the_files_of_a_folder_are_joined_in_the_order_of_their_names(tmp_path):
    as_json(tmp_path, [answer(3, 4)], "annotations/b.json")
    as_json(tmp_path, [answer(1, 2)], "annotations/a.json")
    as_json(tmp_path, "hidden", "annotations/._a.json")
    frame, _ = read_annotations(tmp_path)
    assert frame["left_image_id"].tolist() == ["1", "3"]
    assert frame["pair_id"].tolist() == ["1", "2"]


def test_of_a_saved_training_set_the_answered_pairs_are_read_and_the_rest_counted(tmp_path):
    def saved(left, right, rank):
        def side(image_id):
            return {"image": {"image_id": image_id, "filename": "a.jpg"}, "attributes": ["DRY"]}

        return {"left": side(left), "right": side(right), "rank": rank, "comment": None}

    pairs = [saved(1, 2, "LEFT"), saved(3, 4, None), saved(5, 6, "SAME")]
    frame, excluded = read_annotations(
        as_json(tmp_path, {"allPairs": pairs, "currentIndex": 2, "completedCount": 2})
    )
    assert frame["pair_id"].tolist() == ["1", "3"]
    assert frame["left_image_id"].tolist() == ["1", "5"]
    assert frame["left_attributes"].tolist() == ["DRY", "DRY"]
    assert excluded == [("annotation", "pair 2", "not answered")]


def test_a_folder_without_annotations_gives_an_empty_table(tmp_path):
    frame, excluded = read_annotations(tmp_path)
    assert tables.checked(frame, ANNOTATIONS, "annotations").empty
    assert excluded == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"pairs": []}, r"annotations\.json is not a list of annotations"),
        ([[1, 2]], r"annotations\.json: entry 1 is \[1, 2\]: it must hold left, right and rank"),
        (
            [answer(1, 2), answer(1, 2, "more")],
            r"entry 2: rank is 'more'; allowed: LEFT, RIGHT, SAME, UNKNOWN",
        ),
        ([answer(1, 2, 1)], r"entry 1: rank is 1; allowed: LEFT, RIGHT, SAME, UNKNOWN"),
        ([{"left": 5, "rank": "LEFT"}], r"entry 1: left is 5"),
        ([answer(1, None)], r"entry 1: right names the photo None: imageId must be an id"),
        ([answer(True, 2)], r"entry 1: left names the photo True"),
        ([answer("", 2)], r"entry 1: left names the photo ''"),
        ([answer(1.5, 2)], r"entry 1: left names the photo 1\.5"),
        (
            [answer(1, 2, left={"imageId": 1, "attributes": "ICE"})],
            r"entry 1: left has attributes 'ICE'",
        ),
    ],
)
def test_json_of_another_form_is_refused_with_the_position(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read_annotations(as_json(tmp_path, content))


def test_pairs_without_an_answer_are_left_out_and_counted(tmp_path):
    frame, excluded = read_annotations(as_json(tmp_path, [answer(1, 2, None), answer(3, 4)]))
    assert frame["pair_id"].tolist() == ["2"]
    assert excluded == [("annotation", "pair 1", "not answered")]
    (tmp_path / "annotations.json").unlink()
    rows = "left_image_id,right_image_id,rank,pair_id\n1,2,NA,p1\n3,4,SAME,p2\n5,6,,p3\n"
    write(tmp_path / "annotations.csv", rows)
    frame, excluded = read_annotations(tmp_path)
    assert frame["pair_id"].tolist() == ["p2"]
    assert [name for _, name, _ in excluded] == ["pair p1", "pair p3"]


def test_a_file_that_was_downloaded_twice_counts_once(tmp_path):
    for name in ("a3f1 (1).json", "a3f1.json", "b.json"):
        content = [answer(1, 2), answer(3, 4, None), answer(5, 6)]
        as_json(tmp_path, content if name != "b.json" else content[:1], f"annotations/{name}")
    frame, excluded = read_annotations(tmp_path)
    assert frame["pair_id"].tolist() == ["1", "3", "4"]
    assert excluded == [
        ("annotation", "pair 2", "not answered"),
        ("annotation", "pair 1 of a3f1.json", "its file is a copy of a3f1 (1).json"),
        ("annotation", "pair 2 of a3f1.json", "its file is a copy of a3f1 (1).json"),
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("Left", "LEFT"), ("right ", "RIGHT"), ("same", "SAME"), ("Unknown", "UNKNOWN")],
)
def test_a_rank_is_read_in_letters_of_any_case(tmp_path, written, meant):
    frame, _ = read_annotations(as_json(tmp_path, [answer(1, 2, written)]))
    assert frame["rank"].tolist() == [meant]


@pytest.mark.parametrize("written", ["DRY, BAD", "dry;bad", " Dry ,, NA,BAD,bad", "DRY|Bad"])
def test_marks_are_read_as_people_write_them(tmp_path, written):
    rows = f'left_image_id,right_image_id,rank,left_attributes\n1,2,LEFT,"{written}"\n'
    write(tmp_path / "annotations.csv", rows)
    assert read_annotations(tmp_path)[0]["left_attributes"].tolist() == ["DRY,BAD"]


def test_a_mark_of_two_words_stays_one(tmp_path):
    rows = "left_image_id,right_image_id,rank,left_attributes\n1,2,LEFT,ice partial\n"
    write(tmp_path / "annotations.csv", rows)
    assert read_annotations(tmp_path)[0]["left_attributes"].tolist() == ["ICE_PARTIAL"]


def test_what_r_writes_for_an_absent_cell_is_absent(tmp_path):
    columns = "left_image_id,right_image_id,rank,user_id,left_attributes,right_attributes,comment"
    write(tmp_path / "annotations.csv", f"{columns}\n1,2,LEFT,NA,NA,NA,NA\n")
    frame, _ = read_annotations(tmp_path)
    absent = ["user_id", "left_attributes", "right_attributes", "comment"]
    assert frame[absent].isna().all(axis=None)


def test_ids_that_went_through_a_spreadsheet_are_whole_again(tmp_path):
    frame, _ = read_annotations(as_json(tmp_path, [answer(664978.0, "12.0")]))
    assert frame.loc[0, ["left_image_id", "right_image_id"]].tolist() == ["664978", "12"]
    (tmp_path / "annotations.json").unlink()
    rows = "left_image_id,right_image_id,rank\n664978.0,IMG_1.0.jpg,LEFT\n"
    write(tmp_path / "annotations.csv", rows)
    frame, _ = read_annotations(tmp_path)
    assert frame.loc[0, ["left_image_id", "right_image_id"]].tolist() == ["664978", "IMG_1.0.jpg"]


def test_names_in_capitals_are_read_and_other_files_named(tmp_path):
    as_json(tmp_path, [answer(1, 2)], "Annotations/A.JSON")
    as_json(tmp_path, [answer(3, 4)], "Annotations/b.json")
    write(tmp_path / "Annotations/more.csv", "left_image_id,right_image_id,rank\n")
    assert read_annotations(tmp_path)[0]["left_image_id"].tolist() == ["1", "3"]
    assert unread_files(tmp_path) == ["Annotations/more.csv"]


def test_one_name_in_two_ways_of_writing_is_refused(tmp_path):
    as_json(tmp_path, [], "annotations.json")
    as_json(tmp_path, [], "Annotations.json")
    with pytest.raises(DataError, match=r"both Annotations\.json and annotations\.json: keep"):
        read_annotations(tmp_path)


def test_broken_json_is_refused(tmp_path):
    write(tmp_path / "annotations.json", "[{")
    with pytest.raises(DataError, match=r"annotations\.json is not valid JSON"):
        read_annotations(tmp_path)


def test_a_csv_file_is_read(tmp_path):
    write(
        tmp_path / "annotations.csv",
        "left_image_id,right_image_id,rank,pair_id,user_id,left_attributes,comment\n"
        'a.jpg,b.jpg,LEFT,p7,anna@example.org,"ICE,DRY",dark\n'
        "b.jpg,c.jpg,SAME,p8,,,\n",
    )
    frame, excluded = read_annotations(tmp_path)
    tables.checked(frame, ANNOTATIONS, "annotations")
    assert frame["pair_id"].tolist() == ["p7", "p8"]
    assert frame["left_attributes"].iloc[0] == "ICE,DRY"
    assert frame["comment"].iloc[0] == "dark"
    assert frame.loc[1, ["user_id", "left_attributes", "comment", "right_attributes"]].isna().all()
    assert excluded == []


def test_the_explorer_s_csv_column_names_are_known(tmp_path):
    write(
        tmp_path / "annotations.csv",
        "annotation_id,user_id,rank,left.imageId,left.attributes,right.imageId,right.attributes,"
        "pair_id\n12,u,LEFT,1,ICE,2,DRY,1\n12,u,RIGHT,2,,3,,2\n13,u,SAME,1,,3,,1\n",
    )
    frame, _ = read_annotations(tmp_path)
    assert frame["left_image_id"].tolist() == ["1", "2", "1"]
    assert frame["right_attributes"].iloc[0] == "DRY"
    assert frame["pair_id"].tolist() == ["12-1", "12-2", "13-1"]


@pytest.mark.parametrize(
    ("ids", "expected"), [(("12", "13"), ["12", "13"]), (("12", "12"), ["1", "2"])]
)
def test_annotation_ids_serve_as_pair_ids_where_each_pair_has_its_own(tmp_path, ids, expected):
    rows = "".join(f"{one},1,2,LEFT\n" for one in ids)
    write(tmp_path / "annotations.csv", "annotation_id,left_image_id,right_image_id,rank\n" + rows)
    assert read_annotations(tmp_path)[0]["pair_id"].tolist() == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "left_image_id,rank\n1,LEFT\n",
            "the column right_image_id is missing; .*columns found: left_image_id, rank",
        ),
        (
            "left_image_id,right_image_id,rank\n1,2,LEFT\n1,2,MORE\n",
            r"annotations\.csv: line 3: rank is 'MORE'; allowed: LEFT, RIGHT, SAME, UNKNOWN",
        ),
        ("left_image_id,right_image_id,rank\n1,,LEFT\n", "line 2 has no right_image_id"),
        (
            "left_image_id,right_image_id,rank,pair_id\n1,2,LEFT,5\n1,3,LEFT,6\n2,3,SAME,5\n",
            "lines 2 and 4 have one pair_id, '5'",
        ),
        (
            "left_image_id,right_image_id,rank,pair_id\n1,2,LEFT,\n",
            "line 2 has no pair_id: fill it in, or remove the column",
        ),
    ],
)
def test_a_csv_file_of_another_form_is_refused_with_the_line(tmp_path, text, message):
    write(tmp_path / "annotations.csv", text)
    with pytest.raises(DataError, match=message):
        read_annotations(tmp_path)


@pytest.mark.parametrize("other", ["annotations.csv", "annotations/a.json"])
def test_two_kinds_of_annotation_files_are_refused(tmp_path, other):
    as_json(tmp_path, [])
    write(tmp_path / other, "[]")
    with pytest.raises(DataError, match=r"holds both annotations\.json and annotations"):
        read_annotations(tmp_path)


def test_user_ids_are_kept_as_a_short_hash_only(tmp_path):
    one = hashed_user_id("0b2d5f0c-anna")
    assert one is not None and len(one) == 14 and one.startswith("u-") and "anna" not in one
    assert hashed_user_id("0b2d5f0c-bert") != one
    assert hashed_user_id(one) == one
    assert hashed_user_id("") is None
    frame, _ = read_annotations(as_json(tmp_path, [answer(1, 2, user_id="0b2d5f0c-anna")]))
    assert frame["user_id"].tolist() == [one]


def test_an_empty_cell_that_r_wrote_is_empty_in_every_column(tmp_path):
    write(
        tmp_path / "annotations.csv",
        "user_id,rank,comment,left.imageId,left.attributes,right.imageId,right.attributes,pair_id\n"
        "NA,LEFT,NA,1,NA,2,BAD,7\n",
    )
    frame, _ = read_annotations(tmp_path)
    (row,) = frame.itertuples()
    assert (row.pair_id, row.right_attributes) == ("7", "BAD")
    assert frame[["user_id", "comment", "left_attributes"]].isna().all(axis=None)
    write(tmp_path / "annotations.csv", "rank,left.imageId,right.imageId\nLEFT,1,NA\n")
    with pytest.raises(DataError, match="line 2 has no right_image_id"):
        read_annotations(tmp_path)
