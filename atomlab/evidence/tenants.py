"""Which tenant is meant: an id, a subdomain or an exact name."""

from __future__ import annotations

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from atomlab.errors import TenantError
from atomlab.evidence.schema import Tenant
from atomlab.text import did_you_mean, listed, storable


def find_tenant(db: Session, text: str) -> Tenant:
    """Return the tenant whose id, subdomain or exact name is `text`.

    Raises TenantError with near matches if there is none, with the list if there are several.
    """
    text = storable(text)
    wanted = or_(Tenant.id == text, Tenant.subdomain == text, Tenant.name == text)
    found = list(db.scalars(select(Tenant).where(wanted).order_by(Tenant.id)))
    if len(found) == 1:
        db.expunge(found[0])  # it outlives the session, and rollbacks on a scratch copy
        return found[0]
    if found:
        raise TenantError(
            f"{text!r} names {len(found)} tenants ({listed(t.id for t in found)})",
            todo="give the id of the one you mean",
            matches=tuple(tenant.id for tenant in found),
        )
    total = db.scalar(select(func.count()).select_from(Tenant)) or 0
    rows = db.execute(select(Tenant.subdomain, Tenant.name, Tenant.id)).all()
    near = did_you_mean(text, (word for row in rows for word in row if word))
    raise TenantError(
        f"no tenant {text!r} among the {total:,} in this database",
        todo=near or "give an id, a subdomain or an exact name",
    )
