import pytest

from fperank.ground.errors import DataError
from fperank.handover.station import read_station


def test_a_station_keeps_unknown_keys_and_must_have_a_zone(tmp_path):
    path = tmp_path / "station.json"
    path.write_text('{"name": "A", "timezone": "America/New_York", "id": 12, "affiliation": "X"}')
    station = read_station(tmp_path)
    assert station.id == "12"
    assert station.model_dump()["affiliation"] == "X"
    path.write_text('{"name": "A", "timezone": "EST/5"}')
    with pytest.raises(DataError, match=r"station.json: timezone: .*'EST/5' is not a name"):
        read_station(tmp_path)
    path.write_text("{")
    with pytest.raises(DataError, match="is not valid JSON"):
        read_station(tmp_path)
