"""Builds the shipped snapshots: a made platform database in ATOM's schema, and real prices.

Run by `make data`; `make postmortem` builds the example postmortem alone, and `build.py logs` the
worker's logs, from the shipped snapshots. Tenants and settings are made up, the prices are real (see data/README.md). Every key is
drawn at random in memory and dies with the temporary folder; the snapshots hold fingerprints under
a key that dies there too, so that they compare with each other and with nothing else.
"""

from __future__ import annotations

import json
import random
import secrets
import sqlite3
import sys
import tempfile
import uuid
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import atomlab
from atomlab.postmortem.make import to_markdown

HERE = Path(__file__).parent
PRICES = HERE / "pricing" / "litellm-1.83.14-prices.json.gz"
BRENNAN = "31c06fc4-db22-4740-83ea-48ac14f25810"
NOTE = (
    "Example data: a database made by data/build.py from the facts of the incident document, with"
    " made-up other tenants and keys; the model prices are real."
)
NAMESPACE = uuid.UUID("6f1d0c0e-5d3b-4f0a-9a52-2026050200aa")

# ATOM's tables (PLATFORM B): ids are made by the application, the database has no default.
SCHEMA = """
CREATE TABLE tenants (id VARCHAR PRIMARY KEY, name VARCHAR NOT NULL, subdomain VARCHAR UNIQUE,
    domain VARCHAR, plan_type VARCHAR DEFAULT 'free', edition VARCHAR, is_active BOOLEAN,
    status VARCHAR, ai_mode VARCHAR DEFAULT 'byok', api_key VARCHAR, billing_email VARCHAR,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP);
CREATE TABLE tenant_settings (id VARCHAR NOT NULL PRIMARY KEY,
    tenant_id VARCHAR NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    setting_key VARCHAR(255) NOT NULL, setting_value TEXT NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP,
    UNIQUE (tenant_id, setting_key));
CREATE TABLE model_catalog (model_id VARCHAR PRIMARY KEY, capabilities JSON,
    exclude_from_general_routing BOOLEAN DEFAULT FALSE);
"""

# A setting's value by kind: key and second are secrets of the tenant, cipher looks like Fernet.
MAKERS = {
    "key": lambda: f"sk-{secrets.token_hex(24)}",
    "cipher": lambda: "gAAAAA" + urlsafe_b64encode(secrets.token_bytes(90)).decode(),
    "blank": lambda: "   ",
    "empty": lambda: "",
    "dummy": lambda: "dummy-key-for-testing",
    "json": lambda: json.dumps({"customer": f"cus_{secrets.token_hex(7)}", "seats": 12}),
    "oauth": lambda: json.dumps({"refresh_token": secrets.token_urlsafe(40)}),
    "text": lambda: "Europe/Berlin",
}

