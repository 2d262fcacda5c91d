"""The worker's environment and its stored keys: what is read, what is kept, and what is not."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

import atomlab
from atomlab.errors import InputError, SnapshotError
from atomlab.evidence.inputs.environment import load_stored_keys, load_variables
from atomlab.files import MAX_BYTES
from tests.forgery import changed, sealed, unsealed
from tests.refusals import refused

PUBLIC = "open-source-2026-05"
KEY = "sk-" + "4" * 40
OTHER = "sk-" + "6" * 40


# Variables


@pytest.mark.parametrize(
    ("content", "variables"),
    [
        pytest.param("", {}, id="empty"),
        pytest.param("A=1\nB=2\n", {"A": "1", "B": "2"}, id="lines"),
        pytest.param("A=1\nB=2", {"A": "1", "B": "2"}, id="no-last-line-end"),
        pytest.param("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}, id="crlf"),
        pytest.param("A=1\0B=2\0", {"A": "1", "B": "2"}, id="nul"),
        pytest.param("A=x\n\nB=y\0B=2\0", {"A": "x\n\nB=y", "B": "2"}, id="nul-with-lines-in-it"),
        pytest.param("A=1\0\0B=2", {"A": "1", "B": "2"}, id="nul-twice"),
        pytest.param("A=\nB=", {"A": "", "B": ""}, id="empty-values"),
        pytest.param("A==\nB=x=y", {"A": "=", "B": "x=y"}, id="more-equals-signs"),
        pytest.param("A=\"1\"\nB=' 2 '", {"A": '"1"', "B": "' 2 '"}, id="quotes-and-spaces-stand"),
        pytest.param(" A =1", {" A ": "1"}, id="spaces-in-a-name-stand"),
        pytest.param("export A=1", {"export A": "1"}, id="no-shell"),
        pytest.param(
            "A=1\nsecond\nthird\nB=2", {"A": "1\nsecond\nthird", "B": "2"}, id="more-lines"
        ),
        pytest.param("A=1\n=\n==\nB=2", {"A": "1\n=\n==", "B": "2"}, id="lines-without-a-name"),
        pytest.param(
            'A={\n"b": "c=d",\n}\nBASH_FUNC_f%%=() {  eval "$(x=1)"\n}',
            {"A": '{\n"b": "c=d",\n}', "BASH_FUNC_f%%": '() {  eval "$(x=1)"\n}'},
            id="json-and-functions",
        ),
        pytest.param("# a note\nA=1\n\n#B=2\n", {"A": "1"}, id="notes-and-empty-lines"),
        pytest.param("A=schlüssel-日本\nÜ=1", {"A": "schlüssel-日本", "Ü": "1"}, id="not-ascii"),
    ],
)
def test_variables_are_what_env_prints(tmp_path, content, variables):
    """Names and values stand as they are, in lines or parted by NUL."""
    path = tmp_path / "env"
    path.write_bytes(content.encode())
    assert load_variables(path) == load_variables(str(path)) == variables


@pytest.mark.parametrize(
    ("content", "what"),
    [
        pytest.param(b"SECRET", "line 1 is not NAME=value", id="no-equals-sign"),
        pytest.param(b"\n\nSECRET\nA=1", "line 3 is not NAME=value", id="counted-from-the-first"),
        pytest.param(b"=SECRET\nA=1", "line 1 is not NAME=value", id="no-name"),
        pytest.param(b'{"SECRET": "a="}', "line 1 is not NAME=value", id="json"),
        pytest.param(b"A=1\0SECRET\0", "entry 2 is not NAME=value", id="nul-no-equals-sign"),
        pytest.param(b"A=1\0=SECRET\0", "entry 2 is not NAME=value", id="nul-no-name"),
        pytest.param(b"SECRET=1\nB=1\nSECRET=2", "line 3 gives a variable a second", id="twice"),
        pytest.param(b"SECRET=1\0SECRET=1", "entry 2 gives a variable a second", id="nul-twice"),
        pytest.param("A=SECRET".encode("utf-16"), "entry 1 is not NAME=value", id="utf-16"),
        pytest.param(b"\x1f\x8bSECRET", "line 1 is not NAME=value", id="gzip"),
        pytest.param(b"A=SECRET" + b"x" * MAX_BYTES, "is larger than", id="too-large"),
    ],
)
def test_what_is_no_environment_is_refused_and_not_quoted(tmp_path, content, what):
    """The line is named, and nothing of it is said."""
    path = tmp_path / "env"
    path.write_bytes(content)
    with refused(InputError, what, path) as caught:
        load_variables(path)
    assert "SECRET" not in str(caught.value)


def test_bytes_that_are_no_text_stay_apart(tmp_path):
    """A variable may hold any bytes: two that differ are two values."""
    path = tmp_path / "env"
    path.write_bytes(b"A=\xff\nB=\xfe\nC=\xff")
    found = load_variables(path)
    assert found["A"] == found["C"] != found["B"]


def test_an_environment_as_large_as_a_file_may_be_is_read(tmp_path):
    """The bound is the file's size, not the number of its lines."""
    path = tmp_path / "env"
    path.write_bytes(b"A=" + b"\n" * 1000 + b"x" * (MAX_BYTES - 1002))
    assert len(load_variables(path)["A"]) == MAX_BYTES - 1001  # empty lines are no part of it


