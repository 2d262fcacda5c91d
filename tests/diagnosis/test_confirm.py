"""Confirm a fix: Brennan's jobs in made logs, before and after it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import atomlab
from atomlab.byok.ranking import rank
from atomlab.diagnosis.confirm import confirm, moment_of
from atomlab.errors import NO_MODELS, AtomlabError, InputError
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.inputs.worker_log import read_log
from tests.canaries import MANY

NOON = datetime(2026, 5, 3, 12, tzinfo=UTC)
CURED = ("simple", "moderate", "complex")


def record(at, message, level="INFO", **fields):
    time = at.strftime("%Y-%m-%dT%H:%M:%S+00:00")
    return json.dumps({"timestamp": time, "level": level, "message": message, **fields})


def job(name, at, kind, model=None, tenant="brennan"):
    about = {"tenant_id": tenant, "job_id": name, "complexity": kind}
    if model is None:
        failed = f"Structured generation failed: {NO_MODELS}"
        return [record(at + timedelta(seconds=s), failed, "ERROR", **about) for s in (0, 9, 20)]
    chosen = f"BPC Ranking Successful for {kind}: Top model {model} (Value: 8.10)"
    return [
        record(at, chosen, **about),
        record(at + timedelta(seconds=5), "Ingested 12 nodes, 7 edges for ws w-1", **about),
    ]


@pytest.fixture(scope="module")
def winners(after):
    """Return what the replay chooses on the snapshot of the day after the fix."""
    found = atomlab.diagnose(after, "brennan").requests
    return {d.request.complexity: d.ranking.winner and d.ranking.winner.model for d in found}


@pytest.fixture
def written(tmp_path, winners):
    """Return a function that writes a log: jobs every ten minutes, from noon on as `later` says."""

    def write(later=None, *, name="worker.log", hours=(-5, 8), drop=None, kinds=COMPLEXITIES):
        lines = []
        for number in range(hours[0] * 6, hours[1] * 6):
            at = NOON + timedelta(minutes=10 * number + 5)
            for kind in kinds:
                model = (later or winners).get(kind) if number >= 0 else None
                lines += job(f"{kind}-{number}", at, kind, model)
        kept = [x for x in lines if not (drop and drop(json.loads(x)))]
        path = tmp_path / name
        path.write_text("\n".join(sorted(kept, key=lambda x: json.loads(x)["timestamp"])) + "\n")
        return str(path)

    return write


def judged(snapshot, path, *, at=NOON, tenant="brennan", **options):
    case = confirm(snapshot, tenant, read_log([path]), at, **options)
    return case, {each.complexity: each for each in case.recoveries}


def test_three_kinds_are_over_and_advanced_is_left(before, written):
    """The document's fix: what it cures works, with the winner that the replay predicts."""
    case, kinds = judged(before, written())
    assert {kind: each.verdict for kind, each in kinds.items()} == {
        **dict.fromkeys(CURED, "over"),
        "advanced": "not over",
    }
    assert kinds["advanced"].why.startswith("the fix leaves it")
    assert case.verdict == "not over"
    assert kinds["moderate"].counted == {"succeeded": 48}
    assert (kinds["moderate"].failed_before, kinds["moderate"].jobs_before) == (30, 30)
    record = case.findings().recovery
    assert [k.verdict for k in record.kinds] == ["over", "over", "over", "not over"]
    line = record.kinds[0].cited[0]["lines"][0]
    assert line["file"] == "worker.log"  # without the folder, which is nobody's business


def test_silence_on_one_kind_proves_nothing_of_another(before, written):
    """Where no job of a kind was seen after the fix, that is what is missing."""
    quiet = written(drop=lambda x: x["complexity"] == "complex" and x["job_id"][8:9] != "-")
    _, kinds = judged(before, quiet)
    assert kinds["moderate"].verdict == "over"
    assert (kinds["complex"].verdict, kinds["complex"].missing) == ("inconclusive", "complex jobs")


