"""Hypothesis files: the claims of an incident document, as data that can be tested."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import ConfigDict, Field, field_validator

from atomlab import limits
from atomlab.byok.request import Request
from atomlab.diagnosis.findings import RequestRecord
from atomlab.errors import NO_MODELS, InputError, TenantError
from atomlab.evidence.inputs.strict import Strict, load_model

if TYPE_CHECKING:
    from atomlab.evidence.snapshot import Evidence


class _StrictModel(Strict):
    model_config = ConfigDict(strict=True)


class _Claim(_StrictModel):
    id: str = Field(min_length=1)
    statement: str = Field(min_length=1)


class KeyClaim(_Claim):
    """The tenant holds a usable key in this row, or has no row of this name."""

    kind: Literal["key_present", "key_absent"]
    setting_key: str


class ClientClaim(_Claim):
    """Client initialization builds a client for the provider, or skips it."""

    kind: Literal["client_present", "client_absent"]
    provider: str


class ModelsSkipped(_Claim):
    """The ranking skips every model of the provider, because there is no client for it."""

    kind: Literal["models_skipped"]
    provider: str


class RankingRaises(_Claim):
    """The ranking raises the error, with exactly this message."""

    kind: Literal["ranking_raises"]
    message: str = NO_MODELS


class FixResolves(_Claim):
    """Copying one of the tenant's keys to another row cures the error, through this provider."""

    kind: Literal["fix_resolves"]
    setting_key: str
    copy_from: str
    provider: str


_Claims = KeyClaim | ClientClaim | ModelsSkipped | RankingRaises | FixResolves
_KINDS = [k for model in get_args(_Claims) for k in get_args(model.model_fields["kind"].annotation)]
Claim = Annotated[_Claims, Field(discriminator="kind")]


class _RequestFields(_StrictModel, RequestRecord):
    """A request as findings record it, of which anything may be left out."""

    complexity: str = "moderate"


class Hypothesis(_StrictModel):
    """What an incident document claims of a tenant and a request.

    Without a tenant it is a template, to be tested on any.
    """

    title: str = Field(min_length=1)
    tenant: str | None = Field(default=None, min_length=1)
    claims: tuple[Claim, ...] = Field(min_length=1, max_length=limits.CLAIMS, strict=False)
    fields: _RequestFields = Field(default=_RequestFields(), alias="request")

    @field_validator("claims")
    @classmethod
    def _ids_differ(cls, claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
        if len({claim.id for claim in claims}) < len(claims):
            raise ValueError("two claims have the same id")
        return claims

    @property
    def request(self) -> Request:
        """The request that the claims are about."""
        return Request(**self.fields.model_dump())

    def tested_on(self, evidence: Evidence, tenant: str | None = None) -> str:
        """Return whom to test the claims on: `tenant`, else the one that they are about.

        Raises InputError if neither is named, or both are and they are two tenants.
        """
        wanted = self.tenant if tenant is None else tenant
        if wanted is None:
            raise InputError(
                "the hypothesis names no tenant",
                todo="name the one to test it on (--tenant), or add a line tenant: to the file",
            )
        about = wanted if self.tenant is None else self.tenant
        if wanted == about or _ids(evidence, wanted) & _ids(evidence, about):
            return wanted
        raise InputError(
            f"the hypothesis is about tenant {self.tenant!r}, not {wanted!r}",
            todo="leave out one of the two; a hypothesis without a tenant fits any",
        )


def _ids(evidence: Evidence, name: str) -> set[str]:
    """Return the ids of the tenants that go by the name, none or more than one as it may be."""
    try:
        return {evidence.tenant(name).id}
    except TenantError as error:
        return set(error.matches)


def load_hypothesis(path: str | Path) -> Hypothesis:
    """Return the hypothesis in a YAML file; raise InputError, naming the place, if it is wrong."""
    hypothesis = load_model(path, Hypothesis, "a hypothesis file", _KINDS)
    try:
        _ = hypothesis.request
    except InputError as error:
        what = re.sub(r" ['\"].*", "", error.what, flags=re.DOTALL)  # the value is the file's
        raise InputError(f"request: {what}", where=path, todo=error.todo) from None
    return hypothesis