def test_a_value_of_many_lines_is_read_as_fast_as_many_values(tmp_path):
    """Each line is looked at once: joined one by one, these would take minutes."""
    path = tmp_path / "env"
    path.write_bytes(b"A=" + (b"x" * 299 + b"\n") * 99_999)
    assert len(load_variables(path)["A"]) == 300 * 99_999 - 1


@pytest.mark.parametrize("name", ["none", "folder"])
def test_a_file_that_is_not_there_is_refused(tmp_path, name):
    """So is a folder."""
    (tmp_path / "folder").mkdir()
    for load in (load_variables, load_stored_keys):
        with refused(InputError, "", tmp_path / name):
            load(tmp_path / name)


def test_a_mapping_is_taken_as_it_is(monkeypatch):
    """So is the process's own environment; what no database stores in a name is escaped."""
    assert load_variables({"A": "1\n2", "B": "", "C": None}) == {"A": "1\n2", "B": "", "C": None}
    assert load_variables({"A\udcff": "\udcff"}) == {"A\\udcff": "\udcff"}
    import os

    monkeypatch.setenv("ATOMLAB_SURELY", "set")
    assert load_variables(os.environ)["ATOMLAB_SURELY"] == "set"


@pytest.mark.parametrize(
    ("mapping", "what"),
    [
        pytest.param({"A": "1", "B": 5}, "entry 2 is not text", id="number"),
        pytest.param({"A": {"key": "SECRET"}}, "entry 1 is not text", id="object"),
        pytest.param({b"SECRET": "1"}, "entry 1 is not text", id="bytes-for-a-name"),
        pytest.param({"S\udcff": "1", "S\\udcff": "2"}, "entry 2 gives a variable", id="one-name"),
    ],
)
def test_a_mapping_of_anything_else_is_refused(mapping, what):
    """It is not made to text: the value would be another."""
    with refused(InputError, what, "the environment") as caught:
        load_variables(mapping)
    assert "SECRET" not in str(caught.value)


# Stored keys


def entry(provider="openai", key_name="default", environment="production", /, **other):
    """Return a stored key as the platform writes it, by its id."""
    fields = {"provider_id": provider, "key_name": key_name, "environment": environment}
    whole = {**fields, "encrypted_key": KEY, "is_active": True, "usage_count": 3, **other}
    return {f"{provider}_{key_name}_{environment}": whole}


@pytest.mark.parametrize(
    ("document", "found"),
    [
        pytest.param({}, {}, id="none"),
        pytest.param(entry(), {("openai", "default"): KEY}, id="default"),
        pytest.param(entry("glm_5", "id-a"), {("glm_5", "id-a"): KEY}, id="underscores"),
        pytest.param(entry(is_active=False), {}, id="inactive"),
        pytest.param(entry("openai", "default", "development"), {}, id="another-environment"),
        pytest.param({"openai": entry()["openai_default_production"]}, {}, id="another-id"),
        pytest.param(entry(encrypted_key=None), {("openai", "default"): None}, id="null"),
        pytest.param(entry(encrypted_key=""), {("openai", "default"): ""}, id="empty"),
        pytest.param(
            {"openai_default_production": {"provider_id": "openai", "encrypted_key": KEY}},
            {("openai", "default"): KEY},
            id="what-may-be-left-out",
        ),
    ],
)
def test_stored_keys_are_those_that_the_platform_finds(write_json, document, found):
    """It asks for PROVIDER_NAME_production; an entry that is inactive counts as none."""
    assert load_stored_keys(write_json(document)) == load_stored_keys(document) == found


