"""The fleet's tables and pictures: what they show is what the survey counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from atomlab.fleets.survey import survey
from atomlab.show import figures, fleet_tables
from atomlab.text import short

PICTURES = (
    figures.causes_by_provider,
    figures.tenants_by_request,
    figures.tenants_by_effort,
)
TABLES = (fleet_tables.causes, fleet_tables.affected, fleet_tables.further)


@pytest.fixture(scope="module")
def fleet(before):
    """Return the survey of the shipped snapshot."""
    return survey(before)


def numbers(picture):
    """Return the numbers written in a matrix, by row and column label."""
    (axis,) = picture.figure.axes
    rows = [label.get_text() for label in axis.get_yticklabels()]
    columns = [label.get_text() for label in axis.get_xticklabels()]
    return {
        (rows[int(text.get_position()[1])], columns[int(text.get_position()[0])]): int(
            text.get_text()
        )
        for text in axis.texts
    }


def test_by_request_counts_failures(fleet):
    """Each cell is the number of tenants whose requests of that complexity fail for that cause."""
    failures = [failure for _, impact in fleet.affected_tenants for failure in impact.failures]
    counted = Counter((each.cause.code, each.complexity) for each in failures)
    assert numbers(figures.tenants_by_request(fleet)) == counted


def test_causes_by_provider_counts_each_tenant_once(fleet):
    """By the first request that fails; the rows' labels and the last row are the sums."""
    first = [impact.failures[0].cause for _, impact in fleet.affected_tenants]
    counted = Counter((each.provider or "none in particular", each.code) for each in first)
    found = numbers(figures.causes_by_provider(fleet))
    rows, all_of = Counter(), Counter()
    for (provider, code), number in counted.items():
        rows[provider] += number
        all_of[f"all ({len(first)})", code] += number
    named = {(f"{name} ({rows[name]})", code): n for (name, code), n in counted.items()}
    assert found == named | all_of


def test_a_large_picture_stays_one(fleet):
    """Rare providers and causes are one row and one column; large numbers are short."""
    impacts = [*fleet.impact_on.items()]
    many = {}
    for place in range(40):
        for group, impact in impacts:
            causes = [f.cause and replace(f.cause, provider=f"p{place}") for f in impact.failures]
            failures = tuple(map(replace_cause, impact.failures, causes))
            larger = replace(group, tenants=1000 * (place + 1))
            many[larger] = replace(impact, group=larger, failures=failures)
    picture = figures.causes_by_provider(replace(fleet, impact_on=many))
    (axis,) = picture.figure.axes
    labels = [label.get_text() for label in axis.get_yticklabels()]
    assert len(labels) == 16
    assert len(fleet.affected) == 31
    assert labels[0] == "p39 (1.24M)"  # 31 groups of 40,000
    assert labels[-2].startswith("26 others (")
    assert labels[-1] == "all (25.4M)"  # 31,000 times 1 + … + 40
    texts = {text.get_text() for text in axis.texts}
    assert all(len(text) <= 5 for text in texts)
    assert "320k" in texts


def replace_cause(failure, cause):
    """Return a failure with another cause."""
    return replace(failure, cause=cause)


def test_a_cause_names_the_providers_that_were_meant_and_how_often(fleet):
    """The most frequent first, each with its number of tenants."""
    first = [impact.failures[0].cause for _, impact in fleet.affected_tenants]
    counted = Counter((each.code, each.provider) for each in first if each.provider)
    causes = fleet_tables.causes(fleet).frame.dropna(subset="providers")
    for cause, providers in zip(causes["cause"], causes["providers"], strict=True):
        named = [name.rstrip(")").split(" (") for name in providers.split(", ")]
        assert {(cause, provider): int(n) for provider, n in named} == {
            key: number for key, number in counted.items() if key[0] == cause
        }
        assert [int(n) for _, n in named] == sorted((int(n) for _, n in named), reverse=True)


def test_by_effort_has_a_bar_for_each_kind_of_fix(fleet):
    """The bars add up to the affected tenants; copied keys are those of the incident's pattern."""
    (axis,) = figures.tenants_by_effort(fleet).figure.axes
    labels = [label.get_text() for label in axis.get_yticklabels()]
    bars = dict(zip(labels, [bar.get_width() for bar in axis.patches], strict=True))
    firsts = [impact.failures[0] for _, impact in fleet.affected_tenants]
    assert sum(bars.values()) == len(firsts)
    assert bars["copy a key that the tenant holds"] == sum(f.held for f in firsts)
    assert bars.get("none of the fixes that were run helped", 0) == sum(not f.edits for f in firsts)
    code = [f for f in firsts if any(edit.filter in ("quality", "context") for edit in f.edits)]
    assert bars.get("engineering changes the code", 0) == len(code)


