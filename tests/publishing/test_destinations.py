import base64
import hashlib
import http.server
import os
import threading
import traceback

import pytest

from fperank.ground.errors import DataError
from fperank.publishing.destinations import (
    FolderDestination,
    S3Destination,
    Stored,
    open_destination,
    stored,
)

SECRETS = ("AKIAVERYSECRETKEY", "s3cr3t/s3cr3t", "X-Amz-Signature", "hunter2")


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """An environment without any credential, and an empty configuration file."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    config = tmp_path / "aws-config"
    config.write_text("")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return config


@pytest.fixture
def secret(bare, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", SECRETS[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRETS[1])
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)


@pytest.fixture
def server():
    """Gives the answers of its list, (status, headers, body), and the last one for ever."""

    class Answers(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self):
            self.close_connection = True
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.server.requests.append(self.command)
            given = self.server.answers
            status, headers, body = given.pop(0) if len(given) > 1 else given[0]
            if status is None:
                return
            self.send_response(status)
            for name, value in {
                "Content-Length": len(body),
                "Connection": "close",
                **headers,
            }.items():
                self.send_header(name, str(value))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET = do_DELETE = do_PUT

        def log_message(self, *arguments):
            pass

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    listening.answers, listening.requests = [], []
    thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
    thread.start()
    yield listening
    listening.shutdown()
    thread.join()
    listening.server_close()


def opened(server, to="s3://station-photos/seed"):
    return open_destination(to, endpoint_url=f"http://127.0.0.1:{server.server_port}")


def refusal(code):
    text = (
        f"<Error><Code>{code}</Code><Message>no {SECRETS[3]}</Message>"
        f"<AWSAccessKeyId>{SECRETS[0]}</AWSAccessKeyId>"
        f"<StringToSign>{SECRETS[2]}=abc {SECRETS[1]}</StringToSign></Error>"
    )
    return text.encode()


def failure(call, *arguments):
    with pytest.raises(DataError) as caught:
        call(*arguments)
    with_trace = "".join(traceback.format_exception(caught.value))
    assert [secret for secret in SECRETS if secret in with_trace] == []
    return str(caught.value)


@pytest.fixture
def photo_table(tmp_path):
    path = tmp_path / "images.csv"
    path.write_bytes(b"image_id\n1\n")
    return path


CONTENT = Stored(11, hashlib.sha256(b"image_id\n1\n").hexdigest())


def test_a_folder_takes_replaces_tells_and_removes(photo_table, tmp_path):
    destination = open_destination(str(tmp_path / "out"))
    assert destination.stat("models/1/images.csv") is None
    assert not (tmp_path / "out").exists()
    destination.put("models/1/images.csv", photo_table)
    assert destination.stat("models/1/images.csv") == CONTENT == stored(photo_table)
    photo_table.write_bytes(b"x")
    destination.put("models/1/images.csv", photo_table)
    assert (tmp_path / "out/models/1/images.csv").read_bytes() == b"x"
    assert destination.address("models/1/images.csv") == str(tmp_path / "out/models/1/images.csv")
    destination.remove("models/1/images.csv")
    destination.remove("models/1/images.csv")
    assert list((tmp_path / "out/models/1").iterdir()) == []


def test_a_bucket_takes_replaces_tells_and_removes(s3, photo_table):
    destination = S3Destination(s3.client, s3.bucket, "seed data/ñ")
    assert destination.stat("images.csv") is None
    destination.put("images.csv", photo_table)
    assert s3.objects() == {"seed data/ñ/images.csv": 11}
    assert destination.stat("images.csv") == CONTENT
    head = s3.client.head_object(Bucket=s3.bucket, Key="seed data/ñ/images.csv")
    assert head["ContentType"] == "text/csv; charset=utf-8"
    photo_table.write_bytes(b"x")
    destination.put("images.csv", photo_table)
    assert destination.stat("images.csv").size == 1
    destination.remove("images.csv")
    assert s3.objects() == {}


def test_a_kept_checksum_is_believed_and_the_object_not_read(secret, server):
    digest = base64.b64encode(bytes.fromhex(CONTENT.sha256)).decode()
    server.answers = [(200, {"Content-Length": "11", "x-amz-checksum-sha256": digest}, b"")]
    assert opened(server).stat("images.csv") == CONTENT
    assert server.requests == ["HEAD"]


@pytest.mark.parametrize("kept", [{}, {"x-amz-checksum-sha256": "Y29tcG9zaXRl-3"}])
def test_without_a_checksum_of_the_whole_the_object_is_read_back(secret, server, kept):
    server.answers = [
        (200, {"Content-Length": "11", **kept}, b""),
        (200, {}, b"image_id\n1\n"),
    ]
    assert opened(server).stat("images.csv") == CONTENT
    assert server.requests == ["HEAD", "GET"]


@pytest.mark.parametrize(
    ("to", "address"),
    [
        ("s3://bucket", "s3://bucket/models/a"),
        ("s3://bucket/", "s3://bucket/models/a"),
        ("S3://bucket//seed//data//", "s3://bucket/seed/data/models/a"),
        ("s3://bucket/West Brook", "s3://bucket/West Brook/models/a"),
    ],
)
def test_a_prefix_gives_neither_double_nor_leading_slashes(to, address):
    assert open_destination(to, offline=True).address("models/a") == address


@pytest.mark.parametrize("name", ["../a", "a/../b", "/a", "a//b", ".", "a/..", "a\\b", "a\nb"])
def test_a_name_never_leads_out_of_its_destination(name, tmp_path, photo_table):
    for destination in (FolderDestination(tmp_path / "out"), S3Destination(None, "bucket", "seed")):
        with pytest.raises(DataError, match="leads out of its destination or is not a plain one"):
            destination.put(name, photo_table)


def test_a_link_never_leads_out_of_the_folder(tmp_path, photo_table):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out/models").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"is a link that leads out of .*out: remove the link"):
        FolderDestination(tmp_path / "out").put("models/images.csv", photo_table)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("gs://bucket/x", "--to begins with gs://: give s3://bucket/prefix or a folder"),
        (" ", "--to is empty"),
        ("s3://", "--to names no valid bucket"),
        (f"s3://{SECRETS[0]}:{SECRETS[1]}@bucket/x", "credentials never belong into an address"),
        ("s3://bucket/a/../b", "leads out of its destination"),
    ],
)
def test_an_address_that_is_none_is_refused(bare, to, message):
    assert message in failure(open_destination, to)


def test_a_profile_belongs_to_s3(tmp_path):
    with pytest.raises(DataError, match="belong to s3://, but --to is"):
        open_destination(str(tmp_path), profile="work")


def test_without_credentials_the_three_ways_are_named(bare):
    message = failure(open_destination, "s3://bucket")
    assert message.startswith("no credentials for S3 were found; there are three ways to give them")
    assert "environment" in message and "profile" in message and "aws sso login" in message
    message = failure(lambda: open_destination("s3://bucket", profile="nobody"))
    assert message.startswith("no credentials for S3 (ProfileNotFound); there are three ways")


def test_an_sso_session_that_is_not_open_is_named(bare, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    bare.write_text(
        "[profile work]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n"
        "[sso-session s]\nsso_start_url = https://example.org/start\nsso_region = us-east-1\n"
    )
    message = failure(lambda: open_destination("s3://bucket", profile="work").stat("a"))
    assert "aws sso login --profile NAME" in message


def test_half_given_credentials_are_named(bare, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", SECRETS[0])
    assert "(PartialCredentialsError); there are three ways" in failure(
        open_destination, "s3://bucket"
    )


@pytest.mark.parametrize(
    ("status", "code", "hint"),
    [
        (403, "SignatureDoesNotMatch", "the credentials are not those of this server"),
        (403, "AccessDenied", "needed are s3:PutObject"),
        (400, "BadDigest", "the bytes changed on their way"),
        (404, "NoSuchBucket", "the bucket does not exist"),
        (503, "SlowDown", "the server is busy"),
    ],
)
def test_a_refusal_is_named_without_what_the_server_said(
    secret, server, photo_table, status, code, hint
):
    server.answers = [(status, {"Content-Type": "application/xml"}, refusal(code))]
    message = failure(opened(server).put, "images.csv", photo_table)
    prefix = f"S3 refused PutObject of s3://station-photos/seed/images.csv with {code}: {hint}"
    assert message.startswith(prefix)


def test_a_code_that_is_no_word_is_not_repeated(secret, server, photo_table):
    server.answers = [(400, {}, refusal(f"Bad {SECRETS[0]}"))]
    assert "with unknown" in failure(opened(server).put, "images.csv", photo_table)


def test_a_busy_server_and_a_dropped_connection_are_tried_again(secret, server, photo_table):
    server.answers = [(503, {}, refusal("SlowDown")), (None, {}, b""), (200, {}, b"")]
    opened(server).put("images.csv", photo_table)
    assert server.requests == ["PUT"] * 3


def test_a_server_that_is_not_there_is_named(secret, server, photo_table):
    destination = opened(server)
    server.answers = [(None, {}, b"")]
    message = failure(destination.put, "images.csv", photo_table)
    assert message.startswith("PutObject of s3://station-photos/seed/images.csv failed with")
    assert "is the network there" in message


@pytest.mark.parametrize("address", ["{}", "//{}:x", "https://me:{}@s3.example.org", "ftp://{}"])
def test_an_endpoint_that_is_no_plain_address_is_refused(secret, address):
    message = failure(
        lambda: open_destination("s3://bucket", endpoint_url=address.format(SECRETS[3]))
    )
    assert "must be an address such as https://s3.example.org:9000, without user and" in message


def test_a_folder_that_cannot_be_written_is_named(tmp_path, photo_table):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(DataError, match=r"cannot write .*out/a/images.csv: "):
        FolderDestination(tmp_path / "out").put("a/images.csv", photo_table)
