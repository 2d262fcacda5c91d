"""Tables and sentences of an investigation, for notebooks and reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from atomlab.byok.clients import BYOKHandler
from atomlab.byok.request import Request
from atomlab.diagnosis.diagnose import Diagnosis
from atomlab.diagnosis.investigation import Investigation
from atomlab.diagnosis.sandbox import Trial
from atomlab.diagnosis.triage import Triage
from atomlab.diagnosis.verify import Verification
from atomlab.errors import NoModelsAvailableError
from atomlab.show.tables import Table
from atomlab.show.templates import render
from atomlab.show.words import answer_told
from atomlab.text import count, printable

_UNREAD = "the platform reads this row for no provider"


@dataclass(frozen=True)
class Sentence:
    """A sentence of the argument whose numbers come from the data."""

    text: str

    def _repr_html_(self) -> str:
        return render("sentence.html", text=printable(self.text, 2000))

    def __repr__(self) -> str:
        return printable(self.text, 2000)


def say(text: str) -> Sentence:
    """Return `text` as a paragraph."""
    return Sentence(text)


def warnings(case: Investigation | Triage) -> Table:
    """Return what the replay had to take on trust, one row each."""
    frame = pd.DataFrame({"taken on trust": case.warnings()}, dtype=object)
    return Table(frame, "Where the data is silent the replay does as the platform does.")


def assumptions(diagnosis: Diagnosis) -> Table:
    """Return one row per input that the snapshot lacks, or has by default, and what is assumed."""
    rows = [(each.input, each.state, each.assumed) for each in diagnosis.assumptions]
    frame = pd.DataFrame(rows, columns=["input", "state", "what is assumed"])
    caption = "What was decided rests on these as well: they were not captured on the platform."
    return Table(frame, caption)


def claims(verification: Verification) -> Table | Sentence:
    """Return one row per claim with its verdict, what was expected, and what was observed."""
    if not verification.claims:
        return Sentence("Every request that was tried finds a model, so no cause is claimed.")
    frame = verification.frame()[["claim", "verdict", "observed"]]
    return Table(frame, "Each claim with its verdict, and what was observed.")


def error(handler: BYOKHandler, request: Request) -> Sentence:
    """Return what the platform does at the end: the error that it raises, or who answers."""
    try:
        handler.rank_models_by_pricing(**request.to_json())
    except NoModelsAvailableError as error:
        return Sentence(f"{type(error).__name__}: {error} ({error.__notes__[0]})")
    ranking = handler.explain(request)
    if ranking.fallback:
        return Sentence(f"No error: pricing finds no model; {answer_told(ranking.fallback)}.")
    return Sentence(f"No error: {ranking.winner.model if ranking.winner else 'nobody'} wins.")


def keys(diagnosis: Diagnosis) -> Table:
    """Return what the platform looks up for each provider of the registry, and what it finds.

    Providers for which the tenant has no row, that share no declared variable with one for which
    it has, and that no cause names, are counted in the caption rather than listed. Rows that the
    platform reads for no provider come last, with their names.
    """
    frame = diagnosis.lookups.frame()
    declared = {p.id: p.api_key_env_var for p in diagnosis.platform.providers}
    frame.insert(2, "registry declares", frame["provider"].map(declared))
    held = frame["state"] != "missing"
    related = frame["registry declares"].isin(set(frame.loc[held, "registry declares"].dropna()))
    shown = frame[held | related | frame["provider"].isin(diagnosis.named)]
    hidden = count(len(frame) - len(shown), "provider")
    unread = [name for name in diagnosis.rows if name not in set(frame["setting_key"])]
    if unread:
        rows = [(None, name, None, diagnosis.rows[name], None, _UNREAD) for name in unread]
        shown = pd.concat([shown, pd.DataFrame(rows, columns=shown.columns)])
    shown = shown.rename(columns={"setting_key": "platform looks for, or row"})
    caption = (
        f"Key lookup for {printable(diagnosis.tenant.name, 60)}. Not shown: {hidden} without a "
        "row, be it under the own name or a shared one, that no cause names."
    )
    return Table(shown, caption)


def models(diagnosis: Diagnosis, provider: str, complexity: str) -> Table:
    """Return one row per model that `provider` serves, or would, with all that blocks it."""
    ranking = next(d.ranking for d in diagnosis.requests if d.request.complexity == complexity)
    frame = ranking.frame()
    frame = frame[diagnosis.platform.models_of(provider)].astype({"blockers": str})  # if empty, too
    number = frame["blockers"].str.count(",") + (frame["blockers"] != "")
    frame = frame.assign(
        blocked_by=number,
        blockers=frame["blockers"].replace("", "none"),
        cost=frame["cost"].mask(frame["price_unknown"]) * 1e6,
    ).sort_values(["blocked_by", "value_score"], ascending=[True, False], kind="stable")
    columns = ["model", "blockers", "quality", "quality_source", "cost", "value_score", "rank"]
    headers = {
        "quality_source": "quality from",
        "cost": "cost ($ per million tokens)",
        "value_score": "value score",
    }
    return Table(
        frame[columns].rename(columns=headers),
        f"The models of {provider or 'no provider'}, judged by every filter, those with the "
        f"fewest blockers first; the request is {complexity}.",
        {"value score": ",.0f", "cost ($ per million tokens)": ",.2f"},
    )


def trials(tried: Sequence[Trial]) -> Table | Sentence:
    """Return one row per edit that was tried on the scratch copy."""
    if not tried:
        return Sentence("No fix is proposed, so none was tried.")
    frame = pd.DataFrame(
        [(t.name, t.edit, "yes" if t.cured else "no", t.result) for t in tried],
        columns=["trial", "what was changed", "error gone", "decision"],
    )
    return Table(frame, "Each change was made alone on a scratch copy, decided anew, and undone.")


def outcomes(case: Investigation | Triage) -> Table:
    """Return one row per complexity: usable models and the winner, before and after the fix."""
    frame = case.outcome_frame()
    told = "What the fix cures" if "usable after" in frame else "The decision, no fix made"
    return Table(frame, f"{told}, by complexity of the request.")


def claims_again(case: Investigation) -> Table | Sentence:
    """Return one row per claim: its verdict before the fix, and on the repaired copy."""
    if case.repaired is None:
        why = "The fix could not be made" if case.fix else "No fix is proposed"
        return Sentence(f"{why}, so there is no repaired copy.")
    before, after = case.verification.frame(), case.repaired.verification.frame()
    frame = pd.DataFrame(
        {
            "id": before["id"],
            "claim": before["claim"],
            "before the fix": before["verdict"],
            "after the fix": after["verdict"],
            "observed after the fix": after["observed"],
        }
    )
    return Table(frame, "The same claims on the scratch copy with the fix made.")
