"""A store of downloaded files in the scratch folder: what was fetched once is not fetched again.

A file lies under a name that follows from its address (and from its ETag, where a listing gave
one), and comes to lie there only when it is whole and checked; so a killed run goes on where it
stopped, and several threads and processes may share the store. Deleting it costs only time.

Refused: files of another size, ETag or MD5 than the listing gave, and web pages that a server
sends in place of a file.
"""

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

from fperank.ground.errors import AbsentError, DataError
from fperank.remote.fetching import Fetcher, shown

MAX_PHOTO_BYTES = 200_000_000
_STALE_SECONDS = 86_400


class Downloads:
    """Files by address.

    Args:
        folder: where they are kept; made when needed.
        fetcher: fetches those that are not there.
        max_bytes: larger files are refused.
    """

    def __init__(self, folder: Path, fetcher: Fetcher, max_bytes: int = MAX_PHOTO_BYTES) -> None:
        self._folder = folder
        self._fetcher = fetcher
        self._max_bytes = max_bytes
        self._etags_are_md5 = True
        self._remove_stale_parts()

    def get(self, address: str, size: int | None = None, etag: str = "") -> Path:
        """The file that lies at an address, fetched if it is not in the store.

        Args:
            address: `https://`, `http://` or `s3://`.
            size: bytes that a listing gave.
            etag: likewise; an MD5 where it looks like one.

        Raises:
            AbsentError: nothing lies there.
            DataError: it cannot be fetched, or is not what the listing gave.
        """
        etag = etag.strip('"')
        key = hashlib.sha256(f"{address}\n{etag}".encode("utf-8", "surrogatepass")).hexdigest()
        path = self._folder / key[:2] / f"{key}{_suffix(address)}"
        if path.is_file() and size in {None, path.stat().st_size}:
            return path
        parts = self._folder / "part"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            parts.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(dir=parts) as own:
                fresh = Path(own) / "file"
                self._fetch(address, fresh, size, etag)
                fresh.replace(path)
        except OSError as error:
            raise DataError(f"{self._folder} cannot be written: {error.strerror}") from None
        return path

    def put(self, address: str, target: Path, size: int | None = None, etag: str = "") -> None:
        """Put the file of an address at `target`, as a link to the store's where that can be.

        Raises:
            AbsentError: nothing lies there.
            DataError: see `get`; or the target cannot be written.
        """
        path = self.get(address, size, etag)
        try:
            target.unlink(missing_ok=True)
            try:
                os.link(path, target)
            except OSError:
                shutil.copyfile(path, target)
        except OSError as error:
            raise DataError(f"{target} cannot be written: {error.strerror}") from None

    def _remove_stale_parts(self) -> None:
        """Remove what killed runs have left; not what another one may be writing now."""
        parts = self._folder / "part"
        for own in parts.iterdir() if parts.is_dir() else ():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - own.stat().st_mtime > _STALE_SECONDS:
                    shutil.rmtree(own, ignore_errors=True)

    def _fetch(self, address: str, path: Path, size: int | None, etag: str) -> None:
        """Fetch and hold against what the listing gave, if it gave any."""
        came = self._fetcher.download(address, path, self._max_bytes)
        if size is None and not etag and _is_page(path):
            # A log-in page or an error sent as a page must not be kept as the photo.
            raise AbsentError(f"{shown(address)} was answered with a web page instead of a file")
        arrived = path.stat().st_size
        if size not in {None, arrived} or (etag and came and came != etag):
            listed = f" and {size:,} were listed" if size not in {None, arrived} else ""
            raise DataError(
                f"{shown(address)} changed after it was listed ({arrived:,} bytes came{listed}): "
                "run again"
            )
        # An object that was uploaded in parts has an ETag that is no MD5 of its bytes.
        if not self._etags_are_md5 or not re.fullmatch(r"[0-9a-f]{32}", etag):
            return
        digest = _md5(path)
        if digest == etag:
            return
        # In a bucket with keys of its own (SSE-KMS) no ETag is an MD5: then the same bytes come
        # again, while damaged ones do not.
        self._fetcher.download(address, path, self._max_bytes)
        again = _md5(path)
        if again not in {digest, etag}:
            raise DataError(
                f"{shown(address)} came with other bytes than its ETag {etag} tells, twice: it was "
                "damaged on its way; run again"
            )
        self._etags_are_md5 = again == etag


def _suffix(address: str) -> str:
    found = re.search(r"\.[A-Za-z0-9]{1,8}$", shown(address))
    return found[0].lower() if found else ""


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        begin = file.read(512).lstrip().lower()
    return begin.startswith((b"<!doctype", b"<html", b"<?xml"))


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
    return digest.hexdigest()
