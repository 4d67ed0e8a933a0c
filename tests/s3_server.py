"""A real S3 server for the tests: moto's, started here, or the one that an environment names.

Set FPERANK_TEST_S3_ENDPOINT (and AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) to run the same tests
against another one, such as Ceph or MinIO.
"""

import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError


@dataclass(frozen=True)
class S3:
    endpoint: str
    key: str
    secret: str
    bucket: str

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs in its environment to reach the server; no profile of the user."""
        return {
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def client(self):
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            region_name="us-east-1",
        )

    def objects(self, prefix: str = "") -> dict[str, int]:
        """Names and sizes of the objects below a prefix."""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix
        )
        return {o["Key"]: o["Size"] for page in pages for o in page.get("Contents", [])}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory) -> Iterator[str]:
    if endpoint := os.environ.get("FPERANK_TEST_S3_ENDPOINT"):
        yield endpoint
        return
    port = free_port()
    log = (tmp_path_factory.mktemp("s3") / "log").open("wb")
    server = subprocess.Popen(
        [Path(sys.executable).parent / "moto_server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=log,
        stderr=log,
    )
    endpoint = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
                break
            except OSError:
                time.sleep(0.1)
        yield endpoint
    finally:
        server.kill()
        server.wait()
        log.close()


@pytest.fixture
def s3(s3_endpoint) -> Iterator[S3]:
    """A bucket of its own for each test, emptied and removed at the end."""
    server = S3(
        s3_endpoint,
        os.environ.get("AWS_ACCESS_KEY_ID", "testing"),
        os.environ.get("AWS_SECRET_ACCESS_KEY", "testing-secret"),
        f"fperank-{uuid.uuid4().hex[:12]}",
    )
    server.client.create_bucket(Bucket=server.bucket)
    yield server
    try:
        for key in server.objects():
            server.client.delete_object(Bucket=server.bucket, Key=key)
        server.client.delete_bucket(Bucket=server.bucket)
    except (BotoCoreError, ClientError) as error:
        print(f"the bucket {server.bucket} could not be removed: {error}")
