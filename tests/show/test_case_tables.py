"""Tables: readable, escaped, and silent about what did not happen."""

from __future__ import annotations

import pytest

import atomlab
from atomlab import Request, Tenant
from atomlab.report.plan import folder_names
from atomlab.show import case_tables, figures
from tests.pages import Page


def test_without_a_fix_no_table_pretends_that_one_was_made(before):
    """No second set of verdicts, no column of what a fix did."""
    case = atomlab.investigate(before, "brennan")
    assert "No fix is proposed" in repr(case_tables.claims_again(case))
    assert "none was tried" in repr(case_tables.trials(case.trials))
    assert list(case_tables.outcomes(case).frame) == ["complexity", "usable", "winner", "decision"]


def test_checks_again_say_whether_the_fault_is_there(before, template):
    """Each claim about the fault: present, then gone; what was true beside it stays true."""
    case = atomlab.investigate(before, "brennan", atomlab.load_hypothesis(template))
    frame = case_tables.claims_again(case).frame
    states = frame.set_index("id")[["before the fix", "after the fix"]]
    told = {name: tuple(row) for name, row in zip(states.index, states.to_numpy(), strict=True)}
    about_what_is_there = {c.id for c in case.hypothesis.claims if c.kind.endswith("_present")}
    assert 0 < len(about_what_is_there) < len(told)
    for name, found in told.items():
        held = name in about_what_is_there
        assert found == (("true", "true") if held else ("fault present", "fault gone"))
    text = Page(case_tables.claims_again(case)._repr_html_()).all("span")
    badges = {(attrs["class"], word) for attrs, word in text}
    assert badges == {
        ("badge bad", "fault present"),
        ("badge good", "fault gone"),
        ("badge plain", "true"),
    }


def test_models_come_in_the_order_of_how_little_blocks_them(before):
    """Fewest blockers first, among them the best value; an unknown price is not shown as none."""
    diagnosis = atomlab.diagnose(before, "brennan")
    frame = case_tables.models(diagnosis, "minimax", "moderate").frame
    blocked = [len(blockers.split(", ")) for blockers in frame["blockers"]]
    assert blocked == sorted(blocked) == [1] * 5 + [2] * 4
    values = list(frame["value score"])
    assert values[:5] == sorted(values[:5], reverse=True)
    assert frame["cost ($ per million tokens)"].isna().tolist() == [False] * 5 + [True] * 4


def test_a_row_that_is_read_for_no_provider_is_shown_with_its_name(before):
    """The evidence of a misspelt name is that very row, beside what the platform looks for."""
    frame = case_tables.keys(atomlab.diagnose(before, "bramble")).frame
    last = frame.iloc[-1]
    assert last["platform looks for, or row"] == "openai_api_key"
    assert last["state"] == "present"
    assert last["reason"] == "the platform reads this row for no provider"


@pytest.mark.parametrize(
    ("row", "provider"),
    [("DEEPSEEK_APIKEY", "deepseek"), ("MINIMAX_2_7_API_KEY", "minimax"), ("groq_key", "groq")],
)
def test_the_row_that_a_cause_misses_is_shown(captured, real_prices, row, provider):
    """What the case is about is listed as missing, not counted among those without a row."""
    table = case_tables.keys(
        atomlab.diagnose(captured({"acme": {row: "k"}}, pricing=real_prices), "acme")
    )
    shown = table.frame.set_index("platform looks for, or row")["state"]
    assert shown[f"{provider.upper()}_API_KEY"] == "missing"
    assert shown[row] == "present"
    read = table.frame["provider"].notna().sum()
    assert f"Not shown: {27 - read} providers without a row" in table.caption


@pytest.mark.parametrize(
    ("rows", "shown"),
    [
        pytest.param(
            {"OPENAI_API_KEY": "k"},
            {"openai": "present", "openai_5_3": "missing"},
            id="the-suffixed-one-is-related",
        ),
        pytest.param(
            {"OPENAI_5_3_API_KEY": "k", "GROQ_API_KEY": "k"},
            {"openai": "missing", "openai_5_3": "present", "groq": "present"},
            id="the-plain-one-is-related",
        ),
        pytest.param(
            {"GEMINI_API_KEY": "k"},
            {"gemini": "present", "google": "missing"}
            | {"google_flash": "missing", "gemini_flash": "missing"},
            id="several-are-related",
        ),
        pytest.param(
            {"MISTRAL_API_KEY": "k", "MINIMAX_API_KEY": ""},
            {"mistral": "present"}
            | {"minimax": "empty", "minimax_2_5": "missing", "minimax_2_7": "missing"},
            id="an-empty-row-has-relations-too",
        ),
    ],
)
def test_providers_that_share_a_variable_with_a_row_are_shown(captured, real_prices, rows, shown):
    """Whose variable a row's provider declares as well could be meant by it: they are listed.

    Nothing fails for these tenants in a simple request, so that no cause names a provider.
    """
    snapshot = captured({"acme": rows}, pricing=real_prices)
    diagnosis = atomlab.diagnose(snapshot, "acme", [Request("simple")])
    assert [d.outcome for d in diagnosis.requests] == ["ranked"]
    table = case_tables.keys(diagnosis)
    assert dict(zip(table.frame["provider"], table.frame["state"], strict=True)) == shown
    assert f"Not shown: {27 - len(shown)} providers without a row" in table.caption


