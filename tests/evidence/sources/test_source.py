"""The database to capture from: opened read-only, its schema checked."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy.engine import make_url

from atomlab.errors import SourceError
from atomlab.evidence.sources.address import where
from atomlab.evidence.sources.source import open_source
from tests.refusals import refused


def change(path, script):
    """Run SQL on a database file."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(script)


@pytest.mark.parametrize("form", ["{}", "sqlite:///{}", "sqlite+pysqlite:///{}"])
def test_source_is_a_path_or_an_sqlite_url(make_database, form):
    """Both forms open the same database."""
    with open_source(form.format(make_database({"acme": {}}))) as source:
        assert (source.custody["kind"], source.name) == ("sqlite", "production.db")
        assert list(source.tenants()) == [[("id-acme", "Acme", "acme", "team", "byok")]]


@pytest.mark.parametrize("name", ["what?.db", "a#b.db", "100%25.db", "two words ü.db"])
def test_odd_paths_open_the_file_they_name(make_database, name):
    """Question marks, hashes and the like are part of a name, not of a URL."""
    with open_source(str(make_database({"acme": {}}, name=name))) as source:
        assert source.name == name


@pytest.mark.parametrize(
    ("source", "what"),
    [
        pytest.param("no-such.db", "no such database file", id="missing"),
        pytest.param(".", "is a folder", id="folder"),
        pytest.param("sqlite://", "too few slashes", id="url-without-a-file"),
        pytest.param("mysql://u:pw@host/db", "is a MySQL URL", id="mysql"),
        pytest.param("postgresql://u:pw@w@host/db", "more than one @", id="two-ats"),
        pytest.param("postgresql://u:pw@host:x/db", "is not a database URL", id="bad-port"),
        pytest.param("://", "is not the URL of a database", id="no-url"),
        pytest.param("x" * 5000, "no such database file", id="long-name"),
    ],
)
def test_what_is_no_source_is_a_clear_error(tmp_path, monkeypatch, source, what):
    """A source that cannot be opened is refused; a password in it is not repeated."""
    monkeypatch.chdir(tmp_path)
    with refused(SourceError, what) as caught, open_source(source):
        pass
    assert "pw" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.attack("4 secrets beside the settings, mistyped sources")
@pytest.mark.parametrize(
    ("host", "told"),
    [
        *((host, host) for host in ("127.0.0.1", "localhost", "db.example.org", "[fe80::1]")),
        *((host, "a host") for host in ("84736251", "1.5", "cafe1234", "S3cret", "hunter2")),
    ],
)
def test_of_a_host_only_what_is_an_address_or_a_whole_name_is_told(host, told):
    """A password that slipped into its place has no dots; digits alone could be one."""
    assert where(make_url(f"postgresql://u@{host}/db")) == f"db on {told.strip('[]')}"


@pytest.mark.parametrize(
    ("script", "what"),
    [
        pytest.param("DROP TABLE tenants", "has no table tenants", id="no-tenants"),
        pytest.param(
            "DROP TABLE tenant_settings", "has no table tenant_settings", id="no-settings"
        ),
        pytest.param(
            "ALTER TABLE tenant_settings DROP COLUMN setting_value",
            "table tenant_settings lacks setting_value",
            id="no-values",
        ),
        pytest.param("ALTER TABLE tenants DROP COLUMN name", "tenants lacks name", id="no-names"),
    ],
)
def test_database_of_another_schema_is_refused(make_database, script, what):
    """A missing table or column is named."""
    path = make_database({"acme": {}})
    change(path, script)
    with refused(SourceError, what, path.name), open_source(str(path)):
        pass


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 99], ids=["empty", "text"])
def test_file_that_is_no_database_is_refused(tmp_path, content):
    """An empty or foreign file is not a platform database."""
    path = tmp_path / "file.db"
    path.write_bytes(content)
    with refused(SourceError, "not a database", "file.db"):  # noqa: SIM117
        with open_source(str(path)):
            pass


def test_columns_that_no_decision_needs_may_be_missing(make_database):
    """Optional columns and the catalogue's table may be absent: they read as unknown."""
    path = make_database({"acme": {}})
    change(path, "ALTER TABLE tenants DROP COLUMN plan_type; DROP TABLE model_catalog")
    with open_source(str(path)) as source:
        assert list(source.tenants()) == [[("id-acme", "Acme", "acme", None, "byok")]]
        assert source.catalog() == {}


def test_source_cannot_be_written(make_database):
    """An opened source refuses every write."""
    with open_source(str(make_database({"acme": {}}))) as source:
        cursor = source.database.cursor()
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            cursor.execute("DELETE FROM tenants")


def test_rows_that_still_stand_in_the_log_are_read(make_database):
    """A source in WAL mode is read with what was committed but not yet checkpointed."""
    path = make_database({"acme": {}})
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("UPDATE tenants SET plan_type = 'enterprise'")
        db.commit()
        with open_source(str(path)) as source:
            assert [row[3] for row in next(source.tenants())] == ["enterprise"]


def test_tables_are_read_in_one_transaction(make_database):
    """A commit by the platform in the meantime is not seen: the tables agree with each other."""
    path = make_database({"acme": {}})
    change(path, "PRAGMA journal_mode = WAL")
    with open_source(str(path)) as source:
        assert len(next(source.tenants())) == 1
        change(path, "INSERT INTO tenants (id, name) VALUES ('late', 'Late')")
        assert len(next(source.tenants())) == 1
