"""A fleet's summary: numbers that are counted, in words that need no code of ours."""

from __future__ import annotations

from collections import Counter

import pytest

import atomlab
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.fleets.summary import EFFORTS
from atomlab.verdicts import CAUSES
from tests.diagnosis.made import KEY, Made, capture_made


@pytest.fixture(scope="module")
def alone(before):
    """Return each tenant's summary, as its own triage has it."""
    connection = before.session.connection()
    ids = [row[0] for row in connection.exec_driver_sql("SELECT id FROM tenants")]
    return [atomlab.triage(before, tenant).findings().summary for tenant in ids]


def test_the_numbers_are_those_of_the_tenants_one_by_one(before, alone):
    """Who fails, for what, why, and who is to act: as each tenant's own summary says it."""
    found = atomlab.survey(before).findings().summary
    failing = [each for each in alone if each.failing]
    whole = sum(each.failing == COMPLEXITIES for each in failing)
    assert found.title == f"{len(failing)} of {len(alone)} tenants: some requests fail"
    assert (found.status, found.certainty) == ("affected", "confirmed")
    assert f"of {whole} of them whatever the request" in found.what
    assert set(found.failing) == {kind for each in failing for kind in each.failing}
    assert set(found.mute) == {kind for each in alone for kind in each.mute}
    causes = Counter(each.cause.split(" (")[0].split(",")[0].split(" and ")[0] for each in failing)
    assert all(f"{cause} ({number} tenant" in found.why for cause, number in causes.items())
    assert f"the tenants themselves ({len(failing)} tenants)" in found.who
    assert (
        f"For {sum(bool(each.mute) for each in alone)} tenants some requests get" in found.warning
    )


def test_no_sentence_has_a_code(before):
    """Nor a name of a field; each ends as a sentence does."""
    found = atomlab.survey(before).findings().summary
    for text in (found.what, found.why, found.warning, found.proof, found.todo, found.left):
        assert text.endswith(".")
        assert not any(code in text for code in CAUSES if "-" in code)
    assert all(label in found.todo for label in list(EFFORTS.values())[:3])


def test_where_all_is_well_there_is_nothing_to_do(captured, real_prices):
    """Neither a cause nor a fix nor anything that it leaves."""
    snapshot = captured({"acme": {"MOONSHOT_API_KEY": "k"}}, pricing=real_prices)
    found = atomlab.survey(snapshot).findings().summary
    assert found.title == "1 tenant: every request finds a model"
    assert found.status == "healthy"
    rest = (found.warning, found.why, found.proof, found.todo, found.who, found.left)
    assert not any((*rest, found.certainty, found.failing, found.mute))


def test_nothing_is_concluded_without_the_environment(tmp_path):
    """The title says so, and what is missing is named."""
    made = {"acme": Made(rows={"OPENAI_API_KEY": KEY})}
    with capture_made(tmp_path, made, rules="open-source-2026-05") as snapshot:
        found = atomlab.survey(snapshot).findings().summary
    assert found.title == "1 tenant: it cannot be decided whether requests fail"
    assert found.status == "undecided"
    assert "environment" in found.what
    assert not any((found.why, found.proof, found.todo, found.who, found.left))
