"""No secret of a platform database gets out: by no file, no output, no log and no error."""

from __future__ import annotations

import base64
import codecs
import gzip
import hashlib
import html
import io
import json
import logging
import random
import re
import signal
import sqlite3
import time
import traceback
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, quote, quote_plus, urlsplit

import nbformat
import psycopg
import pytest
from nbformat.v4 import new_code_cell
from psycopg import sql
from sqlalchemy import text

import atomlab
from atomlab.errors import AtomlabError, SourceError
from atomlab.evidence.schema import SNAPSHOT_TABLES
from atomlab.report.notebooks import shipped_notebook
from tests.attacks import tries
from tests.canaries import MANY, SECRETS, Scanner, made_up
from tests.conftest import ROOT
from tests.refusals import is_one_line, said
from tests.room import Room, Step

PUBLIC = "open-source-2026-05"
BRENNAN = str(ROOT / "data" / "hypotheses" / "brennan-minimax.yaml")
MEGABYTE = "OPENROUTER_API_KEY"
SETTINGS = {
    "OPENAI_API_KEY": SECRETS["hex"],
    "GROQ_API_KEY": SECRETS["pin"],
    "MISTRAL_API_KEY": SECRETS["json"],
    "GEMINI_API_KEY": SECRETS["pem"],
    "DEEPSEEK_API_KEY": SECRETS["percent"],
    "MOONSHOT_API_KEY": SECRETS["nfc"],
    "XAI_API_KEY": SECRETS["nfd"],
    "LUX_API_KEY": SECRETS["fernet"],
    "OLLAMA_API_KEY": SECRETS["quoted"],
    MEGABYTE: SECRETS["megabyte"],
    "QWEN_API_KEY": SECRETS["padded"],
    "ANTHROPIC_API_KEY": SECRETS["markup"],
    "openai-api-key": SECRETS["terminal"],
    "DATABASE_URL": SECRETS["url"],
    SECRETS["name"]: SECRETS["name"],
}
# A tenant that works, with settings of every kind of name, near enough to a key's and not.
_NAMES = ("GROQ_API_KEY_{}", "PLUGIN_{}", "WEBHOOK_{}_URL", "MISTRAL_TOKEN_{}")
VAULT = {_NAMES[n % 4].format(n): secret for n, secret in enumerate(MANY.values())}
TENANTS = {
    "acme": SETTINGS,
    "brennan": {"MINIMAX_2_7_API_KEY": SECRETS["hex"]},
    "vault": {"OPENAI_API_KEY": SECRETS["hex"], **VAULT},
}
ROLE = "atomlab_canary"
KINDS = ("sqlite", "postgresql")
SLOW_ON_A_SERVER = ("sqlite", pytest.param("postgresql", marks=pytest.mark.slow))
NOTHING: list[str] = []


@pytest.fixture(scope="module")
def scanner():
    """Return a scanner that looks for every canary."""
    return Scanner(SECRETS | MANY)


# The scanner itself


def a_part_of(secret):
    """Return a stretch of a secret, as of a message that was cut: two pieces, off their bounds."""
    return secret[5:29] if len(secret) > 24 else secret


WAYS_OUT: dict[str, Callable[[str], bytes]] = {
    "raw": lambda text: b"<" + text.encode() + b">",
    "cut": lambda text: a_part_of(text).encode(),
    "composed": lambda text: unicodedata.normalize("NFC", text).encode(),
    "decomposed": lambda text: unicodedata.normalize("NFD", text).encode(),
    **{
        f"base64, {before} bytes before": lambda text, n=before: base64.b64encode(
            b"\xfe" * n + text.encode() + b"after"
        )
        for before in range(3)
    },
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(b"ab" + text.encode()),
    "base64 in lines": lambda text: base64.encodebytes(b"x" * 50 + text.encode()),
    "base64 in a notebook": lambda text: json.dumps(
        base64.encodebytes(text.encode()).decode()
    ).encode(),
    "hex": lambda text: codecs.encode(text.encode(), "hex"),
    "HEX": lambda text: text.encode().hex().upper().encode(),
    "hex in pairs": lambda text: text.encode().hex(" ", 2).encode(),
    "URL": lambda text: quote(text, safe="").encode(),
    "URL, lower case": lambda text: re.sub("%..", lambda m: m[0].lower(), quote(text)).encode(),
    "form": lambda text: quote_plus(text).encode(),
    "JSON": lambda text: json.dumps({"value": text}).encode(),
    "JSON, not ASCII": lambda text: json.dumps([text], ensure_ascii=False).encode(),
    "JSON in JSON": lambda text: json.dumps(json.dumps([text])).encode(),
    "HTML": lambda text: html.escape(f"<td>{text}</td>").encode(),
    "repr": lambda text: repr({"value": text}).encode(),
    "ASCII": lambda text: ascii([text]).encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16, big end first": lambda text: text.encode("utf-16-be"),
    "gzip": lambda text: gzip.compress(f"a {text} b".encode()),
    "zip": lambda text: zipped("member", f"a {text} b".encode()),
    "zip in gzip": lambda text: gzip.compress(zipped("member", text.encode())),
    "name in a zip": lambda text: zipped(quote(a_part_of(text), safe=""), b""),
    "sha256": lambda text: hashlib.sha256(text.encode()).hexdigest().encode(),
}


