import pytest
from fpe_api_server import redirect

from fperank.ground.errors import DataError
from fperank.remote.fetching import Fetcher
from fperank.remote.reach import require_reachable

PUBLIC = "https://8.8.8.8/photo.jpg"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "localhost",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "10.1.2.3",
        "192.168.0.1",
        "0.0.0.0",
        "169.254.1.1",
        "100.64.0.1",
        "[fd00::1]",
        "[fe80::1]",
    ],
)
def test_a_redirect_into_a_private_network_is_refused(host):
    with pytest.raises(DataError, match=r"private network .* give that address itself"):
        require_reachable(f"http://{host}:81/x", PUBLIC, "X")


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[fd00:ec2::254]", "METADATA.google.internal."]
)
@pytest.mark.parametrize("redirected", [True, False])
def test_a_cloud_s_metadata_is_refused_whoever_asks(host, redirected):
    address = f"http://{host}/latest"
    with pytest.raises(DataError, match="metadata"):
        require_reachable(address, PUBLIC if redirected else address, "X")


def test_a_host_that_the_user_named_and_public_ones_may_be_reached():
    require_reachable("http://127.0.0.1:2/b", "http://127.0.0.1:1/a", "X")
    require_reachable("http://127.0.0.1/a", "http://127.0.0.1/a", "X")
    require_reachable("https://1.1.1.1/b", PUBLIC, "X")


@pytest.mark.parametrize("to", ["http://10.0.0.1/x", "http://localhost:1/x", "http://[::1]:1/x"])
def test_a_redirect_from_a_local_server_to_another_private_place_is_refused(fpe_api, to):
    address = fpe_api.answers("/a", redirect(to))
    with pytest.raises(DataError, match=r"leads to .* private network"):
        Fetcher().read(address, 100)
