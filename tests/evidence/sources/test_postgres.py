"""PostgreSQL as a source: one consistent moment of it, and nothing of it disturbed."""

from __future__ import annotations

import secrets
import threading
import time
import traceback
from contextlib import contextmanager
from urllib.parse import quote

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from atomlab.byok.request import Request
from atomlab.capturing.capture import capture as proven_capture
from atomlab.diagnosis.diagnose import diagnose
from atomlab.errors import SourceError, TenantError
from atomlab.evidence.sources import postgres
from tests.attacks import tries
from tests.canaries import Scanner
from tests.evidence.talkative import (
    SPEAKING,
    greetings,
    names_of_postgres,
    server_that_says,
    views_of_postgres,
)
from tests.refusals import is_one_line, refused, said

KEY = "sk-" + "5" * 40
TENANTS = {
    "acme": {"OPENAI_API_KEY": KEY, "TIMEZONE": "UTC", "deepseek-api-key": KEY},
    "zeta": {},
    "beta": {"GROQ_API_KEY": "", "MISTRAL_API_KEY": "   ", "GEMINI_API_KEY": "gAAAAA" + "x" * 60},
}


def contents(snapshot):
    """Return what a snapshot holds of the tenants; times are the databases' own."""
    rows = snapshot.session.execute(
        text("SELECT id, tenant_id, setting_key, setting_value FROM tenant_settings")
    )
    columns = "id, name, subdomain, plan_type, ai_mode, unnamed_settings"
    tenants = snapshot.session.execute(text(f"SELECT {columns} FROM tenants"))
    return sorted(map(tuple, rows)), sorted(map(tuple, tenants))


def test_values_of_other_settings_are_not_asked_of_a_server(make_postgres, tmp_path):
    """What can be no key is counted there: reading its value would fail here."""
    url = make_postgres(TENANTS)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("ALTER TABLE tenant_settings RENAME TO stored_settings")
        db.execute(
            "CREATE VIEW tenant_settings AS SELECT id, tenant_id, setting_key, CASE"
            " setting_key WHEN 'TIMEZONE' THEN (1 / (length(setting_key) * 0))::text"
            " ELSE setting_value END AS setting_value FROM stored_settings"
        )
    with proven_capture(url, tmp_path / "out.sqlite") as snapshot:
        assert snapshot.manifest["withheld"]["settings"] == 1


def test_capture_from_postgres_equals_one_from_sqlite(
    make_postgres, make_database, prices, tmp_path
):
    """The same rows give the same snapshot, whichever database holds them."""
    same = {"pricing": prices, "key_file": tmp_path / "fingerprints.key"}
    with (
        proven_capture(make_postgres(TENANTS), tmp_path / "pg.sqlite", **same) as pg,
        proven_capture(str(make_database(TENANTS)), tmp_path / "lite.sqlite", **same) as lite,
    ):
        assert contents(pg) == contents(lite)
        pg.verify()
        assert pg.manifest["source"]["kind"] == "postgresql"
        assert pg.manifest["source"]["isolation"] == "repeatable read, read only"
        assert abs(pg.manifest["source"]["clock_offset_s"]) < 2


def test_later_schema_is_remarked_on(make_postgres, tmp_path):
    """A table of a later version tells that these rules are older than the platform."""
    url = make_postgres(TENANTS)
    with proven_capture(url, tmp_path / "earlier.sqlite") as snapshot:
        assert snapshot.manifest["source"]["remarks"] == []
    execute(url, "CREATE TABLE local_model_providers (id VARCHAR)")
    with proven_capture(url, tmp_path / "later.sqlite") as snapshot:
        assert snapshot.manifest["source"]["remarks"] == [
            "the database's schema is later than these rules (table local_model_providers): newer"
            " versions decide otherwise"
        ]


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_url_may_have_any_of_the_usual_schemes(make_postgres, tmp_path, scheme):
    """All the ways to write a PostgreSQL URL open it through psycopg 3."""
    url = make_postgres(TENANTS).replace("postgresql", scheme, 1)
    with proven_capture(url, tmp_path / "out.sqlite") as snapshot:
        assert snapshot.manifest["fidelity"]["tenants"] == 3


def test_capture_can_be_narrowed(make_postgres, tmp_path):
    """Only the named tenants are read."""
    url = make_postgres(TENANTS)
    with proven_capture(url, tmp_path / "out.sqlite", tenants=["beta", "Zeta"]) as snapshot:
        assert [row[0] for row in contents(snapshot)[1]] == ["id-beta", "id-zeta"]


# One moment of a database that is being written to.