def zipped(name, content):
    """Return a compressed archive with one member."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as members:
        members.writestr(name, content)
    return archive.getvalue()


@pytest.mark.parametrize("way", WAYS_OUT)
def test_scanner_finds_every_canary_in_every_form(scanner, way):
    """Each shape is found, and named, whichever way it got out."""
    length = None if way == "sha256" else 5000  # the megabyte repeats itself
    missed = [
        name
        for name, secret in SECRETS.items()
        if f"there: {name}" not in scanner.found_in(WAYS_OUT[way](secret[:length]), "there")
    ]
    assert missed == []


def test_scanner_finds_what_stands_in_files_and_their_names(scanner, tmp_path):
    """Folders are searched wholly, and so are open files that have no name any more."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_text(SECRETS["pin"])
    (tmp_path / "deep" / f"of {SECRETS['hex']}").touch()
    found = scanner.found_in_folder(tmp_path)
    assert [line.rpartition(": ")[2] for line in found] == ["pin", "hex"]
    with (tmp_path / "gone").open("w+") as stream:
        stream.write(SECRETS["fernet"])
        stream.flush()
        (tmp_path / "gone").unlink()
        found = scanner.found_in_open_files("self")
        assert [line for line in found if "gone" in line and line.endswith(": fernet")]


def test_scanner_finds_nothing_in_what_is_clean(scanner, shipped):
    """Prices, hashes, notebooks and noise hold no canary: a find is a leak."""
    assert scanner.found_in_folder(ROOT / "data") == NOTHING
    assert scanner.found_in_folder(ROOT / "notebooks") == NOTHING
    noise = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(30_000))
    for content in (noise, base64.b64encode(noise), noise.hex().encode()):
        assert scanner.found_in(content) == NOTHING


# Commands, each with a file system of its own


@pytest.fixture
def room(tmp_path):
    """Return an empty room."""
    return Room(tmp_path / "room")


@pytest.fixture(scope="module")
def login(postgres) -> Iterator[str]:
    """Return a role of the server that logs in with a canary for its password, as `user:…@`."""
    rules = Path(postgres.pgdata) / "pg_hba.conf"
    before = rules.read_text()
    with psycopg.connect(postgres.get_uri(), autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                sql.Identifier(ROLE), sql.Literal(SECRETS["password"])
            )
        )
        rules.write_text(f"local all {ROLE} scram-sha-256\n{before}")
        admin.execute("SELECT pg_reload_conf()")
        _await_passwords(postgres)
        yield f"{ROLE}:{quote(SECRETS['password'], safe='')}@"
        rules.write_text(before)
        admin.execute("SELECT pg_reload_conf()")
        admin.execute(f"DROP ROLE {ROLE}")


def _await_passwords(server):
    """Return as soon as the server asks the role for a password."""
    url = server.get_uri().replace("postgres:@", f"{ROLE}:wrong@")
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            return
        time.sleep(0.02)
    raise AssertionError("the server asks for no password")


@pytest.fixture
def sources(make_database, make_postgres, login):
    """Return a function that makes a database with every canary in it, and SQL run on it.

    It returns what capture takes for its SOURCE.
    """
    platform = (SECRETS["platform"], SECRETS["billing"])

    def make(kind, *scripts):
        if kind == "sqlite":
            path = make_database(TENANTS)
            with closing(sqlite3.connect(path)) as db:
                db.execute("UPDATE tenants SET api_key = ?, billing_email = ?", platform)
                db.commit()
                for script in scripts:
                    db.executescript(script)
            return str(path)
        url = make_postgres(TENANTS)
        with psycopg.connect(url) as db:
            db.execute("UPDATE tenants SET api_key = %s, billing_email = %s", platform)
            for script in scripts:
                db.execute(script)
            db.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {ROLE}")
        return url.replace("postgres:@", login)

    return make


def captures(source, prices):
    """Return captures that succeed, and ones that fail, of a source that the environment names."""
    env = {"SOURCE_URL": source}
    start = ("capture", "env:SOURCE_URL", "--pricing", prices, "--out")
    wide = (*start, "snap.sqlite", "--key-file", "fingerprints.key")
    return [
        Step(0, wide, env),
        Step(0, (*wide, "--overwrite", "--operator", "Ada <ada@example.org>"), env),
        Step(0, (*start, "one.sqlite", "--tenant", "acme", "--parent", "snap.sqlite"), env),
        Step(1, wide, env),
        Step(1, (*start, "none.sqlite", "--tenant", "nobody"), env),
        Step(1, (*start, "missing/none.sqlite"), env),
        Step(1, (*start, "/proc/none.sqlite"), env),
        Step(1, (*start, "none.sqlite"), env, file_bytes=20_000),
        Step(1, (*start, "none.sqlite"), env, file_bytes=0),
        Step(2, (*start, "none.sqlite", "--statement-timeout", "soon"), env),
        Step(2, (*start, "none.sqlite", "--unknown"), env),
        Step(2, (*start, "none.sqlite", source), env),
    ]


FORMATS = ("md", "html", "docx", "pdf")


def uses(snapshot, code):
    """Return every command that reads a snapshot, with the exit code of them all.

    Where they can look (0), those that say whether a tenant is affected end with 3.
    """
    acme, brennan = ("--tenant", "acme"), ("--tenant", "brennan")
    report = ("--hypothesis", BRENNAN, "--out", "report")
    commands = [
        ("snapshot", "show", snapshot),
        ("snapshot", "show", snapshot, "--json"),
        ("snapshot", "verify", snapshot),
        ("snapshot", "verify", snapshot, "--json"),
        ("diagnose", snapshot, *acme),
        ("diagnose", snapshot, *acme, "--json"),
        ("diagnose", snapshot, *brennan),
        ("diagnose", snapshot, *brennan, "--json"),
        ("fleet", snapshot, "--csv", "fleet.csv"),
        ("fleet", snapshot, "--json"),
        ("verify", snapshot, BRENNAN),
        ("verify", snapshot, BRENNAN, "--json"),
        ("fix", snapshot, *brennan),
        ("fix", snapshot, *brennan, "--dialect", "sqlite", "--out", "fix.sql"),
        ("lint", snapshot),
        ("lint", snapshot, "--json"),
        ("report", snapshot, *brennan, *report, "--format", "pdf"),
        ("report", snapshot, "--all-affected", "--out", "batch"),
        *(("postmortem", "report/findings.json", "--out", f"told.{e}") for e in FORMATS),
    ]
    affected = {"diagnose", "fleet", "--all-affected"}
    return [
        Step(3 if code == 0 and affected & set(command) else code, command) for command in commands
    ]


