"""Custody on the terminal: what `snapshot show` and `snapshot verify` print, and how they end."""

from __future__ import annotations

import io
import json
import sqlite3
import sys
import threading
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import atomlab
from atomlab.show.manifest import PROOF
from atomlab.show.terminal import progress_bars
from tests.forgery import changed, sealed, unsealed
from tests.refusals import is_one_line

TENANTS = {"acme": {"MINIMAX_2_7_API_KEY": "sk-" + "3" * 40}, "zeta": {}}
PUBLIC = "open-source-2026-05"
AT = datetime(2026, 5, 2, 8, tzinfo=UTC)
SHIPPED = ("brennan-2026-05-02", "brennan-2026-05-03", "local-dev")


@pytest.fixture
def cache(write_json):
    """Return a function that writes a price cache that was last fetched at some time."""

    def write(last_fetch: object = "2026-05-02T06:00:00Z") -> Path:
        models = {"minimax/MiniMax-M2.5": {"max_input_tokens": 99_999}, "b": {}}
        return write_json({"pricing": models, "last_fetch": last_fetch}, "cache.json")

    return write


@pytest.fixture
def snapshot(captured, cache, tmp_path):
    """Return a snapshot whose manifest says all that it can."""
    key = {"key_file": tmp_path / "key"}
    parent = captured(TENANTS, captured_at=AT, **key)
    about: dict[str, Any] = {"operator": "Zoë of on-call", "note": "made up", "captured_at": AT}
    return captured(TENANTS, pricing=cache(), parent=parent.path, **key, **about)


@pytest.fixture
def forge(snapshot, tmp_path):
    """Return a function that lets a manifest say something else, and seals it properly."""

    def make(name: str, value: object) -> Path:
        path = tmp_path / "forged.sqlite"
        statement = "UPDATE manifest SET value = ? WHERE name = ?"
        content = changed(unsealed(snapshot.path), statement, (json.dumps(value), name))
        path.write_bytes(sealed(content))
        return path

    return make


def test_show_prints_each_item_of_the_manifest(run, snapshot):
    """Source, times, versions, clock, isolation, prices, parent, operator, proof and tables."""
    code, out, err = run("snapshot", "show", snapshot.path)
    assert (code, err) == (0, "")
    said, parent = snapshot.manifest, snapshot.manifest["parent"]
    expected = {
        "snapshot": str(snapshot.path),
        "sha256": snapshot.sha256,
        "source": f"sqlite {sqlite3.sqlite_version}: source-1.db",
        "read": "copy of one moment (backup API)",
        "columns": "tenants (ai_mode, id, name, plan_type, subdomain); tenant_settings (created_at,"
        " id, setting_key, setting_value, tenant_id); model_catalog (capabilities,"
        " exclude_from_general_routing, model_id)",
        "started": "2026-05-02T08:00:00Z",
        "captured": "2026-05-02T08:00:00Z",
        "server's clock": "the same machine's",
        "tenants": "all",
        "operator": "Zoë of on-call",
        "parent": f"{parent['sha256']}, captured 2026-05-02T08:00:00Z; values compare",
        "made by": f"atomlab {version('atomlab')}, atomlab.snapshot/4",
        "inputs": "rules default; prices given; registry default; catalogue captured; health"
        " absent; environment absent; stored keys absent",
        "withheld": "0 settings, 0 variables, 0 stored keys: counted, not named",
        "rules": "hosted-2026-05",
        "prices": "2 models (atom-cache), fetched 2026-05-02T06:00:00Z, 2.0 h before the capture",
        "fingerprints": f"hmac-sha256/v1, key {said['fingerprint']['key_id']}",
        "fidelity": "source and snapshot decide alike for 2 tenants and simple, moderate, complex,"
        " advanced requests",
        "note": "made up",
    }
    expected_tables = [
        f"{table:16}{digest['rows']:>11,} rows, sha256 {digest['sha256']}"
        for table, digest in said["tables"].items()
    ]
    lines = out.splitlines()
    assert lines[: len(expected)] == [f"{name:16}{value}" for name, value in expected.items()]
    assert lines[len(expected) :][: len(expected_tables)] == expected_tables


