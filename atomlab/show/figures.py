"""The notebooks' figures: a ranking, a diagnosis and a fleet, drawn as bars and grids."""

from __future__ import annotations

from collections import Counter

import numpy as np

from atomlab.byok.filters import NAMES
from atomlab.byok.ranking import Ranking
from atomlab.diagnosis.diagnose import Diagnosis
from atomlab.fleets.impacts import UNEXPLAINED
from atomlab.fleets.survey import Fleet
from atomlab.fleets.totals import EFFORTS
from atomlab.show.pictures import Cell, Picture, bars, grid
from atomlab.text import count, printable, short

_NOBODY, _NO_PROVIDER = "none is affected", "none in particular"
_MOST_ROWS, _MOST_COLUMNS = 15, 9  # a page's first screen holds them, and a phone is as wide
_NONE, _NO_MODEL = Cell(""), np.array([], dtype=int)


def funnel(before: Ranking, after: Ranking | None = None) -> Picture:
    """Return how many models are left after each filter, before and (if given) after the fix."""
    panels, complexity = _panels(before, after), before.request.complexity
    drawn = []
    for title, ranking in panels.items():
        rejected = ranking.funnel()["rejected"].to_list()
        left = [len(ranking.blockers) - sum(rejected[:place]) for place in range(len(NAMES) + 1)]
        texts = [
            f"{n:,}" + (f"  (−{r:,})" if r else "")
            for n, r in zip(left, [0, *rejected], strict=True)
        ]
        heading = f"{title}: {len(ranking.order):,} usable"
        drawn.append(bars(["all models", *NAMES], left, texts, heading))
    counts = "; ".join(f"{title}: {ranking.summary()}" for title, ranking in panels.items())
    return Picture(
        drawn[0],
        f"Models left after each filter, in the platform's order, for {complexity} requests; in "
        "brackets, how many the filter rejects.",
        f"Models left after each filter, {complexity} requests. {counts}.",
        *drawn[1:],
    )


def blockers(before: Ranking, after: Ranking | None = None) -> Picture:
    """Return for each provider and filter the share of the provider's models that it rejects.

    Drawn are the providers for which `after` something differs, else those with a client, else
    all; and the filters that reject something. Providers that the registry lacks are one row. A
    model that several could serve is in each's.
    """
    panels, rows = _panels(before, after), _rows(before)
    shares = []
    for each in panels.values():
        own = _rows(each)  # a fix may have taken entries out of the cache
        shares.append({name: _shares(each, own.get(name, _NO_MODEL)) for name in rows})
    differ = [name for name in rows if shares[0][name] != shares[-1][name]]
    held = [n for n in rows if rows[n].any() and shares[0][n].get("client", _NONE).text != "100"]
    shown = differ or held or list(rows)
    filters = [n for n in NAMES if any(n in each[name] for each in shares for name in shown)]
    labels = {name: f"{printable(name, 20)} ({int(rows[name].sum()):,})" for name in shown}
    cells = [{(n, of): cell for n in shown for of, cell in share[n].items()} for share in shares]
    drawn = [
        grid(labels, [*filters, "usable"], some, title, half=True)
        for title, some in zip(panels, cells, strict=True)
    ]
    usable = "; ".join(
        f"{title}: " + (", ".join(n for n, c in each.items() if c["usable"].text != "0") or "none")
        for title, each in zip(panels, shares, strict=True)
    )
    rest = len(rows) - len(shown)
    return Picture(
        drawn[0],
        "Percentage of each provider's models that a filter rejects, each filter by itself. The "
        "last column counts the models that no filter rejects."
        + (
            f" Not shown: {rest} rows {'that stay the same' if differ else 'without a client'}."
            if rest
            else ""
        ),
        f"Models rejected, by provider and filter. Providers with usable models, {usable}.",
        *drawn[1:],
    )


def causes_by_request(diagnosis: Diagnosis) -> Picture:
    """Return which cause plays which role for which request."""
    found = {d.request.complexity: d.explanation.causes for d in diagnosis.requests}
    cells = {
        (str(c), kind): Cell(c.place, "good" if c.sufficient_alone else "open")
        for kind, causes in found.items()
        for c in causes
    }
    rows = {name: printable(name, 40) for name, _ in cells}
    roles = "; ".join(
        f"{each.request.complexity}: "
        + (", ".join(f"{c} ({c.place})" for c in each.explanation.causes) or each.status)
        for each in diagnosis.requests
    )
    caption = "The role of each cause, by complexity of the request."
    return Picture(grid(rows, list(found), cells), caption, f"Causes by request. {roles}.")


