"""Golden files: whole documents and frames, as they were when somebody last looked at them.

They say that something changed, not that it was right. To accept what changed:
`GOLDEN=write pytest tests/diagnosis/test_golden.py`, and read `git diff tests/golden`.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

import atomlab
from atomlab import Request
from atomlab.byok.platform import load_platform
from atomlab.byok.ranking import rank
from atomlab.diagnosis.assumptions import assumptions
from atomlab.diagnosis.comparison import compare
from atomlab.diagnosis.confirm import confirm
from atomlab.diagnosis.fixes import plan_fix
from atomlab.diagnosis.investigation import investigate
from atomlab.diagnosis.lint import lint
from atomlab.diagnosis.options import compare_options, cons, pros
from atomlab.diagnosis.population import affected_tenants
from atomlab.diagnosis.summary import summarize
from atomlab.diagnosis.triage import triage
from atomlab.diagnosis.verify import verify
from atomlab.diagnosis.why import Why, explain_log
from atomlab.errors import NO_MODELS, AtomlabError
from atomlab.evidence.inputs.worker_log import read_log
from atomlab.evidence.snapshot import Snapshot
from atomlab.fleets.impacts import tenants_in
from atomlab.fleets.survey import survey
from atomlab.show.case_tables import outcomes
from tests.conftest import ROOT
from tests.diagnosis.made import KEY, Made, capture_made, stored
from tests.small import chat

GOLDEN = ROOT / "tests" / "golden"
CLAIMS = ROOT / "data" / "hypotheses" / "brennan-minimax.yaml"
PUBLIC = "open-source-2026-05"
AT = datetime(2026, 5, 2, 8, tzinfo=UTC)

# Cheap and good, dear and better, too narrow, of unknown price or window, no chat model.
PRICES: dict[str, dict[str, Any]] = {
    "openai/omni-moderation": chat(
        "openai", mode="moderation", max_input_tokens=4_000, output_cost_per_token=0
    ),
    "openai/gpt-4o": chat("openai", output_cost_per_token=1e-5),
    "openai/gpt-5": chat("openai", input_cost_per_token=4e-6, output_cost_per_token=2e-5),
    "minimax/MiniMax-M2.5": chat("minimax", max_input_tokens=30_000),
    "minimax/MiniMax-M2.7": chat("minimax", supports_function_calling=False),
    "minimax/speech-2": chat("minimax", mode="audio_speech"),
    "deepseek/deepseek-chat": chat("deepseek", input_cost_per_token=2.8e-7),
    "deepseek/deepseek-v3": chat("deepseek", supports_function_calling=None),
    "groq/llama-8b": chat("groq", max_input_tokens=5_000),
    "groq/gpt-5": {k: v for k, v in chat("groq").items() if k != "max_input_tokens"},
    "mistral/gpt-4o": {"litellm_provider": "mistral", "mode": "chat", "max_tokens": 9_000},
    "cohere/gpt-5": chat("cohere"),
    "ai21/gpt-4o": chat("ai21"),
    "nobody-s/gpt-5": chat("nobody-s", output_cost_per_token=1e-2),
}
REGISTRY = {
    "openai": "OPENAI_API_KEY",
    "minimax_2_7": "MINIMAX_API_KEY",
    "minimax": "MINIMAX_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "groq": "GROQ_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "qwen": "QWEN_API_KEY",
    "cohere": "COHERE_API_KEY",
}
RULES = {
    "name": "small",
    "based_on": "hosted-2026-05",
    "llm_providers": [name for name in REGISTRY if name != "cohere"] + ["lux"],
}
MISNAMED = ("DEEPSEEK-API-KEY", "DEEPSEEK_KEY", "deepseek_api_key")
TENANTS = {
    "alias": Made("team", rows={"MINIMAX_2_7_API_KEY": KEY}),
    "alias-too": Made("free", rows={"MINIMAX_2_7_API_KEY": KEY}),
    "alias-managed": Made("free", "managed", {"MINIMAX_2_7_API_KEY": KEY}),
    "misnamed": Made("team", rows=dict.fromkeys(MISNAMED, KEY)),
    "near": Made("team", rows={"OPENA_API_KEY": KEY}),
    "empty": Made("solo", rows={"OPENAI_API_KEY": "", "GROQ_API_KEY": "changeme"}),
    "spaces": Made("team", rows={"OPENAI_API_KEY": "   "}),
    "managed": Made("free", "managed", {"DEEPSEEK_API_KEY": KEY, "OPENAI_API_KEY": KEY}),
    "none": Made("free", rows={"TIMEZONE": "UTC", "LOCALE": "de"}),
    "held": Made("team", rows={"MINIMAX_API_KEY": KEY}),
    "orphan": Made("team", rows={"QWEN_API_KEY": KEY}),
    "not-llm": Made("team", rows={"COHERE_API_KEY": KEY}),
    "unknown": Made("team", rows={"AI21_API_KEY": KEY}),
    "narrow": Made("team", rows={"GROQ_API_KEY": KEY}),
    "unpriced": Made("enterprise", "hybrid", {"MISTRAL_API_KEY": KEY}),
    "sound": Made("enterprise", rows={"OPENAI_API_KEY": KEY, "MINIMAX_API_KEY": KEY}),
}
# Tenants whose whole diagnosis is kept, and kinds of request; of the others the explanation is.
DIAGNOSED = {
    "alias": ("simple", "advanced"),
    "alias-managed": ("moderate",),
    "spaces": ("simple",),
    "unpriced": ("complex",),
}
EXPLAINED = {
    "misnamed": ("moderate",),
    "near": ("advanced",),
    "empty": ("moderate",),
    "managed": ("complex", "advanced"),
    "none": ("complex",),
    "orphan": ("simple",),
    "not-llm": ("moderate",),
    "unknown": ("moderate", "advanced"),
    "narrow": ("advanced",),
    "sound": ("simple",),
}
# One claim of each kind that holds for `alias`, and one that does not, and what cannot be told.
TESTED: list[dict[str, str]] = [
    *(
        {"kind": f"key_{state}", "setting_key": "MINIMAX_API_KEY"}
        for state in ("present", "absent")
    ),
    {"kind": "key_present", "setting_key": "MINIMAX_2_7_API_KEY"},
    {"kind": "key_absent", "setting_key": "TIMEZONE"},
    *({"kind": f"client_{state}", "provider": "openai"} for state in ("present", "absent")),
    {"kind": "client_absent", "provider": "minimx"},
    *({"kind": "models_skipped", "provider": name} for name in ("minimax", "openai", "nobody")),
    {"kind": "ranking_raises"},
    {"kind": "ranking_raises", "message": "another one"},
    *(
        {
            "kind": "fix_resolves",
            "setting_key": key,
            "copy_from": source,
            "provider": key.partition("_")[0].lower(),
        }
        for key, source in (
            ("MINIMAX_API_KEY", "MINIMAX_2_7_API_KEY"),
            ("OPENAI_API_KEY", "MINIMAX_2_7_API_KEY"),
            ("MISTRAL_API_KEY", "MINIMAX_2_7_API_KEY"),
            ("QWEN_API_KEY", "MINIMAX_2_7_API_KEY"),
            ("MINIMAX_API_KEY", "NOT_THERE_API_KEY"),
        )
    ),
]


@dataclass
class Worlds:
    """The snapshots that the files are about, each captured when it is first asked for."""

    folder: Path
    before: Snapshot
    after: Snapshot
    stack: ExitStack

    @cached_property
    def made(self) -> Snapshot:
        """A database of every kind of tenant, with a few models."""
        return self._captured("made")

    @cached_property
    def broken(self) -> Snapshot:
        """The same with an entry of MiniMax at which the ranking fails."""
        entry = chat("minimax", max_input_tokens="many")
        return self._captured("broken", prices={**PRICES, "minimax/broken": entry})

    @cached_property
    def unread(self) -> Snapshot:
        """With an entry whose provider is null, at which every ranking fails."""
        return self._captured(
            "unread", prices={**PRICES, "lost/gpt-5": chat("lost", litellm_provider=None)}
        )

    @cached_property
    def useless(self) -> Snapshot:
        """With no entry but one at which the ranking fails."""
        entry = chat("openai", max_input_tokens="many")
        return self._captured("useless", prices={"openai/gpt-5": entry})

    def cluttered(self, number: int) -> Snapshot:
        """With so many entries at which the ranking fails."""
        entry = chat("openai", max_input_tokens="many")
        more = {f"openai/gpt-5-{n}": entry for n in range(number)}
        return self._captured(f"cluttered-{number}", prices={**PRICES, **more})

    @cached_property
    def bare(self) -> Snapshot:
        """Without prices."""
        return self._captured("bare", pricing=None)

    @cached_property
    def empty(self) -> Snapshot:
        """With an empty cache of prices."""
        return self._captured("empty", prices={"pricing": {}})

    @cached_property
    def public(self) -> Snapshot:
        """In the public edition, where the worker's variables are keys."""
        env = {"DEEPSEEK_API_KEY": KEY, "OPENAI_API_KEY": "", "MINIMAX_2_7_API_KEY": KEY}
        return self._public("public", env=env, keys=stored("groq", "id-alias"))

    @cached_property
    def worker(self) -> Snapshot:
        """In the public edition, where the worker has no key that the platform looks for."""
        return self._public("worker", env={"OPENA_API_KEY": KEY, "AI21_API_KEY": KEY}, keys={})

    @cached_property
    def idle(self) -> Snapshot:
        """In the public edition, where the worker has no key at all."""
        return self._public("idle", env={}, keys={})

    @cached_property
    def keyless(self) -> Snapshot:
        """In the public edition, of whose worker nothing is known but a stored key."""
        return self._public("keyless", keys=stored("minimax", "id-alias"))

    def _public(self, name: str, **options: Any) -> Snapshot:
        folder = self.folder / name
        folder.mkdir()
        tenants = {n: TENANTS[n] for n in ("alias", "sound", "alias-managed", "none")}
        return self.stack.enter_context(
            capture_made(folder, tenants, PRICES, rules=PUBLIC, captured_at=AT, **options)
        )

    def _captured(self, name: str, prices: Any = None, **options: Any) -> Snapshot:
        folder = self.folder / name
        folder.mkdir()
        providers, rules = folder / "registry.json", folder / "rules.yaml"
        entries = [{"id": i, "api_key_env_var": v} for i, v in REGISTRY.items()]
        providers.write_text(json.dumps({"providers": entries}))
        rules.write_text(yaml.safe_dump(RULES))
        options = {"rules": str(rules), "providers": providers, "captured_at": AT, **options}
        return self.stack.enter_context(capture_made(folder, TENANTS, prices or PRICES, **options))


