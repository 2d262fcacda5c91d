"""Findings on several tenants: one incident, in which each tenant counts once."""

from __future__ import annotations

import copy
import json
import re

import pytest

from atomlab.diagnosis.triage import triage
from atomlab.errors import InputError
from atomlab.postmortem.check import problems
from atomlab.postmortem.reader import blocks
from tests.refusals import refused

TENANTS = ("brennan", "fjord", "glacier", "knoll", "osprey", "halvorsen", "quarry", "northwind")


@pytest.fixture(scope="module")
def found(before):
    """Return the findings on some tenants by their subdomains: all but northwind fail."""
    return {name: json.loads(json.dumps(triage(before, name).to_json())) for name in TENANTS}


def table(markdown, section):
    """Return the cells of the rows below a heading."""
    return [b.cells for b in blocks(markdown) if b.section[-1] == section and b.cells]


def section(markdown, name):
    """Return the text of the blocks below a heading."""
    return " ".join(b.text for b in blocks(markdown) if name in b.section and not b.level)


def test_the_summary_counts_tenants_requests_and_causes(make, found):
    """Counted here from the findings themselves, another way."""
    markdown = make(*found.values())
    told = section(markdown, "Summary")
    hit = [f for f in found.values() if f["status"] == "affected"]
    every = [
        f for f in hit if all(d["outcome"] == "no-models" for d in f["diagnosis"]["diagnoses"])
    ]
    assert f"Requests of {len(hit)} tenants fail: every request ({len(every)} tenants)" in told
    assert "no key (2)" in told or "no key (2 tenants)" in told
    assert "first seen in the snapshot of 2026-05-02 08:00 UTC" in told
    assert markdown.startswith(f'# Postmortem: {len(hit)} tenants: requests fail with "No models')


def test_the_table_names_each_tenant_once_by_its_cause(make, found):
    """Its rows are fewer than the tenants, the most frequent cause first, and each has a fix."""
    rows = table(make(*found.values()), "Tenants by cause")
    numbers = [int(tenants.partition(":")[0]) for _, tenants, *_ in rows]
    assert numbers == sorted(numbers, reverse=True)
    assert sum(numbers) == len(TENANTS) - 1
    assert len(rows) < len(TENANTS) - 1
    named = re.findall(r"\((\w+)\)", " ".join(tenants for _, tenants, *_ in rows))
    assert sorted(named) == sorted({*TENANTS} - {"northwind"})
    by_cause = {cause: (kinds, fix, who) for cause, _, kinds, fix, who in rows}
    assert by_cause["No key"][0] == "every request"
    assert by_cause["Key under another name"][1].count("MINIMAX_API_KEY") == 2
    assert {who for _, _, who in by_cause.values()} == {"tenant"}


def test_an_action_that_several_need_is_one_that_names_them(make, found):
    """One row for each fix; what it leaves is to be decided on, again once for all."""
    items = [item for item, *_ in table(make(*found.values()), "Action items")]
    fixes = [item for item in items if item.startswith("Add a new key for any of: anthropic")]
    assert len(fixes) == 1
    for name in ("Knoll", "Osprey", "Halvorsen"):
        assert name in fixes[0]
    left = [item for item in items if item.startswith("Decide on what the fix leaves")]
    assert any("Brennan" in item and "Fjord" in item for item in left)
    assert not any("Nothing:" in item for item in items)


def test_the_details_of_each_tenant_are_in_the_appendix(make, found):
    """Before it stands no script, and no chain from the database to the error."""
    markdown = make(*found.values())
    body, appendix = markdown.split("\n## Appendix\n")
    assert "```sql" not in body
    assert "From the database" not in body
    assert appendix.count("```sql") == 2
    assert appendix.count("From the database to the error") == len(TENANTS) - 1
    assert body.count("\n") < 160


def test_what_it_says_passes_its_own_check(make, found, said):
    """Names, numbers and citations hold; with all said nothing is left."""
    assert problems(make(*found.values(), events=said)) == []


def test_a_number_in_a_name_is_no_figure(make, found, said):
    """Evidence among others says whose it is, so that the check knows the name."""
    named = json.loads(json.dumps(found["brennan"]).replace("Brennan Machinery", "Area 51"))
    assert problems(make(named, found["fjord"], found["glacier"], events=said)) == []


def test_the_same_tenant_on_two_snapshots_counts_once(make, found, incident, next_day):
    """Before and after the fix: one tenant, the requests that ever failed, what still fails."""
    markdown = make(incident, next_day)
    assert markdown.startswith("# Postmortem: Brennan Machinery: every request fails\n")
    (row,) = [row for row in table(markdown, "Impact") if row[0] == "Tenants"]
    assert "4 of 4 kinds of request find no model" in row[1]
    told = section(markdown, "Summary")
    assert "Since then. On the later snapshot brennan-2026-05-03" in told
    assert "What still fails. Advanced requests of Brennan Machinery fail" in told
    several = make(incident, next_day, found["knoll"])
    assert "Requests of 2 tenants fail" in section(several, "Summary")
    assert [row[1][0] for row in table(several, "Tenants by cause")] == ["1", "1"]


