import pandas as pd
import pytest

from fperank.ground.errors import DataError
from fperank.handover.tables import parse_times
from fperank.publishing.fpe_files import (
    common_prefix,
    image_set_of,
    imageset_predictions,
    manifest,
    read_predictions,
    station_predictions,
)

SET_A, SET_B = "0f8fad5b-d9cb-469f-a165-70867728950e", "7c9e6679-7425-40de-944b-e07fc1f90ae7"
BUCKET = "https://some-bucket.s3.us-west-2.amazonaws.com"
TIMES = ["2022-12-11T20:45:01Z", "2022-07-01T12:00:00Z", "2022-11-06T05:30:00Z"]


def predictions(zone="America/New_York"):
    names = [f"imagesets/{SET_A}/images/A 1.JPG", f"imagesets/{SET_B}/images/B,2.JPG", "c.jpg"]
    return pd.DataFrame(
        {
            "split": ["train", "test-in", "test-out"],
            "image_id": ["664978", "442036", "7"],
            "timestamp": parse_times(pd.Series(TIMES), zone, "test"),
            "filename": names,
            "url": [f"{BUCKET}/{names[0]}", f"{BUCKET}/{names[1]}", None],
            "value": [12.5, None, 0.333333333333],
            "score": [0.123456789, -1.5, None],
            "rank_percentile": [1.0, 0.0, None],
            "attributes": ["DRY", None, None],
            "quality": None,
        }
    )


def test_the_station_wide_file_has_its_exact_shape():
    assert station_predictions(predictions()) == (
        "split,image_id,timestamp,filename,url,value,score\n"
        f"train,664978,2022-12-11T15:45:01-05:00,imagesets/{SET_A}/images/A 1.JPG,"
        f"{BUCKET}/imagesets/{SET_A}/images/A 1.JPG,12.5,0.123456789\n"
        f'test-in,442036,2022-07-01T08:00:00-04:00,"imagesets/{SET_B}/images/B,2.JPG",'
        f'"{BUCKET}/imagesets/{SET_B}/images/B,2.JPG",,-1.5\n'
        "test-out,7,2022-11-06T01:30:00-04:00,c.jpg,,0.333333333,NA\n"
    )


def test_the_file_of_an_image_set_has_its_exact_shape():
    assert imageset_predictions(predictions()) == (
        "image_id,timestamp,filename,url,score\n"
        f"664978,2022-12-11 15:45:01-05:00,imagesets/{SET_A}/images/A 1.JPG,"
        f"{BUCKET}/imagesets/{SET_A}/images/A 1.JPG,0.123456789\n"
        f'442036,2022-07-01 08:00:00-04:00,"imagesets/{SET_B}/images/B,2.JPG",'
        f'"{BUCKET}/imagesets/{SET_B}/images/B,2.JPG",-1.5\n'
        "7,2022-11-06 01:30:00-04:00,c.jpg,,NA\n"
    )


def test_the_zone_utc_has_its_offset_too():
    text = imageset_predictions(predictions("UTC"))
    assert "664978,2022-12-11 20:45:01+00:00," in text


def test_what_is_written_is_read_back(tmp_path):
    path = tmp_path / "predictions.csv"
    for write, columns in (
        (
            station_predictions,
            ["split", "image_id", "timestamp", "filename", "url", "value", "score"],
        ),
        (imageset_predictions, ["image_id", "timestamp", "filename", "url", "score"]),
    ):
        path.write_text(write(predictions()), "utf-8")
        read = read_predictions(path)
        expected = predictions("UTC").round({"value": 9})[columns]
        pd.testing.assert_frame_equal(read, expected, check_dtype=False)
        path.write_text(write(read), "utf-8")
        pd.testing.assert_frame_equal(read_predictions(path), read)


def test_scores_come_back_to_the_last_bit_of_32(tmp_path):
    path = tmp_path / "predictions.csv"
    table = predictions()
    exact = pd.Series([1 / 3, -123.45678, 1e-7]).astype("float32")
    path.write_text(station_predictions(table.assign(score=exact.astype("float64"))))
    assert (read_predictions(path)["score"].astype("float32") == exact).all()