# subdomain, name, plan, ai_mode, settings. What each is an example of stands behind it.
TENANTS = [
    ("brennan", "Brennan Machinery", "team", "byok", {"MINIMAX_2_7_API_KEY": "key", "OUTLOOK_OAUTH": "oauth", "BILLING_PROFILE": "json", "TIMEZONE": "text"}),  # the incident
    # healthy
    ("northwind", "Northwind Traders", "enterprise", "byok", {"OPENAI_API_KEY": "key", "ANTHROPIC_API_KEY": "key"}),
    ("halvorsen", "Halvorsen Shipping", "team", "byok", {"DEEPSEEK_API_KEY": "key", "BILLING_PROFILE": "json"}),
    ("kestrel", "Kestrel Analytics", "enterprise", "byok", {"GEMINI_API_KEY": "key", "GROQ_API_KEY": "key", "MISTRAL_API_KEY": "key"}),
    ("orchard", "Orchard Foods", "solo", "byok", {"OPENROUTER_API_KEY": "key"}),
    ("tessera", "Tessera Architects", "team", "byok", {"MISTRAL_API_KEY": "cipher"}),
    ("lumen", "Lumen Energy", "enterprise", "hybrid", {"OPENAI_API_KEY": "cipher", "DEEPINFRA_API_KEY": "key"}),
    ("quarry", "Quarry & Sons", "free", "byok", {"GROQ_API_KEY": "key", "TIMEZONE": "text"}),
    ("saltmarsh", "Saltmarsh Publishing", "team", "byok", {"ANTHROPIC_API_KEY": "key"}),
    ("vireo", "Vireo Health", "enterprise", "byok", {"OPENAI_API_KEY": "key", "GEMINI_API_KEY": "key", "DEEPSEEK_API_KEY": "key", "MOONSHOT_API_KEY": "key"}),
    ("pinnacle", "Pinnacle Logistics", "team", "byok", {"MINIMAX_API_KEY": "key", "MINIMAX_2_7_API_KEY": "key"}),
    ("cobalt", "Cobalt Robotics", "team", "byok", {"MOONSHOT_API_KEY": "key"}),
    ("juniper", "Juniper Law", "solo", "byok", {"DEEPINFRA_API_KEY": "key"}),
    ("meridian", "Meridian Travel", "enterprise", "byok", {"OPENAI_API_KEY": "key", "BILLING_PROFILE": "json", "SLACK_OAUTH": "oauth"}),
    ("tenfold", "Tenfold Consulting", "team", "byok", {"OPENAI_API_KEY": "key", "ANTHROPIC_API_KEY": "key", "GROQ_API_KEY": "key", "GEMINI_API_KEY": "key", "MISTRAL_API_KEY": "key", "DEEPSEEK_API_KEY": "key", "DEEPINFRA_API_KEY": "key", "MOONSHOT_API_KEY": "key", "OPENROUTER_API_KEY": "key", "OLLAMA_API_KEY": "key"}),  # ten clients
    # the incident's pattern under other names
    ("fjord", "Fjord Fisheries", "team", "byok", {"MINIMAX_2_5_API_KEY": "key"}),
    ("harbor", "Harbor Insurance", "team", "byok", {"OPENAI_5_3_API_KEY": "key"}),
    ("sable", "Sable Textiles", "solo", "byok", {"ANTHROPIC_OPUS_4_6_API_KEY": "key"}),
    ("granite", "Granite Bank", "enterprise", "byok", {"GOOGLE_FLASH_API_KEY": "key"}),
    ("willow", "Willow Schools", "free", "byok", {"GOOGLE_API_KEY": "key"}),
    # a client, but no model of that provider in the price map
    ("ember", "Ember Studios", "team", "byok", {"GLM_5_API_KEY": "key"}),
    ("delta", "Delta Ceramics", "solo", "byok", {"QWEN_API_KEY": "key"}),
    ("atrium", "Atrium Hotels", "team", "byok", {"LUX_API_KEY": "key"}),
    # names that nearly hit
    ("bramble", "Bramble Books", "solo", "byok", {"openai_api_key": "key"}),
    ("cascade", "Cascade Water", "team", "byok", {"DEEPSEEK-API-KEY": "key"}),
    ("dovetail", "Dovetail Joinery", "solo", "byok", {"MISTRAL": "key"}),
    ("everett", "Everett Aviation", "team", "byok", {"GROQ_API_KEY_API_KEY": "key"}),
    ("foxglove", "Foxglove Pharma", "team", "byok", {"GEMINI KEY": "key"}),
    # values that are no key
    ("glacier", "Glacier Outfitters", "team", "byok", {"OPENAI_API_KEY": "empty"}),
    ("hollow", "Hollow Creek Dairy", "free", "byok", {"MISTRAL_API_KEY": "blank"}),
    ("ironwood", "Ironwood Tools", "solo", "byok", {"DEEPSEEK_API_KEY": "dummy"}),
    ("jasper", "Jasper Jewels", "team", "byok", {"OPENAI_API_KEY": "empty", "GROQ_API_KEY": "empty"}),
    # keys of providers that are no LLM here, or not known
    ("knoll", "Knoll Research", "team", "byok", {"TAVILY_API_KEY": "key"}),
    ("larkspur", "Larkspur Media", "team", "byok", {"COHERE_API_KEY": "key"}),
    ("mosaic", "Mosaic Retail", "solo", "byok", {"TAVILY_API_KEY": "key", "COHERE_API_KEY": "key"}),
    # nothing at all
    ("nettle", "Nettle Garden", "free", "byok", {}),
    ("osprey", "Osprey Security", "free", "byok", {"BILLING_PROFILE": "json", "TIMEZONE": "text"}),
    # managed by the platform
    ("pebble", "Pebble Apps", "free", "managed", {"DEEPSEEK_API_KEY": "key"}),
    ("ridge", "Ridge Surveyors", "solo", "managed", {"ANTHROPIC_API_KEY": "key"}),
    ("summit", "Summit Ventures", "enterprise", "managed", {"OPENAI_API_KEY": "key"}),
    # names that try to be more than names
    ("0042", "0042", "free", "byok", {"OPENAI_API_KEY": "key"}),
    ("markup", "</script><img src=x onerror=alert(1)>", "free", "byok", {"GROQ_API_KEY": "key"}),
    ("braces", "{{7*7}} & ${7*7}", "free", "byok", {"MINIMAX_2_7_API_KEY": "key"}),
    ("cells", "=cmd|' /C calc'!A0", "free", "byok", {"MISTRAL_API_KEY": "key"}),
    ("bidi", "Acme \u202egnp.exe\x1b[31m", "free", "byok", {"DEEPSEEK_API_KEY": "key"}),
]  # fmt: skip

