"""The scripts, run on PostgreSQL and SQLite: what they change, and what stops them."""

from __future__ import annotations

import re
import sqlite3
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from atomlab.diagnosis.sql import CopyKey, _literal, fix_script, rollback_script, with_rollback
from atomlab.errors import InputError
from tests.attacks import tries
from tests.diagnosis.conftest import CLIENTS, Database, PostgresDatabase, SqliteDatabase
from tests.examples import examples

BRENNAN = "31c06fc4-db22-4740-83ea-48ac14f25810"
COPY = CopyKey(BRENNAN, "MINIMAX_API_KEY", "MINIMAX_2_7_API_KEY")
REPAIR = replace(COPY, replaces=True)
SECRET = "sk-canary-5f1d7a0be94c4d2f"
OTHER_SECRET = "sk-canary-of-another-tenant"
EDITS = pytest.mark.parametrize("copy", [COPY, REPAIR], ids=["insert", "replace"])
SCRIPTS = pytest.mark.parametrize("script", [fix_script, rollback_script])

# Names that try to be more than names, each as a tenant id, a setting and a setting to copy.
HOSTILE = [
    "'",
    "''; DROP TABLE tenant_settings; --",
    "\\",
    "\\'; DROP TABLE tenant_settings; --",
    "$atomlab$",
    "$$; ROLLBACK; $$",
    "*/ COMMIT; /*",
    "-- comment\nCOMMIT;\r\n",
    "\\set ON_ERROR_STOP off\n\\! touch owned\n.shell touch owned",
    "100% %s %(x)s :x :'x' ${x} {x} ?",
    'a"b`c[d]e',
    "E'\\x41' U&'\\0041' || chr(65)",
    "NEW.tenant_id names.fact.",
    "Zoë 東京 🔑 e\u0301",
    "\u202egnp.exe\u2066 \x1b[31m\x7f\u0085\u2028",
    "",
    " leading and trailing ",
    "x" * 255,
    "'\\" * 127,
]


def fill(db: Database, copy: CopyKey = COPY, target: str | None = None) -> None:
    """Write the tenant with its settings, and another tenant with settings of the same names."""
    db.execute("DELETE FROM tenant_settings")
    db.execute("DELETE FROM tenants")
    other = copy.tenant_id + " other"
    for tenant, secret in ((copy.tenant_id, SECRET), (other, OTHER_SECRET)):
        db.execute("INSERT INTO tenants (id, name) VALUES (?, 'x')", (tenant,))
        put(db, tenant, copy.copy_from, secret)
        put(db, tenant, "a setting " + copy.setting_key[:200], "Europe/Berlin")
    if target is not None:
        put(db, copy.tenant_id, copy.setting_key, target)


def put(db: Database, tenant: str, key: str, value: str | None) -> None:
    """Write one setting as the application would, long ago."""
    db.execute(
        "INSERT INTO tenant_settings VALUES"
        " (?, ?, ?, ?, '2026-01-15 09:00:00', '2026-02-01 10:00:00')",
        (str(uuid.uuid4()), tenant, key, value),
    )


def change(db: Database, key: str, value: str) -> None:
    """Give the tenant's setting another value."""
    db.execute(
        "UPDATE tenant_settings SET setting_value = ? WHERE tenant_id = ? AND setting_key = ?",
        (value, BRENNAN, key),
    )


def contents(db: Database) -> set[tuple[Any, ...]]:
    """Return every row of both tables."""
    settings_ = db.execute("SELECT * FROM tenant_settings")
    return {*settings_, *db.execute("SELECT * FROM tenants")}


def start(copy: CopyKey) -> str | None:
    """Return the value of the target row before the fix, None for no row."""
    return "" if copy.replaces else None


def fixed(db: Database, copy: CopyKey) -> None:
    """Write the world and apply the fix to it."""
    fill(db, copy, start(copy))
    assert not db.run(fix_script(copy, db.dialect)).stopped


def test_the_fix_adds_one_row_and_touches_no_other(database):
    """The tenant gets the setting with the same value, a uuid4 as id; every other row stays."""
    fill(database)
    before = contents(database)
    run = database.run(fix_script(COPY, database.dialect))
    assert not run.stopped
    assert contents(database) >= before
    ((id_, tenant, key, value, created_at, updated_at),) = contents(database) - before
    assert (tenant, key, value) == (BRENNAN, "MINIMAX_API_KEY", SECRET)
    assert str(uuid.UUID(id_)) == id_
    assert uuid.UUID(id_).version == 4
    assert uuid.UUID(id_).variant == uuid.RFC_4122
    assert created_at is not None
    assert updated_at is None


