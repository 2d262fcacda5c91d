"""A capture is written only if the redacted copy decides as its source does."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from atomlab.byok.keys import BYOKManager
from atomlab.capturing import capture as capture_module
from atomlab.capturing import copying, reading
from atomlab.capturing.capture import capture
from atomlab.errors import SourceError
from atomlab.evidence.inputs.registry import default_registry, load_registry
from atomlab.evidence.inputs.rules import COMPLEXITIES, load_rules
from atomlab.evidence.sources import source as source_module
from tests.refusals import refused

KEY = "sk-" + "3" * 40


def test_manifest_says_what_was_compared(captured):
    """The proof counts the tenants and names the complexities on which both sides agree."""
    snapshot = captured({"acme": {"OPENAI_API_KEY": KEY}, "zeta": {}, "beta": {"X": "y"}})
    assert snapshot.manifest["fidelity"] == {
        "agree": True,
        "tenants": 3,
        "complexities": list(COMPLEXITIES),
    }


@pytest.mark.parametrize(
    ("wrong", "value"),
    [
        pytest.param("v1:empty:-", KEY, id="a-key-lost"),
        pytest.param("v1:present:" + "0" * 64, "", id="a-key-invented"),
    ],
)
def test_copy_that_decides_otherwise_is_refused(
    make_database, prices, tmp_path, monkeypatch, wrong, value
):
    """A redaction that changes a decision leaves no snapshot behind, and names the tenant."""
    source = make_database({"fine": {}, "acme": {"OPENAI_API_KEY": value}})
    monkeypatch.setattr(reading, "token", lambda *_: wrong)
    out = tmp_path / "out.sqlite"
    with refused(SourceError, "decides otherwise for tenant id-acme"):
        capture(str(source), out, pricing=prices)
    assert not out.exists()


def test_copy_with_other_prices_is_refused(make_database, prices, tmp_path, monkeypatch):
    """Clients that agree are not enough: what else a decision follows from is compared too."""
    source = make_database({"acme": {"OPENAI_API_KEY": KEY}})
    write_inputs = copying.copy_inputs

    def spoil(memory, inputs):
        write_inputs(memory, inputs)
        memory.execute("UPDATE pricing SET max_tokens = 10, max_input_tokens = 10")

    monkeypatch.setattr(capture_module, "copy_inputs", spoil)
    with refused(SourceError, "holds other prices"):
        capture(str(source), tmp_path / "out.sqlite", pricing=prices)
    assert not (tmp_path / "out.sqlite").exists()


def spoil_when(monkeypatch, spoil, when):
    """Let a statement spoil the copy once its settings are written, or once these are read back."""
    copy_settings = copying.copy_settings

    def copy_and_spoil(work, part, source):
        copy_settings(work, part, source)
        if bool(part.rows) == (when == "written"):  # the last part has none
            work.execute(spoil)

    monkeypatch.setattr(capture_module, "copy_settings", copy_and_spoil)


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        ("UPDATE tenants SET plan_type = 'enterprise'", "holds other tenants"),
        ("UPDATE pricing SET supports_tools = NULL", "holds other prices"),
        ("UPDATE model_catalog SET capabilities = '[]'", "holds other model catalogue"),
        ("UPDATE providers SET health_score = 0.1 WHERE id = 'glm'", "holds other providers"),
    ],
)
def test_copy_that_would_decide_otherwise_on_another_request_is_refused(
    make_database, prices, tmp_path, monkeypatch, spoil, what
):
    """Managed requests, tools and capabilities depend on more than the four requests do."""
    catalog = [("gpt-4o-mini", '["vision"]', False)]
    source = make_database({"acme": {"OPENAI_API_KEY": KEY}}, catalog=catalog)
    spoil_when(monkeypatch, spoil, "read back")
    with refused(SourceError, what):
        capture(str(source), tmp_path / "out.sqlite", pricing=prices)


def test_what_is_stored_as_no_text_is_judged_as_the_platform_does(tmp_path):
    """SQLite keeps what it is given: 0 is no key, bytes are one, a name of bytes names nothing."""
    path = tmp_path / "untyped.db"
    rows = [
        ("OPENAI_API_KEY", 0),
        ("GROQ_API_KEY", 0.0),
        ("MISTRAL_API_KEY", b""),
        ("XAI_API_KEY", 7),
        ("MOONSHOT_API_KEY", b"sk-bytes"),
        (b"DEEPSEEK_API_KEY", KEY),
    ]
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE tenants (id, name)")
        db.execute("CREATE TABLE tenant_settings (id, tenant_id, setting_key, setting_value)")
        db.execute("INSERT INTO tenants VALUES ('1', 'one')")
        db.executemany("INSERT INTO tenant_settings VALUES (NULL, '1', ?, ?)", rows)
        db.commit()
    rules, registry = (
        load_rules("hosted-2026-05"),
        load_registry(default_registry("hosted-2026-05")),
    )
    engine = create_engine(f"sqlite:///{path}")
    with (
        Session(engine) as live,
        capture(str(path), tmp_path / "out.sqlite", tenants=["one"]) as snapshot,
    ):
        for db, redacted in ((live, False), (snapshot.session, True)):
            manager = BYOKManager(registry, rules, redacted=redacted)
            found = {p.id for p in registry if manager.get_tenant_api_key("1", p.id, db=db)}
            assert found == {"xai", "moonshot"}
    engine.dispose()


def test_state_that_no_decision_depends_on_is_compared_too(
    make_database, prices, tmp_path, monkeypatch
):
    """Blank and present build the same client, but the causes of a failure tell them apart."""
    source = make_database({"acme": {"OPENAI_API_KEY": KEY}})
    monkeypatch.setattr(reading, "token", lambda *_: "v1:blank:" + "0" * 64)
    with refused(SourceError, "decides otherwise for tenant id-acme"):
        capture(str(source), tmp_path / "out.sqlite", pricing=prices)


def test_plan_that_is_withheld_may_not_decide(make_database, prices, tmp_path):
    """A plan in a key's shape is not copied: it must be none that the rules know."""
    plan, out = "customenterpriseplan2026withextras", tmp_path / "out.sqlite"
    document = load_rules("hosted-2026-05").to_mapping()
    source = str(make_database({"acme": {"OPENAI_API_KEY": KEY}}, plan=plan))
    with capture(source, out, pricing=prices) as snapshot:
        assert snapshot.tenant("acme").plan_type == "withheld"
    rules = tmp_path / "rules.yaml"
    own = {"name": "ours", "based_on": "hosted-2026-05"}
    rules.write_text(json.dumps({**own, "plans": {**document["plans"], plan: ["gpt"]}}))
    with refused(SourceError, "decides otherwise for tenant id-acme"):
        capture(source, out, pricing=prices, rules=str(rules), overwrite=True)