def test_providers_that_declare_no_variable_are_not_related(captured, write_json):
    """Of two that declare nothing, one with a row says nothing of the other."""
    registry = write_json({"providers": [{"id": "openai"}, {"id": "groq"}]}, "registry.json")
    snapshot = captured({"acme": {"OPENAI_API_KEY": "k"}}, providers=registry)
    table = case_tables.keys(atomlab.diagnose(snapshot, "acme", [Request("simple")]))
    assert list(table.frame["provider"]) == ["openai"]


def test_a_providers_models_are_all_that_it_would_serve(captured, write_json):
    """Under the substring matcher a model is in the row of each provider that could serve it."""
    registry = write_json({"providers": [{"id": "minimax"}, {"id": "max"}]}, "registry.json")
    snapshot = captured({"acme": {}}, providers=registry, rules="open-source-2026-05")
    diagnosis = atomlab.diagnose(snapshot, "acme", [Request("simple")])

    shown = case_tables.models(diagnosis, "max", "simple").frame["model"]
    assert list(shown) == ["minimax/MiniMax-M2.5"]
    (axis,) = figures.blockers(diagnosis.requests[0].ranking).figure.axes
    labels = {label.get_text() for label in axis.get_yticklabels()}
    assert labels >= {"minimax (1)", "max (1)"}


@pytest.mark.parametrize(
    "name",
    [
        *("../../escape", "/etc/passwd", "..", ".", ".hidden", "a/b", "a\\b", "", "\x1b[31mred"),
        *("a\nb", "\u202eabc", "x" * 500, "-p", "two words"),
    ],
)
def test_a_reports_folder_has_a_plain_name_whatever_a_tenant_is_called(name):
    """Folders stay where they belong, and two tenants never share one."""
    tenants = [Tenant(id=name), Tenant(id="x", subdomain=name or None), Tenant(id=name + "?")]
    names = folder_names(tenants)
    assert len({folder.lower() for folder in names}) == 3
    for folder in names:
        assert folder.isascii()
        assert folder.replace("-", "").replace("_", "").replace(".", "").isalnum()
        assert not folder.startswith((".", "-"))
        assert len(folder) < 80


def test_plain_names_stay_and_equal_ones_are_told_apart():
    """A subdomain is kept as it is, unless another tenant's differs in case only."""
    one, two, three = (Tenant(id=str(n), subdomain=s) for n, s in enumerate(("acme", "ACME", "b")))
    assert folder_names([one, three]) == ["acme", "b"]
    first, second, third = folder_names([one, two, three])
    assert first.startswith("acme-")
    assert second.startswith("ACME-")
    assert third == "b"


def test_a_long_tenant_s_name_leaves_room_for_what_is_not_shown(captured):
    """The count of what is left out is readable, whatever the tenant is called."""
    table = case_tables.keys(atomlab.diagnose(captured({"acme" * 100: {}}), "acme" * 100))
    assert "Not shown: 27 providers" in table.html()


def test_what_is_assumed_is_a_row_each(before):
    """Input, state and what is assumed, as the diagnosis and the verification have them."""
    diagnosis = atomlab.diagnose(before, "brennan")
    rows = case_tables.assumptions(diagnosis).frame.itertuples(index=False, name=None)
    assert list(rows) == [(a.input, a.state, a.assumed) for a in diagnosis.assumptions]
    assert {a.state for a in diagnosis.assumptions} >= {"default", "absent"}


