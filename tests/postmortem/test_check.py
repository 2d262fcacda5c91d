"""The check: each thing that keeps a postmortem from being finished, with its line; and advice."""

from __future__ import annotations

import re

import pytest

from atomlab.files import read_yaml
from atomlab.postmortem.check import SECTIONS, problems
from tests.conftest import ROOT

ITEM = "Add an alert on the error, by tenant"
TRACKER = "| <https://tracker.example/INC-7?a=1&b=2> |"


def only(markdown):
    """Return the one problem of a document."""
    (found,) = problems(markdown)
    return found


def swapped(markdown, place, was, becomes):
    """Return the document with the first `was` after a heading replaced."""
    start = markdown.index(f"## {place}")
    edited = markdown[:start] + markdown[start:].replace(was, becomes, 1)
    assert edited != markdown
    return edited


def test_a_finished_postmortem_has_no_problem(finished):
    """Nothing is found where nothing is open, and nothing is advised."""
    assert problems(finished) == []


# What people do to a finished document, and what is found in it.
EDITS = [
    ("Trigger", "The first backfill of the tenant was started.", "**TO WRITE**", "still to write"),
    ("Trigger", "The first backfill of the tenant was started.", "TBD", "still to write"),
    ("Impact", "One ticket. [E14]", "TODO", "still to write: Support requests"),
    ("Impact", "[E12]", "[E12], FIXME", "still to write: Requests: 212 requests failed"),
    ("Impact", "One ticket. [E14]", "", "no support requests"),
    ("Impact", "[E12]", "[E999]", "[E999] is not in the evidence, or names no source there"),
    ("Timeline", "2026-05-02 06:00 UTC", "2026-05-02 06:00", "a time without its zone: 06:00"),
    ("Timeline", "2026-05-02 06:00 UTC", "2026-05-02", "no date and time: 2026-05-02"),
    ("Timeline", "2026-05-02 06:00 UTC", "06:00 UTC", "no date and time: 06:00 UTC"),
    ("Timeline", "The tenant writes.", "It began at 14:51.", None),  # its row has a time in UTC
    ("Trigger", "was started.", "was started at 14:51.", "a time without its zone: 14:51"),
    ("Timeline", "| started |", "| |", "no row started"),
    ("Timeline", "2026-05-03 06:00:30", "2026-05-02 05:59:59", "resolved is before started"),
    ("Timeline", "2026-05-03 06:00:30", "2026-05-01 06:00:30", "resolved is before started"),
    ("Timeline", "2026-05-03 06:00:30", "2026-05-02 11:59", "resolved is before mitigated"),
    ("Timeline", "2026-05-02 07:30", "2026-05-02 05:30", "detected is before started"),
    ("Timeline", "2026-05-02 12:00", "2026-05-02 05:30", "mitigated is before started"),
    ("Timeline", "2026-05-02 12:00 UTC", "2026-05-02 05:30 PST", None),  # who knows what came first
    ("Action items", f"| {ITEM} |", "| – |", "no item"),
    ("Action items", "| platform lead |", "| |", "no owner"),
    ("Action items", "| platform lead |", "| unassigned |", "no owner"),
    ("Action items", "| platform lead |", "| **TO WRITE** |", "still to write: owner"),
    ("Action items", "| 2026-06-30 |", "| |", "no due"),
    ("Action items", "| detect |", "| |", "no type"),
    ("Action items", "| P1 |", "| TBD |", "still to write: priority"),
    ("Action items", "| owner |", "| who |", "the table has no column owner"),
]


@pytest.mark.parametrize(("place", "was", "becomes", "what"), EDITS)
def test_each_thing_that_is_open_is_found_where_it_is(finished, place, was, becomes, what):
    """One edit of a finished document makes one problem, on the line that was edited."""
    edited = swapped(finished, place, was, becomes)
    found = [p for p in problems(edited) if "is before" not in p.what or what in p.what]
    assert [what in p.what for p in found] == ([True] if what else [])
    for problem in found:
        line = edited.splitlines()[problem.line - 1]
        assert becomes in line or "no column" in what or "no row" in what
        assert place.split()[0] in problem.place