def test_the_tables_count_every_affected_tenant(fleet):
    """One row per cause, or per tenant; what is cut off is said in the caption."""
    causes = fleet_tables.causes(fleet).frame
    assert causes["tenants"].sum() == len(fleet.affected_tenants)
    assert list(causes["cause"]) == list(fleet.by_cause())
    sure = [i.code for _, i in fleet.affected_tenants if i.cause and i.cause.verdict == "confirmed"]
    assert dict(zip(causes["cause"], causes["confirmed"], strict=True)) == {
        code: sure.count(code) for code in fleet.by_cause()
    }
    table = fleet_tables.affected(fleet, limit=5)
    assert len(table.frame) == 5
    assert table.caption.startswith(
        f"The first 5 of {len(fleet.affected_tenants)} affected tenants"
    )
    assert table.caption.endswith(" atomlab fleet SNAPSHOT --csv FILE lists all affected tenants.")
    whole = fleet_tables.affected(fleet)
    fails = list(whole.frame["fails"])
    assert fails == ["all"] * fails.count("all") + [each for each in fails if each != "all"]
    assert whole.frame.set_index("subdomain").loc["brennan", "fails"] == "all"
    assert whole.frame.set_index("subdomain").loc["quarry", "fails"] == "advanced"


def test_a_row_says_what_its_fix_leaves(fleet):
    """Beside the fix stand the kinds of request that it does not cure, where there are any."""
    fixes = fleet_tables.affected(fleet).frame.set_index("subdomain")["fix"]
    for tenant, impact in fleet.affected_tenants:
        first = impact.failures[0]
        rest = f" (leaves {', '.join(first.leaves)})" if first.leaves else ""
        if tenant.subdomain and first.fix:
            assert fixes[tenant.subdomain] == first.fix + rest
    assert fixes["brennan"].endswith(" (leaves advanced)")


def test_requests_that_need_another_fix_are_listed(fleet):
    """One row per failing request whose edits are not those of its tenant's first."""
    table = fleet_tables.further(fleet)
    wanted = [
        (tenant.subdomain, failure.complexity, failure.fix)
        for tenant, impact in fleet.affected_tenants
        for failure in impact.failures[1:]
        if failure.fix != impact.failures[0].fix
    ]
    rows = table.frame[["tenant", "request", "fix"]]
    assert [tuple(row) for row in rows.itertuples(index=False)] == wanted
    assert any(tenant == "brennan" for tenant, *_ in wanted)
    assert table.caption.startswith(f"{len(wanted)} requests whose fix is not that")
    assert fleet_tables.further(fleet, limit=1).caption.startswith(f"The first 1 of {len(wanted)} ")


@pytest.mark.parametrize("draw", PICTURES)
def test_pictures_say_in_words_what_they_show(fleet, draw):
    """The alternative text holds every number of the picture, the caption how to read it."""
    picture = draw(fleet)
    assert all(text.get_text().strip() in picture.alt for text in picture.figure.axes[0].texts)
    assert picture.caption.endswith(".")
    assert draw(fleet).svgs() == picture.svgs()


@pytest.mark.parametrize(
    "draw", [*PICTURES, fleet_tables.causes, fleet_tables.affected, fleet_tables.further]
)
def test_a_fleet_without_the_error_can_be_shown(fleet, draw):
    """Nobody affected makes an empty picture or table that says so, not an error."""
    shown = draw(replace(fleet, impact_on={}))
    assert shown._repr_html_()
    if draw in PICTURES:
        assert "none is affected" in shown.alt


def test_hostile_names_are_text(captured):
    """A tenant's or a provider's name is escaped in every table and picture."""
    evil = "</figure><script>alert(1)</script>\u202e\x1b[31m"
    key = f"{evil}_API_KEY".upper()
    fleet = survey(captured({evil: {key: "a-key-of-more-than-twelve"}}))
    assert fleet.affected
    for draw in (*PICTURES, *TABLES):
        html = draw(fleet)._repr_html_()
        assert "<script" not in html
        assert "\u202e" not in html
        assert "\x1b" not in html


@pytest.mark.parametrize(
    ("number", "told"),
    [
        *((0, "0"), (9_999, "9,999"), (10_000, "10.0k"), (15_249, "15.2k"), (99_949, "99.9k")),
        *((99_950, "100k"), (999_499, "999k"), (999_500, "1.00M"), (1_324_999, "1.32M")),
        (25_420_000, "25.4M"),
    ],
)
def test_a_short_number_has_five_characters_at_most(number, told):
    """Exact below ten thousand, then three digits."""
    assert short(number) == told
