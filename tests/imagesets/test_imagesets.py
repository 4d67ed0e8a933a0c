"""The explorer's scoring job, on a real PostgreSQL and S3 server, by a role that only reads."""

import dataclasses
import io
import json
import os
import sys
import tarfile

import boto3
import numpy as np
import pandas as pd
import pytest
import torch
from fpe_station import MODEL_CODE, STATION_ID, TIMEZONE, fpe_station, usable_photos
from seed_reference import make_checkpoint, seed_score, trained_network

from fperank import cli
from fperank.ground.errors import ParameterError
from fperank.imagesets.settings import own_names, read_job
from fperank.publishing.published_files import write_archive

FOLDER = f"rank/{STATION_ID}/models/{MODEL_CODE}"


@pytest.fixture(scope="module")
def explorer():
    return fpe_station("http://127.0.0.1:9")


@pytest.fixture
def models(s3):
    """The bucket of models' inputs and scores, which is not that of photos and archives."""
    other = dataclasses.replace(s3, bucket=f"{s3.bucket}-models")
    other.client.create_bucket(Bucket=other.bucket)
    yield other
    for key in other.objects():
        other.client.delete_object(Bucket=other.bucket, Key=key)
    other.client.delete_bucket(Bucket=other.bucket)


@pytest.fixture
def home(postgres, explorer, s3, models, monkeypatch, tmp_path):
    """The explorer's database and its two buckets, by the names that its own job reads."""
    for name in [name for name in os.environ if name.startswith(("FPE_", "PG", "DB_", "AWS_"))]:
        monkeypatch.delenv(name)
    with postgres.database(explorer) as database:
        login = database.environment
        mine = {name.removeprefix("FPE_"): value for name, value in login.items()}
        buckets = {"FPE_S3_STORAGE_BUCKET": s3.bucket, "FPE_S3_MODEL_BUCKET": models.bucket}
        job = {"STATION_ID": str(STATION_ID), "MODEL_CODE": MODEL_CODE}
        for name, value in {**s3.environment, **mine, **buckets, **job}.items():
            monkeypatch.setenv(name, value)
        for key, content in explorer.files.items():
            s3.client.put_object(Bucket=s3.bucket, Key=key, Body=content)
        options = {"min-hour": 8, "max_hour": 16}
        put(models, f"{FOLDER}/input/station.json", {"id": STATION_ID, "timezone": TIMEZONE})
        put(models, f"{FOLDER}/input/rank-input.json", {"args": {"options": options}})
        # Only this folder can be written in the explorer's job.
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        yield database
    for name in ("FPE_DB_HOST", "FPE_DB_PORT", "FPE_DB_NAME", "FPE_DB_USER", "FPE_DB_PASSWORD"):
        os.environ.pop(name, None)


def put(s3, key, values):
    s3.client.put_object(Bucket=s3.bucket, Key=key, Body=json.dumps(values).encode())


@pytest.fixture
def published(s3, explorer, model, tmp_path):
    """The model of the row of `models`, as `fperank publish` packs it."""
    archive = tmp_path / "model.tar.gz"
    write_archive([model / "model.json", model / "model.safetensors"], archive)
    key = f"models/{explorer.models[0]['uuid']}/model.tar.gz"
    s3.client.put_object(Bucket=s3.bucket, Key=key, Body=archive.read_bytes())
    return key