def test_another_winner_is_not_by_this_fix(before, written, winners):
    """Jobs succeed with a model that the replay does not predict."""
    _, kinds = judged(before, written({**winners, "simple": "deepseek/deepseek-chat"}))
    assert kinds["simple"].verdict == "inconclusive"
    assert "not by this fix" in kinds["simple"].why


def test_the_snapshot_from_after_the_fix_has_to_hold_it(before, after, written):
    """With the day after's snapshot it is over; with the one from before given again, it is not."""
    _, kinds = judged(before, written(), after=after)
    assert kinds["moderate"].verdict == "over"
    _, kinds = judged(before, written(), after=before)
    assert kinds["moderate"].verdict == "not over"
    assert "no usable MINIMAX_API_KEY" in kinds["moderate"].why


def test_a_log_without_info_cannot_show_a_success(before, written):
    """After the fix it has warnings only: that jobs do not fail in it proves nothing."""
    quiet = written(drop=lambda x: x["level"] == "INFO" and x["timestamp"] > "2026-05-03T12")
    _, kinds = judged(before, quiet)
    assert kinds["moderate"].verdict == "inconclusive"


def test_files_whose_edges_do_not_meet_have_a_gap(before, written, tmp_path):
    """A rotated file that is missing is asked for by its times; so is the rest of one cut off."""
    every = Path(written()).read_text().splitlines()
    time_of = {line: json.loads(line)["timestamp"] for line in every}
    early, late = tmp_path / "worker.log.2", tmp_path / "worker.log.1"
    early.write_text("".join(f"{x}\n" for x in every if time_of[x] < "2026-05-03T14"))
    late.write_text("".join(f"{x}\n" for x in every if time_of[x] > "2026-05-03T16"))
    case = confirm(before, "brennan", read_log([late, early]), NOON)
    found = {each.complexity: each for each in case.recoveries}["moderate"]
    assert found.verdict == "inconclusive"
    assert found.missing == "a log of 2026-05-03 13:55 to 16:05"
    late.write_text("\n".join(every)[:-9])
    _, kinds = judged(before, str(late))
    assert (kinds["moderate"].verdict, kinds["moderate"].missing) == (
        "inconclusive",
        f"all of {late.name}",
    )


def test_lines_that_are_missing_within_a_file_are_asked_for(before, written):
    """By their times: where it is silent for far longer than otherwise, and after a shutdown."""
    stopped = record(NOON + timedelta(hours=2), "worker: Warm shutdown (MainProcess)")
    for until, line, missing in (
        ("2026-05-03T15:40", None, "a log of 2026-05-03 13:55 to 15:45, or an older one"),
        ("2026-05-03T14:10", stopped, "a log of 2026-05-03 14:00 to 14:15"),
    ):
        path = Path(written(drop=lambda x, end=until: "2026-05-03T14" < x["timestamp"] < end))
        lines = [*path.read_text().splitlines(), *filter(None, [line])]
        path.write_text("".join(f"{x}\n" for x in sorted(lines, key=_time_of)))
        _, kinds = judged(before, str(path))
        assert kinds["moderate"].verdict == "inconclusive"
        assert kinds["moderate"].missing.startswith(missing)


@pytest.mark.parametrize(
    ("at", "tenant", "line"),
    [
        *(
            (
                at,
                "brennan",
                "the log ends at 2026-05-03T19:55:20Z, before the fix; give a later log, or"
                " correct --fixed-at",
            )
            for at in (NOON + timedelta(days=9), NOON + timedelta(minutes=475, seconds=20))
        ),
        *(
            (
                at,
                "brennan",
                "the log begins at 2026-05-03T07:05:00Z, after the fix; give the log from before"
                " it as well, or correct --fixed-at",
            )
            for at in (NOON - timedelta(days=9), NOON - timedelta(minutes=295))
        ),
        (
            NOON,
            "cobalt",
            "brennan-2026-05-02: no request of Cobalt Robotics fails there and has a known fix;"
            " give the snapshot from before the fix",
        ),
        (
            NOON,
            "knoll",
            "the log has no job of Knoll Research: no line names it; give a log whose lines name"
            " tenant and job",
        ),
    ],
)
def test_what_cannot_be_confirmed_is_refused_in_one_line(before, written, at, tenant, line):
    """With what to do about it; a fix at the log's very first or last moment is no exception."""
    with pytest.raises(AtomlabError) as refused:
        judged(before, written(), at=at, tenant=tenant)
    assert str(refused.value) == line