def execute(url, *statements):
    """Run statements, each in a transaction of its own; return the last one's rows if any."""
    with psycopg.connect(url, autocommit=True) as db:
        cursor = db.cursor()
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def key_holders(url, number):
    """Give a database `number` tenants; each third holds a key, and only those are on a plan."""
    with psycopg.connect(url) as db:
        db.execute(
            "INSERT INTO tenants (id, name, plan_type)"
            " SELECT 't' || n, 'T' || n, CASE mod(n, 3) WHEN 0 THEN 'team' ELSE 'free' END"
            " FROM generate_series(1, %s) n",
            [number],
        )
        db.execute(
            "INSERT INTO tenant_settings (id, tenant_id, setting_key, setting_value)"
            " SELECT id || key, id, key, 'value of ' || id FROM tenants,"
            " unnest(ARRAY['OPENAI_API_KEY', 'TIMEZONE', 'LANGUAGE']) AS key"
            " WHERE key <> 'OPENAI_API_KEY' OR plan_type = 'team'"
        )


def move_a_key(db):
    """Move a key from one tenant to another one in one transaction, and their plans with it."""
    with db.transaction():
        [(giver, taker)] = db.execute(
            "SELECT (SELECT id FROM tenants WHERE plan_type = 'team' ORDER BY random() LIMIT 1),"
            " (SELECT id FROM tenants WHERE plan_type = 'free' ORDER BY random() LIMIT 1)"
        ).fetchall()
        db.execute("UPDATE tenants SET plan_type = 'free' WHERE id = %s", [giver])
        db.execute("UPDATE tenants SET plan_type = 'team' WHERE id = %s", [taker])
        db.execute(
            "DELETE FROM tenant_settings WHERE tenant_id = %s AND setting_key = 'OPENAI_API_KEY'",
            [giver],
        )
        db.execute(
            "INSERT INTO tenant_settings (id, tenant_id, setting_key, setting_value)"
            " VALUES (gen_random_uuid()::text, %s, 'OPENAI_API_KEY', 'moved')",
            [taker],
        )


def holders(snapshot):
    """Return who holds a key by the settings, and who by the plans."""
    settings, tenants = contents(snapshot)
    return {row[1] for row in settings}, {row[0] for row in tenants if row[3] == "team"}


@contextmanager
def moving_keys(url):
    """Move keys as fast as the server can while the block lasts; give how many were moved."""
    done, moved = threading.Event(), []

    def move():
        with psycopg.connect(url, autocommit=True) as db:
            while not done.is_set():
                move_a_key(db)
                moved.append(1)

    writer = threading.Thread(target=move)
    writer.start()
    try:
        yield moved
    finally:
        done.set()
        writer.join()


def test_tables_agree_with_each_other_while_others_write(make_postgres, tmp_path):
    """What every transaction keeps true is true in every snapshot, and nobody had to wait.

    Each capture goes on only once the other thread has moved a key while it reads.
    """
    url, seen = make_postgres({}), []
    key_holders(url, 60)
    with moving_keys(url) as moved:
        for number in range(12):
            marks = []

            def moved_meanwhile(*_, marks=marks):
                marks.append(len(moved))
                end = time.monotonic() + 20
                while len(moved) == marks[0] and time.monotonic() < end:
                    time.sleep(0.001)

            out = tmp_path / f"{number}.sqlite"
            with proven_capture(url, out, progress=moved_meanwhile) as snapshot:
                during = marks[-1] - marks[0]
                by_setting, by_plan = holders(snapshot)
                counts = {row[5] for row in contents(snapshot)[1]}
            assert by_setting == by_plan
            assert len(by_plan) == 20
            assert counts == {2}
            assert during > 0
            seen.append(frozenset(by_plan))
    assert len(set(seen)) > 6


@pytest.mark.parametrize(("isolation", "agree"), [("REPEATABLE_READ", True), ("READ_COMMITTED", 0)])
def test_it_is_the_isolation_that_makes_the_tables_agree(
    make_postgres, tmp_path, monkeypatch, isolation, agree
):
    """A change between the tables is not seen; in a weaker transaction it would be."""
    url = make_postgres({})
    key_holders(url, 6)
    monkeypatch.setattr(postgres, "_ISOLATION", isolation)

    def between(table, *_):
        if table == "tenants":
            with psycopg.connect(url, autocommit=True) as db:
                move_a_key(db)

    with proven_capture(url, tmp_path / "out.sqlite", progress=between) as snapshot:
        by_setting, by_plan = holders(snapshot)
    assert (by_setting == by_plan) == agree


ALTERATIONS = [
    "ALTER TABLE tenant_settings DROP COLUMN setting_value",
    "ALTER TABLE tenant_settings ALTER setting_value TYPE text USING setting_value || '!'",
    "TRUNCATE tenant_settings",
    "DROP TABLE tenant_settings",
    "VACUUM FULL tenant_settings",
]


