"""The models of the pricing cache as columns, and which provider's client would serve each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from atomlab.byok.scoring import Floats
from atomlab.evidence.inputs.catalog import CatalogEntry
from atomlab.evidence.inputs.pricing import PRICES, PROVIDER, WINDOWS, Pricing, chat_of
from atomlab.shown import Shown

Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False, repr=False)
class Models(Shown):
    """One element, or row, per model in cache order; every column is computed when first needed.

    `providers` are ids in client order. `matcher` says which models they serve: by `prefix`, what
    is before the id's first `/`, else the `litellm_provider`; by `substring`, ids that contain
    theirs, or whose `litellm_provider` it is; in lower case (docs/platform.md, ranking).
    """

    pricing: Pricing
    catalog: Mapping[str, CatalogEntry]
    providers: tuple[str, ...]
    matcher: str

    @cached_property
    def ids(self) -> list[str]:
        """The models' ids."""
        ids: list[str] = self.pricing.columns["model_id"]
        return ids

    @cached_property
    def lowered(self) -> list[str]:
        """The ids in lower case."""
        return [model_id.lower() for model_id in self.ids]

    @cached_property
    def matches(self) -> Bools:
        """Models × providers: whether the provider's client would serve the model."""
        matches = np.zeros((len(self.ids), len(self.providers)), dtype=bool, order="F")
        for place, provider_id in enumerate(self.providers):
            matches[:, place] = self.matching(provider_id)
        return matches

    @cached_property
    def served_by(self) -> Indices:
        """The first provider that would serve the model, as its place; -1 if none would."""
        return first_match(self.matches, np.arange(len(self.providers)))

    @cached_property
    def provider(self) -> NDArray[np.object_]:
        """The id of that provider, else what the model itself names."""
        owners = self.pricing.columns[PROVIDER]
        named = self._servers if self.matcher == "prefix" else owners
        places = zip(self.served_by, named, strict=True)
        return np.array([self.providers[p] if p >= 0 else name for p, name in places], object)

    @cached_property
    def costs(self) -> tuple[Floats, Floats]:
        """US dollars per token of input and of output; unknown ones are read as 0."""
        input_cost, output_cost = (np.nan_to_num(self.pricing.columns[name]) for name in PRICES)
        return input_cost, output_cost

    @cached_property
    def chat(self) -> Floats:
        """1 for a chat model, 0 for one that is none, NaN where that is unknown."""
        value = {True: 1.0, False: 0.0, None: np.nan}
        return np.array([value[chat_of(mode)] for mode in self.pricing.columns["mode"]], float)

    @cached_property
    def supports_tools(self) -> Bools:
        """Whether the cache says that the model supports tools."""
        supported: Bools = self.pricing.columns["supports_tools"] == 1
        return supported

    @cached_property
    def in_catalog(self) -> Bools:
        """Whether the model catalogue has the model."""
        return np.array([model_id in self.catalog for model_id in self.ids], dtype=bool)

    @cached_property
    def excluded(self) -> Bools:
        """Whether the catalogue excludes the model from general routing."""
        entries = map(self.catalog.get, self.ids)
        return np.array([entry is not None and entry.excluded for entry in entries], dtype=bool)

    @cached_property
    def breaks(self) -> tuple[Bools, Bools, Bools]:
        """Where the ranking fails inside: always; if a client serves it; if it is a candidate."""
        fields = [(where, {*names}) for where, names in self.pricing.breaks.items()]
        owner, window, price = (
            self._at([place for place, names in fields if not names.isdisjoint(those)])
            for those in ((PROVIDER,), WINDOWS, PRICES)
        )
        return owner, window, price

    def matching(self, provider_id: str) -> Bools:
        """Return for each model whether a client of the provider would serve it."""
        if self.matcher == "prefix":
            return self._at(self._by_server.get(provider_id, ()))
        if provider_id not in self._text:  # sooner, for thousands of names that nothing matches
            return self._at(())
        pairs = zip(self.lowered, self._owners, strict=True)
        return np.array([provider_id in m or provider_id == o for m, o in pairs], dtype=bool)

    def naming(self, provider_id: str) -> Bools:
        """Return for each model whether its entry names the provider, by prefix or as its owner."""
        return self._at(self._by_name.get(provider_id.lower(), ()))

    def with_client(self, provider_id: str, served: Bools) -> Models:
        """Return the models with one more provider, asked last, whose client serves some."""
        more = replace(self, providers=(*self.providers, provider_id))
        kept = {n: v for n, v in self.__dict__.items() if n not in ("served_by", "provider")}
        kept |= {"providers": more.providers, "matches": np.column_stack([self.matches, served])}
        more.__dict__.update(kept)
        return more

    @cached_property
    def _owners(self) -> list[str]:
        return [owner.lower() for owner in self.pricing.columns[PROVIDER]]

    @cached_property
    def _servers(self) -> list[str]:
        named = zip(self.lowered, self._owners, strict=True)
        return [model.split("/", 1)[0] if "/" in model else owner for model, owner in named]

    @cached_property
    def _text(self) -> str:
        return "\n".join([*self.lowered, *self._owners])

    @cached_property
    def _by_server(self) -> dict[str, list[int]]:
        return _places([name] for name in self._servers)

    @cached_property
    def _by_name(self) -> dict[str, list[int]]:
        named = zip(self.lowered, self._owners, strict=True)
        return _places({model.split("/", 1)[0], owner} for model, owner in named)

    def _at(self, places: Sequence[int]) -> Bools:
        found = np.zeros(len(self.ids), dtype=bool)
        found[np.array(places, dtype=np.intp)] = True
        return found


def _places(named: Iterable[Collection[str]]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for place, names in enumerate(named):
        for name in names:
            places.setdefault(name, []).append(place)
    return places


def first_match(matches: Bools, columns: Indices) -> Indices:
    """Return for each row the first of the columns that is true, -1 for none."""
    first = np.full(len(matches), -1, dtype=np.intp)
    for column in columns[::-1].tolist():
        first[matches[:, column]] = column
    return first
