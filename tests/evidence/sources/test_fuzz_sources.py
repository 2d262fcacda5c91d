"""Whatever a platform database holds, it is captured or refused: no crash, no hang, no flood."""

from __future__ import annotations

import functools
import tempfile
from collections import Counter
from pathlib import Path

import pytest

import atomlab
from tests.apart import apart
from tests.forgery import ENDLESS, FLOOD, SCHEMA, changed, mutated, write_platform
from tests.refusals import loaded

VIEW = "DROP TABLE tenants; CREATE VIEW tenants AS"
# What a platform database may hold, though no platform made it.
FORGED_SOURCES = {
    "endless-tenants": f"{VIEW} {ENDLESS} 'id-' || n AS id, 'n' AS name FROM r",
    "endless-settings": f"DROP TABLE tenant_settings; CREATE VIEW tenant_settings AS {ENDLESS}"
    " 'id-other' AS tenant_id, 'K' || n AS setting_key, 'v' AS setting_value FROM r",
    "endless-catalogue": f"DROP TABLE model_catalog; CREATE VIEW model_catalog AS {ENDLESS}"
    " 'm' || n AS model_id, '[]' AS capabilities FROM r",
    "view-of-itself": f"{VIEW} SELECT id, name FROM tenants",
    "flood": f"{VIEW} SELECT 'id-other' AS id, {FLOOD} AS name",
    "generated-flood": "DROP TABLE tenants; CREATE TABLE tenants (id, name TEXT GENERATED ALWAYS"
    f" AS ({FLOOD})); INSERT INTO tenants VALUES ('id-other')",
    "null-id": "INSERT INTO tenants (id, name) VALUES (NULL, 'n')",
    "two-null-ids": "INSERT INTO tenants (id, name) VALUES (NULL, 'n'), (NULL, 'm')",
    "unknown-collation": f"{SCHEMA} sql = replace(sql, 'id VAR', 'id COLLATE x VAR')"
    " WHERE name = 'tenants'",
    "no-sense": f"{SCHEMA} sql = 'CREATE \x1b[31m' WHERE name = 'tenants'",
    "odd-flag": "INSERT INTO model_catalog VALUES ('m', '[]', 'perhaps')",
    "ids-that-collide": "INSERT INTO tenants (id, name) VALUES (CAST(x'ff' AS TEXT), 'n'),"
    " ('\\udcff', 'm')",
}
ODD_SOURCES = {
    "view": f"ALTER TABLE tenants RENAME TO t; {VIEW.partition(';')[2]} SELECT * FROM t",
    "virtual-table": "DROP TABLE tenants; CREATE VIRTUAL TABLE tenants USING fts5(id, name);"
    " INSERT INTO tenants VALUES ('id-other', 'n')",
    "without-rowid": "DROP TABLE tenants; CREATE TABLE tenants (id TEXT PRIMARY KEY, name TEXT)"
    " WITHOUT ROWID; INSERT INTO tenants VALUES ('id-other', 'n')",
    "a-column-rowid": "ALTER TABLE tenant_settings ADD COLUMN rowid TEXT",
    "ids-that-differ-by-case": "DROP TABLE tenants; CREATE TABLE tenants (id COLLATE NOCASE, name);"
    " INSERT INTO tenants VALUES ('id-other', 'n'), ('ID-OTHER', 'm')",
    "blobs": "UPDATE tenants SET id = CAST(id AS BLOB), name = x'ff00'; UPDATE tenant_settings"
    " SET tenant_id = CAST(tenant_id AS BLOB), setting_key = CAST(setting_key AS BLOB)",
    "key-of-a-tenant-that-is-no-utf8": "INSERT INTO tenants (id, name) VALUES"
    " (CAST(x'ff' AS TEXT), 'n'); INSERT INTO tenant_settings (tenant_id, setting_key,"
    " setting_value) VALUES (CAST(x'ff' AS TEXT), 'GROQ_API_KEY', 'x')",
    "ids-with-nul": "INSERT INTO tenants (id, name) VALUES ('a' || char(0) || 'b', 'n'),"
    " ('a' || char(0) || 'c', 'm'), ('a', 'o')",
    "null-key": "INSERT INTO tenant_settings (tenant_id) VALUES ('id-other')",
    "key-of-nobody": "INSERT INTO tenant_settings (tenant_id, setting_key)"
    " VALUES ('nobody', 'X_API_KEY')",
    "deep-catalogue": f"INSERT INTO model_catalog VALUES ('m', '{'[' * 100_000}', 0)",
    "catalogue-without-ids": "INSERT INTO model_catalog VALUES (NULL, NULL, NULL), (NULL, 1, 1)",
    "unreadable-times": "UPDATE tenant_settings SET created_at = 'yesterday', id = x'ff'",
    "trigger": "CREATE TRIGGER t AFTER INSERT ON tenants BEGIN SELECT 1; END",
}


def try_capture(content: bytes) -> bool:
    """Return whether a database of this content is captured; if not, nothing is left of it."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "source.db"), Path(folder, "out.sqlite")
        source.write_bytes(content)
        found = loaded(
            functools.partial(atomlab.capture, statement_timeout_s=0.5), str(source), out
        )
        if found is None:
            assert [*Path(folder).iterdir()] == [source]
            return False
        with found:
            found.verify()
        return True


def capture_forgery(content: bytes, script: str) -> bool:
    """Try to capture what a script makes of a database."""
    return try_capture(changed(content, script))


def capture_mutation(content: bytes, seed: int) -> bool:
    """Try to capture the mutation of a database."""
    return try_capture(mutated(content, seed))


@pytest.mark.parametrize(
    ("scripts", "captured"), [(FORGED_SOURCES, False), (ODD_SOURCES, True)], ids=["forged", "odd"]
)
def test_forged_source_is_refused_and_an_odd_one_captured(tmp_path, scripts, captured):
    """Queries that never end or flood the memory are stopped; what can be read is captured."""
    write_platform(tmp_path / "source.db")
    look = functools.partial(capture_forgery, (tmp_path / "source.db").read_bytes())
    outcomes = dict(apart(look, [*scripts.values()]))
    assert [name for name, script in scripts.items() if outcomes[script] is not captured] == []


def test_mutated_source_is_captured_or_refused(tmp_path):
    """A damaged database gives a snapshot that verifies, or one clear line and no file."""
    write_platform(tmp_path / "source.db")
    looks = apart(
        functools.partial(capture_mutation, (tmp_path / "source.db").read_bytes()), range(90)
    )
    assert Counter(captured for _, captured in looks).keys() == {True, False}