@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_table_cannot_be_altered_while_it_is_captured(make_postgres, tmp_path, alteration):
    """Whoever alters a table waits, however far the capture is, and is done after it."""
    url = make_postgres(TENANTS)
    expected, waiting = execute(url, "SELECT count(*) FROM tenant_settings"), []
    other = threading.Thread(target=execute, args=(url, alteration))

    def begin(table, *_):
        if table == "tenants":
            other.start()
            for _ in range(100):
                if found := execute(
                    url,
                    "SELECT relation::regclass::text FROM pg_locks WHERE"
                    " NOT granted AND relation IS NOT NULL",
                ):
                    waiting.extend(found)
                    return
                time.sleep(0.02)

    with proven_capture(url, tmp_path / "out.sqlite", progress=begin) as snapshot:
        settings, tenants = contents(snapshot)
    other.join()
    assert waiting == [("tenant_settings",)]
    assert [(len(settings) + sum(row[5] for row in tenants),)] == expected


@pytest.mark.parametrize(
    ("alteration", "plans"),
    [
        ("ALTER TABLE tenants DROP COLUMN plan_type", [None] * 3),
        ("UPDATE tenants SET plan_type = 'late'", ["late"] * 3),
        ("TRUNCATE tenants CASCADE", []),
    ],
)
def test_table_that_is_altered_just_before_is_captured_as_it_is_then(
    make_postgres, tmp_path, monkeypatch, alteration, plans
):
    """What is committed before the tables are locked is seen, not what was there before."""
    url, lock = make_postgres(TENANTS), postgres._lock

    def late(*args):
        execute(url, alteration)
        return lock(*args)

    monkeypatch.setattr(postgres, "_lock", late)
    with proven_capture(url, tmp_path / "out.sqlite") as snapshot:
        assert [row[3] for row in contents(snapshot)[1]] == plans


def test_table_that_goes_away_just_before_is_a_clear_error(make_postgres, tmp_path, monkeypatch):
    """A table that is dropped while the capture looks for it is gone, in our words."""
    url, lock = make_postgres(TENANTS), postgres._lock
    monkeypatch.setattr(
        postgres, "_lock", lambda *args: execute(url, "DROP TABLE tenant_settings") or lock(*args)
    )
    with refused(SourceError, "a table or what is behind it is gone, 42P01"):
        proven_capture(url, tmp_path / "out.sqlite")


# What the server may refuse, or has otherwise.


