"""The connection to the Flow Photo Explorer's database: who logs in, and what is said of faults.

Login and address come from the environment, or from a secret of AWS Secrets Manager, never from a
parameter: parameters are kept in git. The connection can only read. What goes wrong is said without
a word of the server or of the library, which may hold a password.

Refused: connection addresses (`postgresql://user:password@host`), settings that are missing.
"""

import contextlib
import json
import os
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from fperank.ground.errors import DataError
from fperank.remote.s3 import aws_client, explained

HELP = "see docs/fpe-database.md"
STATEMENT_TIMEOUT_MINUTES = 10
_CONNECT_SECONDS = 15
_NETWORK_HELP = (
    "check FPE_DB_HOST and FPE_DB_PORT, and whether this machine is in the network (VPN, tunnel, "
    "security group) that may reach it"
)
_SECRET = "FPE_DB_SECRET"  # noqa: S105 - the name of a variable

_NAMES: dict[str, tuple[str, ...]] = {
    "host": ("FPE_DB_HOST", "host"),
    "port": ("FPE_DB_PORT", "port"),
    "name": ("FPE_DB_NAME", "FPE_DB_DATABASE", "dbname", "database"),
    "user": ("FPE_DB_USER", "username", "user"),
    "password": ("FPE_DB_PASSWORD", "password"),
}
"""Each setting's names: those in capitals in the environment, all of them in a secret."""

_DEFAULTS = {"port": "5432", "name": "postgres"}


@dataclass(frozen=True)
class _Settings:
    host: str
    port: str
    name: str
    user: str
    password: str

    def __repr__(self) -> str:
        return f"{self.user} at {self.where}"

    @property
    def where(self) -> str:
        """Server and database as messages name them."""
        return f"the database {self.name} on {self.host}, port {self.port}"


def connect() -> psycopg.Connection[Any]:
    """Log in to the database that the environment names, for reading only.

    `FPE_DB_HOST`, `FPE_DB_USER` and `FPE_DB_PASSWORD` must be known, `FPE_DB_PORT` (5432) and
    `FPE_DB_NAME` (postgres) may be. What is not in the environment is taken from the secret that
    `FPE_DB_SECRET` names, if it is set.

    Returns:
        A connection whose transactions are read-only and see one state of the database.

    Raises:
        DataError: a setting is missing, the secret cannot be read, or the server is not there or
            refuses the login.
    """
    settings = _settings(os.environ)
    options = {
        "default_transaction_read_only": "on",
        "statement_timeout": f"{STATEMENT_TIMEOUT_MINUTES}min",
        "timezone": "UTC",
    }
    try:
        connection = psycopg.connect(
            host=settings.host,
            port=settings.port,
            dbname=settings.name,
            user=settings.user,
            password=settings.password,
            connect_timeout=_CONNECT_SECONDS,
            keepalives_idle=30,
            client_encoding="UTF8",
            application_name="fperank",
            options=" ".join(f"-c {name}={value}" for name, value in options.items()),
        )
    except psycopg.errors.ConnectionTimeout:
        raise DataError(
            f"{settings.where} did not answer within {_CONNECT_SECONDS} seconds: {_NETWORK_HELP}"
        ) from None
    except psycopg.Error as error:
        raise DataError(_refusal(str(error), settings)) from None
    connection.read_only = True
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    return connection


@contextlib.contextmanager
def reading(what: str) -> Iterator[None]:
    """Tell what goes wrong while something is read from the database.

    Args:
        what: such as `the photos`.

    Raises:
        DataError: in place of the library's own errors.
    """
    try:
        yield
    except psycopg.errors.QueryCanceled:
        raise DataError(
            f"the database took more than {STATEMENT_TIMEOUT_MINUTES} minutes over {what}, or was "
            "told to stop: run again when it is less busy"
        ) from None
    except psycopg.errors.InsufficientPrivilege:
        raise DataError(
            f"the login of FPE_DB_USER may not read {what}: it needs the right SELECT ({HELP})"
        ) from None
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        raise DataError(
            f"the database has not the tables or columns of the Flow Photo Explorer for {what}: "
            f"is FPE_DB_NAME right ({HELP})?"
        ) from None
    except psycopg.OperationalError:
        raise DataError(
            f"the connection to the database broke off while reading {what}: run again"
        ) from None
    except psycopg.Error as error:
        raise DataError(
            f"the database could not tell {what}: {type(error).__name__} "
            f"(SQLSTATE {error.sqlstate or 'none'})"
        ) from None