LOCAL_TENANTS = [
    ("localhost", "Local Development", "free", "byok", {"OPENAI_API_KEY": "dummy"}),
    ("demo", "Demo Tenant", "team", "byok", {"DEEPSEEK_API_KEY": "key", "TIMEZONE": "text"}),
    ("brenda", "Brenda's Test Tenant", "free", "byok", {}),
]

CATALOG = [
    ("gpt-4o", ["tools", "vision"], False),
    ("gemini/gemini-2.0-flash", ["tools", "vision"], False),
    ("deepseek/deepseek-chat", ["tools"], False),
    ("deepseek/deepseek-reasoner", [], True),
    ("mistral/mistral-embed", ["embedding"], True),
]


def build_database(path: Path, tenants: list[tuple[str, str, str, str, dict[str, str]]]) -> None:
    """Write a platform database with these tenants, their secrets drawn anew."""
    with sqlite3.connect(path) as db:
        db.executescript(SCHEMA)
        for subdomain, name, plan, mode, settings in tenants:
            tenant = BRENNAN if subdomain == "brennan" else str(uuid.uuid5(NAMESPACE, subdomain))
            db.execute(
                "INSERT INTO tenants (id, name, subdomain, plan_type, ai_mode, api_key, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, '2026-01-15 09:00:00')",
                (tenant, name, subdomain, plan, mode, f"atom-{secrets.token_hex(20)}"),
            )
            for key, kind in settings.items():
                _add_setting(db, tenant, key, MAKERS[kind](), "2026-04-20 14:05:00")
        db.executemany(
            "INSERT INTO model_catalog VALUES (?, ?, ?)",
            [(model, json.dumps(capabilities), out) for model, capabilities, out in CATALOG],
        )
    db.close()


def apply_documented_fix(path: Path) -> None:
    """Add MINIMAX_API_KEY for Brennan with the value of MINIMAX_2_7_API_KEY (option 1)."""
    with sqlite3.connect(path) as db:
        ((value,),) = db.execute(
            "SELECT setting_value FROM tenant_settings"
            " WHERE tenant_id = ? AND setting_key = 'MINIMAX_2_7_API_KEY'",
            (BRENNAN,),
        )
        _add_setting(db, BRENNAN, "MINIMAX_API_KEY", value, "2026-05-02 16:40:00")
    db.close()


def build(folder: Path) -> list[Path]:
    """Write the three snapshots to `folder` and return their paths."""
    with tempfile.TemporaryDirectory() as temporary:
        production, local = Path(temporary, "production.db"), Path(temporary, "local.db")
        build_database(production, TENANTS)
        build_database(local, LOCAL_TENANTS)
        written = [
            _capture(production, folder, "brennan-2026-05-02", datetime(2026, 5, 2, 8, tzinfo=UTC))
        ]
        apply_documented_fix(production)
        written.append(
            _capture(production, folder, "brennan-2026-05-03", datetime(2026, 5, 3, 8, tzinfo=UTC))
        )
        written.append(_capture(local, folder, "local-dev", datetime(2026, 5, 2, 9, tzinfo=UTC)))
    return written


def build_postmortem(folder: Path) -> list[Path]:
    """Write the example's findings and postmortem to `folder` and return their paths."""
    claims = atomlab.load_hypothesis(HERE / "hypotheses" / "brennan-minimax.yaml")
    findings, document = folder / "findings.json", folder / "postmortem.md"
    with atomlab.open_snapshot(HERE / "snapshots" / "brennan-2026-05-02.sqlite") as snapshot:
        found = atomlab.investigate(snapshot, "brennan", claims).to_json()
    findings.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    text = to_markdown([str(findings)], str(HERE / "postmortem" / "events.yaml"))
    document.write_text(text, encoding="utf-8")
    return [findings, document]


KINDS = ("simple", "moderate", "complex", "advanced")
FIXED_AT = datetime(2026, 5, 2, 16, 40, tzinfo=UTC)  # when apply_documented_fix adds its row
NORTHWIND = str(uuid.uuid5(NAMESPACE, "northwind"))


