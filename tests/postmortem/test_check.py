"""The check: each thing that keeps a postmortem from being finished, with its line."""

from __future__ import annotations

import re

import pytest

from atomlab.postmortem.check import SECTIONS, problems

ACTION = "| Add an alert on the error, by tenant | detect | platform lead | P1 | 2026-06-30 |"


def only(markdown):
    """Return the one problem of a document."""
    (found,) = problems(markdown)
    return found


def test_a_finished_postmortem_has_no_problem(finished):
    """Nothing is found where nothing is open."""
    assert problems(finished) == []


# What people do to a finished document, and what is said of it.
EDITS = [
    ("Trigger", "The first backfill of the tenant was started.", "**TO WRITE**", "still to write"),
    (
        "Impact",
        "212 requests failed. [E9]",
        "212 requests failed.",
        "a number without evidence: 212",
    ),
    ("Impact", "One ticket. [E10]", "Three tickets.", "a number without evidence: Three tickets"),
    ("Impact", "[E9]", "[E999]", "[E999] is not in the evidence"),
    ("Timeline", "2026-05-02 06:00 UTC", "2026-05-02 06:00", "a time without UTC: 06:00"),
    ("Timeline", "06:00 UTC", "06:00+02:00", "a time without UTC: 06:00"),
    ("Timeline", "2026-05-02 06:00 UTC", "2026-05-02", "no time (UTC): 2026-05-02"),
    ("Timeline", "The tenant writes.", "The tenant writes at 9 am.", "a time without UTC: 9 am"),
    ("Trigger", "started. [E9]", "started.", "a cause without evidence"),
    ("Contributing", "No alert counts this error. [E", "No alert. (E", "a cause without evidence"),
    ("Action items", "| platform lead |", "| |", "no owner"),
    ("Action items", "| platform lead |", "| everyone |", "no owner"),
    ("Action items", "| platform lead |", "| **TO WRITE** |", "no owner"),
    ("Action items", "| 2026-06-30 |", "| |", "no due date"),
    ("Action items", "| 2026-06-30 |", "| next week |", "due next week is no date, such as"),
    ("Action items", "| detect |", "| fix |", "no type, one of prevent, detect, mitigate, process"),
    ("Action items", "| P1 |", "| TBD |", "no priority"),
    ("Action items", "| <https://tracker.example/INC-7?a=1&b=2> |", "| – |", "no tracker"),
    ("Action items", "Add an alert", "Investigate an alert", "binds nobody: 'investigate'"),
    ("Action items", "Add an alert", "We should improve the alert", "binds nobody: 'improve'"),
    ("Action items", "Add an alert", "Try to look into it", "binds nobody: 'try'"),
    ("Action items", "Add an alert", "Quickly investigate it", "binds nobody: 'investigate'"),
    ("Action items", "Add an alert", "Closely watch it", "binds nobody: 'watch'"),
    ("Action items", "Add an alert", "Better monitoring of keys", "binds nobody: 'better'"),
    ("Action items", "Add an alert", "Be careful", "binds nobody: 'be careful'"),
    ("Action items", "Add an alert", "Write more tests", "binds nobody: 'more'"),
    ("Impact", "One ticket. [E10]", "It cost `5,000`.", "a number without evidence: 5,000"),
    ("Impact", "One ticket. [E10]", "1e6 users.", "a number without evidence: 1e6"),
    ("Timeline", "06:00 UTC", "06:00 UTC+2", "a time without UTC: 06:00"),
    ("Action items", "| owner |", "| who |", "the table has no column owner"),
    ("Impact", "One ticket. [E10]", "", "no support requests"),
    ("Impact", "One ticket. [E10]", "todo", "still to write: Support requests"),
    ("Impact", "One ticket. [E10]", "It doubled.", "a number without evidence: doubled"),
    ("Impact", "[E9]", "[E9], fixme", "still to write: Requests, 212 requests failed"),
    ("Timeline", "The tenant writes.", "The tenant writes at noon.", "a time without UTC: noon"),
    ("Timeline", "The tenant writes. [E9]", "The tenant writes.", "an entry without evidence"),
    ("Timeline", "| started |", "| |", "no row started"),
    ("Timeline", "2026-05-03 06:00:30", "2026-05-02 05:59:59", "resolved before it started"),
    ("Timeline", "2026-05-03 06:00:30", "2026-05-01 06:00:30", "resolved before it started"),
    ("Timeline", "2026-05-03 06:00:30", "2026-05-02 11:59", "resolved before it was mitigated"),
    ("Timeline", "2026-05-02 07:30", "2026-05-02 05:30", "detected before it started"),
    ("Timeline", "2026-05-02 12:00", "2026-05-02 05:30", "mitigated before it started"),
    ("Resolution", "was added. [E", "was added. (E", "a resolution without evidence"),
    ("Trigger", "The first backfill of the tenant was started.", "TBD", "still to write: TBD"),
    (
        "Trigger",
        "The first backfill of the tenant was started.",
        "See root cause.",
        "the trigger equals the root cause",
    ),
    ("Action items", "Add an alert", "Invest\u00adigate an alert", "binds nobody: 'investigate'"),
    ("Action items", "Add an alert", "Invest&shy;igate an alert", "binds nobody: 'investigate'"),
    ("Action items", "Add an alert", "TODO: an alert", "no item: an alert"),
    ("Action items", "| platform lead |", "| platform team |", "no owner: 'platform team'"),
    ("Action items", "| platform lead |", "| TODO |", "no owner"),
    ("Action items", "| 2026-06-30 |", "| 2026-05-01 |", "due 2026-05-01 is before the incident"),
    (
        "Lessons",
        "- Nobody was told of the error.",
        "- 9 people were not told.",
        "without evidence: 9",
    ),
]


