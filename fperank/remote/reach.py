"""Where a server's redirect may lead: not into the network of the one who follows it.

What answers on this machine, in a private network or at a cloud's metadata service trusts whoever
can reach it; a stranger's server must not borrow that. Refused: a redirect to such a place, by
number or by a name that stands for one, unless the user's own address named that very host; and a
cloud's metadata, whoever asks. A name that changes between the check and the fetch is not seen.
"""

import ipaddress
import socket

import urllib3

from fperank.ground.errors import DataError

_METADATA = {
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "fd00:ec2::254",
    "metadata.google.internal",
}


def require_reachable(address: str, asked: str, shown: str) -> None:
    """Refuse an http address that must not be fetched.

    Args:
        address: the address to fetch now.
        asked: the user's own; the same as `address` where no redirect led there.
        shown: what the message calls `address`.

    Raises:
        DataError: it lies at a cloud's metadata, or a redirect led to a place that is not public.
        ValueError: it is no address.
    """
    host = _host(address)
    places = _places(host) if address != asked else {host}
    if _METADATA & {host, *places}:
        raise DataError(
            f"{shown}: a cloud's metadata service holds no data and is not fetched from"
        )
    if host == _host(asked):
        return
    hidden = sorted(place for place in places if _is_hidden(place))
    if hidden:
        raise DataError(
            f"{shown}, on this machine or in a private network ({hidden[0]}), where a server's "
            "redirect may not lead: if you trust it, give that address itself"
        )


def _host(address: str) -> str:
    # The reader that the fetching library uses: another could find another host in one text.
    return (urllib3.util.parse_url(address).host or "").strip("[]").rstrip(".").lower()


def _places(host: str) -> set[str]:
    """The numbers that a host's name stands for; none where nothing is known of it."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return set()
    return {str(entry[4][0]).partition("%")[0] for entry in found}


def _is_hidden(place: str) -> bool:
    number = ipaddress.ip_address(place)
    mapped = getattr(number, "ipv4_mapped", None)
    return not (mapped or number).is_global
