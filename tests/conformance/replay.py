"""What the running public edition decided, decided again by atomlab: the agreement, class by class.

The recorded decisions are data (`data/README.md`). Each of their databases is made again, captured
with the edition's rules, and with each tenant's environment; then the public API is asked.
`python -m tests.conformance.replay` prints how much agrees, and exits with 3 if anything does not.
"""

from __future__ import annotations

import gzip
import json
import sqlite3
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import atomlab
from atomlab.byok.ranking import static_mapping
from tests.conftest import ATOM_SCHEMA, ROOT

EDITION = "open-source-2026-05"
RECORDED = ROOT / "data" / "conformance" / f"{EDITION}.json.gz"
REGISTRY = ROOT / "atomlab" / "evidence" / "inputs" / "editions" / f"{EDITION}.providers.json"

# What is compared, and how often: for each tenant, for each ranking, and for those rankings that
# pricing answered, or did not.
TENANTS, RANKINGS, ANSWERED = 90, 1800, 821
CLASSES = {
    "clients, in order": TENANTS,
    "clients, keys in the database alone": TENANTS,
    "keys that the manager finds": TENANTS,
    "keys that it finds in the database alone": TENANTS,
    "keys that the settings' own manager finds": TENANTS,
    "order of the ranking, or none": RANKINGS,
    "first three value scores": ANSWERED,
    "first three qualities": ANSWERED,
    "providers that serve": ANSWERED,
    "number of models that get a price": ANSWERED,
    "whether an entry breaks the ranking": RANKINGS,
    "pairs of the static mapping": RANKINGS - ANSWERED,
    "who answers where pricing finds none": RANKINGS - ANSWERED,
}
_PRICED_BEFORE = ("plan", "tools")  # the filters that judge what has a price already


@dataclass(frozen=True)
class Comparison:
    """A fact that was recorded, and what atomlab makes of it; its class, and whose it is."""

    kind: str
    where: str
    recorded: Any
    decided: Any

    @property
    def agrees(self) -> bool:
        """Whether the two are equal, numbers of an array to nine digits."""
        if not isinstance(self.decided, np.ndarray):
            return bool(self.recorded == self.decided)
        alike = self.decided.shape == np.shape(self.recorded)
        return alike and bool(np.allclose(self.decided, self.recorded, rtol=1e-9, atol=0))


def load_record(path: Path = RECORDED) -> dict[str, Any]:
    """Return the recorded decisions."""
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        record: dict[str, Any] = json.load(stream)
    return record


def replay(record: Mapping[str, Any], folder: Path) -> Iterator[Comparison]:
    """Yield a comparison for everything that was recorded; its files are made in `folder`."""
    for database in record["databases"]:
        prices = _cache(record["caches"], database["cache"])
        yield from _replay_database(database, prices, folder)


def agreement(comparisons: Iterable[Comparison]) -> dict[str, tuple[int, int]]:
    """Return how many comparisons agree, of how many, by class."""
    counted = {kind: [0, 0] for kind in CLASSES}
    for one in comparisons:
        counted[one.kind][0] += one.agrees
        counted[one.kind][1] += 1
    return {kind: (agree, total) for kind, (agree, total) in counted.items()}


def _replay_database(
    database: Mapping[str, Any], prices: Mapping[str, Any], folder: Path
) -> Iterator[Comparison]:
    source, out = _source(database, folder / f"{database['name']}.db"), folder / "captured.sqlite"
    registry = _json(_registry(database["health"]), folder / "byok_config.json")
    options: dict[str, Any] = {"rules": EDITION, "providers": registry, "overwrite": True}
    cache = _json({"pricing": prices}, folder / "ai_pricing_cache.json")

    atomlab.capture(str(source), out, pricing=cache, **options).close()
    with atomlab.open_snapshot(out) as snapshot:
        platform = atomlab.load_platform(snapshot.session)
        hosted = atomlab.load_rules("hosted-2026-05")
        key_of = atomlab.BYOKManager(platform.providers, hosted, redacted=True).get_tenant_api_key
        for tenant in database["tenants"]:
            clients, found = _keys(tenant, database["core_registry"], snapshot)
            in_settings = {
                provider: key_of(tenant["id"], provider, db=snapshot.session) is not None
                for provider in tenant["decided"]["lookup_db"]
            }
            for kind, recorded, decided in (
                ("clients, keys in the database alone", "clients_db", clients),
                ("keys that it finds in the database alone", "lookup_core_db", len(found)),
                ("keys that the settings' own manager finds", "lookup_db", in_settings),
            ):
                where = f"{database['name']}, tenant {tenant['name']}"
                yield Comparison(kind, where, tenant["decided"][recorded], decided)

    for tenant in database["tenants"]:
        said, where = tenant["decided"], f"{database['name']}, tenant {tenant['name']}"
        env = {name: value for name, value in tenant["settings"] if value is not None}
        # Without prices, which play no part in who has a client.
        with atomlab.capture(str(source), out, tenants=[tenant["id"]], env=env, **options) as own:
            clients, found = _keys(tenant, database["core_registry"], own)
        yield Comparison("clients, in order", where, said["clients_env"], clients)
        yield Comparison("keys that the manager finds", where, said["lookup_core_env"], found)
        for whose, had in (("own", clients), ("registry", tenant["registry_clients"])):
            for asked, outcome in zip(tenant["requests"], said[whose], strict=True):
                ranking = atomlab.rank(platform, had, _request(asked), tenant["plan"])
                for kind, recorded, decided in _compare(ranking, outcome):
                    yield Comparison(kind, f"{where}, clients {had}, {asked}", recorded, decided)


