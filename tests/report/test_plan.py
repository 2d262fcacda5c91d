"""What a command line asks for, checked before anything runs."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from atomlab.errors import InputError, SnapshotError, TenantError
from atomlab.evidence.schema import Tenant
from atomlab.report.notebooks import given_files, shipped_notebook
from atomlab.report.plan import Wanted, checked, folder_names, plan
from tests.conftest import ROOT
from tests.diagnosis.made import Made, capture_made
from tests.refusals import refused

SNAPSHOT = str(ROOT / "data" / "snapshots" / "brennan-2026-05-02.sqlite")
HYPOTHESIS = str(ROOT / "data" / "hypotheses" / "brennan-minimax.yaml")


def wanted(name, tenants=(), *, snapshot=SNAPSHOT, **given):
    """Return what is asked of a shipped notebook, or of one in a path, checked."""
    path = name if isinstance(name, Path) else shipped_notebook(name)
    options = {n: given.pop(n) for n in ("all_affected", "hypothesis", "managed") if n in given}
    return checked(Wanted(snapshot, path, Path("out"), tuple(tenants), parameters=given, **options))


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("tenant_triage", {}, "the notebook is about a tenant; add --tenant or --all-affected"),
        ("fleet_impact", {"tenants": ["a"]}, "declares no parameter tenant; leave it out"),
        ("fleet_impact", {"all_affected": True}, "declares no parameter tenant; leave it out"),
        (
            "tenant_triage",
            {"tenants": ["a"], "hypothesis": "x"},
            "declares no parameter hypothesis; leave it out",
        ),
        ("tenant_triage", {"tenants": ["a"], "all_affected": True}, "exclude each other"),
        ("tenant_triage", {"tenants": ["a"], "complexity": "hard"}, "cannot be 'hard'"),
        ("root_cause_verification", {"tenants": ["a"], "complexity": "hard"}, "'hard'"),
        ("fleet_impact", {"most": "many"}, "most is int, not 'many'"),
        ("fleet_impact", {"ai_mode": "managed"}, "ai_mode cannot be given here; use its own"),
    ],
)
def test_what_does_not_fit_the_notebook_is_refused(name, given, message):
    """Options and parameters are checked against what the notebook declares."""
    with refused(InputError, message):
        wanted(name, **given)


def test_a_file_is_meant_from_where_the_command_is_given(tmp_path, monkeypatch):
    """The notebook runs in its own folder; words and numbers stay what they are."""
    declared = "prices: str = 'p.json'  # a\nword: str = 'w'  # b\nlimit: int = 1  # c\n"
    declared += "kind: Literal['a.b', 'c'] = 'c'  # d"
    cell = new_code_cell(f"snapshot: str = ''  # s\n{declared}", metadata={"tags": ["parameters"]})
    for folder in ("mine", "here/data"):
        (tmp_path / folder).mkdir(parents=True)
    path = tmp_path / "mine" / "mine.ipynb"
    nbformat.write(new_notebook(cells=[cell]), path)
    monkeypatch.chdir(tmp_path / "here")
    for name in ("p.json", "data/p", "word", "1", "a.b"):
        Path(name).touch()

    def values(**given):
        return wanted(path, **given).parameters

    assert values(prices="p.json") == {"prices": str(tmp_path / "here" / "p.json")}
    assert values(prices="data/p") == {"prices": str(tmp_path / "here" / "data" / "p")}
    for kept in ("q.json", "word", "data", "0042", "", "a\0.b", str(path)):
        assert values(prices=kept) == {"prices": kept}
    assert values(kind="a.b") == {"kind": "a.b"}
    assert values(word="word", limit="1") == {"word": "word", "limit": 1}


def test_several_files_have_commas_between_them(tmp_path, monkeypatch):
    """Each is meant from where the command is given, and none is ever written over."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.log", "b.log"):
        Path(name).touch()
    given = wanted("confirmation", ["brennan"], log="a.log,b.log,none.log").parameters["log"]
    assert given == f"{tmp_path}/a.log,{tmp_path}/b.log,none.log"
    read = given_files(shipped_notebook("confirmation"), {"log": given})
    assert {tmp_path / "a.log", tmp_path / "b.log"} <= set(read)


@pytest.mark.parametrize("name", ["snapshot", "tenant", "hypothesis"])
def test_what_has_an_option_of_its_own_cannot_be_given_twice(name):
    """A parameter that an option sets is refused among the further ones."""
    asked = Wanted(
        SNAPSHOT,
        shipped_notebook("root_cause_verification"),
        Path(),
        ("a",),
        parameters={name: "x"},
    )
    with refused(InputError, f"parameter {name} cannot be given here"):
        checked(asked)


def test_a_tenant_named_twice_has_one_report():
    """By subdomain, id or name it is the same tenant, and its parameters carry the id."""
    id_ = "31c06fc4-db22-4740-83ea-48ac14f25810"
    (task,) = plan(wanted("root_cause_verification", ["brennan", id_], hypothesis=HYPOTHESIS))
    assert task.parameters == {"snapshot": SNAPSHOT, "tenant": id_, "hypothesis": HYPOTHESIS}
    assert (task.subject, task.name) == ("brennan", "Brennan Machinery")
    assert task.folder == Path("out")


def test_without_a_hypothesis_none_is_tested():
    """The notebook's own default hypothesis is not taken for the user's."""
    (task,) = plan(wanted("root_cause_verification", ["brennan"]))
    assert task.parameters["hypothesis"] == ""


def test_several_tenants_have_a_folder_each():
    """They lie below the folder that was asked for, in the order given."""
    tasks = plan(wanted("tenant_triage", ["northwind", "brennan"], complexity="simple"))
    assert [task.folder for task in tasks] == [Path("out/northwind"), Path("out/brennan")]
    assert {task.parameters["complexity"] for task in tasks} == {"simple"}