@pytest.mark.parametrize(("place", "was", "becomes", "told"), EDITS)
def test_each_thing_that_is_open_is_found_where_it_is(finished, place, was, becomes, told):
    """One edit of a finished document makes one problem, on the line that was edited."""
    start = finished.index(f"## {place}")
    edited = finished[:start] + finished[start:].replace(was, becomes, 1)
    assert edited != finished
    found = [p for p in problems(edited) if told in p.what]
    assert len(found) == 1
    line = edited.splitlines()[found[0].line - 1]
    if "no column" not in told:
        assert becomes in line
    assert place.split()[0] in found[0].place


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
    told = {p.what for p in problems(edited) if p.place.split(" / ")[-1] == section}
    assert told & {"nothing stands under the heading", "no action item stands in a table"}


def test_an_empty_shell_passes_nothing(finished):
    """With its headings alone a document lacks what each of them is for."""
    shell = "\n\n".join(line for line in finished.splitlines() if re.match("#+ ", line))
    told = [p.place.split(" / ")[-1] for p in problems(shell) if p.what.startswith("nothing")]
    assert sorted(told) == sorted(set(SECTIONS) - {"Action items"})


HEAD = {
    "Status": "Complete",
    "Incident number": "INC-7",
    "Severity": "SEV-2",
    "Owner": "the on-call lead",
    "Authors": "the on-call lead",
    "Review meeting": "2026-05-05 14:00 UTC, platform team",
    "Recording": "none",
    "Incident lead": "the on-call lead",
}


@pytest.mark.parametrize(("name", "cell"), HEAD.items())
def test_the_head_says_who_and_how_bad(finished, name, cell):
    """A cell that says nothing is open, whichever it is."""
    row = f"| {name} | {cell} |"
    assert row in finished
    for nothing in ("", "tbd", "unassigned", "to be decided"):
        found = only(finished.replace(row, f"| {name} | {nothing} |"))
        assert found.place.startswith("Head, row ")
        assert found.what.startswith((f"no {name.lower()}", f"still to write: {name}"))


