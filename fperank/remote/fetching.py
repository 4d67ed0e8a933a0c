"""Bytes from an address: http, https or s3, with limits, timeouts and retries.

Servers are busy, go away for a moment and cut answers off; such faults are tried again with growing
waits, and for as long as the server asks if it does. What still fails is named with what was being
fetched and what to do.

Refused: other schemes (file, ftp), also where a redirect leads to them; redirects to places that
are not public (`reach.py`); answers larger than the
caller allows; addresses that hold a user or a password. Query strings are never shown: they may
hold signatures.
"""

import contextlib
import datetime as dt
import email.utils
import io
import itertools
import re
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar

import requests
import tenacity
import urllib3

from fperank.ground.errors import AbsentError, DataError, TooLargeError
from fperank.remote.reach import require_reachable
from fperank.remote.s3 import error_code, explained, s3_client

T = TypeVar("T")

ATTEMPTS = 5
_MAX_REDIRECTS = 5
_LONGEST_WAIT_SECONDS = 120
_BLOCK = 1 << 16
_REFERER = "https://usgs.gov/"
"""Without it the Flow Photo Explorer's bucket may refuse to be read."""

_PASSING_STATUS = {408, 425, 429, 500, 502, 503, 504}
# A bucket whose list is private answers 403 for what is not there.
_ABSENT_STATUS = {403, 404, 410}
_ABSENT_CODES = {"NoSuchKey", "404", "AccessDenied", "AllAccessDisabled", "403"}


class _PassingError(Exception):
    """A fault that may be gone at the next attempt."""

    def __init__(self, fault: str, wait_seconds: float = 0) -> None:
        super().__init__(fault)
        self.wait_seconds = wait_seconds


class _Answer(NamedTuple):
    """What a server sends: the size it gave (0 if none), its ETag, and bytes of just that size."""

    declared: int
    etag: str
    blocks: Iterable[bytes]


def shown(address: str) -> str:
    """An address as messages and tables may hold it: without user, password, query and fragment."""
    scheme, separator, rest = address.partition("://") if "://" in address else ("", "", address)
    host, slash, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"


