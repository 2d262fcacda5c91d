"""Replay: each recorded request gets what `diagnose` says of it alone, before and after changes."""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

import atomlab
from atomlab import Request
from atomlab.diagnosis.edits import Edit
from atomlab.diagnosis.fixes import best_fix
from atomlab.diagnosis.sandbox import Sandbox
from atomlab.errors import InputError, TenantError
from atomlab.evidence.inputs.recorded import COLUMNS
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.fleets import impacts
from atomlab.fleets.changes import Change
from atomlab.fleets.replay import FLIPS, replay
from benchmarks.made_fleet import write_fleet
from tests.diagnosis.made import KEY, Made, capture_made
from tests.examples import examples
from tests.refusals import refused

PUBLIC = "open-source-2026-05"
ALIAS, HELD = "MINIMAX_API_KEY", "MINIMAX_2_7_API_KEY"


def write(path, rows):
    """Write requests, each a mapping, as CSV; return the path."""
    with path.open("w", newline="") as stream:
        table = csv.DictWriter(stream, COLUMNS)
        table.writeheader()
        table.writerows(rows)
    return path


@pytest.fixture
def requests(tmp_path):
    """Return a function that writes a file of (tenant, complexity) requests."""
    return lambda *asked: write(
        tmp_path / "requests.csv", ({"tenant": t, "complexity": c} for t, c in asked)
    )


@pytest.fixture(scope="module")
def fleet(tmp_path_factory, real_prices):
    """Return a snapshot of a made fleet, on the real prices."""
    folder = tmp_path_factory.mktemp("fleet")
    write_fleet(folder / "fleet.db", 400)
    source, out = str(folder / "fleet.db"), folder / "fleet.sqlite"
    with atomlab.capture(source, out, pricing=real_prices) as snapshot:
        yield snapshot


def drawn(tenants):
    """Draw requests of some tenants."""
    one = st.fixed_dictionaries(
        {
            "tenant": st.sampled_from(tenants),
            "complexity": st.sampled_from(COMPLEXITIES),
            "tools": st.booleans(),
            "capability": st.sampled_from(("", "", "", "vision", "singing", "dancing")),
            "turn": st.sampled_from((0, 0, 1, 2)),
            "tokens": st.sampled_from((0, 1023, 1024, 2047, 2048, 9999)),
        }
    )
    return st.lists(one, min_size=1, max_size=12)


def request_of(row, managed):
    """Return the request that a row of the file stands for."""
    asked = {name: value for name, value in row.items() if name != "tenant"}
    return Request(**{**asked, "capability": row["capability"] or None}, managed=managed)


@examples(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), st.sampled_from((None, None, True, False)))
def test_each_request_gets_what_it_gets_alone(fleet, tmp_path, data, managed):
    """Failing, why, and with which winner: as `diagnose` finds, request by request."""
    tenants = [row[0] for row in fleet.select("SELECT subdomain FROM tenants ORDER BY rowid")]
    rows = data.draw(drawn([*tenants[:20], *tenants[300:]]))  # the last classes fail most
    found = replay(fleet, write(tmp_path / "r.csv", rows), managed=managed)
    platform = atomlab.load_platform(fleet.session)
    failing, unable = Counter(), Counter()
    for row in rows:
        alone = atomlab.diagnose(fleet, row["tenant"], [request_of(row, managed)], platform)
        (each,) = alone.requests
        if each.status == "affected":
            cause = each.explanation.causes[0]
            why = (cause.code, cause.provider, cause.verdict)
            failing[alone.tenant.subdomain, row["complexity"], *why] += 1
        elif each.ranking.winner.unable:
            unable[alone.tenant.subdomain, each.ranking.winner.model] += 1
    columns = ("subdomain", "complexity", "cause", "provider", "verdict")
    assert {tuple(r[c] for c in columns): r["requests"] for r in found.failing} == failing
    assert {(r["subdomain"], r["model"]): r["requests"] for r in found.unable} == unable
    assert found.requests == len(rows)
    assert found.failing_requests == failing.total()
    assert found.status == ("affected" if failing else "healthy")


