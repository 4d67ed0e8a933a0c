"""What the three readers of a station give becomes one station."""

import hashlib
import json

import pandas as pd
import pytest
from fpe_api_server import content
from station_folder import dataset_params, folder_source, save_photo, write

from fperank.handover.dataset import ANNOTATIONS, DatasetFolder, ReadFile
from fperank.handover.station import Station
from fperank.stations import dataset
from fperank.stations.answers.files import annotations_table
from fperank.stations.base import Answers, Observed, Photos, joined
from fperank.stations.compose import open_source
from fperank.stations.observed.table import no_observations

ZONE = "America/New_York"


def photos(**changes):
    images = pd.DataFrame({"image_id": ["1", "2"], "filename": ["a.jpg", "b.jpg"], "url": None})
    images["timestamp"] = pd.to_datetime(["2024-07-01T12:00Z", "2024-07-01T13:00Z"])
    given = {
        "station": Station(name="West Brook", timezone=ZONE),
        "images": images,
        "excluded": [("photo", "c.jpg", "no EXIF time")],
        "reasons": {"3": "no EXIF time"},
    }
    return Photos(**given | changes)


def answers(*pairs, **more):
    rows = [
        {"pair_id": str(n), "left_image_id": left, "right_image_id": right, "rank": "LEFT"}
        for n, (left, right) in enumerate(pairs, start=1)
    ]
    return Answers(annotations_table(rows), more.pop("excluded", []), **more)


def test_comparisons_of_photos_that_are_not_there_are_left_out_with_reasons():
    given = answers(("1", "2"), ("1", "9"), ("3", "2"), ("2", "2"))
    data = joined(photos(), no_observations(ZONE), given)
    assert data.annotations["pair_id"].tolist() == ["1"]
    assert data.excluded.to_numpy().tolist() == [
        ["photo", "c.jpg", "no EXIF time"],
        ["annotation", "pair 2 (photo 9)", "no such photo"],
        ["annotation", "pair 3 (photo 3)", "its photo was excluded: no EXIF time"],
        ["annotation", "pair 4 (photo 2)", "compares a photo with itself"],
    ]


def test_no_comparisons_keep_their_columns():
    data = joined(photos(excluded=[]), no_observations(ZONE), answers())
    assert list(data.annotations.columns) == list(ANNOTATIONS.columns)
    assert data.excluded.empty


def test_photos_come_before_observed_values_and_these_before_comparisons():
    files = [ReadFile(role=role, name=f"{role}.csv", sha256=role) for role in ("images", "o", "a")]
    values = no_observations(ZONE).values
    data = joined(
        photos(notes=("photos",), read_files=(files[0],)),
        Observed(values, [("observation", "1 row", "flagged")], ("values",), (files[1],)),
        answers(
            excluded=[("annotation", "pair 7", "not answered")],
            notes=("answers",),
            read_files=(files[2],),
        ),
    )
    assert data.excluded["kind"].tolist() == ["photo", "observation", "annotation"]
    assert data.notes == ("photos", "values", "answers")
    assert data.read_files == tuple(files)


def test_comparisons_that_a_parameter_names_and_that_fit_no_photo_are_noted():
    given = answers(("8", "9"), parameter="annotations_from")
    (note,) = joined(photos(), no_observations(ZONE), given).notes
    assert note.startswith("None of the 1 comparisons of annotations_from compares two photos")
    assert joined(photos(), no_observations(ZONE), answers(("8", "9"))).notes == ()


class TestReadFiles:
    """Outside files that decide on the tables are recorded by the digest of their content."""

    @pytest.fixture
    def folder(self, tmp_path):
        folder = tmp_path / "anna" / "station"
        for hour, name in ((8, "a"), (9, "b")):
            save_photo(folder / f"{name}.jpg", f"2024:07:01 {hour:02d}:00:00")
        return folder

    def recorded(self, source, folder):
        data = source.read()
        given = dataset_params(max_gap_minutes=65)
        dataset.write(dataset.build(data, given), data, source, folder, given)
        return DatasetFolder(folder).summary.read_files

    def test_those_of_a_folder_are(self, folder, tmp_path):
        texts = {
            "station.json": json.dumps({"name": "West Brook"}),
            "images.csv": "filename\na.jpg\nb.jpg\n",
            "observations.csv": "timestamp,value\n2024-07-01T12:00Z,1\n",
            "annotations/1.json": "[]",
            "annotations/2.json": "[] ",
        }
        for name, text in texts.items():
            write(folder / name, text)
        roles = ["station", "images", "observations", "annotations", "annotations"]
        assert self.recorded(folder_source(folder), tmp_path / "data") == tuple(
            ReadFile(
                role=role,
                name=name.rpartition("/")[2],
                sha256=hashlib.sha256(text.encode()).hexdigest(),
            )
            for role, (name, text) in zip(roles, texts.items(), strict=True)
        )

    def test_a_folder_of_photos_alone_has_none(self, folder, tmp_path):
        assert self.recorded(folder_source(folder), tmp_path / "data") == ()

    def test_those_of_a_seed_s_folder_are(self, tmp_path):
        images = "image_id,timestamp,filename\n1,2024-07-01T12:00Z,a.jpg\n"
        save_photo(tmp_path / "a.jpg")
        write(tmp_path / "images.csv", images)
        write(tmp_path / "values.csv", "variable_id,timestamp,value\n")
        write(tmp_path / "pairs.csv", "image_id_1,image_id_2,label\n")
        write(tmp_path / "annotations.csv", "not read")
        files = folder_source(tmp_path, source="seed").read().read_files
        names = [(one.role, one.name) for one in files]
        assert names == [
            ("images", "images.csv"),
            ("observations", "values.csv"),
            ("annotations", "pairs.csv"),
        ]

    def test_a_changed_byte_of_an_observations_file_changes_its_digest(self, folder, tmp_path):
        gauge = tmp_path / "anna" / "gauge.csv"
        found = []
        for value in (1, 2, 1):
            write(gauge, f"timestamp,value\n2024-07-01T12:00Z,{value}\n")
            source = folder_source(folder, observations_from=str(gauge))
            (one,) = self.recorded(source, tmp_path / "data")
            assert (one.role, one.name) == ("observations", "gauge.csv")
            assert one.sha256 == hashlib.sha256(gauge.read_bytes()).hexdigest()
            found.append(one.sha256)
            assert "anna" not in (tmp_path / "data" / "dataset.json").read_text()
        assert found[0] == found[2] != found[1]

    def test_so_does_one_of_a_file_at_an_address(self, folder, fpe_api, tmp_path):
        found = []
        for value in (b"1", b"2"):
            text = b"timestamp,value\n2024-07-01T12:00Z," + value + b"\n"
            address = fpe_api.answers("/gauge.csv", content(text))
            source = folder_source(folder, observations_from=address)
            (one,) = self.recorded(source, tmp_path / "data")
            assert (one.role, one.name) == ("observations", address)
            assert one.sha256 == hashlib.sha256(text).hexdigest()
            found.append(one.sha256)
        assert found[0] != found[1]

    def test_and_of_comparisons_by_path_and_by_address(self, folder, fpe_api, tmp_path):
        path = write(tmp_path / "anna" / "answers.json", "[]")
        address = fpe_api.answers("/answers.json", content(b"[]"))
        digest = hashlib.sha256(b"[]").hexdigest()
        for where, name in ((str(path), "answers.json"), (address, address)):
            given = dataset_params(source_path=str(folder), annotations_from=where)
            (one,) = open_source(given, tmp_path / "scratch").read().read_files
            assert one == ReadFile(role="annotations", name=name, sha256=digest)