def _settings(environment: Mapping[str, str]) -> _Settings:
    found = {
        setting: next((environment[name] for name in names if environment.get(name)), "")
        for setting, names in _only_capitals().items()
    }
    secret = environment.get(_SECRET, "")
    if secret:
        kept = _secret(secret)
        found = {setting: value or kept[setting] for setting, value in found.items()}
    found = {setting: value or _DEFAULTS.get(setting, "") for setting, value in found.items()}
    missing = [names[0] for setting, names in _NAMES.items() if not found[setting]]
    if missing and secret:
        keys = ", ".join("/".join(_NAMES[_setting_of(name)]) for name in missing)
        raise DataError(
            f"the secret {secret} lacks the keys {keys}, and the environment has no "
            f"{', '.join(missing)}: add them to either ({HELP})"
        )
    if missing:
        raise DataError(
            f"the login to the Flow Photo Explorer's database is not complete: set "
            f"{', '.join(missing)} in the environment, or {_SECRET} to the name of a secret of AWS "
            f"Secrets Manager ({HELP})"
        )
    for setting in ("host", "name", "user"):
        if "://" in found[setting]:
            # Not shown: people paste whole addresses, with the password, there.
            raise DataError(
                f"{_NAMES[setting][0]} holds an address such as postgresql://...: give host, "
                f"database, user and password one by one ({HELP})"
            )
    if not re.fullmatch(r"[\w.:%-]+|/[^,]*", found["host"]):
        raise DataError("FPE_DB_HOST must be the name of one host, such as db.example.org")
    if not (re.fullmatch(r"\d{1,5}", found["port"]) and 0 < int(found["port"]) < 65536):
        raise DataError("FPE_DB_PORT must be a number from 1 to 65535, usually 5432")
    return _Settings(**found)


def _only_capitals() -> dict[str, list[str]]:
    return {setting: [one for one in names if one.isupper()] for setting, names in _NAMES.items()}


def _setting_of(name: str) -> str:
    return next(setting for setting, names in _NAMES.items() if name in names)


def _secret(name: str) -> dict[str, str]:
    """The settings that a secret holds, empty where it does not."""
    client = aws_client("secretsmanager")
    with explained("GetSecretValue", f"the secret {name}"):
        text = client.get_secret_value(SecretId=name).get("SecretString")
    try:
        values = json.loads(text or "")
    except (json.JSONDecodeError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise DataError(
            f"the secret {name} is not a JSON object such as "
            '{"host": "...", "port": 5432, "dbname": "...", "username": "...", "password": "..."}'
        )
    known = {key.lower(): str(value) for key, value in values.items() if value is not None}
    return {
        setting: next((known[one.lower()] for one in names if known.get(one.lower())), "")
        for setting, names in _NAMES.items()
    }


def _refusal(said: str, settings: _Settings) -> str:
    """Why there is no connection; what the server or the library said is looked at, not shown."""
    if "password authentication failed" in said or "no pg_hba.conf entry" in said:
        return (
            f"{settings.where} refused the login of {settings.user}: check FPE_DB_USER and "
            f"FPE_DB_PASSWORD, and whether this user may come from this machine ({HELP})"
        )
    if f'database "{settings.name}" does not exist' in said:
        return (
            f"the server on {settings.host}, port {settings.port} has no database "
            f"{settings.name}: check FPE_DB_NAME ({HELP})"
        )
    if not _answers(settings):
        return f"{settings.where} cannot be reached: {_NETWORK_HELP}"
    return (
        f"{settings.where} refused the connection: check FPE_DB_USER, FPE_DB_PASSWORD and "
        f"FPE_DB_NAME, and PGSSLMODE if the server asks for SSL ({HELP})"
    )


def _answers(settings: _Settings) -> bool:
    """Whether anything takes connections there. The words of a refusal depend on the language."""
    if settings.host.startswith("/"):
        with socket.socket(socket.AF_UNIX) as one:
            return one.connect_ex(f"{settings.host}/.s.PGSQL.{settings.port}") == 0
    try:
        socket.create_connection((settings.host, int(settings.port)), timeout=5).close()
    except OSError:
        return False
    return True
