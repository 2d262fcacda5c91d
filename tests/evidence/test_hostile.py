"""Names that try to be more than names, from a live database through every command and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from sqlalchemy import text

import atomlab
from atomlab.text import storable
from tests.conftest import ATOM_SCHEMA, POSTGRES_SCHEMA, PRICES
from tests.refusals import is_one_line
from tests.room import Done, Room, Step

# Each is a tenant's id, name, subdomain and plan, and in the names of its settings.
HOSTILE = {
    "sql": "'); DROP TABLE tenants; --",
    "html": "</script><img src=x onerror=alert(1)>",
    "jinja": "{{7*7}}{% raw %}{#",
    "ansi": "\x1b[31mred\x1b]0;title\x07\x9b1m",
    "bidi": "\u202egnp.exe\u2066\u200b\u200f",
    "lines": "one\ntwo\r\u2028three\x85",
    "format": "%s%n{0}${x} [bold red]:boom:[/]",
    "formula": "=cmd|' /C calc'!A0",
    "letters": "ﬀ İ ٣ e\u0301 😀",
    "empty": "",
    "megabyte": "\x1b[31m\u202e<b>" * 100_000,
    "nul": "a\0b",
    "bytes": "\udcff\udc80 no UTF-8",
}
NO_POSTGRES = {"nul", "bytes"}  # its server refuses them
# What is not done, by exit code: no script holds NUL, and a claim about an empty name is none.
REFUSED = {("fix", "nul"): 3, ("hypothesis", "empty"): 1, ("hypothesis --json", "empty"): 1}
ENDS = {"diagnose": 3}  # what a command ends with that is done: the tenants are affected
HELD, COPIED = "MINIMAX_2_7_API_KEY", "MINIMAX_API_KEY"
MINIMAX = ("minimax", "minimax_2_7")  # providers that share the variable COPIED


def tenants(names: Collection[str]) -> list[tuple[str, ...]]:
    """Return the id, name, subdomain and plan of a tenant for each of the hostile texts."""
    return [(handle(name), HOSTILE[name], handle(name), HOSTILE[name]) for name in names]


def handle(name: str) -> str:
    """Return a tenant's id and subdomain; a megabyte fits into no index."""
    return "mega" if name == "megabyte" else HOSTILE[name]


def settings(names: Collection[str]) -> list[tuple[str, ...]]:
    """Return the settings of these tenants: the incident, and some of hostile names."""
    return [
        (f"{name} {key}"[:300], handle(name), key, value)
        for name in names
        for key, value in (
            (HELD, f"sk-{name}-{'4' * 32}"),
            (HOSTILE[name][:200], "Europe/Berlin"),
            (HOSTILE[name][:200] + "_API_KEY", "a-secret-of-no-provider"),
        )
    ]


class Sqlite:
    """An SQLite database with a tenant for every hostile text, as bytes that need be no UTF-8."""

    dialect = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.names, self.source = list(HOSTILE), str(folder / "platform.db")
        with closing(sqlite3.connect(self.source)) as db:
            db.executescript(ATOM_SCHEMA)
            for table, columns, rows in tables(self.names):
                values = ", ".join(["CAST(? AS TEXT)"] * 4)
                db.executemany(
                    f"INSERT INTO {table} ({columns}) VALUES ({values})",
                    [[cell.encode("utf-8", "surrogateescape") for cell in row] for row in rows],
                )
            db.commit()

    def settings(self) -> set[tuple[Any, ...]]:
        """Return all settings, but for their ids."""
        with closing(sqlite3.connect(self.source)) as db:
            db.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
            return {
                *db.execute("SELECT tenant_id, setting_key, setting_value FROM tenant_settings")
            }

    def run(self, script: str) -> None:
        """Run a script."""
        with closing(sqlite3.connect(self.source)) as db:
            db.executescript(script)


class Postgres:
    """A PostgreSQL database with a tenant for every hostile text that it stores."""

    dialect = "postgresql"

    def __init__(self, url: str) -> None:
        self.names, self.source = [name for name in HOSTILE if name not in NO_POSTGRES], url
        with psycopg.connect(url) as db:
            db.execute(POSTGRES_SCHEMA)
            for table, columns, rows in tables(self.names):
                db.cursor().executemany(
                    f"INSERT INTO {table} ({columns}) VALUES (%s, %s, %s, %s)", rows
                )

    def settings(self) -> set[tuple[Any, ...]]:
        """Return all settings, but for their ids."""
        with psycopg.connect(self.source) as db:
            return {
                *db.execute("SELECT tenant_id, setting_key, setting_value FROM tenant_settings")
            }

    def run(self, script: str) -> None:
        """Run a script."""
        with psycopg.connect(self.source, autocommit=True) as db:
            db.execute(script)


