"""The tables: ATOM's own that matter here, and those that a snapshot adds to them.

Source: docs/platform.md. Only columns that a decision or a reader needs are mapped; a live
database may have many more, and they are never read.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from sqlalchemy import ForeignKey, String, Text, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from atomlab.shown import Shown


class Base(Shown, DeclarativeBase):
    """Declarative base of ATOM's tables; a row shows what was read of it, but never a value."""

    def _facts(self) -> Mapping[str, object]:
        shown = (column.key for column in self.__mapper__.columns if column.key != "setting_value")
        return {name: vars(self).get(name) for name in shown}


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


SNAPSHOT_TABLES = (
    *("tenants", "tenant_settings", "providers", "pricing", "model_catalog", "rules"),
    *("environment", "stored_keys"),
)
_DDL = Path(__file__).parent / "formats"
# The versions of the format that can be read: their schema, and their tables in the order in which
# they are written and hashed.
FORMATS: dict[int, tuple[str, tuple[str, ...]]] = {
    2: ((_DDL / "2.sql").read_text(), SNAPSHOT_TABLES[:6]),
    **{n: ((_DDL / f"{n}.sql").read_text(), SNAPSHOT_TABLES) for n in (3, 4)},
}
FORMAT_VERSION = max(FORMATS)  # SQLite's user_version
SNAPSHOT_DDL = FORMATS[FORMAT_VERSION][0]