def test_columns_are_found_by_name_and_r_writes_na(tmp_path):
    path = tmp_path / "predictions.csv"
    # By hand: times as pandas 2 writes those with a zone (a space, an offset, six digits where a
    # second has parts), absent cells as readr 2 does.
    path.write_text(
        "score,extra,url,filename,timestamp,image_id\n"
        "NA,x,NA,a.jpg,2022-12-11 15:45:01-05:00,1\n"
        "0.5,x,https://h/a,b.jpg,2022-12-11 15:45:01.250000-05:00,NA\n"
    )
    read = read_predictions(path)
    assert list(read.columns) == ["image_id", "timestamp", "filename", "url", "score"]
    assert read["score"].isna().tolist() == read["url"].isna().tolist() == [True, False]
    assert read["timestamp"].iloc[0].isoformat() == "2022-12-11T20:45:01+00:00"


def test_a_file_that_is_no_such_table_is_refused(tmp_path):
    path = tmp_path / "predictions.csv"
    header = "image_id,timestamp,filename,url,score\n"
    for text, words in {
        "image_id,score\n1,2\n": "the column timestamp is missing; columns needed: image_id, tim",
        f"{header}1,2022-12-11 15:45:01,a,,1\n": "line 2 holds '2022-12-11 15:45:01': write times",
        f"{header}1,2022-12-11T15:45:01Z,a,,high\n": "column score: line 2 holds 'high', which is",
        "": "is not a CSV file in UTF-8",
    }.items():
        path.write_text(text)
        with pytest.raises(DataError, match=words):
            read_predictions(path)
    path.unlink()
    with pytest.raises(DataError, match=r"predictions\.csv does not exist"):
        read_predictions(path)


def test_image_sets_are_found_by_file_names_only_where_they_are_theirs():
    names = [
        f"imagesets/{SET_A}/images/A.JPG",
        f"x/imagesets/{SET_A}/images/A.JPG",
        f"imagesets/{SET_A}/thumbs/A.JPG",
        f"imagesets/{SET_A}/images/DCIM/100/A.JPG",
        "imagesets/../images/A.JPG",
        "a.jpg",
    ]
    found = image_set_of(pd.Series(names))
    assert found.tolist()[0] == SET_A
    assert found.isna().tolist() == [False, True, True, False, True, True]


@pytest.mark.parametrize(
    ("url", "prefix"),
    [
        (f"{BUCKET}/imagesets/a%20b.jpg", "s3://some-bucket/"),
        ("https://some.bucket.s3.amazonaws.com/x/y/imagesets/a b.jpg", "s3://some.bucket/x/y/"),
        ("https://b.s3-us-west-2.amazonaws.com/imagesets/a b.jpg", "s3://b/"),
        ("s3://b/deep/imagesets/a b.jpg", "s3://b/deep/"),
    ],
)
def test_the_prefix_follows_from_the_photos_addresses(url, prefix):
    assert common_prefix(pd.Series(["imagesets/a b.jpg"]), pd.Series([url])) == prefix


def test_addresses_that_disagree_or_are_not_in_s3_ask_for_the_prefix():
    names = pd.Series(["a.jpg", "b.jpg"])
    for urls, words in {
        ("s3://b/a.jpg", None): "some have none in S3",
        ("s3://b/a.jpg", "s3://c/b.jpg"): "they lie in s3://b/ and s3://c/",
        ("https://h.org/a.jpg", "https://h.org/b.jpg"): "some have none in S3",
        ("s3://b/a.jpg", "s3://b/other.jpg"): "some have none in S3",
    }.items():
        with pytest.raises(DataError, match=f"{words}.*add --prefix"):
            common_prefix(names, pd.Series(urls))


def test_the_manifest_begins_with_the_prefix():
    names = pd.Series(["imagesets/a.jpg", "imagesets/b.jpg"])
    listed = [{"prefix": "s3://bucket/"}, "imagesets/a.jpg", "imagesets/b.jpg"]
    assert manifest("s3://bucket", names) == manifest("s3://bucket/", names) == listed
    with pytest.raises(DataError, match="prefix 'bucket/' is no address in S3: write s3://bucket/"):
        manifest("bucket/", names)