def test_show_says_what_is_not_known(run, captured):
    """No operator, parent or prices, and only some tenants, are said in words."""
    bare = captured(TENANTS, pricing=None, tenants=["acme"])
    _, out, _ = run("snapshot", "show", bare.path)
    lines = out.splitlines()
    for name, value in (
        ("operator", "not given"),
        ("parent", "none"),
        ("prices", "none captured"),
        ("tenants", "some only (narrowed)"),
    ):
        assert f"{name:16}{value}" in lines
    assert not any(line.startswith("note") for line in lines)


def test_show_counts_what_was_withheld(run, captured):
    """Settings, variables and stored keys, none of them by name."""
    keys = {"a_b_production": {"provider_id": "a", "key_name": "b", "encrypted_key": "c"}}
    env = {"PATH": "/bin", "HOME": "/root", "OPENAI_API_KEY": "k"}
    made = captured({"acme": {"TIMEZONE": "UTC"}}, rules=PUBLIC, env=env, keys=keys)
    _, out, _ = run("snapshot", "show", made.path)
    assert f"{'withheld':16}1 setting, 2 variables, 1 stored key: counted, not named" in out
    assert "environment given; stored keys given" in out
    assert "PATH" not in out


NO_ENV = "no --env given: these rules read keys from the worker's environment"
UNREAD = "given, but these rules read keys from tenant_settings"


@pytest.mark.parametrize(
    ("options", "redacted", "warning"),
    [
        pytest.param((), "1 key setting redacted", None, id="settings"),
        pytest.param(("--rules", "PUBLIC"), "1 key setting redacted", NO_ENV, id="no-environment"),
        pytest.param(
            ("--rules", "PUBLIC", "--env", "env"),
            "1 key setting, 2 variables redacted",
            None,
            id="environment",
        ),
        pytest.param(
            ("--rules", "PUBLIC", "--keys", "keys"),
            "1 key setting, 1 stored key redacted",
            "no client can be known but by a stored key; give what env prints",
            id="stored-keys-alone",
        ),
        pytest.param(
            ("--env", "env", "--keys", "keys"),
            "1 key setting, 2 variables, 1 stored key redacted",
            f"--env and --keys {UNREAD}",
            id="not-read",
        ),
        pytest.param(
            ("--keys", "keys"),
            "1 key setting, 1 stored key redacted",
            f"--keys {UNREAD}",
            id="keys-not-read",
        ),
    ],
)
def test_capture_says_where_keys_come_from(
    run, make_database, prices, tmp_path, options, redacted, warning
):
    """A warning where what the rules read was not given, or what was given is not read."""
    stored = {"provider_id": "openai", "key_name": "default", "encrypted_key": "k"}
    paths = {"PUBLIC": PUBLIC, "env": tmp_path / "env", "keys": tmp_path / "byok_keys.json"}
    paths["env"].write_text("OPENAI_API_KEY=k\nGROQ_API_KEY=k\nPATH=/bin\n")
    paths["keys"].write_text(json.dumps({"openai_default_production": stored}))
    source = make_database({"acme": {"OPENAI_API_KEY": "k"}})
    code, out, err = run(
        *("capture", source, "--out", tmp_path / "out.sqlite", "--pricing", prices),
        *(paths.get(option, option) for option in options),
    )
    assert code == 0
    assert f": 1 tenant, {redacted}, 4 models; every decision is the same as on the source" in out
    told = [line for line in err.splitlines() if "--env" in line or "--keys" in line]
    assert [line for line in told if warning and warning in line] == told
    assert len(told) == (warning is not None)


@pytest.mark.parametrize(
    ("last_fetch", "told"),
    [
        pytest.param("2026-05-02T08:30:00Z", ", 0.5 h after the capture", id="future"),
        pytest.param("1970-01-01", ", 493,808.0 h before the capture", id="long-ago"),
        pytest.param("yesterday", "fetched at an unknown time", id="no-time"),
        pytest.param(None, "fetched at an unknown time", id="unknown"),
    ],
)
def test_show_tells_the_age_of_the_prices(run, captured, cache, last_fetch, told):
    """An age may be negative, large or unknown."""
    made = captured(TENANTS, pricing=cache(last_fetch), captured_at=AT)
    _, out, _ = run("snapshot", "show", made.path)
    (line,) = (line for line in out.splitlines() if line.startswith("prices"))
    assert line.endswith(told)


