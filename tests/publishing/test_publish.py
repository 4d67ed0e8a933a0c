import gzip
import hashlib
import io
import os
import re
import shutil
import sys
import tarfile
import uuid
from pathlib import Path

import pandas as pd
import pytest
from fake_station import write_station

from fperank import cli
from fperank.publishing.destinations import FolderPlace, S3Place
from fperank.publishing.publish import LAST, Version, checked_uuid, publish, read_list
from fperank.publishing.published_files import write_archive
from fperank.running.errors import DataError
from fperank.stations.answers.files import read_annotations

ROOT = Path(__file__).parents[2]
VERSION = Version("West Brook 0 (Lower)", "FLOW_CFS", "dataset-1", "model-1")
UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
NAMES = [
    "annotations.csv",
    "images.csv",
    "report.html",
    "metrics.json",
    "model.tar.gz",
    "predictions.csv",
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with `params.yaml` and one whole version, as the stages would leave it."""
    top = tmp_path_factory.mktemp("whole")
    parts = write_station(top / "made", days=4, photos_per_day=4, n_pairs=40)
    pairs = parts.dataset / "pairs.csv"
    table = pd.read_csv(pairs, dtype="str", keep_default_na=False)
    table["user_id"] = [("u-bbbbbbbbbbbb", "u-aaaaaaaaaaaa", "")[k % 3] for k in range(len(table))]
    table.to_csv(pairs, index=False)
    station = parts.dataset / "station.json"
    station.write_text(station.read_text("utf-8").replace('"label"', '"id": 7, "label"'), "utf-8")
    (parts.model / "model.safetensors").write_bytes(bytes(range(256)) * 50)
    (top / "made/report").mkdir()
    (top / "made/report/report.html").write_text("<h1>ñ</h1>", encoding="utf-8")
    (top / "made/report/metrics.json").write_text("{}")
    dataset = VERSION.file(top, "data/images.csv").parent
    dataset.parent.mkdir(parents=True)
    (top / "made/data").rename(dataset)
    models = VERSION.file(top, "input/images.csv").parent.parent
    models.parent.mkdir()
    (top / "made").rename(models)
    text = (ROOT / "params.yaml").read_text("utf-8")
    for name, value in (
        ("station", f'"{VERSION.station}"'),
        ("dataset_version", VERSION.dataset_version),
        ("model_version", VERSION.model_version),
    ):
        text = re.sub(rf"^{name}: .*$", f"{name}: {value}", text, flags=re.M)
    (top / "params.yaml").write_text(text, encoding="utf-8")
    return top


@pytest.fixture
def top(whole, tmp_path, monkeypatch):
    """A copy of it to change, and the place where commands run."""
    copy = shutil.copytree(whole, tmp_path / "top")
    monkeypatch.chdir(copy)
    return copy


@pytest.fixture
def fperank(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["fperank", "publish", *map(str, arguments)])
        try:
            cli.main()
            code = 0
        except SystemExit as ended:
            code = ended.code or 0
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


@pytest.fixture
def environment(s3, monkeypatch):
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)


def sizes(folder):
    return {p.name: p.stat().st_size for p in folder.iterdir()}


def test_all_files_arrive_whole_and_the_predictions_last(whole, s3):
    client, order, told = s3.client, [], []
    client.meta.events.register(
        "provide-client-params.s3.PutObject", lambda params, **more: order.append(params["Key"])
    )
    copied = publish(whole, VERSION, S3Place(client, s3.bucket, "seed/x"), UUID, tell=told.append)
    assert order == [f"seed/x/models/{UUID}/{name}" for name in NAMES]
    assert [one.action for one in copied] == ["copied"] * 6
    assert s3.objects() == {
        f"seed/x/models/{UUID}/{name}": one.size for name, one in zip(NAMES, copied, strict=True)
    }

    def body(name):
        key = f"seed/x/models/{UUID}/{name}"
        return client.get_object(Bucket=s3.bucket, Key=key)["Body"].read()

    for published, own in {
        "images.csv": "input/images.csv",
        "report.html": "report/report.html",
        "metrics.json": "report/metrics.json",
        "predictions.csv": "predictions/predictions.csv",
    }.items():
        assert body(published) == VERSION.file(whole, own).read_bytes()
    with tarfile.open(fileobj=io.BytesIO(body("model.tar.gz"))) as archive:
        assert archive.getnames() == ["model.json", "model.safetensors"]
        for name in archive.getnames():
            kept = VERSION.file(whole, f"model/{name}").read_bytes()
            assert archive.extractfile(name).read() == kept


def test_annotations_have_the_explorers_columns_and_numbered_annotators(whole, tmp_path):
    publish(whole, VERSION, FolderPlace(tmp_path), UUID, tell=lambda line: None)
    path = tmp_path / "models" / UUID / "annotations.csv"
    table = pd.read_csv(path, dtype="str", keep_default_na=False)
    expected = """
        pair_id user_id station_id station_name rank comment
        left.imageId left.attributes left.timestamp left.value left.url left.filename
        right.imageId right.attributes right.timestamp right.value right.url right.filename
        delta_value avg_value rel_delta_value true_rank
    """
    assert list(table.columns) == expected.split()
    assert list(table["user_id"][:4]) == ["annotator-1", "annotator-2", "", "annotator-1"]
    assert set(table["station_id"]) == {"7"}
    own = pd.read_csv(VERSION.file(whole, "data/pairs.csv"), dtype="str", keep_default_na=False)
    for published, kept in {
        "rank": "rank",
        "left.imageId": "left_image_id",
        "right.timestamp": "right_timestamp",
        "right.filename": "right_filename",
    }.items():
        assert list(table[published]) == list(own[kept])
    assert list(table["left.value"]) == list(own["left_value"])
    again, excluded = read_annotations(path.parent)
    assert list(again["left_image_id"]) == list(own["left_image_id"])
    assert excluded == []


def test_ids_of_annotators_stay_if_told(top, fperank):
    assert fperank("--to", "out", "--uuid", UUID, "--keep-user-ids")[0] == 0
    table = pd.read_csv(top / "out/models" / UUID / "annotations.csv", dtype="str")
    assert set(table["user_id"].dropna()) == {"u-bbbbbbbbbbbb", "u-aaaaaaaaaaaa"}


def test_publishing_again_copies_nothing_and_lands_in_the_same_place(top, fperank, s3, environment):
    address = f"s3://{s3.bucket}/seed/"
    code, told = fperank("--to", address)
    assert (code, told.count("copied ")) == (0, 6)
    assert told.splitlines()[-1] == "6 copied"
    first = {key: s3.client.head_object(Bucket=s3.bucket, Key=key) for key in s3.objects()}
    assert {key.split("/")[2] for key in first} == {VERSION.uuid}
    code, told = fperank("--to", address)
    assert (code, told.splitlines()[-1]) == (0, "6 unchanged")
    last = {key: s3.client.head_object(Bucket=s3.bucket, Key=key) for key in s3.objects()}
    assert [h["LastModified"] for h in first.values()] == [h["LastModified"] for h in last.values()]


def test_another_version_lands_in_another_place():
    others = {
        Version("a b", "FLOW_CFS", "c", "d").uuid,
        Version("a", "b FLOW_CFS", "c", "d").uuid,
        VERSION.uuid,
    }
    assert len(others) == 3
    assert all(uuid.UUID(one).version == 5 for one in others)


def test_a_changed_file_is_replaced_and_the_predictions_follow_it(top, s3):
    client, order, told = s3.client, [], []
    place = S3Place(client, s3.bucket, "")
    publish(top, VERSION, place, UUID, tell=told.append)
    VERSION.file(top, "report/report.html").write_text("<h1>new</h1>", encoding="utf-8")
    for operation in ("PutObject", "DeleteObject"):
        client.meta.events.register(
            f"provide-client-params.s3.{operation}",
            lambda params, model, **more: order.append((model.name, Path(params["Key"]).name)),
        )
    told.clear()
    copied = publish(top, VERSION, place, UUID, tell=told.append)
    assert order == [
        ("DeleteObject", LAST),
        ("PutObject", "report.html"),
        ("PutObject", LAST),
    ]
    assert [one.action for one in copied] == [
        "unchanged",
        "unchanged",
        "replaced",
        "unchanged",
        "unchanged",
        "copied",
    ]
    assert told[0] == f"removed until the rest is there: {copied[-1].address}"


def test_a_dry_run_lists_and_touches_nothing(top, fperank, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    before = sorted(p for p in top.rglob("*"))
    code, told = fperank("--to", "s3://somewhere/seed", "--dry-run", "--uuid", UUID.upper())
    assert code == 0
    lines = told.splitlines()[1:7]
    assert [line.split("/")[-1] for line in lines] == NAMES
    size = VERSION.file(top, "predictions/predictions.csv").stat().st_size
    assert re.fullmatch(
        rf"would copy +{size:,} bytes  s3://somewhere/seed/models/{UUID}/predictions.csv", lines[5]
    )
    assert fperank("--to", "out", "--dry-run")[0] == 0
    assert sorted(p for p in top.rglob("*")) == before


@pytest.mark.parametrize("name", NAMES)
def test_bytes_that_change_on_their_way_are_found_and_taken_away(whole, s3, name):
    client = s3.client

    def alter(request, **more):
        if request.url.endswith(f"/{name}"):
            body = bytearray(request.body.read())
            body[0] ^= 1
            request.body = io.BytesIO(body)

    client.meta.events.register("before-send.s3.PutObject", alter)
    place = S3Place(client, s3.bucket, "seed")
    # Amazon's own server and its like refuse such bytes; others are found out afterwards.
    told = rf"{name}(?:: its SHA-256 is \w+ after the copy, \w+ was sent| with \w+)"
    with pytest.raises(DataError, match=told):
        publish(whole, VERSION, place, UUID, tell=lambda line: None)
    kept = [key.rpartition("/")[2] for key in s3.objects()]
    assert sorted(kept) == sorted(NAMES[: NAMES.index(name)])


class ShortFolder(FolderPlace):
    """A disk that keeps less than it is given."""

    def put(self, name, content):
        super().put(name, content)
        with Path(self.address(name)).open("r+b") as file:
            file.truncate(1)


class DeafFolder(FolderPlace):
    """A disk that takes everything and keeps nothing."""

    def put(self, name, content):
        pass


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (ShortFolder, r"annotations.csv: 1 bytes lie there after the copy, [\d,]+ were sent"),
        (DeafFolder, r"annotations.csv: nothing lies there after the copy"),
    ],
)
def test_a_folder_that_does_not_keep_is_found(whole, tmp_path, place, message):
    with pytest.raises(DataError, match=message) as caught:
        publish(whole, VERSION, place(tmp_path), UUID, tell=lambda line: None)
    assert "predictions.csv is not there. Repeat the command" in str(caught.value)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_bucket_that_is_not_there_is_told_without_a_secret(top, fperank, environment):
    code, told = fperank("--to", "s3://no-such-bucket-here/seed")
    assert code == 1
    assert "S3 refused PutObject of s3://no-such-bucket-here/seed/models/" in told
    assert "with NoSuchBucket: the bucket does not exist" in told
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in told


def test_a_version_that_is_not_whole_is_refused(top, fperank):
    VERSION.file(top, "predictions/predictions.csv").unlink()
    VERSION.file(top, "report/report.html").unlink()
    code, told = fperank("--to", "out")
    told = " ".join(told.split())
    assert code == 1
    assert "the version model-1 of West Brook 0 (Lower) is not whole:" in told
    assert "model-1/predictions/predictions.csv, " in told
    assert "report.html are absent; run `dvc repro`, or `dvc pull` where it was made els" in told
    assert not (top / "out").exists()


def test_predictions_of_another_run_are_refused(top, fperank):
    path = VERSION.file(top, "predictions/predictions.csv")
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    code, told = fperank("--to", "out")
    assert (code, "tells of other photos than" in told) == (1, True)
    path.write_text("image_id,score\n1,2\n")
    code, told = fperank("--to", "out")
    assert (code, "the column split is missing; run `dvc repro`" in told) == (1, True)


def test_the_archive_has_the_same_bytes_whenever_and_whoever(tmp_path):
    made = []
    for owner in ("a", "b"):
        (tmp_path / owner).mkdir()
        for name in ("model.json", "model.safetensors"):
            file = tmp_path / owner / name
            file.write_bytes(name.encode() * 1000)
            file.chmod(0o600 if owner == "a" else 0o755)
            os.utime(file, (1e9, 1e9 if owner == "a" else 1.5e9))
        files = [tmp_path / owner / name for name in ("model.json", "model.safetensors")]
        write_archive(files, tmp_path / owner / f"{owner}.tar.gz")
        made.append((tmp_path / owner / f"{owner}.tar.gz").read_bytes())
    assert made[0] == made[1]
    assert made[0][4:8] == b"\0\0\0\0"
    assert hashlib.sha256(gzip.decompress(made[0])).hexdigest()[:8] == "81e59e81"


def test_a_list_of_stations_is_published_and_its_faults_told_at_the_end(top, fperank):
    second = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
    (top / "stations.txt").write_text(
        "# station uuid\n\n"
        f"Nowhere Creek {UUID[:-1]}f\n"
        f"  West Brook 0 (Lower)\t{UUID}  \n"
        f"West Brook 0 (Lower) {second}\n"
        "West Brook 0 (Lower)\n"
        f"Twice {UUID.upper()}\n"
        f"../../etc {UUID[:-1]}d\n"
        "alone\n",
        encoding="utf-8",
    )
    code, told = fperank("--to", "out", "--stations", "stations.txt")
    assert code == 1
    assert {p.name for p in (top / "out/models").iterdir()} == {UUID, second}
    assert all(set(sizes(top / "out/models" / one)) == set(NAMES) for one in (UUID, second))
    table, faults = told.split("error: ")
    assert re.search(r"^   4  6 copied +West Brook 0 \(Lower\)$", table, flags=re.M)
    assert re.search(r"^   3  failed +Nowhere Creek$", table, flags=re.M)
    assert faults.startswith("5 of 7 not published")
    for expected in (
        "stations.txt, line 3: Nowhere Creek: the version model-1 of Nowhere Creek is not whole",
        "stations.txt, line 6: West Brook 0: '(Lower)' is not a UUID such as",
        "stations.txt, line 7: Twice: has the UUID of line 4: each needs its own",
        "stations.txt, line 8: ../../etc: '../../etc' cannot be the name of a station's folder",
        "stations.txt, line 9: alone: holds 'alone': write the station, a space and its UUID",
    ):
        assert expected in faults


def test_a_list_without_faults_ends_well(top, fperank):
    Path("stations.txt").write_text(f"West Brook 0 (Lower) {UUID}\n")
    assert fperank("--to", "out", "--stations", "stations.txt", "--dry-run")[0] == 0
    assert not Path("out").exists()
    code, told = fperank("--to", "out", "--stations", "stations.txt", "--uuid", UUID)
    assert (code, "--uuid and --stations exclude each other" in told) == (1, True)


def test_a_list_that_is_none_is_refused(tmp_path):
    path = tmp_path / "list.txt"
    with pytest.raises(DataError, match=r"list.txt does not exist"):
        read_list(path)
    path.write_text("# only a comment\n")
    with pytest.raises(DataError, match=r"list.txt names no station: write `station uuid`"):
        read_list(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"list.txt is not a text file in UTF-8"):
        read_list(path)


@pytest.mark.parametrize("value", ["", "../..", "{" + UUID + "}", f"urn:uuid:{UUID}", UUID[:-1]])
def test_a_uuid_that_is_none_is_refused(value):
    with pytest.raises(DataError, match="is not a UUID such as"):
        checked_uuid(value)