@pytest.mark.parametrize("held", ["", "   ", "dummy-key-for-testing", "60a9596d-0000", "short"])
def test_a_repair_updates_a_row_without_a_usable_value(database, held):
    """A row that is empty, blank or a placeholder gets the value; nothing else of it changes."""
    fill(database, target=held)
    before = contents(database)
    assert not database.run(fix_script(REPAIR, database.dialect)).stopped
    ((*was, old, created, updated),) = before - contents(database)
    assert [(*was, SECRET, created, updated)] == list(contents(database) - before)
    assert old == held


def test_what_counts_as_a_placeholder_follows_the_rules_given(quick_database):
    """In an edition without placeholders, a short value is a value, and the repair stops."""
    hosted = replace(REPAIR, placeholder_prefixes=(), placeholder_shorter_than=0)
    fill(quick_database, target="dummy")
    before = contents(quick_database)
    assert quick_database.run(fix_script(hosted, quick_database.dialect)).stopped
    assert contents(quick_database) == before


def test_a_null_counts_as_no_value(quick_database):
    """Where the schema allows NULL, a source of NULL stops the fix and a target is repaired."""
    schema = "CREATE TABLE tenant_settings (id TEXT, tenant_id TEXT, setting_key TEXT,"
    quick_database.execute("DROP TABLE tenant_settings")
    quick_database.execute(schema + " setting_value TEXT, created_at TEXT, updated_at TEXT)")
    fill(quick_database)
    put(quick_database, BRENNAN, "MINIMAX_API_KEY", None)
    assert not quick_database.run(fix_script(REPAIR, quick_database.dialect)).stopped
    values = quick_database.execute(
        "SELECT setting_value FROM tenant_settings WHERE setting_key = 'MINIMAX_API_KEY'"
    )
    assert values == [(SECRET,)]
    fill(quick_database, target="")
    quick_database.execute("UPDATE tenant_settings SET setting_value = NULL")
    before = contents(quick_database)
    assert quick_database.run(fix_script(REPAIR, quick_database.dialect)).stopped
    assert contents(quick_database) == before


@EDITS
def test_a_second_run_changes_nothing_and_says_so(database, copy):
    """Run again, the fix finds the value in place, says `already applied`, and ends well."""
    fixed(database, copy)
    once = contents(database)
    run = database.run(fix_script(copy, database.dialect))
    assert not run.stopped
    assert contents(database) == once
    if database.client != "sqlite-module":  # which shows no rows
        assert "already applied, nothing changed" in run.output


@EDITS
def test_the_rollback_restores_the_tables_exactly(database, copy):
    """After fix and rollback every row is as before; a second rollback changes nothing more."""
    fill(database, copy, start(copy))
    before = contents(database)
    assert not database.run(fix_script(copy, database.dialect)).stopped
    assert contents(database) != before
    for _ in range(2):
        run = database.run(rollback_script(copy, database.dialect))
        assert not run.stopped
        assert contents(database) == before
    if database.client != "sqlite-module":
        assert "nothing to roll back, nothing changed" in run.output


def test_the_rollback_of_a_placeholder_leaves_an_empty_value(quick_database):
    """A placeholder was not a key and comes back as an empty value; the second run finds it so."""
    fill(quick_database, target="dummy-key-for-testing")
    before = contents(quick_database)
    quick_database.run(fix_script(REPAIR, quick_database.dialect))
    for _ in range(2):
        assert not quick_database.run(rollback_script(REPAIR, quick_database.dialect)).stopped
        ((*_, value, _, _),) = contents(quick_database) - before
        assert value == ""


# How the world can have changed since the diagnosis: SQL, and the script's words about it.
DRIFTS = {
    "tenant gone": ("DELETE FROM tenants WHERE id = '{t}'", "the tenant is not in this database"),
    "source gone": ("DELETE {source}", "the setting to copy is gone, or holds no value"),
    "source empty": ("UPDATE {value} '' {where_source}", "the setting to copy is gone, or holds"),
    "source blank": ("UPDATE {value} '  ' {where_source}", "the setting to copy is gone, or holds"),
}
FIX_DRIFTS = {
    **DRIFTS,
    "insert: row is there": ("INSERT {row} 'sk-of-their-own')", "exists with another value"),
    "insert: row is there, empty": ("INSERT {row} '')", "exists with another value"),
    "replace: row gone": ("DELETE {target}", "the setting is gone"),
    "replace: row in use": ("UPDATE {value} 'sk-of-their-own' {where_target}", "of its own now"),
}
ROLLBACK_DRIFTS = {
    **DRIFTS,
    "source changed": (
        "UPDATE {value} 'sk-rotated-key' {where_source}",
        "no longer hold the same value",
    ),
    "target changed": (
        "UPDATE {value} 'sk-rotated-key' {where_target}",
        "no longer hold the same value",
    ),
    "replace: row gone": ("DELETE {target}", "the setting is gone"),
}


