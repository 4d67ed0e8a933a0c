import datetime as dt
import email.utils
import gzip
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from fpe_api_server import (
    FOR_EVER,
    chunks,
    content,
    cut,
    cut_chunks,
    drip,
    page,
    redirect,
    silence,
    status,
    together,
)
from s3_server import free_port

from fperank.ground.errors import AbsentError, DataError
from fperank.remote.fetching import ATTEMPTS, Fetcher, shown

BODY = bytes(range(256)) * 1000
MAX = 10**6
SECRETS = ("hunter2", "X-Amz-Signature", "abc123")


@pytest.fixture
def of_s3(s3, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return s3


@pytest.fixture
def s3_faults(fpe_api, monkeypatch):
    """The server of faults in the place of S3, asked with credentials."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": SECRETS[0],
        "AWS_SECRET_ACCESS_KEY": SECRETS[2],
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": fpe_api.url,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    return fpe_api


def s3_error(code, number):
    body = f"<Error><Code>{code}</Code><Message>{SECRETS[0]} and {SECRETS[2]}</Message></Error>"
    return status(number, body.encode(), Content_Type="application/xml")


def fault_of(fetcher, address, tmp_path):
    """The message of a download that fails, after checking that it left nothing."""
    with pytest.raises(DataError) as caught:
        fetcher.download(address, tmp_path / "photo.jpg", MAX)
    assert list(tmp_path.iterdir()) == []
    assert not any(secret in str(caught.value) for secret in SECRETS)
    return caught.value


@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503, 504])
def test_a_passing_fault_is_tried_again_with_growing_waits(fpe_api, waits, code):
    address = fpe_api.answers("/a.jpg", status(code), status(code), content(BODY))
    assert Fetcher(first_wait_seconds=3).read(address, MAX) == BODY
    assert waits == [3, 6]
    assert fpe_api.requests["/a.jpg"] == 3


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (status(429), "the server answered with status 429"),
        (status(500, b"Traceback: abc123"), "the server answered with status 500"),
        (cut(BODY, 1000), "the answer broke off"),
        (cut(BODY, 0), "the answer broke off"),
        (cut_chunks(BODY), "the answer broke off"),
        (silence, "the server did not answer in time"),
    ],
)
def test_a_fault_that_stays_is_told_and_leaves_no_file(fpe_api, waits, tmp_path, answer, fault):
    address = fpe_api.answers("/a b.jpg", answer, times=FOR_EVER)
    fetcher = Fetcher(timeouts_seconds=(5, 0.05 if answer is silence else 30))
    message = str(fault_of(fetcher, f"{address}?X-Amz-Signature=abc123#hunter2", tmp_path))
    assert message == (
        f"{address} could not be fetched in {ATTEMPTS} attempts: {fault}. Run again later: what "
        "was fetched before is kept"
    )
    assert fpe_api.requests["/a b.jpg"] == ATTEMPTS
    assert waits == [1, 2, 4, 8]


@pytest.mark.parametrize("fault", [cut(BODY, 70_000), cut_chunks(BODY), silence])
def test_what_broke_off_is_fetched_whole_at_the_next_attempt(fpe_api, waits, tmp_path, fault):
    address = fpe_api.answers("/a.jpg", fault)
    fpe_api.ordered["/a.jpg"].append((content(BODY, ETag='"e1"'), FOR_EVER))
    fetcher = Fetcher(timeouts_seconds=(5, 0.3 if fault is silence else 30))
    etag = fetcher.download(address, tmp_path / "photo.jpg", MAX)
    assert (tmp_path / "photo.jpg").read_bytes() == BODY
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]
    assert etag == "e1"
    assert fpe_api.requests["/a.jpg"] >= 2


def test_the_wait_that_a_server_asks_for_is_taken(fpe_api, waits):
    in_a_minute = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60)
    address = fpe_api.answers(
        "/a",
        status(429, Retry_After="7"),
        status(503, Retry_After=email.utils.format_datetime(in_a_minute, usegmt=True)),
        status(429, Retry_After="soon"),
        content(BODY),
    )
    assert Fetcher(first_wait_seconds=0).read(address, MAX) == BODY
    assert waits[0] == 7
    assert 30 < waits[1] <= 60
    assert waits[2] == 0


def test_a_shorter_wait_than_our_own_is_not_taken(fpe_api, waits):
    address = fpe_api.answers("/a", status(429, Retry_After="0"), content(BODY))
    Fetcher(first_wait_seconds=2).read(address, MAX)
    assert waits == [2]


def test_a_server_that_asks_for_a_long_wait_is_left_alone_and_its_wish_told(fpe_api, waits):
    address = fpe_api.answers("/a", status(429, Retry_After="3600"), times=FOR_EVER)
    with pytest.raises(DataError, match=r"in 1 attempt: .* 429 and asks to wait 3,600 seconds\."):
        Fetcher().read(address, MAX)
    assert fpe_api.requests["/a"] == 1
    assert waits == []


@pytest.mark.parametrize("code", [403, 404, 410])
def test_what_is_gone_is_told_at_once(fpe_api, waits, tmp_path, code):
    address = fpe_api.answers("/a.jpg", status(code, SECRETS[0].encode()))
    error = fault_of(Fetcher(), address, tmp_path)
    assert isinstance(error, AbsentError)
    assert str(error) == f"nothing that may be read lies at {address} (status {code})"
    assert waits == []


@pytest.mark.parametrize("code", [204, 206, 300, 304, 400, 401, 418])
def test_another_status_than_200_is_no_file(fpe_api, tmp_path, code):
    body = b"" if code in {204, 304} else b"x"
    address = fpe_api.answers("/a.jpg", status(code, body))
    error = fault_of(Fetcher(), address, tmp_path)
    assert not isinstance(error, AbsentError)
    assert f"status {code} instead of 200: is the address right" in str(error)


@pytest.mark.parametrize("answer", [content(b"x" * 101), chunks(b"x" * 60, b"x" * 41)])
def test_what_is_larger_than_allowed_is_refused(fpe_api, waits, tmp_path, answer):
    address = fpe_api.answers("/a", answer, times=FOR_EVER)
    with pytest.raises(DataError, match=r"/a is larger than the 100 bytes that are allowed"):
        Fetcher().download(address, tmp_path / "a", 100)
    assert list(tmp_path.iterdir()) == []
    assert fpe_api.requests["/a"] == 1


def test_a_declared_size_is_refused_before_any_of_it_is_read(fpe_api):
    address = fpe_api.answers("/a", cut(bytes(2 * 10**6), 0))
    with pytest.raises(DataError, match="is larger than the 1,000,000 bytes"):
        Fetcher(timeouts_seconds=(5, 5)).read(address, MAX)


def test_just_as_much_as_is_allowed_comes(fpe_api):
    for answer in (content(b"x" * 100), chunks(b"x" * 60, b"x" * 40), content(b"")):
        address = fpe_api.answers("/a", answer)
        assert Fetcher().read(address, 100) in {b"x" * 100, b""}


def test_a_compressed_answer_is_unpacked_and_its_size_is_that_of_the_content(fpe_api, waits):
    packed = gzip.compress(BODY)
    address = fpe_api.answers("/a", content(packed, Content_Encoding="gzip"))
    assert Fetcher().read(address, len(BODY)) == BODY
    bomb = gzip.compress(bytes(50 * MAX))
    assert len(bomb) < MAX
    fpe_api.answers("/a", content(bomb, Content_Encoding="gzip"))
    with pytest.raises(DataError, match="larger than the 1,000,000 bytes that are allowed"):
        Fetcher().read(address, MAX)
    fpe_api.answers("/a", cut(packed, 900, Content_Encoding="gzip"), times=FOR_EVER)
    with pytest.raises(DataError, match="could not be fetched in 5 attempts: the answer broke"):
        Fetcher().read(address, MAX)


def test_an_answer_that_drips_ends_at_the_limit_of_time(fpe_api, waits, tmp_path):
    address = fpe_api.answers("/a.jpg", drip())
    error = fault_of(Fetcher(longest_seconds=0.2), address, tmp_path)
    assert "/a.jpg took more than 0 seconds: run again later" in str(error)
    assert fpe_api.requests["/a.jpg"] == 1


def test_attempts_end_at_the_limit_of_time(fpe_api):
    address = fpe_api.answers("/a", status(503), times=FOR_EVER)
    with pytest.raises(DataError, match="could not be fetched in 1 attempt: "):
        Fetcher(first_wait_seconds=50, longest_seconds=1).read(address, MAX)


def test_no_connection_is_told(waits, tmp_path):
    error = fault_of(Fetcher(), f"http://127.0.0.1:{free_port()}/a.jpg", tmp_path)
    assert "there was no connection to the server, or it broke off" in str(error)
    assert waits == [1, 2, 4, 8]


@pytest.mark.parametrize(
    "address",
    ["file:///etc/passwd", "ftp://example.org/a", "/etc/passwd", "a.jpg", "data:,x", "", "//x/y"],
)
def test_other_schemes_are_refused(tmp_path, address):
    error = fault_of(Fetcher(), address, tmp_path)
    assert f"{address!r}, which cannot be fetched: addresses begin with https://" in str(error)


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://example.org/a", "s3://bucket/key"])
def test_a_redirect_to_another_scheme_is_refused(fpe_api, tmp_path, to):
    address = fpe_api.answers("/a.jpg", redirect(to))
    error = fault_of(Fetcher(), address, tmp_path)
    assert f"{address} leads to {to!r}, which cannot be fetched: addresses begin" in str(error)


def test_a_redirect_is_followed_without_our_headers(fpe_api):
    address = fpe_api.answers("/a", redirect("/b?X-Amz-Signature=abc123"))
    fpe_api.answers("/b", content(BODY))
    assert Fetcher().read(address, MAX, {"X-Api-Key": "abc123"}) == BODY
    assert fpe_api.headers["/a"]["X-Api-Key"] == "abc123"
    assert "X-Api-Key" not in fpe_api.headers["/b"]
    assert fpe_api.asked[-1] == ("/b", {"X-Amz-Signature": "abc123"})
    assert fpe_api.headers["/b"]["Referer"] == "https://usgs.gov/"


def test_redirects_without_an_end_are_told(fpe_api, tmp_path):
    address = fpe_api.answers("/a", redirect("/a"), times=FOR_EVER)
    error = fault_of(Fetcher(), address, tmp_path)
    assert f"{address} leads from one address to the next without an end" in str(error)
    assert fpe_api.requests["/a"] == 6


@pytest.mark.parametrize("scheme", ["http", "https", "s3"])
def test_a_user_or_password_in_an_address_is_refused_and_never_shown(tmp_path, scheme):
    address = f"{scheme}://me:hunter2@127.0.0.1:1/a.jpg?X-Amz-Signature=abc123"
    error = fault_of(Fetcher(), address, tmp_path)
    assert f"{scheme}://127.0.0.1:1/a.jpg with a user or password: leave them out" in str(error)


def test_a_redirect_to_an_address_with_a_password_is_refused(fpe_api, tmp_path):
    port = fpe_api.url.rpartition(":")[2]
    address = fpe_api.answers("/a", redirect(f"http://me:hunter2@127.0.0.1:{port}/b"))
    error = fault_of(Fetcher(), address, tmp_path)
    assert f"{address} leads to {fpe_api.url}/b with a user or password" in str(error)
    assert fpe_api.requests["/b"] == 0


@pytest.mark.parametrize(
    "address", ["http://", "http://[::1/a", "https://host:port/a", "http://a..b/\udc80"]
)
def test_an_address_that_is_none_is_told(tmp_path, waits, address):
    error = fault_of(Fetcher(), address, tmp_path)
    assert f"{shown(address)} is no address that can be fetched" in str(error)
    assert waits == []


def test_a_certificate_of_another_is_not_trusted(waits, tmp_path, monkeypatch):
    def get(*_, **__):
        raise requests.exceptions.SSLError("certificate verify failed: hunter2")

    monkeypatch.setattr(requests.Session, "get", get)
    error = fault_of(Fetcher(), "https://example.org/a?abc123", tmp_path)
    assert "https://example.org/a cannot be trusted: the server's certificate" in str(error)
    assert waits == []


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://me:hunter2@example.org:8/a%20b.jpg?abc123#x", "https://example.org:8/a%20b.jpg"),
        ("s3://bucket/a@b/c d.jpg", "s3://bucket/a@b/c d.jpg"),
        ("me:hunter2@example.org/a", "example.org/a"),
        ("http://[::1/a?abc123", "http://[::1/a"),
        ("https://example.org?abc123", "https://example.org"),
    ],
)
def test_an_address_is_shown_without_its_secrets(address, expected):
    assert shown(address) == expected


def test_a_target_that_cannot_be_written_is_told(fpe_api, tmp_path):
    address = fpe_api.answers("/a", content(BODY))
    with pytest.raises(DataError, match=r"none/a cannot be written: No such file or directory"):
        Fetcher().download(address, tmp_path / "none" / "a", MAX)


def test_two_threads_that_fetch_to_one_target_leave_it_whole(fpe_api, tmp_path):
    address = fpe_api.answers("/a", together(2, content(BODY)), times=FOR_EVER)
    fetcher, target = Fetcher(), tmp_path / "a"
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: fetcher.download(address, target, MAX), range(2)))
    assert target.read_bytes() == BODY
    assert list(tmp_path.iterdir()) == [target]


def test_a_web_page_is_fetched_as_it_is(fpe_api):
    assert Fetcher().read(fpe_api.answers("/a", page()), MAX).startswith(b"<!DOCTYPE")


def test_an_object_of_s3_is_fetched_with_its_etag(of_s3, tmp_path):
    key = "imagesets/a b/é#1?.jpg"
    of_s3.client.put_object(Bucket=of_s3.bucket, Key=key, Body=BODY)
    etag = Fetcher().download(f"s3://{of_s3.bucket}/{key}", tmp_path / "a.jpg", MAX)
    assert (tmp_path / "a.jpg").read_bytes() == BODY
    assert etag == of_s3.client.head_object(Bucket=of_s3.bucket, Key=key)["ETag"].strip('"')


def test_a_public_object_of_s3_is_read_without_credentials(s3_faults, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    s3_faults.answers("/bucket/a.jpg", content(BODY))
    assert Fetcher().read("s3://bucket/a.jpg", MAX) == BODY
    assert "Authorization" not in s3_faults.headers["/bucket/a.jpg"]
    assert s3_faults.headers["/bucket/a.jpg"]["Referer"] == "https://usgs.gov/"


def test_s3_is_asked_with_credentials_where_there_are_some(s3_faults):
    s3_faults.answers("/bucket/a.jpg", content(BODY))
    assert Fetcher().read("s3://bucket/a.jpg", MAX) == BODY
    assert "AWS4-HMAC-SHA256" in s3_faults.headers["/bucket/a.jpg"]["Authorization"]
    assert s3_faults.headers["/bucket/a.jpg"]["Referer"] == "https://usgs.gov/"


def test_an_object_that_is_not_in_s3_is_absent(of_s3, tmp_path):
    error = fault_of(Fetcher(), f"s3://{of_s3.bucket}/none.jpg", tmp_path)
    assert isinstance(error, AbsentError)
    assert str(error).startswith(f"nothing that may be read lies at s3://{of_s3.bucket}/none.jpg")


def test_a_bucket_that_is_not_there_is_told(of_s3, tmp_path):
    error = fault_of(Fetcher(), "s3://no-such-bucket-of-fperank/a.jpg", tmp_path)
    assert not isinstance(error, AbsentError)
    assert "with NoSuchBucket: the bucket does not exist" in str(error)


def test_an_object_that_may_not_be_read_is_absent_and_its_rights_told(s3_faults, tmp_path):
    s3_faults.answers("/bucket/a.jpg", s3_error("AccessDenied", 403))
    error = fault_of(Fetcher(), "s3://bucket/a.jpg", tmp_path)
    assert isinstance(error, AbsentError)
    assert "(AccessDenied; needed are s3:GetObject and s3:ListBucket)" in str(error)


def test_wrong_credentials_stop_everything(s3_faults, tmp_path):
    s3_faults.answers("/bucket/a.jpg", s3_error("InvalidAccessKeyId", 403))
    error = fault_of(Fetcher(), "s3://bucket/a.jpg", tmp_path)
    assert not isinstance(error, AbsentError)
    assert "InvalidAccessKeyId: the credentials are not those of this server" in str(error)


def test_a_busy_s3_is_asked_again_and_then_told(s3_faults, waits, tmp_path):
    busy = s3_error("SlowDown", 503)
    s3_faults.answers("/bucket/a.jpg", busy, busy, content(BODY))
    assert Fetcher().read("s3://bucket/a.jpg", MAX) == BODY
    s3_faults.answers("/bucket/b.jpg", busy, times=FOR_EVER)
    error = fault_of(Fetcher(), "s3://bucket/b.jpg", tmp_path)
    assert "with SlowDown: the server is busy: repeat the command later" in str(error)
    assert s3_faults.requests["/bucket/b.jpg"] == 5


def test_an_object_of_s3_that_broke_off_is_fetched_whole_at_the_next_attempt(
    s3_faults, waits, tmp_path
):
    s3_faults.answers("/bucket/a.jpg", cut(BODY, 70_000), content(BODY))
    Fetcher().download("s3://bucket/a.jpg", tmp_path / "a.jpg", MAX)
    assert (tmp_path / "a.jpg").read_bytes() == BODY
    s3_faults.answers("/bucket/a.jpg", cut(BODY, 1000), times=FOR_EVER)
    (tmp_path / "a.jpg").unlink()
    error = fault_of(Fetcher(), "s3://bucket/a.jpg", tmp_path)
    assert f"s3://bucket/a.jpg could not be fetched in {ATTEMPTS} attempts: the" in str(error)


@pytest.mark.parametrize("address", ["s3://", "s3://bucket", "s3://bucket/", "s3://b d/key"])
def test_an_address_of_s3_without_bucket_or_key_is_refused(tmp_path, address):
    error = fault_of(Fetcher(), address, tmp_path)
    assert f"{address} names no object: write s3://bucket/key" in str(error)