KEYS = ("openai", "minimax", "deepseek")


@st.composite
def edits(draw):
    """Draw one or two edits of a tenant's rows, or of the platform."""
    names = [f"{key.upper()}_API_KEY" for key in KEYS]
    one = st.one_of(
        st.builds(Edit, st.sampled_from(("new-credential", "empty-row")), st.sampled_from(names)),
        st.builds(Edit, st.just("remove-row"), st.sampled_from(names)),
        st.builds(
            lambda name: Edit("waive-filter", filter=name),
            st.sampled_from(("quality", "context", "plan", "tools")),
        ),
        st.builds(
            lambda provider: Edit("allow-provider", provider=provider), st.just("minimax_2_7")
        ),
        st.just(Edit("repair-entry", model="openai/gpt-4o")),
        st.just(Edit("complete-windows")),
    )
    return tuple(draw(st.lists(one, min_size=1, max_size=2, unique=True)))


MADE = {
    "none": Made(),
    "alias": Made(rows={HELD: KEY}),
    "pro": Made("pro", "managed", {"OPENAI_API_KEY": KEY}),
    "two": Made(rows={"OPENAI_API_KEY": KEY, "DEEPSEEK_API_KEY": KEY}),
    "alike": Made(rows={"OPENAI_API_KEY": KEY, "DEEPSEEK_API_KEY": KEY}),
}


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    """Return a snapshot of five tenants."""
    with capture_made(tmp_path_factory.mktemp("five"), MADE) as snapshot:
        yield snapshot


@examples(100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=drawn([*MADE]), tenant=st.sampled_from([*MADE]), made=edits())
def test_a_change_flips_what_it_flips_alone(five, tmp_path, rows, tenant, made):
    """As the sandbox decides, request by request: rows for the one tenant, the rest for all."""
    found = replay(five, write(tmp_path / "r.csv", rows), [Change(f"id-{tenant}", made)])
    lab, flips, pairs = Sandbox(five), Counter(), Counter()
    for row in rows:
        tried = [e for e in made if e.setting_key is None or row["tenant"] == tenant]
        request = request_of(row, None)
        trial = lab.try_edits("", tried, f"id-{row['tenant']}", request)
        before, after = trial.before.winner, trial.after.winner
        models = before and before.model, after and after.model
        if models[0] == models[1]:
            continue
        works = before is not None and not before.unable, after is not None and not after.unable
        flip = {(0, 1): "cured", (1, 0): "lost", (1, 1): "moved", (0, 0): "not cured"}[works]
        flips[row["tenant"], flip] += 1
        pairs[flip, *models] += 1
    assert {(r["subdomain"], r["flip"]): r["requests"] for r in found.flipped} == flips
    assert {(r["flip"], r["from"], r["to"]): r["requests"] for r in found.pairs} == pairs
    assert found.flips == {f: sum(n for (_, g), n in flips.items() if f == g) for f in FLIPS}


def test_a_tenant_goes_by_any_of_its_names(captured, requests):
    """Its id, subdomain or name are the same tenant; an id is its own tenant's; others are bad."""
    snapshot = captured({"acme": {}, "id-acme": {}, "Acme": {}})
    asked = [("id-acme", "simple"), ("acme", "simple"), ("id-id-acme", "simple")]
    found = replay(snapshot, requests(*asked))
    assert {row["id"]: row["requests"] for row in found.failing} == {
        "id-acme": 2,
        "id-id-acme": 1,
    }
    path = requests(("acme", "simple"), ("Acme", "simple"), ("nobody", "simple"), ("?", "simple"))
    with refused(InputError, "line 3 has a name that several tenants have", path):
        replay(snapshot, path)
    found = replay(snapshot, path, skip_bad=True)
    bad = {what: (each.first_line, each.lines) for what, each in found.bad.items()}
    assert bad == {"ambiguous-tenant": (3, 1), "unknown-tenant": (4, 2)}
    assert found.requests == 1
    assert "3 lines skipped." in found.answer()
    with refused(InputError, "has no line that can be read, of 1 line: unknown-tenant (1)"):
        replay(snapshot, requests(("nobody", "simple")), skip_bad=True)