@pytest.fixture
def fperank(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["fperank", "score-imagesets", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out + printed.err

    return run


def photos_of(explorer, imageset):
    """The keys of a set's photos that every source gives, in order of time."""
    keys = [photo["full_s3"]["Key"] for photo in usable_photos(explorer)]
    return [key for key in keys if f"imagesets/{imageset}/" in key]


def scores_of(s3, imageset):
    key = f"{FOLDER}/transform/imagesets/{imageset}/predictions.csv"
    return s3.client.get_object(Bucket=s3.bucket, Key=key)["Body"].read().decode()


def test_each_set_gets_the_file_that_the_explorer_joins(
    home, s3, models, explorer, published, fperank
):
    home.execute("UPDATE imagesets SET status = 'DONE' WHERE id = 103")
    # The third set has one photo of the day, of 7:30.
    options = {"min-hour": 7, "max_hour": 16}
    put(models, f"{FOLDER}/input/rank-input.json", {"args": {"options": options}})
    sets = [one["uuid"] for one in explorer.imagesets]
    listed = f"{sets[0]}, {sets[1]},{sets[0]},{sets[2]}"
    code, printed = fperank("--imageset-uuids", listed, "--batch-size", "8")
    assert code == 0, printed
    assert f"image set {sets[0]} (1 of 3)" in printed
    texts = [scores_of(models, one) for one in sets]
    for text in texts:
        assert text.splitlines()[0] == "image_id,timestamp,filename,url,score"
        times = pd.to_datetime(pd.read_csv(io.StringIO(text))["timestamp"], utc=True)
        assert times.is_monotonic_increasing
    # As the explorer joins them: by their columns, one under the other.
    joined = pd.concat([pd.read_csv(io.StringIO(text)) for text in texts])
    local = pd.to_datetime(joined["timestamp"], utc=True).dt.tz_convert(TIMEZONE)
    assert [str(one) for one in local] == joined["timestamp"].tolist()
    failed_set = [photo for photo in explorer.images if photo["imageset_id"] == 103]
    assert set(joined["filename"].str.split("/").str[1]) == set(sets)
    wanted = {
        photo["id"]
        for photo in [*usable_photos(explorer), *failed_set]
        if 7 <= photo["timestamp"].astimezone(local.iloc[0].tzinfo).hour <= 16
    }
    assert set(joined["image_id"]) == wanted
    assert np.isfinite(joined["score"]).all()
    assert joined["filename"].str.match(r"imagesets/.*/images/IMG_\d+\.JPG").all()


def test_a_set_that_fails_stops_no_other_and_an_empty_one_is_no_failure(
    home, s3, models, explorer, published, fperank
):
    first, second, failed = (one["uuid"] for one in explorer.imagesets)
    home.execute("UPDATE images SET pii_on = true, pii_off = false WHERE imageset_id = 101")
    other = "0f8fad5b-d9cb-469f-a165-70867728950e"
    code, printed = fperank("--imageset-uuids", f"{first},{failed},{other},{second}")
    assert code == 1
    assert f"image set {first} (1 of 4): passed over, nothing to score" in printed
    assert f"error: image set {failed} (2 of 4)" in printed
    assert "is FAILED, not DONE" in printed
    assert "there is none with this uuid" in printed
    assert list(models.objects(f"{FOLDER}/transform")) == [
        f"{FOLDER}/transform/imagesets/{second}/predictions.csv"
    ]
    assert fperank("--imageset-uuids", first)[0] == 0
    home.execute("UPDATE images SET pii_on = false WHERE imageset_id = 101")
    home.execute("INSERT INTO stations (id, user_id, name) VALUES (30, 'u', 'Other')")
    home.execute("UPDATE imagesets SET station_id = 30 WHERE id = 101")
    code, printed = fperank("--imageset-uuids", first)
    assert (code, "it belongs to the station 30, but STATION_ID is 29" in printed) == (1, True)


def test_a_photo_that_is_gone_or_broken_has_no_score_and_never_an_empty_cell(
    home, s3, models, explorer, published, fperank
):
    first = explorer.imagesets[0]["uuid"]
    put(models, f"{FOLDER}/input/rank-input.json", {"args": {"options": {"min_hour": 0}}})
    keys = photos_of(explorer, first)
    s3.client.delete_object(Bucket=s3.bucket, Key=keys[3])
    s3.client.put_object(Bucket=s3.bucket, Key=keys[5], Body=b"no photo")
    code, printed = fperank("--imageset-uuids", first)
    assert code == 0, printed
    rows = scores_of(models, first).splitlines()
    assert [row.split(",")[2] for row in rows if row.endswith(",NA")] == [keys[3], keys[5]]
    assert not any(row.endswith(",") for row in rows)


def test_a_set_of_which_no_photo_can_be_read_fails_and_leaves_the_scores_that_there_are(
    home, s3, models, explorer, published, fperank
):
    first, second, _ = (one["uuid"] for one in explorer.imagesets)
    assert fperank("--imageset-uuids", first)[0] == 0
    before = scores_of(models, first)
    for key in photos_of(explorer, first):
        s3.client.delete_object(Bucket=s3.bucket, Key=key)
    code, printed = fperank("--imageset-uuids", f"{first},{second}")
    assert code == 1
    assert f"none of its 16 photos could be read from {s3.bucket}, such as imagesets/" in printed
    assert scores_of(models, first) == before
    assert "NA" not in scores_of(models, second)


def test_the_seed_s_archive_is_scored_by_its_own_view(
    home, s3, models, explorer, published, fperank, tmp_path
):
    packed, content = io.BytesIO(), io.BytesIO()
    network = trained_network()
    checkpoint = make_checkpoint(network, antialias=False)
    torch.save(checkpoint, content)
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("model.pth")
        entry.size = len(content.getvalue())
        archive.addfile(entry, io.BytesIO(content.getvalue()))
    s3.client.put_object(Bucket=s3.bucket, Key=published, Body=packed.getvalue())
    first = explorer.imagesets[0]["uuid"]
    code, printed = fperank("--imageset-uuids", first, "--num-workers", "0")
    assert code == 0, printed
    table = pd.read_csv(io.StringIO(scores_of(models, first))).head(6)
    for row in table.itertuples():
        (tmp_path / "photo.jpg").write_bytes(explorer.files[row.filename])
        theirs = seed_score(network, checkpoint["transforms"]["eval"], tmp_path / "photo.jpg")
        assert row.score == pytest.approx(theirs, abs=1e-5)
    assert table["score"].nunique() == 6


def test_a_model_that_is_unknown_or_no_archive_is_told(
    home, s3, models, explorer, published, fperank
):
    first = explorer.imagesets[0]["uuid"]
    code, printed = fperank("--imageset-uuids", first, "--model-code", "RANK-FLOW-1")
    assert (code, "has no model of the code RANK-FLOW-1 at the station 29" in printed) == (1, True)
    whole = s3.client.get_object(Bucket=s3.bucket, Key=published)["Body"].read()
    damaged = bytearray(whole)
    damaged[-8] ^= 255
    s3.client.put_object(Bucket=s3.bucket, Key=published, Body=bytes(damaged))
    code, printed = fperank("--imageset-uuids", first)
    assert (code, "model.tar.gz is no whole archive" in printed) == (1, True)
    s3.client.put_object(Bucket=s3.bucket, Key=published, Body=b"no archive")
    code, printed = fperank("--imageset-uuids", first)
    assert (code, "model.tar.gz is no whole archive" in printed) == (1, True)


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("station.json", {"id": 30, "timezone": TIMEZONE}, "is of the station 30, but STATION_ID"),
        ("station.json", {"timezone": "Mars/Base"}, "timezone is 'Mars/Base', no name of the IANA"),
        ("station.json", None, "nothing that may be read lies at s3://"),
        ("rank-input.json", None, "nothing that may be read lies at s3://"),
        ("rank-input.json", [], "must be an object"),
    ],
)
def test_an_input_that_is_absent_or_another_station_s_is_told(
    home, models, explorer, published, fperank, name, values, told
):
    if values is None:
        models.client.delete_object(Bucket=models.bucket, Key=f"{FOLDER}/input/{name}")
    else:
        put(models, f"{FOLDER}/input/{name}", values)
    code, printed = fperank("--imageset-uuids", explorer.imagesets[0]["uuid"])
    assert (code, told in printed, name in printed) == (1, True, True)
    assert not models.objects(f"{FOLDER}/transform")


