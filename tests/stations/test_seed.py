import contextlib
import shutil

import pandas as pd
import pytest
from station_folder import dataset_params, folder_source, save_photo, write

from fperank.ground.errors import AbsentError, DataError, PhotoError
from fperank.handover import dataset as handover
from fperank.handover import tables
from fperank.stations.answers.files import hashed_user_id
from fperank.stations.dataset import build
from fperank.stations.seed.station import SeedPhotos
from fperank.stations.seed.tables import answers_of_pairs

SET = "imagesets/0f8fad5b-d9cb-469f-a165-70867728950e/images"
URL = f"https://b.s3.us-west-2.amazonaws.com/{SET}"
# Written by hand by the rules of jsonlite 1.8 (auto_unbox): an absent value in a list is {}, one in
# a table row is "NA".
STATION = """{"id": 29, "name": "West Brook 0", "timezone": "America/New_York", "nwis_id": {},
"user_id": "9bc0d5e3-0000", "latitude": "NA", "private": false, "waterbody_type": "ST"}"""
# Written by hand by the rules of readr 2's write_csv with na = "": UTF-8, header unquoted, text
# quoted only where it must be, times in UTC as ISO 8601 with Z, absent cells empty.
DATASET_IMAGES = f"""\
station_name,station_id,imageset_id,image_id,timestamp,filename,url,value
West Brook 0,29,4,11,2023-05-01T12:00:00Z,{SET}/A.JPG,{URL}/A.JPG?X-Amz-Signature=secret,10
West Brook 0,29,4,12,2023-05-01T13:00:00Z,{SET}/B.JPG,{URL}/B.JPG,12.5
West Brook 0,29,4,13,2023-05-01T14:00:00Z,{SET}/C.JPG,{URL}/C.JPG,
"""
# The same rules, but without na = "": absent cells are NA; both kinds of files are about.
ANNOTATIONS = """\
rank,annotation_id,user_id,station_id,comment,left.imageId,left.attributes,right.imageId,\
right.attributes,pair_id,left.value,data_nrow
LEFT,90,9bc0d5e3-aaaa,29,,12,,11,"DRY,BAD",1,12.5,2
SAME,90,9bc0d5e3-aaaa,29,NA,11,NA,13,,2,,2
UNKNOWN,91,NA,29,fog,13,,12,ICE,1,,1
RIGHT,91,NA,29,,13,,999,,2,,1
"""
# readr 2's write_csv again, with empty and NA cells both, since versions differ in it.
VALUES = """\
station_name,station_id,dataset_id,series_id,variable_id,timestamp,value,flag
W,29,NWIS,,FLOW_CFS,2023-05-01T11:45:00Z,9,
W,29,NWIS,,FLOW_CFS,2023-05-01T12:15:00Z,11,NA
W,29,NWIS,,FLOW_CFS,2023-05-01T12:30:00Z,999,E
W,29,NWIS,,FLOW_CFS,2023-05-01T12:45:00Z,,
W,29,7,3,STAGE_FT,2023-05-01T12:00:00Z,1.5,
"""
# readr 2's write_csv with its defaults, as rank-input.R calls it: absent cells are NA.
INPUT_IMAGES = f"""\
split,image_id,timestamp,filename,url,value
train,11,2023-05-01T12:00:00Z,{SET}/A.JPG,{URL}/A.JPG,10
train,12,2023-05-01T13:00:00Z,{SET}/B.JPG,{URL}/B.JPG,12.5
val,13,2023-05-01T14:00:00Z,{SET}/C.JPG,NA,NA
test-out,14,2023-06-01T14:00:00Z,{SET}/D.JPG,{URL}/D.JPG,NA
"""


class FakeDownloads:
    """In place of the store of downloads: knows one address, fails at another."""

    def __init__(self):
        self.asked = []

    def put(self, address, target):
        self.asked.append(address)
        if "gone" in address:
            raise AbsentError(f"nothing lies at {address}")
        if "busy" in address:
            raise DataError(f"{address} could not be fetched in 5 attempts")
        target.write_bytes(b"fetched")


def source(folder, **changes):
    return folder_source(folder, source="seed", **changes)