def build_logs(folder: Path) -> list[Path]:
    """Write the worker's logs before and after the fix to `folder` and return their paths.

    Eight jobs of each kind before the fix, twelve after it, of Brennan, and as many of a healthy
    tenant; a job that fails is tried three times. Winners are those of the shipped snapshots.
    """
    draw, written, done = random.Random(20260502), [], 0
    for name, day, start, jobs in (
        ("brennan-before-fix.log", 2, FIXED_AT - timedelta(hours=8), 8),
        ("brennan-after-fix.log", 3, FIXED_AT, 12),
    ):
        with atomlab.open_snapshot(HERE / "snapshots" / f"brennan-2026-05-0{day}.sqlite") as at:
            winners = {
                tenant: {
                    each.request.complexity: each.ranking.winner
                    for each in atomlab.diagnose(at, tenant).requests
                }
                for tenant in (BRENNAN, NORTHWIND)
            }
        lines = [(start, "INFO", "celery@worker-1 ready.", {})] if day == 3 else []
        lines += [
            (start + timedelta(minutes=5 * n, seconds=2), "INFO", f"Queue depth {n % 4}", {})
            for n in range(jobs * 12)
        ]
        for number in range(jobs * 8):
            tenant, kind = (BRENNAN, NORTHWIND)[number % 2], KINDS[number // 2 % 4]
            begins = start + timedelta(minutes=5 + number * 7.4, seconds=draw.randrange(60))
            job = f"backfill-{begins:%m%d}-{done + number + 1:04d}"
            lines += _job(begins, job, tenant, kind, winners[tenant][kind], draw)
        done += jobs * 8
        lines.sort(key=lambda line: line[0])
        path = folder / name
        with path.open("w", encoding="utf-8") as out:
            for when, level, message, extra in lines:
                stamp = when.replace(tzinfo=None).isoformat(timespec="milliseconds")
                record = {"timestamp": stamp, "level": level, "message": message, **extra}
                out.write(json.dumps(record) + "\n")
        written.append(path)
    return written


def _job(
    begins: datetime,
    job: str,
    tenant: str,
    kind: str,
    winner: atomlab.byok.ranking.Candidate | None,
    draw: random.Random,
) -> list[tuple[datetime, str, str, dict[str, object]]]:
    """Return the lines of one job: its only attempt, or the three that fail."""
    found = []
    for attempt in (1,) if winner else (1, 2, 3):
        at = begins + timedelta(seconds=40 * (attempt - 1))
        lines = [("INFO", f"[JOB_EVENT] {job}: Attempt {attempt} started")]
        if tenant == BRENNAN:
            fixed = begins > FIXED_AT
            lines += [] if fixed else [("WARNING", "Setting not found or NULL for minimax")]
            clients = ["minimax", "minimax_2_7"] if fixed else ["minimax_2_7"]
        else:
            clients = ["openai", "anthropic"]
        lines += [("INFO", f"Initialized {c} client using BYOK credential") for c in clients]
        if winner is None:
            error = "No models available from dynamic pricing"
            lines.append(("ERROR", f"Structured generation failed: {error}"))
            if attempt == 3:
                lines.append(("ERROR", f"Backfill failed for outlook: {error}"))
        else:
            n, m = draw.randint(2, 40), draw.randint(1, 25)
            plan = "team" if tenant == BRENNAN else "enterprise"
            value = f"{winner.value_score:.2f}"
            lines += [
                (
                    "INFO",
                    f"BPC Ranking Successful for {kind}: Top model {winner.model} (Value: {value})",
                ),
                ("INFO", f"Structured generation ({plan}, BYOK): {winner.provider}/{winner.model}"),
                (
                    "INFO",
                    f"Unified extraction found {n} entities and {m} relationships for doc mail-{job[-4:]}",
                ),
                ("INFO", f"Ingested {n} nodes, {m} edges for ws {tenant}"),
                (
                    "INFO",
                    f"[JOB_EVENT] {job}: Chunk 1 complete: {n} entities, {m} relationships extracted",
                ),
                ("INFO", f"Job {job} completed successfully"),
            ]
        extra = {"tenant_id": tenant, "job_id": job, "complexity": kind, "attempt": attempt}
        for number, (level, message) in enumerate(lines):
            found.append((at + timedelta(seconds=1.7 * number), level, message, extra))
    return found


def _add_setting(db: sqlite3.Connection, tenant: str, key: str, value: str, at: str) -> None:
    db.execute(
        "INSERT INTO tenant_settings (id, tenant_id, setting_key, setting_value, created_at)"
        " VALUES (?, ?, ?, ?, ?)",
        (str(uuid.uuid5(NAMESPACE, f"{tenant} {key}")), tenant, key, value, at),
    )


def _capture(source: Path, folder: Path, name: str, captured_at: datetime) -> Path:
    path = folder / f"{name}.sqlite"
    with atomlab.capture(
        str(source),
        path,
        pricing=PRICES,
        key_file=source.with_name("fingerprints.key"),
        overwrite=True,
        captured_at=captured_at,
        note=NOTE,
    ) as snapshot:
        print(f"{path.name}: {path.stat().st_size:,} bytes, sha256 {snapshot.sha256}")
    return path


if __name__ == "__main__":
    if not sys.argv[1:]:
        build(HERE / "snapshots")
    if sys.argv[1:] != ["postmortem"]:
        build_logs(HERE / "logs")
    if sys.argv[1:] != ["logs"]:
        build_postmortem(HERE / "postmortem")