def failing_uses(folder, kind):
    """Return commands that fail on a sound snapshot; the last leaves a notebook that failed."""
    notebook = nbformat.read(shipped_notebook("root_cause_verification"), as_version=4)
    place = next(
        n for n, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])
    )
    failing = (
        "import os, time, atomlab\n"
        "def fail(evidence, *_):\n"
        "    time.sleep(float(os.environ.get('SLEEP', 0)))\n"
        "    raise RuntimeError('no case of ' + repr(evidence))\n"
        "atomlab.investigate = fail\n"
    )
    notebook.cells.insert(place + 1, new_code_cell(failing))
    (folder / "own").mkdir()
    nbformat.write(notebook, folder / "own" / "failing.ipynb")
    brennan = ("--tenant", "brennan")
    report = ("report", "snap.sqlite", *brennan, "--hypothesis", BRENNAN)
    failed = (*report, "--notebook", str(folder / "own" / "failing.ipynb"), "--out", "failed")
    slow = "0" if kind == "sqlite" else "99"
    return [
        Step(1, ("diagnose", "snap.sqlite", "--tenant", "nobody")),
        Step(1, ("fix", "snap.sqlite", "--tenant", "nobody")),
        Step(1, ("fix", "snap.sqlite", *brennan, "--out", "missing/fix.sql")),
        Step(1, ("verify", "snap.sqlite", "missing.yaml")),
        Step(1, (*report, "--out", "/proc/report")),
        Step(1, (*failed, *(() if slow == "0" else ("--timeout", "9"))), {"SLEEP": slow}),
    ]