def photos_of(folder, downloads):
    return SeedPhotos(folder, "West Brook 0 (Lower)", "America/New_York", downloads)


@pytest.fixture
def dataset_folder(tmp_path):
    folder = tmp_path / "dataset"
    write(folder / "images.csv", DATASET_IMAGES)
    write(folder / "annotations.csv", ANNOTATIONS)
    write(folder / "station.json", STATION)
    return folder


# pairs.csv by the rules of readr 2's write_csv: whole numbers without a point, and the mirror of a
# tie, -1 * 0, is -0; older versions and other programs write 0, 0.0 and -0.0.
def pairs(*rows, columns="split,pair,image_id_1,image_id_2,label"):
    return "\n".join([columns, *rows]) + "\n"


def input_folder(folder, text):
    write(folder / "images.csv", INPUT_IMAGES)
    write(folder / "pairs.csv", text)
    return folder


def answers(data):
    table = data.annotations[["left_image_id", "right_image_id", "rank"]]
    return [tuple(row) for row in table.itertuples(index=False)]


def test_a_dataset_is_read_with_its_station_photos_and_answers(dataset_folder):
    data = source(dataset_folder).read()
    assert (data.station.name, data.station.id, data.station.nwis_id) == (
        "West Brook 0",
        "29",
        None,
    )
    assert data.station.timezone == "America/New_York"
    assert data.station.model_extra["user_id"] == hashed_user_id("9bc0d5e3-0000")
    assert list(data.images.columns) == ["image_id", "timestamp", "filename", "url", "clock"]
    assert data.images["image_id"].tolist() == ["11", "12", "13"]
    assert data.images["timestamp"].iloc[0].isoformat() == "2023-05-01T08:00:00-04:00"
    assert data.images["filename"].iloc[0] == f"{SET}/A.JPG"
    assert data.images["url"].iloc[0] == f"{URL}/A.JPG"
    assert answers(data) == [("12", "11", "LEFT"), ("11", "13", "SAME"), ("13", "12", "UNKNOWN")]
    assert data.annotations["right_attributes"].iloc[0] == "DRY,BAD"
    empty = data.annotations[["left_attributes", "comment"]].isna()
    assert empty["left_attributes"].all()
    assert empty["comment"].tolist() == [True, True, False]
    assert data.excluded["reason"].tolist() == ["no such photo"]


def test_annotators_are_hashed(dataset_folder):
    users = source(dataset_folder).read().annotations["user_id"]
    assert users.iloc[0] == users.iloc[1] == hashed_user_id("9bc0d5e3-aaaa")
    assert pd.isna(users.iloc[2])
    assert "9bc0d5e3" not in source(dataset_folder).read().annotations.to_csv()


def test_what_was_read_fits_the_pipelines_tables(dataset_folder):
    built = build(source(dataset_folder).read(), dataset_params())
    tables.checked(built.images, handover.IMAGES, "images")
    assert built.images["value"].tolist()[:2] == [10, 12.5]


def test_without_values_csv_the_photos_own_values_are_the_observed_ones(dataset_folder):
    data = source(dataset_folder).read()
    assert list(data.observations.columns) == ["timestamp", "value", "status"]
    assert data.observations["value"].tolist() == [10, 12.5]
    assert (data.observations["timestamp"] == data.images["timestamp"].iloc[:2]).all()
    assert any("the seed had interpolated to the photos' times" in note for note in data.notes)


def test_values_csv_counts_where_it_is_there_and_flagged_rows_are_left_out(dataset_folder):
    write(dataset_folder / "values.csv", VALUES)
    data = source(dataset_folder).read()
    assert data.observations["value"].tolist() == [9, 11]
    assert data.observations["timestamp"].iloc[0].isoformat() == "2023-05-01T07:45:00-04:00"
    left_out = data.excluded[data.excluded["kind"] == "observation"]
    assert left_out[["name", "reason"]].to_numpy().tolist() == [
        ["1 row", "flagged"],
        ["1 row", "no value"],
    ]
    assert data.notes == ()
    assert source(dataset_folder, variable="STAGE_FT").read().observations["value"].tolist() == [
        1.5
    ]
    data = source(dataset_folder, variable="ICE").read()
    assert data.observations.empty
    assert data.notes == ("values.csv holds no value of ICE, only of FLOW_CFS, STAGE_FT",)


