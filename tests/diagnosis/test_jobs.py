"""Jobs of a worker's log: the lines and retries of each folded into one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from atomlab.diagnosis import jobs as module
from atomlab.diagnosis.jobs import JobFolder, parted
from atomlab.errors import NO_CLIENT, NO_MODELS
from atomlab.evidence.inputs.worker_log import LogLine

NOON = datetime(2026, 5, 3, 12, tzinfo=UTC)


def line(minute, event, **fields):
    return LogLine("a.log", 1, "0" * 64, NOON + timedelta(minutes=minute), "INFO", event, fields)


def folded(*lines, names=("brennan", "t-1")):
    folder = JobFolder(names)
    for each in lines:
        folder.take(each)
    return folder


def test_retries_are_one_job():
    """Four attempts that fail are one failure, from the first line to the last."""
    tries = [line(m, "error", job="j", tenant="T-1", complexity="simple") for m in (0, 3, 6, 9)]
    [job] = folded(*tries).jobs()
    assert (job.id, job.complexity, job.ending) == ("j", "simple", "failed")
    assert (job.began_at, job.ended_at) == (NOON, NOON + timedelta(minutes=9))


@pytest.mark.parametrize(
    ("events", "ending"),
    [
        ([("top-model", {"model": "m"}), ("ingested", {"nodes": "3"})], "succeeded"),
        ([("error", {}), ("top-model", {"model": "m"}), ("ingested", {"nodes": "3"})], "failed"),
        ([("auth-error", {"status": "401"}), ("job-completed", {})], "refused"),
        ([("top-model", {"model": "m"}), ("ingested", {"nodes": "0"})], "otherwise"),
        ([("top-model", {"model": "m"}), ("ingested", {"nodes": "0.5"})], "succeeded"),
        ([("no-entities", {})], "otherwise"),
        ([("generation-failed", {"error": "'coroutine' object is not iterable"})], "otherwise"),
        ([("generation-failed", {"error": f"ValueError: {NO_MODELS}"})], "failed"),
        ([("backfill-failed", {"error": NO_MODELS})], "failed"),
        ([("generation-failed", {"error": f"{NO_CLIENT}. Please"})], "failed"),
        ([("top-model", {"model": "m"})], "open"),
    ],
)
def test_how_a_job_ended(events, ending):
    """A failure counts even if a retry works; success needs a result; a model alone is none."""
    lines = [line(n, e, job="j", tenant="brennan", **f) for n, (e, f) in enumerate(events)]
    [job] = folded(*lines).jobs()
    assert job.ending == ending


def test_a_line_belongs_to_the_job_that_its_request_names():
    """Whichever comes first: the line that names tenant and job, or the one of the request."""
    lines = [
        line(0, "top-model", request="r-1", model="m", complexity="complex"),
        line(1, "ingested", request="r-1", job="j", tenant="brennan", nodes="2"),
        line(2, "error", request="r-2"),
        line(3, "job-completed", request="r-3", job="k", tenant="acme"),
    ]
    [job] = folded(*lines).jobs()
    assert (job.id, job.complexity, job.ending, job.models) == ("j", "complex", "succeeded", ("m",))


def test_a_job_of_two_kinds_is_two():
    """Each kind of request in it ends by itself; lines between belong to the one named last."""
    lines = [
        line(0, "top-model", job="j", tenant="brennan", complexity="simple", model="m"),
        line(1, "chunk", job="j", entities="4"),
        line(2, "error", job="j", complexity="advanced"),
    ]
    found = {job.complexity: job.ending for job in folded(*lines).jobs()}
    assert found == {"simple": "succeeded", "advanced": "failed"}


def test_other_tenants_and_lines_without_a_job_are_no_jobs():
    """The lines of the tenant that name no job are counted."""
    folder = folded(
        line(0, "error", job="x", tenant="acme"),
        line(1, "error", tenant="brennan"),
        line(2, "error", job="y"),
    )
    assert folder.jobs() == []
    assert folder.nameless == 1


def test_what_another_tenant_did_under_the_same_id_is_not_ours():
    """In whichever order they come; lines without a tenant then belong to neither."""
    begun = line(0, "top-model", job="j", tenant="brennan", complexity="simple", model="m")
    theirs = line(1, "ingested", job="j", tenant="acme", nodes="3")
    nobodys = line(2, "ingested", job="j", nodes="3")
    for lines in ([begun, theirs, nobodys], [theirs, begun, nobodys]):
        assert [job.ending for job in folded(*lines).jobs()] == ["open"]
    assert [job.ending for job in folded(begun, nobodys).jobs()] == ["succeeded"]


def test_a_workspace_of_another_name_does_not_take_a_job_from_the_tenant():
    """Its lines before the one that names the tenant count."""
    lines = [
        line(0, "error", job="j", complexity="simple"),
        line(1, "ingested", job="j", workspace="w-9", nodes="3"),
        line(2, "job-completed", job="j", tenant="brennan"),
    ]
    assert [job.ending for job in folded(*lines).jobs()] == ["failed"]
    assert folded(*lines[:2]).unowned() == []  # somebody's it is


def test_failures_that_name_no_job_or_no_tenant_are_kept_apart():
    """The last of each kind that is the tenant's, and all that may be."""
    folder = folded(
        line(0, "error", tenant="brennan", complexity="simple"),
        line(1, "auth-error", tenant="brennan", complexity="simple", status="401"),
        line(2, "error", tenant="acme"),
        line(3, "error", complexity="complex"),
        line(4, "error", job="x", complexity="advanced"),
        line(5, "auth-error", status="401"),  # some tenant's key is always dead
        line(6, "ingested", job="y", nodes="3"),
    )
    assert folder.jobs() == []
    assert [(job.complexity, job.ending) for job in folder.strays()] == [("simple", "refused")]
    assert {(job.complexity, job.ending) for job in folder.unowned()} == {
        ("complex", "failed"),
        ("advanced", "failed"),
    }