@pytest.fixture(scope="module")
def worlds(
    before: Snapshot, after: Snapshot, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Worlds]:
    """Return the snapshots that the files are about."""
    with ExitStack() as stack:
        yield Worlds(tmp_path_factory.mktemp("golden"), before, after, stack)


def frame(table: pd.DataFrame) -> dict[str, Any]:
    """Return a frame as its columns with their types, and its rows."""
    values = table.astype(object).where(table.notna(), None)
    return {
        # What a column of text is called is for the version of pandas to say.
        "columns": {n: str(kind).replace("str", "object") for n, kind in table.dtypes.items()},
        "rows": values.to_numpy().tolist(),
    }


def without_diagnosis(document: dict[str, Any]) -> dict[str, Any]:
    """Return findings without the diagnosis, which has files of its own."""
    repaired = document.get("repaired")
    return {
        **document,
        "diagnosis": "…",
        **({"repaired": {**repaired, "diagnosis": "…"}} if repaired else {}),
    }


def hypothesis(tenant: str, claims: list[dict[str, str]], folder: Path, **request: Any) -> Any:
    """Return a hypothesis with the claims."""
    numbered = [{"id": f"C{n}", "statement": "…", **claim} for n, claim in enumerate(claims)]
    document = {"title": "A hypothesis", "tenant": tenant, "claims": numbered, "request": request}
    path = folder / "hypothesis.yaml"
    path.write_text(yaml.safe_dump(document))
    return atomlab.load_hypothesis(path)


