"""Databases in ATOM's schema to run SQL on: a PostgreSQL 18 server, and SQLite files."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

# ATOM's tables with their constraints (PLATFORM B): the application makes every id.
SCHEMA = """
CREATE TABLE tenants (id VARCHAR PRIMARY KEY, name VARCHAR NOT NULL);
CREATE TABLE tenant_settings (id VARCHAR NOT NULL PRIMARY KEY,
    tenant_id VARCHAR NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    setting_key VARCHAR(255) NOT NULL, setting_value TEXT NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP,
    UNIQUE (tenant_id, setting_key));
"""
# Every way to run a script. Only the SQLite shell may be missing, and then its cases are too.
CLIENTS = ["psql", "psql-stop", "psycopg", "sqlite-module"]
if shutil.which("sqlite3"):
    CLIENTS += ["sqlite-shell", "sqlite-shell-bail"]


@dataclass(frozen=True)
class Run:
    """How a script ended, and all that its client showed of it."""

    stopped: bool
    output: str


class PostgresDatabase:
    """ATOM's tables on the PostgreSQL server; scripts run by `client`."""

    dialect = "postgresql"

    def __init__(self, server: Any, client: str, folder: Path) -> None:
        self.uri, self.psql = server.get_uri(), server.bin_path / "psql"
        self.log, self.client, self.folder = server.log, client, folder
        self.options = ""  # settings of the session that runs a script, as for PGOPTIONS
        self.connection = psycopg.connect(self.uri, autocommit=True)
        self.connection.execute("SET client_min_messages = warning")
        self.connection.execute("DROP TABLE IF EXISTS tenant_settings, tenants")
        self.connection.execute(SCHEMA)

    def execute(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of one statement, its values marked by `?`."""
        cursor = self.connection.execute(sql.replace("?", "%s"), values)
        return cursor.fetchall() if cursor.description else []

    def run(self, script: str, **environment: str) -> Run:
        """Run a script as an operator would."""
        return (self._psycopg if self.client == "psycopg" else self._psql)(script, environment)

    def _psycopg(self, script: str, environment: dict[str, str]) -> Run:
        shown: list[str] = []
        with psycopg.connect(self.uri, autocommit=True, options=self.options) as connection:
            connection.add_notice_handler(lambda d: shown.append(_everything(d)))
            try:
                connection.execute(script)
            except psycopg.Error as error:
                return Run(True, "\n".join([*shown, str(error), _everything(error.diag)]))
        return Run(False, "\n".join(shown))

    def _psql(self, script: str, environment: dict[str, str]) -> Run:
        file = self.folder / "script.sql"
        file.write_text(script, encoding="utf-8")
        stop = ["-v", "ON_ERROR_STOP=1"] if self.client == "psql-stop" else []
        done = subprocess.run(
            [self.psql, "-X", *stop, "-d", self.uri, "-f", file],
            env=os.environ | {"PGOPTIONS": self.options} | environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        stopped = "ERROR:" in done.stderr
        assert done.returncode == (3 if stop and stopped else 0)
        return Run(stopped, done.stdout + done.stderr)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


class SqliteDatabase:
    """ATOM's tables in a SQLite file; scripts run by `client`."""

    dialect = "sqlite"

    def __init__(self, client: str, folder: Path) -> None:
        self.client, self.file = client, folder / "atom.db"
        self.connection = sqlite3.connect(self.file, isolation_level=None)
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.connection.executescript(SCHEMA)

    def execute(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of one statement."""
        return self.connection.execute(sql, values).fetchall()

    def run(self, script: str) -> Run:
        """Run a script as an operator would."""
        return (self._module if self.client == "sqlite-module" else self._shell)(script)

    def _module(self, script: str) -> Run:
        with closing(sqlite3.connect(self.file, timeout=0)) as connection:
            try:
                connection.executescript(script)
            except sqlite3.Error as error:
                return Run(True, str(error))
        return Run(False, "")

    def _shell(self, script: str) -> Run:
        bail = ["-bail"] if self.client == "sqlite-shell-bail" else []
        done = subprocess.run(
            ["sqlite3", *bail, self.file], input=script, capture_output=True, text=True, timeout=60
        )
        return Run(done.returncode != 0, done.stdout + done.stderr)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


Database = PostgresDatabase | SqliteDatabase


def open_database(client: str, folder: Path, request: pytest.FixtureRequest) -> Database:
    """Return an empty database for `client`; the PostgreSQL server starts when first needed."""
    if client.startswith("ps"):
        return PostgresDatabase(request.getfixturevalue("postgres"), client, folder)
    return SqliteDatabase(client, folder)


@pytest.fixture(params=CLIENTS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Return an empty database, for each way to run a script."""
    opened = open_database(request.param, tmp_path, request)
    yield opened
    opened.close()


@pytest.fixture(params=["psycopg", "sqlite-module"])
def quick_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Return an empty database of each kind, with the client that starts no process."""
    opened = open_database(request.param, tmp_path, request)
    yield opened
    opened.close()


def _everything(diagnostic: psycopg.errors.Diagnostic) -> str:
    """Return every field of a message, also those that most clients hide."""
    names = (n for n in dir(diagnostic) if not n.startswith("_"))
    return "\n".join(f"{n}: {getattr(diagnostic, n)}" for n in names if n != "encoding")
