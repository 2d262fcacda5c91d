"""The draft: what findings prove with its evidence, what people say, and what is to be written."""

from __future__ import annotations

import copy
import json
import re

import pytest

import atomlab
from atomlab.diagnosis.triage import triage
from atomlab.postmortem.check import problems
from atomlab.postmortem.reader import blocks


def evidence_of(markdown):
    """Return the rows of evidence: number → (file, JSON Pointer or None, snapshot)."""
    rows = [b for b in blocks(markdown) if b.cells and "Evidence" in b.section]
    found = {}
    for row in rows:
        name, _, where, snapshot = row.cells
        file, _, pointer = where.partition("#")
        found[int(name[1:])] = (file, pointer if snapshot != "–" else None, snapshot)
    return found


def resolve(document, pointer):
    """Return the value at a JSON Pointer (RFC 6901)."""
    for part in pointer.split("/")[1:]:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def numbers_in(value):
    """Return every number that a finding states, or that counting its parts gives."""
    found = {int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*", json.dumps(value))}
    pending = [value]
    while pending:
        each = pending.pop()
        parts = list(each.values()) if isinstance(each, dict) else each
        if isinstance(parts, list):
            found.add(len(parts))
            pending += parts
            for key in ("verdict", "cured", "outcome"):
                held = [str(p.get(key)) for p in parts if isinstance(p, dict)]
                found |= {held.count(one) for one in held}
    return found


def quantities(text):
    """Return the words of a text that are numbers."""
    words = (word.strip("().,;:") for word in text.split())
    return [word for word in words if word.replace(",", "").isdecimal()]


def section(markdown, name):
    """Return the text of the blocks below a heading."""
    return " ".join(b.text for b in blocks(markdown) if name in b.section and not b.level)


def test_every_citation_leads_to_a_finding_and_to_the_hash_of_its_snapshot(make, incident):
    """Each pointer resolves in the findings, each row starts the snapshot's hash, none is spare."""
    markdown = make(incident)
    rows = evidence_of(markdown)
    cited = {n for block in blocks(markdown) for n in block.cites}

    assert len(rows) > 40
    assert cited == set(rows) == set(range(1, len(rows) + 1))
    for _, pointer, snapshot in rows.values():
        resolve(incident, pointer)
        assert incident["snapshot"]["sha256"].startswith(snapshot)
        assert len(snapshot) == 12
    assert incident["snapshot"]["sha256"] in markdown


def test_every_number_is_in_the_finding_that_it_cites(make, incident, said):
    """A number of the draft stands in a cited finding, or counts its parts; people's have a source.

    The findings are read here from the file, by the pointer that the document prints.
    """
    markdown = make(incident, events=said)
    rows = evidence_of(markdown)
    counted = 0
    for block in blocks(markdown):
        if "Evidence" in block.section or len(block.section) < 2:
            continue
        cited = [rows[n] for n in block.cites]
        known = set()
        for _, pointer, _ in cited:
            known |= numbers_in(resolve(incident, pointer)) if pointer else set()
        for figure in quantities(block.text) if cited else ():
            counted += 1
            stated = any(pointer is None for _, pointer, _ in cited)
            assert stated or int(figure.replace(",", "")) in known | {len(cited)}, block
    assert counted > 30


@pytest.mark.parametrize("tenant", ["brennan", "knoll", "larkspur", "quarry", "nettle"])
@pytest.mark.parametrize("look", [atomlab.investigate, triage], ids=["verified", "triaged"])
def test_every_number_of_the_summary_is_in_what_it_cites(make, before, tenant, look):
    """Whatever the cause, of the request in question or another: it is named, and cited."""
    document = json.loads(json.dumps(look(before, tenant).to_json()))
    markdown = make(document)
    rows = evidence_of(markdown)
    summary = [b for b in blocks(markdown) if "Summary" in b.section and not b.level]
    assert [b.text.split(".")[0] for b in summary][:2] == ["What happened", "Why"]
    assert any("/causes/" in rows[n][1] for n in summary[1].cites)
    for block in summary:
        pointers = [rows[n][1] for n in block.cites]
        known = set().union(*(numbers_in(resolve(document, pointer)) for pointer in pointers))
        for figure in quantities(block.text):
            assert int(figure.replace(",", "")) in known, figure


def test_the_draft_of_findings_alone_says_what_only_people_know(make, incident):
    """Without events, all that people must add is marked, and nothing else is wrong with it."""
    markdown = make(incident)
    found = problems(markdown)

    assert markdown.count("**TO WRITE**") > 35
    assert all(p.what.startswith(("still to write", "no ")) for p in found)
    assert {p.place.partition(",")[0] for p in found} == {
        *("Incident", "Impact", "Timeline", "Detection", "Causes / Trigger"),
        *("Causes / Contributing causes", "Resolution", "Lessons / What went well"),
        *("Lessons / What went wrong", "Lessons / Where we got lucky", "Action items"),
        *("Related", "Messages"),
    }


def test_with_all_said_nothing_is_left_to_write(finished):
    """Events can supply every field: the document then passes its own check."""
    assert "TO WRITE" not in finished
    assert problems(finished) == []


def test_every_field_of_the_events_reaches_the_document(make, incident, said):
    """Whatever people say stands in the document, each text as often as a marker of its own."""
    marked = []

    def mark(value, path):
        if isinstance(value, dict):
            return {k: mark(v, f"{path} {k}") for k, v in value.items()}
        if isinstance(value, list):
            return [mark(v, path) for v in value]
        fixed = path.split()[-1] in ("at", "kind", "by", "type", "due", "state", "link", "tracker")
        if fixed or not isinstance(value, str):
            return value
        marked.append(f"mark{len(marked)}x")
        return f"{value} {marked[-1]}"

    said |= {
        "title": "T",
        "note": "N",
        "summary": {"text": "S", "source": "a"},
        "root_cause": {"text": "R", "source": "a"},
        "code_flow": [{"text": "C", "source": "a"}],
        "options": [{"name": "O", "pros": ["P"], "cons": ["Q"], "why": "W", "source": "a"}],
        "steps": [{"step": "V", "state": "open", "source": "a"}],
        "next_steps": [{"text": "X", "source": "a"}],
        "questions": [{"question": "Why?", "answer": "So."}],
    }
    said["timeline"][0]["who"] = "Y"
    markdown = make(incident, events=mark(said, ""))
    assert len(marked) > 60
    assert [m for m in marked if m not in markdown] == []
    assert "https://tracker.example/INC-7?a=1&b=2" in markdown


def test_trigger_root_cause_and_contributing_causes_are_three_things(finished):
    """Each has a place of its own, and none says what another says."""
    trigger = section(finished, "Trigger")
    root = section(finished, "Root cause")
    contributing = section(finished, "Contributing causes")

    assert "first backfill" in trigger
    assert "another name, but the platform looks for MINIMAX_API_KEY" in root
    assert "quality too low" in contributing
    assert "No alert counts this error" in contributing
    assert "quality" not in root
    assert "backfill" not in root


def test_what_the_fix_leaves_broken_is_told(make, incident):
    """The advanced request stays broken: summary, resolution and options say so."""
    markdown = make(incident)
    assert "Advanced requests stay broken" in section(markdown, "Summary")
    assert "Advanced requests need another fix" in section(markdown, "Resolution")
    assert "does not cure advanced" in section(markdown, "Tried for every tenant of the snapshot")


def test_the_fix_stands_there_as_the_findings_have_it(make, incident):
    """The SQL is in the document, line by line, and no secret with it."""
    sql = incident["remedy"]["sql"].strip()
    assert sql in make(incident)
    assert "MINIMAX_2_7_API_KEY" in sql


def test_times_are_sorted_and_spans_computed(finished):
    """Entries and captures stand in order; what came later counts from the start."""
    rows = [b for b in blocks(finished) if b.section[-1] == "Timeline" and b.cells]
    times = [row.cells[0] for row in rows]
    assert times == sorted(times)
    assert all(time.endswith(" UTC") for time in times)
    told = section(finished, "Timeline")
    assert "Time to detect: 1 hour 30 minutes." in told
    assert "Time to mitigate: 6 hours." in told
    assert "Time to resolve: 1 day." in told


def test_of_a_range_an_end_counts_from_its_end(make, incident, said):
    """It is over when the range is; it was noticed when that began; zones are one another's."""
    said["timeline"][1]["at"] = "2026-05-02 09:30 - 10:00 CEST"
    said["timeline"][2]["at"] = "2026-05-02 12:00/2026-05-02 13:15 UTC"
    markdown = make(incident, events=said)
    told = section(markdown, "Timeline")
    assert "2026-05-02 07:30–08:00 UTC (09:30–10:00 CEST)" in told
    assert "Time to detect: 1 hour 30 minutes." in told
    assert "Time to mitigate: 7 hours 15 minutes." in told
    assert "| Duration | 1 day |" in markdown
    assert problems(markdown) == []


def test_a_time_that_is_not_known_stays_open(make, incident, said):
    """A day without a time, or a moment nobody gives, is to be written; a naive time is not UTC."""
    said["timeline"][0]["at"] = "2026-05-02"
    said["timeline"][1]["at"] = "2026-05-02 07:30"
    del said["timeline"][3]
    markdown = make(incident, events=said)
    told = [p.what for p in problems(markdown)]

    assert "2026-05-02 **TO WRITE**: time (UTC)" in markdown
    assert "a time without its zone: 07:30" in told
    assert told.count("still to write: time, what happened") == 1
    assert "Time to resolve" not in markdown


def test_a_later_capture_shows_the_resolution(make, incident, next_day):
    """The same tenant served on a later snapshot is proof, with that snapshot's own hash."""
    markdown = make(next_day, incident)
    told = section(markdown, "Resolution")
    hashes = {snapshot for _, _, snapshot in evidence_of(markdown).values()}

    assert "On the later snapshot brennan-2026-05-03 these requests of Brennan" in told
    assert ": simple (minimax/MiniMax-M2.5), moderate (" in told
    assert "advanced (" not in told
    assert hashes == {d["snapshot"]["sha256"][:12] for d in (incident, next_day)}
    captured = section(markdown, "Timeline")
    assert captured.index("brennan-2026-05-02") < captured.index("brennan-2026-05-03")
    assert "| done |" in markdown[markdown.index("On the later snapshot") :]


def test_several_tenants_stand_each_under_its_own_heading(make, before, incident):
    """Two tenants of one snapshot: both are named, the population of the snapshot once."""
    other = json.loads(json.dumps(atomlab.investigate(before, "fjord").to_json()))
    markdown = make(incident, other)
    names = [b.text for b in blocks(markdown) if b.level]

    assert names.count("Brennan Machinery (brennan), snapshot brennan-2026-05-02") == 1
    assert names.count("Fjord Fisheries (fjord), snapshot brennan-2026-05-02") == 1
    assert section(markdown, "Impact").count("All tenants") == 1
    files = {file for file, _, _ in evidence_of(markdown).values()}
    assert files == {"report-0/findings.json", "report-1/findings.json"}


@pytest.mark.parametrize("tenant", ["northwind", "nettle", "larkspur", "glacier", "ember", "knoll"])
def test_any_tenant_makes_a_document_without_a_hypothesis(make, before, tenant):
    """Healthy or broken in any way: the draft holds, and only lacks what people know."""
    found = json.loads(json.dumps(atomlab.investigate(before, tenant).to_json()))
    markdown = make(found)
    healthy = all(d["outcome"] == "ranked" for d in found["diagnosis"]["diagnoses"])

    assert "Hypothesis" not in [b.text for b in blocks(markdown) if b.level]
    assert ("no request fails" in section(markdown, "Root cause")) is healthy
    assert all(p.what.startswith(("still to write", "no ")) for p in problems(markdown))


def test_a_root_cause_says_which_requests_it_is_of(make, before, incident):
    """A tenant that only fails for advanced requests is not said to fail for others."""
    other = json.loads(json.dumps(atomlab.investigate(before, "halvorsen").to_json()))
    root = section(make(other), "Root cause")
    assert "(halvorsen), advanced requests: the models of deepseek" in root


def test_a_root_cause_has_one_sentence_for_each_role(make, incident):
    """For advanced requests Brennan's key alone does not do: nobody is told that it would."""
    alone, joint = [
        block
        for block in blocks(make(incident))
        if block.section[-1] == "Root cause" and "the key for minimax stands" in block.text
    ]
    roles = {
        d["request"]["complexity"]: (n, c["role"])
        for n, d in enumerate(incident["diagnosis"]["diagnoses"])
        for c in d["causes"]
        if c["code"] == "key-under-alias"
    }
    assert [role for _, role in roles.values()] == [*["one-of-k"] * 3, "joint"]
    assert "(brennan), simple, moderate and complex requests:" in alone.text
    assert "Repairing it removes the error; other" in alone.text
    assert "(brennan), advanced requests:" in joint.text
    assert "only together with another cause" in joint.text
    rows = evidence_of(make(incident))
    assert [rows[n][1].split("/")[3] for n in (*alone.cites, *joint.cites)] == ["0", "1", "2", "3"]


def test_the_way_to_the_error_is_that_of_a_request_that_fails(make, triaged):
    """A triage in which only the advanced request fails does not end in a chosen model."""
    found = {**triaged, "request": {"complexity": "simple, moderate, complex, advanced"}}
    told = section(make(found), "Root cause")
    assert "No models available from dynamic pricing" in told
    assert "is chosen" not in told
    evidence = evidence_of(make(found))
    assert evidence[1][1] == "/diagnosis/diagnoses/3"


def test_only_what_failed_is_told_to_find_a_model_later(make, triaged, next_day):
    """A request that found a model before and after is no sign of a repair."""
    later = copy.deepcopy(next_day)
    later["diagnosis"]["tenant"] = triaged["diagnosis"]["tenant"]
    assert "later snapshot" not in section(make(triaged, later), "Resolution")


def test_the_latest_findings_of_a_tenant_say_what_is_still_to_do(make, incident, next_day):
    """A fix that a later capture shows in place is no longer proposed, nor open."""
    markdown = make(incident, next_day)
    assert "MINIMAX_API_KEY" not in section(markdown, "Action items")
    assert "Add a new key for any of: anthropic" in section(markdown, "Action items")
    assert "script" not in section(markdown, "Next steps")
    rows = [b.cells for b in blocks(markdown) if b.section[-1] == "Verification steps" and b.cells]
    still = [step for step, state in rows if state == "open"]
    assert len(still) == 4
    assert all("brennan-2026-05-03" in step for step in still)


def test_a_fix_tried_where_nothing_fails_shows_nothing(make, next_day):
    """After the fix its trial is not a failure, and placebos cannot help: neither is shown."""
    markdown = make(next_day)
    told = section(markdown, "Verification")
    assert "finds a model already" in told
    assert "placebos that must not help" not in told
    assert "no requests" not in told
    rows = [b.cells for b in blocks(markdown) if b.section[-1] == "Verification steps" and b.cells]
    assert {state for _, state in rows} == {"done", "open"}


def test_a_snapshot_is_captured_once(make, before, incident):
    """Two tenants of one snapshot make one row of the timeline."""
    other = json.loads(json.dumps(atomlab.investigate(before, "fjord").to_json()))
    told = section(make(incident, other), "Timeline")
    assert told.count("The snapshot brennan-2026-05-02 was captured.") == 1


def test_spans_do_not_depend_on_the_order_of_the_file(make, incident, said):
    """The first of each kind in time counts, wherever it stands."""
    said["timeline"].append({**said["timeline"][1], "at": "2026-05-02T09:30:00Z"})
    in_order = make(incident, events=said)
    said["timeline"].reverse()
    for markdown in (in_order, make(incident, events=said)):
        assert "Time to detect: 1 hour 30 minutes." in section(markdown, "Timeline")


def test_a_tenant_whose_name_is_a_number_can_be_finished(make, before, incident, said):
    """Headings and steps that name the tenant lead to its snapshot: the check asks no more."""
    other = json.loads(json.dumps(atomlab.investigate(before, "0042").to_json()))
    other["diagnosis"]["tenant"]["name"] = "42"
    assert problems(make(incident, other, events=said)) == []


def test_without_prices_nothing_is_concluded(captured, make, template):
    """A snapshot without a pricing cache gives no cause, no option and no fix."""
    claims = atomlab.load_hypothesis(template)
    snapshot = captured({"acme": {"MINIMAX_2_7_API_KEY": "a-key"}}, pricing=None)
    markdown = make(json.loads(json.dumps(atomlab.investigate(snapshot, "acme", claims).to_json())))
    assert "find a model cannot be decided" in section(markdown, "Summary")
    assert "cannot be decided" in section(markdown, "Root cause")
    assert "0 of 4" not in section(markdown, "Impact")
    assert "nothing can be decided" in section(markdown, "Impact")
    assert "Claim H4: the snapshot holds no pricing cache." in section(markdown, "Not checked")


def test_a_failure_without_a_known_cause_is_no_health(make, triaged):
    """Where a request fails and no cause is named, what was ruled out still stands there."""
    found = copy.deepcopy(triaged)
    for diagnosed in found["diagnosis"]["diagnoses"]:
        diagnosed["causes"] = []
    markdown = make(found)
    assert "requests fail" in section(markdown, "Root cause")
    assert "no request fails" not in markdown
    assert "the cache holds 2,690 models" in section(markdown, "Other explanations")


def test_the_same_input_makes_the_same_document(make, incident, said):
    """Nothing of the clock or the machine is in it."""
    assert make(incident, events=said) == make(incident, events=said)


OPEN = ("still to write: ", "no item", "no owner", "no priority", "no due date", "no tracker")


@pytest.mark.parametrize("name", ["incident", "next_day", "triaged", "compared"])
def test_a_draft_is_open_only_where_people_have_to_write(make, request, name):
    """What is generated holds: each point of the check is a place marked `TO WRITE`."""
    markdown = make(request.getfixturevalue(name))
    lines = markdown.splitlines()
    found = problems(markdown)
    assert {p.line for p in found} == {n for n, at in enumerate(lines, 1) if "TO WRITE" in at}
    assert [p for p in found if not p.what.startswith(OPEN)] == []


def test_a_fallback_that_answers_is_no_error_and_no_health(make, triaged):
    """The request fails all the same; who answers stands where the error would."""
    found = copy.deepcopy(triaged)
    failing = [d for d in found["diagnosis"]["diagnoses"] if d["outcome"] == "no-models"]
    for diagnosed in failing:
        answer = {"provider": "deepseek", "model": "deepseek-chat", "by": "static-mapping"}
        diagnosed.update(outcome="fallback", error=None, fallback=answer)
    markdown = make(found)
    assert "From the database to the fallback's answer" in markdown
    assert "none; the static mapping answers with deepseek/deepseek-chat." in markdown
    assert "no request fails" not in markdown
    assert f"{len(failing)} of 4 kinds of request find no model" in section(markdown, "Impact")


def test_findings_that_claim_nothing_are_read(make, triaged):
    """Of a healthy tenant there is a status and no verdict."""
    found = {**copy.deepcopy(triaged), "verdict": None, "status": "healthy"}
    assert "the tenant is healthy: SHA-256" in make(found)