def diagnosed(snapshot: Snapshot, tenant: str, *kinds: str, **fields: Any) -> dict[str, Any]:
    """Return all that a diagnosis gives: document, warnings, frames, fix."""
    requests = [Request(kind, **fields) for kind in kinds] or None
    found = atomlab.diagnose(snapshot, tenant, requests)
    fix, document = plan_fix(found, "postgresql"), found.to_json()
    for each in document["diagnoses"]:
        assert each.pop("assumptions") == document["assumptions"]
    return {
        "repr": repr(found),
        "lookups": frame(found.lookups.frame()),
        "warnings": found.warnings(),
        "fix": {"status": fix.status, "told": fix.sentences, "unable": fix.unable},
        "document": document,
    }


def explained(snapshot: Snapshot, tenant: str, kind: str) -> dict[str, Any]:
    """Return why a request finds no model: what is left of its diagnosis without the decision."""
    (found,) = atomlab.diagnose(snapshot, tenant, [Request(kind)]).to_json()["diagnoses"]
    trials = found.pop("interventions")
    parts = ("outcome", "causes", "fix_sets", "fix_sets_dropped", "blocking_sets", "rivals")
    return {
        "request": kind,
        **{part: found[part] for part in parts},
        "trials": [[each["name"], each["edits"], each["result"]] for each in trials],
    }


