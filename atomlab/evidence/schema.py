"""The tables: ATOM's own that matter here, and those that a snapshot adds to them.

Source: docs/platform.md. Only columns that a decision or a reader needs are mapped; a live
database may have many more, and they are never read.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Declarative base of ATOM's tables."""


class Tenant(Base):
    """A tenant of ATOM: one row per customer."""

    __tablename__ = "tenants"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    name: Mapped[str] = mapped_column(String)
    subdomain: Mapped[str | None] = mapped_column(String)
    plan_type: Mapped[str | None] = mapped_column(String, default="free")
    ai_mode: Mapped[str | None] = mapped_column(String, default="byok")

    @property
    def called(self) -> str:
        """The name, or the subdomain or id where that is empty."""
        return self.name if self.name.strip() else self.subdomain or self.id


class TenantSetting(Base):
    """A setting of a tenant: one row per tenant and key; API keys are such settings.

    `id` has no default in the database: the application makes it, so raw SQL must supply it.
    In a snapshot `setting_value` is a redaction token, never a value.
    """

    __tablename__ = "tenant_settings"

    id: Mapped[str] = mapped_column(String, primary_key=True, default=lambda: str(uuid.uuid4()))
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id", ondelete="CASCADE"))
    setting_key: Mapped[str] = mapped_column(String(255))
    setting_value: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime | None] = mapped_column(server_default=func.now())


# What came with version 3 of a snapshot's format.
_MORE = """,
    breaks TEXT"""
_ENVIRONMENT = """CREATE TABLE environment (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE stored_keys (provider TEXT NOT NULL, key_name TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (provider, key_name));
"""
# A snapshot's tables, in the order in which they are written and hashed. `tenant_settings` has
# no unique constraint: if a source holds a key twice, the snapshot shows it twice.
SNAPSHOT_DDL = f"""
CREATE TABLE manifest (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE tenants (id TEXT PRIMARY KEY, name TEXT NOT NULL, subdomain TEXT, plan_type TEXT,
    ai_mode TEXT, unnamed_settings INTEGER NOT NULL DEFAULT 0);
CREATE TABLE tenant_settings (id TEXT, tenant_id TEXT NOT NULL,
    setting_key TEXT NOT NULL, setting_value TEXT NOT NULL, created_at TEXT);
CREATE INDEX tenant_settings_by_tenant ON tenant_settings (tenant_id);
CREATE TABLE providers (position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    api_key_env_var TEXT, is_active INTEGER, health_score REAL);
CREATE TABLE pricing (position INTEGER PRIMARY KEY, model_id TEXT NOT NULL UNIQUE,
    litellm_provider TEXT NOT NULL, mode TEXT, input_cost_per_token REAL,
    output_cost_per_token REAL, max_input_tokens REAL, max_tokens REAL, max_output_tokens REAL,
    supports_tools INTEGER, supports_cache INTEGER, supports_vision INTEGER, malformed TEXT{_MORE});
CREATE TABLE model_catalog (model_id TEXT PRIMARY KEY, capabilities TEXT NOT NULL,
    exclude_from_general_routing INTEGER NOT NULL DEFAULT 0);
CREATE TABLE rules (name TEXT PRIMARY KEY, document TEXT NOT NULL);
{_ENVIRONMENT}"""
SNAPSHOT_TABLES = (
    *("tenants", "tenant_settings", "providers", "pricing", "model_catalog", "rules"),
    *("environment", "stored_keys"),
)
# The versions of the format that can be read: their schema, and their tables.
FORMATS: dict[int, tuple[str, tuple[str, ...]]] = {
    2: (SNAPSHOT_DDL.replace(_MORE, "").replace(_ENVIRONMENT, ""), SNAPSHOT_TABLES[:6]),
    3: (SNAPSHOT_DDL, SNAPSHOT_TABLES),
}
FORMAT_VERSION = max(FORMATS)  # SQLite's user_version