class Fetcher:
    """Fetches from addresses; one serves all threads.

    Args:
        first_wait_seconds: before the second attempt; doubled before each further one.
        timeouts_seconds: to connect, and between two pieces of an answer; http only.
        longest_seconds: for one address, all attempts and waits together.
    """

    def __init__(
        self,
        first_wait_seconds: float = 1.0,
        timeouts_seconds: tuple[float, float] = (10, 60),
        longest_seconds: float = 900,
    ) -> None:
        self._first_wait_seconds = first_wait_seconds
        self._timeouts_seconds = timeouts_seconds
        self._longest_seconds = longest_seconds
        self._of_thread = threading.local()
        self._opening = threading.Lock()
        self._s3: Any = None

    def read(self, address: str, max_bytes: int, headers: dict[str, str] | None = None) -> bytes:
        """Fetch what is small enough for memory.

        Args:
            address: `https://`, `http://` or `s3://bucket/key`.
            max_bytes: more is refused.
            headers: further ones for http; a redirect does not carry them on.

        Raises:
            AbsentError: nothing lies there.
            DataError: it cannot be fetched now, or is too large.
        """

        def once(latest: float) -> bytes:
            buffer = io.BytesIO()
            self._copy(address, buffer, max_bytes, latest, headers or {})
            return buffer.getvalue()

        return self._retried(address, once)

    def download(self, address: str, target: Path, max_bytes: int) -> str:
        """Fetch to a file, whole or not at all; its folder exists.

        Returns:
            The ETag that the server announced, without quotes, or empty text.

        Raises:
            AbsentError: nothing lies there.
            DataError: it cannot be fetched now, is too large, or cannot be written.
        """

        def once(latest: float) -> str:
            with part.open("wb") as file:
                return self._copy(address, file, max_bytes, latest, {})

        # Of its own: another thread or process may be fetching to the same target.
        part = target.with_name(f".{uuid.uuid4().hex}.part")
        try:
            etag = self._retried(address, once)
            part.replace(target)
        except OSError as error:
            raise DataError(f"{target} cannot be written: {error.strerror}") from None
        finally:
            part.unlink(missing_ok=True)
        return etag

    def _retried(self, address: str, attempt: Callable[[float], T]) -> T:
        latest = time.monotonic() + self._longest_seconds
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(ATTEMPTS)
            | tenacity.stop_before_delay(self._longest_seconds),
            wait=self._wait_seconds,
            retry=tenacity.retry_if_exception(_worth_another_attempt),
            reraise=True,
        )
        try:
            return retrying(attempt, latest)
        except _PassingError as fault:
            n = retrying.statistics["attempt_number"]
            asks = f" and asks to wait {fault.wait_seconds:,.0f} seconds"
            raise DataError(
                f"{shown(address)} could not be fetched in {n} attempt{'' if n == 1 else 's'}: "
                f"{fault}{'' if _worth_another_attempt(fault) else asks}. Run again later: what "
                "was fetched before is kept"
            ) from None

    def _wait_seconds(self, state: tenacity.RetryCallState) -> float:
        fault = state.outcome.exception() if state.outcome else None
        asked = fault.wait_seconds if isinstance(fault, _PassingError) else 0
        own: float = self._first_wait_seconds * 2 ** (state.attempt_number - 1)
        return max(own, asked)

    def _copy(
        self, address: str, file: BinaryIO, max_bytes: int, latest: float, headers: dict[str, str]
    ) -> str:
        """Fetch once; return the ETag."""
        _check_address(address, address)
        scheme = address.partition("://")[0].lower()
        opened = self._open_s3(address) if scheme == "s3" else self._open_http(address, headers)
        with opened as answer:
            size = 0
            for block in itertools.chain([b""], answer.blocks):
                size += len(block)
                if max(size, answer.declared) > max_bytes:
                    raise TooLargeError(
                        f"{shown(address)} is larger than the {max_bytes:,} bytes that are allowed"
                    )
                if time.monotonic() > latest:
                    raise DataError(
                        f"{shown(address)} took more than {self._longest_seconds:,.0f} seconds: "
                        "run again later, what was fetched before is kept"
                    )
                file.write(block)
            return answer.etag

    @contextlib.contextmanager
    def _open_http(self, address: str, headers: dict[str, str]) -> Iterator[_Answer]:
        if not hasattr(self._of_thread, "session"):
            self._of_thread.session = requests.Session()
        here, more = address, headers
        try:
            for _ in range(_MAX_REDIRECTS + 1):
                leads = "" if here == address else f"{shown(address)} leads to "
                require_reachable(here, address, leads + shown(here))
                with self._of_thread.session.get(
                    here,
                    headers={"Referer": _REFERER, "Accept-Encoding": "identity", **more},
                    stream=True,
                    timeout=self._timeouts_seconds,
                    # Followed here: requests would read a redirect's body whatever its size.
                    allow_redirects=False,
                ) as answer:
                    if not answer.is_redirect:
                        _check_status(address, answer)
                        yield _answer(answer)
                        return
                    here, more = urllib.parse.urljoin(here, answer.headers["Location"]), {}
                    _check_address(here, address)
            raise DataError(f"{shown(address)} leads from one address to the next without an end")
        except (requests.exceptions.SSLError, urllib3.exceptions.SSLError):
            raise DataError(
                f"{shown(address)} cannot be trusted: the server's certificate is not valid, or "
                "not for that name"
            ) from None
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            raise _PassingError("the server did not answer in time") from None
        except requests.ConnectionError:
            raise _PassingError("there was no connection to the server, or it broke off") from None
        except (requests.RequestException, ValueError) as error:
            raise DataError(
                f"{shown(here)} is no address that can be fetched ({type(error).__name__})"
            ) from None
        except urllib3.exceptions.HTTPError:
            raise _PassingError("the answer broke off") from None

    @contextlib.contextmanager
    def _open_s3(self, address: str) -> Iterator[_Answer]:
        from botocore.exceptions import (
            ClientError,
            IncompleteReadError,
            ReadTimeoutError,
            ResponseStreamingError,
        )

        bucket, _, key = address.partition("://")[2].partition("/")
        if not re.fullmatch(r"[A-Za-z0-9._-]{3,255}", bucket) or not key:
            raise DataError(f"{shown(address)} names no object: write s3://bucket/key")
        with explained("GetObject", shown(address)):
            client = self._s3_client()
            try:
                # The client itself tries again where the server is busy or does not answer.
                answer = client.get_object(Bucket=bucket, Key=key)
            except ClientError as error:
                code = error_code(error)
                if code in _ABSENT_CODES:
                    raise AbsentError(
                        f"nothing that may be read lies at {shown(address)} ({code}; needed are "
                        "s3:GetObject and s3:ListBucket)"
                    ) from None
                raise
            try:
                with contextlib.closing(answer["Body"]) as body:
                    etag = str(answer.get("ETag", "")).strip('"')
                    yield _Answer(int(answer["ContentLength"]), etag, body.iter_chunks(_BLOCK))
            except ReadTimeoutError:
                raise _PassingError("the server did not answer in time") from None
            except (IncompleteReadError, ResponseStreamingError):
                raise _PassingError("the answer broke off") from None

    def _s3_client(self) -> Any:
        with self._opening:
            if self._s3 is None:
                self._s3 = s3_client(anonymous=True)
                self._s3.meta.events.register("before-sign.s3", _add_referer)
        return self._s3