def surveyed(snapshot: Snapshot, complexity: str = "", managed: bool | None = None) -> Any:
    """Return all that a survey gives: document, frames, and what each tenant's fix leaves."""
    found = survey(snapshot, complexity, managed=managed)
    return {
        "answer": found.answer(),
        "document": found.to_json(),
        "causes": {code: tenants_in(hit) for code, hit in found.by_cause().items()},
        "leaves": {
            f"{tenant.subdomain}, {each.complexity}": [each.leaves, each.copies, each.held]
            for tenant, impact in found.affected_tenants
            for each in impact.failures
        },
        "hollow": {
            tenant.subdomain: found.impact_on[group].blank_keys
            for tenant, group in sorted(found.population, key=lambda each: each[0].id)
            if found.impact_on[group].blank_keys
        },
    }


def triaged(snapshot: Snapshot, tenant: str, **asked: Any) -> Any:
    """Return all that a triage gives but for the diagnosis."""
    found = triage(snapshot, tenant, **asked)
    return {
        "outcomes": frame(outcomes(found).frame),
        "document": without_diagnosis(found.to_json()),
    }


def investigated(
    snapshot: Snapshot, tenant: str, hypothesis: Any = None, **asked: Any
) -> dict[str, Any]:
    """Return all that an investigation gives but for the diagnosis."""
    found = investigate(snapshot, tenant, hypothesis, **asked)
    return {
        "provider": found.provider,
        "outcomes": frame(outcomes(found).frame),
        "document": without_diagnosis(found.to_json()),
    }


def compared(snapshot: Snapshot, tenant: str, *asked: Any, **options: Any) -> Any:
    """Return what a comparison gives but for the diagnosis."""
    found = compare(snapshot, tenant, *asked, **options).to_json()
    parts = ("status", "answer", "summary", "verification", "request", "trials", "options")
    return {part: found[part] for part in (*parts, "affected")}


def summed_up(snapshot: Snapshot, tenant: str, **asked: Any) -> Any:
    """Return what a summary says in plain words, of all kinds of request and of the first."""
    found = atomlab.diagnose(snapshot, tenant, **asked)
    parts = found, replace(found, requests=found.requests[:1])
    return [summarize(part, found).model_dump() for part in parts]


def repaired(snapshot: Snapshot, tenant: str, **asked: Any) -> Any:
    """Return what is said of the easiest fix, and what each request still needs then."""
    found = atomlab.diagnose(snapshot, tenant, **asked)
    fix = plan_fix(found, "sqlite")
    return {"fix": asdict(fix), "sentences": fix.sentences, "left": summarize(found).left}