def _keys(
    tenant: Mapping[str, Any], asked: Iterable[str], snapshot: atomlab.Snapshot
) -> tuple[list[str], list[str]]:
    """Return the tenant's clients, and of the providers those that the manager has a key for."""
    handler = atomlab.BYOKHandler(tenant["id"], db=snapshot.session)
    key_of = handler.byok_manager.get_tenant_api_key
    found = [p for p in asked if key_of(tenant["id"], p, db=snapshot.session) is not None]
    return list(handler.clients), found


def _compare(
    ranking: atomlab.Ranking, outcome: Mapping[str, Any]
) -> Iterator[tuple[str, object, object]]:
    """Yield what was recorded of a ranking beside what it is, by class."""
    order, best = ranking.order.tolist(), ranking.order[:3]
    yield "order of the ranking, or none", outcome.get("order", []), order
    raised = outcome["by"] == "static-after-error"
    yield "whether an entry breaks the ranking", raised, ranking.broken is not None
    if outcome["by"] == "bpc":
        column, active = ranking.view.platform.column, ranking.view.active
        place = {column[provider]: n for n, provider in enumerate(ranking.clients)}
        late = sum(1 << n for n, f in enumerate(atomlab.FILTERS) if f.__name__ in _PRICED_BEFORE)
        priced = int(np.count_nonzero(ranking.blockers & ~np.uint32(late) == 0))
        yield "first three value scores", outcome["score"], ranking.value_score[best]
        yield "first three qualities", outcome["quality"], ranking.view.quality[best]
        yield "providers that serve", outcome["served"], [place[a] for a in active[order].tolist()]
        yield "number of models that get a price", outcome["passed"], priced
        return
    pairs = [list(pair) for pair in static_mapping(ranking.view, ranking.clients)]
    yield "pairs of the static mapping", outcome["static"], pairs
    # A caller gets the mapping's first pair, or what was recorded for a mapping that is empty.
    got = [*outcome["static"], outcome.get("optimal") or outcome.get("optimal_raises")][0]
    answer = ranking.fallback
    gets = [answer.provider, answer.model] if answer else "ValueError" if ranking.error else None
    yield "who answers where pricing finds none", got, gets


def _request(asked: Mapping[str, Any]) -> atomlab.Request:
    needs_tools = asked["tools"] or asked["structured"]
    same = ("complexity", "capability", "managed", "turn", "tokens", "tier")
    return atomlab.Request(tools=needs_tools, **{name: asked[name] for name in same})


def _source(database: Mapping[str, Any], path: Path) -> Path:
    """Write a platform database with the tenants, settings and catalogue that were recorded."""
    stored = {None: None, "jsonnull": "null"}  # SQL's NULL, and JSON's
    catalog = [
        (model, json.dumps(listed) if isinstance(listed, list) else stored[listed], excluded)
        for model, listed, excluded in database["catalog"]
    ]
    with closing(sqlite3.connect(path)) as db:
        db.executescript(ATOM_SCHEMA)
        for tenant in database["tenants"]:
            row = [tenant[name] for name in ("id", "name", "subdomain", "plan", "ai_mode")]
            db.execute("INSERT INTO tenants VALUES (?, ?, ?, ?, ?, NULL, NULL)", row)
            owner = tenant["id"]
            db.executemany(
                "INSERT INTO tenant_settings (id, tenant_id, setting_key, setting_value)"
                " VALUES (?, ?, ?, ?)",
                [(f"{owner}{name}", owner, name, value) for name, value in tenant["settings"]],
            )
        db.executemany("INSERT INTO model_catalog VALUES (?, ?, ?)", catalog)
        db.commit()
    return path


def _registry(health: Mapping[str, float]) -> dict[str, Any]:
    """Return the edition's registry with the health scores that were in the process."""
    providers = json.loads(REGISTRY.read_text(encoding="utf-8"))["providers"]
    others = [{"id": name} for name in health.keys() - {p["id"] for p in providers}]
    scores = [{"health_score": health.get(p["id"])} for p in (*providers, *others)]
    return {"providers": [p | s for p, s in zip((*providers, *others), scores, strict=True)]}


def _cache(caches: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a pricing cache, its entries in their order; some are told by what differs."""
    if "pricing" in (told := caches[name]):
        return dict(told["pricing"])
    entries = caches[told["base"]]["pricing"] | told["changed"]
    rest = [model for model in entries if model not in told["removed"]]
    order = told["ids"] or dict.fromkeys([*told["order_prefix"], *rest])
    return {model: entries[model] for model in order}


def _json(document: object, path: Path) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def main(arguments: Sequence[str]) -> int:
    """Print the agreement per class, and the first that differs of each; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        compared = list(replay(load_record(*map(Path, arguments)), Path(folder)))
    for kind, (agree, total) in agreement(compared).items():
        share = f"{agree / total:.1%}" if total else "–"
        sys.stdout.write(f"{kind:42}{agree:>6,} of {total:>5,}{share:>8}\n")
    differing = {one.kind: one for one in reversed(compared) if not one.agrees}
    for one in differing.values():
        what = f"recorded {one.recorded!s:.200}, decided {one.decided!s:.200}"
        sys.stdout.write(f"\n{one.kind}: {one.where}: {what}\n")
    return 3 if differing else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