@pytest.mark.skipif("FPERANK_TEST_S3_ENDPOINT" in os.environ, reason="that server keeps no secrets")
def test_the_login_may_be_a_secret_of_the_region(
    home, s3, models, explorer, published, fperank, monkeypatch
):
    keys = {"host": "HOST", "port": "PORT", "database": "NAME", "user": "USER"}
    login = {key: os.environ[f"DB_{name}"] for key, name in keys.items()}
    secret = {
        "Name": f"fpe/{s3.bucket}",
        "SecretString": json.dumps(login | {"password": os.environ["DB_PASSWORD"]}),
    }
    client = boto3.client("secretsmanager", endpoint_url=s3.endpoint, region_name="us-west-2")
    client.create_secret(**secret)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("FPE_DB_SECRET", secret["Name"])
    # A login beside the secret does not count.
    monkeypatch.setenv("DB_PASSWORD", "another")
    first = explorer.imagesets[0]["uuid"]
    try:
        code, printed = fperank("--imageset-uuid", first)
    finally:
        os.environ.pop("AWS_DEFAULT_REGION", None)
        client.delete_secret(SecretId=secret["Name"], ForceDeleteWithoutRecovery=True)
    assert code == 0, printed
    assert scores_of(models, first)


def test_wrong_settings_end_with_status_2_before_anything_is_asked(fperank, monkeypatch):
    for name in ("STATION_ID", "MODEL_CODE", "IMAGESET_UUIDS"):
        monkeypatch.delenv(name, raising=False)
    code, printed = fperank("--model-code", "x")
    assert code == 2
    assert "STATION_ID is not set: set it in the environment, or the option --station-id" in printed


