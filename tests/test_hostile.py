"""Whatever stands in a database's names: every command shows it as text, and decides rightly."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import psycopg
import pytest

from atomlab.capturing.capture import capture as proven_capture
from atomlab.errors import TenantError
from tests.refusals import is_one_line, refused

KEY = "sk-" + "8" * 40
NAMES = {
    "sql": "Robert'); DROP TABLE tenants;--",
    "html": "</script><img src=x onerror=alert(1)>",
    "jinja": "{{7*7}} {% raw %} ${7*7}",
    "markdown": "[x](javascript:alert(1)) `code` *b*",
    "rich": "[bold red]not markup[/bold red]",
    "cells": "=cmd|' /C calc'!A0",
    "ansi": "\x1b[31mred\x1b[0m\x07",
    "bidi": "Acme \u202egnp.exe\u2066\u200b",
    "breaks": "one\ntwo\r\nthree\u2028four\tfive",
    "format": "%s %(x)s {0} {name}",
    "long": "M" * 1_000_000,
    "empty": "",
    "emoji": "👩‍💻 ünï — 名前",
}
UNSTORABLE_IN_POSTGRES = {"nul": "a\0b", "broken": b"A\xff\xfeB"}


@pytest.fixture
def run(run, monkeypatch):
    """Return a function that runs a command on a screen of 100 columns: (code, out, err)."""
    monkeypatch.setenv("COLUMNS", "100")
    return run


def names_for(kind):
    """Return the hostile names that a database of this kind can hold."""
    return NAMES | (UNSTORABLE_IN_POSTGRES if kind == "sqlite" else {})


@pytest.fixture(params=["sqlite", "postgresql"])
def hostile(request, make_database, make_postgres):
    """Return (kind, source): a tenant for each name, which is its name and a setting's value."""
    kind = request.param
    names = names_for(kind)
    healthy = {"DEEPSEEK_API_KEY": KEY}
    tenants = dict.fromkeys(names, healthy)
    if kind == "postgresql":
        source = make_postgres(tenants)
        with psycopg.connect(source) as db:
            for case, name in names.items():
                db.execute(
                    "UPDATE tenants SET name = %s, plan_type = left(%s, 300) WHERE subdomain = %s",
                    (name, name, case),
                )
        return kind, source
    path = make_database(tenants)
    with closing(sqlite3.connect(path)) as db:
        for case, name in names.items():
            db.execute(
                "UPDATE tenants SET name = CAST(? AS TEXT), plan_type = CAST(? AS TEXT)"
                " WHERE subdomain = ?",
                (name, name, case),
            )
        db.commit()
    return kind, str(path)


def all_lines_are_plain(text):
    """Return whether each line is printable, whatever names are in it."""
    return all(is_one_line(line) for line in text.split("\n") if line)


def test_names_are_kept_as_they_are(hostile, tmp_path):
    """A name is evidence: it is stored as it was, bytes that are no text escaped."""
    kind, source = hostile
    with proven_capture(source, tmp_path / "out.sqlite") as snapshot:
        for case, name in names_for(kind).items():
            shown = name if isinstance(name, str) else "A\\udcff\\udcfeB"
            assert snapshot.tenant(f"id-{case}").name == shown
        snapshot.verify()


def test_keys_of_settings_may_be_hostile_too(make_database, prices, tmp_path, run):
    """Near misses in odd characters are shown as text; all other names are only counted."""
    near = ["\x1bopenai\x07_api_key", "\u202eOPENAI\u202c API KEY", "groq\napi\nkey", "<mistral>"]
    others = [*(str(n) for n in NAMES.values()), "x'; DROP TABLE tenant_settings;--"]
    source = make_database({"acme": dict.fromkeys([*near, *others], KEY)})
    out = tmp_path / "out.sqlite"
    assert run("capture", source, "--out", out, "--pricing", prices)[0] == 0
    code, said, err = run("diagnose", out, "--tenant", "acme")
    assert code == 3
    assert all_lines_are_plain(said + err)
    with closing(sqlite3.connect(out)) as db:
        assert {name for (name,) in db.execute("SELECT setting_key FROM tenant_settings")} == {
            *near
        }
        assert db.execute("SELECT unnamed_settings FROM tenants").fetchone() == (len(others),)
    code, said, err = run("fix", out, "--tenant", "acme")
    assert code in (0, 3)
    assert all_lines_are_plain(err)


def test_id_may_be_hostile_too(make_database, prices, tmp_path):
    """A tenant's id is only ever a value: narrowing to it finds it and nothing else."""
    source = make_database({"acme": {"DEEPSEEK_API_KEY": KEY}, "beta": {}})
    for number, name in enumerate([*NAMES.values(), "' OR 1=1 --", "%", "_"]):
        with closing(sqlite3.connect(source)) as db:
            db.execute("UPDATE tenants SET id = ? WHERE subdomain = 'acme'", (name,))
            db.execute("UPDATE tenant_settings SET tenant_id = ?", (name,))
            db.commit()
        out = tmp_path / f"{number}.sqlite"
        with proven_capture(str(source), out, tenants=["acme"], pricing=prices) as snapshot:
            rows = {table: about["rows"] for table, about in snapshot.manifest["tables"].items()}
            assert (rows["tenants"], rows["tenant_settings"]) == (1, 1)


def test_unknown_hostile_tenant_is_one_line(captured):
    """What is asked for comes back in the error as text."""
    snapshot = captured({"acme": {}})
    for name in NAMES.values():
        with refused(TenantError, "no tenant"):
            snapshot.tenant(name + "?")
