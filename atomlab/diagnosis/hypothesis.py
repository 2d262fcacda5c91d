"""Hypothesis files: the claims of an incident document, as data that can be tested."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from atomlab import limits
from atomlab.byok.request import Request
from atomlab.errors import NO_MODELS, InputError, TenantError
from atomlab.files import read_yaml
from atomlab.text import did_you_mean, field_name

if TYPE_CHECKING:
    from atomlab.evidence.snapshot import Evidence


class _StrictModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


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


_MODELS = (KeyClaim, ClientClaim, ModelsSkipped, RankingRaises, FixResolves)
_KINDS: dict[str, type[_Claim]] = {
    kind: model for model in _MODELS for kind in get_args(model.model_fields["kind"].annotation)
}
Claim = Annotated[
    KeyClaim | ClientClaim | ModelsSkipped | RankingRaises | FixResolves,
    Field(discriminator="kind"),
]


class _RequestFields(_StrictModel):
    """The fields of Request once more: pydantic reads a strict dataclass from no mapping."""

    complexity: str = "moderate"
    task: str | None = None
    capability: str | None = None
    tools: bool = False
    managed: bool | None = None
    turn: int = 0
    tokens: int = 0
    tier: str | None = None


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
        if self.tenant is None or wanted is self.tenant:
            return wanted
        given, about = _ids(evidence, wanted), _ids(evidence, self.tenant)
        if given & about if given and about else wanted == self.tenant:
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
    """Return the hypothesis in a YAML file.

    Raises InputError naming the place for a file that cannot be read, an unknown kind or field
    (with the known ones), or a value of the wrong type.
    """
    document = read_yaml(Path(path))
    try:
        hypothesis = Hypothesis.model_validate(document)
        _ = hypothesis.request
    except ValidationError as error:
        what, todo = _explain(error, document)
        raise InputError(what, where=path, todo=todo) from None
    except InputError as error:
        what = re.sub(r" ['\"].*", "", error.what, flags=re.DOTALL)  # the value is the file's
        raise InputError(f"request: {what}", where=path, todo=error.todo) from None
    return hypothesis


def _explain(error: ValidationError, document: Any) -> tuple[str, str]:
    """Return what is wrong first, and what to do about it."""
    first = error.errors(include_url=False, include_input=False)[0]
    where, kind = first["loc"], first["type"]
    place = ".".join(field_name(part) for part in where if part not in _KINDS) or "the file"
    if kind == "extra_forbidden":
        known = _known_fields(where)
        hint = did_you_mean(str(where[-1]), known)
        return f"unknown field {place}", f"{hint} known fields: {', '.join(known)}".strip()
    if kind == "missing":
        return f"{place} is missing", "add it"
    if not isinstance(document, dict):
        return "is no hypothesis", "give title, tenant, request and claims"
    if kind in _EXPLAINED:
        what, todo = _EXPLAINED[kind]
        return f"{place} {what}", todo
    todo = 'put it in quotes, as in "0042"' if kind == "string_type" else "correct it"
    return f"{place}: {first['msg']}", todo


_EXPLAINED = {
    "union_tag_invalid": ("has no known kind", f"known kinds: {', '.join(_KINDS)}"),
    "union_tag_not_found": ("has no known kind", f"known kinds: {', '.join(_KINDS)}"),
    "too_long": ("has too many entries", f"give at most {limits.CLAIMS:,}"),
    "too_short": ("is empty", "give at least one"),
}


def _known_fields(place: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Hypothesis
    for part in place[:-1]:
        model = _RequestFields if part == "request" else _KINDS.get(str(part), model)
    return [field.alias or name for name, field in model.model_fields.items()]
