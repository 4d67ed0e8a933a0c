"""Where a file of the Flow Photo Explorer lies, and what it is called.

The explorer puts the key that a file has in S3 behind a host letter for letter: in `a#1?50%.JPG`
nothing is encoded and nothing ends the path. So the name is that text, and is encoded only to be
fetched. Addresses that bear a signature are encoded already and are left as they are.
"""

import re
import urllib.parse
from typing import NamedTuple

_WEB = re.compile(r"(?P<host>https?://[^/?#]*)/(?P<key>.*)", re.IGNORECASE | re.DOTALL)
_SIGNED = re.compile(
    r"\?(X-Amz-[\w-]+|AWSAccessKeyId|Signature|Expires|Policy|Key-Pair-Id|versionId)=",
    re.IGNORECASE,
)
_AMAZON = re.compile(r"https?://[^/]+\.amazonaws\.com(:\d+)?", re.IGNORECASE)
# What a path may hold as it is; S3 takes a + for a space.
_PLAIN = "/:@!$&'()*,;=~"


class Place(NamedTuple):
    """A file.

    Attributes:
        name: its key in S3, such as `imagesets/<uuid>/images/A.JPG`; empty if nothing tells it.
        addresses: where its bytes lie, to be tried in this order; never empty with a name.
    """

    name: str = ""
    addresses: tuple[str, ...] = ()


def place_of(url: str | None, bucket: str | None = None, key: str | None = None) -> Place:
    """The place of a file by the columns of its row.

    Args:
        url: `full_url` or `url`: the key behind a host, or `s3://bucket/key`.
        bucket: of `full_s3` or `s3`, which only the database tells.
        key: likewise; where it is known it is the name.
    """
    in_s3 = f"s3://{bucket}/{key}" if bucket and key else ""
    by_url = _place_of_url(url or "")
    if not in_s3 or not key:
        return by_url
    if by_url.name != key.lstrip("/"):
        # The address is another file's, or none.
        return Place(key.lstrip("/"), (in_s3,))
    if _AMAZON.match(by_url.addresses[0]):
        # An account of one's own may be refused where everybody is let in.
        return Place(by_url.name, (in_s3, *by_url.addresses))
    return by_url


def _place_of_url(url: str) -> Place:
    if url.lower().startswith("s3://"):
        key = url[len("s3://") :].partition("/")[2]
        return Place(key, (url,)) if key else Place()
    found = _WEB.fullmatch(url)
    if found is None:
        return Place()
    host, key = found["host"], found["key"]
    if signed := _SIGNED.search(key):
        path = urllib.parse.unquote(key[: signed.start()])
        return Place(path.lstrip("/"), (url,)) if path.lstrip("/") else Place()
    name = key.lstrip("/")
    return Place(name, (f"{host}/{urllib.parse.quote(key, safe=_PLAIN)}",)) if name else Place()
