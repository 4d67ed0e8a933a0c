import pytest
from station_folder import write

from fperank.ground.errors import DataError
from fperank.stations.csv_files import read_csv_text


def test_cells_are_text_and_rows_keep_their_line(tmp_path):
    text = '\ufefffilename , note\n\n a.jpg ,"one\ntwo"\n"b,c.jpg"\nd.jpg,,\n'
    frame = read_csv_text(write(tmp_path / "t.csv", text))
    assert list(frame.columns) == ["filename", "note"]
    assert list(frame.index) == [3, 5, 6]
    assert frame["filename"].tolist() == ["a.jpg", "b,c.jpg", "d.jpg"]
    assert frame["note"].tolist() == ["one\ntwo", "", ""]


def test_numbers_keep_their_leading_zeros(tmp_path):
    assert read_csv_text(write(tmp_path / "t.csv", "id\n007\n"))["id"].tolist() == ["007"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t.csv is empty: its first line must hold the column names"),
        ("a;b\n1;2\n", "is separated by semicolons: save it again as CSV separated by commas"),
        ("a\tb\n1\t2\n", "is separated by tabs"),
        ("a,b,a\n1,2,3\n", "has the column a twice"),
        ("a,b\n1,2\n3,4,5\n", "line 3 has 3 cells but there are 2 columns"),
    ],
)
def test_what_is_no_plain_csv_file_is_refused(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_csv_text(write(tmp_path / "t.csv", text))


def test_another_encoding_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes("name\nrivière\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"t\.csv is not a CSV file in UTF-8"):
        read_csv_text(tmp_path / "t.csv")


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_csv_text(tmp_path)