@pytest.mark.parametrize(
    ("content", "what"),
    [
        pytest.param("", "is not JSON", id="empty"),
        pytest.param("SECRET", "is not JSON", id="not-json"),
        pytest.param('{"SECRET": ', "is not JSON", id="half"),
        pytest.param("[" * 100_000, "is not JSON", id="deep"),
        pytest.param('["SECRET"]', "is not a file of stored keys", id="a-list"),
        pytest.param('"SECRET"', "is not a file of stored keys", id="a-text"),
        pytest.param('{"id": "SECRET"}', "is not a file of stored keys", id="keys-alone"),
        pytest.param('{"SECRET": {}}', "entry 1 has no provider_id", id="no-provider"),
        pytest.param('{"SECRET": {"provider_id": 5}}', "entry 1 has no provider_id", id="odd"),
        pytest.param(
            '{"a": {"provider_id": "SECRET", "key_name": null}}', "or key_name", id="odd-key-name"
        ),
        pytest.param(
            '{"a": {"provider_id": "a", "encrypted_key": ["SECRET"]}}',
            "entry 1 has no text for encrypted_key",
            id="odd-key",
        ),
    ],
)
def test_what_is_no_file_of_stored_keys_is_refused_and_not_quoted(tmp_path, content, what):
    """The entry is named by its number, and nothing of it is said."""
    path = tmp_path / "byok_keys.json"
    path.write_text(content)
    with refused(InputError, what, path) as caught:
        load_stored_keys(path)
    assert "SECRET" not in str(caught.value)


# What a capture keeps of them


def clients(snapshot, tenant="acme"):
    """Return the tenant's clients on a snapshot."""
    return list(atomlab.BYOKHandler(f"id-{tenant}", db=snapshot.session).clients)


def test_names_of_keys_are_kept_and_all_others_counted(captured):
    """As for settings: what the platform looks up, and what nearly is it; values are tokens."""
    env = {
        "OPENAI_API_KEY": KEY,
        "openai-api-key": OTHER,
        "LUX_MODEL_API_KEY": "",
        "PATH": "/usr/bin",
        "DATABASE_URL": f"postgresql://u:{OTHER}@h/d",
        KEY: "1",
    }
    with captured({"acme": {"TIMEZONE": "UTC"}}, rules=PUBLIC, env=env) as snapshot:
        snapshot.verify()
        rows = dict(snapshot._connection.execute("SELECT name, value FROM environment"))
        assert snapshot.manifest["withheld"] == {"settings": 1, "variables": 3, "stored_keys": 0}
        content = snapshot.path.read_bytes()
    assert rows.keys() == {"OPENAI_API_KEY", "openai-api-key", "LUX_MODEL_API_KEY"}
    assert rows["LUX_MODEL_API_KEY"] == "v1:empty:-"
    assert rows["OPENAI_API_KEY"].startswith("v1:present:")
    assert rows["OPENAI_API_KEY"] != rows["openai-api-key"]
    for secret in (KEY, OTHER, "/usr/bin", "DATABASE_URL", "PATH"):
        assert secret.encode() not in content


def test_a_name_that_no_database_stores_is_kept_escaped(captured):
    """A worker's environment may hold bytes that are no text."""
    env = {"OPENAI_API_KEY": KEY, "openai_api_key\udcff": OTHER}
    with captured({"acme": {}}, rules=PUBLIC, env=env) as snapshot:
        names = [name for (name,) in snapshot._connection.execute("SELECT name FROM environment")]
        assert names[0] == "OPENAI_API_KEY"
        assert clients(snapshot) == ["openai"]


def test_equal_values_are_seen_to_be_equal_wherever_they_stand(captured):
    """A setting, a variable and a stored key of one value have one fingerprint."""
    options = {"env": {"OPENAI_API_KEY": KEY, "QWEN_API_KEY": OTHER}, "keys": entry()}
    with captured({"acme": {"GROQ_API_KEY": KEY}}, rules=PUBLIC, **options) as snapshot:
        held = {
            table: [v for (v,) in snapshot._connection.execute(f"SELECT {column} FROM {table}")]
            for table, column in (
                ("tenant_settings", "setting_value"),
                ("environment", "value"),
                ("stored_keys", "value"),
            )
        }
    assert held["tenant_settings"] == held["environment"][:1] == held["stored_keys"]
    assert held["environment"][0] != held["environment"][1]