@pytest.fixture
def role(make_postgres, postgres):
    """Return a function that makes a role with some grants, and gives its URL of a database."""
    made = []

    def make(url, *grants, options=""):
        name = f"role_{secrets.token_hex(6)}"
        execute(url, f"CREATE ROLE {name} LOGIN {options}")
        made.append((url, name))
        execute(url, *(f"GRANT {grant} TO {name}" for grant in grants))
        return make_url(url).set(username=name).render_as_string(hide_password=False)

    yield make
    for url, name in made:
        execute(url, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


ALL_TABLES = "SELECT ON tenants, tenant_settings, model_catalog"
NEEDED = (
    "SELECT (id, name, plan_type) ON tenants",
    "SELECT (tenant_id, setting_key, setting_value) ON tenant_settings",
    "SELECT (model_id, capabilities, exclude_from_general_routing) ON model_catalog",
)


def test_role_that_may_only_read_is_enough(make_postgres, role, tmp_path):
    """SELECT on the tables gives the same as the owner gets, and they can be locked."""
    url = make_postgres(TENANTS)
    key = {"key_file": tmp_path / "k"}
    with proven_capture(url, tmp_path / "owner.sqlite", **key) as snapshot:
        expected = contents(snapshot)
    with proven_capture(role(url, ALL_TABLES), tmp_path / "reader.sqlite", **key) as snapshot:
        assert contents(snapshot) == expected
        assert snapshot.manifest["source"]["tables_locked"] is True


def test_catalogue_that_may_not_be_read_is_not_taken_for_an_empty_one(
    make_postgres, role, tmp_path, prices, write_json
):
    """It could exclude the winner: its right is asked for, or the catalogue as a file."""
    url = make_postgres({"acme": {"MINIMAX_API_KEY": KEY}})
    excluded = ("minimax/MiniMax-M2.5", [], True)
    execute(url, f"INSERT INTO model_catalog VALUES ('{excluded[0]}', '[]', true)")
    reader = role(url, "SELECT ON tenants, tenant_settings")
    with refused(SourceError, "may not read capabilities, exclude") as caught:
        proven_capture(reader, tmp_path / "out.sqlite")
    assert "GRANT SELECT ON model_catalog" in caught.value.todo
    names = ("model_id", "capabilities", "exclude_from_general_routing")
    given = write_json([dict(zip(names, excluded, strict=True))], "catalog.json")
    tables = {url: None, reader: given}
    for number, (source, catalog) in enumerate(tables.items()):
        out = tmp_path / f"{number}.sqlite"
        with proven_capture(source, out, pricing=prices, catalog=catalog) as snapshot:
            [one] = diagnose(snapshot, "acme", [Request("simple")]).requests
            assert [cause.code for cause in one.explanation.causes] == ["excluded"]


def test_role_that_may_only_read_the_needed_columns_is_enough(make_postgres, role, tmp_path):
    """What may not be read is captured as unknown, and the manifest says what was read."""
    reader = role(make_postgres(TENANTS), *NEEDED)
    with proven_capture(reader, tmp_path / "out.sqlite") as snapshot:
        assert contents(snapshot)[1] == [
            ("id-acme", "Acme", None, "team", None, 1),
            ("id-beta", "Beta", None, "team", None, 0),
            ("id-zeta", "Zeta", None, "team", None, 0),
        ]
        assert snapshot.manifest["source"]["tables_locked"] is False
        assert snapshot.manifest["source"]["columns_read"] == {
            "model_catalog": ["capabilities", "exclude_from_general_routing", "model_id"],
            "tenants": ["id", "name", "plan_type"],
            "tenant_settings": ["setting_key", "setting_value", "tenant_id"],
        }


@pytest.mark.parametrize(
    ("grants", "what", "todo"),
    [
        pytest.param(
            (), "may not read id, name, plan_type of tenants", "GRANT SELECT ON tenants", id="none"
        ),
        pytest.param(
            ("SELECT (id, name) ON tenants",),
            "may not read plan_type of tenants",
            "GRANT SELECT ON tenants",
            id="no-plans",
        ),
        pytest.param(
            (NEEDED[0], "SELECT (tenant_id, setting_key) ON tenant_settings"),
            "may not read setting_value of tenant_settings",
            "GRANT SELECT ON tenant_settings",
            id="no-values",
        ),
    ],
)
def test_role_that_may_not_read_is_told_what_to_ask_for(
    make_postgres, role, tmp_path, grants, what, todo
):
    """The missing columns are named, with the statement that grants them."""
    with refused(SourceError, what) as caught:
        proven_capture(role(make_postgres(TENANTS), *grants), tmp_path / "out.sqlite")
    assert todo in caught.value.todo


def test_schema_that_may_not_be_used_is_a_clear_error(make_postgres, role, tmp_path):
    """Without USAGE of their schema the tables are not there."""
    url = make_postgres(TENANTS)
    reader = role(url, ALL_TABLES)
    execute(url, "REVOKE USAGE ON SCHEMA public FROM PUBLIC")
    with refused(SourceError, "has no table tenants"):
        proven_capture(reader, tmp_path / "out.sqlite")


def test_row_security_never_hides_rows(make_postgres, role, tmp_path):
    """A policy that would hide rows makes a capture fail, unless the role goes past it."""
    url = make_postgres(TENANTS)
    execute(
        url,
        "ALTER TABLE tenant_settings ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY acme ON tenant_settings USING (tenant_id = 'id-acme')",
    )
    with refused(SourceError, "row-level security") as caught:
        proven_capture(role(url, ALL_TABLES), tmp_path / "out.sqlite")
    assert "BYPASSRLS" in caught.value.todo
    past = role(url, ALL_TABLES, options="BYPASSRLS")
    with proven_capture(past, tmp_path / "out.sqlite") as snapshot:
        assert len(contents(snapshot)[0]) == 5


def test_server_itself_says_that_nothing_can_be_written(make_postgres, tmp_path):
    """Every read is in one read-only transaction, even of the owner; a view cannot write either."""
    url = make_postgres(TENANTS)
    execute(
        url,
        "ALTER TABLE tenants RENAME TO stored",
        "CREATE VIEW tenants AS SELECT id, name, current_setting('transaction_read_only')"
        " || ', ' || current_setting('transaction_isolation') AS plan_type FROM stored",
    )
    with proven_capture(url, tmp_path / "out.sqlite") as snapshot:
        assert {row[3] for row in contents(snapshot)[1]} == {"on, repeatable read"}
    execute(
        url,
        "CREATE FUNCTION writing() RETURNS text LANGUAGE sql VOLATILE AS"
        " $$ INSERT INTO model_catalog VALUES ('x', '[]', false) RETURNING 'x' $$",
        "CREATE OR REPLACE VIEW tenants AS SELECT id, name, writing() AS plan_type FROM stored",
    )
    with refused(SourceError, "writes, in a read-only transaction"):
        proven_capture(url, tmp_path / "other.sqlite")
    assert execute(url, "SELECT count(*) FROM model_catalog") == [(0,)]


USUAL = {
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "'serializable'",
    "lock_timeout": "'1ms'",
    "idle_in_transaction_session_timeout": "'100ms'",
    "timezone": "'Asia/Kathmandu'",
    "intervalstyle": "'iso_8601'",
    "bytea_output": "'escape'",
    "client_encoding": "'LATIN1'",
    "standard_conforming_strings": "off",
}


@pytest.mark.parametrize("datestyle", ["German", "SQL, MDY"])
def test_settings_of_a_database_change_nothing(make_postgres, tmp_path, datestyle):
    """Whatever its sessions usually have, a capture reads the same, times in ISO and UTC."""
    url = make_postgres({**TENANTS, "umläut": {"OPENAI_API_KEY": "schlüssel"}})
    execute(
        url,
        "ALTER TABLE tenant_settings ALTER created_at TYPE timestamptz",
        "UPDATE tenant_settings SET created_at = '2026-05-02 13:04:05.6+05:45'",
    )
    key = {"key_file": tmp_path / "k"}
    with proven_capture(url, tmp_path / "before.sqlite", **key) as snapshot:
        expected = contents(snapshot)
    usual, database = {**USUAL, "datestyle": f"'{datestyle}'"}, make_url(url).database
    execute(url, *(f"ALTER DATABASE {database} SET {name} = {usual[name]}" for name in usual))
    with proven_capture(url, tmp_path / "out.sqlite", **key) as snapshot:
        assert contents(snapshot) == expected
        times = set(snapshot.session.scalars(text("SELECT created_at FROM tenant_settings")))
    assert times == {"2026-05-02 07:19:05.6+00"}


def test_first_schema_of_the_search_path_is_read(make_postgres, tmp_path):
    """Tables of one name in several schemas are found as the platform finds them."""
    url = make_postgres(TENANTS)
    execute(
        url,
        "CREATE SCHEMA atom",
        "CREATE TABLE atom.tenants AS SELECT id, name || ' of atom' AS name FROM tenants",
        f"ALTER DATABASE {make_url(url).database} SET search_path = atom, public",
    )
    with proven_capture(url, tmp_path / "out.sqlite") as snapshot:
        assert [row[1] for row in contents(snapshot)[1]] == [
            "Acme of atom",
            "Beta of atom",
            "Zeta of atom",
        ]


def test_ids_and_values_may_have_other_types(make_postgres, tmp_path):
    """UUIDs, values of a list, times with a zone are read as text, and tenants found by it."""
    url = make_postgres({})
    execute(
        url,
        "DROP TABLE tenant_settings, tenants",
        "CREATE TYPE shared AS ENUM ('sk-shared-by-all')",
        "CREATE TABLE tenants (id uuid PRIMARY KEY, name text, plan_type name)",
        "CREATE TABLE tenant_settings (id bigint GENERATED ALWAYS AS IDENTITY, tenant_id uuid,"
        " setting_key varchar, setting_value shared, created_at timestamptz)",
        "INSERT INTO tenants VALUES (gen_random_uuid(), 'one', 'team'),"
        " ('00000000-0000-4000-8000-00000000000b', 'two', 'team')",
        "INSERT INTO tenant_settings (tenant_id, setting_key, setting_value, created_at)"
        " SELECT id, 'OPENAI_API_KEY', 'sk-shared-by-all', '2026-05-02 10:00+02' FROM tenants",
    )
    expected = [("2", "00000000-0000-4000-8000-00000000000b", "OPENAI_API_KEY")]
    for name in ("two", "00000000-0000-4000-8000-00000000000b"):
        out = tmp_path / f"{name}.sqlite"
        with proven_capture(url, out, tenants=[name]) as snapshot:
            settings, tenants = contents(snapshot)
            assert [row[:3] for row in settings] == expected
            assert [row[1] for row in tenants] == ["two"]
            assert list(
                snapshot.session.scalars(text("SELECT created_at FROM tenant_settings"))
            ) == ["2026-05-02 08:00:00+00"]


def test_tenant_is_found_whatever_the_types_of_its_id(make_postgres, tmp_path):
    """Its settings name it in a column of another type than its own."""
    url = make_postgres({})
    execute(
        url,
        "DROP TABLE tenant_settings, tenants",
        "CREATE TABLE tenants (id int, name text)",
        "CREATE TABLE tenant_settings (tenant_id varchar, setting_key text, setting_value text)",
        "INSERT INTO tenants VALUES (1, 'one'), (2, 'two')",
        "INSERT INTO tenant_settings VALUES ('1', 'XAI_API_KEY', 'k'), ('2', 'GROQ_API_KEY', 'k')",
    )
    with proven_capture(url, tmp_path / "out.sqlite", tenants=["two"]) as snapshot:
        assert [row[1:3] for row in contents(snapshot)[0]] == [("2", "GROQ_API_KEY")]


@pytest.mark.parametrize(
    ("table", "column", "kind"),
    [
        ("tenant_settings", "setting_value", "bytea"),
        ("tenant_settings", "setting_value", "jsonb"),
        ("tenant_settings", "setting_value", "text[]"),
        ("tenant_settings", "setting_value", "character(40)"),
        ("tenant_settings", "setting_key", "bytea"),
        ("tenants", "plan_type", "character(8)"),
        ("model_catalog", "capabilities", "text[]"),
    ],
)
def test_what_the_platform_reads_otherwise_is_not_captured(
    make_postgres, tmp_path, table, column, kind
):
    """Of another type, or padded: a decision on its text would be another."""
    url = make_postgres({"acme": {"OPENAI_API_KEY": "sk"}})
    execute(url, f"ALTER TABLE {table} DROP COLUMN {column} CASCADE, ADD COLUMN {column} {kind}")
    with refused(SourceError, f"column {column} of {table} is not plain text") as caught:
        proven_capture(url, tmp_path / "out.sqlite")
    assert "plain text" in caught.value.todo


def test_other_encodings_are_converted(make_postgres, tmp_path):
    """A LATIN1 database gives the same tokens and names as a UTF-8 one."""
    found, tenants = [], {"größe": {"OPENAI_API_KEY": "schlüssel"}}
    for encoding in ("LATIN1", "UTF8"):
        out = tmp_path / f"{encoding}.sqlite"
        url = make_postgres(tenants, encoding=encoding)
        with proven_capture(url, out, tenants=["größe"], key_file=tmp_path / "k") as snapshot:
            found.append(contents(snapshot))
    assert found[0] == found[1]


# Values of any size, keys stored twice, tables of any kind.


DUPLICATES = [("OPENAI_API_KEY", ""), ("OPENAI_API_KEY", "second"), ("OPENAI_API_KEY", "third")]
FIRST_COLUMNS = "tenant_id, setting_key, setting_value"


@pytest.mark.parametrize(
    "tables",
    [
        pytest.param((), id="plain"),
        pytest.param(
            ("ALTER TABLE tenants RENAME TO stored", "CREATE VIEW tenants AS SELECT * FROM stored"),
            id="tenants-a-view",
        ),
        pytest.param(
            (
                "DROP TABLE tenant_settings",
                "CREATE TABLE tenant_settings (id text, tenant_id text, setting_key text,"
                " setting_value text) PARTITION BY HASH (tenant_id)",
                "CREATE TABLE part_1 PARTITION OF tenant_settings FOR VALUES"
                " WITH (MODULUS 2, REMAINDER 1)",
                "CREATE TABLE part_0 PARTITION OF tenant_settings FOR VALUES"
                " WITH (MODULUS 2, REMAINDER 0)",
            ),
            id="partitioned",
        ),
    ],
)
def test_first_stored_of_several_rows_of_a_key_comes_first(make_postgres, tmp_path, tables):
    """Where nothing keeps a key from being stored twice, rows come in the order of the table."""
    url = make_postgres({f"tenant-{n}": {} for n in range(40)})
    execute(
        url,
        "ALTER TABLE tenant_settings DROP CONSTRAINT tenant_settings_tenant_id_setting_key_key",
        *tables,
        # Stored in another order than their ids, and the row that was changed last comes last.
        "INSERT INTO tenant_settings (id, tenant_id, setting_key, setting_value)"
        " SELECT 9 - n || t.id, t.id, 'OPENAI_API_KEY', CASE n WHEN 2 THEN '' ELSE 'k' || n END"
        " FROM tenants t, generate_series(1, 4) n ORDER BY n",
        "UPDATE tenant_settings SET setting_value = 'changed' WHERE id LIKE '8%'",
    )
    stored = execute(
        url,
        "SELECT setting_value = '' FROM tenant_settings WHERE tenant_id = 'id-tenant-7'",
    )
    assert stored == [(True,), (False,), (False,), (False,)]
    with proven_capture(url, tmp_path / "out.sqlite") as snapshot:
        rows = snapshot.session.execute(
            text("SELECT tenant_id, setting_value FROM tenant_settings ORDER BY rowid")
        )
        states = [(tenant, token.split(":")[1]) for tenant, token in rows]
    assert len(states) == 160
    for number in range(0, 160, 4):
        assert [state for _, state in states[number : number + 4]] == ["empty"] + ["present"] * 3


@pytest.mark.parametrize("kind", ["VIEW", "MATERIALIZED VIEW"])
def test_views_are_read_like_tables(make_postgres, tmp_path, kind):
    """A platform whose tables are views of others is captured as any other."""
    url = make_postgres(TENANTS)
    key = {"key_file": tmp_path / "k"}
    with proven_capture(url, tmp_path / "tables.sqlite", **key) as snapshot:
        expected = contents(snapshot)
    for table in ("tenants", "tenant_settings", "model_catalog"):
        execute(
            url,
            f"ALTER TABLE {table} RENAME TO stored_{table}",
            f"CREATE {kind} {table} AS SELECT * FROM stored_{table}",
        )
    with proven_capture(url, tmp_path / "views.sqlite", **key) as snapshot:
        assert contents(snapshot) == expected
        assert snapshot.manifest["source"]["tables_locked"] == (kind == "VIEW")


# Passwords.

PASSWORD = "p@ss:/%#?& +=w\\ö'rd"


@pytest.fixture(scope="module")
def asked(own_server):
    """Return the URL, without the password, of a role that is asked for it."""
    execute(
        own_server.url,
        f"CREATE ROLE reader LOGIN IN ROLE asked PASSWORD $${PASSWORD}$$",
        "GRANT SELECT ON tenants, tenant_settings, model_catalog TO reader",
    )
    return f"postgresql://reader@127.0.0.1:{own_server.port}/postgres"


@pytest.fixture
def no_password(monkeypatch, tmp_path):
    """Take away whatever password this machine's user has."""
    for name in ("PGPASSWORD", "PGSERVICEFILE", "PGSERVICE", "PGHOST", "PGUSER", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))