def test_first_and_last_are_told(captured, tmp_path):
    """Of the requests that are decided, in UTC, whatever their order and zones."""
    snapshot = captured({"acme": {"OPENAI_API_KEY": KEY}})
    times = ["2026-05-02T10:00:00+02:00", "2026-05-02T07:59:00", "", "2026-05-02T09:00:00Z"]
    rows = [{"tenant": "acme", "complexity": "simple", "at": at} for at in times]
    rows.append({"tenant": "nobody", "complexity": "simple", "at": "2020-01-01"})
    found = replay(snapshot, write(tmp_path / "r.csv", rows), skip_bad=True)
    assert found.first_at == datetime(2026, 5, 2, 7, 59, tzinfo=UTC)
    assert found.to_json()["last_at"] == "2026-05-02T09:00:00+00:00"
    assert (found.status, found.causes, found.failing) == ("healthy", [], [])
    without = replay(snapshot, write(tmp_path / "r.csv", rows[2:3]))
    assert (without.first_at, without.to_json()["last_at"]) == (None, None)


def test_each_kind_is_decided_and_explained_once(captured, requests, monkeypatch):
    """However many requests there are; each further turn and length is one of a few kinds."""
    snapshot = captured({f"t{n}": {} for n in range(5)})
    calls = []
    real = impacts.explain
    monkeypatch.setattr(
        impacts, "explain", lambda case, **how: calls.append(1) or real(case, **how)
    )
    found = replay(snapshot, requests(*[(f"t{n % 5}", "simple") for n in range(100)]))
    assert (len(calls), len(found.outcomes)) == (1, 1)
    assert found.failing_requests == 100
    rows = [
        {"tenant": "t1", "complexity": "simple", "turn": n, "tokens": n * 50} for n in range(200)
    ]
    found = replay(snapshot, write(requests().parent / "turns.csv", rows))
    assert len(calls) == 2  # the same winners in each trial
    assert len(found.outcomes) <= 4


def test_the_cause_is_found_anew_where_prices_count(captured, requests, monkeypatch):
    """Where another turn has another winner in a trial, what was found for the first is not it."""
    snapshot = captured({"a": {}})
    rows = [
        {"tenant": "a", "complexity": "simple", "turn": turn, "tokens": 5000} for turn in (0, 1)
    ]
    path, calls = write(requests().parent / "turns.csv", rows), []
    real = impacts.explain
    monkeypatch.setattr(
        impacts, "explain", lambda case, **how: calls.append(1) or real(case, **how)
    )
    replay(snapshot, path)
    assert len(calls) == 1
    monkeypatch.setattr(impacts, "same_model", lambda *_: False)
    replay(snapshot, path)
    assert len(calls) == 3


def test_with_fix_spells_a_change(before, tmp_path):
    """A tenant alone is its easiest fix; rows are copied, added and removed for it alone."""
    rows = [{"tenant": t, "complexity": c} for t in ("brennan", "fjord") for c in COMPLEXITIES]
    path = write(tmp_path / "r.csv", rows)
    brennan = before.tenant("brennan").id
    easiest = replay(before, path, ["brennan"])
    spelled = replay(before, path, [f"brennan=copy-key:{ALIAS}={HELD}"])
    fix = best_fix(atomlab.diagnose(before, "brennan"))
    assert easiest.changes == [Change(brennan, fix.edits)]
    assert easiest.flips == spelled.flips == {"cured": 3, "lost": 0, "moved": 0, "not cured": 0}
    assert [row["to"] for row in spelled.pairs] == ["minimax/MiniMax-M2.5"]
    added = replay(before, path, [f"{brennan}=add-key:minimax"])
    assert added.pairs == spelled.pairs
    both = replay(before, path, ["brennan=add-key:minimax", "brennan=remove-key:minimax"])
    assert set(both.flips.values()) == {0}
    assert both.to_json()["changes"]["made"][1] == {
        "tenant": brennan,
        "edits": [{"kind": "remove-row", "setting_key": ALIAS}],
    }