@pytest.fixture
def stored(captured):
    """Return a capture of two tenants, one of them alone if `only`, with keys of many names."""

    def make(**options):
        keys = {
            **entry("openai", "default"),
            **entry("deepseek", "id-acme"),
            **entry("qwen", "id-zeta"),
            **entry("gemini", "id-acme", is_active=False),
            **entry("moonshot", "id-acme", "development"),
            **entry("minimax", "somebody@example.org"),
            **entry("a-secret", "default"),
        }
        return captured({"acme": {}, "zeta": {}}, rules=PUBLIC, keys=keys, **options)

    return make


def test_stored_keys_of_captured_tenants_and_the_default_leave(stored):
    """The name of a key may be anything: only those that are known already are kept."""
    for tenants, kept, withheld in (
        ((), [("deepseek", "id-acme"), ("openai", "default"), ("qwen", "id-zeta")], 2),
        (["acme"], [("deepseek", "id-acme"), ("openai", "default")], 3),
    ):
        with stored(tenants=tenants) as snapshot:
            snapshot.verify()
            select = "SELECT provider, key_name FROM stored_keys ORDER BY provider"
            assert snapshot._connection.execute(select).fetchall() == kept
            assert snapshot.manifest["withheld"]["stored_keys"] == withheld
            content = snapshot.path.read_bytes()
            for secret in (KEY, "somebody", "a-secret", "development"):
                assert secret.encode() not in content
    assert b"id-zeta" not in content


def test_each_tenant_has_the_default_and_its_own(stored):
    """What is inactive, of another environment or another tenant's is nobody else's."""
    with stored() as snapshot:
        assert clients(snapshot, "acme") == ["openai", "deepseek"]
        assert clients(snapshot, "zeta") == ["openai", "qwen"]


@pytest.mark.parametrize(
    ("env", "keys", "found"),
    [
        pytest.param({}, {}, [], id="nothing"),
        pytest.param({"OPENAI_API_KEY": "x"}, {}, ["openai"], id="variable"),
        pytest.param({"OPENAI_API_KEY": ""}, {}, [], id="empty-variable"),
        pytest.param({"OPENAI_API_KEY": ""}, entry(), ["openai"], id="stored-key-first"),
        pytest.param(
            {"OPENAI_API_KEY": "x"}, entry(encrypted_key=""), ["openai"], id="variable-next"
        ),
        pytest.param(
            {"OPENAI_API_KEY": "x"}, entry(is_active=False), ["openai"], id="inactive-is-no-entry"
        ),
        pytest.param({}, entry("anthropic"), ["lux"], id="lux-takes-the-key-of-anthropic"),
        pytest.param({"ANTHROPIC_API_KEY": "x"}, {}, ["lux"], id="or-its-variable"),
        pytest.param({"LUX_API_KEY": "x"}, {}, [], id="lux-not-by-its-own-name"),
        pytest.param({"LUX_MODEL_API_KEY": "x"}, {}, ["lux"], id="lux-by-the-declared-name"),
        pytest.param({"GOOGLE_API_KEY": "x"}, {}, ["gemini"], id="gemini-by-google"),
        pytest.param({"GEMINI_API_KEY": " "}, {}, ["gemini"], id="spaces-are-a-key"),
        pytest.param({"MINIMAX_API_KEY": "x"}, {}, ["minimax"], id="minimax-unregistered"),
        pytest.param({"GROQ_API_KEY": "x"}, entry("groq"), [], id="not-on-the-list"),
    ],
)
def test_clients_come_from_stored_keys_then_variables(captured, env, keys, found):
    """The settings of the tenant play no part (source: PLATFORM C)."""
    tenants = {"acme": {"OPENAI_API_KEY": KEY, "QWEN_API_KEY": KEY}}
    with captured(tenants, rules=PUBLIC, env=env, keys=keys) as snapshot:
        assert clients(snapshot) == found


def test_rules_that_read_settings_do_not_read_the_environment(captured):
    """It is captured all the same: other rules may be asked later."""
    with captured({"acme": {}}, env={"OPENAI_API_KEY": KEY}, keys=entry("groq")) as snapshot:
        assert clients(snapshot) == []
        assert snapshot.manifest["tables"]["environment"]["rows"] == 1
        assert snapshot.manifest["tables"]["stored_keys"]["rows"] == 1


