"""Tables and sentences for notebooks: HTML in Jupyter and reports, plain text elsewhere.

Every cell, header and caption is escaped, whatever a database holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from atomlab.diagnosis.diagnose import Diagnosis
from atomlab.diagnosis.interventions import Trial
from atomlab.diagnosis.investigation import Investigation
from atomlab.diagnosis.verify import Verification
from atomlab.evidence.snapshot import Snapshot
from atomlab.report.templates import render
from atomlab.text import count, printable

# Words that carry a verdict or a state are shown as badges of these classes.
_BADGES = {
    "confirmed": "good",
    "refuted": "bad",
    "inconclusive": "open",
    "present": "good",
    "ciphertext": "good",
    "missing": "plain",
    "blank": "open",
    "null": "bad",
    "empty": "bad",
    "placeholder": "bad",
    "ranked": "good",
    "no-models": "bad",
}
_BADGED = ("verdict", "state", "outcome", "before the fix", "after the fix")


@dataclass(frozen=True)
class Table:
    """A data frame with a caption, for people. `formats` maps columns to format specifications."""

    frame: pd.DataFrame
    caption: str
    formats: Mapping[str, str] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        numeric = [pd.api.types.is_numeric_dtype(kind) for kind in self.frame.dtypes]
        return render(
            "table.html",
            caption=printable(self.caption, 300),
            columns=list(self.frame.columns),
            numeric=numeric,
            rows=[
                [
                    {
                        "text": self._text(name, value),
                        "badge": _BADGES.get(str(value), "") if name in _BADGED else "",
                    }
                    for name, value in zip(self.frame.columns, row, strict=True)
                ]
                for row in self.frame.itertuples(index=False)
            ],
        )

    def __repr__(self) -> str:
        caption = printable(self.caption, 300)
        if self.frame.empty:
            return f"{caption}\n(no rows)"
        shown = self.frame.apply(lambda c: [self._text(str(c.name), value) for value in c])
        return f"{caption}\n{shown.to_string(index=False)}"

    def _text(self, column: str, value: Any) -> str:
        if value is None or value is pd.NA or value != value:
            return "–"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int | float):
            return format(value, self.formats.get(column, ",.6g"))
        return printable(value, 300)


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


def provenance(snapshot: Snapshot) -> Table:
    """Return where the evidence came from: one row per fact."""
    manifest = snapshot.manifest
    prices = manifest["pricing"] or {}
    fidelity = manifest["fidelity"]
    facts = {
        "snapshot": snapshot.name,
        "sha256 of the file": snapshot.sha256,
        "captured at (UTC)": snapshot.captured_at,
        "from": f"{manifest['source']['kind']} database {manifest['source']['name']}",
        "by": manifest["tool"],
        "rules": manifest["rules"],
        "tenants": f"{manifest['tables']['tenants']['rows']:,}",
        "prices": f"{prices['models']:,} models, {prices['format']}" if prices else "not captured",
        "prices fetched at": prices.get("last_fetch") or "unknown",
        "same decisions as the source": f"yes, for {fidelity['tenants']:,} tenants"
        if fidelity["agree"]
        else "no",
    }
    if manifest.get("note"):
        facts["note"] = manifest["note"]
    frame = pd.DataFrame({"fact": facts.keys(), "value": facts.values()})
    return Table(frame, "Where the evidence comes from. Its checksums were re-computed just now.")


def warnings(case: Investigation) -> Table:
    """Return what the replay had to take on trust, one row each."""
    frame = pd.DataFrame({"taken on trust": case.warnings()}, dtype=object)
    return Table(frame, "Where the data is silent the replay does as the platform does.")


def claims(verification: Verification) -> Table | Sentence:
    """Return one row per claim with its verdict."""
    if not verification.claims:
        return Sentence("No claim was given: what follows is the platform's decision.")
    frame = verification.frame()[["id", "claim", "verdict", "observed"]]
    return Table(frame, f"{count(len(frame), 'claim')}, tested on the snapshot.")


def keys(diagnosis: Diagnosis) -> Table:
    """Return what the platform looks up for each provider of the registry, and what it finds.

    Providers for which the tenant has no row, and that share no declared variable with one for
    which it has, are counted in the caption rather than listed.
    """
    frame = diagnosis.lookup_frame()
    declared = {p.id: p.api_key_env_var for p in diagnosis.platform.providers}
    frame.insert(2, "registry declares", frame["provider"].map(declared))
    held = frame["state"] != "missing"
    related = frame["registry declares"].isin(set(frame.loc[held, "registry declares"].dropna()))
    shown = frame[held | related]
    shown = shown.rename(columns={"setting_key": "platform looks for"})
    hidden = count(len(frame) - len(shown), "provider")
    return Table(
        shown,
        f"Key lookup for {diagnosis.tenant.name}. Not shown: {hidden} without a row, be it under "
        "the own name or a shared one.",
    )


def models(diagnosis: Diagnosis, provider: str, complexity: str) -> Table:
    """Return one row per model that `provider` serves, or would, with all that blocks it."""
    ranking = next(d.ranking for d in diagnosis.requests if d.request.complexity == complexity)
    frame = ranking.frame()
    frame = frame[diagnosis.platform.models_of(provider)]
    columns = ["model", "blockers", "quality", "quality_source", "cost", "value_score", "rank"]
    shown = frame[columns].assign(
        blockers=frame["blockers"].replace("", "none"),
        cost=frame["cost"].mask(frame["price_unknown"]) * 1e6,
    )
    return Table(
        shown.rename(columns={"cost": "cost ($ per million tokens)"}),
        f"The models of {provider or 'no provider'}, judged by every filter; the request is "
        f"{complexity}.",
        {"value_score": ",.0f", "cost ($ per million tokens)": ",.2f"},
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


def outcomes(case: Investigation) -> Table:
    """Return one row per complexity: usable models and the winner, before and after the fix."""
    told = "What the fix cures" if case.repaired else "The decision, no fix made"
    return Table(case.outcome_frame(), f"{told}, by complexity of the request.")


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
