"""Why: from an error line to cause, proof and fix; what the line does not say is asked for."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import datetime, timedelta

import pytest

import atomlab
from atomlab.diagnosis.why import Asked, Why, explain_log
from atomlab.errors import InputError, TenantError
from atomlab.evidence.inputs.worker_log import read_log
from tests.conftest import ROOT

SNAPSHOTS = ROOT / "data" / "snapshots"
BEFORE, AFTER = (str(SNAPSHOTS / f"brennan-2026-05-0{day}.sqlite") for day in (2, 3))
TENANT = "31c06fc4-db22-4740-83ea-48ac14f25810"
NO_MODELS = "No models available from dynamic pricing"
ERROR = f"2026-05-02T08:15:00Z ERROR core.worker: Structured generation failed: {NO_MODELS}"
FIX = "Set MINIMAX_API_KEY to the value of MINIMAX_2_7_API_KEY."


def explain(*lines: str, snapshot: str | None = BEFORE, **options: str | None) -> Why | Asked:
    return explain_log(read_log(["\n".join(lines).encode()], timeless=True), snapshot, **options)


@pytest.mark.parametrize(
    "named",
    [
        *("tenant_id=brennan", f"tenant_id={TENANT}", f"workspace_id={TENANT}", f"({TENANT})"),
        *("for tenant brennan", "for tenant 'brennan'"),
    ],
)
@pytest.mark.parametrize("kind", ["simple", "moderate", "complex"])
def test_the_line_names_tenant_and_kind(named, kind):
    """By id, subdomain or workspace; the incident's fix cures these kinds, not advanced ones."""
    found = explain(f"{ERROR} {named} complexity={kind}")
    assert isinstance(found, Why)
    said = dict(found.lines())
    assert (found.status, found.kinds) == ("affected", (kind,))
    assert said[""] == f"Brennan Machinery: {kind} requests fail"
    assert said["fix"].startswith(FIX)
    assert "Advanced requests stay broken" in said["stays broken"]
    assert said["report"].endswith(f"{BEFORE} --tenant brennan")
    assert said["snapshot"].endswith("15 min before the line")


def test_all_four_kinds_are_answered_where_the_line_names_none():
    """In at most ten lines, each of a label of its own; the line is cited with its hash."""
    found = explain(f"{ERROR} tenant_id=brennan")
    assert isinstance(found, Why)
    lines = [*found.lines()]
    assert len(found.kinds) == 4
    assert len(lines) == len({label for label, _ in lines}) <= 10
    assert lines[0][1] == "Brennan Machinery: every request fails"
    assert found.line.sha256[:16] in dict(lines)["line"]


def test_an_advanced_request_is_told_of_the_fix_that_cures_it():
    """The documented fix would not; a key that serves every kind leaves nothing."""
    found = explain(f"{ERROR} tenant_id=brennan complexity=advanced")
    assert isinstance(found, Why)
    said = dict(found.lines())
    assert said["fix"].startswith("Add a new key for any of: ")
    assert said["stays broken"].startswith("Nothing")


@pytest.mark.parametrize(
    ("lines", "options", "asked", "sentence"),
    [
        ([ERROR], {}, ("tenant",), "the line does not name the tenant: give --tenant"),
        (
            [f"{ERROR} tenant_id={who}" for who in ("brennan", "fjord")],
            {},
            ("tenant",),
            "the log has failures of 2 tenants (brennan, fjord): give --tenant",
        ),
        (
            [f"{ERROR} workspace_id=ws-77"],
            {},
            ("tenant",),
            "ws-77 in the line is no tenant of the snapshot: give --tenant",
        ),
        (
            [f"{ERROR} tenant_id=brennan"],
            {"snapshot": None},
            ("snapshot",),
            "no snapshot was given: give --snapshot, or set ATOMLAB_SNAPSHOTS",
        ),
        (
            [f"{ERROR.replace(NO_MODELS, 'Error code: 401 - no')} tenant_id=brennan"],
            {},
            (),
            "the line given (auth-error) is of another failure: a provider refuses the key, which"
            " is there and dead: its owner must replace it",
        ),
    ],
)
def test_what_the_line_does_not_say_is_asked_for(lines, options, asked, sentence):
    """By the name of the option; nothing is guessed."""
    found = explain(*lines, **options)
    assert isinstance(found, Asked)
    assert (found.options, found.status) == (asked, "undecided")
    assert found.sentence.replace(" line 1", "").replace("stdin", "the line given") == sentence
    assert json.dumps(found.to_json())


def test_options_go_before_what_lines_say():
    """A tenant and a kind that are given; of another tenant's lines none is explained."""
    found = explain(ERROR, tenant="brennan", complexity="simple")
    assert isinstance(found, Why)
    assert found.kinds == ("simple",)
    lines = [f"{ERROR} tenant_id={who}" for who in ("brennan", "fjord", "brennan", "harbor")]
    chosen = explain(*lines, tenant="Brennan Machinery")
    assert isinstance(chosen, Why)
    assert (chosen.line.line, chosen.number) == (3, 2)
    with pytest.raises(InputError, match="no line is of a failure of northwind"):
        explain(*lines, tenant="northwind")
    with pytest.raises(TenantError, match="did you mean"):
        explain(f"{ERROR} tenant_id=brenan")


def test_one_tenant_may_go_by_several_names():
    """Lines name it by id and by subdomain: they are counted together, and the last is cited."""
    kinds = {"brennan": "simple", TENANT: "complex"}
    lines = [f"{ERROR} tenant_id={name} complexity={kind}" for name, kind in kinds.items()]
    found = explain(*lines)
    assert isinstance(found, Why)
    assert (found.number, found.kinds) == (2, ("simple", "complex"))


