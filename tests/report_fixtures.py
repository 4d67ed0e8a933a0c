from collections.abc import Callable
from pathlib import Path

import pytest
from fake_station import write_station

from fperank.agreement.material import Material


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """A station of 20 days and 200 photos, with observed values and all splits."""
    return write_station(tmp_path_factory.mktemp("station")).load()


@pytest.fixture(scope="session")
def material_without_values(tmp_path_factory: pytest.TempPathFactory) -> Material:
    root: Path = tmp_path_factory.mktemp("without")
    return write_station(root, values=False, loss="ranknet").load()


@pytest.fixture
def station(tmp_path: Path) -> Callable[..., Material]:
    """Makes a station with other properties."""
    return lambda **properties: write_station(tmp_path / "station", **properties).load()