def why(snapshot: Snapshot, *lines: str, **options: Any) -> Any:
    """Return all that is said of a log's failing lines."""
    log = read_log(["\n".join(lines).encode()], timeless=True)
    found = explain_log(log, str(snapshot.path), **options)
    document = found.to_json()
    if isinstance(found, Why):
        assert document.pop("command").startswith("atomlab report ")
        assert document["lines"].pop().startswith("report: atomlab report ")
    return document


def confirmed(snapshot: Snapshot, log: list[str], at: str, **options: Any) -> Any:
    """Return all that is said of a fix by what a log shows, but for the diagnosis."""
    found = confirm(snapshot, "brennan", log, at, **options)
    return without_diagnosis(found.to_json())


def changed(good: Snapshot, bad: Snapshot, tenant: str) -> Any:
    """Return all that is said of what changed between two snapshots, but for the diagnosis."""
    found = atomlab.compare(good, bad, tenant)
    findings = without_diagnosis(found.case().to_json())
    parts = ("status", "verdict", "summary", "verification", "title")
    return {
        "document": found.to_json(),
        "differences": [*map(str, found.differences[:20])],
        "findings": {part: findings.get(part) for part in parts},
    }


def flipped(snapshot: Snapshot, tenant: str, *steps: tuple[str, ...]) -> Any:
    """Return all that is said of changes that are made in memory, but for the diagnoses."""
    found = snapshot.what_if(tenant)
    for name, *what in steps:
        found = getattr(found, name)(*what)
    document = found.to_json()
    del document["before"], document["diagnosis"]
    return {**document, "repr": repr(found)}


def refused_step(snapshot: Snapshot, name: str, *what: str) -> str:
    """Return what is said of a change that cannot be made."""
    with pytest.raises(AtomlabError) as refused:
        getattr(snapshot.what_if("alias"), name)(*what)
    return str(refused.value)


def optional(snapshot: Snapshot, tenant: str, **asked: Any) -> Any:
    """Return the options, each with what speaks for it and against it."""
    options = compare_options(snapshot, tenant, **asked)
    return [{**asdict(o), "pros": pros(o), "cons": cons(o)} for o in options]


def ranked(snapshot: Snapshot, clients: list[str], *asked: Request, plan: str = "team") -> Any:
    """Return all that a ranking gives, of each request."""
    platform = load_platform(snapshot.session)
    rankings = [rank(platform, clients, request, plan) for request in asked]
    return [
        {
            "repr": [repr(platform), repr(each)],
            "error": each.error,
            "warnings": each.warnings(),
            "frame": frame(each.frame()),
            "funnel": frame(each.funnel()),
            "candidates": [asdict(candidate) for candidate in each.candidates()],
            "reasons": {
                name: [asdict(reason) for reason in each.reasons(name)]
                for name in platform.models.ids[:3]
            },
        }
        for each in rankings
    ]


