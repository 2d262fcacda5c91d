"""The cost of comparing two days between which every price entry has changed."""

from __future__ import annotations

import dataclasses
import statistics
import time
from pathlib import Path

import numpy as np

import atomlab
from atomlab import Request
from atomlab.byok.ranking import rank
from atomlab.diagnosis.changed_requests import explained
from atomlab.diagnosis.days_between import Day, DaysBetween, PlatformsBetween, held_by, read_day
from atomlab.evidence.inputs.pricing import Pricing
from atomlab.evidence.inputs.rules import COMPLEXITIES

SNAPSHOT = Path(__file__).parents[1] / "data" / "snapshots" / "brennan-2026-05-02.sqlite"
TENANT = "tenfold"  # a made tenant with ten clients
MODELS, RUNS = 10_000, 5


def comparing() -> tuple[float, float, float]:
    """Return the cost of finding what did it among 10,000 new prices, against two rankings of each.

    On the bad day every window is too small: all that any of ten clients serves has to be undone
    together, and four kinds of request are looked into.
    """
    with atomlab.open_snapshot(SNAPSHOT) as snapshot:
        read = read_day(snapshot)
        tenant = snapshot.tenant(TENANT).id
        good, bad = _priced(read, 1.0), _priced(read, 0.0)
        requests = [Request(kind) for kind in COMPLEXITIES]
        clients = tuple(atomlab.BYOKHandler(tenant, snapshot.session).clients)
        times, references = [], []
        for _ in range(RUNS):
            days = [dataclasses.replace(day, platform=_fresh(day.platform)) for day in (good, bad)]
            started = time.perf_counter()
            held = [held_by(day, tenant) for day in days]
            between = DaysBetween(PlatformsBetween(*days), *held, comparable=True)
            found = [explained(*days, between, request) for request in requests]
            times.append(time.perf_counter() - started)
            days = [dataclasses.replace(day, platform=_fresh(day.platform)) for day in (good, bad)]
            started = time.perf_counter()
            for day in days:
                for request in requests:
                    rank(day.platform, clients, request)
            references.append(time.perf_counter() - started)
    assert all(each.verdict == "confirmed" for each in found)
    sizes = [len(each.brings.first.differences) for each in found if each.brings]
    print(f"  {len(between.differences):,} differences; sets of {sizes} bring the error")
    spent, reference = statistics.median(times), statistics.median(references)
    return spent, reference, spent / reference


def _priced(day: Day, share: float) -> Day:
    """Return the day with 10,000 models, their windows taken times `share`."""
    columns, times = day.platform.pricing.columns, -(-MODELS // len(day.platform.pricing))
    larger = {
        name: np.tile(values, times)[:MODELS]
        if isinstance(values, np.ndarray)
        else (list(values) * times)[:MODELS]
        for name, values in columns.items()
    }
    larger["model_id"] = [f"{model}-{n}" for n, model in enumerate(larger["model_id"])]
    larger["breaks"] = [None] * MODELS
    for name in ("max_input_tokens", "max_tokens"):
        larger[name] = larger[name] * share
    larger["input_cost_per_token"] = np.nan_to_num(larger["input_cost_per_token"]) + 1e-9 * share
    priced = Pricing(larger, day.platform.pricing.format)
    return dataclasses.replace(day, platform=_fresh(day.platform, priced))


def _fresh(platform: atomlab.Platform, pricing: Pricing | None = None) -> atomlab.Platform:
    """Return the platform without what it has computed."""
    changed = {"pricing": pricing or platform.pricing, "_by_capability": {}, "_by_plan": {}}
    return dataclasses.replace(platform, **changed)
