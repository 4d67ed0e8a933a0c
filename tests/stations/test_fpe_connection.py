import json
import os
import socket
import subprocess
import sys
import threading
import uuid

import boto3
import psycopg
import pytest
from postgres import OWNER, OWNER_PASSWORD, READER, READER_PASSWORD
from s3_server import free_port

from fperank.ground.errors import DataError
from fperank.stations.fpe import connection as fpe_connection
from fperank.stations.fpe.connection import connect, reading


@pytest.fixture
def settings(postgres, monkeypatch):
    """The settings of a login that works, in the environment; none other of this kind is there."""
    for name in [name for name in os.environ if name.startswith(("FPE_DB_", "PG"))]:
        monkeypatch.delenv(name)
    with postgres.database() as database:
        for name, value in database.environment.items():
            monkeypatch.setenv(name, value)
        yield database.environment


def told_by(connection):
    return connection.execute("SELECT current_user::text, current_database()::text").fetchone()


class TestEnvironment:
    def test_the_environment_names_server_database_and_login(self, settings):
        with connect() as connection:
            assert told_by(connection) == (READER, settings["FPE_DB_NAME"])

    def test_a_password_may_hold_what_an_address_could_not(self, settings):
        assert {"'", "%", " "} <= set(settings["FPE_DB_PASSWORD"])
        connect().close()

    def test_the_database_is_postgres_unless_it_is_named(self, settings, monkeypatch):
        monkeypatch.delenv("FPE_DB_NAME")
        with connect() as connection:
            assert told_by(connection) == (READER, "postgres")

    def test_the_database_may_be_named_by_its_other_name(self, settings, monkeypatch):
        monkeypatch.delenv("FPE_DB_NAME")
        monkeypatch.setenv("FPE_DB_DATABASE", settings["FPE_DB_NAME"])
        with connect() as connection:
            assert told_by(connection) == (READER, settings["FPE_DB_NAME"])

    def test_every_missing_setting_is_told_at_once(self, settings, monkeypatch):
        monkeypatch.setenv("FPE_DB_HOST", "")
        monkeypatch.delenv("FPE_DB_PASSWORD")
        with pytest.raises(DataError, match="set FPE_DB_HOST, FPE_DB_PASSWORD in the environment"):
            connect()

    @pytest.mark.parametrize("name", ["FPE_DB_HOST", "FPE_DB_NAME", "FPE_DB_USER"])
    def test_a_whole_address_is_refused_and_not_shown(self, settings, monkeypatch, name):
        monkeypatch.setenv(name, "postgresql://me:geheim@db.example.org/fpe")
        with pytest.raises(DataError, match=f"{name} holds an address") as error:
            connect()
        assert "geheim" not in str(error.value)

    @pytest.mark.parametrize("host", ["db.example.org,other", "host=x password=geheim"])
    def test_a_host_is_one_name(self, settings, monkeypatch, host):
        monkeypatch.setenv("FPE_DB_HOST", host)
        with pytest.raises(DataError, match="FPE_DB_HOST must be the name of one host") as error:
            connect()
        assert "geheim" not in str(error.value)

    @pytest.mark.parametrize("port", ["0", "65536", "5432 ", "postgres", "123456"])
    def test_a_port_is_a_number(self, settings, monkeypatch, port):
        monkeypatch.setenv("FPE_DB_PORT", port)
        with pytest.raises(DataError, match="FPE_DB_PORT must be a number from 1 to 65535"):
            connect()


class TestReadOnly:
    @pytest.fixture
    def as_owner(self, settings, monkeypatch):
        """A login that may do everything in the database."""
        monkeypatch.setenv("FPE_DB_USER", OWNER)
        monkeypatch.setenv("FPE_DB_PASSWORD", OWNER_PASSWORD)

    def test_nothing_can_be_written_even_by_who_may(self, as_owner):
        with connect() as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("DELETE FROM images")

    def test_nothing_can_be_written_outside_of_a_transaction_either(self, as_owner):
        with connect() as connection:
            connection.read_only = None
            connection.autocommit = True
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                connection.execute("DROP TABLE images")

    def test_all_that_is_read_is_of_one_moment(self, as_owner):
        count = "SELECT count(*) FROM variables"
        with connect() as mine, connect() as other:
            before = mine.execute(count).fetchone()
            other.read_only = False
            other.execute("INSERT INTO variables VALUES ('NEW')")
            other.commit()
            assert mine.execute(count).fetchone() == before == (0,)
            assert other.execute(count).fetchone() == (1,)