# What good postmortems write, which a judge of English would refuse.
SOUND = [
    ("Action items", "| platform lead |", "| SRE |"),
    ("Action items", "| platform lead |", "| Platform team |"),
    ("Action items", "| platform lead |", "| engineering |"),
    ("Action items", "| platform lead |", "| Ana or Bo |"),
    ("Action items", "| 2026-06-30 |", "| Q3 2026 |"),
    ("Action items", "| P1 |", "| |"),
    ("Action items", TRACKER, "| – |"),
    ("Action items", ITEM, "Alert when more than 5 jobs fail within 10 minutes"),
    ("Lessons", "Nobody was told of the error.", "At 14:51 GMT it began."),
    ("Lessons", "Nobody was told of the error.", "At 14:51 JST (05:51 UTC) it began."),
    ("Lessons", "Nobody was told of the error.", "We have runbook 7, and 9 people followed it."),
    ("Lessons", "Nobody was told of the error.", "The ratio was 3:20; ports 80:8080."),
    ("Lessons", "- Nobody was told", "- 4,000 tenants were hit. Nobody was told"),
    ("Timeline", "2026-05-02 06:00 UTC", "2026-05-02 06:00–06:05 UTC"),
    ("Timeline", "2026-05-02 06:00 UTC", "2026-05-02T06:00:00Z/2026-05-02T07:00:00Z"),
    ("Timeline", "2026-05-02 06:00 UTC", "2026-05-02 06:00 (UTC)"),
    ("Timeline", "2026-05-02 06:00 UTC", "2026-05-01 23:00 PDT"),
    ("Timeline", "2026-05-02 06:00 UTC", "2026-05-02 08:00+02:00"),
    ("Timeline", "2026-05-02 07:30 UTC", "2026-05-01 23:30 PDT"),
    ("Timeline", "2026-05-02 06:00 UTC", "2026-05-02 15:00 JST (06:00 UTC)"),
    ("Timeline", "2026-05-02 06:00 UTC", "2026-05-02 8:00 AM CEST"),
    ("Timeline", "2026-05-02 06:00 UTC", "May 2, 2026 06:00 UTC"),
    ("Lessons", "Nobody was told of the error.", "At 9:15 AM Pacific time it began."),
    ("Lessons", "Nobody was told of the error.", "At 14:51 Europe/Berlin it began."),
    ("Messages", "| Internal | None. |", "| Internal | none |"),
]


@pytest.mark.parametrize(("place", "was", "becomes"), SOUND)
def test_what_good_postmortems_say_is_no_problem(finished, place, was, becomes):
    """Teams, quarters, zones, numbers that people give: nothing is found, nothing advised."""
    assert problems(swapped(finished, place, was, becomes)) == []


def test_a_document_may_say_once_in_which_zone_its_times_are(finished):
    """As public postmortems do: "All times are UTC"."""
    edited = finished.replace(" UTC", "").replace("## Timeline", "## Timeline\n\nX")
    assert any("without its zone" in p.what for p in problems(edited))
    assert problems(edited.replace("\n\nX", "\n\nAll times in UTC.")) != problems(edited)
    edited = edited.replace("\n\nX", "\n\nAll times in UTC. [E1]")
    assert [p for p in problems(edited) if "without its zone" in p.what] == []


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_that_was_taken_out_is_missed(finished, section):
    """Nothing passes the check by being deleted."""
    edited = re.sub(rf"^(#+) {section}$", r"\1 Something else", finished, flags=re.MULTILINE)
    assert edited != finished
    assert any((p.place, p.what) == (section, "the section is missing") for p in problems(edited))


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("left", ["", "– [E1] <!-- -->"])
def test_a_section_of_which_only_the_heading_is_left_is_found(finished, section, left):
    """Nothing passes the check by being emptied: the lines below the heading are taken out."""
    lines = finished.splitlines()
    start = next(n for n, line in enumerate(lines) if line.strip("# ") == section)
    depth = lines[start].index(" ")
    after = range(start + 1, len(lines))
    fenced = {n for n in after if sum(line.startswith("```") for line in lines[:n]) % 2}
    ends = (n for n in after if n not in fenced and re.match(f"#{{1,{depth}}} ", lines[n]))
    edited = "\n".join([*lines[: start + 1], "", left, "", *lines[next(ends, len(lines)) :]])
    found = {p.what for p in problems(edited) if p.place.split(" / ")[-1] == section}
    assert "nothing stands under the heading" in found