def drift(db: Database, sql: str) -> set[tuple[Any, ...]]:
    """Change the world by one statement and return its contents."""
    where = f"WHERE tenant_id = '{BRENNAN}' AND setting_key = "
    source, target = f"{where} 'MINIMAX_2_7_API_KEY'", f"{where} 'MINIMAX_API_KEY'"
    row = "INTO tenant_settings (id, tenant_id, setting_key, setting_value) VALUES ('x',"
    statement = sql.format(
        t=BRENNAN,
        row=f"{row} '{BRENNAN}', 'MINIMAX_API_KEY',",
        value="tenant_settings SET setting_value =",
        source=f"FROM tenant_settings {source}",
        target=f"FROM tenant_settings {target}",
        where_source=source,
        where_target=target,
    )
    before = contents(db)
    db.execute(statement)
    assert contents(db) != before
    return contents(db)


def drifts(table: dict[str, tuple[str, str]]) -> pytest.MarkDecorator:
    """Return a parametrization by every drift, for the edits that it concerns."""
    return pytest.mark.parametrize(
        ("copy", "sql", "message"),
        [
            pytest.param(copy, *case, id=f"{kind} ({name})")
            for name, case in table.items()
            for kind, copy in (("insert", COPY), ("replace", REPAIR))
            if ":" not in name or name.startswith(kind)
        ],
    )


@drifts(FIX_DRIFTS)
def test_drift_stops_the_fix(database, copy, sql, message):
    """If the facts are not as diagnosed, the fix stops with the reason and changes nothing."""
    fill(database, copy, start(copy))
    before = drift(database, sql)
    run = database.run(fix_script(copy, database.dialect))
    assert run.stopped
    assert "atomlab stopped: " in run.output
    assert message in run.output
    assert contents(database) == before
    assert "applied" not in run.output


@drifts(ROLLBACK_DRIFTS)
def test_drift_stops_the_rollback(database, copy, sql, message):
    """If either row has changed since the fix, the rollback stops and changes nothing."""
    fixed(database, copy)
    before = drift(database, sql)
    run = database.run(rollback_script(copy, database.dialect))
    assert run.stopped
    assert message in run.output
    assert contents(database) == before
    assert "rolled back" not in run.output


def test_a_rollback_after_the_row_was_deleted_has_nothing_to_do(quick_database):
    """A row that someone deleted after the fix is rolled back already."""
    fixed(quick_database, COPY)
    before = drift(quick_database, "DELETE {target}")
    assert not quick_database.run(rollback_script(COPY, quick_database.dialect)).stopped
    assert contents(quick_database) == before


@EDITS
def test_a_rollback_done_stays_done_when_the_source_goes(quick_database, copy):
    """Once rolled back there is nothing to compare, so the source is not needed any more."""
    fill(quick_database, copy, start(copy))
    before = drift(quick_database, "DELETE {source}")
    assert not quick_database.run(rollback_script(copy, quick_database.dialect)).stopped
    assert contents(quick_database) == before


def test_a_repair_never_made_is_not_rolled_back(quick_database):
    """Without the fix, a placeholder stays as it is and a key of the tenant's own stops."""
    for held, stops in (("dummy-key-for-testing", False), ("sk-of-their-own", True)):
        fill(quick_database, target=held)
        before = contents(quick_database)
        run = quick_database.run(rollback_script(REPAIR, quick_database.dialect))
        assert run.stopped == stops
        assert contents(quick_database) == before


SWALLOW = {
    "postgresql": """
        CREATE OR REPLACE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql
            AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER swallow BEFORE INSERT OR UPDATE OR DELETE ON tenant_settings
            FOR EACH ROW EXECUTE FUNCTION swallow();""",
    "sqlite": "".join(
        f"CREATE TRIGGER swallow_{verb} BEFORE {verb} ON tenant_settings"
        " BEGIN SELECT RAISE(IGNORE); END;"
        for verb in ("INSERT", "UPDATE", "DELETE")
    ),
}


@EDITS
@SCRIPTS
def test_a_change_of_no_row_stops(database, copy, script):
    """If the database swallows the change, the count is not one and the script stops."""
    fill(database, copy, start(copy))
    if script is rollback_script:
        database.run(fix_script(copy, database.dialect))
    assert not database.run(SWALLOW[database.dialect]).stopped
    before = contents(database)
    run = database.run(script(copy, database.dialect))
    assert run.stopped
    assert "not exactly one row would change" in run.output
    assert contents(database) == before


def test_two_rows_to_copy_from_stop_the_fix(quick_database):
    """Where the schema lets a setting be there twice, the script does not choose one."""
    quick_database.execute("DROP TABLE tenant_settings")
    quick_database.execute(
        "CREATE TABLE tenant_settings (id VARCHAR, tenant_id VARCHAR, setting_key VARCHAR,"
        " setting_value TEXT, created_at TIMESTAMP, updated_at TIMESTAMP)"
    )
    fill(quick_database)
    put(quick_database, BRENNAN, "MINIMAX_2_7_API_KEY", SECRET)
    before = contents(quick_database)
    assert quick_database.run(fix_script(COPY, quick_database.dialect)).stopped
    assert contents(quick_database) == before