def refused_login(monkeypatch):
    monkeypatch.setenv("FPE_DB_PASSWORD", "geheim-but-wrong")
    return r"refused the login of fperank_reader: check FPE_DB_USER and FPE_DB_PASSWORD"


def unknown_user(monkeypatch):
    monkeypatch.setenv("FPE_DB_USER", "nobody")
    return r"refused the login of nobody"


def absent_database(monkeypatch):
    monkeypatch.setenv("FPE_DB_NAME", "nowhere")
    return r"has no database nowhere: check FPE_DB_NAME"


def nothing_listens(monkeypatch):
    monkeypatch.setenv("FPE_DB_PORT", str(free_port()))
    return r"cannot be reached: check FPE_DB_HOST and FPE_DB_PORT"


def no_such_host(monkeypatch):
    monkeypatch.setenv("FPE_DB_HOST", "db.invalid")
    return r"the database fpe_\w+ on db\.invalid, port \d+ cannot be reached"


def no_such_socket(monkeypatch):
    monkeypatch.setenv("FPE_DB_HOST", "/nonexistent")
    return r"on /nonexistent, port \d+ cannot be reached"


def only_with_ssl(monkeypatch):
    monkeypatch.setenv("PGSSLMODE", "require")
    return r"refused the connection: .* and PGSSLMODE if the server asks for SSL"


def no_such_ssl_mode(monkeypatch):
    monkeypatch.setenv("PGSSLMODE", "always")
    return r"refused the connection: "