def test_a_log_without_times_or_jobs_confirms_nothing(before, tmp_path):
    """Of the one nothing is before or after the fix; the other names the tenant to no purpose."""
    failed = f"Structured generation failed: {NO_MODELS}"
    at = [NOON + timedelta(hours=hours) for hours in (-2, -1, 1)]
    job_less = [
        record(at[0], "BPC Ranking Successful for simple: Top model a/b (Value: 1)", tenant_id=t)
        for t in ("brennan", "brennan", "acme")
    ] + [record(at[2], "Ingested 1 nodes, 1 edges for ws w-1", tenant_id="acme", job_id="j")]
    for lines, said in (
        (
            [f"ERROR:core.worker:{failed} tenant_id=brennan"],
            "no line of the log has a time; give a log with times",
        ),
        (
            job_less,
            "the log has no job of Brennan Machinery: 2 lines name the tenant, but no job; give a"
            " log whose lines name tenant and job",
        ),
    ):
        path = tmp_path / f"{len(lines)}.log"
        path.write_text("\n".join(lines))
        with pytest.raises(InputError) as refused:
            confirm(before, "brennan", read_log([path], timeless=True), NOON)
        assert str(refused.value) == said


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-03T12:00Z", NOON),
        ("2026-05-03T14:00+02:00", NOON),
        ("2026-05-03T06:30:00-05:30", NOON),
    ],
)
def test_a_fix_was_made_at_one_moment_whatever_the_zone(text, moment):
    """And it is said in UTC."""
    assert (moment_of(text), moment_of(text).tzinfo) == (moment, UTC)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("2026-05-03T12:00", "has no zone"),
        *((text, "is not a time") for text in ("noon", "", "2026-13-03T12:00Z")),
        ("0001-01-01T00:00+05:00", "is not a time"),
    ],
)
def test_what_is_no_moment_is_refused_in_one_line(text, what):
    """With how to write it."""
    with pytest.raises(InputError) as refused:
        moment_of(text)
    todo = "write it as 2026-05-03T12:00Z, or with +02:00"
    assert str(refused.value) == f"the time of the fix {what}; {todo}"


def test_jobs_of_another_tenant_say_nothing(before, tmp_path, winners):
    """Another tenant's fix, in the same log, is none of ours."""
    lines = []
    for number in range(-30, 40):
        at = NOON + timedelta(minutes=10 * number + 5)
        lines += job(f"a-{number}", at, "moderate", None)
        lines += job(f"b-{number}", at, "moderate", winners["moderate"], tenant="acme")
    path = tmp_path / "two.log"
    path.write_text("\n".join(lines))
    _, kinds = judged(before, str(path))
    assert kinds["moderate"].verdict == "not over"
    assert kinds["moderate"].counted == {"failed": 40}