def test_an_empty_shell_passes_nothing(finished):
    """With its headings alone a document lacks what each of them is for."""
    shell = "\n\n".join(line for line in finished.splitlines() if re.match("#+ ", line))
    empty = [p.place.split(" / ")[-1] for p in problems(shell) if p.what.startswith("nothing")]
    assert sorted(empty) == sorted(SECTIONS)


HEAD = {
    "Status": "Complete",
    "Severity": "SEV-2",
    "Owner": "the on-call lead",
    "Authors": "the on-call lead",
    "Incident number": "INC-7",
    "Review meeting": "2026-05-05 14:00 UTC, platform team",
    "Recording": "none",
}


@pytest.mark.parametrize(("name", "cell"), HEAD.items())
def test_the_head_says_who_and_how_bad(finished, name, cell):
    """No cell may be empty; status, severity, owner and authors may not be none or missing."""
    row = f"| {name} | {cell} |"
    assert row in finished
    required = name in ("Status", "Severity", "Owner", "Authors")
    for value in ("", "–", "TBD"):
        assert only(finished.replace(row, f"| {name} | {value} |")).place.startswith(
            "Incident, row "
        )
    wrong = [f"no {name.lower()}"] if required else []
    assert [p.what for p in problems(finished.replace(row, f"| {name} | none |"))] == wrong
    wrong = [f"no row {name.lower()}"] if required else []
    assert [p.what for p in problems(finished.replace(f"{row}\n", ""))] == wrong


@pytest.mark.parametrize("kind", ["started", "detected", "mitigated", "resolved"])
def test_the_timeline_has_each_moment_with_its_time(finished, kind):
    """A row that is taken out is missed, and one without its time is found."""
    row = next(line for line in finished.splitlines() if f"| {kind} |" in line)
    assert only(finished.replace(f"{row}\n", "")).what == f"no row {kind}"
    untimed = "| " + row.split("|", 2)[2].strip()
    assert only(finished.replace(row, f"| {untimed}")).what == "no date and time: empty"


# What a line of the impact says, the evidence that it cites, and the number that is not in it.
CITED = [
    ("22 of 45 tenants get this error.", "/affected/1", None),
    ("23 of 45 tenants get this error.", "/affected/1", "23"),
    ("22 of 46 tenants get this error.", "/affected/1", "46"),
    ("None of 2,691 models is usable.", "/snapshot", "2,691"),
    ("None of 2,690 models is usable on 2026-05-09 at 08:07 UTC.", "/snapshot", None),
    ("49% of 46 tenants get this error.", "/affected/1", "46"),
    ("By step 3 of runbook 7 on May 2, 22 of 45 tenants get it.", "/affected/1", None),
    ("By step 3, 23 tenants get this error.", "/affected/1", "23"),
    ("2,600 models rejected, 90 usable.", "/diagnosis/diagnoses/1 ", "2,600"),
    ("The best of them 78, required 94.", "/causes/1", "78"),
    ("2 of 7 claims are confirmed.", "/verification/claims |", "2"),
    ("9 models are there.", "worker log", None),  # what people say has none to compare
    ("The 9 of them, MODEL_7 and gpt-4 and v1.2.3.", "/trials/1", None),  # nor has this finding
]


@pytest.mark.parametrize(("line", "place", "wrong"), CITED)
def test_a_number_that_its_evidence_contradicts_is_found(finished, line, place, wrong):
    """Each number of a generated line has to be one that its finding shows."""
    row = next(r for r in finished.splitlines() if r.startswith("| E") and place in r)
    number = row.split("|")[1].strip()
    found = problems(finished.replace("One ticket. [E14]", f"{line} [{number}]"))
    assert [p.what.partition(" is not what ")[0] for p in found] == ([wrong] if wrong else [])


# What a line says that cites two findings, each of 0 of 2,690 models, and what they do not show.
TOGETHER = [
    ("0 of 2,690 models are usable.", None),
    ("2 of 2 kinds of request fail.", None),
    ("1 of 2 kinds of request fails.", None),
    ("3 of 2 kinds of request fail.", "3"),
    ("5 models are usable.", "5"),
]


@pytest.mark.parametrize(("line", "wrong"), TOGETHER)
def test_findings_cited_together_may_be_counted(finished, line, wrong):
    """A number is one that any of them shows, or says how many of them are so."""
    edited = finished.replace("One ticket. [E14]", f"{line} [E1] [E2]")
    found = [p.what.partition(" is not what [E1], [E2] says: ")[0] for p in problems(edited)]
    assert found == ([wrong] if wrong else [])
    assert problems(edited.replace(f"{line} [E1] [E2]", f"{line} [E1] [E14]")) == []