def with_password(url, password):
    """Return the URL with a password in it, percent-encoded."""
    return url.replace("reader@", f"reader:{quote(password, safe='')}@")


@pytest.mark.usefixtures("no_password")
@pytest.mark.parametrize("way", ["url", "query", "PGPASSWORD", "passfile", "env", "env and file"])
def test_password_comes_in_any_of_the_usual_ways(asked, monkeypatch, tmp_path, way):
    """From a URL, given or in the environment, from PGPASSWORD, or from .pgpass."""
    source, secret = asked, tmp_path / "pgpass"
    if way == "url":
        source = with_password(asked, PASSWORD)
    elif way == "query":
        source = f"{asked}?password={quote(PASSWORD, safe='')}"
    elif way == "PGPASSWORD":
        monkeypatch.setenv("PGPASSWORD", PASSWORD)
    elif way == "env":
        monkeypatch.setenv("DATABASE_URL", with_password(asked, PASSWORD))
        source = "env:DATABASE_URL"
    if "file" in way:
        escaped = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
        secret.write_text(f"127.0.0.1:*:postgres:reader:{escaped}\n", encoding="utf-8")
        secret.chmod(0o600)
        monkeypatch.setenv("PGPASSFILE", str(secret))
    if way == "env and file":
        monkeypatch.setenv("DATABASE_URL", asked)
        source = "env:DATABASE_URL"
    with proven_capture(source, tmp_path / "out.sqlite", tenants=["T1"]) as snapshot:
        host = asked.partition("@")[2].partition("/")[0]
        assert snapshot.manifest["source"]["name"] == f"postgres on {host}"
    content = (tmp_path / "out.sqlite").read_bytes()
    for form in (PASSWORD, quote(PASSWORD, safe=""), "reader"):
        assert form.encode() not in content