def test_a_change_the_database_refuses_stops_without_showing_the_row(database):
    """PostgreSQL would print the failing row, value included; neither client nor log sees it."""
    fill(database)
    put(database, BRENNAN + " other", "MINIMAX_API_KEY", OTHER_SECRET)
    database.execute("ALTER TABLE tenant_settings ADD COLUMN region VARCHAR DEFAULT 'eu' NOT NULL")
    if database.dialect == "postgresql":
        database.execute(
            "ALTER TABLE tenant_settings ADD CONSTRAINT region_needed"
            " CHECK (setting_key <> 'MINIMAX_API_KEY' OR region <> 'eu') NOT VALID"
        )
    else:
        database.execute(
            "CREATE UNIQUE INDEX one_each ON tenant_settings (region)"
            " WHERE setting_key = 'MINIMAX_API_KEY'"
        )
    before = contents(database)
    run = database.run(fix_script(COPY, database.dialect))
    assert run.stopped
    assert "region" in run.output
    assert SECRET not in run.output
    assert contents(database) == before
    if database.dialect == "postgresql":
        assert SECRET not in database.log.read_text(errors="replace")


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_are_names(database, name):
    """Whatever a tenant id or setting name holds, the fix acts on exactly that row, and back."""
    for strings in ("on", "off") if database.dialect == "postgresql" else ("",):
        database.options = f"-c standard_conforming_strings={strings}"
        round_trip(database, CopyKey(name, f"{name[:254]}K", f"{name[:254]}S"))


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)


@examples(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tenant=NAMES,
    key=NAMES,
    source=NAMES,
    replaces=st.booleans(),
    strings=st.sampled_from(("on", "off")),
)
def test_any_names_are_names(quick_database, tenant, key, source, replaces, strings):
    """The same for any text that a database can store."""
    quick_database.options = f"-c standard_conforming_strings={strings}"
    round_trip(quick_database, CopyKey(tenant, key, source + "S" * (key == source), replaces))


def round_trip(db: Database, copy: CopyKey) -> None:
    """Apply and undo `copy`, checking the one row that changes, and that scripts are ASCII."""
    fill(db, copy, start(copy))
    before = contents(db)
    fix, undo = fix_script(copy, db.dialect), rollback_script(copy, db.dialect)
    assert re.fullmatch(r"[ -~\n]*", fix + undo)
    run = db.run(fix)
    assert not run.stopped, run.output
    ((_, tenant, key, value, _, _),) = contents(db) - before
    assert (tenant, key, value) == (copy.tenant_id, copy.setting_key, SECRET)
    assert not db.run(undo).stopped
    assert contents(db) == before


UUID = "31c06fc4-db22-4740-83ea-48ac14f25810"
# Types of a tenant's id, in either table, and an id of that type.
ID_TYPES = {
    "varchar": UUID,
    "varchar(36)": UUID,
    "text": "brennan",
    "char(36)": UUID,
    "char(40)": "brennan",
    "uuid": UUID,
    "bigint": "42",
    "integer": "42",
    "smallint": "42",
    "numeric": "42",
}
# What a setting's own id is, with and without a default.
ROW_IDS = {
    "": None,
    "id varchar PRIMARY KEY,": str,
    "id varchar(36) PRIMARY KEY,": str,
    "id varchar(20) PRIMARY KEY,": str,
    "id char(36) PRIMARY KEY,": str,
    "id text DEFAULT gen_random_uuid() PRIMARY KEY,": str,
    "id text NOT NULL DEFAULT md5(random()::text),": str,
    "id uuid PRIMARY KEY,": uuid.UUID,
    "id uuid DEFAULT gen_random_uuid() PRIMARY KEY,": uuid.UUID,
    "id bigint PRIMARY KEY,": int,
    "id integer PRIMARY KEY,": int,
    "id smallint NOT NULL,": int,
    "id numeric PRIMARY KEY,": None,
    "id bigserial PRIMARY KEY,": int,
    "id serial PRIMARY KEY,": int,
    "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,": int,
    "id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,": int,
}


# Columns that must not be NULL and have no default: SQLAlchemy's own defaults are none of these.
MORE_COLUMNS = (
    *("created_at timestamp NOT NULL", "updated_at timestamptz NOT NULL, day date NOT NULL"),
    *("kind text NOT NULL CHECK (kind = 'it')", "secret boolean NOT NULL, meta jsonb NOT NULL"),
    *("n int NOT NULL, ids uuid[] NOT NULL", '"The ""Name\'" text NOT NULL, "tenantId" some_text'),
    *("up text NOT NULL GENERATED ALWAYS AS (upper(setting_key)) STORED, fact text, names text",),
)
_OF_TYPE = {"boolean": "true", "jsonb": "{}", "integer": "3", "uuid[]": "{}"}


