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


def test_a_table_of_one_column_has_its_name(tmp_path):
    frame = read_csv_text(write(tmp_path / "t.csv", 'filename\n"b,c.jpg"\n'))
    assert list(frame.columns) == ["filename"]
    assert frame["filename"].tolist() == ["b,c.jpg"]


def test_numbers_keep_their_leading_zeros(tmp_path):
    assert read_csv_text(write(tmp_path / "t.csv", "id\n007\n"))["id"].tolist() == ["007"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t.csv is empty: its first line must hold the column names"),
        ("a,b,a\n1,2,3\n", "has the column a twice"),
        ("a,b\n1,2\n3,4,5\n", "line 3 has 3 cells but there are 2 columns"),
    ],
)
def test_what_is_no_plain_csv_file_is_refused(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_csv_text(write(tmp_path / "t.csv", text))


@pytest.mark.parametrize(
    "above", ["# Some remark, and more\n#\n", "Plot Title: Mill River\n", "\n# one\nTitle\n"]
)
def test_remarks_and_titles_above_the_column_names_are_passed_over(tmp_path, above):
    frame = read_csv_text(write(tmp_path / "t.csv", f'{above}"#",time,x\n1,a,b\n\n2,c\n'))
    assert list(frame.columns) == ["#", "time", "x"]
    lines = above.count("\n")
    assert list(frame.index) == [lines + 2, lines + 4]
    assert frame["time"].tolist() == ["a", "c"]


@pytest.mark.parametrize("begin", [b"PK\x03\x04\x14\x00", b"\xd0\xcf\x11\xe0\xa1\xb1"])
def test_an_excel_workbook_is_refused_with_how_to_save_it(tmp_path, begin):
    (tmp_path / "t.csv").write_bytes(begin + bytes(100))
    with pytest.raises(DataError, match='save the sheet as "CSV UTF-8'):
        read_csv_text(tmp_path / "t.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_spreadsheets_write_is_read(tmp_path, encoding, separator):
    text = separator.join(["name", '"a, b; c"']) + "\r\n\r\n" + separator.join(["rivière", "1"])
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    frame = read_csv_text(tmp_path / "t.csv")
    assert frame.to_dict("index") == {3: {"name": "rivière", "a, b; c": "1"}}


def test_what_is_no_text_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"name\n\x81\x8d\n")
    with pytest.raises(DataError, match=r"t\.csv is not a CSV file: "):
        read_csv_text(tmp_path / "t.csv")


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_csv_text(tmp_path)