def test_mirrored_pairs_of_an_input_are_dropped(tmp_path):
    rows = ["train,1,11,12,1", "train,1,12,11,-1", "train,2,11,13,0", "train,2,13,11,0"]
    rows += ["val,3,13,14,-1", "val,3,14,13,1"]
    data = source(input_folder(tmp_path, pairs(*rows))).read()
    assert answers(data) == [("11", "12", "LEFT"), ("11", "13", "SAME"), ("13", "14", "RIGHT")]
    assert data.annotations["pair_id"].tolist() == ["1", "2", "3"]
    assert any(note == "3 mirrored pairs of pairs.csv were dropped" for note in data.notes)


@pytest.mark.parametrize("numbers", ["1 1 2 3", "1 2 3 4", ""])
def test_mirrors_are_dropped_where_only_some_pairs_have_one(tmp_path, numbers):
    rows = ["12,11,1", "11,12,-1", "11,13,1", "14,13,0"]
    columns = "image_id_1,image_id_2,label"
    if numbers:
        columns = f"pair,{columns}"
        rows = [f"{n},{row}" for n, row in zip(numbers.split(), rows, strict=True)]
    data = source(input_folder(tmp_path, pairs(*rows, columns=columns))).read()
    assert answers(data) == [("12", "11", "LEFT"), ("11", "13", "LEFT"), ("14", "13", "SAME")]


@pytest.mark.parametrize(("tie", "mirror"), [("0", "-0"), ("-0", "0"), ("0.0", "-0.0")])
def test_a_tie_is_a_tie_however_zero_is_written(tmp_path, tie, mirror):
    rows = [f"train,1,11,12,{tie}", f"train,1,12,11,{mirror}", "train,2,11,13,+1"]
    data = source(input_folder(tmp_path, pairs(*rows))).read()
    assert answers(data) == [("11", "12", "SAME"), ("11", "13", "LEFT")]


def test_ids_that_r_wrote_in_its_short_form_are_the_same_ids(tmp_path):
    # R's writer gives a number the shorter of its two forms: 100000 is longer than 1e+05.
    images = INPUT_IMAGES.replace(",11,", ",1e+05,").replace(",12,", ",1.2e+06,")
    images = images.replace(",13,", ",1e5,")
    write(tmp_path / "images.csv", images)
    table = "image_id_1,image_id_2,label\n100000,1200000,1\n1.2e+06,1e+05,-1\n1e+05,1e5,0\n"
    write(tmp_path / "pairs.csv", table)
    photos = SeedPhotos(tmp_path, "S", "UTC", FakeDownloads()).read()
    assert photos.images["image_id"].tolist() == ["100000", "1200000", "1e5", "14"]
    answers, mirrors = answers_of_pairs(tmp_path / "pairs.csv")
    assert mirrors == 1
    sides = answers[["left_image_id", "right_image_id"]].to_numpy().tolist()
    assert sides == [["100000", "1200000"], ["100000", "1e5"]]


def test_a_pair_that_was_asked_twice_stays_twice(tmp_path):
    rows = ["train,1,11,12,1", "train,1,12,11,-1", "train,2,11,12,1", "train,2,12,11,-1"]
    assert len(source(input_folder(tmp_path, pairs(*rows))).read().annotations) == 2
    # The other way round and with an answer of its own: a second comparison, no mirror.
    rows = ["train,1,11,12,1", "train,2,12,11,1", "train,3,11,13,1.0", "train,3,13,11,-1.0"]
    data = source(input_folder(tmp_path / "other", pairs(*rows))).read()
    assert answers(data) == [("11", "12", "LEFT"), ("12", "11", "LEFT"), ("11", "13", "LEFT")]


def test_the_seeds_splits_are_told_and_not_used(tmp_path):
    data = source(input_folder(tmp_path, pairs("train,1,11,12,1"))).read()
    told = "the seed's splits of photos (train 2, val 1, test-in 0, test-out 1) are not used"
    assert any(note.startswith(told) for note in data.notes)
    assert "split" not in data.images.columns
    assert (data.station.name, data.station.timezone) == (
        "West Brook 0 (Lower)",
        "America/New_York",
    )
    write(tmp_path / "annotations.csv", ANNOTATIONS)
    assert any("annotations.csv was not read" in n for n in source(tmp_path).read().notes)