def test_capture_with_a_failing_proof_writes_nothing(make_database, tmp_path, monkeypatch):
    """If the check raises, no file is left, nor a part of one."""

    def doubt(*_):
        raise SourceError("proof failed", where="here", todo="look")

    monkeypatch.setattr(capture_module.FidelityCheck, "compare", doubt)
    before = make_database({"acme": {}})
    with refused(SourceError, "proof failed"):
        capture(str(before), tmp_path / "out.sqlite")
    assert list(tmp_path.iterdir()) == [before]


@pytest.mark.parametrize(
    ("spoil", "when", "what"),
    [
        ("DELETE FROM tenant_settings", "written", "decides otherwise for tenant id-acme"),
        ("DELETE FROM tenant_settings", "read back", "holds other settings"),
        ("DELETE FROM tenants WHERE id = 'id-acme'", "read back", "holds other tenants"),
        (
            "INSERT INTO tenants VALUES ('x', 'x', 'x', NULL, NULL, 0, 0)",
            "read back",
            "holds other tenants",
        ),
        ("UPDATE tenants SET id = id || 'x'", "read back", "otherwise for tenant id-acmex"),
        ("UPDATE tenants SET name = name || 'x'", "read back", "holds other tenants"),
        (
            "UPDATE tenant_settings SET tenant_id = 'id-fine'",
            "written",
            "decides otherwise for tenant id-",
        ),
        (
            "UPDATE tenant_settings SET setting_key = 'X_API_KEY'",
            "written",
            "otherwise for tenant id-acme",
        ),
        ("UPDATE tenants SET states = 0", "read back", "decides otherwise for tenant id-acme"),
    ],
    ids=[
        *("rows-lost", "rows-lost-later", "tenant-lost", "tenant-added", "renamed", "called-else"),
        *("moved", "key-renamed", "states"),
    ],
)
def test_copy_that_lost_something_is_refused(
    make_database, prices, tmp_path, monkeypatch, spoil, when, what
):
    """What was read and not written is noticed, and the tenant is named where one can be."""
    source = make_database({"fine": {}, "acme": {"OPENAI_API_KEY": KEY}})
    spoil_when(monkeypatch, spoil, when)
    with refused(SourceError, what):
        capture(str(source), tmp_path / "out.sqlite", pricing=prices)
    assert set(tmp_path.iterdir()) == {prices, source}