FAULTS = [
    *(refused_login, unknown_user, absent_database, nothing_listens),
    *(no_such_host, no_such_socket, only_with_ssl, no_such_ssl_mode),
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_without_the_password(settings, monkeypatch, fault):
    message = fault(monkeypatch)
    with pytest.raises(DataError, match=message) as error:
        connect()
    assert os.environ["FPE_DB_PASSWORD"] not in str(error.value)
    assert error.value.__suppress_context__


def test_no_traceback_of_a_fault_shows_the_password(settings, monkeypatch):
    monkeypatch.setenv("FPE_DB_PASSWORD", "geheim-but-wrong")
    code = "from fperank.stations.fpe.connection import connect; connect()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "refused the login" in done.stderr
    assert "geheim" not in done.stderr + done.stdout


def test_a_server_that_does_not_answer_is_given_up(settings, monkeypatch):
    monkeypatch.setattr(fpe_connection, "_CONNECT_SECONDS", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("FPE_DB_PORT", str(silent.getsockname()[1]))
        with pytest.raises(DataError, match="did not answer within 2 seconds: check FPE_DB_HOST"):
            connect()


class TestReading:
    def test_a_query_that_takes_too_long_is_told(self, settings):
        with (
            pytest.raises(DataError, match="took more than 10 minutes over the photos"),
            connect() as connection,
            reading("the photos"),
        ):
            connection.execute("SET LOCAL statement_timeout = 50")
            connection.execute("SELECT pg_sleep(30)")

    def test_the_time_that_a_query_may_take_is_limited(self, settings):
        with connect() as connection:
            assert connection.execute("SHOW statement_timeout").fetchone() == ("10min",)

    def test_a_table_that_may_not_be_read_is_told(self, settings):
        with (
            pytest.raises(DataError, match="may not read the users: it needs the right SELECT"),
            connect() as connection,
            reading("the users"),
        ):
            connection.execute("SELECT * FROM pg_authid")

    def test_a_database_without_the_tables_is_told(self, settings, monkeypatch):
        monkeypatch.setenv("FPE_DB_NAME", "postgres")
        with (
            pytest.raises(DataError, match=r"has not the tables .* for the photos: is FPE_DB_NAME"),
            connect() as connection,
            reading("the photos"),
        ):
            connection.execute("SELECT * FROM images")

    def test_another_fault_is_told_by_its_kind(self, settings):
        with (
            pytest.raises(DataError, match=r"could not tell the photos: DivisionByZero .*22012"),
            connect() as connection,
            reading("the photos"),
        ):
            connection.execute("SELECT 1 / 0")


@pytest.mark.skipif("FPERANK_TEST_S3_ENDPOINT" in os.environ, reason="that server keeps no secrets")
class TestSecret:
    @pytest.fixture
    def keep(self, s3, settings, monkeypatch):
        """Keep a text as a secret and name it, and nothing else, in the environment."""
        for name, value in s3.environment.items():
            monkeypatch.setenv(name, value)
        client = boto3.client("secretsmanager", endpoint_url=s3.endpoint)

        def keep(**content):
            name = f"fpe/{uuid.uuid4().hex}"
            client.create_secret(Name=name, **content)
            for setting in settings:
                monkeypatch.delenv(setting)
            monkeypatch.setenv("FPE_DB_SECRET", name)
            return name

        return keep

    def test_the_keys_may_be_those_of_rds(self, keep, settings):
        values = {
            "engine": "postgres",
            "host": settings["FPE_DB_HOST"],
            "port": int(settings["FPE_DB_PORT"]),
            "dbname": settings["FPE_DB_NAME"],
            "username": READER,
            "password": READER_PASSWORD,
        }
        keep(SecretString=json.dumps(values))
        with connect() as connection:
            assert told_by(connection) == (READER, settings["FPE_DB_NAME"])

    @pytest.mark.parametrize("spelled", [str.upper, str.lower])
    def test_the_keys_may_be_those_of_the_environment(self, keep, settings, spelled):
        keep(SecretString=json.dumps({spelled(key): value for key, value in settings.items()}))
        with connect() as connection:
            assert told_by(connection) == (READER, settings["FPE_DB_NAME"])

    def test_the_keys_may_be_short(self, keep, settings):
        short = {
            key.removeprefix("FPE_DB_").lower(): value
            for key, value in settings.items()
            if key != "FPE_DB_NAME"
        }
        keep(SecretString=json.dumps({**short, "database": settings["FPE_DB_NAME"]}))
        with connect() as connection:
            assert told_by(connection) == (READER, settings["FPE_DB_NAME"])

    def test_the_environment_adds_to_the_secret_and_goes_before_it(
        self, keep, settings, monkeypatch
    ):
        login = {"username": READER, "password": READER_PASSWORD, "host": "db.invalid"}
        keep(SecretString=json.dumps(login))
        for name in ("FPE_DB_HOST", "FPE_DB_PORT", "FPE_DB_NAME"):
            monkeypatch.setenv(name, settings[name])
        with connect() as connection:
            assert told_by(connection) == (READER, settings["FPE_DB_NAME"])

    def test_missing_keys_are_named_in_both_styles(self, keep):
        name = keep(SecretString=json.dumps({"host": "db.invalid", "password": "geheim"}))
        wanted = f"the secret {name} lacks the keys FPE_DB_USER/username/user, and the environment"
        with pytest.raises(DataError, match=wanted) as error:
            connect()
        assert "geheim" not in str(error.value)

    @pytest.mark.parametrize(
        "content",
        [
            {"SecretString": "geheim"},
            {"SecretString": '["geheim"]'},
            {"SecretString": "[" * 50_000},
            {"SecretBinary": b"geheim"},
        ],
        ids=["text", "list", "deep", "bytes"],
    )
    def test_a_secret_that_is_no_json_object_is_refused_and_not_shown(self, keep, content):
        name = keep(**content)
        with pytest.raises(DataError, match=f"the secret {name} is not a JSON object") as error:
            connect()
        assert "geheim" not in str(error.value)

    def test_a_secret_that_is_not_there_is_told(self, keep, monkeypatch):
        keep(SecretString="{}")
        monkeypatch.setenv("FPE_DB_SECRET", "fpe/none")
        wanted = "AWS Secrets Manager refused GetSecretValue of the secret fpe/none .*NotFound"
        with pytest.raises(DataError, match=wanted):
            connect()


def test_many_may_connect_at_once(settings):
    found = []

    def one():
        with connect() as connection:
            found.append(told_by(connection))

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(READER, settings["FPE_DB_NAME"])] * 4