Case = Callable[[Worlds], Any]
_FIX = [claim for claim in TESTED if claim["kind"] == "fix_resolves"]
_EACH = [(number, "simple", [fix]) for number, fix in enumerate(_FIX)]
_ALL = ("all", "advanced", TESTED)
CASES: dict[str, Case] = {
    "rankings": lambda w: ranked(
        w.made,
        ["openai", "minimax", "mistral"],
        Request("simple"),
        Request("complex", tools=True, managed=True, turn=2, tokens=5_000),
        plan="pro",
    ),
    "rankings-of-the-public-edition": lambda w: ranked(
        w.public, ["openai", "deepseek"], Request("advanced"), Request("simple", capability="tools")
    ),
    **{
        f"diagnosis-{name}": lambda w, name=name, kinds=kinds: diagnosed(w.made, name, *kinds)
        for name, kinds in DIAGNOSED.items()
    },
    "diagnosis-with-tools": lambda w: diagnosed(
        w.made, "narrow", "moderate", tools=True, capability="vision"
    ),
    **{
        f"explanation-{name}": lambda w, name=name, kinds=kinds: [
            explained(w.made, name, kind) for kind in kinds
        ]
        for name, kinds in EXPLAINED.items()
    },
    "explanation-broken": lambda w: {
        f"{snapshot}, {name}, {kind}": explained(getattr(w, snapshot), name, kind)
        for snapshot, name, kind in (
            *(("broken", "alias", "moderate"), ("broken", "sound", "moderate")),
            *(("broken", "held", "advanced"), ("unread", "held", "advanced")),
            *(("unread", "sound", "simple"), ("unread", "alias", "advanced")),
            *(("unread", "none", "simple"), ("useless", "sound", "simple")),
        )
    },
    "explanation-empty-cache": lambda w: {
        f"{snapshot}, {name}": explained(getattr(w, snapshot), name, "moderate")
        for snapshot, names in (("empty", ("alias", "none", "sound")), ("bare", ("alias",)))
        for name in names
    },
    "diagnosis-public": lambda w: diagnosed(w.public, "alias", "simple", "advanced"),
    "diagnosis-public-keyless": lambda w: diagnosed(w.keyless, "alias", "simple", "advanced"),
    "fleet": lambda w: surveyed(w.made),
    "explanation-public": lambda w: {
        f"{snapshot}, {name}, {kind}": explained(getattr(w, snapshot), name, kind)
        for snapshot, name, kind in (
            ("public", "none", "advanced"),
            *(
                ("worker", "none", "complex"),
                ("idle", "alias", "simple"),
                ("keyless", "none", "advanced"),
            ),
        )
    },
    "fleet-others": lambda w: [
        [found["answer"], found["leaves"], found["hollow"]]
        for found in (
            surveyed(w.made, "complex", managed=True),
            surveyed(w.keyless, "advanced"),
            surveyed(w.public, "advanced"),
            surveyed(w.bare, "simple"),
            surveyed(w.broken, "moderate"),
        )
    ],
    "assumptions": lambda w: [
        [each.to_json() for each in assumptions(snapshot, load_platform(snapshot.session))]
        for snapshot in (w.made, w.bare, w.public, w.keyless, w.before)
    ],
    "affected": lambda w: {
        f"{complexity or 'any'}, {managed}": [
            tenant.id for tenant in affected_tenants(w.made, complexity, managed)
        ]
        for complexity in ("", "simple", "advanced")
        for managed in (None, True, False)
    },
    "lint": lambda w: [found.to_json() for found in map(lint, (w.made, w.bare, w.empty))],
    "lint-others": lambda w: [
        [asdict(each) for each in lint(other).findings if each not in known]
        for known, other in ((lint(w.made).findings, w.broken), ((), w.public))
    ],
    "triage": lambda w: [
        triaged(w.made, "alias"),
        triaged(w.made, "spaces"),
    ],
    "triage-answers": lambda w: {
        f"{snapshot}, {name}": triage(getattr(w, snapshot), name).answer()
        for snapshot, names in {
            "made": TENANTS,
            "broken": ["alias", "sound", "narrow"],
            "bare": ["alias"],
            "keyless": ["alias", "sound"],
            "public": ["alias", "sound"],
        }.items()
        for name in names
    },
    "verification": lambda w: [
        {**found.to_json(), "repr": repr(found)}
        for snapshot, name, kind in (
            (w.made, "alias", "moderate"),
            (w.made, "sound", "simple"),
            (w.public, "alias", "advanced"),
            (w.keyless, "alias", "advanced"),
        )
        for found in [verify(snapshot, hypothesis(name, TESTED, w.folder, complexity=kind))]
    ],
    "verification-shipped": lambda w: [
        verify(snapshot, atomlab.load_hypothesis(CLAIMS)).to_json()
        for snapshot in (w.before, w.after)
    ],
    "investigation": lambda w: [
        investigated(w.made, "alias", hypothesis("alias", _FIX[:1], w.folder)),
        investigated(w.made, "managed"),
    ],
    "investigation-answers": lambda w: {
        f"{snapshot}, {name}, {number}, {kind}": investigate(
            getattr(w, snapshot), name, hypothesis(name, claims, w.folder), kind
        ).answer()
        for snapshot, name, cases in (
            ("made", "alias", _EACH),
            ("made", "alias-managed", [*_EACH[:1], _ALL]),
            ("made", "sound", [*_EACH[:1], _ALL]),
            ("public", "alias", [*_EACH[:1], _ALL]),
            ("keyless", "alias", [_ALL]),
        )
        for number, kind, claims in cases
    },
    "comparison": lambda w: [
        compared(w.made, "alias", others=2),
        compared(w.made, "empty", "advanced", tools=True, others=1),
        compared(w.made, "alias-managed", "complex", others=1, managed=True),
    ],
    "comparison-answers": lambda w: {
        f"{name}, {kind}{' with tools' * tools}": [
            found.answer(),
            *(f"{claim.verdict}: {claim.observed}" for claim in found.verification.claims),
        ]
        for name, tools in (
            *(("alias", True), ("misnamed", False), ("empty", True), ("spaces", False)),
            *(("none", True), ("sound", False), ("narrow", False)),
        )
        for kind in ("simple", "advanced")
        for found in [compare(w.made, name, kind, tools=tools, others=1)]
    },
    "options": lambda w: {
        name: optional(w.made, name, others=2)
        for name in ("misnamed", "not-llm", "unknown", "narrow", "managed")
    },
    "options-public": lambda w: optional(w.public, "alias", others=3),
    "summaries": lambda w: {
        **{name: summed_up(w.made, name) for name in TENANTS},
        **{f"broken, {name}": summed_up(w.broken, name) for name in ("alias", "held", "sound")},
        **{f"useless, {name}": summed_up(w.useless, name) for name in ("sound",)},
        **{f"public, {name}": summed_up(w.public, name) for name in ("alias", "none")},
        "bare, alias": summed_up(w.bare, "alias"),
        "unread, sound": summed_up(w.unread, "sound"),
        "alias as managed": summed_up(w.made, "alias", managed=True),
    },
    "fixes": lambda w: {
        **{name: repaired(w.made, name) for name in TENANTS},
        **{f"{n} broken entries": repaired(w.cluttered(n), "sound") for n in (6, 7, 8)},
        "public": repaired(w.public, "alias"),
        "alias as managed": repaired(w.made, "alias", managed=True),
    },
    "compare": lambda w: {
        f"{good}, {bad}, {tenant}": changed(getattr(w, good), getattr(w, bad), tenant)
        for good, bad, tenant in (
            *(("after", "before", "brennan"), ("before", "after", "brennan")),
            *(("made", name, "sound") for name in ("broken", "empty", "bare", "public", "made")),
            *(("public", "worker", "sound"), ("worker", "public", "sound")),
            *(("public", "idle", "alias"), ("broken", "made", "held"), ("public", "made", "none")),
        )
    },
    "what-if": lambda w: [
        flipped(w.made, "alias", ("copy_key", "MINIMAX_API_KEY", "MINIMAX_2_7_API_KEY")),
        flipped(w.made, "sound", ("remove_key", "openai"), ("without_models", "minimax/*")),
        flipped(w.made, "managed", ("plan", "enterprise"), ("add_key", "groq")),
        flipped(w.made, "none", ("rules", PUBLIC), ("add_key", "openai"), ("remove_key", "groq")),
        flipped(w.public, "none", ("remove_key", "deepseek"), ("rules", "hosted-2026-05")),
        [
            refused_step(w.made, *step)
            for step in (
                *(("add_key", "opnai"), ("remove_key", "nobody"), ("plan", "tem")),
                *(("without_models", "minmax/*"), ("without_models", "zzz"), ("rules", "hosted")),
                *(("copy_key", "MINIMAX_API_KEY", "MINIMAX_2_8_API_KEY"), ("copy_key", "A", "B")),
            )
        ],
    ],
    "why": lambda w: [
        why(w.made, f"{_AT} {_ERROR} tenant_id=alias"),
        why(w.made, f"{_AT} {_ERROR} tenant_id=alias complexity=simple", f"{_AT} {_ERROR} alias"),
        why(w.made, f"ERROR core.worker: {_ERROR} tenant_id=sound complexity=simple"),
        why(w.bare, f"{_AT} {_ERROR} tenant_id=alias complexity=simple"),
        why(w.public, *[f"{_AT} {_ERROR} tenant_id=alias complexity=complex"] * 3),
        why(w.made, f"{_AT} {_ERROR}"),
    ],
    "confirmation": lambda w: [
        confirmed(w.before, _LOGS, "2026-05-02T16:38Z"),
        confirmed(w.before, _LOGS[:1], "2026-05-02T12:00Z", after=w.after, managed=True),
    ],
}
_AT = "2026-05-02T07:14:31Z ERROR core.worker:"
_ERROR = f"Structured generation failed: {NO_MODELS}"
_LOGS = [str(ROOT / "data" / "logs" / f"brennan-{day}-fix.log") for day in ("before", "after")]
# Findings of the incident that ship: they are the whole document of an investigation.
SHIPPED = ROOT / "data" / "postmortem" / "findings.json"