def test_evidence_that_people_add_has_its_source(finished):
    """A row at the end of the table is cited by its number; without a source it proves nothing."""
    for source, sound in (("ticket 1989", True), ("", False), ("–", False)):
        row = f"| E99 | stated by people, not measured | {source} | – |\n"
        edited = finished.replace("One ticket. [E14]", "One ticket. [E99]") + row
        assert ([p.what.partition(" is")[0] for p in problems(edited)] == ["[E99]"]) is not sound


# An edit, and what is advised: never a failure.
ADVICE = [
    ("Action items", ITEM, "Investigate the alert", "advice: 'investigate' has no end; say"),
    ("Action items", ITEM, "Look into the alert", "advice: 'look into' has no end; say"),
    ("Action items", "| platform lead |", "| everyone |", "advice: 'everyone' is nobody; name"),
    ("Trigger", "was started. [E12]", "was started.", "advice: no evidence is cited"),
    ("Contributing", "No alert counts this error. [E", "No. (E", "advice: no evidence is cited"),
    ("Timeline", "The tenant writes. [E12]", "It writes.", "advice: no evidence is cited"),
    ("Resolution", "was added. [E", "was added. (E", "advice: no evidence is cited"),
]


@pytest.mark.parametrize(("place", "was", "becomes", "what"), ADVICE)
def test_advice_is_given_with_its_place_and_is_no_problem(finished, place, was, becomes, what):
    """Items without an end, owners who are nobody, claims without evidence."""
    edited = swapped(finished, place, was, becomes)
    found = only(edited)
    assert found.advice
    assert found.what.startswith(what)
    assert becomes in edited.splitlines()[found.line - 1]


@pytest.mark.parametrize(
    "item", ["Add a monitor of the error", "Publish the assess.md page", "Monitoring page deployed"]
)
def test_only_how_an_item_begins_is_advised_on(finished, item):
    """Words that are vague as verbs may stand in it, as things or in the names of things."""
    assert problems(finished.replace(ITEM, item)) == []


def test_advice_comes_from_one_short_list():
    """At most sixty words, so that it stays advice and becomes no judge of English."""
    words = read_yaml(ROOT / "atomlab" / "postmortem" / "advice.yaml")
    assert sum(len(each.split()) for part in words.values() for each in part) <= 60


def test_all_problems_come_at_once_in_the_order_of_the_lines(finished):
    """One run lists everything."""
    edited = finished
    for _, was, becomes, _ in EDITS[1:7]:
        edited = edited.replace(was, becomes, 1)
    found = problems(edited)
    assert len(found) > 4
    assert [p.line for p in found] == sorted(p.line for p in found)


def test_code_is_not_prose(finished):
    """Marks and times in a block of code, SQL above all, are no one's."""
    edited = finished.replace("## Messages", "```\n12 TODO at 09:30\n```\n\n## Messages")
    assert problems(edited) == []


@pytest.mark.parametrize("text", ["", "# README\n\nSome text.\n", "\x00", "|", "[E1]", "> " * 500])
def test_any_text_can_be_checked(text):
    """What is not a postmortem lacks every section; nothing raises."""
    assert sum(p.what == "the section is missing" for p in problems(text)) == len(SECTIONS)


def test_a_citation_in_escaped_text_is_none(make, incident, said):
    """A name that looks like a citation does not count as evidence."""
    said["trigger"] = {"text": "It was started [E1]"}
    assert only(make(incident, events=said)).what == "advice: no evidence is cited"