@pytest.mark.parametrize(("name", "cell"), HEAD.items())
def test_only_what_may_be_none_is_none(finished, name, cell):
    """A number, a meeting or a recording may be none; a severity, an owner or an author may not."""
    edited = finished.replace(f"| {name} | {cell} |", f"| {name} | none |")
    may = name in ("Incident number", "Review meeting", "Recording")
    assert [p.what for p in problems(edited)] == ([] if may else [f"no {name.lower()}"])


@pytest.mark.parametrize("name", ["Status", "Severity", "Owner", "Authors"])
def test_a_row_taken_out_of_the_head_is_missed(finished, name):
    """Nothing passes the check by being deleted, here either."""
    assert (
        only(finished.replace(f"| {name} | {HEAD[name]} |\n", "")).what == f"no row {name.lower()}"
    )


@pytest.mark.parametrize("kind", ["started", "detected", "mitigated", "resolved"])
def test_the_timeline_has_each_moment_with_its_time(finished, kind):
    """A row that is taken out is missed, and one without its time is found."""
    row = next(line for line in finished.splitlines() if f"| {kind} |" in line)
    assert only(finished.replace(f"{row}\n", "")).what == f"no row {kind}"
    untimed = "| " + row.split("|", 2)[2].strip()
    assert only(finished.replace(row, f"| {untimed}")).what == "no time (UTC): empty"


# What a line of the impact says, the evidence that it cites, and the number that is not in it.
CITED = [
    ("22 of 45 tenants get this error.", "/affected/1", None),
    ("22 tenants get this error.", "/affected/1", None),
    ("Half of 45 tenants get this error.", "/affected/1", None),
    ("49% of the tenants get this error.", "/affected/1", None),
    ("23 tenants get this error.", "/affected/1", "23"),
    ("4,500 tenants get this error.", "/affected/1", "4,500"),
    ("Seven tenants get this error.", "/affected/1", "Seven tenants"),
    ("None of 2,690 models is usable.", "/snapshot", None),
    ("None of 2690 models is usable.", "/snapshot", None),
    ("None of 2,691 models is usable.", "/snapshot", "2,691"),
    ("9 models are there.", "worker log", None),
    ("77 of 45 tenants get this error.", "/affected/1", "77"),
    ("Half of 46 tenants get this error.", "/affected/1", "46"),
    ("49% of 46 tenants get this error.", "/affected/1", "46"),
    ("Zero tenants get this error.", "/affected/1", "Zero tenants"),
    ("Zero models are usable.", "/diagnosis/diagnoses/1 ", None),
    ("2,600 models rejected, 90 usable.", "/diagnosis/diagnoses/1 ", "2,600"),
    ("The best of them 78, required 94.", "/causes/1", "78"),
    ("2 of 7 claims are confirmed.", "/verification/claims |", "2"),
]


@pytest.mark.parametrize(("line", "place", "wrong"), CITED)
def test_a_number_that_its_evidence_contradicts_is_found(finished, line, place, wrong):
    """Each number has to be one that the finding shows; what people say has none to compare."""
    row = next(r for r in finished.splitlines() if r.startswith("| E") and place in r)
    number = row.split("|")[1].strip()
    edited = finished.replace("One ticket. [E10]", f"{line} [{number}]")
    told = [p.what for p in problems(edited)]
    assert [what.partition(" is not what ")[0] for what in told] == ([wrong] if wrong else [])


# What a line says that cites two findings, each of 0 of 2,690 models, and what they do not show.
TOGETHER = [
    ("0 of 2,690 models are usable.", None),
    ("2 of 2 kinds of request fail.", None),
    ("1 of 2 kinds of request fails.", None),
    ("Two requests fail.", None),
    ("3 of 2 kinds of request fail.", "3"),
    ("1 request fails.", "1"),
    ("5 models are usable.", "5"),
]


