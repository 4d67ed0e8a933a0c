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
from written_version import write_version

from fperank import cli
from fperank.ground.errors import DataError
from fperank.ground.files import write_json, write_text
from fperank.handover.dataset import Dataset, DatasetFolder, write_dataset
from fperank.handover.input import InputFolder
from fperank.handover.model import ModelFolder
from fperank.handover.predictions import PREDICTIONS_FILE
from fperank.handover.report import METRICS_FILE, PAGE_FILE
from fperank.handover.version import Version
from fperank.publishing.destinations import FolderDestination, S3Destination
from fperank.publishing.publish import checked_uuid, publish, version_uuid
from fperank.publishing.published_files import write_archive
from fperank.publishing.station_list import read_list
from fperank.stations.answers.files import read_annotations

VERSION = Version("West Brook 0 (Lower)", "FLOW_CFS", "dataset-1", "model-1")
UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
NAMES = [
    "annotations.csv",
    "images.csv",
    "model-1.html",
    "metrics.json",
    "model.tar.gz",
    "predictions.csv",
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with `params.yaml` and one whole version, as the stages would leave it."""
    top = tmp_path_factory.mktemp("whole")
    write_version(top, VERSION, days=4, photos_per_day=4, n_pairs=40)
    folder = DatasetFolder(top / VERSION.dataset)
    users = [("u-bbbbbbbbbbbb", "u-aaaaaaaaaaaa", None)[k % 3] for k in range(len(folder.pairs))]
    station = folder.station.model_copy(update={"id": "7"})
    pairs = folder.pairs.assign(user_id=users)
    dataset = Dataset(station, folder.images, pairs, folder.observations, folder.excluded)
    write_dataset(dataset, folder.summary, folder.folder)
    ModelFolder(top / VERSION.model).weights_file.write_bytes(bytes(range(256)) * 50)
    write_text(top / VERSION.report / PAGE_FILE, "<h1>ñ</h1>")
    write_json({}, top / VERSION.report / METRICS_FILE)
    return top


@pytest.fixture
def top(whole, tmp_path, monkeypatch):
    """A copy of it to change, and the folder that commands run in."""
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
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


@pytest.fixture
def environment(s3, monkeypatch):
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)


def sizes(folder):
    return {p.name: p.stat().st_size for p in folder.iterdir()}


def test_all_files_arrive_whole_and_the_predictions_last(whole, s3):
    client, order, printed = s3.client, [], []
    client.meta.events.register(
        "provide-client-params.s3.PutObject", lambda params, **more: order.append(params["Key"])
    )
    copied = publish(
        whole, VERSION, S3Destination(client, s3.bucket, "seed/x"), UUID, on_line=printed.append
    )
    assert order == [f"seed/x/models/{UUID}/{name}" for name in NAMES]
    assert [one.action for one in copied] == ["copied"] * 6
    assert s3.objects() == {
        f"seed/x/models/{UUID}/{name}": one.size for name, one in zip(NAMES, copied, strict=True)
    }

    def body(name):
        key = f"seed/x/models/{UUID}/{name}"
        return client.get_object(Bucket=s3.bucket, Key=key)["Body"].read()

    for published, own in {
        "images.csv": InputFolder(whole / VERSION.input).images_file,
        "model-1.html": whole / VERSION.report / PAGE_FILE,
        "metrics.json": whole / VERSION.report / METRICS_FILE,
    }.items():
        assert body(published) == own.read_bytes()
    scores = pd.read_csv(io.BytesIO(body("predictions.csv")), dtype="str", keep_default_na=False)
    own = pd.read_csv(
        whole / VERSION.predictions / PREDICTIONS_FILE, dtype="str", keep_default_na=False
    )
    # The explorer takes an empty cell for a score of 0.
    assert "" in set(own["score"])
    pd.testing.assert_frame_equal(scores, own.assign(score=own["score"].replace("", "NA")))
    with tarfile.open(fileobj=io.BytesIO(body("model.tar.gz"))) as archive:
        assert archive.getnames() == ["model.json", "model.safetensors"]
        for name in archive.getnames():
            kept = (whole / VERSION.model / name).read_bytes()
            assert archive.extractfile(name).read() == kept


def test_annotations_have_the_explorers_columns_and_numbered_annotators(whole, tmp_path):
    publish(whole, VERSION, FolderDestination(tmp_path), UUID, on_line=lambda line: None)
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
    own = pd.read_csv(
        DatasetFolder(whole / VERSION.dataset).pairs_file, dtype="str", keep_default_na=False
    )
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


def test_ids_of_annotators_stay_if_asked(top, fperank):
    assert fperank("--to", "out", "--uuid", UUID, "--keep-user-ids")[0] == 0
    table = pd.read_csv(top / "out/models" / UUID / "annotations.csv", dtype="str")
    assert set(table["user_id"].dropna()) == {"u-bbbbbbbbbbbb", "u-aaaaaaaaaaaa"}


def test_publishing_again_copies_nothing_and_lands_in_the_same_place(top, fperank, s3, environment):
    address = f"s3://{s3.bucket}/seed/"
    code, printed = fperank("--to", address)
    assert (code, printed.count("copied ")) == (0, 6)
    assert printed.splitlines()[-1] == "6 copied"
    first = {key: s3.client.head_object(Bucket=s3.bucket, Key=key) for key in s3.objects()}
    assert {key.split("/")[2] for key in first} == {version_uuid(VERSION)}
    code, printed = fperank("--to", address)
    assert (code, printed.splitlines()[-1]) == (0, "6 unchanged")
    last = {key: s3.client.head_object(Bucket=s3.bucket, Key=key) for key in s3.objects()}
    assert [h["LastModified"] for h in first.values()] == [h["LastModified"] for h in last.values()]


def test_another_version_lands_in_another_place():
    others = {
        version_uuid(Version("a b", "FLOW_CFS", "c", "d")),
        version_uuid(Version("a", "b FLOW_CFS", "c", "d")),
        version_uuid(VERSION),
    }
    assert len(others) == 3
    assert all(uuid.UUID(one).version == 5 for one in others)


def test_a_changed_file_is_replaced_and_the_predictions_follow_it(top, s3):
    client, order, printed = s3.client, [], []
    destination = S3Destination(client, s3.bucket, "")
    publish(top, VERSION, destination, UUID, on_line=printed.append)
    (top / VERSION.report / PAGE_FILE).write_text("<h1>new</h1>", encoding="utf-8")
    for operation in ("PutObject", "DeleteObject"):
        client.meta.events.register(
            f"provide-client-params.s3.{operation}",
            lambda params, model, **more: order.append((model.name, Path(params["Key"]).name)),
        )
    printed.clear()
    copied = publish(top, VERSION, destination, UUID, on_line=printed.append)
    assert order == [
        ("DeleteObject", NAMES[-1]),
        ("PutObject", "model-1.html"),
        ("PutObject", NAMES[-1]),
    ]
    assert [one.action for one in copied] == [
        "unchanged",
        "unchanged",
        "replaced",
        "unchanged",
        "unchanged",
        "copied",
    ]
    assert printed[0] == f"removed until the rest is there: {copied[-1].address}"


def test_a_model_that_the_explorer_scores_with_is_not_replaced_unless_told(top, fperank):
    there = top / "out/models" / UUID / "model.tar.gz"
    there.parent.mkdir(parents=True)
    (top / "model.pth").write_bytes(b"weights")
    write_archive([top / "model.pth"], there)
    (there.parent / "predictions.csv").write_text("live")
    before = there.read_bytes()
    code, printed = fperank("--to", "out", "--uuid", UUID)
    assert (code, "model.tar.gz holds model.pth, so it may be" in printed) == (1, True)
    assert "--replace-model" in printed
    assert sizes(there.parent) == {"model.tar.gz": len(before), "predictions.csv": 4}
    there.write_bytes(b"no archive")
    assert "is no archive that can be read" in fperank("--to", "out", "--uuid", UUID)[1]
    assert fperank("--to", "out", "--uuid", UUID, "--replace-model")[0] == 0
    assert set(sizes(there.parent)) == set(NAMES)
    (top / VERSION.model / "model.safetensors").write_bytes(b"others")
    assert fperank("--to", "out", "--uuid", UUID)[0] == 0


def test_the_row_of_a_model_is_offered_as_sql_and_csv(top, fperank, s3, environment):
    address, code = f"s3://{s3.bucket}/seed", "RANK-FLOW-20240402"
    options = ("--to", address, "--uuid", UUID, "--model-code", code)
    assert fperank(*options, "--models-row", "row.sql")[0] == 0
    text = (top / "row.sql").read_text("utf-8")
    assert text.startswith('INSERT INTO models ("station_id", "model_type_id"')
    web = f"https://{s3.bucket}.s3.amazonaws.com/seed/models/{UUID}"
    assert f"VALUES (7, 'RANK', 'FLOW_CFS', '{code}', '{UUID}', false, '{web}/{code}.html'" in text
    assert fperank(*options, "--models-row", "row.csv")[0] == 0
    row = pd.read_csv(top / "row.csv").iloc[0]
    assert (row["predictions_url"], row["status"]) == (f"{web}/predictions.csv", "DONE")
    code, printed = fperank(*options, "--models-row", "row.txt")
    assert (code, "name a file that ends in .sql or .csv" in " ".join(printed.split())) == (1, True)
    code, printed = fperank("--to", "out", "--model-code", "a/b")
    assert (code, "cannot name a file" in printed) == (1, True)


def test_the_explorer_s_own_database_takes_the_row(top, fperank, s3, environment, postgres):
    options = ("--to", f"s3://{s3.bucket}/seed", "--uuid", UUID, "--model-code", "RANK-FLOW-1")
    for name in ("row.sql", "row.csv"):
        assert fperank(*options, "--models-row", name)[0] == 0
        with postgres.database() as database, database.owner() as connection:
            connection.execute("INSERT INTO stations (id, user_id, name) VALUES (7, 'u', 'x')")
            connection.execute("INSERT INTO variables VALUES ('FLOW_CFS', '')")
            if name == "row.sql":
                connection.execute((top / name).read_text("utf-8"))
            else:
                text = (top / name).read_text("utf-8")
                names = ", ".join(f'"{one}"' for one in text.splitlines()[0].split(","))
                copy = f"COPY models ({names}) FROM STDIN WITH (FORMAT csv, HEADER)"
                with connection.cursor().copy(copy) as into:
                    into.write(text)
            asked = "SELECT station_id, code, predictions_url, status FROM models WHERE uuid = %s"
            row = connection.execute(asked, [UUID]).fetchone()
        web = f"https://{s3.bucket}.s3.amazonaws.com/seed/models/{UUID}/predictions.csv"
        assert row == (7, "RANK-FLOW-1", web, "DONE")


def test_a_dry_run_lists_and_touches_nothing(top, fperank, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    before = sorted(p for p in top.rglob("*"))
    code, printed = fperank("--to", "s3://somewhere/seed", "--dry-run", "--uuid", UUID.upper())
    assert code == 0
    lines = printed.splitlines()[1:7]
    assert [line.split("/")[-1] for line in lines] == NAMES
    assert re.fullmatch(
        rf"would copy +[\d,]+ bytes  s3://somewhere/seed/models/{UUID}/predictions.csv", lines[5]
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
    destination = S3Destination(client, s3.bucket, "seed")
    # Amazon's own server and its like refuse such bytes; others are found out afterwards.
    printed = rf"{name}(?:: its SHA-256 is \w+ after the copy, \w+ was sent| with \w+)"
    with pytest.raises(DataError, match=printed):
        publish(whole, VERSION, destination, UUID, on_line=lambda line: None)
    kept = [key.rpartition("/")[2] for key in s3.objects()]
    assert sorted(kept) == sorted(NAMES[: NAMES.index(name)])


class ShortFolder(FolderDestination):
    """A disk that keeps less than it is given."""

    def put(self, name, content):
        super().put(name, content)
        with Path(self.address(name)).open("r+b") as file:
            file.truncate(1)


class DeafFolder(FolderDestination):
    """A disk that takes everything and keeps nothing."""

    def put(self, name, content):
        pass


@pytest.mark.parametrize(
    ("destination", "message"),
    [
        (ShortFolder, r"annotations.csv: 1 bytes lie there after the copy, [\d,]+ were sent"),
        (DeafFolder, r"annotations.csv: nothing lies there after the copy"),
    ],
)
def test_a_folder_that_does_not_keep_is_found(whole, tmp_path, destination, message):
    with pytest.raises(DataError, match=message) as caught:
        publish(whole, VERSION, destination(tmp_path), UUID, on_line=lambda line: None)
    assert "predictions.csv is not there. Repeat the command" in str(caught.value)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_bucket_that_is_not_there_is_named_without_a_secret(top, fperank, environment):
    code, printed = fperank("--to", "s3://no-such-bucket-here/seed")
    assert code == 1
    assert "S3 refused PutObject of s3://no-such-bucket-here/seed/models/" in printed
    assert "with NoSuchBucket: the bucket does not exist" in printed
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in printed


def test_a_version_that_is_not_whole_is_refused(top, fperank):
    (top / VERSION.predictions / PREDICTIONS_FILE).unlink()
    (top / VERSION.report / PAGE_FILE).unlink()
    code, printed = fperank("--to", "out")
    printed = " ".join(printed.split())
    assert code == 1
    assert "the version model-1 of West Brook 0 (Lower) is not whole:" in printed
    assert "model-1/predictions/predictions.csv, " in printed
    assert "report.html are absent; run `dvc repro`, or `dvc pull` where it was made els" in printed
    assert not (top / "out").exists()


def test_predictions_of_another_run_are_refused(top, fperank):
    path = top / VERSION.predictions / PREDICTIONS_FILE
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    code, printed = fperank("--to", "out")
    assert (code, "holds other photos than" in printed) == (1, True)
    path.write_text("image_id,score\n1,2\n")
    code, printed = fperank("--to", "out")
    assert (code, "the column split is missing; columns needed" in printed) == (1, True)


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


def test_a_list_of_stations_is_published_and_its_faults_named_at_the_end(top, fperank):
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
    code, printed = fperank("--to", "out", "--stations", "stations.txt")
    assert code == 1
    assert {p.name for p in (top / "out/models").iterdir()} == {UUID, second}
    assert all(set(sizes(top / "out/models" / one)) == set(NAMES) for one in (UUID, second))
    table, faults = printed.split("error: ")
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
    code, printed = fperank("--to", "out", "--stations", "stations.txt", "--uuid", UUID)
    assert (code, "--uuid and --stations exclude each other" in printed) == (1, True)


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
