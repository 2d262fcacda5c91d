"""Edits: the single changes that a fix, or a trial of one, is made of."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from atomlab.evidence.inputs.rules import Rules
from atomlab.shown import Shown
from atomlab.text import printable

Who = Literal["tenant", "operator", "engineering"]
WHO: tuple[Who, ...] = get_args(Who)  # who has to act, the easiest to get first
# A key that the tenant holds is copied, or a row repaired, for 1; a new credential costs 5, the
# platform's configuration 10, its code 20, a mere trial nothing.
CODE_CHANGE = 20


class Kind(NamedTuple):
    """What a kind of edit costs and does, and what people do where no SQL can."""

    cost: int
    does: str
    by_hand: str = ""
    in_environment: str = ""


KINDS = {
    name: Kind(**fields)
    for name, fields in json.loads(Path(__file__).with_name("edits.json").read_bytes()).items()
}
# The quality table and the thresholds are code; the other filters judge by what an operator keeps.
_CODE_FILTERS = ("quality", "context")


@dataclass(frozen=True, repr=False)
class Edit(Shown):
    """One change. Which fields count depends on the kind; `tenant_id` None is the tenant's own.

    A row `setting_key` gets the value of `copy_from`, a made-up one, an empty one, or is removed;
    `provider` is allowed or registered, or gets a made-up model; `filter` lets every model pass;
    the cache's entry `model` is repaired.
    """

    kind: str
    setting_key: str | None = None
    copy_from: str | None = None
    provider: str | None = None
    filter: str | None = None
    tenant_id: str | None = None
    model: str | None = None

    @property
    def cost(self) -> int:
        """What the change costs, 0 for one that only a trial makes."""
        return CODE_CHANGE if self.filter in _CODE_FILTERS else KINDS[self.kind].cost

    def who(self, rules: Rules) -> Who:
        """Return who has to make the change.

        Keys are the tenant's, unless they come from the worker's environment; lists of providers
        are an operator's, unless the edition has them in its code.
        """
        if self.kind in ("copy-key", "repair-row", "new-credential"):
            return "tenant" if rules.keys_from == "settings" else "operator"
        listed_in_code = rules.client_order == "llm_providers" and self.provider is not None
        return "engineering" if listed_in_code or self.filter in _CODE_FILTERS else "operator"

    def to_json(self) -> dict[str, Any]:
        """Return the fields that are set; `Edit(**fields)` is the edit again."""
        return {k: v for k, v in dataclasses.asdict(self).items() if v is not None}

    def __str__(self) -> str:
        fields = {**self.__dict__, "model": printable(self.model)}
        whose = "" if self.tenant_id is None else " of another tenant"
        return KINDS[self.kind].does.format(**fields) + whose


def by_target(
    edits: Iterable[Edit],
) -> tuple[tuple[Edit, ...], tuple[Edit, ...], frozenset[str]]:
    """Return the edits of rows, those of the platform, and the names of filters to waive."""
    rows, platform, waived = list[Edit](), list[Edit](), set[str]()
    for edit in edits:
        if edit.filter is not None:
            waived.add(edit.filter)
        else:
            (platform if edit.setting_key is None else rows).append(edit)
    return tuple(rows), tuple(platform), frozenset(waived)


def repairs(models: tuple[str, ...]) -> tuple[Edit, ...]:
    """Return the repair of each of these entries of the cache."""
    return tuple(Edit("repair-entry", model=name) for name in models)