def test_show_tells_a_servers_clock_and_another_key(run, forge, snapshot):
    """The offset has its sign; a parent under another key file is not to be compared."""
    path = forge("source", {**snapshot.manifest["source"], "clock_offset_s": -3600.5})
    assert "\nserver's clock  -3600.500 s of ours\n" in run("snapshot", "show", path)[1]
    path = forge("parent", {**snapshot.manifest["parent"], "comparable": False})
    assert "values do not compare (another key file)\n" in run("snapshot", "show", path)[1]


def test_remarks_on_the_source_are_warned_of_and_shown(run, make_database, prices, tmp_path):
    """Capture says on stderr what one should know of the database; the manifest keeps it."""
    source, out = make_database(TENANTS), tmp_path / "later.sqlite"
    given = ("--pricing", prices, "--out", out)
    code, _, err = run("capture", source, *given)
    assert (code, "warning" in err) == (0, False)
    db = sqlite3.connect(source)
    db.execute("CREATE TABLE local_model_providers (id VARCHAR)")
    db.close()
    code, _, err = run("capture", source, *given, "--overwrite")
    told = "the database's schema is later than these rules (table local_model_providers)"
    assert (code, " ".join(err.split()).startswith(f"warning: {told}: newer")) == (0, True)
    assert f"{'remark':16}{told}: newer" in run("snapshot", "show", out)[1]


@pytest.mark.parametrize("width", ["20", "80", "300"])
def test_no_terminal_cuts_a_hash_or_a_path(run, snapshot, monkeypatch, width):
    """A line may be wider than the terminal; none is shortened or broken."""
    monkeypatch.setenv("COLUMNS", width)
    for command in ("show", "verify"):
        _, out, _ = run("snapshot", command, snapshot.path)
        hashes = [digest["sha256"] for digest in snapshot.manifest["tables"].values()]
        for text in (snapshot.sha256, *hashes):
            assert text in out
    assert str(snapshot.path) in run("snapshot", "show", snapshot.path)[1]


@pytest.mark.parametrize("name", ["operator", "note", "tool", "rules"])
def test_show_prints_hostile_text_as_text(run, forge, name):
    """Whatever a forged manifest says is one line each, without controls, and not endless."""
    path = forge(name, "\x1b[31m\u202e\n[bold]:boom:" + "x" * 1_000_000)
    code, out, _ = run("snapshot", "show", path)
    assert code == 0
    assert all(map(is_one_line, out.splitlines()))
    assert r"\x1b[31m\u202e\n[bold]:boom:xxx" in out
    assert len(out) < 5000


@pytest.mark.parametrize("command", ["show", "verify"])
def test_hashes_prove_consistency_and_not_who_made_it(run, snapshot, command):
    """Both commands say plainly what the hashes prove, and what they do not."""
    _, out, _ = run("snapshot", command, snapshot.path)
    told = " ".join(out.split())
    assert PROOF in told
    assert "prove that the file is consistent with its manifest" in told
    assert "They do not prove who made it" in told


def test_show_as_json_is_the_manifest_and_the_files_hash(run, snapshot):
    """One ASCII document, with nothing changed or left out."""
    code, out, err = run("snapshot", "show", snapshot.path, "--json")
    assert (code, err) == (0, "")
    assert out.isascii()
    assert json.loads(out) == {"sha256": snapshot.sha256, **snapshot.manifest}


@pytest.mark.parametrize("name", SHIPPED)
def test_verify_passes_what_is_shipped(run, shipped, name):
    """Exit code 0, every table with its hash, and the hash of the file."""
    code, out, err = run("snapshot", "verify", shipped(name))
    assert (code, err) == (0, "")
    assert "verified: every table is what the manifest recorded" in out
    code, printed, _ = run("snapshot", "verify", shipped(name), "--json")
    document = json.loads(printed)
    assert (code, document["verified"]) == (0, True)
    with atomlab.open_snapshot(shipped(name)) as snapshot:
        assert document["tables"] == snapshot.manifest["tables"]
        assert document["sha256"] == snapshot.sha256
        assert f"sha256 of the file: {snapshot.sha256}" in out