@pytest.mark.usefixtures("no_password")
@pytest.mark.parametrize("way", ["url", "query", "PGPASSWORD", "passfile", "env", "none"])
def test_wrong_password_is_one_line_without_it(asked, monkeypatch, tmp_path, way):
    """A refused password is in no message, whichever way it came."""
    wrong, source = f"{PASSWORD}-wrong", asked
    if way in ("url", "env"):
        source = with_password(asked, wrong)
    elif way == "query":
        source = f"{asked}?password={quote(wrong, safe='')}"
    elif way == "PGPASSWORD":
        monkeypatch.setenv("PGPASSWORD", wrong)
    elif way == "passfile":
        (tmp_path / "none").write_text(f"*:*:*:*:{wrong}")
        (tmp_path / "none").chmod(0o600)
    if way == "env":
        monkeypatch.setenv("DATABASE_URL", source)
        source = "env:DATABASE_URL"
    what = "no password supplied" if way == "none" else "password authentication failed"
    with refused(SourceError, what) as caught:
        proven_capture(source, tmp_path / "out.sqlite")
    trace = "".join(traceback.format_exception(caught.value))
    for form in (PASSWORD, quote(PASSWORD, safe=""), "-wrong"):
        assert form not in trace
    assert not (tmp_path / "out.sqlite").exists()