BASE = {
    **{"STATION_ID": "29", "MODEL_CODE": "A-1", "FPE_S3_STORAGE_BUCKET": "s"},
    **{"FPE_S3_MODEL_BUCKET": "m", "IMAGESET_UUIDS": "0f8fad5b-d9cb-469f-a165-70867728950e"},
}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("STATION_ID", "x", "STATION_ID is 'x': give the station's number"),
        ("MODEL_CODE", "../a", "MODEL_CODE is '../a'"),
        ("IMAGESET_UUIDS", "a,b", "IMAGESET_UUIDS holds 'a'"),
        ("IMAGESET_UUIDS", " , ", "names no image set"),
        ("NUM_WORKERS", "many", "NUM_WORKERS is 'many'"),
        ("FPE_S3_MODEL_BUCKET", "", "FPE_S3_MODEL_BUCKET is not set: set it in the environment$"),
    ],
)
def test_a_setting_that_is_none_is_told(name, value, told):
    with pytest.raises(ParameterError, match=told):
        read_job({}, {**BASE, name: value})


def test_an_option_counts_more_than_the_environment_and_a_secret_more_than_a_login():
    assert read_job({"STATION_ID": "30", "NUM_WORKERS": "4"}, BASE).station_id == 30
    one = {**BASE, "IMAGESET_UUID": BASE["IMAGESET_UUIDS"], "IMAGESET_UUIDS": ""}
    assert read_job({}, one).imagesets == (BASE["IMAGESET_UUIDS"],)
    login = {"DB_HOST": "h", "DB_PASSWORD": "p", "AWS_REGION": "eu-west-1"}
    assert own_names(login) == {
        **{"FPE_DB_HOST": "h", "FPE_DB_PASSWORD": "p", "AWS_DEFAULT_REGION": "eu-west-1"},
    }
    assert own_names({**login, "FPE_DB_SECRET": "s", "AWS_DEFAULT_REGION": "x"}) == {}
    assert own_names({}) == {"AWS_DEFAULT_REGION": "us-west-2"}