def test_a_tenant_is_known_from_other_lines_of_its_job():
    """And only from those: a tenant of another job says nothing."""
    names = "2026-05-02T08:14:00Z INFO core: [JOB_EVENT] j-1: started tenant_id=brennan"
    found = explain(names, f"{ERROR} job_id=j-1")
    assert isinstance(found, Why)
    assert found.summary.title.startswith("Brennan Machinery")
    assert isinstance(explain(names, f"{ERROR} job_id=j-2"), Asked)


def test_a_healthy_tenant_s_fault_is_not_in_the_snapshot():
    """After the fix a simple request finds a model, so the snapshot is the wrong one."""
    found = explain(f"{ERROR} tenant_id=brennan complexity=simple", snapshot=AFTER)
    assert isinstance(found, Why)
    said = dict(found.lines())
    assert found.status == "healthy"
    assert said["why"].startswith("this snapshot's tenant is healthy: the fault is not in it")
    assert "fix" not in said


@pytest.mark.parametrize(
    ("at", "chosen"),
    [
        ("2026-05-01T03:00:00Z", "brennan-2026-05-02"),
        ("2026-05-02T08:15:00Z", "brennan-2026-05-02"),
        ("2026-05-04T08:15:00Z", "brennan-2026-05-03"),
        ("", "brennan-2026-05-03"),
    ],
)
def test_of_a_folder_the_snapshot_nearest_to_the_line_is_taken(tmp_path, at, chosen):
    """The newest where the line has no time; not one without the tenant, nor another file."""
    for path in SNAPSHOTS.glob("*.sqlite"):
        shutil.copy(path, tmp_path)
    (tmp_path / "newest.sqlite").write_bytes(b"no snapshot")
    line = f"{at} ERROR core.worker: {NO_MODELS} tenant_id=brennan".strip()
    found = explain(line, snapshot=None, folder=str(tmp_path))
    assert isinstance(found, Why)
    assert found.snapshot == chosen


def test_lines_without_a_failure_and_folders_without_a_snapshot_are_refused(tmp_path):
    """One line each."""
    with pytest.raises(InputError, match="no line says that a request failed"):
        explain("2026-05-02T08:15:00Z INFO core.worker: No entities extracted.")
    for folder, said in (
        (tmp_path, "no snapshot in it holds brennan"),
        (tmp_path / "x", "no folder"),
    ):
        with pytest.raises(InputError, match=said):
            explain(f"{ERROR} tenant_id=brennan", snapshot=None, folder=str(folder))


def test_the_public_edition_s_error_is_quoted_as_it_is(make_database, prices, tmp_path):
    """Without a client it raises another error, and says so."""
    source, empty = make_database({"acme": {}}), tmp_path / "env"
    empty.write_text("PATH=/bin\n")
    options = {"pricing": prices, "env": empty, "rules": "open-source-2026-05"}
    atomlab.capture(str(source), tmp_path / "public.sqlite", **options).close()
    error = "No LLM providers available. Please configure BYOK keys."
    line = f"{ERROR.replace(NO_MODELS, error)} tenant_id=acme"
    found = explain(line, snapshot=str(tmp_path / "public.sqlite"))
    assert isinstance(found, Why)
    assert found.status == "affected"
    assert f'the worker stops with "{error}"' in dict(found.lines())["what"]


@pytest.mark.parametrize(
    ("minutes", "apart"),
    [
        *((0, "0 min before"), (0.4, "0 min after"), (-0.6, "1 min before"), (61, "61 min after")),
        *((119.4, "119 min after"), (120, "2 h after"), (-2879, "47 h before")),
        *((2880, "2 days after"), (-4319, "2 days before"), (60 * 24 * 30, "30 days after")),
    ],
)
def test_how_far_the_snapshot_is_from_the_line(before, minutes, apart):
    """In minutes below two hours, in hours below two days, else in days."""
    captured = datetime.fromisoformat(before.captured_at)
    at = (captured - timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
    found = explain(f"{at} {ERROR.partition(' ')[2]} tenant_id=brennan")
    assert isinstance(found, Why)
    assert dict(found.lines())["snapshot"].endswith(f", {apart} the line")


def test_a_line_is_cited_by_its_place_and_how_many_are_like_it(tmp_path):
    """With its file where it is of one, and with its time where it has one."""
    lines = [f"{ERROR} tenant_id=brennan"] * 2
    one, two = explain(lines[0]), explain(*lines)
    timeless = explain(f"ERROR:core.worker:{lines[0].partition('worker: ')[2]}")
    (tmp_path / "worker.log").write_text("\n".join(lines))
    filed = explain_log(read_log([tmp_path / "worker.log"]), BEFORE)
    cited = []
    for found in (one, two, timeless, filed):
        assert isinstance(found, Why)
        cited.append(dict(found.lines())["line"].partition(", sha256 "))
    at = ", 2026-05-02 08:15:00 UTC, generation-failed"
    digest = hashlib.sha256(lines[0].encode()).hexdigest()[:16]
    assert cited[0] == (f"the line given{at}", ", sha256 ", f"{digest}…")
    assert cited[1][2] == f"{digest}…; the last of 2 like it"
    assert cited[2][0] == "the line given, time not known, generation-failed"
    assert cited[3][0] == f"{tmp_path / 'worker.log'} line 2{at}"


def test_a_request_names_the_tenant_of_its_later_lines():
    """As a job does."""
    found = explain(
        "2026-05-02T08:14:00Z INFO core.worker: BPC Ranking Successful for simple: Top model a/b"
        " (Value: 8.10) tenant_id=brennan request_id=r-1",
        f"{ERROR} request_id=r-1",
    )
    assert isinstance(found, Why)
    assert found.summary.title == "Brennan Machinery: every request fails"
