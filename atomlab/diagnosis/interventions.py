"""Interventions: change one fact on a scratch copy, run the whole decision again, undo it."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Self

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from atomlab.byok.handler import BYOKHandler
from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.ranking import Ranking
from atomlab.byok.request import Request
from atomlab.evidence.schema import Tenant, TenantSetting
from atomlab.evidence.snapshot import Evidence

EMPTY_TOKEN = "v1:empty:-"  # noqa: S105 - the redaction token of an empty value


@dataclass(frozen=True)
class KeyCopy:
    """Give `tenant_id` a row `setting_key` holding the value of `from_tenant_id`'s `copy_from`."""

    tenant_id: str
    setting_key: str
    from_tenant_id: str
    copy_from: str

    def __str__(self) -> str:
        return f"set {self.setting_key} to the value of {self.copy_from}"

    def apply(self, db: Session) -> bool:
        """Make the change; return False if there is no such value to copy."""
        value = db.scalar(
            select(TenantSetting.setting_value).where(
                TenantSetting.tenant_id == self.from_tenant_id,
                TenantSetting.setting_key == self.copy_from,
            )
        )
        if value is None:
            return False
        _put(db, self.tenant_id, self.setting_key, value)
        return True


@dataclass(frozen=True)
class EmptyKey:
    """Give `tenant_id` a row `setting_key` with an empty value."""

    tenant_id: str
    setting_key: str

    def __str__(self) -> str:
        return f"set {self.setting_key} to an empty value"

    def apply(self, db: Session) -> bool:
        """Make the change; it always can be made."""
        _put(db, self.tenant_id, self.setting_key, EMPTY_TOKEN)
        return True


Edit = KeyCopy | EmptyKey


@dataclass(frozen=True)
class Trial:
    """What one edit did to the decision for a tenant and request."""

    name: str
    edit: str
    before: Ranking
    after: Ranking
    applied: bool

    @property
    def cured(self) -> bool:
        """Whether there was no model before the edit, and is one after it."""
        return not len(self.before.order) and len(self.after.order) > 0

    @property
    def result(self) -> str:
        """What the decision was after the edit, in words."""
        if not self.applied:
            return "could not be made: there is no value to copy"
        winner = self.after.winner
        return f"{winner.model} wins" if winner else "the error stays"


class Laboratory:
    """A scratch copy on which edits are tried one at a time, each undone before the next."""

    def __init__(self, evidence: Evidence, platform: Platform | None = None) -> None:
        self.scratch = evidence.scratch()
        self.platform = platform or load_platform(evidence.session)

    def decide(self, tenant_id: str, request: Request) -> Ranking:
        """Return the decision on the copy as it stands."""
        return BYOKHandler(tenant_id, self.scratch.session, platform=self.platform).explain(request)

    def try_edit(self, name: str, edit: Edit, tenant_id: str, request: Request) -> Trial:
        """Return what `edit` does to the decision for `tenant_id`, and undo it."""
        before = self.decide(tenant_id, request)
        try:
            applied = edit.apply(self.scratch.session)
            after = self.decide(tenant_id, request)
        finally:
            self.scratch.session.rollback()
        return Trial(name, str(edit), before, after, applied)

    def make(self, edit: Edit) -> None:
        """Make `edit` for good, for all that follows on this copy."""
        edit.apply(self.scratch.session)
        self.scratch.session.commit()

    def another_tenant(self, tenant_id: str) -> str:
        """Return the id of some other tenant; one is made up on the copy if there is none."""
        db = self.scratch.session
        other = db.scalar(select(Tenant.id).where(Tenant.id != tenant_id).order_by(Tenant.id))
        if other is None:
            other = "placebo-tenant"
            db.add(Tenant(id=other, name="made up for the placebo"))
            db.commit()
        return other

    def close(self) -> None:
        """Forget the copy."""
        self.scratch.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def try_fix(
    lab: Laboratory, tenant_id: str, setting_key: str, copy_from: str, request: Request
) -> tuple[Trial, list[Trial]]:
    """Return the trial of copying a key, and those of three placebos that must not help.

    The placebos: the same copy on another tenant; the same row with an empty value (spaces would
    be truthy, and the platform would build a client from them); a row for a provider that the
    registry does not know.
    """
    fix = KeyCopy(tenant_id, setting_key, tenant_id, copy_from)
    other = lab.another_tenant(tenant_id)
    placebos: dict[str, Edit] = {
        "same key, another tenant": KeyCopy(other, setting_key, tenant_id, copy_from),
        "same row, empty value": EmptyKey(tenant_id, setting_key),
        "same key, unknown provider": KeyCopy(
            tenant_id, "NO_SUCH_PROVIDER_API_KEY", tenant_id, copy_from
        ),
    }
    return (
        lab.try_edit("the fix", fix, tenant_id, request),
        [lab.try_edit(name, edit, tenant_id, request) for name, edit in placebos.items()],
    )


def _put(db: Session, tenant_id: str, setting_key: str, value: str) -> None:
    """Leave exactly one row of that name, holding `value`."""
    db.execute(
        delete(TenantSetting).where(
            TenantSetting.tenant_id == tenant_id, TenantSetting.setting_key == setting_key
        )
    )
    db.add(TenantSetting(tenant_id=tenant_id, setting_key=setting_key, setting_value=value))
    db.flush()
