"""What key lookups and rankings show of themselves in Jupyter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atomlab.display.cards import Card
from atomlab.text import listed

if TYPE_CHECKING:
    from atomlab.byok.keys import KeyLookups
    from atomlab.byok.ranking import Ranking

_BEST = 5


def lookups_card(lookups: KeyLookups) -> Card:
    """Return the rows that were found, one each, and the providers without one in a line."""
    from atomlab.display.tables import Table

    frame = lookups.frame()
    missing = frame["state"] == "missing"
    told = f"{missing.sum():,} of {len(frame):,} providers have no row"
    names = listed(frame.loc[missing, "provider"], 40)
    return Card(
        title="Key lookup",
        tables=[Table(frame[~missing].rename(columns={"setting_key": "platform looks for"}))],
        remarks=[f"{told}: {names}." if missing.any() else f"{told}."],
    )


def ranking_card(ranking: Ranking) -> Card:
    """Return the outcome, the filters that reject a model, and the best candidates."""
    from atomlab.display.tables import Table

    funnel, frame = ranking.funnel(), ranking.frame()
    funnel = funnel[funnel["rejected"] > 0].rename(columns={"only_blocker": "alone in the way"})
    best = frame.iloc[ranking.order[:_BEST]][["model", "provider", "quality", "value_score"]]
    tables = [Table(funnel, "Models that a filter rejects, in the platform's order.")]
    if len(best):
        tables.append(Table(best, f"The best {len(best)}.", {"value_score": ",.0f"}))
    return Card(
        title=f"Ranking, {ranking.request.complexity} request",
        word="ranked" if len(ranking.order) else "no-models",
        facts={
            "usable": f"{len(ranking.order):,} of {len(ranking.blockers):,} models",
            "clients": listed(ranking.clients) or "none",
            "winner": ranking.winner.model if ranking.winner else "none",
        },
        tables=tables,
        remarks=ranking.warnings(),
    )
