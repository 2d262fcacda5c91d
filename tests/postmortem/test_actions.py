"""Action items: what binds, who answers for it, and until when."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from atomlab.postmortem.actions import open_in, vague
from atomlab.postmortem.unfinished import nobody
from tests.postmortem.conftest import lines

BINDING = """
    Add a check that each key has a row
    Add a monitor of the error
    Add a review to each release
    Add an alert on the error, by tenant
    Add monitors for each lookup
    Add tests for each alias, so that registry and lookup agree
    Alert when more than 5 jobs fail in 10 minutes
    Add a test to check whether each key has a client
    Analysis of the key names published
    Better error message merged: it names the missing row
    Delete the more than 30 stale rows
    Deploy the improved lookup
    Document the key names
    Log more fields in lookup
    Follow-up mail to tenants sent
    Limit retries to no more than 5
    Make the lookup fall back to the alias
    Monitor for error rate installed and paging on-call
    Page on-call when no model is found
    Publish the assess.md page
    Refuse settings under unknown names
    Review gate added to CI: two approvals needed
    Run the backfill again for Brennan
    Try/except around lookup removed
    Schedule a drill with a key under another name
    Worker should log which key is missing
    Watchdog deployed that restarts the worker
    Write the runbook "A key under another name"
"""

# Each line with the words that bind nobody.
VAGUE = [
    ("Investigate the alert", "investigate"),
    ("Further investigation of alerts", "investigation"),
    ("Investigation of the alert", "investigation"),
    ("A thorough analysis of the logs", "analysis"),
    ("Improving the docs", "improving"),
    ("Improvement of alerts", "improvement"),
    ("Ana investigates the alert", "investigates"),
    ("Ana reviews the alert", "reviews"),
    ("Ana to investigate", "investigate"),
    ("Alerts: investigate", "investigate"),
    ("Alerting should be improved", "improved"),
    ("The platform team should review the alert", "review"),
    ("We will explore options", "explore"),
    ("Continue to monitor", "monitor"),
    ("Continuously monitor the lookup", "monitor"),
    ("Keep monitoring the logs", "monitoring"),
    ("Monitoring the logs", "monitoring"),
    ("Monitor logs for successful entity creation", "monitor"),
    ("Dig into the logs", "dig into"),
    ("Please look into the worker", "look into"),
    ("Follow up with the tenant", "follow up"),
    ("Keep an eye on the alerts", "keep an eye"),
    ("Ana will keep an eye on the alerts", "keep an eye"),
    ("Ana: keep an eye on the alerts", "keep an eye"),
    ("Additional monitoring", "monitoring"),
    ("Deeper analysis needed", "analysis"),
    ("Re-evaluate the filter", "re-evaluate"),
    ("Get a better understanding of keys", "get a better"),
    ("Find out why", "find out"),
    ("Check whether keys are there", "check whether"),
    ("Raise awareness of key names", "raise awareness"),
    ("Remind engineers to be careful", "be careful"),
    ("Tell the team to be careful", "be careful"),
    ("Schedule a meeting to discuss alerts", "schedule a meeting"),
    ("Write more tests", "more"),
    ("Write more tests for the worker", "more"),
    ("Optimize the lookup", "optimize"),
]


@pytest.mark.parametrize("item", lines(BINDING))
def test_an_item_that_says_what_will_be_there_binds(item):
    """Words that are vague as verbs may stand in it, as things or in the names of things."""
    assert vague(item) is None
    assert vague(item.lower()) is None


@pytest.mark.parametrize(("item", "words"), VAGUE)
def test_an_item_without_an_end_binds_nobody(item, words):
    """As a verb in any form or as a noun, with or without who does it."""
    assert vague(item) == words
    assert vague(f"- {item.upper()}") == words


@pytest.mark.parametrize(
    "owner",
    """TODO;TBD;tbd.;unassigned;to be decided;the platform team;platform team;The Platform Team
    ;backend engineering team;SRE;the SREs;on-call;On call;everyone;Ana or Bo;Ana/Bo;?;;TBD (Ana?)
    ;us;nobody yet, to be assigned;FIXME""".replace("\n", "").split(";"),
)
def test_an_owner_who_is_nobody_is_found(owner):
    """A mark, a group or a choice answers for nothing."""
    assert nobody(owner.strip())


@pytest.mark.parametrize(
    "owner",
    """Ana;Ana Orlov;Igor Or;platform lead;the on-call lead;Ana (platform team);Ana, platform team
    ;ana@example.com;@ana;Theodora Teamson""".replace("\n", "").split(";"),
)
def test_an_owner_who_is_one_person_is_none_of_these(owner):
    """A person may be of a team, and may be named by what they do."""
    assert not nobody(owner.strip())


@pytest.mark.parametrize("days", [-400, -1, 0, 1, 400])
@pytest.mark.parametrize("incident", ["2026-05-02", ""])
def test_nothing_is_due_before_the_incident(days, incident):
    """The day itself is early enough; without a known day there is nothing to compare."""
    due = date(2026, 5, 2) + timedelta(days)
    cells = {"item": "Add a row", "type": "mitigate", "owner": "Ana", "due": str(due)}
    late = [f"due {due} is before the incident, 2026-05-02"]
    assert list(open_in(cells, incident)) == (late if incident and days < 0 else [])