def test_the_model_of_a_job_is_the_one_that_was_chosen_last():
    """Whatever it was before; where a fallback answers, a generation says nothing of pricing."""
    chosen = [line(n, "top-model", job="j", tenant="brennan", model=m) for n, m in enumerate("aba")]
    answered = line(3, "generation", job="j", tenant="brennan", model="c")
    assert folded(*chosen).jobs()[0].models == ("b", "a")
    assert folded(*chosen, answered).jobs()[0].models == ("b", "a", "c")
    folder = JobFolder(["brennan"], ("top-model",))
    for each in (*chosen, answered):
        folder.take(each)
    assert folder.jobs()[0].models == ("b", "a")


def test_jobs_that_straddle_the_fix_are_neither_before_nor_after():
    """Nor are those within the margin by which clocks may differ."""
    names = {"before": (-30, -2), "near": (-30, -0.5), "across": (-5, 5), "after": (1, 9)}
    lines = [
        line(minute, "ingested", job=name, tenant="brennan", nodes="1")
        for name, minutes in names.items()
        for minute in minutes
    ]
    jobs = folded(*lines).jobs()
    groups = parted(jobs, NOON, timedelta(minutes=1))
    assert [[job.id for job in group] for group in groups] == [
        ["before"],
        ["after"],
        ["near", "across"],
    ]


def test_what_is_kept_grows_with_the_jobs_of_the_tenant_only(monkeypatch):
    """Of other tenants' jobs, and of those of nobody, only the latest are remembered."""
    monkeypatch.setattr(module, "KEPT", 20)
    lines = []
    for n in range(300):
        about = [{"tenant": "acme"}, {}, {"tenant": "brennan"}][n % 3]
        lines.append(line(n, "error", job=f"j-{n}", request=f"r-{n}", complexity="simple", **about))
        lines.append(line(n, "ingested", request=f"r-{n}", nodes="1"))
    folder = folded(*lines)
    kept = sum(len(part) for part in vars(folder).values() if hasattr(part, "__len__"))
    found = folder.jobs()
    assert [job.id for job in found] == [f"j-{n}" for n in range(2, 300, 3)]
    assert {job.ending for job in found} == {"failed"}
    assert kept < 4 * len(found) + 5 * 20


def test_a_job_is_cited_by_its_first_lines_and_the_last():
    """Those that say which model was chosen and how it ended, not each that names it."""
    events = ["started", *["top-model", "error"] * 5, "started"]
    lines = [line(n, e, job="j", tenant="brennan", model="m") for n, e in enumerate(events)]
    [job] = folded(*lines).jobs()
    said = [each for each in lines if each.event != "started"]
    assert [*job.lines] == [*said[: len(job.lines) - 1], said[-1]]
    assert len(job.lines) == module._CITED


def test_a_job_ends_at_the_margin_or_begins_there():
    """The margin's own moments are outside of it."""
    lines = [
        line(minute, "ingested", job=name, tenant="brennan", nodes="1")
        for name, minute in (("before", -1), ("after", 1), ("near", 0.9), ("early", -0.9))
    ]
    groups = parted(folded(*lines).jobs(), NOON, timedelta(minutes=1))
    assert [[job.id for job in group] for group in groups] == [
        ["before"],
        ["after"],
        ["early", "near"],
    ]


def test_lines_that_name_a_tenant_and_no_job_are_counted_one_by_one():
    """However many there are."""
    folder = folded(*[line(n, "error", tenant="brennan") for n in range(3)])
    assert folder.nameless == 3


@pytest.mark.parametrize("ours", [True, False])
def test_a_request_that_was_ours_makes_its_job_ours(ours):
    """Where the tenant stood only in lines that named no job yet."""
    tenant = {"tenant": "brennan"} if ours else {}
    lines = [
        line(0, "top-model", request="r", model="m", complexity="simple", **tenant),
        line(1, "error", request="r", job="j"),
    ]
    folder = folded(*lines)
    assert [(job.id, job.complexity, job.ending) for job in folder.jobs()] == (
        [("j", "simple", "failed")] if ours else []
    )
    assert len(folder.unowned()) == (not ours)


def test_the_oldest_are_forgotten_first(monkeypatch):
    """Of jobs of other tenants, of nobody, and of requests: as many as are kept are there."""
    monkeypatch.setattr(module, "KEPT", 2)
    nobodys = [line(n, "error", job=f"n-{n}", complexity="simple") for n in range(3)]
    assert [job.id for job in folded(*nobodys[:2]).unowned()] == ["n-0", "n-1"]
    assert [job.id for job in folded(*nobodys).unowned()] == ["n-1", "n-2"]
    theirs = [line(n, "chunk", job=f"t-{n}", tenant="acme") for n in range(3)]
    after = [line(5, "error", job=f"t-{n}", complexity="simple") for n in range(3)]
    assert [job.id for job in folded(*theirs, *after).unowned()] == ["t-0"]
    assert folded(*theirs[:2], *after[:2]).unowned() == []
    asked = [line(n, "started", job=f"j-{n}", request=f"r-{n}", tenant="brennan") for n in range(3)]
    ended = [line(5, "error", request=f"r-{n}") for n in range(3)]
    found = {job.id: job.ending for job in folded(*asked, *ended).jobs()}
    assert found == {"j-0": "open", "j-1": "failed", "j-2": "failed"}