def test_columns_are_found_by_name_in_any_order(dataset_folder):
    told = source(dataset_folder).read()
    for name in ("images.csv", "annotations.csv"):
        table = pd.read_csv(dataset_folder / name, dtype="str", keep_default_na=False)
        table.assign(more="x")[["more", *table.columns[::-1]]].to_csv(
            dataset_folder / name, index=False
        )
    again = source(dataset_folder).read()
    pd.testing.assert_frame_equal(again.images, told.images)
    pd.testing.assert_frame_equal(again.annotations, told.annotations)


def test_photos_that_cannot_be_used_are_left_out_and_counted(dataset_folder):
    more = DATASET_IMAGES + (
        "W,29,4,21,2023-05-01T12:00:00Z,../../etc/a.jpg,,\nW,29,4,22,2023-05-01T12:00:00Z,C:/b.jpg,,\n"
        "W,29,4,23,NA,c.jpg,,\n"
    )
    write(dataset_folder / "images.csv", more)
    write(dataset_folder / "annotations.csv", "left.imageId,right.imageId,rank\n21,11,LEFT\n")
    data = source(dataset_folder).read()
    assert len(data.images) == 3
    assert data.excluded.to_numpy().tolist() == [
        ["photo", "../../etc/a.jpg", "its filename in images.csv leads out of the folder"],
        ["photo", "C:/b.jpg", "its filename in images.csv leads out of the folder"],
        ["photo", "c.jpg", "images.csv gives no time"],
        [
            *("annotation", "pair 1 (photo 21)"),
            "its photo was excluded: its filename in images.csv leads out of the folder",
        ],
    ]


@pytest.mark.parametrize("place", ["images", "."])
def test_a_photo_beside_is_copied(dataset_folder, tmp_path, place):
    path = save_photo(dataset_folder / place / SET / "A.JPG")
    downloads = FakeDownloads()
    photos_of(dataset_folder, downloads).fetch(f"{SET}/A.JPG", tmp_path / "target.jpg")
    assert (tmp_path / "target.jpg").read_bytes() == path.read_bytes()
    assert downloads.asked == []


def test_a_photo_that_is_not_beside_is_fetched_from_its_address(dataset_folder, tmp_path):
    downloads = FakeDownloads()
    own = photos_of(dataset_folder, downloads)
    own.read()
    own.fetch(f"{SET}/A.JPG", tmp_path / "target.jpg")
    assert (tmp_path / "target.jpg").read_bytes() == b"fetched"
    assert downloads.asked == [f"{URL}/A.JPG?X-Amz-Signature=secret"]
    assert "secret" not in own.read().images.to_csv()


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://h/a#1?.jpg", ["https://h/a%231%3F.jpg"]),
        ("https://h/gone%201.jpg", ["https://h/gone%25201.jpg", "https://h/gone%201.jpg"]),
    ],
)
def test_an_address_is_taken_letter_for_letter_and_then_as_it_is(tmp_path, url, asked):
    write(
        tmp_path / "images.csv", f"image_id,timestamp,filename,url\n1,2023-05-01T12Z,a.jpg,{url}\n"
    )
    downloads = FakeDownloads()
    own = photos_of(tmp_path, downloads)
    with contextlib.suppress(PhotoError):
        own.fetch("a.jpg", tmp_path / "t")
    assert downloads.asked == asked


