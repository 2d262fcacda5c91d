"""Whatever the library returns shows itself shortly, safely, and without a setting's value."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import pytest
from IPython.lib.pretty import pretty
from pydantic import BaseModel

import atomlab
from atomlab.diagnosis.population import Winners
from atomlab.fleets.changes import Change
from atomlab.shown import Listed, Several, Shown
from benchmarks import made_fleet
from tests.conftest import PRICES, ROOT, live_session
from tests.pages import STORABLE, Page, inert

REAL_PRICES = ROOT / "data" / "pricing" / "litellm-1.83.14-prices.json.gz"
CLAIMS = ROOT / "data" / "hypotheses" / "brennan-minimax.yaml"
GOOD = ROOT / "data" / "snapshots" / "brennan-2026-05-03.sqlite"
LOGS = sorted((ROOT / "data" / "logs").glob("*.log"), reverse=True)
SECRET = "sk-4f9a27d1c0ffee4f9a27d1c0ffee"
LINE, CARD, MANY = 500, 20_000, 1_500  # characters; MANY: of a bare tuple's line
FIRST = 12  # of many things that are looked at


def objects_of(snapshot: atomlab.Snapshot, tenant: str) -> Iterator[object]:
    """Yield what each public call returns for a snapshot and one of its tenants."""
    platform = atomlab.load_platform(snapshot.session)
    found = snapshot.tenant(tenant)
    handler = atomlab.BYOKHandler(found.id, db=snapshot.session)
    manager, request = platform.manager(), atomlab.Request("simple", tools=True)
    diagnosis = atomlab.diagnose(snapshot, found.id)
    ranking = handler.explain(request)
    yield from (snapshot, platform, found, handler, manager, request, diagnosis, ranking)
    yield from (Winners(platform), [*ranking.candidates()][:5], ranking.view, handler.clients)
    yield from (manager.lookups(found.id, snapshot.session), manager.rows(snapshot.session))
    if not ranking.error:
        yield handler.rank_models_by_pricing("simple", tools=True)
    yield snapshot.session.query(atomlab.TenantSetting).first()
    yield from (atomlab.lint(snapshot), atomlab.plan_fix(diagnosis, "postgresql"))
    triage = atomlab.triage(snapshot, found.id)
    yield from (triage, triage.findings(), atomlab.Findings(triage))
    yield from (atomlab.compare_options(snapshot, found.id, 2), atomlab.survey(snapshot))
    yield atomlab.compare_fixes(snapshot, found.id, "simple", others=2)
    yield from (atomlab.load_pricing(REAL_PRICES), atomlab.load_rules("hosted-2026-05"))
    added = [what_if.add_key("openai") for what_if in (snapshot.what_if(found.id),
        atomlab.what_if(snapshot))]  # fmt: skip
    yield from added


def about_the_incident(snapshot: atomlab.Snapshot) -> Iterator[object]:
    """Yield what else there is where claims and logs are at hand."""
    claims = atomlab.load_hypothesis(CLAIMS)
    log = atomlab.read_log(LOGS)
    yield from (claims, log, atomlab.verify(snapshot, claims))
    yield atomlab.investigate(snapshot, "brennan", claims)
    yield atomlab.confirm(snapshot, "brennan", log, "2026-05-02T16:40Z")
    yield log.coverage
    with atomlab.open_snapshot(GOOD) as good:
        for tenant in ("brennan", None):
            yield atomlab.compare(good, snapshot, tenant)
    change = Change("brennan", (atomlab.diagnose(snapshot, "brennan").failing[0]
        .explanation.fix_sets[0].edits))  # fmt: skip
    yield change


def within(thing: object, seen: set[int]) -> Iterator[object]:
    """Yield a thing and all that its public attributes and elements lead to, each once."""
    if id(thing) in seen or isinstance(thing, str | bytes | int | float | type(None)):
        return
    seen.add(id(thing))
    if isinstance(thing, tuple | list):
        if any(isinstance(each, Shown) for each in thing):  # else it is a column of a frame
            yield thing
        for each in thing[:FIRST]:
            yield from within(each, seen)
    elif isinstance(thing, dict):
        for each in [*thing.values()][:FIRST]:
            yield from within(each, seen)
    elif type(thing).__module__.startswith("atomlab.") and not inspect.isclass(thing):
        yield thing
        for name in sorted({*dir(type(thing)), *getattr(thing, "__dict__", ())}):
            kind = getattr(type(thing), name, None)
            own = name in getattr(thing, "__dict__", ()) or inspect.isdatadescriptor(kind)
            if (
                name[0] == "_"
                or name == "metadata"
                or not (own or isinstance(kind, cached_property))
            ):
                continue
            value = getattr(thing, name, None)
            if isinstance(thing, BaseModel) and isinstance(value, tuple):
                value = {**dict(enumerate(value))}  # lists of a document are data
            yield from within(value, seen)


def faults_of(thing: object, secret: str = SECRET) -> Iterator[str]:
    """Yield what is wrong with how a thing shows itself."""
    for text in (repr(thing), str(thing), pretty(thing)):
        bare = type(thing) in (tuple, list)
        if len(text) > (MANY if bare else LINE) and not isinstance(thing, Exception):
            yield f"{len(text):,} characters"
        if secret in text:
            yield "a value"
        if re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text):
            yield "a control character"
    if isinstance(thing, Shown):
        html = thing._repr_html_()
        if len(html) > CARD:
            yield f"HTML of {len(html):,} characters"
        if not inert(html) or secret in html:
            yield "HTML that is not inert, or has a value"
    elif " object at 0x" in repr(thing):
        yield "no words"


def assert_short(things: Iterator[object]) -> int:
    """Fail with all that is wrong with these things, and those within them; return their number."""
    seen: set[int] = set()
    kept = [*things]  # else an id could be another thing's
    every = [each for thing in kept for each in within(thing, seen)]
    wrong = {
        f"{type(each).__name__}: {fault}: {repr(each)[:80]}"
        for each in every
        for fault in faults_of(each)
    }
    assert "\n".join(sorted(wrong)) == ""
    return len(every)


@pytest.mark.slow
def test_all_that_the_incident_leads_to_is_short(before):
    """Each object of the shipped snapshot, and each that it holds."""
    assert assert_short(objects_of(before, "brennan")) > 500
    assert assert_short(about_the_incident(before)) > 200


def test_hostile_names_are_short_and_inert(captured, write_json):
    """Tenants, rows, providers and models may be called anything."""
    rows = {f"{name[:200]}_API_KEY": SECRET for name in STORABLE}
    tenants = dict.fromkeys(STORABLE, rows)
    prices = {f"{n[:300]}/m": PRICES["minimax/MiniMax-M2.5"] for n in STORABLE} | PRICES
    snapshot = captured(tenants, pricing=write_json(prices))
    for name in (STORABLE[0], STORABLE[4]):
        assert assert_short(objects_of(snapshot, f"id-{name}")) > 100


@pytest.mark.slow
def test_a_big_snapshot_is_as_short(tmp_path: Path):
    """2,690 models and 10,000 tenants in 2,000 states."""
    made_fleet.write_fleet(tmp_path / "fleet.db", 10_000, 2_000)
    source = str(tmp_path / "fleet.db")
    with atomlab.capture(source, tmp_path / "fleet.sqlite", pricing=REAL_PRICES) as snapshot:
        tenant = snapshot.session.query(atomlab.Tenant).first()
        assert assert_short(objects_of(snapshot, tenant.id)) > 500


def test_no_value_is_shown_of_a_live_database(make_database, before):
    """Where the session reads raw values, no object that holds one shows it."""
    path = make_database({"acme": {"OPENAI_API_KEY": SECRET}})
    platform = atomlab.load_platform(before.session)
    with live_session(path) as db:
        manager = atomlab.BYOKManager(platform.providers, platform.rules)
        handler = atomlab.BYOKHandler("id-acme", db, platform=platform, byok_manager=manager)
        setting = db.query(atomlab.TenantSetting).one()
        assert setting.setting_value == SECRET
        rows = manager.rows(db)
        assert rows.of("id-acme") == {"OPENAI_API_KEY": SECRET}
        things = (setting, handler, manager, rows, rows.holding("id-acme", "A", SECRET))
        assert assert_short(iter([things])) > 5


def test_many_things_show_the_first_and_how_many_are_left():
    """They stay what they are: a tuple, a list."""
    numbers = Several(range(10_000))
    assert repr(numbers) == "[0, 1, 2 … and 9,997 more]"
    assert numbers == tuple(range(10_000))
    assert Listed([1, 2]) == [1, 2]
    assert repr(Listed([1, 2])) == "[1, 2]"
    assert "The first 10 of 10,000." in numbers._repr_html_()


def test_a_card_is_in_words(before):
    """The class, edits and lists as they are said; a table has a column for each fact."""
    diagnosis = atomlab.diagnose(before, "brennan")
    trials = Page(diagnosis.requests[0].explanation.trials._repr_html_())
    assert trials.all("strong")[0][1] == "4 trials"
    assert trials.headers("col") == ["name", "edits", "before", "after", "applied"]
    assert "set MINIMAX_API_KEY to the value of MINIMAX_2_7_API_KEY" in trials.text
    page = Page(atomlab.BYOKHandler(diagnosis.tenant.id, db=before.session)._repr_html_())
    assert page.all("strong")[0][1] == "BYOK handler"
    assert page.all("dd")[1][1] == "minimax_2_7"


def test_a_row_that_was_let_go_still_shows_itself(make_database):
    """It asks the database for nothing."""
    with live_session(make_database({"acme": {}})) as db:
        tenant = db.query(atomlab.Tenant).one()
        db.commit()  # its attributes are no longer known
    assert "Tenant(" in repr(tenant)
