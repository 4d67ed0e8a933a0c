"""The explorer's scoring job, on a real PostgreSQL and S3 server, by a role that only reads."""

import io
import json
import os
import sys
import tarfile

import numpy as np
import pandas as pd
import pytest
import torch
from fpe_station import MODEL_CODE, STATION_ID, TIMEZONE, fpe_station, usable_photos
from seed_reference import make_checkpoint, trained_network

from fperank import cli
from fperank.ground.errors import ParameterError
from fperank.imagesets.settings import own_names, read_job
from fperank.publishing.published_files import write_archive

FOLDER = f"rank/{STATION_ID}/models/{MODEL_CODE}"


@pytest.fixture(scope="module")
def explorer():
    return fpe_station("http://127.0.0.1:9")


@pytest.fixture
def home(postgres, explorer, s3, monkeypatch, tmp_path):
    """The explorer's database and bucket, by the names that its own job reads."""
    for name in [name for name in os.environ if name.startswith(("FPE_", "PG", "DB_", "AWS_"))]:
        monkeypatch.delenv(name)
    with postgres.database(explorer) as database:
        login = database.environment
        mine = {name.removeprefix("FPE_"): value for name, value in login.items()}
        buckets = {"FPE_S3_STORAGE_BUCKET": s3.bucket, "FPE_S3_MODEL_BUCKET": s3.bucket}
        job = {"STATION_ID": str(STATION_ID), "MODEL_CODE": MODEL_CODE}
        for name, value in {**s3.environment, **mine, **buckets, **job}.items():
            monkeypatch.setenv(name, value)
        for key, content in explorer.files.items():
            s3.client.put_object(Bucket=s3.bucket, Key=key, Body=content)
        options = {"min-hour": 8, "max_hour": 16}
        put(s3, f"{FOLDER}/input/station.json", {"id": STATION_ID, "timezone": TIMEZONE})
        put(s3, f"{FOLDER}/input/rank-input.json", {"args": {"options": options}})
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


def scores_of(s3, imageset):
    key = f"{FOLDER}/transform/imagesets/{imageset}/predictions.csv"
    return s3.client.get_object(Bucket=s3.bucket, Key=key)["Body"].read().decode()


def test_each_set_gets_the_file_that_the_explorer_joins(home, s3, explorer, published, fperank):
    first, second, failed = (one["uuid"] for one in explorer.imagesets)
    code, printed = fperank("--imageset-uuids", f"{first}, {second},{first}", "--batch-size", "8")
    assert code == 0, printed
    assert f"image set {first} (1 of 2)" in printed
    texts = [scores_of(s3, one) for one in (first, second)]
    for text in texts:
        assert text.splitlines()[0] == "image_id,timestamp,filename,url,score"
        times = pd.to_datetime(pd.read_csv(io.StringIO(text))["timestamp"], utc=True)
        assert times.is_monotonic_increasing
    # As the explorer joins them: by their columns, one under the other.
    joined = pd.concat([pd.read_csv(io.StringIO(text)) for text in texts])
    local = pd.to_datetime(joined["timestamp"], utc=True).dt.tz_convert(TIMEZONE)
    assert [str(one) for one in local] == joined["timestamp"].tolist()
    wanted = {
        photo["id"]
        for photo in usable_photos(explorer)
        if 8 <= photo["timestamp"].astimezone(local.iloc[0].tzinfo).hour <= 16
    }
    assert set(joined["image_id"]) == wanted
    assert np.isfinite(joined["score"]).all()
    assert joined["filename"].str.match(r"imagesets/.*/images/IMG_\d+\.JPG").all()
    assert not [key for key in s3.objects(FOLDER) if failed in key]


def test_a_set_that_fails_stops_no_other_and_an_empty_one_is_no_failure(
    home, s3, explorer, published, fperank
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
    assert list(s3.objects(f"{FOLDER}/transform")) == [
        f"{FOLDER}/transform/imagesets/{second}/predictions.csv"
    ]
    assert fperank("--imageset-uuids", first)[0] == 0
    home.execute("UPDATE images SET pii_on = false WHERE imageset_id = 101")
    home.execute("INSERT INTO stations (id, user_id, name) VALUES (30, 'u', 'Other')")
    home.execute("UPDATE imagesets SET station_id = 30 WHERE id = 101")
    code, printed = fperank("--imageset-uuids", first)
    assert (code, "it belongs to the station 30, but STATION_ID is 29" in printed) == (1, True)


def test_a_photo_that_is_gone_or_broken_has_no_score_and_never_an_empty_cell(
    home, s3, explorer, published, fperank
):
    first = explorer.imagesets[0]["uuid"]
    put(s3, f"{FOLDER}/input/rank-input.json", {"args": {"options": {"min_hour": 0}}})
    keys = [key for key in explorer.files if f"imagesets/{first}/images" in key]
    s3.client.delete_object(Bucket=s3.bucket, Key=keys[10])
    s3.client.put_object(Bucket=s3.bucket, Key=keys[14], Body=b"no photo")
    code, printed = fperank("--imageset-uuids", first)
    assert code == 0, printed
    rows = scores_of(s3, first).splitlines()
    assert sum(row.endswith(",NA") for row in rows) >= 1
    assert not any(row.endswith(",") for row in rows)


def test_the_seed_s_archive_is_scored_by_its_own_view(home, s3, explorer, published, fperank):
    packed, content = io.BytesIO(), io.BytesIO()
    torch.save(make_checkpoint(trained_network()), content)
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("model.pth")
        entry.size = len(content.getvalue())
        archive.addfile(entry, io.BytesIO(content.getvalue()))
    s3.client.put_object(Bucket=s3.bucket, Key=published, Body=packed.getvalue())
    first = explorer.imagesets[0]["uuid"]
    code, printed = fperank("--imageset-uuids", first, "--num-workers", "0")
    assert code == 0, printed
    assert "photos with a score" in printed


def test_a_model_that_is_unknown_or_no_archive_is_told(home, s3, explorer, published, fperank):
    first = explorer.imagesets[0]["uuid"]
    code, printed = fperank("--imageset-uuids", first, "--model-code", "RANK-FLOW-1")
    assert (code, "has no model of the code RANK-FLOW-1 at the station 29" in printed) == (1, True)
    s3.client.put_object(Bucket=s3.bucket, Key=published, Body=b"no archive")
    code, printed = fperank("--imageset-uuids", first)
    assert (code, "model.tar.gz is no whole archive" in printed) == (1, True)


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
    login = {"DB_HOST": "h", "DB_PASSWORD": "p", "AWS_REGION": "eu-west-1"}
    assert own_names(login) == {
        **{"FPE_DB_HOST": "h", "FPE_DB_PASSWORD": "p", "AWS_DEFAULT_REGION": "eu-west-1"},
    }
    assert own_names({**login, "FPE_DB_SECRET": "s", "AWS_DEFAULT_REGION": "x"}) == {}
    assert own_names({}) == {"AWS_DEFAULT_REGION": "us-west-2"}