@pytest.mark.parametrize(
    ("url", "what"),
    [
        pytest.param("postgresql://127.0.0.1:1/x", "Connection refused", id="no-server"),
        pytest.param("postgresql:///x?host=/nowhere", "No such file", id="no-socket"),
        pytest.param("postgresql://nobody.invalid/x", "cannot be read", id="no-host"),
    ],
)
def test_server_that_is_not_there_is_a_clear_error(tmp_path, url, what):
    """The driver's reason is given, in one line."""
    with refused(SourceError, what):
        proven_capture(url, tmp_path / "out.sqlite")


@pytest.mark.parametrize(
    "source",
    [
        "postgresql://bob:{}@db..example.com/atom",
        "postgresql://bob:{}@.../atom",
        f"postgresql://bob:{{}}@{'h' * 64}.example.com/atom",
        "postgresql://bob:{}\udcff@127.0.0.1:1/atom",
        "postgresql://bob:{}@127.0.0.1:1/\udcff",
    ],
)
def test_impossible_url_is_one_line_without_its_password(tmp_path, source):
    """A host with an empty or too long part, bytes that are no UTF-8: nothing is repeated."""
    secret = secrets.token_hex(8)
    with refused(SourceError, "URL") as caught:
        proven_capture(source.format(secret), tmp_path / "out.sqlite")
    trace = "".join(traceback.format_exception(caught.value))
    seen, error = "", caught.value
    while error is not None:
        seen, error = seen + repr(error), error.__cause__ or error.__context__
    assert secret not in trace + seen