def _worth_another_attempt(error: BaseException) -> bool:
    return isinstance(error, _PassingError) and error.wait_seconds <= _LONGEST_WAIT_SECONDS


def _add_referer(request: Any, **_: Any) -> None:
    request.headers["Referer"] = _REFERER


def _check_address(address: str, asked: str) -> None:
    """Refuse an address; `asked` is what the caller wanted, where a redirect led from it."""
    leads = "" if address == asked else f"{shown(asked)} leads to "
    scheme, separator, rest = address.partition("://")
    # A server's redirect must not reach further than itself could.
    allowed = ("https", "http", "s3") if address == asked else ("https", "http")
    if not separator or scheme.lower() not in allowed:
        names = " or ".join(f"{name}://" for name in allowed)
        raise DataError(
            f"{leads}{shown(address)!r}, which cannot be fetched: addresses begin with {names}"
        )
    if "@" in re.split(r"[/?#]", rest, maxsplit=1)[0]:
        raise DataError(
            f"{leads}{shown(address)} with a user or password: leave them out of addresses, and "
            "give credentials by the environment"
        )


def _check_status(address: str, answer: requests.Response) -> None:
    status = answer.status_code
    if status in _ABSENT_STATUS:
        raise AbsentError(f"nothing that may be read lies at {shown(address)} (status {status})")
    if status in _PASSING_STATUS:
        asked = _asked_wait_seconds(answer.headers.get("Retry-After", ""))
        raise _PassingError(f"the server answered with status {status}", asked)
    if status != 200:
        raise DataError(
            f"{shown(address)} was answered with status {status} instead of 200: is the address "
            "right, and open to everybody?"
        )


def _asked_wait_seconds(retry_after: str) -> float:
    """The wait that a `Retry-After` header asks for, in seconds or until a date; 0 without one."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        until = email.utils.parsedate_to_datetime(retry_after)
    except (TypeError, ValueError):
        return 0
    until = until if until.tzinfo else until.replace(tzinfo=dt.UTC)
    return max(0.0, (until - dt.datetime.now(dt.UTC)).total_seconds())


def _answer(answer: requests.Response) -> _Answer:
    encoded = answer.headers.get("Content-Encoding", "identity") != "identity"
    length = answer.headers.get("Content-Length", "")
    declared = int(length) if length.isdecimal() and not encoded else 0
    # What has come is handed on at once: a slow answer could otherwise outlast any limit.
    blocks = iter(lambda: answer.raw.read1(_BLOCK, decode_content=True), b"")
    return _Answer(declared, answer.headers.get("ETag", "").strip('"'), blocks)