@pytest.mark.parametrize(
    ("message", "named", "verdicts"),
    [
        (NO_MODELS, {"job_id": "x", "tenant_id": "brennan"}, ("inconclusive",) * 3),
        ("Error code: 401", {"job_id": "x", "tenant_id": "brennan"}, ("inconclusive",) * 3),
        ("Error code: 401", {"tenant_id": "brennan", "complexity": "simple"}, ("not over",)),
        (NO_MODELS, {"tenant_id": "brennan", "complexity": "simple"}, ("not over",)),
        (NO_MODELS, {"job_id": "x", "complexity": "simple"}, ("inconclusive",)),
        (NO_MODELS, {}, ("inconclusive",) * 3),
        (NO_MODELS, {"job_id": "x", "tenant_id": "acme"}, ()),
        ("Error code: 401", {}, ()),
    ],
)
def test_one_failure_after_the_fix_counts_whatever_it_does_not_name(
    before, written, message, named, verdicts
):
    """Its kind, its job or its tenant; one of the same line before the fix does not matter."""
    path = Path(written())
    lines = path.read_text().splitlines()
    for at, expected in ((NOON + timedelta(hours=4), verdicts), (NOON - timedelta(hours=4), ())):
        failed = record(at, f"Structured generation failed: {message}", "ERROR", **named)
        path.write_text("".join(f"{x}\n" for x in sorted([*lines, failed], key=_time_of)))
        _, kinds = judged(before, str(path))
        found = [kinds[kind].verdict for kind in CURED]
        assert found == [*expected, *["over"] * (3 - len(expected))]
        assert {kinds[kind].jobs_before for kind in CURED} == {30}


def _time_of(line):
    return json.loads(line)["timestamp"]


def test_any_of_several_new_keys_is_the_fix(before, tmp_path):
    """A tenant without keys may add any of those that are named; another winner is not by it."""
    diagnosis = atomlab.diagnose(before, "knoll", [atomlab.Request("moderate")])
    manager = diagnosis.platform.manager()
    winners = {}
    for provider in ("moonshot", "openai"):
        states = {**diagnosis.rows, manager.key_name(provider): "present"}
        clients = manager.lookups_of(states).clients
        ranking = rank(
            diagnosis.platform, clients, atomlab.Request("moderate"), diagnosis.tenant.plan_type
        )
        winners[provider] = ranking.winner.model
    assert "moonshot" in diagnosis.keys_that_serve
    assert "openai" not in diagnosis.keys_that_serve
    verdicts = {}
    for provider, model in winners.items():
        lines = []
        for number in range(-12, 12):
            at = NOON + timedelta(minutes=10 * number + 5)
            lines += job(f"j{number}", at, "moderate", model if number >= 0 else None, "knoll")
        path = tmp_path / f"{provider}.log"
        path.write_text("\n".join(lines) + "\n")
        verdicts[provider] = judged(before, str(path), tenant="knoll")[1]["moderate"].verdict
    assert verdicts == {"moonshot": "over", "openai": "inconclusive"}


def test_where_a_fallback_answers_only_the_ranking_line_shows_success(captured, tmp_path):
    """At INFO the line of the failure is not there, and the fallback's generation looks alike."""
    env = {"MINIMAX_API_KEY": next(iter(MANY.values()))}
    snapshot = captured({"acme": {}}, rules="open-source-2026-05", env=env)
    failed = f"BPC ranking failed, falling back to static mapping: {NO_MODELS}"
    chosen = "BPC Ranking Successful for advanced: Top model {} (Value: 8.10)"
    answered = "Structured generation (free, Managed): {}"
    verdicts = {}
    for template in (chosen, answered):
        lines, model = [], "minimax/MiniMax-M2.5"
        for number in range(-9, 9):
            about = {"tenant_id": "acme", "job_id": f"j{number}", "complexity": "advanced"}
            at = NOON + timedelta(minutes=10 * number + 5)
            said = failed if number < 0 else template.format(model)
            level = "DEBUG" if number < 0 else "INFO"
            lines.append(record(at, said, level, **about))
            lines.append(record(at, "Ingested 12 nodes, 7 edges for ws w-1", **about))
        path = tmp_path / "worker.log"
        path.write_text("\n".join(lines) + "\n")
        found = judged(snapshot, str(path), tenant="acme")[1]["advanced"]
        verdicts[template] = found.verdict
    assert verdicts == {chosen: "over", answered: "inconclusive"}