def test_managed_and_byok_findings_of_a_tenant_count_once(make, found):
    """Neither decides the other again: what fails in one is not healed by the other."""
    managed = copy.deepcopy(found["knoll"])
    managed["diagnosis"]["snapshot"]["captured_at"] = "2026-05-02T09:00:00Z"
    for each in managed["diagnosis"]["diagnoses"]:
        each["request"]["managed"] = True
        each |= {"outcome": "ranked", "error": None, "causes": [], "candidates": 1}
        each["winner"] = {"provider": "openai", "model": "gpt-4o"}
    markdown = make(found["knoll"], managed)
    assert markdown.startswith("# Postmortem: Knoll Research: every request fails\n")
    assert "4 of 4 kinds" in section(markdown, "Impact")
    assert "Add a new key" in section(markdown, "Action items")
    for each in managed["diagnosis"]["diagnoses"]:
        each["request"]["managed"] = False
    assert "Add a new key" not in section(make(found["knoll"], managed), "Action items")


def test_tenants_that_do_not_fail_are_told_apart(make, found):
    """A healthy tenant among the findings is not counted."""
    rows = dict(table(make(found["knoll"], found["northwind"]), "Impact"))
    assert "Knoll Research" in rows["Tenants"]
    assert rows["Not affected"] == "Northwind Traders (northwind)"


@pytest.mark.parametrize("name", ["knoll", "Knoll Research", "id"])
def test_an_incident_is_about_the_tenants_that_it_names(make, found, name):
    """By subdomain, name or id; the others are listed, and nothing of them is used."""
    name = found["knoll"]["diagnosis"]["tenant"]["id"] if name == "id" else name
    markdown = make(*found.values(), events={"incident": {"tenants": [name, "fjord"]}})
    assert "Requests of 2 tenants fail" in section(markdown, "Summary")
    rows = dict(table(markdown, "Impact"))
    assert "Brennan Machinery (brennan)" in rows["Not part of this incident"]
    assert "Knoll" not in rows["Not part of this incident"]
    assert markdown.count("Brennan Machinery") == 1


def test_an_incident_about_a_tenant_without_findings_is_refused(make, found):
    """With its place, and the tenants that there are."""
    with refused(InputError, "incident.tenants[1] of the events file is no tenant") as caught:
        make(found["knoll"], events={"incident": {"tenants": ["knoll", "acme"]}})
    assert "Knoll Research (knoll)" in caught.value.todo


def test_a_name_that_two_tenants_have_is_refused(make, found):
    """Which of them is meant is not guessed; the id tells them apart."""
    twin = json.loads(json.dumps(found["osprey"]).replace("Osprey Security", "Knoll Research"))
    named = twin["diagnosis"]["tenant"]
    with refused(InputError, "incident.tenants[0] of the events file is several tenants"):
        make(found["knoll"], twin, events={"incident": {"tenants": ["Knoll Research"]}})
    alone = make(found["knoll"], twin, events={"incident": {"tenants": [named["id"]]}})
    assert "osprey" in section(alone, "Impact")


def test_what_cannot_be_decided_later_heals_nothing(make, found):
    """A later snapshot without prices does not take a tenant from the list of actions."""
    later = copy.deepcopy(found["knoll"])
    later["diagnosis"]["snapshot"]["captured_at"] = "2026-05-03T08:00:00Z"
    for each in later["diagnosis"]["diagnoses"]:
        each |= {"outcome": "inconclusive", "causes": [], "error": None}
    assert "Add a new key" in section(make(found["knoll"], later), "Action items")


def test_since_when_it_fails_is_what_people_say(make, found):
    """The begin, and that it goes on; without that the first capture."""
    start = {"at": "2026-05-01 22:00 UTC", "kind": "started", "what": "a", "source": "b"}
    markdown = make(*found.values(), events={"timeline": [start], "ongoing": True})
    assert "It began at 2026-05-01 22:00 UTC. It is ongoing." in section(markdown, "Summary")


def test_findings_without_a_summary_roll_up_too(make, found):
    """Older findings: the cause is known from the diagnosis, the fix from nowhere."""
    old = [copy.deepcopy(found[name]) for name in ("knoll", "osprey", "brennan")]
    for each in old:
        del each["summary"]
    markdown = make(*old)
    rows = table(markdown, "Tenants by cause")
    assert [row[0] for row in rows] == ["No key", "Key under another name"]
    assert {row[3] for row in rows} == {"not known"}
    assert markdown.startswith("# Postmortem: 3 tenants: requests fail")


def test_one_tenant_has_a_title_in_plain_words(make, found):
    """Whichever requests fail, or none; never the question of the report."""
    titles = {name: make(found[name]).splitlines()[0] for name in ("halvorsen", "northwind")}
    assert titles == {
        "halvorsen": "# Postmortem: Halvorsen Shipping: advanced requests fail",
        "northwind": f"# Postmortem: {found['northwind']['summary']['title']}",
    }