def causes_by_provider(fleet: Fleet) -> Picture:
    """Return for each provider how many tenants have which cause, of their first failure."""
    found, providers, codes = Counter[tuple[str, str]](), Counter[str](), Counter[str]()
    for met, number in fleet.totals.affected.items():
        first = met.failures[0]
        at = first.provider or _NO_PROVIDER, first.cause
        found[at] += number
        providers[at[0]] += number
        codes[at[1]] += number
    rows, columns = _first(providers, _MOST_ROWS), _first(codes, _MOST_COLUMNS)
    drawn = Counter[tuple[str, str]]()
    for (provider, code), number in found.items():
        drawn[rows[provider], columns[code]] += number
        drawn["all", columns[code]] += number
    most = max((n for (row, _), n in drawn.items() if row != "all"), default=1)
    cells = {
        at: Cell(short(n)) if at[0] == "all" else Cell(short(n), shade=_shade((n / most) ** 0.5))
        for at, n in drawn.items()
    }
    sums = Counter[str]()
    for (row, _), number in drawn.items():
        sums[row] += number
    names = [*dict.fromkeys(rows.values()), *(["all"] if rows else [])]
    labels = {row: f"{printable(row, 20)} ({short(sums[row])})" for row in names}
    described = "; ".join(
        f"{labels[row]}: "
        + ", ".join(f"{c} {cells[row, c].text}" for c in columns.values() if (row, c) in cells)
        for row in names
    )
    return Picture(
        grid(labels, [*dict.fromkeys(columns.values())], cells),
        "Affected tenants by the provider that the root cause concerns and by that cause, each "
        "counted once, by the first of its requests that fails; the stronger the colour, "
        "the more tenants.",
        f"Affected tenants by provider and cause. {described or _NOBODY}.",
    )


def _first(numbers: Counter[str], most: int) -> dict[str, str]:
    """Return each name as it is drawn: the most frequent by itself, the others as one."""
    names = [name for name, _ in numbers.most_common()]
    rest = names[most - 1 :] if len(names) > most else []
    return {name: f"{len(rest)} others" if name in rest else name for name in names}


def tenants_by_request(fleet: Fleet) -> Picture:
    """Return for each cause how many tenants' requests of each complexity it makes fail."""
    columns = [request.complexity for request in fleet.requests]
    found, totals = Counter[tuple[str, str]](), Counter[str]()
    for impact in fleet.affected:
        for failure in impact.failures:
            code = failure.cause.code if failure.cause else UNEXPLAINED
            found[code, failure.complexity] += impact.tenants
            totals[code] += impact.tenants
    codes, most = {code: code for code, _ in totals.most_common()}, max(found.values(), default=1)
    cells = {at: Cell(f"{n:,}", shade=_shade((n / most) ** 0.5)) for at, n in found.items()}
    described = "; ".join(
        f"{code}: " + ", ".join(f"{c} {found[code, c]:,}" for c in columns if found[code, c])
        for code in codes
    )
    return Picture(
        grid(codes, columns, cells),
        "Tenants by root cause and by complexity of the request that fails. A tenant is counted in "
        "each column in which it fails, and in another row where another cause makes it fail.",
        f"Tenants by cause and request. {described or _NOBODY}.",
    )


def tenants_by_effort(fleet: Fleet) -> Picture:
    """Return how many tenants need which effort, for the first of their requests that fails."""
    found = fleet.totals.by("effort")
    numbers = {label: found[name] for name, label in EFFORTS.items() if name in found}
    described = "; ".join(f"{label}: {count(n, 'tenant')}" for label, n in numbers.items())
    return Picture(
        bars([*numbers], [*numbers.values()], [f"{n:,}" for n in numbers.values()]),
        "What the easiest fix asks, and of whom, for the first request of each tenant that fails; "
        "every fix was run on a scratch copy.",
        f"Affected tenants by the effort of their fix. {described or _NOBODY}.",
    )


def _panels(before: Ranking, after: Ranking | None) -> dict[str, Ranking]:
    return {"as captured": before} | ({"after the fix": after} if after else {})


def _rows(ranking: Ranking) -> dict[str, np.ndarray]:
    """Return which models each provider has, and which those have that the registry lacks."""
    platform = ranking.view.platform
    rows = {p.id: platform.models_of(p.id) for p in platform.providers if platform.has_models(p.id)}
    unknown = np.array(~platform.models.matches.any(axis=1), dtype=bool)
    return rows | {"not in the registry": unknown}


def _shares(ranking: Ranking, mask: np.ndarray) -> dict[str, Cell]:
    """Return for each filter that rejects some of these models the share, and how many are left."""
    cells = {}
    for place, name in enumerate(NAMES):
        share = ((ranking.blockers[mask] >> place) & 1).sum() / max(mask.sum(), 1)
        if share:
            percent = "100" if share == 1 else f"{min(100 * share, 99):.0f}"
            cells[name] = Cell(percent if share >= 0.01 else "<1", shade=_shade(share))
    usable = int((ranking.blockers[mask] == 0).sum())
    return cells | {"usable": Cell(f"{usable:,}", "good" if usable else "muted")}


def _shade(share: float) -> int:
    """Return the shade of a share: none, below a quarter, below a half, below all, all."""
    return sum((share > 0, share >= 0.25, share >= 0.5, share >= 1))