def test_all_affected_are_those_of_the_given_request(before):
    """With a complexity only tenants that fail for it; a single one has a folder of its own too."""
    every = plan(wanted("tenant_triage", all_affected=True))
    simple = plan(wanted("tenant_triage", all_affected=True, complexity="simple"))
    assert {t.subject for t in simple} < {t.subject for t in every}
    assert "quarry" in {t.subject for t in every} - {t.subject for t in simple}
    assert all(task.folder.parent == Path("out") for task in every)


def test_a_notebook_about_no_tenant_is_one_report():
    """The fleet's report is named after the snapshot."""
    asked = wanted("fleet_impact")
    (task,) = plan(asked)
    assert asked.single
    assert (task.subject, task.folder) == ("brennan-2026-05-02", Path("out"))
    assert task.parameters == {"snapshot": SNAPSHOT}


@pytest.mark.parametrize(
    ("managed", "given"), [(None, {}), (True, {"ai_mode": "managed"}), (False, {"ai_mode": "byok"})]
)
def test_what_requests_are_to_be_reaches_the_notebook(managed, given, notebook):
    """Managed or BYOK, and nothing where nobody said so; a notebook without it refuses it."""
    for name, tenants in (("fleet_impact", []), ("tenant_triage", ["brennan"])):
        (task,) = plan(wanted(name, tenants, managed=managed))
        assert {n: v for n, v in task.parameters.items() if n == "ai_mode"} == given
    mine = notebook("1", "snapshot: str = ''  # it")
    if managed is None:
        wanted(mine)
    else:
        with refused(InputError, "declares no parameter ai_mode; leave it out"):
            wanted(mine, managed=managed)


def test_claims_about_another_tenant_are_refused(template):
    """Both are named, whichever of several it is; claims about nobody fit all of them."""
    asked = ("root_cause_verification", ["brennan", "fjord"])
    with pytest.raises(InputError, match=r"brennan.*fjord"):
        plan(wanted(*asked, hypothesis=HYPOTHESIS))
    assert len(plan(wanted(*asked, hypothesis=str(template)))) == 2


def test_what_cannot_be_read_is_refused(tmp_path):
    """A snapshot, a tenant or a hypothesis, each with its own error."""
    with pytest.raises(SnapshotError):
        plan(wanted("fleet_impact", snapshot=str(tmp_path / "none.sqlite")))
    with refused(TenantError, "no tenant 'brenan'"):
        plan(wanted("tenant_triage", ["brennan", "brenan"]))
    with pytest.raises(InputError):
        plan(wanted("root_cause_verification", ["brennan"], hypothesis=str(tmp_path / "no.yaml")))


def test_folder_names_are_plain_and_all_different():
    """Whatever ids and subdomains hold: no separator, no dot in front, no name twice."""
    wild = [
        "brennan",
        "Brennan",
        "../../etc",
        "..",
        "",
        "a/b",
        "a b",
        "index.html",
        "index.csv",
        "x" * 300,
    ]
    wild += ["\u202egnp.exe", "NUL\x00", "{{7*7}}", "ünïcode", ".hidden", "-rf"]
    tenants = [Tenant(id=f"id-{n}", name="n", subdomain=name) for n, name in enumerate(wild)]
    names = folder_names(tenants)
    assert len({name.lower() for name in names}) == len(wild)
    for name in names:
        assert Path(name).name == name
        assert name.isascii()
        assert not name.startswith((".", "-"))
        assert len(name) < 100
        assert name.lower() not in ("index.html", "index.csv")
    assert folder_names([Tenant(id="i", name="n", subdomain="brennan")]) == ["brennan"]


@pytest.mark.parametrize(
    ("subdomains", "kept"),
    [
        pytest.param(["acme", "beta"], [True, True], id="different"),
        pytest.param(["Acme", "BETA"], [True, True], id="capitals-alone"),
        pytest.param(["acme", "Acme"], [False, False], id="one-but-for-case"),
        pytest.param(["ACME", "x", "acme", "aCmE"], [False, True, False, False], id="three"),
        pytest.param(["acme", "acme"], [False, False], id="one"),
        pytest.param(["a-b", "a b"], [False, False], id="one-when-made-plain"),
        pytest.param(["a-b", "A/B"], [False, False], id="one-but-for-case-when-made-plain"),
        pytest.param(["index.html", "INDEX.html", "index"], [False, False, True], id="the-index"),
        pytest.param(["Index.HTML"], [False], id="the-index-in-capitals"),
        pytest.param(["index.csv"], [False], id="the-index-as-csv"),
        pytest.param(["SHA256SUMS", "acme"], [False, True], id="the-record"),
    ],
)
def test_folders_differ_by_more_than_case(subdomains, kept):
    """Where a file system ignores case, two tenants would share a folder: these get a hash each.

    A name that no other is like stays, its capitals too.
    """
    tenants = [Tenant(id=f"id-{n}", name="n", subdomain=s) for n, s in enumerate(subdomains)]
    names = folder_names(tenants)
    taken = {"index.html", "index.csv", "sha256sums"}
    assert len({name.casefold() for name in names} | taken) == len(names) + 3
    assert [name == tenant for name, tenant in zip(names, subdomains, strict=True)] == kept


def test_a_tenant_without_a_name_has_one_in_the_list(tmp_path):
    """A link without a word leads nowhere."""
    capture_made(tmp_path, {"": Made()}).close()
    (task,) = plan(wanted("tenant_triage", ["id-"], snapshot=str(tmp_path / "made.sqlite")))
    assert task.name == "id-"