def test_the_manifest_says_which_inputs_there_were(make_database, prices, tmp_path, write_json):
    """Each is captured, given, the edition's default, or absent."""
    source, out = str(make_database({"acme": {}})), tmp_path / "out.sqlite"
    registry = {"providers": [{"id": "openai", "health_score": 0.4}]}
    own = tmp_path / "own.yaml"
    own.write_text(f"based_on: {PUBLIC}\nname: mine\n")
    given = {
        "pricing": prices,
        "rules": str(own),
        "providers": write_json(registry, "byok_config.json"),
        "catalog": write_json([], "catalog.json"),
        "env": {},
        "keys": {},
    }
    with atomlab.capture(source, out, rules=PUBLIC) as snapshot:
        assert snapshot.manifest["inputs"] == {
            "rules": "default",
            "prices": "absent",
            "registry": "default",
            "catalogue": "captured",
            "health": "absent",
            "environment": "absent",
            "stored keys": "absent",
        }
    with atomlab.capture(source, out, overwrite=True, **given) as snapshot:
        assert snapshot.manifest["inputs"] == dict.fromkeys(snapshot.manifest["inputs"], "given")


def test_a_database_without_a_catalogue_has_none(make_database, tmp_path):
    """An absent table is not an empty one."""
    source = make_database({"acme": {}})
    with closing(sqlite3.connect(source)) as db:
        db.execute("DROP TABLE model_catalog")
    with atomlab.capture(str(source), tmp_path / "out.sqlite") as snapshot:
        assert snapshot.manifest["inputs"]["catalogue"] == "absent"


def test_files_are_read_once_so_that_a_pipe_will_do(make_database, tmp_path):
    """`--env <(ssh worker env)` works."""
    import os
    import threading

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text(f"OPENAI_API_KEY={KEY}\n"))
    writer.start()
    source = str(make_database({"acme": {}}))
    with atomlab.capture(source, tmp_path / "out.sqlite", rules=PUBLIC, env=pipe) as snapshot:
        writer.join()
        assert clients(snapshot) == ["openai"]


# A forged snapshot


@pytest.fixture
def forge(captured, tmp_path):
    """Return a function that changes a snapshot with both by SQL, its hashes as well."""
    options = {"rules": PUBLIC, "env": {"OPENAI_API_KEY": KEY}, "keys": entry()}
    snapshot = captured({"acme": {}}, **options)

    def make(table, script):
        import hashlib

        content = changed(unsealed(snapshot.path), script)
        with closing(sqlite3.connect(":memory:")) as db:
            db.deserialize(content)
            rows = db.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()
        digest = {
            "rows": len(rows),
            "sha256": hashlib.sha256(json.dumps(rows).encode()).hexdigest(),
        }
        says = "UPDATE manifest SET value = json_set(value, ?, json(?)) WHERE name = 'tables'"
        path = tmp_path / "forged.sqlite"
        path.write_bytes(sealed(changed(content, says, (f"$.{table}", json.dumps(digest)))))
        return path

    return make


@pytest.mark.parametrize(
    ("table", "script", "what"),
    [
        ("environment", f"UPDATE environment SET value = '{KEY}'", "a variable's value is no"),
        ("environment", f"UPDATE environment SET name = '{KEY}'", "a variable's name is none"),
        ("stored_keys", f"UPDATE stored_keys SET value = '{KEY}'", "a stored key's value is no"),
        ("stored_keys", f"UPDATE stored_keys SET key_name = '{KEY}'", "a stored key's name is"),
    ],
)
def test_verify_finds_plaintext(forge, table, script, what):
    """A value that is not a token, a name that should not have left: neither is shown."""
    with (
        atomlab.open_snapshot(forge(table, script)) as forged,
        refused(SnapshotError, what) as caught,
    ):
        forged.verify()
    assert KEY not in str(caught.value)


def test_verify_finds_a_wrong_count_of_what_was_withheld(forge):
    """The sum is that of the tenants."""
    says = "UPDATE manifest SET value = json_set(value, '$.settings', 7) WHERE name = 'withheld'"
    with (
        atomlab.open_snapshot(forge("tenants", says)) as forged,
        refused(SnapshotError, "number of settings was withheld"),
    ):
        forged.verify()