@pytest.mark.attack("10 types of ids")
@pytest.mark.parametrize("columns", MORE_COLUMNS)
def test_a_new_row_has_all_that_must_not_be_null(postgres, tmp_path, columns):
    """As in the row that is copied; what is a time is now; ids may be of domains without NULL."""
    db = PostgresDatabase(postgres, "psycopg", tmp_path)
    for statement in (
        "DROP TABLE IF EXISTS tenant_settings, tenants",
        "DROP DOMAIN IF EXISTS an_id, some_text",
        "CREATE DOMAIN an_id AS uuid NOT NULL CHECK (VALUE <> gen_random_uuid())",
        "CREATE DOMAIN some_text AS text NOT NULL",
        "CREATE TABLE tenants (id an_id PRIMARY KEY, name text)",
        "CREATE TABLE tenant_settings (id an_id PRIMARY KEY, tenant_id an_id, setting_key text,"
        f" setting_value text, {columns})",
        f"INSERT INTO tenants VALUES ('{UUID}', 'x')",
    ):
        db.execute(statement)
    about = db.execute(
        "SELECT quote_ident(attname), format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = 'tenant_settings'::regclass AND attnum > 4 AND attgenerated = ''"
    )
    there = {
        name: _OF_TYPE.get(kind, "2026-01-01" if kind[:4] in ("time", "date") else "it")
        for name, kind in about
    }
    values = [UUID, UUID, "MINIMAX_2_7_API_KEY", SECRET, *there.values()]
    names = ", ".join(("id, tenant_id, setting_key, setting_value", *there))
    db.execute(
        f"INSERT INTO tenant_settings ({names}) VALUES ({', '.join(['%s'] * len(values))})", values
    )
    before = [*db.execute("SELECT * FROM tenant_settings")]
    copy = replace(COPY, tenant_id=UUID)
    assert "applied, 1 row added" in db.run(fix_script(copy, "postgresql")).output
    [new] = [r for r in db.execute("SELECT * FROM tenant_settings") if r not in before]
    assert new[2:4] == ("MINIMAX_API_KEY", SECRET)
    for old, same in zip(before[0][4:], new[4:], strict=True):
        if isinstance(old, date):
            assert same > old
        elif old != "MINIMAX_2_7_API_KEY":
            assert same == old or same is None
    for stranger in ("x", UUID.replace("3", "4")):
        other = db.run(fix_script(replace(copy, tenant_id=stranger), "postgresql"))
        assert "the tenant is not in this database" in other.output
    assert not db.run(rollback_script(copy, "postgresql")).stopped
    assert [*db.execute("SELECT * FROM tenant_settings")] == before
    db.execute("DROP TABLE tenant_settings, tenants")
    db.execute("DROP DOMAIN an_id, some_text")
    db.close()


def typed_tables():
    """Yield a name, the statements that make tables of some types, and the tenant's id in them."""
    key_types = ("varchar(255)", "text", "name", "a_key")
    for kind, tenant in ID_TYPES.items():
        for number, row_id in enumerate(ROW_IDS):
            owner = kind if number % 3 else ("text" if number % 2 else "varchar")
            owner = owner if "char(" not in kind else kind
            refers = "REFERENCES tenants (id)" if owner == kind else ""
            key = key_types[number % 4]
            yield (
                f"{kind}, {owner}, {row_id or 'none'}, {key}",
                f"CREATE TABLE tenants (id {kind} PRIMARY KEY, name text);"
                f"CREATE TABLE tenant_settings ({row_id} tenant_id {owner} NOT NULL {refers},"
                f" setting_key {key} NOT NULL, setting_value text NOT NULL,"
                " created_at timestamp DEFAULT now(), UNIQUE (tenant_id, setting_key))",
                tenant,
                row_id,
            )