@pytest.mark.parametrize(("line", "wrong"), TOGETHER)
def test_findings_cited_together_may_be_counted(finished, line, wrong):
    """A number is one that any of them shows, or says how many of them are so."""
    edited = finished.replace("One ticket. [E10]", f"{line} [E1] [E5]")
    told = [p.what for p in problems(edited)]
    assert [what.partition(" is not what [E1], [E5] show: ")[0] for what in told] == (
        [wrong] if wrong else []
    )
    assert problems(edited.replace(f"{line} [E1] [E5]", f"{line} [E1] [E10]")) == []


@pytest.mark.parametrize(
    "trigger",
    [
        "The tenant's key for minimax stands under another name than MINIMAX_API_KEY, the one that"
        " the platform looks for.",
        "the tenant has no row MINIMAX_API_KEY which the platform looks for",
        "THE TENANT HAS NO ROW `MINIMAX_API_KEY`, THAT THE PLATFORM LOOKS FOR!",
    ],
)
def test_a_trigger_that_is_the_root_cause_again_is_found(finished, trigger):
    """Word for word or nearly so, and whichever of the root cause's sentences it repeats."""
    edited = finished.replace("The first backfill of the tenant was started.", trigger)
    assert only(edited).what == "the trigger equals the root cause"


NOTHING_SAID = [
    *("Unknown.", "Not known.", "n/a", "None.", "It is unknown.", "Nobody knows. [E9]", "nothing"),
]


@pytest.mark.parametrize("words", NOTHING_SAID)
@pytest.mark.parametrize(
    ("name", "was"),
    [
        ("trigger", r"The first backfill of the tenant was started\. \[E\d+\]"),
        ("resolution", r"The row was added\. \[E\d+\]"),
    ],
)
def test_a_text_that_says_nothing_is_none(finished, name, was, words):
    """What is not known is open, with evidence or without."""
    emptied, number = re.subn(was, words, finished)
    assert number
    assert only(emptied).what == f"no {name}"


@pytest.mark.parametrize(
    ("name", "until"), [("## Summary", "## Impact"), ("### Root cause", "### Contributing")]
)
@pytest.mark.parametrize("words", NOTHING_SAID)
def test_a_section_of_a_draft_that_is_emptied_by_a_word_is_none(finished, name, until, words):
    """The draft's own summary and root cause have to stay, or another to stand there."""
    start, end = finished.index(f"{name}\n"), finished.index(until)
    edited = f"{finished[:start]}{name}\n\n{words}\n\n{finished[end:]}"
    assert only(edited).what == f"no {name.strip('# ').lower()}"


@pytest.mark.parametrize("left", ["", "On the later snapshot x these requests find a model. [E1]"])
def test_what_would_end_it_is_not_what_was_done(finished, left):
    """The words of a fix and what a later snapshot shows are no resolution by themselves."""
    edited, number = re.subn(r"The row was added\. \[E\d+\]", left, finished)
    assert number
    assert only(edited).what == "what was done is missing"
    assert (
        problems(edited.replace("## Fix options", "Ana added the row. [E43]\n\n## Fix options"))
        == []
    )


def test_evidence_has_to_lead_somewhere(finished):
    """A row without a place, one whose snapshot is unknown, and one that stands twice are found."""
    row = next(line for line in finished.splitlines() if line.startswith("| E2 |"))
    cells = row.split(" | ")
    nowhere = " | ".join([*cells[:2], "", cells[3]])
    unknown = row.replace(cells[3], "0123456789ab |")

    assert only(finished.replace(row, nowhere)).what == "E2 leads nowhere"
    assert only(finished.replace(row, unknown)).what == (
        "E2 leads to a snapshot whose SHA-256 is not given"
    )
    assert only(finished.replace(row, f"{row}\n{row}")).what == "E2 stands here twice"


def test_without_the_hash_no_row_leads_to_the_snapshot(finished, incident):
    """Every row that leads to a finding needs the whole hash above it."""
    found = problems(finished.replace(incident["snapshot"]["sha256"], "not given"))
    assert len(found) > 40
    assert {p.what.partition(" ")[2] for p in found} == {
        "leads to a snapshot whose SHA-256 is not given"
    }


