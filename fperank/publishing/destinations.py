"""A destination is where files are published: a folder, or a prefix of an S3 bucket.

It exists so that the check after a copy is the same everywhere: size and SHA-256 of what really
lies there. An S3 server that keeps a SHA-256 is asked for it; from any other the object is read
back. A message names operation, bucket, key and error code, never what the server or the library
said: that may hold access keys and signed addresses.

Refused: names that lead out of the destination, addresses of more than a bucket and a prefix.
"""

import base64
import binascii
import contextlib
import hashlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from fperank.ground.errors import DataError
from fperank.ground.files import file_digest
from fperank.remote.s3 import explained, s3_client

_CONTENT_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".gz": "application/gzip",
}


@dataclass(frozen=True)
class Stored:
    """What lies at a destination: bytes, and their SHA-256 in hexadecimal digits."""

    size: int
    sha256: str


class Destination(Protocol):
    """Where files are published. Names are relative, with forward slashes."""

    def address(self, name: str) -> str:
        """How a user writes where that name lies."""
        ...

    def stat(self, name: str) -> Stored | None:
        """Size and checksum of what lies there now, or none where nothing does."""
        ...

    def put(self, name: str, content: Path) -> None:
        """Copy a file there, in place of what may lie there."""
        ...

    def get(self, name: str, target: Path) -> None:
        """Copy what lies there to a file."""
        ...

    def remove(self, name: str) -> None:
        """Take away what lies there."""
        ...

    def web_address(self, name: str) -> str | None:
        """How a browser reaches that name, if it does; nothing in it is encoded."""
        ...


def stored(content: Path) -> Stored:
    """Size and checksum of a file."""
    return Stored(content.stat().st_size, file_digest(content))


def open_destination(
    to: str,
    *,
    profile: str | None = None,
    endpoint_url: str | None = None,
    offline: bool = False,
) -> Destination:
    """The destination of an address.

    Args:
        to: `s3://bucket/prefix`, or a folder, which is made when something is put there.
        profile: name of an AWS profile; S3 only.
        endpoint_url: address of another S3 server than Amazon's; S3 only.
        offline: it will only be asked for addresses, so that no credentials are needed.

    Raises:
        DataError: the address is neither, or there are no credentials.
    """
    scheme, separator, rest = to.partition("://")
    if not separator:
        if profile or endpoint_url:
            raise DataError(f"--profile and --endpoint-url belong to s3://, but --to is {to}")
        if not to.strip():
            raise DataError("--to is empty: give s3://bucket/prefix or a folder")
        return FolderDestination(Path(to))
    if scheme.lower() != "s3":
        raise DataError(f"--to begins with {scheme}://: give s3://bucket/prefix or a folder")
    bucket, _, prefix = rest.partition("/")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]", bucket):
        # Not shown: people write keys and passwords there.
        raise DataError(
            "--to names no valid bucket: write s3://bucket/prefix, with the bucket's name alone "
            "between // and /; credentials never belong into an address"
        )
    prefix = checked_name("/".join(part for part in prefix.split("/") if part), "--to")
    client = None if offline else s3_client(profile, endpoint_url)
    return S3Destination(client, bucket, prefix, endpoint_url)


def checked_name(name: str, where: str) -> str:
    """The name again, if it stays inside the destination.

    Raises:
        DataError: it is absolute, climbs out by `..`, or holds a backslash or control character.
    """
    if name and (
        {".", "..", ""} & set(name.split("/")) or re.search(r"[\\\x00-\x1f\x7f]", name) is not None
    ):
        raise DataError(
            f"{where}: the name {name!r} leads out of its destination or is not a plain one"
        )
    return name