@pytest.mark.attack("10 types of ids")
@pytest.mark.parametrize("client", ["psycopg", "psql"])
def test_a_script_serves_whatever_types_the_tables_have(postgres, tmp_path, client):
    """Fix and rollback, of every type of id; a second run, another state and a stranger stop."""
    db = PostgresDatabase(postgres, client, tmp_path)
    db.connection.prepare_threshold = None  # the tables are others each time
    db.execute("DROP TYPE IF EXISTS a_key")
    db.execute("CREATE TYPE a_key AS ENUM ('MINIMAX_API_KEY', 'MINIMAX_2_7_API_KEY', 'OTHER')")
    for name, tables, tenant, row_id in tries(typed_tables(), 7 if client == "psycopg" else 43):
        db.execute("DROP TABLE IF EXISTS tenant_settings, tenants")
        for statement in tables.split(";"):
            db.execute(statement)
        db.execute(f"INSERT INTO tenants VALUES ('{tenant}', 'x')")
        made = "" if "DEFAULT" in row_id or "serial" in row_id or "ALWAYS" in row_id else row_id
        there = ("'7', " if ROW_IDS[row_id] is not uuid.UUID else f"'{UUID}', ") if made else ""
        db.execute(
            f"INSERT INTO tenant_settings ({'id, ' if made else ''}tenant_id, setting_key,"
            f" setting_value) VALUES ({there} '{tenant}', 'MINIMAX_2_7_API_KEY', '{SECRET}')"
        )
        copy = replace(COPY, tenant_id=tenant)
        before = [*db.execute("SELECT * FROM tenant_settings")]
        run = db.run(fix_script(copy, "postgresql"))
        assert not run.stopped, (name, run.output)
        [new] = [r for r in db.execute("SELECT * FROM tenant_settings") if r not in before]
        assert {"MINIMAX_API_KEY", SECRET} <= set(new), name
        if (kind := ROW_IDS[row_id]) is not None:
            assert isinstance(new[0], kind)
        assert str(new[-4]).strip() == tenant, name
        again = db.run(fix_script(copy, "postgresql"))
        assert "already applied" in again.output
        repair = db.run(fix_script(replace(copy, replaces=True), "postgresql"))
        assert "already applied" in repair.output
        for stranger, script in (("43", fix_script), ("'", fix_script), ("x", rollback_script)):
            other = db.run(script(replace(COPY, tenant_id=stranger), "postgresql"))
            assert other.stopped
            assert "the tenant is not in this database" in other.output, (name, stranger)
        assert not db.run(rollback_script(copy, "postgresql")).stopped, name
        assert [*db.execute("SELECT * FROM tenant_settings")] == before
        db.execute("UPDATE tenant_settings SET setting_value = ' '")
        assert "holds no value" in db.run(fix_script(copy, "postgresql")).output
    db.execute("DROP TABLE tenant_settings, tenants")
    db.execute("DROP TYPE a_key")
    db.close()


def test_numbers_without_a_default_are_given_one_after_the_other(postgres, tmp_path):
    """Fixes of several tenants at once get different ids: the table is locked for the next one."""
    db = PostgresDatabase(postgres, "psycopg", tmp_path)
    db.execute("DROP TABLE tenant_settings, tenants")
    db.execute("CREATE TABLE tenants (id bigint PRIMARY KEY, name text)")
    db.execute(
        "CREATE TABLE tenant_settings (id bigint PRIMARY KEY, tenant_id bigint, setting_key text,"
        " setting_value text)"
    )
    for n in range(1, 9):
        db.execute(f"INSERT INTO tenants VALUES ({n}, 'x')")
        db.execute(f"INSERT INTO tenant_settings VALUES ({n}, {n}, 'MINIMAX_2_7_API_KEY', 'k{n}')")
    with ThreadPoolExecutor(8) as pool:
        scripts = [fix_script(replace(COPY, tenant_id=str(n)), "postgresql") for n in range(1, 9)]
        runs = list(pool.map(db.run, scripts))
    assert [run.output for run in runs if run.stopped] == []
    rows = db.execute("SELECT id, tenant_id, setting_value FROM tenant_settings WHERE id > 8")
    assert sorted(row[0] for row in rows) == list(range(9, 17))
    assert all(value == f"k{tenant}" for _, tenant, value in rows)
    db.close()


@pytest.mark.parametrize("client", [c for c in CLIENTS if c.startswith("sqlite")])
@pytest.mark.parametrize("row_id", ["INTEGER PRIMARY KEY", "INTEGER", "INT NOT NULL", "TEXT", ""])
@pytest.mark.parametrize("kind", ["INTEGER", "BIGINT PRIMARY KEY", "TEXT", "VARCHAR", ""])
def test_a_script_serves_whatever_types_an_sqlite_file_has(tmp_path, client, row_id, kind):
    """Numbers for ids of tenants and settings, declared or not: the row is there, and goes."""
    db = SqliteDatabase(client, tmp_path)
    db.execute("DROP TABLE tenant_settings")
    db.execute("DROP TABLE tenants")
    db.execute(f"CREATE TABLE tenants (id {kind}, name TEXT)")
    db.execute(
        f"CREATE TABLE tenant_settings (id {row_id}, tenant_id {kind.partition(' ')[0]},"
        " setting_key TEXT, setting_value TEXT, UNIQUE (tenant_id, setting_key))"
    )
    db.execute("INSERT INTO tenants VALUES (42, 'x'), (43, 'y')")
    db.execute(
        "INSERT INTO tenant_settings VALUES (7, 42, 'MINIMAX_2_7_API_KEY', ?), (9, 43, 'X', 'y')",
        (SECRET,),
    )
    copy, before = replace(COPY, tenant_id="42"), set(db.execute("SELECT * FROM tenant_settings"))
    assert not db.run(fix_script(copy, "sqlite")).stopped
    [new] = set(db.execute("SELECT * FROM tenant_settings")) - before
    assert (str(new[1]), *new[2:]) == ("42", "MINIMAX_API_KEY", SECRET)
    assert new[0] == 10 if "INT" in row_id or not row_id else uuid.UUID(new[0])
    assert not db.run(fix_script(copy, "sqlite")).stopped
    for stranger in ("44", "4", "42 ", "042", "nobody"):
        assert db.run(fix_script(replace(copy, tenant_id=stranger), "sqlite")).stopped
    assert not db.run(rollback_script(copy, "sqlite")).stopped
    assert set(db.execute("SELECT * FROM tenant_settings")) == before
    db.close()


