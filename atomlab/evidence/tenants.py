"""Which tenant is meant: an id, a subdomain or an exact name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from atomlab.errors import TenantError
from atomlab.evidence.schema import Tenant
from atomlab.text import did_you_mean, listed, storable

_NAMES = select(Tenant.id, Tenant.subdomain, Tenant.name)


@lru_cache(maxsize=1 << 10)  # a tenant's rows come together
def shard_of(tenant_id: str, of: int) -> int:
    """Return the number, from 1, of the one of so many shards in which a tenant stands."""
    digest = blake2b(tenant_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest) % of + 1


def find_tenant(db: Session, text: str) -> Tenant:
    """Return the tenant whose id, subdomain or exact name is `text`; raise TenantError."""
    text = storable(text)
    rows = _named(db, text) or db.execute(_NAMES).all()
    tenant = db.scalars(select(Tenant).where(Tenant.id == find_tenant_id(rows, text))).one()
    db.expunge(tenant)  # it outlives the session, and rollbacks on a scratch copy
    return tenant


def tenant_id(db: Session, text: str) -> str | None:
    """Return the id of the one tenant that goes by `text`, None if none does, or several do."""
    with suppress(TenantError):
        return find_tenant_id(_named(db, storable(text)), storable(text))
    return None


def _named(db: Session, text: str) -> Sequence[Sequence[Any]]:
    by_id = db.execute(_NAMES.where(Tenant.id == text)).all()  # no other can be meant, and quick
    return (
        by_id or db.execute(_NAMES.where(or_(Tenant.subdomain == text, Tenant.name == text))).all()
    )


def plan_and_mode(db: Session, tenant_id: str) -> tuple[str | None, str | None]:
    """Return plan and ai_mode of the tenant that has this id; raise TenantError if none has."""
    row = db.execute(select(Tenant.plan_type, Tenant.ai_mode).where(Tenant.id == tenant_id)).first()
    if row is None:
        known = db.execute(_NAMES).all()
        raise unknown_tenant(known, len(known), tenant_id)
    return row.plan_type, row.ai_mode


def find_tenant_id(rows: Iterable[Sequence[Any]], text: str) -> str:
    """Return the id of the one of the (id, subdomain, name) rows that goes by `text`.

    An id is always its own tenant's, whatever others are called. Raises TenantError.
    """
    known = list(rows)
    by_id = {str(row[0]) for row in known if str(row[0]) == text}
    found = sorted(by_id or {str(row[0]) for row in known if text in row[1:]})
    if len(found) == 1:
        return found[0]
    if found:
        raise TenantError(
            f"{text!r} names {len(found)} tenants ({listed(found)})",
            todo="give the id of the one you mean",
            matches=tuple(found),
        )
    raise unknown_tenant(known, len(known), text)


def unknown_tenant(rows: Iterable[Sequence[Any]], tenants: int, text: str) -> TenantError:
    """Return the error that none of so many tenants goes by `text`.

    `rows` are (id, subdomain, name) of those among which near matches are looked for.
    """
    near = did_you_mean(text, (str(word) for row in rows for word in row if word))
    return TenantError(
        f"no tenant {text!r} among the {tenants:,} in this database",
        todo=near or "give an id, a subdomain or an exact name",
    )