def test_a_photo_that_is_nowhere_is_told_and_a_silent_server_stops_the_run(tmp_path):
    rows = ["1,2023-05-01T12:00:00Z,a.jpg,", "2,2023-05-01T12:00:00Z,b.jpg,file:///etc/passwd"]
    rows += [
        f"{k},2023-05-01T12:00:00Z,{w}.jpg,https://h/{w}" for k, w in ((3, "gone"), (4, "busy"))
    ]
    write(tmp_path / "images.csv", "image_id,timestamp,filename,url\n" + "\n".join(rows) + "\n")
    own = photos_of(tmp_path, FakeDownloads())
    for name in ("a.jpg", "b.jpg"):
        with pytest.raises(
            PhotoError, match=f"{name} does not lie in the folder, and images.csv g"
        ):
            own.fetch(name, tmp_path / "t")
    with pytest.raises(PhotoError, match=r"gone.jpg does not lie in the folder; nothing lies at"):
        own.fetch("gone.jpg", tmp_path / "t")
    with pytest.raises(DataError, match="busy could not be fetched"):
        own.fetch("busy.jpg", tmp_path / "t")
    (tmp_path / "images").mkdir()
    outside = write(tmp_path.parent / f"{tmp_path.name}-outside.jpg", "x")
    (tmp_path / "images" / "a.jpg").symlink_to(outside)
    with pytest.raises(PhotoError, match="a symbolic link that leads out of the folder"):
        own.fetch("a.jpg", tmp_path / "t")


def test_mistakes_are_told_with_file_and_line(dataset_folder, tmp_path):
    for name, text, words in (
        ("images.csv", "image_id,filename\n1,a\n", "images.csv: the column timestamp is missing"),
        (
            "images.csv",
            DATASET_IMAGES + DATASET_IMAGES.splitlines()[1],
            "lines 2 and 5 have the same",
        ),
        ("images.csv", DATASET_IMAGES.replace(",12,", ",,"), "line 3 has no image_id: fill it in"),
        (
            "images.csv",
            DATASET_IMAGES.replace("12.5", "high"),
            "line 3 holds 'high', which is no n",
        ),
        (
            "images.csv",
            DATASET_IMAGES.replace("13:00:00Z", "13:00:00"),
            "line 3 holds '2023-05-01T1",
        ),
        ("images.csv", DATASET_IMAGES.splitlines()[0] + "\n", "lists no photo that can be used"),
        ("values.csv", VALUES.replace(",11,", ",x,"), "values.csv, column value: line 3 holds 'x'"),
        ("values.csv", "timestamp,value\n", "values.csv: the column variable_id is missing"),
        ("annotations.csv", ANNOTATIONS.replace("SAME", "EQUAL"), "rank is 'EQUAL'; allowed: LEFT"),
        ("pairs.csv", pairs("train,1,11,12,2"), "line 2: label is '2'; allowed: 1, 0, -1"),
        ("station.json", "[]", "station.json must be an object"),
        ("station.json", '{"timezone": "EST5"}', "station.json: timezone: Value error, 'EST5'"),
    ):
        folder = shutil.copytree(dataset_folder, tmp_path / "copy")
        write(folder / name, text)
        with pytest.raises(DataError, match=words):
            source(folder).read()
        shutil.rmtree(folder)
    with pytest.raises(
        DataError, match="absent is no folder: give the seed's folder that holds im"
    ):
        source(tmp_path / "absent").read()
    with pytest.raises(DataError, match=r"images.csv does not exist"):
        source(tmp_path).read()


def test_a_wrong_time_is_told_with_its_line_even_after_lines_that_are_left_out(dataset_folder):
    head, first, *rest = DATASET_IMAGES.splitlines()
    left_out = "W,29,4,23,NA,c.jpg,,"
    rest[-1] = rest[-1].replace("14:00:00Z", "14:00")
    write(dataset_folder / "images.csv", "\n".join([head, left_out, "", first, *rest]) + "\n")
    with pytest.raises(DataError, match="column timestamp: line 6 holds '2023-05-01T14:00'"):
        source(dataset_folder).read()


def test_a_folder_without_answers_is_read_for_scoring(dataset_folder):
    (dataset_folder / "annotations.csv").unlink()
    data = source(dataset_folder).read()
    assert data.annotations.empty
    assert list(data.annotations.columns) == list(handover.ANNOTATIONS.columns)
    assert "neither pairs.csv nor annotations.csv is there" in data.notes


def test_tables_that_are_links_out_of_the_folder_are_not_read(dataset_folder, tmp_path):
    (tmp_path / "elsewhere.csv").write_text("x")
    path = dataset_folder / "annotations.csv"
    path.unlink(missing_ok=True)
    path.symlink_to(tmp_path / "elsewhere.csv")
    with pytest.raises(DataError, match=r"annotations.csv is a link that leads out of the station"):
        source(dataset_folder).read()