REST = """
## Detection

An alert.

## Root causes and trigger

A change.

## Contributing factors

- Load.

## Recovery

It was undone.

## Lessons learned

### What went well

- The alert.

### What went poorly

- It lasted 02:30 h; version 7 of the tool has no tests, says page 3 of runbook 12.

### Where we got lucky

- It was night.

## Follow-up actions

| Action item | Category | Assignee | Deadline | Bug |
| --- | --- | --- | --- | --- |
| Add a test of the change | prevent | SRE | Q1 2026 | 4711 |

## Evidence

- The dashboard
"""
HEAD_LINES = "**Status:** Complete\n**Severity:** 1\n**Owner:** SRE\n**Authors:** ann, bob\n"
# Timelines as the SRE book, Cloudflare and AWS publish them, under their own headings.
PUBLISHED = {
    "list": """
## Timeline

2015-10-21 (all times UTC)

- 14:51 The news report it
- 14:54 OUTAGE BEGINS — the first errors
- 14:55 detected: ann gets a page
- 15:28 OUTAGE MITIGATED, a change is undone
- 16:00 INCIDENT ENDS, all is well for half an hour
""",
    "table": """
## Timeline of events

On 18 November 2025:

| Time (UTC) | Status | Description |
| --- | --- | --- |
| 11:05 | Normal. | A change is deployed. |
| 11:28 | Impact starts. | The first errors are seen. |
| 11:31 | Detected | A test fails. |
| 11:32-13:05 | The team investigates. | Nothing is found. |
| 14:30 | Main impact resolved | The file is replaced. |
| 17:06 | All services resolved. Impact ends. | All is restarted. |
""",
    "local": """
## Incident timeline

| Time | What |
| --- | --- |
| October 19, 2025 11:48 PM PDT | Incident began: names are not found |
| 11:52 PM PDT | First alert: engineers look |
| October 20, 2025 2:25 AM PDT | Impact mitigated: names are found |
| 2:40 AM PDT | Resolved: all is well |
""",
}


@pytest.fixture(params=PUBLISHED)
def published(request):
    """Return a postmortem in the shape of a published one, which has all that is asked for."""
    top = "## Executive summary\n\nIt failed at 14:51 Pacific time.\n\n## User impact\n\nErrors.\n"
    return f"# It failed\n\n{HEAD_LINES}\n{top}{PUBLISHED[request.param]}{REST}"


def test_what_is_published_elsewhere_passes(published):
    """Other headings, columns and moments, a list for a table, a day said once: all is there.

    That it cites nothing is said once.
    """
    assert [(p.what, p.advice) for p in problems(published)] == [
        ("advice: no evidence is cited, as in [E1]", True)
    ]


@pytest.mark.parametrize(
    ("was", "becomes", "what"),
    [
        ("**Owner:** SRE\n", "", "no row owner"),
        ("## Recovery", "## Aside", "the section is missing"),
        ("| SRE |", "| |", "no owner"),
        ("| Deadline |", "| Colour |", "the table has no column due"),
        ("14:51 Pacific time", "14:51", "a time without its zone: 14:51"),
    ],
)
def test_what_is_not_there_is_missed_in_any_shape(published, was, becomes, what):
    """Other names are no licence to leave out."""
    if was.startswith("14:51") and "(all times UTC)" in published:
        return  # which holds for the whole document
    assert was in published
    found = [p.what for p in problems(published.replace(was, becomes, 1)) if not p.advice]
    assert found == [what]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("OUTAGE BEGINS", "Impact starts", "Incident began"), "started"),
        (("detected: ", "Detected", "First alert"), "detected"),
        (("OUTAGE MITIGATED", "Main impact resolved", "Impact mitigated"), "mitigated"),
        (("INCIDENT ENDS", "All services resolved. Impact ends", "Resolved"), "resolved"),
    ],
)
def test_each_moment_is_known_by_its_usual_names(published, words, kind):
    """Another word in its place, and it is missed."""
    for word in words:
        published = published.replace(word, "Something")
    found = [p.what for p in problems(published) if not p.advice]
    assert found == [f"no row {kind}"]


def test_an_incident_that_goes_on_is_open_and_no_failure(make, incident, said):
    """Its end is not asked for, and is listed; the start is asked for as ever."""
    said["ongoing"] = True
    said["timeline"] = [t for t in said["timeline"] if t["kind"] in ("started", "detected")]
    del said["resolution"], said["status"]
    markdown = make(incident, events=said)
    assert "| Status | Ongoing |" in markdown
    assert "| Duration | ongoing since 2026-05-02 06:00 UTC |" in markdown
    assert "TO WRITE" not in markdown
    found = problems(markdown)
    assert [(p.what, p.advice) for p in found] == [
        (f"open: the incident is ongoing, no row {kind}", True)
        for kind in ("mitigated", "resolved")
    ]
    del said["timeline"][0]
    assert [p.what for p in problems(make(incident, events=said)) if not p.advice] == [
        "still to write: time, what happened"
    ]
    finished = markdown.replace("| Ongoing |", "| Complete |").replace("ongoing since", "since")
    assert [p.advice for p in problems(finished)] == [False, False]
