"""What the postmortem tests share: real findings, events that leave nothing open, hostile text."""

from __future__ import annotations

import copy
import json

import pytest
import yaml

import atomlab
from atomlab.diagnosis.comparison import compare
from atomlab.diagnosis.triage import triage
from atomlab.postmortem.make import to_markdown
from tests.conftest import ROOT

# Everything that people have to say of an incident, so that nothing of it is left to write.
SAID = {
    "number": "INC-7",
    "status": "Complete",
    "severity": "SEV-2",
    "owner": "the on-call lead",
    "authors": ["the on-call lead"],
    "people": [{"role": "Incident lead", "name": "the on-call lead"}],
    "meeting": "2026-05-05 14:00 UTC, platform team",
    "recording": "none",
    "war_room": "no",
    "drill": "yes, a key under another name",
    "impact": {
        "requests": {"text": "212 requests failed.", "source": "worker log"},
        "users": {"text": "Mails were not read for entities.", "source": "worker log"},
        "infrastructure": "None.",
        "productivity": "None.",
        "support": {"text": "One ticket.", "source": "help desk"},
    },
    "slo": {"text": "A third of the month's error budget is spent.", "source": "dashboard"},
    "supporting": [{"what": "The dashboard of the week", "link": "https://dash.example/7"}],
    "glossary": {"BYOK": "Bring your own key."},
    "timeline": [
        {"at": "2026-05-02T06:00:00Z", "what": "The backfill starts.", "kind": "started"},
        {"at": "2026-05-02T07:30:00Z", "what": "The tenant writes.", "kind": "detected"},
        {"at": "2026-05-02T12:00:00Z", "what": "The backfill is paused.", "kind": "mitigated"},
        {"at": "2026-05-03T06:00:30Z", "what": "The row is added.", "kind": "resolved"},
    ],
    "detection": {"by": "user report", "text": "The tenant wrote.", "source": "help desk"},
    "trigger": {"text": "The first backfill of the tenant was started.", "source": "worker log"},
    "contributing": [{"text": "No alert counts this error.", "source": "alert rules"}],
    "resolution": {"text": "The row was added.", "source": "change log"},
    "went_well": ["The snapshot was taken before anything was changed."],
    "went_wrong": ["Nobody was told of the error."],
    "lucky": ["The backfill can be repeated."],
    "actions": [
        {
            "item": "Add an alert on the error, by tenant",
            "type": "detect",
            "owner": "platform lead",
            "priority": "P1",
            "due": "2026-06-30",
            "tracker": "https://tracker.example/INC-7?a=1&b=2",
        }
    ],
    "related": [{"what": "None."}],
    "messages": {"internal": "None.", "external": "None."},
}
for entry in SAID["timeline"]:
    entry["source"] = "worker log"

HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "{{7*7}} {% raw %} ${7*7}",
    "=cmd|' /C calc'!A0",
    "[a link](javascript:alert(1)) ![x](http://evil.example/x.png) <http://evil.example>",
    "Acme \u202egnp.exe\x1b[31m\x00\u2028",
    "[E1] [E999] **TO** `code` ``` ~~~ | a | b |\n# heading\n\n- item\n1. one\n> quote",
    '#let x = read("/etc/passwd"); #sys.version $x^2$ @label <label> \\ // /* ',
)


@pytest.fixture(scope="session")
def incident(before):
    """Return the findings of the Brennan incident, as a report leaves them."""
    claims = atomlab.load_hypothesis(ROOT / "data" / "hypotheses" / "brennan-minimax.yaml")
    return json.loads(json.dumps(atomlab.investigate(before, "brennan", claims).to_json()))


@pytest.fixture(scope="session")
def next_day(after):
    """Return the findings of the same claims on the snapshot after the fix."""
    claims = atomlab.load_hypothesis(ROOT / "data" / "hypotheses" / "brennan-minimax.yaml")
    return json.loads(json.dumps(atomlab.investigate(after, "brennan", claims).to_json()))


@pytest.fixture(scope="session")
def triaged(before):
    """Return the findings of a triage: of Halvorsen's requests only the advanced one fails."""
    return json.loads(json.dumps(triage(before, "halvorsen").to_json()))


@pytest.fixture(scope="session")
def compared(before):
    """Return the findings of a comparison of Brennan's fixes."""
    return json.loads(json.dumps(compare(before, "brennan").to_json()))


@pytest.fixture
def said():
    """Return events that leave nothing open, to be changed at will."""
    return copy.deepcopy(SAID)


@pytest.fixture
def make(tmp_path):
    """Return a function that makes the Markdown of findings documents and events."""

    def postmortem(*documents, events=None):
        paths = []
        for number, document in enumerate(documents):
            folder = tmp_path / f"report-{number}"
            folder.mkdir(exist_ok=True)
            paths.append(folder / "findings.json")
            paths[-1].write_text(json.dumps(document), encoding="utf-8")
        if events is None:
            return to_markdown([str(path) for path in paths])
        given = tmp_path / "events.yaml"
        given.write_text(yaml.safe_dump(events), encoding="utf-8")
        return to_markdown([str(path) for path in paths], str(given))

    return postmortem


@pytest.fixture
def finished(make, incident, said):
    """Return a postmortem with nothing left open."""
    return make(incident, events=said)