def test_no_client_encoding_changes_a_name(postgres, tmp_path):
    """A script is ASCII, so a psql that takes its files for Latin-1 finds `Zoë` all the same."""
    db = PostgresDatabase(postgres, "psql-stop", tmp_path)
    copy = CopyKey("Zoë", "MINIMAX_API_KEY", "MINIMAX_2_7_API_KEY")
    fill(db, copy)
    assert not db.run(fix_script(copy, "postgresql"), PGCLIENTENCODING="LATIN1").stopped
    assert len(contents(db)) == 7
    db.close()


@pytest.mark.parametrize("dialect", ["postgresql", "sqlite"])
@pytest.mark.parametrize("bad", ["a\0b", "\ud800", "a\udfff"])
@pytest.mark.parametrize("field", ["tenant_id", "setting_key", "copy_from"])
@SCRIPTS
def test_names_that_no_database_stores_are_refused(script, field, bad, dialect):
    """NUL and lone surrogates raise InputError, in one printable line."""
    with pytest.raises(InputError, match="which no database stores") as caught:
        script(replace(COPY, **{field: bad}), dialect)
    assert str(caught.value).isprintable()


@SCRIPTS
def test_a_setting_is_not_copied_from_itself(script):
    """One setting as both ends of the copy is refused."""
    with pytest.raises(InputError, match="two settings"):
        script(replace(COPY, copy_from="MINIMAX_API_KEY"), "sqlite")


@EDITS
@SCRIPTS
def test_a_secret_is_never_shown(database, copy, script):
    """No client prints the value: not on success, not on the second run, not on drift."""
    fill(database, copy, start(copy))
    shown = [database.run(s(copy, database.dialect)).output for s in (fix_script, script, script)]
    fixed(database, copy)
    change(database, "MINIMAX_API_KEY", OTHER_SECRET)
    shown.append(database.run(script(copy, database.dialect)).output)
    assert SECRET not in "".join(shown)
    assert OTHER_SECRET not in "".join(shown)


def test_two_runs_at_once_add_one_row(postgres, tmp_path):
    """Runs that overlap wait for each other: one applies the fix, the others find it applied."""
    db = PostgresDatabase(postgres, "psycopg", tmp_path)
    fill(db)
    with psycopg.connect(db.uri) as blocker, ThreadPoolExecutor(4) as pool:
        blocker.execute("SELECT 1 FROM tenant_settings FOR UPDATE")
        runs = [pool.submit(db.run, fix_script(COPY, "postgresql")) for _ in range(4)]
        blocker.rollback()
        outputs = [run.result(timeout=30).output for run in runs]
    assert sum("atomlab: applied, 1 row added" in o for o in outputs) == 1
    assert sum("already applied" in o for o in outputs) == 3
    assert len(contents(db)) == 7
    db.close()


def test_a_locked_sqlite_file_is_left_alone(tmp_path):
    """If another process writes, nothing is changed, also without BEGIN's protection."""
    db = SqliteDatabase("sqlite-module", tmp_path)
    fill(db)
    before = contents(db)
    db.execute("BEGIN IMMEDIATE")
    run = db.run(fix_script(COPY, "sqlite"))
    db.execute("ROLLBACK")
    assert run == type(run)(True, "database is locked")
    assert contents(db) == before
    db.close()


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE;\n", "COMMIT;\n"])
def test_a_sqlite_script_without_its_transaction_is_still_all_or_nothing(tmp_path, statement):
    """The change is one statement: without BEGIN it stands alone, without COMMIT nothing stays."""
    db = SqliteDatabase("sqlite-module", tmp_path)
    fill(db)
    before = contents(db)
    db.run(fix_script(COPY, "sqlite").replace(statement, "").replace("COMMIT;\n", ""))
    assert len(contents(db) - before) == (statement == "BEGIN IMMEDIATE;\n")
    db.close()