@pytest.mark.parametrize(
    ("text", "what", "todo"),
    [
        ("brennan=copy:A=B", "cannot be made out", "copy-key:TO=FROM"),
        ("brennan=copy-key:A", "names no two rows", "copy-key:TO=FROM"),
        ("brennan=add-key:opnai", "no provider 'opnai'", "did you mean openai"),
        ("brennan=copy-key:A=MINIMAX_API_KEY", "has no row 'MINIMAX_API_KEY' to copy", HELD),
    ],
)
def test_a_change_that_cannot_be_made_is_refused(before, tmp_path, text, what, todo):
    """In one line, with how to spell it."""
    path = write(tmp_path / "r.csv", [{"tenant": "brennan", "complexity": "simple"}])
    with refused(InputError, what) as caught:
        replay(before, path, [text])
    assert todo in caught.value.todo


def test_without_a_fix_there_is_none_to_try(captured, requests):
    """Of a tenant whose requests all find a model, and of one that is not there."""
    snapshot = captured({"acme": {"OPENAI_API_KEY": KEY}}, rules="hosted-2026-05")
    path = requests(("acme", "simple"))
    with refused(TenantError, "no tenant 'nobody'"):
        replay(snapshot, path, ["nobody"])
    bare = captured({"acme": {}}, pricing=None)
    with refused(InputError, "no easiest fix for Acme: the snapshot holds no pricing cache"):
        replay(bare, path, ["acme"])


def test_nothing_is_decided_without_prices(captured, requests):
    """The requests are counted as undecided, and a change flips none."""
    bare = captured({"acme": {}}, pricing=None)
    found = replay(bare, requests(("acme", "simple")), ["acme=add-key:openai"])
    assert (found.status, found.undecided_requests, found.failing_requests) == ("undecided", 1, 0)
    assert found.to_json()["missing"] == "the snapshot holds no pricing cache"
    assert found.flips == dict.fromkeys(FLIPS, 0)


def test_a_variable_of_the_worker_is_every_tenants(captured, requests):
    """Where keys come from the environment, a new one is there for all, and a stored one stays."""
    snapshot = captured({"a": {}, "b": {}}, rules=PUBLIC, env={"TIMEZONE": "UTC"}, keys={})
    path = requests(("a", "simple"), ("b", "simple"))
    changes = ["a=add-key:deepseek", "b=add-key:openai"]
    both = atomlab.rank(
        atomlab.load_platform(snapshot.session), ("openai", "deepseek"), Request("simple")
    )
    for made in (changes, changes[::-1]):
        found = replay(snapshot, path, made)
        assert found.failing_requests == found.flips["cured"] == 2
        assert [row["to"] for row in found.pairs] == [both.winner.model]
    assert replay(snapshot, path, changes[:1]).flips["cured"] == 2


def test_a_waived_filter_is_waived_for_everybody(five, requests):
    """Without the bound of quality OpenAI's small model wins complex requests, by its price."""
    path = requests(*((tenant, "complex") for tenant in MADE))
    found = replay(five, path, [Change(None, (Edit("waive-filter", filter="quality"),))])
    moved = {row["subdomain"] for row in found.flipped if row["flip"] == "moved"}
    assert moved == {"two", "alike", "pro"}
    pairs = {(r["from"], r["to"]): r["tenants"] for r in found.pairs if r["flip"] == "moved"}
    assert pairs == {("openai/gpt-4o", "gpt-4o-mini"): 3}


FILE = """
changes:
- tenant: alias
  edits:
  - kind: copy-key
    setting_key: MINIMAX_API_KEY
    copy_from: MINIMAX_2_7_API_KEY
- edits:
  - {kind: repair-entry, model: openai/gpt-4o}
  - {kind: waive-filter, filter: quality}
- tenant: none
"""