class FolderDestination:
    """A folder of this machine or of a mounted disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def address(self, name: str) -> str:
        """See `Destination`."""
        return str(self._folder / checked_name(name, str(self._folder)))

    def stat(self, name: str) -> Stored | None:
        """See `Destination`."""
        with self._named("read", name):
            path = self._path(name)
            return stored(path) if path.exists() else None

    def put(self, name: str, content: Path) -> None:
        """See `Destination`. Readers never see half a file."""
        with self._named("write", name):
            path = self._path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{path.name}.part")
            try:
                with content.open("rb") as source, part.open("wb") as target:
                    while block := source.read(1 << 20):
                        target.write(block)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)

    def get(self, name: str, target: Path) -> None:
        """See `Destination`."""
        with self._named("read", name):
            shutil.copyfile(self._path(name), target)

    def remove(self, name: str) -> None:
        """See `Destination`."""
        with self._named("remove", name):
            self._path(name).unlink(missing_ok=True)

    def web_address(self, name: str) -> None:
        """See `Destination`: a folder has none."""

    def _path(self, name: str) -> Path:
        path = Path(self.address(name))
        if not path.resolve().is_relative_to(self._folder.resolve()):
            raise DataError(f"{path} is a link that leads out of {self._folder}: remove the link")
        return path

    @contextlib.contextmanager
    def _named(self, operation: str, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DataError(
                f"cannot {operation} {self.address(name)}: {error.strerror or type(error).__name__}"
            ) from None


class S3Destination:
    """A prefix of a bucket.

    Args:
        client: boto3's client of S3.
        bucket: its name.
        prefix: what names begin with, without slashes at its ends; may be empty.
        endpoint_url: address of another S3 server than Amazon's.
    """

    def __init__(
        self, client: Any, bucket: str, prefix: str, endpoint_url: str | None = None
    ) -> None:
        self._client, self._bucket, self._prefix = client, bucket, prefix
        self._endpoint_url = endpoint_url

    def address(self, name: str) -> str:
        """See `Destination`."""
        return f"s3://{self._bucket}/{self._key(name)}"

    def stat(self, name: str) -> Stored | None:
        """See `Destination`."""
        from botocore.exceptions import ClientError

        where = {"Bucket": self._bucket, "Key": self._key(name)}
        with explained("HeadObject", self.address(name)):
            try:
                head = self._client.head_object(**where, ChecksumMode="ENABLED")
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in {"404", "NoSuchKey"}:
                    return None
                raise
        size = int(head["ContentLength"])
        if sha256 := _kept_sha256(head):
            return Stored(size, sha256)
        return self._stored_read_back(name)

    def put(self, name: str, content: Path) -> None:
        """See `Destination`. A server that looks refuses bytes of another checksum."""
        sha256 = base64.b64encode(bytes.fromhex(stored(content).sha256)).decode()
        kind = {"ContentType": _CONTENT_TYPES[content.suffix]}
        with explained("PutObject", self.address(name)), content.open("rb") as body:
            self._client.put_object(
                Bucket=self._bucket,
                Key=self._key(name),
                Body=body,
                ChecksumSHA256=sha256,
                **(kind if content.suffix in _CONTENT_TYPES else {}),
            )

    def get(self, name: str, target: Path) -> None:
        """See `Destination`."""
        with explained("GetObject", self.address(name)), target.open("wb") as file:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key(name))
            with contextlib.closing(answer["Body"]) as body:
                for block in body.iter_chunks(1 << 20):
                    file.write(block)

    def web_address(self, name: str) -> str:
        """See `Destination`."""
        bucket, key = self._bucket, self._key(name)
        if self._endpoint_url:
            return f"{self._endpoint_url.rstrip('/')}/{bucket}/{key}"
        return f"https://{bucket}.s3.amazonaws.com/{key}"

    def remove(self, name: str) -> None:
        """See `Destination`."""
        with explained("DeleteObject", self.address(name)):
            self._client.delete_object(Bucket=self._bucket, Key=self._key(name))

    def _stored_read_back(self, name: str) -> Stored:
        digest, size = hashlib.sha256(), 0
        with explained("GetObject", self.address(name)):
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key(name))
            with contextlib.closing(answer["Body"]) as body:
                for block in body.iter_chunks(1 << 20):
                    digest.update(block)
                    size += len(block)
        return Stored(size, digest.hexdigest())

    def _key(self, name: str) -> str:
        name = checked_name(name, f"s3://{self._bucket}/{self._prefix}")
        return "/".join(part for part in (self._prefix, name) if part)


def _kept_sha256(head: dict[str, Any]) -> str | None:
    """The object's SHA-256 if the server keeps one of the whole object, not of its parts."""
    try:
        digest = base64.b64decode(head.get("ChecksumSHA256", ""), validate=True)
    except binascii.Error:
        return None
    return digest.hex() if len(digest) == 32 else None