def test_a_stop_leaves_a_python_connection_as_it_was(tmp_path):
    """After a stop or a refusal it is outside any transaction, and the script can run again."""
    db = SqliteDatabase("sqlite-module", tmp_path)
    only_one = "CREATE UNIQUE INDEX only_one ON tenant_settings (setting_key) WHERE setting_key = "
    fill(db, target="sk-of-their-own")
    with pytest.raises(sqlite3.IntegrityError, match="exists with another value"):
        db.connection.executescript(fix_script(COPY, "sqlite"))
    assert not db.connection.in_transaction
    fill(db)
    put(db, f"{BRENNAN} other", "MINIMAX_API_KEY", OTHER_SECRET)
    db.execute(f"{only_one} 'MINIMAX_API_KEY'")
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE constraint failed"):
        db.connection.executescript(fix_script(COPY, "sqlite"))
    assert not db.connection.in_transaction
    db.execute("DROP INDEX only_one")
    db.connection.executescript(fix_script(COPY, "sqlite"))
    assert len(contents(db)) == 8
    db.close()


def test_the_incident_documents_own_insert_fails(quick_database):
    """It gives no id, and the table has no default for it: NOT NULL refuses the row."""
    fill(quick_database)
    before = contents(quick_database)
    refused = (psycopg.errors.NotNullViolation, sqlite3.IntegrityError)
    with pytest.raises(refused, match=r'null value in column "id"|tenant_settings\.id'):
        quick_database.execute(
            "INSERT INTO tenant_settings (tenant_id, setting_key, setting_value)\n"
            f"VALUES (\n    '{BRENNAN}',\n    'MINIMAX_API_KEY',\n"
            "    '<same_value_as_MINIMAX_2_7_API_KEY>'\n);"
        )
    assert contents(quick_database) == before
    assert not quick_database.run(fix_script(COPY, quick_database.dialect)).stopped


@EDITS
@SCRIPTS
@pytest.mark.parametrize("dialect", ["postgresql", "sqlite"])
def test_the_header_says_what_is_done_to_what(script, copy, dialect):
    """In plain words: tenant, setting, source, what stops it, how to run it, what to do then."""
    header, _, body = script(copy, dialect).partition("\n\n")
    assert all(line.startswith("-- ") for line in header.splitlines())
    for words in (BRENNAN, "MINIMAX_API_KEY", "MINIMAX_2_7_API_KEY", "restart", "next job"):
        assert words in header
    assert {"postgresql": "psql -X", "sqlite": "sqlite3 -bail"}[dialect] in header
    for message in re.findall(r"'atomlab stopped: ([^'(]*)'", body):
        assert message in header


@SCRIPTS
@pytest.mark.parametrize("dialect", ["postgresql", "sqlite"])
def test_a_hostile_name_stays_on_its_line_of_the_header(script, dialect):
    """No name ends its comment: the same lines follow, all of them comments, in ASCII."""
    plain, _, _ = script(COPY, dialect).partition("\n\n")
    for name in HOSTILE:
        header, _, _ = script(CopyKey(name, f"{name}K", f"{name}S"), dialect).partition("\n\n")
        assert header.isascii()
        assert len(header.splitlines()) == len(plain.splitlines())
        assert all(line.startswith("-- ") for line in header.splitlines())


@SCRIPTS
def test_a_refusal_says_what_where_and_what_to_do(script):
    """In one line each."""
    with pytest.raises(InputError) as itself:
        script(replace(COPY, copy_from="MINIMAX_API_KEY"), "sqlite")
    assert str(itself.value) == "MINIMAX_API_KEY: copied from itself; name two settings"
    with pytest.raises(InputError) as unstorable:
        script(replace(COPY, tenant_id="a\0b"), "sqlite")
    assert str(unstorable.value).startswith("a")
    assert str(unstorable.value).endswith("; check the tenant id and the names of its settings")


def test_a_script_with_its_rollback_does_what_it_does_without(quick_database):
    """The rollback stands below it as comments, and is itself without their dashes."""
    do, undo = (s(COPY, quick_database.dialect) for s in (fix_script, rollback_script))
    both = with_rollback(do, undo)
    middle = "\n-- To undo it, run the following without the leading dashes.\n"
    body, _, below = both.partition(middle)
    assert body == do
    assert "".join(line.removeprefix("-- ") for line in below.splitlines(keepends=True)) == undo
    assert all(line.startswith("-- ") for line in below.splitlines())


def test_a_name_is_written_plainly_where_it_can_be():
    """Only what a parser could read in another way is written as numbers."""
    assert [_literal(name, "postgresql") for name in ("MINIMAX_API_KEY", "it's", "a''b", "")] == [
        "'MINIMAX_API_KEY'",
        r"E'it\U00000027s'",
        r"E'a\U00000027\U00000027b'",
        "''",
    ]
    assert _literal("a''b", "sqlite") == "'a' || char(39, 39) || 'b'"