@pytest.mark.parametrize(
    ("spoil", "tenant"),
    [
        pytest.param("DELETE FROM environment", "id-acme", id="variables-lost"),
        pytest.param("UPDATE environment SET value = 'v1:empty:-'", "id-acme", id="emptied"),
        pytest.param("UPDATE environment SET name = 'X_API_KEY'", "id-acme", id="renamed"),
        pytest.param(
            "DELETE FROM stored_keys WHERE key_name = 'id-fine'", "id-fine", id="own-lost"
        ),
        pytest.param(
            "UPDATE stored_keys SET key_name = 'id-acme'", "id-acme", id="anothers-stored-key"
        ),
        pytest.param(
            "UPDATE stored_keys SET key_name = 'default'", "id-acme", id="everybodys-stored-key"
        ),
    ],
)
def test_copy_that_lost_a_key_of_the_environment_is_refused(
    make_database, prices, tmp_path, monkeypatch, spoil, tenant
):
    """Where keys come from the environment its copy is compared, tenant by tenant."""
    copy_environment = copying.copy_environment

    def copy_and_spoil(work, *arguments):
        withheld = copy_environment(work, *arguments)
        work.execute(spoil)
        return withheld

    stored = {"provider_id": "gemini", "key_name": "id-fine", "encrypted_key": KEY}
    options = {
        "rules": "open-source-2026-05",
        "env": {"OPENAI_API_KEY": KEY},
        "keys": {"gemini_id-fine_production": stored},
    }
    source, out = make_database({"acme": {}, "fine": {}}), tmp_path / "out.sqlite"
    capture(str(source), tmp_path / "good.sqlite", pricing=prices, **options).close()
    monkeypatch.setattr(capture_module, "copy_environment", copy_and_spoil)
    with refused(SourceError, f"decides otherwise for tenant {tenant}"):
        capture(str(source), out, pricing=prices, **options)
    assert not out.exists()


def test_many_tenants_are_compared_across_batches(make_database, prices, tmp_path, monkeypatch):
    """However the rows are cut into batches, each tenant is judged by all of its keys."""
    settings = {"OPENAI_API_KEY": KEY, "DEEPSEEK_API_KEY": "", "MINIMAX_API_KEY": KEY, "X": "y"}
    source = make_database({f"t{n:02}": settings for n in range(23)})
    for size in (1, 2, 3, 7, 1000):
        monkeypatch.setattr(source_module, "_BATCH_ROWS", size)
        with capture(str(source), tmp_path / f"{size}.sqlite", pricing=prices) as made:
            assert made.manifest["fidelity"]["tenants"] == 23
            assert made.manifest["tables"]["tenant_settings"]["rows"] == 69


def test_shipped_snapshots_were_proven(before, after, local_dev):
    """Each shipped snapshot's manifest records the proof for all of its tenants."""
    for snapshot in (before, after, local_dev):
        rows = snapshot.manifest["tables"]["tenants"]["rows"]
        assert snapshot.manifest["fidelity"]["tenants"] == rows
        assert snapshot.manifest["fidelity"]["agree"] is True
