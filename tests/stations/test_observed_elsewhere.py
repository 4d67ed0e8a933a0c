import datetime as dt
import json

import pytest
from station_folder import dataset_params, folder_source, save_photo, write

from fperank.ground.errors import DataError, ParameterError
from fperank.handover import tables
from fperank.handover.dataset import EXCLUDED, OBSERVATIONS
from fperank.remote.fetching import Fetcher
from fperank.stations.compose import open_source
from fperank.stations.observed import elsewhere
from fperank.stations.observed.table import no_observations

CSV = "time,q_cms,status\n2024-07-01T11:15Z,2,p\n2024-07-01T12:15Z,,\n"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "station"
    save_photo(folder / "a.jpg", "2024:06:30 23:15:00")
    save_photo(folder / "b.jpg", "2024:07:01 07:15:00")
    save_photo(folder / "c.jpg")
    write(folder / "observations.csv", "timestamp,value,flag\n2024-07-01T11:15Z,1,ICE\n")
    return folder


def source(folder, **changes):
    params = dataset_params(source_path=str(folder), **changes)
    return open_source(params, folder.parent / "scratch", Fetcher(0.01))


def test_values_of_a_file_take_the_place_of_the_station_s_own(folder, tmp_path):
    path = write(tmp_path / "gauge.csv", CSV)
    inner = folder_source(folder).read()
    assert inner.excluded["kind"].tolist() == ["photo", "observation"]
    data = source(folder, observations_from=str(path)).read()
    assert data.observations["value"].tolist() == pytest.approx([70.6293334])
    assert data.observations["status"].tolist() == ["provisional"]
    assert data.excluded.to_numpy().tolist() == [
        ["photo", "c.jpg", "no EXIF time"],
        ["observation", "1 row", "no value"],
    ]
    assert data.notes == ("Observed values were converted from m3/s to cfs, times 35.3147.",)
    assert data.images.equals(inner.images)
    tables.checked(data.observations, OBSERVATIONS, "observations")
    tables.checked(data.excluded, EXCLUDED, "excluded")


def test_photos_still_come_from_the_station(folder, tmp_path):
    source(folder, observations_from="usgs").fetch("a.jpg", tmp_path / "copy.jpg")
    assert (tmp_path / "copy.jpg").read_bytes() == (folder / "a.jpg").read_bytes()


def test_the_unit_of_a_file_may_be_a_parameter(folder, tmp_path):
    path = write(tmp_path / "gauge.csv", "time,q\n2024-07-01T11:15Z,2\n")
    data = source(folder, observations_from=str(path), observations_unit="m3/s").read()
    assert data.observations["value"].tolist() == pytest.approx([70.6293334])


def test_a_file_that_is_absent_is_told_with_what_may_stand_there(folder):
    with pytest.raises(
        DataError, match=r"observations_from is 'usgs\.csv', but there is no such file: give a CSV"
    ):
        source(folder, observations_from="usgs.csv").read()


class TestAddresses:
    @pytest.fixture
    def environment(self, s3, monkeypatch):
        for name, value in s3.environment.items():
            monkeypatch.setenv(name, value)

    def test_a_file_is_fetched_from_its_address_each_time(self, folder, s3, environment):
        there = {"Bucket": s3.bucket, "Key": "gauges/q.csv"}
        for value in (2, 4):
            s3.client.put_object(**there, Body=CSV.replace(",2,", f",{value},").encode())
            data = source(folder, observations_from=f"s3://{s3.bucket}/gauges/q.csv").read()
            assert data.observations["value"].tolist() == pytest.approx([35.3146667 * value])

    def test_http_is_read_too(self, folder, s3, environment):
        # Readable by all: an address in the parameters holds no signature.
        s3.client.put_object(Bucket=s3.bucket, Key="q.csv", Body=CSV.encode(), ACL="public-read")
        address = f"{s3.endpoint}/{s3.bucket}/q.csv"
        assert len(source(folder, observations_from=address).read().observations) == 1

    def test_faults_name_the_address(self, folder, s3, environment):
        s3.client.put_object(Bucket=s3.bucket, Key="q.csv", Body=b"when,value\n", ACL="public-read")
        address = f"{s3.endpoint}/{s3.bucket}/q.csv"
        with pytest.raises(DataError) as caught:
            source(folder, observations_from=address).read()
        assert str(caught.value).startswith(
            f"observations_from: {s3.endpoint}/{s3.bucket}/q.csv: no column of times"
        )
        with pytest.raises(
            DataError, match=rf"observations_from: nothing .*/{s3.bucket}/gone\.csv"
        ):
            source(folder, observations_from=f"s3://{s3.bucket}/gone.csv").read()

    def test_a_file_that_is_too_large_is_refused(self, folder, s3, environment, monkeypatch):
        s3.client.put_object(Bucket=s3.bucket, Key="q.csv", Body=CSV.encode())
        monkeypatch.setattr(elsewhere, "MAX_BYTES", 10)
        with pytest.raises(DataError, match="is larger than the 10 bytes that are allowed"):
            source(folder, observations_from=f"s3://{s3.bucket}/q.csv").read()


class TestUsgs:
    @pytest.fixture
    def asked(self, monkeypatch):
        asked = []

        def read_usgs(*arguments, **named):
            asked.append((*arguments, named))
            return no_observations(named["timezone"])

        monkeypatch.setattr(elsewhere, "read_usgs", read_usgs)
        return asked

    def test_the_photos_local_dates_are_asked_for(self, folder, asked):
        source(folder, observations_from="usgs", usgs_site="01171100", usgs_interval="daily").read()
        days = (dt.date(2024, 6, 30), dt.date(2024, 7, 1))
        named = {"timezone": "America/New_York", "scratch": folder.parent / "scratch"}
        assert asked == [("USGS-01171100", "FLOW_CFS", "daily", *days, named)]

    def test_the_station_s_own_site_serves_where_the_parameter_names_none(self, folder, asked):
        write(folder / "station.json", json.dumps({"nwis_id": "01170100"}))
        source(folder, observations_from="usgs").read()
        source(folder, observations_from="usgs", usgs_site="01171100").read()
        assert [one[0] for one in asked] == ["USGS-01170100", "USGS-01171100"]

    def test_without_a_site_both_places_are_named(self, folder, asked):
        with pytest.raises(
            DataError, match=r"names no USGS site: set usgs_site to .* or nwis_id in station\.json"
        ):
            source(folder, observations_from="usgs").read()

    def test_a_station_s_site_that_is_no_number_is_refused(self, folder, asked):
        write(folder / "station.json", json.dumps({"nwis_id": "Mill River"}))
        with pytest.raises(DataError, match=r"the station's nwis_id is 'Mill River': a USGS site"):
            source(folder, observations_from="usgs").read()

    def test_a_unit_beside_usgs_is_refused(self, folder, asked):
        with pytest.raises(
            ParameterError, match=r"observations_unit is 'cfs', .* set observations_"
        ):
            source(folder, observations_from="usgs", observations_unit="cfs").read()