def tables(names: Collection[str]) -> list[tuple[str, str, list[tuple[str, ...]]]]:
    """Return what to write: table, columns, rows."""
    return [
        ("tenants", "id, name, subdomain, plan_type", tenants(names)),
        ("tenant_settings", "id, tenant_id, setting_key, setting_value", settings(names)),
    ]


@dataclass(frozen=True)
class Ran:
    """What became of the commands on a database full of hostile names, by command and name."""

    database: Sqlite | Postgres
    snapshot: Path
    done: dict[tuple[str, str], Done]

    def printed(self, command: str) -> dict[str, Any]:
        """Return what a command printed as JSON, by name."""
        return {
            name: json.loads(done.out)
            for (said, name), done in self.done.items()
            if said == f"{command} --json" and (said, name) not in REFUSED
        }


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def ran(request, tmp_path_factory):
    """Run every command on each tenant of a database full of hostile names."""
    folder = tmp_path_factory.mktemp("hostile")
    if request.param == "sqlite":
        database: Sqlite | Postgres = Sqlite(folder)
    else:
        server = request.getfixturevalue("postgres")
        with psycopg.connect(server.get_uri(), autocommit=True) as admin:
            admin.execute("CREATE DATABASE hostile TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
        database = Postgres(server.get_uri(database="hostile"))
    (folder / "prices.json").write_text(json.dumps(PRICES))
    steps = commands(database, folder)
    done = dict(zip(steps, Room(folder / "room").run([*steps.values()]), strict=True))
    return Ran(database, folder / "made.sqlite", done)


def commands(database: Sqlite | Postgres, folder: Path) -> dict[tuple[str, str], Step]:
    """Return the command lines, by command and hostile name, each in words and as JSON."""
    out, source = folder / "made.sqlite", database.source
    given: dict[tuple[str, str], Sequence[object]] = {
        ("capture", ""): ("capture", source, "--out", out, "--pricing", folder / "prices.json"),
        ("show", ""): ("snapshot", "show", out),
        ("verify", ""): ("snapshot", "verify", out),
        ("lint", ""): ("lint", out),
    }
    for name in database.names:
        tenant = ("--tenant", handle(name))
        given["diagnose", name] = ("diagnose", out, *tenant)
        given["hypothesis", name] = ("verify", out, hypothesis(folder, name))
        given["fix", name] = ("fix", out, *tenant, "--dialect", database.dialect)
    as_json = {
        (f"{command} --json", name): (*arguments, "--json")
        for (command, name), arguments in given.items()
        if command not in ("capture", "fix")
    }
    return {
        key: Step(REFUSED.get(key, ENDS.get(key[0].split()[0], 0)), arguments)
        for key, arguments in (given | as_json).items()
    }


def hypothesis(folder: Path, name: str) -> Path:
    """Write the incident's claims about a tenant."""
    path = folder / f"{name}.yaml"
    statement = storable(HOSTILE[name][:99]) or "empty"
    copied = {"setting_key": COPIED, "copy_from": HELD, "provider": "minimax"}
    claims = [
        {"id": "H1", "kind": "key_present", "statement": statement, "setting_key": HELD},
        {"id": "H2", "kind": "client_absent", "statement": statement, "provider": "minimax"},
        {"id": "F1", "kind": "fix_resolves", "statement": statement, **copied},
    ]
    given = {"title": statement, "tenant": storable(handle(name)), "claims": claims}
    path.write_text(yaml.safe_dump(given))
    return path


def check_clean(done: Done) -> None:
    """Assert that a command ended as it should and showed nothing but text; JSON is ASCII."""
    done.check()
    for line in (done.out + done.err).splitlines():
        assert not line or is_one_line(line), (done.step.arguments, line)
    if "--json" in done.step.arguments:
        assert done.out.isascii()


def test_no_command_shows_a_control_or_bidi_character(ran):
    """Whatever a tenant or setting is called, it is shown as text; nothing ends in a traceback."""
    for done in ran.done.values():
        check_clean(done)


def test_decision_on_a_hostile_tenant_is_that_of_the_incident(ran):
    """The key under the alias is the root cause of each, and its copy, run, makes MiniMax win."""
    for name, found in ran.printed("diagnose").items():
        assert found["tenant"]["id"] == storable(handle(name))
        assert found["tenant"]["name"] == found["tenant"]["plan"] == storable(HOSTILE[name])
        assert found["clients"] == ["minimax_2_7"]
        for diagnosis in found["diagnoses"][:3]:
            assert diagnosis["outcome"] == "no-models"
            cause, fix = diagnosis["causes"][0], diagnosis["fix_sets"][0]
            assert (cause["code"], cause["provider"]) == ("key-under-alias", "minimax")
            assert cause["verdict"] == "confirmed"
            assert fix["verified"]
            assert fix["winner_after"]["model"] == "minimax/MiniMax-M2.5"


def test_claims_about_a_hostile_tenant_are_confirmed(ran):
    """A hypothesis names a tenant by any text; what it claims is tested on that tenant."""
    for name, found in ran.printed("hypothesis").items():
        assert found["verdict"] == "confirmed"
        assert [claim["verdict"] for claim in found["claims"]] == ["confirmed"] * 3
        assert found["tenant"] == storable(handle(name))


def test_names_of_settings_leave_only_if_they_may(ran):
    """Of hostile names none is kept but the one that is a key's; the others are counted."""
    with atomlab.open_snapshot(ran.snapshot) as snapshot:
        names = snapshot.session.execute(
            text("SELECT tenant_id, setting_key FROM tenant_settings WHERE setting_key <> :held"),
            {"held": HELD},
        ).all()
        counts = snapshot.session.execute(text("SELECT id, unnamed_settings FROM tenants")).all()
    assert names == [("", "_API_KEY")]
    assert dict(counts) == {
        storable(handle(name)): 1 if name == "empty" else 2 for name in ran.database.names
    }


def test_scripts_do_on_the_database_what_they_should_and_no_more(ran):
    """Each tenant gets the one row that it lacks, with its own value; a new capture is cured.

    A script for a name that was not UTF-8 finds no such tenant, and changes nothing.
    """
    before = ran.database.settings()
    for (command, name), done in ran.done.items():
        if command == "fix" and name == "bytes":
            with pytest.raises(sqlite3.IntegrityError, match="the tenant is not in this database"):
                ran.database.run(done.out)
        elif command == "fix" and name != "nul":
            ran.database.run(done.out)
    cured = [name for name in ran.database.names if name not in NO_POSTGRES]
    added = {(handle(name), COPIED, settings([name])[0][3]) for name in cured}
    assert ran.database.settings() == before | added
    out, prices = ran.snapshot.with_name("cured.sqlite"), ran.snapshot.with_name("prices.json")
    with atomlab.capture(ran.database.source, out, pricing=prices) as snapshot:
        for name in cured:
            found = atomlab.diagnose(snapshot, handle(name))
            assert [d.outcome for d in found.requests[:3]] == ["ranked"] * 3


def test_what_files_say_is_shown_as_text_too(make_database, write_json, tmp_path):
    """Hostile ids in registry, prices, catalogue and rules change neither output nor decision."""
    ids = [given[:9999] for name, given in HOSTILE.items() if name not in ("empty", "bytes")]
    ids.append("\ud800")  # as JSON may spell what no database stores
    minimax = {"api_key_env_var": COPIED}
    providers = [{"id": each, "api_key_env_var": each} for each in ids]
    prices = {
        model: {"litellm_provider": each, "mode": each, "max_output_tokens": each}
        for each in ids
        for model in (each, f"minimax/{each}")
    }
    documents = {
        "providers": {"providers": [*providers, *({"id": p, **minimax} for p in MINIMAX)]},
        "pricing": {"pricing": prices | PRICES, "last_fetch": ids[3], "source": ids[4]},
        "catalog": [{"model_id": each, "capabilities": [each]} for each in ids],
    }
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump({"name": ids[3], "based_on": "hosted-2026-05"}))
    keys = {storable(f"{each[:200]}_API_KEY".upper()): "sk-" + "4" * 32 for each in ids}
    out = tmp_path / "made.sqlite"
    source = make_database({"acme": {HELD: "sk-" + "5" * 32, **keys}})
    options = [x for n, d in documents.items() for x in (f"--{n}", write_json(d, f"{n}.json"))]
    options += ["--rules", rules, "--operator", ids[3]]
    given = [["snapshot", "show", out], ["lint", out], ["diagnose", out, "--tenant", "acme"]]
    done = Room(tmp_path / "room").run(
        [Step(0, ("capture", source, "--out", out, *options))]
        + [
            Step(ENDS.get(each[0], 0), (*each, *more))
            for more in ((), ("--json",))
            for each in given
        ]
    )
    for one in done:
        check_clean(one)
    shown, _, found = (json.loads(one.out) for one in done[-3:])
    assert shown["operator"] == shown["rules"] == ids[3]
    assert shown["pricing"]["last_fetch"] is None
    assert shown["pricing"]["source"] == "withheld"
    cause = found["diagnoses"][0]["causes"][0]
    assert (cause["code"], cause["provider"]) == ("key-under-alias", "minimax")