def damaged(snapshot):
    """Return a copy of a snapshot in which a byte is another."""
    content = bytearray(snapshot.read_bytes())
    content[len(content) // 2] ^= 1
    snapshot.with_name("damaged.sqlite").write_bytes(content)
    return snapshot.with_name("damaged.sqlite")


def leaks(scanner, room, done):
    """Return the canaries that commands printed or left in their room."""
    printed = [
        f"{[*map(str, one.step.arguments)]}: {leak}"
        for one in done
        for leak in scanner.found_in(one.shown, "printed")
    ]
    return printed + scanner.found_in_folder(room.folder)


@pytest.mark.attack("0 canaries through every command and failure")
@pytest.mark.parametrize("kind", SLOW_ON_A_SERVER)
def test_no_command_lets_a_canary_out(room, sources, prices, scanner, tmp_path, kind):
    """Capture, show, verify, diagnose, fix, lint, report and postmortem print and write no secret.

    Nor do they failing. Home, temporary folder and working folder are searched wholly: snapshots,
    notebooks, HTML, PDF, DOCX, JSON, SQL, and whatever else was left.
    """
    done = room.run([*captures(sources(kind), prices), *uses("snap.sqlite", 0)])
    broken = damaged(room.folder / "snap.sqlite")
    done += room.run([*uses(broken, 1), *failing_uses(tmp_path, kind)])
    for one in done:
        one.check()
    written = {str(path.relative_to(room.folder)) for path in room.folder.rglob("*")}
    assert {"snap.sqlite", "fix.sql", "batch/index.html"} <= written
    assert {f"report/{name}" for name in ("report.html", "report.pdf", "findings.json")} <= written
    assert {f"told.{ending}" for ending in FORMATS} <= written
    assert "failed/notebook.partial.ipynb" in written
    assert "none.sqlite" not in written
    assert leaks(scanner, room, done) == NOTHING
    key = Scanner({"key": (room.folder / "fingerprints.key").read_text().strip()})
    assert leaks(key, room, done) == ["fingerprints.key: key"]


@pytest.mark.attack("9 files that others may write")
@pytest.mark.parametrize("umask", [pytest.param(0, marks=pytest.mark.slow), 0o002, 0o077])
def test_nothing_that_is_written_can_be_changed_by_others(make_database, room, prices, umask):
    """Snapshot, key, report, batch, scripts, postmortems: only oneself may, whatever the umask."""
    source = make_database({"acme": {}, "brennan": {"MINIMAX_2_7_API_KEY": "x" * 30}})
    given = set(room.folder.rglob("*"))
    wide = ("capture", source, "--pricing", prices, "--out", "snap.sqlite", "--key-file", "k")
    steps = [Step(0, wide), *uses("snap.sqlite", 0)]
    kept = [s for s in steps if {"capture", "fix", "report", "postmortem"} & {s.arguments[0]}]
    for one in room.run(kept if umask == 0 else kept[:3], umask):
        one.check()
    written = [p for p in room.folder.rglob("*") if p not in given and "home" not in p.parts]
    if umask == 0:
        assert {"snap.sqlite", "k", "fix.sql", "told.pdf", "report.pdf"} <= {
            p.name for p in written
        }
    assert {str(p): oct(p.stat().st_mode) for p in written if p.stat().st_mode & 0o022} == {}
    assert oct((room.folder / "k").stat().st_mode & 0o777) == "0o600"


# A capture that fails, and what its errors and logs say

PLAIN = made_up("password")  # the part of the canary password that needs no escaping
VIEW = (
    "ALTER TABLE tenant_settings RENAME TO kept;"
    "CREATE VIEW tenant_settings AS"
    " SELECT id, tenant_id, setting_key, {} AS setting_value, created_at FROM kept"
)
BREAKING = {
    "sqlite": {
        "no table": "DROP TABLE tenant_settings",
        "no column": "ALTER TABLE tenant_settings DROP COLUMN setting_value",
        "no names": "UPDATE tenants SET name = NULL",
        "nobody's settings": "UPDATE tenant_settings SET tenant_id = NULL",
        "odd catalogue": "INSERT INTO model_catalog VALUES ('model', '[]', 'maybe')",
        "values that fail": VIEW.format("json_extract(setting_value, '$.key')"),
    },
    "postgresql": {
        "no table": "DROP TABLE tenant_settings",
        "no column": "ALTER TABLE tenant_settings DROP COLUMN setting_value",
        "no names": "ALTER TABLE tenants ALTER name DROP NOT NULL; UPDATE tenants SET name = NULL",
        "nobody's settings": "ALTER TABLE tenant_settings ALTER tenant_id DROP NOT NULL;"
        "UPDATE tenant_settings SET tenant_id = NULL",
        "values that are not numbers": VIEW.format("CAST(setting_value AS integer)"),
        "values that are no JSON": VIEW.format("CAST(CAST('{' || setting_value AS json) AS text)"),
        "values that are too long": "CREATE DOMAIN short AS text CHECK (length(VALUE) < 5);"
        + VIEW.format("CAST(setting_value AS short)"),
        "values that a function quotes": "CREATE FUNCTION plain(text) RETURNS text"
        " LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'cannot decrypt %', $1; END $$;"
        + VIEW.format("plain(setting_value)"),
    },
}


@pytest.mark.attack("0 canaries through every command and failure")
@pytest.mark.parametrize(("kind", "what"), [(kind, w) for kind in KINDS for w in BREAKING[kind]])
def test_no_error_holds_a_canary(sources, room, scanner, kind, what):
    """What cannot be captured is said without a value, in the whole chain of exceptions."""
    source, out = sources(kind, BREAKING[kind][what]), room.folder / "out.sqlite"
    with pytest.raises(SourceError) as caught:
        atomlab.capture(source, out, key_file=room.folder / "key")
    assert is_one_line(str(caught.value))
    assert scanner.found_in(said(caught.value)) == NOTHING
    assert sorted(path.name for path in room.folder.iterdir()) == ["home", "tmp"]


@pytest.mark.attack("0 canaries through every command and failure")
@pytest.mark.parametrize("form", ["env", "json", "yaml"])
@pytest.mark.parametrize("option", ["pricing", "providers", "catalog", "rules", "key_file"])
def test_a_file_of_secrets_given_by_mistake_is_not_quoted(
    make_database, tmp_path, scanner, option, form
):
    """A wrong file is refused without a word of it: it may be the one with the passwords."""
    given, lines = tmp_path / f"given.{form}", {"env": "{}={}\n", "yaml": "{}: {}\n"}
    as_lines = "".join(lines.get(form, "").format(*secret) for secret in SECRETS.items())
    given.write_text(as_lines or json.dumps(SECRETS), "utf-8")
    source, out = make_database({"acme": {}}), tmp_path / "out.sqlite"
    for use in (
        lambda: atomlab.capture(str(source), out, **{option: str(given)}),
        lambda: atomlab.load_hypothesis(given),
    ):
        with pytest.raises(AtomlabError) as caught:
            use()
        shown = "".join(traceback.format_exception(caught.value))
        assert scanner.found_in(shown.encode("utf-8", "backslashreplace")) == NOTHING


def stored_key(provider, key_name, secret):
    """Return an entry of byok_keys.json, by its id."""
    fields = {"provider_id": provider, "key_name": key_name, "encrypted_key": secret}
    return {f"{provider}_{key_name}_production": fields}


@pytest.fixture
def worker(tmp_path):
    """Return files with every canary in them: variables, stored keys, and some that are broken."""
    whole = {name: secret for name, secret in SETTINGS.items() if name != SECRETS["name"]}
    variables = {**whole, "PATH": SECRETS["password"], SECRETS["name"]: SECRETS["platform"]}
    keys = {
        **stored_key("openai", "default", SECRETS["fernet"]),
        **stored_key("deepseek", "id-acme", SECRETS["hex"]),
        **stored_key("qwen", SECRETS["billing"], SECRETS["json"]),
        **stored_key(SECRETS["name"], "default", SECRETS["pem"]),
        **stored_key("gemini", SECRETS["url"], SECRETS["quoted"]),
    }
    parts = [f"{name}={secret}".encode() for name, secret in variables.items()]
    contents = {
        "env": b"\0".join(parts),
        "lines.env": b"\n".join(part for part in parts if b"\n" not in part),
        "no-name.env": b"\0".join([*parts, SECRETS["hex"].encode()]),
        "twice.env": b"\0".join([*parts, *parts]),
        "not-utf-8.env": b"\0".join([*parts, b"A=\xff"]),
        "keys.json": json.dumps(keys).encode(),
        "list.json": json.dumps([*keys.values()]).encode(),
        "plain.json": json.dumps({**keys, "openai": SECRETS["fernet"]}).encode(),
        "no-provider.json": json.dumps({**keys, SECRETS["name"]: {"key": "x"}}).encode(),
        "half.json": json.dumps(keys).encode()[:-1],
    }
    folder = tmp_path / "worker"
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.attack("0 canaries through every command and failure")
def test_no_canary_of_the_workers_environment_gets_out(
    make_database, room, worker, prices, scanner
):
    """No variable, no stored key, and no name that is withheld: captured, used, or refused."""
    source = make_database({"acme": {}, "brennan": {}})
    public = ("--pricing", prices, "--rules", PUBLIC, "--key-file", "fingerprints.key")
    start = ("capture", source, *public, "--overwrite", "--out", "snap.sqlite")
    broken = [
        *(("--env", worker / f"{name}.env") for name in ("no-name", "twice")),
        *(("--keys", worker / f"{name}.json") for name in ("list", "plain", "no-provider", "half")),
        ("--env", worker),
        ("--keys", worker / "env"),
    ]
    both = ("--env", worker / "env", "--keys", worker / "keys.json")
    acme = ("snap.sqlite", "--tenant", "acme")
    done = room.run(
        [
            *(Step(1, (*start, *wrong)) for wrong in broken),
            Step(0, (*start, "--env", worker / "not-utf-8.env")),
            Step(0, (*start, "--env", worker / "lines.env")),
            Step(0, (*start, *both)),
            Step(0, ("capture", source, "--pricing", prices, *both, "--out", "hosted.sqlite")),
            Step(0, ("snapshot", "show", "snap.sqlite")),
            Step(0, ("snapshot", "show", "snap.sqlite", "--json")),
            Step(0, ("snapshot", "verify", "snap.sqlite")),
            Step(3, ("diagnose", *acme)),
            Step(3, ("diagnose", *acme, "--json")),
            Step(0, ("lint", "snap.sqlite", "--json")),
            Step(3, ("report", *acme, "--out", "report")),
        ]
    )
    for one in done:
        one.check()
    assert leaks(scanner, room, done) == NOTHING
    key = Scanner({"key": (room.folder / "fingerprints.key").read_text().strip()})
    assert leaks(key, room, done) == ["fingerprints.key: key"]
    with atomlab.open_snapshot(room.folder / "snap.sqlite") as snapshot:
        assert snapshot.manifest["withheld"] == {"settings": 0, "variables": 3, "stored_keys": 3}
        clients = list(atomlab.BYOKHandler("id-acme", db=snapshot.session).clients)
        assert clients == ["lux", "openai", "deepseek", "moonshot", "qwen", "gemini"]


BROKEN = {
    "env": ["list.json", "no-name.env", "twice.env"],
    "keys": ["env", "half.json", "list.json", "no-provider.json", "not-utf-8.env", "plain.json"],
}


@pytest.mark.attack("0 canaries through every command and failure")
@pytest.mark.parametrize(("option", "name"), [(o, name) for o in BROKEN for name in BROKEN[o]])
def test_no_error_about_the_workers_environment_holds_a_canary(
    make_database, room, worker, scanner, option, name
):
    """Nor does the chain of exceptions behind it, and nothing is left."""
    source, out = str(make_database({"acme": {}})), room.folder / "out.sqlite"
    with pytest.raises(AtomlabError) as caught:
        atomlab.capture(source, out, rules=PUBLIC, **{option: worker / name})
    assert is_one_line(str(caught.value))
    assert scanner.found_in(said(caught.value)) == NOTHING
    assert sorted(path.name for path in room.folder.iterdir()) == ["home", "tmp"]


@pytest.mark.parametrize("kind", KINDS)
def test_no_log_holds_a_canary(sources, prices, room, scanner, caplog, kind):
    """With every logger at its most talkative, the drivers' among them, no secret is logged."""
    for name in ("", "sqlalchemy", "sqlalchemy.engine", "sqlalchemy.pool", "psycopg", "atomlab"):
        caplog.set_level(logging.DEBUG, name)
    source, out = sources(kind), room.folder / "out.sqlite"
    with atomlab.capture(source, out, pricing=prices, tenants=["acme", "brennan"]) as snapshot:
        snapshot.verify()
        atomlab.diagnose(snapshot, "acme", [atomlab.Request()])
        atomlab.verify(snapshot, atomlab.load_hypothesis(BRENNAN))
        atomlab.lint(snapshot)
    with pytest.raises(AtomlabError):
        atomlab.capture(source, room.folder / "none.sqlite", tenants=["nobody"])
    logged = "\n".join(f"{r.name} {r.getMessage()} {r.args!r} {r.exc_text}" for r in caplog.records)
    loggers = {record.name.partition(".")[0] for record in caplog.records}
    assert loggers >= {"sqlalchemy", "atomlab"} | ({"psycopg"} if kind == "postgresql" else set())
    assert "SELECT" in logged
    assert scanner.found_in(logged.encode("utf-8", "backslashreplace")) == NOTHING


# While a capture runs, and when it is killed

MANY_ROWS = 40_000
# Names of letters alone, which look as if a provider were called so: those are kept.
LETTERS = " || ".join(f"{{letter}}(65 + i / {26**place} % 26)" for place in range(4))
NUMBERS = {
    "sqlite": "(WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n"
    " WHERE i < {many}) SELECT i FROM n)",
    "postgresql": "generate_series(1, {many}) AS i",
}
MANY_SETTINGS = {
    kind: (
        "INSERT INTO tenants (id, name, subdomain, plan_type, ai_mode)"
        f" SELECT 'many' || i, 'Many', 'many' || i, 'team', 'byok' FROM {numbers.format(many=50)}",
        "INSERT INTO tenant_settings (id, tenant_id, setting_key, setting_value)"
        f" SELECT 'n' || i, 'many' || (1 + i % 50),"
        f" {LETTERS.format(letter='char' if kind == 'sqlite' else 'chr')} || '_API_KEY',"
        f" '{SECRETS['hex']}' || i FROM {numbers.format(many=MANY_ROWS)}",
    )
    for kind, numbers in NUMBERS.items()
}
_LOCKSTEP = r"""
import sys, atomlab
def tell(table, done, total):
    print(table, done, total, flush=True)
    sys.stdin.readline()
atomlab.capture("env:SOURCE_URL", "out.sqlite", key_file="key", progress=tell)
sys.stdin.readline()
"""


def nameless_bytes(process, folder):
    """Return how much a process has written into files of a folder that have no name."""
    return sum(
        link.stat().st_size
        for link in Path(f"/proc/{process}/fd").iterdir()
        if (name := str(link.readlink())).startswith(str(folder)) and name.endswith("(deleted)")
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_no_canary_is_on_disk_while_a_capture_runs_or_after_it_was_killed(
    sources, room, scanner, kind
):
    """Open files, those without a name too, and the folders hold redacted values only."""
    small = f"DELETE FROM tenant_settings WHERE setting_key = '{MEGABYTE}'"
    source = sources(kind, small, *MANY_SETTINGS[kind])
    room.env["SOURCE_URL"] = source
    found, largest, batches = [], 0, 0
    with room.start(_LOCKSTEP) as process:
        for line in process.stdout:
            table, done, total = line.split()
            batches += 1
            if batches % 8 == 0 or done == total:
                found += scanner.found_in_open_files(process.pid, [Path(source)])
                found += scanner.found_in_folder(room.folder)
                largest = max(largest, nameless_bytes(process.pid, room.folder))
            process.stdin.write("\n")
            process.stdin.flush()
            if table == "tenant_settings" and done == total:
                break
        time.sleep(random.uniform(0, 0.3))  # now it is compared, hashed and published
        process.send_signal(signal.SIGSTOP)
        found += scanner.found_in_open_files(process.pid, [Path(source)])
        process.kill()
        shown = process.stdout.read() + process.stderr.read()
    assert largest > 1_000_000  # so there was something to look at
    assert scanner.found_in(shown.encode()) == NOTHING
    assert found + scanner.found_in_folder(room.folder) == NOTHING


# Passwords of the database


def ways_in(postgres, database, password, tmp_path):
    """Return the ways to give capture a URL and its password: (arguments' URL, environment)."""
    host = parse_qs(urlsplit(postgres.get_uri()).query)["host"][0]
    bare, quoted = f"postgresql://{ROLE}@/{database}?host={host}", quote(password, safe="")
    pgpass = tmp_path / f"{made_up(password, 4)}.pgpass"
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    pgpass.write_text(f"*:*:*:{ROLE}:{escaped}\n")
    pgpass.chmod(0o600)
    within = bare.replace("@", f":{quoted}@")
    return {
        "in the URL": (within, {}),
        "in a URL in the environment": ("env:ATOM_URL", {"ATOM_URL": within}),
        "as a parameter": (f"{bare}&password={quoted}", {}),
        "PGPASSWORD": (bare, {"PGPASSWORD": password}),
        ".pgpass": (bare, {"PGPASSFILE": str(pgpass)}),
    }


def test_no_password_is_shown_however_it_is_given(
    make_postgres, postgres, login, room, scanner, tmp_path
):
    """Right or wrong, for another database or role: a password is in no output and in no file."""
    database = urlsplit(make_postgres(TENANTS)).path[1:]
    with psycopg.connect(postgres.get_uri(database=database)) as db:
        db.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {ROLE}")
    steps = []
    for password, code in ((SECRETS["password"], 0), (SECRETS["platform"], 1)):
        for way, (url, env) in ways_in(postgres, database, password, tmp_path).items():
            nowhere = {name: value.replace(database, "nowhere") for name, value in env.items()}
            steps += [
                Step(code, ("capture", url, "--out", f"{way}{code}.sqlite"), env),
                Step(1, ("capture", url.replace(database, "nowhere"), "--out", "none"), nowhere),
            ]
        nobody = ("capture", url.replace(ROLE, "nobody"), "--out", "none")
        steps.append(Step(1, nobody, {"PGPASSWORD": password}))
    done = room.run(steps)
    for one in done:
        one.check()
    assert leaks(scanner, room, done) == NOTHING
    assert "password authentication failed" in "".join(one.err for one in done)


SLIPS = [
    "postgresql:/svc:PW@127.0.0.1/db",
    "postgresql//svc:PW@127.0.0.1/db",
    "postgresql:svc:PW@127.0.0.1/db",
    "svc:PW@127.0.0.1/db",
    "postgresql://svc:PW",
    "postgresql://svc:PW/db",
    "postgresql://127.0.0.1:1/svc:PW@db",
    "postgresql://localhost/svc:PW@db",
    "postgresql://127.0.0.1:1/db?user=svc&password=x@PW",
    "postgresql://svc:x@PW@127.0.0.1:1/db",
    "postgresql://svc:x?PW@127.0.0.1:1/db",
    "postgresql://svc:x?y@PW@127.0.0.1:1/db",
    "postgresql://svc:x%00PW@127.0.0.1:1/db",
    "postgresql://svc@127.0.0.1:1/db?PW=1",
    "postgresql://svc@127.0.0.1:1/db?passwd=PW",
    "postgresql://svc@127.0.0.1:1/db?port=PW",
    "postgresql://svc:PW@127.0.0.1:PW/db",
    "postgresql://svc:PW@[127.0.0.1/db",
    "postgresql://svc:PW@127.0.0.1:1/db",
    " postgresql://svc:PW@127.0.0.1:1/db",
    "'postgresql://svc:PW@127.0.0.1:1/db'",
    "jdbc:postgresql://127.0.0.1:1/db?user=svc&password=PW",
    "host=127.0.0.1 port=1 password=PW",
    "mysql://svc:PW@127.0.0.1/db",
    "sqlite:///svc:PW@127.0.0.1/db",
    "env:postgresql://svc:PW@127.0.0.1/db",
    "env:PW",
    "env: PW",
    "env:ATOM_PW",
    "PW",
    "svc:PW",
    "svc%3APW%40127.0.0.1",
    "./PW",
    "postgres:/svc:PW@127.0.0.1/db",
    "postgres:PW",
    "postgresql://PW",
    "postgresql://localhost:1/PW",
    "postgresql://localhost:1/svc:PW",
    "postgresql://127.0.0.1:1/db?sslkey=/PW",
    "postgresql:///db?host=/PW",
    "PW://svc@127.0.0.1/db",
    "sqlite:///none.db?key=PW",
    "sqlite:///PW",
    "file:none.db?key=PW",
    "PGPASSWORD=PW",
    "password PW",
    "none.db?token=PW",
    "PW.db-wal",
]


@pytest.mark.attack("4 secrets beside the settings, mistyped sources")
@pytest.mark.parametrize("slip", SLIPS)
def test_a_mistyped_url_is_not_repeated(room, scanner, monkeypatch, slip):
    """Whatever is wrong with a URL, no part of the password in it is said, not even in hiding."""
    monkeypatch.chdir(room.folder)
    with pytest.raises(SourceError) as caught:
        atomlab.capture(slip.replace("PW", PLAIN), room.folder / "out.sqlite")
    assert is_one_line(str(caught.value))
    assert scanner.found_in(said(caught.value)) == NOTHING
    assert scanner.found_in_folder(room.folder) == NOTHING


@pytest.mark.parametrize(
    "use",
    [
        atomlab.open_snapshot,
        atomlab.load_hypothesis,
        atomlab.load_pricing,
        atomlab.load_registry,
        atomlab.load_rules,
    ],
)
def test_a_url_that_the_library_takes_for_a_file_is_not_repeated(use, scanner):
    """Nor is its password in the traceback of whoever called a function with a URL."""
    url = f"postgresql://svc:{PLAIN}@db.example.org/atom"
    with pytest.raises(AtomlabError) as caught:
        use(url if use is atomlab.load_rules else Path(url))
    shown = "".join(traceback.format_exception(caught.value))
    assert "postgresql:…" in shown
    assert scanner.found_in(shown.encode()) == NOTHING


# Fields beside the settings, which are not meant to hold a secret.

PASTED = {
    "key": f"sk-{made_up('pasted key', 40)}",
    "google": f"AIza{made_up('pasted google', 35)}",
    "token": f"eyJ{made_up('head', 20)}.{made_up('body', 30)}.{made_up('sign', 20)}",
    "cipher": f"gAAAAABm{made_up('cipher', 80)}",
    "login": f"https://svc:{made_up('login')}@prices.example.org/all.json",
    "query": f"https://prices.example.org/all.json?api_key={made_up('query')}",
}
# Each field is free text or has a shape. Where `kept` it is refused or withheld, at will.
FIELDS = {
    "pricing": ("source", "last_fetch"),
    "model": ("id", "litellm_provider", "mode", "note", "max_tokens"),
    "provider": ("id", "api_key_env_var", "base_url", "name", "model", "pricing", "health_score"),
    "catalog": ("model_id", "capabilities", "extra"),
    "tenants": ("name", "subdomain", "plan_type", "ai_mode", "api_key", "billing_email"),
    "tenant_settings": ("id", "created_at"),
    "rules": ("name", "placeholder_prefixes"),
    "capture": ("operator", "note"),
    "variable": ("name",),
    "stored": ("provider_id", "key_name"),
}


def fields_with_a_secret():
    """Yield a place, a field of it and the name of a secret to paste there."""
    for place, names in FIELDS.items():
        for name in names:
            for kind in PASTED:
                yield place, name, kind


def inputs_with(place, field, secret, write_json):
    """Return the options of a capture of which one field holds a secret."""

    def of(name, /, **fields):
        return {**fields, **({field: secret} if place == name else {})}

    model = of("model", id="minimax/x", litellm_provider="minimax", max_input_tokens=9)
    provider = of("provider", id="openai", api_key_env_var="OPENAI_API_KEY")
    entry = of("catalog", model_id="m", capabilities=["chat"])
    if field == "capabilities":
        entry["capabilities"] = ["chat", secret]
    prices = {"pricing": {model.pop("id"): model}} | of("pricing")
    rules = {"based_on": "hosted-2026-05"} | of("rules", name="own")
    if field == "placeholder_prefixes":
        rules[field] = [secret]
    stored = of("stored", provider_id="openai", key_name="default", encrypted_key="x" * 30)
    name = f"{stored['provider_id']}_{stored['key_name']}_production"
    return {
        "pricing": write_json(prices, "p.json"),
        "providers": write_json({"providers": [provider]}, "r.json"),
        "catalog": write_json([entry], "c.json"),
        "rules": str(write_json(rules, "rules.yaml")),
        "env": {secret if place == "variable" else "OPENAI_API_KEY": "x" * 20},
        "keys": {name: stored},
        **of("capture"),
    }


@pytest.mark.attack("4 secrets beside the settings, mistyped sources")
@pytest.mark.parametrize("kind", KINDS)
def test_no_secret_pasted_beside_the_settings_is_kept(
    make_database, make_postgres, write_json, tmp_path, capfd, kind
):
    """Wherever a key, a token or an address stands: no snapshot, word or error holds it."""
    secret_parts = PASTED | {name: made_up(name) for name in ("login", "query")}
    scanner, url, done = Scanner(secret_parts), None, {True: 0, False: 0}
    make = make_database if kind == "sqlite" else make_postgres
    for number, (place, field, name) in tries(enumerate(fields_with_a_secret())):
        secret, out = PASTED[name], tmp_path / f"{number}.sqlite"
        in_database = place in ("tenants", "tenant_settings")
        if kind == "postgresql" and (not in_database or field == "created_at" or name != "key"):
            continue  # the same as with SQLite
        if url is None or in_database:
            values = {"acme": {"OPENAI_API_KEY": "x" * 30}}
            url = str(make(values, name=f"{number}.db") if kind == "sqlite" else make(values))
        if in_database:
            change = f"UPDATE {place} SET {field} = '{secret}'"
            if kind == "sqlite":
                with closing(sqlite3.connect(url)) as db:
                    db.execute(change)
                    db.commit()
            else:
                with psycopg.connect(url) as db:
                    db.execute(change)
        error = None
        try:
            atomlab.capture(url, out, **inputs_with(place, field, secret, write_json)).close()
        except AtomlabError as caught:
            error = caught
            assert is_one_line(str(error))
        done[error is None] += 1
        told = said(error) + "".join(capfd.readouterr()).encode()
        content = out.read_bytes() if out.exists() else b""
        assert scanner.found_in(told + content) == NOTHING, (place, field, name)
        if in_database:
            url = None
    assert done[True] >= 7
    assert done[False] > 30 or kind == "postgresql"


def misplaced(url, source, snapshot):
    """Return command lines in which a URL stands where none belongs."""
    brennan, out = ("--tenant", "brennan"), ("--out", "out.sqlite")
    report = ("report", snapshot, *brennan)
    return [
        (url,),
        (f"--{url}",),
        ("snapshot", url),
        ("capture", source, url, *out),
        ("capture", source, *out, f"--{url}"),
        ("capture", f"--sourc={url}", *out),
        ("capture", f"env:{url}", *out),
        ("capture", source, f"--out={url}"),
        *(
            ("capture", source, *out, f"--{option}", url)
            for option in (
                *("tenant", "pricing", "providers", "catalog", "env", "keys", "rules", "key-file"),
            )
        ),
        *(
            ("capture", source, *out, f"--{option}={url}")
            for option in ("parent", "operator", "statement-timeout", "overwrite", "out")
        ),
        *((*command, url) for command in (("lint",), ("snapshot", "show"), ("snapshot", "verify"))),
        *((command, url, *brennan) for command in ("diagnose", "fix", "report")),
        ("verify", url, BRENNAN),
        ("verify", snapshot, url),
        ("verify", snapshot, BRENNAN, "--tenant", url),
        *(
            ("diagnose", snapshot, *brennan, option, url)
            for option in ("--task", "--capability", "--complexity", "--turn", "--tokens")
        ),
        ("diagnose", snapshot, "--tenant", url),
        ("diagnose", snapshot, f"--tenant={url}"),
        ("fix", snapshot, *brennan, "--out", url),
        ("fix", snapshot, *brennan, "--dialect", url),
        *(
            (*report, option, url)
            for option in ("--out", "--tenant", "--hypothesis", "--timeout", "-p", "--parameter")
        ),
        (*report, "-p", f"task={url}"),
        (*report, "-p", f"complexity={url}"),
        (*report, "-p", f"{url}=1"),
    ]


@pytest.mark.attack("4 secrets beside the settings, mistyped sources")
def test_a_url_in_the_wrong_place_is_not_repeated(make_database, room, shipped, scanner):
    """Option, extra argument, path or tenant: a URL is refused without a word of its password."""
    source, snapshot = make_database({"acme": {}}), shipped("brennan-2026-05-02")
    url = f"postgresql://svc:{PLAIN}@db.example.org/atom"
    lines = misplaced(url, source, snapshot)
    for odd in (
        url.replace("postgresql://", "postgresql:/"),
        url.replace("postgresql://", ""),
        url.partition("@")[0],
        url.replace(PLAIN, f"'\"\\ {PLAIN}"),
        url.replace(PLAIN, f"\x1b[1m\n\u202e{PLAIN}"),
        url.replace(PLAIN, PLAIN * 400),
        f"host=db.example.org password={PLAIN}",
    ):
        lines += misplaced(odd, source, snapshot)[4::5]
    done = room.run([Step(1, line) for line in lines])
    for one in done:
        assert one.code in ("1", "2"), (one.step.arguments, one.out, one.err)
        assert is_one_line(one.err.strip().splitlines()[-1])
        assert "Traceback" not in one.err
    assert leaks(scanner, room, done) == NOTHING


# What is public, and secret too


def test_that_a_secret_is_a_tenants_name_cannot_be_told(captured, tmp_path):
    """A secret that is another tenant's name leaves no more trace of it than any other secret."""
    key = tmp_path / "fingerprints.key"

    def seen(secret, key_file):
        """Return the secret's token, and all else that tells of it."""
        tenants = {"acme": {"OPENAI_API_KEY": secret}, "brennan": {}}
        at = datetime(2026, 5, 2, tzinfo=UTC)
        with captured(tenants, captured_at=at, key_file=key_file) as snapshot:
            [token] = snapshot.session.scalars(text("SELECT setting_value FROM tenant_settings"))
            told = [
                list(map(repr, snapshot.session.execute(text(f"SELECT * FROM {table}"))))
                for table in SNAPSHOT_TABLES
            ]
            found = atomlab.diagnose(snapshot, "acme", [atomlab.Request()]).to_json()
            found["snapshot"].pop("sha256")
        return token, json.dumps([told, found]).replace(token, "TOKEN")

    key = tmp_path / "fingerprints.key"
    token, told = seen("Brennan", key)
    other, told_of_other = seen("Xanthippe", key)
    assert token != other
    assert told == told_of_other
    assert told.count("Brennan") == 1
    assert seen("Brennan", tmp_path / "another.key")[0] != token
    for kind in hashlib.algorithms_guaranteed - {"shake_128", "shake_256"}:
        assert hashlib.new(kind, b"Brennan").hexdigest() not in token
