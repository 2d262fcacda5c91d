"""The steps of a what-if: what may be otherwise, in the words in which one asks for it.

A snapshot offers them without knowing what follows from them: `diagnosis.what_if` does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    import pandas as pd

StepKind = Literal["add-key", "remove-key", "copy-key", "plan", "without-models", "rules"]


class Steps(ABC):
    """Steps in any order: each returns another object, with one change more.

    Nothing is written: changes are made in memory. Each raises InputError, with near names, for
    a name that is not known.
    """

    @abstractmethod
    def step(self, kind: StepKind, what: str, held: str = "") -> Self:
        """Return the same with one more step; `held` is the setting that is copied."""

    @abstractmethod
    def flips(self) -> pd.DataFrame:
        """Return what flips, as a frame."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return the document `atomlab.what-if/1`."""

    def add_key(self, provider: str) -> Self:
        """Return the same with a key of the provider, made up and usable."""
        return self.step("add-key", provider)

    def remove_key(self, provider: str) -> Self:
        """Return the same without any key that is read for the provider."""
        return self.step("remove-key", provider)

    def plan(self, name: str) -> Self:
        """Return the same on another plan, which counts for managed requests only."""
        return self.step("plan", name)

    def without_models(self, glob: str) -> Self:
        """Return the same without the models whose id fits, in any case: `minimax/*`."""
        return self.step("without-models", glob)

    def rules(self, name_or_file: str) -> Self:
        """Return the same decided by another edition's rules, or those in a file."""
        return self.step("rules", name_or_file)


class TenantSteps(Steps):
    """The steps for one tenant: `before` is its diagnosis as captured, `diagnosis` with them."""

    before: Any
    diagnosis: Any

    def copy_key(self, to: str, held: str) -> Self:
        """Return the same with the setting `to` at the value of the setting `held`."""
        return self.step("copy-key", to, held)