def test_changes_are_read_from_a_file(five, tmp_path):
    """Edits of a tenant, of the platform, and the easiest fix of one that names none."""
    rows = [{"tenant": t, "complexity": "complex"} for t in MADE]
    path, file = write(tmp_path / "r.csv", rows), tmp_path / "changes.yaml"
    file.write_text(FILE)
    found = replay(five, path, changes=file)
    copy = Edit("copy-key", ALIAS, HELD)
    entry, waived = (
        Edit("repair-entry", model="openai/gpt-4o"),
        Edit("waive-filter", filter="quality"),
    )
    fix = best_fix(atomlab.diagnose(five, "none")).edits
    assert found.changes == [
        Change("id-alias", (copy,)),
        Change(None, (entry, waived)),
        Change("id-none", fix),
    ]
    flips = {(row["subdomain"], row["flip"]) for row in found.flipped}
    assert ("alias", "cured") in flips


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[]", "is not a file of changes"),
        ("changes: []", "changes: must not be empty"),
        ("changes: [{tenant: a, edit: []}]", "changes[0]: unknown field edit"),
        ("changes: [{edits: []}]", "changes[0]: names neither a tenant nor edits"),
        ("changes: [{edits: [{kind: remove-row, setting_key: A}]}]", "needs the tenant"),
        ("changes: [{tenant: a, edits: [{kind: conjure}]}]", "changes[0].edits[0]: has no known"),
        ("changes: [{tenant: a, edits: [{kind: copy-key}]}]", "has setting_key and copy_from"),
        ("changes: [{edits: [{kind: waive-filter, filter: client}]}]", "filter: must be"),
        ("changes: [{edits: [{kind: repair-entry, model: x}]}]", "the cache has no entry 'x'"),
        ("changes: [{edits: [{kind: complete-windows, model: x}]}]", "has no other field"),
    ],
)
def test_a_wrong_file_of_changes_is_refused(five, tmp_path, text, what):
    """In one line that names the place."""
    path, file = write(tmp_path / "r.csv", []), tmp_path / "changes.yaml"
    path.write_text("tenant,complexity\nnone,simple\n")
    file.write_text(text)
    with refused(InputError, what):
        replay(five, path, changes=file)


def test_the_document_and_the_frames_say_the_same(five, tmp_path):
    """Every row of the document is one of a frame, sums agree, and it is JSON."""
    rows = [{"tenant": t, "complexity": c} for t in MADE for c in COMPLEXITIES]
    found = replay(five, write(tmp_path / "r.csv", rows), ["alias", "two=remove-key:openai"])
    document = json.loads(json.dumps(found.to_json()))
    assert document["schema"] == "atomlab.replay/1"
    for frame, part in (
        (found.failing_frame(), document["tenants"]),
        (found.causes_frame(), document["causes"]),
        (found.flipped_frame(), document["changes"]["tenants"]),
        (found.pairs_frame(), document["changes"]["pairs"]),
    ):
        assert json.loads(frame.to_json(orient="records")) == part
    numbers = document["complexities"]
    assert sum(row["requests"] for row in numbers) == document["requests"] == len(rows)
    assert sum(row["failing"] for row in numbers) == document["failing"]
    assert sum(row["requests"] for row in document["causes"]) == document["failing"]
    assert sum(document["changes"]["flips"].values()) == found.flipped_frame()["requests"].sum()
    assert replay(five, tmp_path / "r.csv").to_json()["changes"] is None
    assert "find no model" in repr(found)


def test_the_card_shows_what_was_found(five, tmp_path):
    """The answer, the causes, and the changes in words; a table that has no row is not there."""
    rows = [{"tenant": t, "complexity": c} for t in MADE for c in ("simple", "moderate")]
    path = write(tmp_path / "r.csv", rows)
    html = replay(five, path, ["alias"])._repr_html_()
    for said in ("affected", "key-under-alias", "MINIMAX_2_7_API_KEY", "no model", "cured"):
        assert said in html
    fine = replay(five, write(tmp_path / "fine.csv", [r for r in rows if r["tenant"] == "two"]))
    assert "<table" not in fine._repr_html_()
    assert "Each of 2 recorded requests finds a model." in fine._repr_html_()