def test_tenant_whose_name_is_no_text_is_unknown(make_postgres, make_database, tmp_path):
    """Bytes that are no UTF-8 name nobody, and break nothing."""
    for source in (make_postgres(TENANTS), str(make_database(TENANTS))):
        with refused(TenantError, "no tenant"):
            proven_capture(source, tmp_path / "out.sqlite", tenants=["\udcff"])


SECRET = "sk-live0secretvalue"
SCANNER = Scanner({"secret": SECRET, "upper": SECRET.upper()})


def leaks_of_capture(url, out, capfd):
    """Return what a capture says or writes of the secret, and the error that it ends with."""
    error = None
    try:
        proven_capture(url, out).close()
    except SourceError as caught:
        error = caught
        assert is_one_line(str(error))
    printed = "".join(capfd.readouterr())
    content = out.read_bytes() if out.exists() else b""
    return SCANNER.found_in(said(error) + printed.encode() + content), error


@pytest.mark.attack("3 the words of a source")
def test_no_word_of_a_view_is_repeated(make_postgres, tmp_path, capfd):
    """Whatever a view computes of a value, and fails with or warns of, while planned or read."""
    url, failed = make_postgres({"acme": {"OPENAI_API_KEY": SECRET}}), []
    execute(url, SPEAKING, "ALTER TABLE tenant_settings RENAME TO kept")
    for number, (name, functions, value) in tries(enumerate(views_of_postgres()), 2):
        view = (
            "CREATE VIEW tenant_settings AS SELECT id, tenant_id, setting_key,"
            f" ({value})::text AS setting_value FROM kept"
        )
        execute(url, "SET client_min_messages = error", *functions, view)
        found, error = leaks_of_capture(url, tmp_path / f"{number}.sqlite", capfd)
        assert found == [], name
        failed.append(error is not None)
        execute(url, "DROP VIEW tenant_settings")
    assert failed.count(True) > 50
    assert len(failed) - failed.count(True) >= 5  # warnings alone


@pytest.mark.attack("3 the words of a source")
@pytest.mark.parametrize(
    "statements", [pytest.param(s, id=name) for name, s in names_of_postgres(SECRET)]
)
def test_no_word_before_the_first_row_is_repeated(make_postgres, tmp_path, capfd, statements):
    """Functions that stand in for the server's own, greetings, types and collations by a name."""
    url = make_postgres({"acme": {"OPENAI_API_KEY": "x" * 20}})
    execute(url, "SET client_min_messages = error", *statements)
    found, _ = leaks_of_capture(url, tmp_path / "out.sqlite", capfd)
    assert found == []


@pytest.mark.attack("3 the words of a source")
@pytest.mark.parametrize("answer", [pytest.param(a, id=name) for name, a in greetings(SECRET)])
def test_no_word_of_what_is_no_server_is_repeated(tmp_path, capfd, answer):
    """Errors, notices, versions and rows of a server that only says what it likes."""
    with server_that_says(answer) as port:
        url = f"postgresql://postgres@127.0.0.1:{port}/atom?sslmode=disable"
        found, error = leaks_of_capture(url, tmp_path / "out.sqlite", capfd)
    assert error is not None
    assert found == []


def test_unknown_database_or_role_is_a_clear_error(make_postgres, tmp_path):
    """Which of the two is unknown is said."""
    url = make_url(make_postgres({}))
    for other, what in (
        (url.set(database="nowhere"), "the database does not exist"),
        (url.set(username="nobody"), "the role does not exist"),
    ):
        with refused(SourceError, what):
            proven_capture(other.render_as_string(hide_password=False), tmp_path / "out.sqlite")