@pytest.mark.parametrize("plain", ["| 1 |", "| 1989 |"])
def test_a_plain_number_names_a_priority_or_a_ticket(finished, plain):
    """Only what is to be done can count something; the other cells of an action item name."""
    assert problems(finished.replace("| P1 |", plain)) == []
    tracker = "| <https://tracker.example/INC-7?a=1&b=2> |"
    assert problems(finished.replace(tracker, plain)) == []


@pytest.mark.parametrize(
    "item",
    [
        *("Add a monitor of the error", "Add a review to each release", "Document the key names"),
        *("Alert when more than 5 jobs fail in 10 minutes", "Publish the assess.md page"),
        "Alert when the error comes 5 times in 10 minutes",
    ],
)
def test_an_action_that_binds_may_say_what_it_wants(finished, item):
    """Words that are vague as verbs may stand for a thing that is made; numbers here are aims."""
    assert problems(finished.replace("Add an alert on the error, by tenant", item)) == []


@pytest.mark.parametrize("level", ["##", "###", "####"])
def test_a_number_in_a_heading_needs_evidence_too(finished, level):
    """A heading is read before all else; with evidence it may say how many."""
    title = f"{level} 4,000 tenants were hit"
    edited = finished.replace("## Detection", f"{title}\n\n## Detection")
    found = only(edited)
    assert found.what == "a number without evidence: 4,000"
    assert edited.splitlines()[found.line - 1] == title
    assert problems(edited.replace(title, f"{title} [E1]")) == []


def test_utc_with_an_offset_of_nothing_is_utc(finished):
    """Only a real offset makes another zone of it."""
    for same in ("06:00Z", "06:00 UTC+00:00", "06:00+00:00"):
        assert problems(finished.replace("06:00 UTC", same)) == []
    for other in ("06:00 UTC-05:00", "06:00 UTC+10"):
        assert problems(finished.replace("06:00 UTC", other)) != []


@pytest.mark.parametrize(
    "when", ["06:00–06:05 UTC", "06:00 to 06:05 UTC", "06:00 (UTC)", "UTC 06:00"]
)
def test_a_time_in_the_timeline_may_be_a_range(finished, when):
    """However it says UTC."""
    assert problems(finished.replace("2026-05-02 06:00 UTC", f"2026-05-02 {when}")) == []


def test_an_empty_list_of_actions_is_no_list(finished):
    """A postmortem without any action item is not finished."""
    row = next(line for line in finished.splitlines() if line.startswith(ACTION))
    assert only(finished.replace(row, "")).what == "no action item stands in a table"


def test_all_problems_come_at_once_in_the_order_of_the_lines(finished):
    """One run lists everything."""
    edited = finished
    for _, was, becomes, _ in EDITS[:6]:
        edited = edited.replace(was, becomes, 1)
    found = problems(edited)
    assert len(found) > 4
    assert [p.line for p in found] == sorted(p.line for p in found)


def test_code_is_not_prose(finished):
    """Numbers and times in code, SQL above all, need no evidence."""
    edited = finished.replace(
        "## Messages", "```\n12 at 09:30\n```\n\nSee `--limit 12`.\n\n## Messages"
    )
    assert problems(edited) == []


@pytest.mark.parametrize("text", ["", "# README\n\nSome text.\n", "\x00", "|", "[E1]", "> " * 500])
def test_any_text_can_be_checked(text):
    """What is no postmortem lacks every section; nothing raises."""
    assert sum(p.what == "the section is missing" for p in problems(text)) == len(SECTIONS)


def test_a_citation_in_escaped_text_is_none(make, incident, said):
    """A name that looks like a citation does not count as evidence."""
    said["impact"]["requests"] = {"text": "212 requests failed [E1]"}
    assert only(make(incident, events=said)).what == "a number without evidence: 212"