@pytest.mark.parametrize("as_json", [[], ["--json"]], ids=["words", "json"])
@pytest.mark.parametrize(
    "name",
    ["tables", "fidelity", "pricing", "captured_at", "rules"],
)
def test_verify_exits_1_if_anything_does_not_hold(run, forge, snapshot, name, as_json):
    """A mismatch is one line on stderr; nothing is printed as if it had been verified."""
    said = snapshot.manifest[name]
    forged = {
        "tables": lambda: {**said, "rules": {**said["rules"], "sha256": "0" * 64}},
        "fidelity": lambda: {**said, "tenants": 3},
        "pricing": lambda: {**said, "models": 3},
        "captured_at": lambda: "2026-05-02T09:00:00Z",
        "rules": lambda: "other",
    }[name]()
    code, out, err = run("snapshot", "verify", forge(name, forged), *as_json)
    assert (code, out) == (1, "")
    assert is_one_line(err.removesuffix("\n"))
    assert "capture it again" in err


def test_verify_of_a_damaged_or_missing_file_exits_1(run, snapshot, tmp_path):
    """A flipped bit, another file and no file are each one clear line."""
    content = bytearray(snapshot.path.read_bytes())
    content[5000] ^= 1
    (tmp_path / "damaged").write_bytes(content)
    for name, what in (("damaged", "is damaged"), ("key", "not an SQLite"), ("none", "no such")):
        for command in ("show", "verify"):
            code, out, err = run("snapshot", command, tmp_path / name)
            assert (code, out) == (1, "")
            assert what in err
            assert is_one_line(err.removesuffix("\n"))


def test_progress_is_drawn_on_a_terminal_only(monkeypatch):
    """Where stderr is not a terminal, a capture prints nothing of its progress."""
    shown = {}
    for is_terminal in (False, True):
        stream = io.StringIO()
        monkeypatch.setattr(stream, "isatty", lambda there=is_terminal: there)
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("TERM", "xterm")
        threads = threading.active_count()
        with progress_bars() as tell:
            assert threading.active_count() == threads  # a process may still be forked
            tell("tenants", 5, 10)
            tell("tenants", 10, 10)
        shown[is_terminal] = stream.getvalue()
    assert shown[False] == ""
    assert "tenants" in shown[True]
    assert "100%" in shown[True]


@pytest.mark.parametrize(
    "name",
    [
        *("what? a#b 100%25%2F%", "schräg-日本-e\u0301", "?mode=rwc&cache=shared", "file:x.db"),
        *("--strange", "'q\" back\\slash [bold]*$HOME~;", "\x1b[31m\n", "\udcff no UTF-8"),
    ],
    ids=ascii,
)
def test_every_path_may_hold_what_a_url_could_not(
    run, make_database, prices, tmp_path, monkeypatch, name
):
    """Source, prices, key file, parent and snapshots are the files of that name, and no other."""
    folder = tmp_path / f"folder {name}"
    folder.mkdir()
    given = {what: folder / f"{name}.{what}" for what in ("db", "json", "key", "out", "next")}
    make_database(TENANTS).rename(given["db"])
    prices.rename(given["json"])
    options = ["--pricing", given["json"], "--key-file", given["key"]]
    for arguments in (
        ("capture", given["db"], "--out", given["out"], *options),
        ("capture", given["db"], "--out", given["next"], *options, "--parent", given["out"]),
        *((*command, given["next"]) for command in (("snapshot", "show"), ("snapshot", "verify"))),
        ("diagnose", given["next"], "--tenant", "acme"),
    ):
        code, out, err = run(*arguments)
        expected = 3 if arguments[0] == "diagnose" else 0  # affected, by advanced requests
        assert (code, arguments[0]) == (expected, arguments[0]), err
        assert all(is_one_line(line) for line in (out + err).splitlines() if line)
    assert sorted(folder.iterdir()) == sorted(given.values())
    monkeypatch.chdir(folder)  # and by a name that looks like an option or a URL
    assert run("snapshot", "verify", "--", given["next"].name)[0] == 0