def plain(value: Any, key: str = "") -> Any:
    """Return what JSON would hold, with no value that another run or version would not have."""
    if key in ("tool", "manifest", "sha256") or (key == "snapshot" and isinstance(value, str)):
        return "…"
    if key == "assumptions":
        return len(value)  # they have a file of their own
    if key in ("sql", "rollback"):
        return f"{len(value.splitlines())} lines"
    if isinstance(value, Mapping):
        return {str(name): plain(each, str(name)) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return table([plain(each) for each in value])
    if isinstance(value, float):
        return float(f"{value:.9g}")
    return value.item() if hasattr(value, "item") else value


def table(items: list[Any]) -> Any:
    """Return several items with the same fields as these fields once, and their values."""
    fields = [list(each) if isinstance(each, dict) else None for each in items]
    if len(items) < 2 or not fields[0] or any(names != fields[0] for names in fields):
        return items
    return {"fields": fields[0], "of each": [list(each.values()) for each in items]}


def written(value: Any, indent: int = 0) -> str:
    """Return plain JSON with what fits into a line on one, as does a list of plain values."""
    line = json.dumps(value, ensure_ascii=False)
    inside = value.values() if isinstance(value, dict) else value
    flat = isinstance(value, list) and not any(
        isinstance(each, dict | list) or len(str(each)) > 90 for each in inside
    )
    if len(line) + indent <= 140 or flat or not isinstance(value, dict | list):
        return line
    space = "\n" + " " * (indent + 1)
    if isinstance(value, list):
        inside = [written(each, indent + 1) for each in value]
    else:
        inside = [f"{json.dumps(n)}: {written(v, indent + 1)}" for n, v in value.items()]
    start, end = ("[", "]") if isinstance(value, list) else ("{", "}")
    return start + space + ("," + space).join(inside) + "\n" + " " * indent + end


def differing(name: str, expected: str, found: str) -> str:
    """Return the lines that differ, empty if none does."""
    lines = (expected.splitlines(), found.splitlines())
    return "\n".join(difflib.unified_diff(*lines, name, "now", n=2, lineterm=""))


@pytest.mark.parametrize("name", CASES)
def test_documents_and_frames_are_as_they_were(worlds: Worlds, name: str) -> None:
    """Field by field; what differs is shown."""
    path = GOLDEN / f"{name}.json"
    found = written(plain(CASES[name](worlds))) + "\n"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(found, encoding="utf-8")
    expected = path.read_text(encoding="utf-8")
    assert found == expected, differing(path.name, expected, found)


def test_the_findings_that_ship_are_those_of_the_incident(before: Snapshot) -> None:
    """The whole document of the investigation, which no other file repeats."""
    found = atomlab.investigate(before, "brennan", atomlab.load_hypothesis(CLAIMS)).to_json()
    shipped = json.loads(SHIPPED.read_text(encoding="utf-8"))
    expected, now = written(plain(shipped)), written(plain(found))
    assert now == expected, differing(SHIPPED.name, expected, now)


def test_every_golden_file_is_of_a_case() -> None:
    """None is left behind by a case that is gone."""
    assert {path.stem for path in GOLDEN.iterdir()} == set(CASES)