@pytest.mark.parametrize(
    ("rules", "keys", "complexity", "told"),
    [
        ("hosted-2026-05", "OPENAI", "simple", "No error: gpt-4o-mini wins."),
        ("hosted-2026-05", "GROQ", "simple", "NoModelsAvailableError: No models available from"),
        (
            *("open-source-2026-05", "MINIMAX", "advanced"),
            "No error: pricing finds no model; the static mapping answers with minimax/MiniMax-",
        ),
        (
            *("open-source-2026-05", "GROQ", "simple"),
            "NoModelsAvailableError: No LLM providers available. Please configure BYOK keys.",
        ),
    ],
)
def test_what_comes_at_the_end_is_told(captured, tmp_path, rules, keys, complexity, told):
    """The winner, or who answers instead, or the error that the edition raises."""
    (tmp_path / "env").write_text(f"{keys}_API_KEY=a-key\n")
    snapshot = captured(
        {"acme": {f"{keys}_API_KEY": "a-key-of-more-than-12"}}, rules=rules, env=tmp_path / "env"
    )
    handler = atomlab.BYOKHandler("id-acme", db=snapshot.session)
    assert case_tables.error(handler, Request(complexity)).text.startswith(told)


@pytest.fixture(scope="module")
def diagnosis(before):
    return atomlab.diagnose(before, "brennan")


def test_a_cause_is_told_once_for_all_requests_that_share_it(diagnosis):
    """A row per cause and role: three requests share one, the advanced has two of its own."""
    frame = case_tables.causes(diagnosis).frame
    assert list(frame[["cause", "role", "requests"]].itertuples(index=False, name=None)) == [
        ("key-under-alias minimax", "one-of-k", "simple, moderate, complex"),
        ("key-under-alias minimax", "joint", "advanced"),
        ("quality minimax", "joint", "advanced"),
    ]


def test_a_fix_is_told_once_with_the_requests_that_it_cures(diagnosis):
    """The easiest first: who acts, then cost; what it cures is what the fix sets say."""
    table = case_tables.fixes(diagnosis, limit=3)
    found = [fix for each in diagnosis.requests for fix in each.explanation.fix_sets]
    assert len(table.frame) == 3
    assert f"{len({fix.edits for fix in found})} minimal fix sets" in table.caption
    who = ("tenant", "operator", "engineering")
    efforts = sorted((who.index(fix.who), fix.cost) for fix in {f.edits: f for f in found}.values())
    shown = zip(table.frame["who acts"], table.frame["cost"], strict=True)
    assert [(who.index(acts), cost) for acts, cost in shown] == efforts[:3]
    first = table.frame.iloc[0]
    assert first["fix"] == "set MINIMAX_API_KEY to the value of MINIMAX_2_7_API_KEY"
    assert first["requests cured"] == "simple, moderate, complex"
    assert first["winners after"] == "minimax/MiniMax-M2.5"


def test_other_explanations_are_those_of_the_request_asked_for(diagnosis):
    """The request in question if it fails, else the first that does."""
    advanced = case_tables.other_explanations(diagnosis, "advanced")
    assert "for advanced requests" in advanced.caption
    assert (
        dict(zip(advanced.frame["explanation"], advanced.frame["ruled out"], strict=True))[
            "quality"
        ]
        == "no"
    )
    assert "for simple requests" in case_tables.other_explanations(diagnosis).caption


def test_where_nothing_fails_there_is_nothing_to_explain(before):
    """A tenant that is well has no causes, fixes or other explanations; its picture says so."""
    well = atomlab.diagnose(before, "northwind", [Request("simple")])
    for table in (
        case_tables.causes(well),
        case_tables.fixes(well),
        case_tables.other_explanations(well),
    ):
        assert table.frame.empty
    assert "simple: healthy" in figures.causes_by_request(well).alt


def test_options_name_what_they_leave_and_whom_they_touch(before, diagnosis):
    """The row and the code fallback side by side: same cure, other cost, other side effects."""
    compared = atomlab.compare_options(before, "brennan", others=0)
    frame = case_tables.options(compared).frame
    assert list(frame["kind"][:2]) == ["data", "code"]
    assert list(frame["cost"][:2]) == [1, 20]
    assert frame["other tenants touched"][0] == 0


def test_a_fix_that_a_model_wins_which_cannot_chat_cures_nothing(captured, write_json):
    """It is verified, since the error is gone; no request is listed as cured, and that is said."""
    model = {"litellm_provider": "groq", "max_input_tokens": 10_000, "mode": "audio_speech"}
    prices = write_json({"groq/tts": model | {"input_cost_per_token": 1e-7}}, "speech.json")
    snapshot = captured({"acme": {"GROQ_KEY": "k"}}, pricing=prices)
    found = atomlab.diagnose(snapshot, "acme", [Request("simple")])
    row = case_tables.fixes(found).frame.iloc[0]
    assert (row["run"], row["requests cured"]) == ("verified", "none")
    assert row["winners after"] == "groq/tts (no chat model)"
