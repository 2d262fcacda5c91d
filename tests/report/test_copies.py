"""The user's own copies of the notebooks: about what was chosen, and never written to again."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from atomlab.errors import InputError, ReportError, SnapshotError, TenantError
from atomlab.report.copies import choose, copy_notebooks
from tests.conftest import ROOT
from tests.refusals import refused

SHIPPED = sorted((ROOT / "notebooks").glob("*.ipynb"))
MAIN = "root_cause_verification.ipynb"
BRENNAN = ROOT / "data" / "hypotheses" / "brennan-minimax.yaml"


def parameters(path):
    """Return what the parameters cell of a notebook sets, by running it."""
    cells = nbformat.read(path, as_version=4).cells
    (cell,) = [cell for cell in cells if "parameters" in cell.metadata.get("tags", ())]
    names = {}
    exec(cell.source, names)
    return {n: v for n, v in names.items() if n[:2] != "__" and isinstance(v, (str, int, float))}


@pytest.fixture
def copied(tmp_path):
    """Return a function that copies for a choice and gives the folder and what became of each."""

    def copy(snapshot=None, tenant=None, hypothesis=None):
        choice = choose(snapshot, tenant, hypothesis)
        folder = tmp_path / "mine" / choice.name
        return folder, copy_notebooks(folder, choice.parameters)

    return copy


def test_by_default_the_copies_are_about_the_shipped_example(copied):
    """Every notebook is copied, with the shipped values, its files found from anywhere."""
    folder, copies = copied()

    assert {path.name for path in SHIPPED} <= {copy.path.name for copy in copies}
    for path in SHIPPED:
        stated, shipped = parameters(folder / path.name), parameters(path)
        assert stated.keys() == shipped.keys()
        for name, value in shipped.items():
            if str(value).startswith("../"):
                for given, file in zip(stated[name].split(","), value.split(","), strict=True):
                    assert Path(given).is_absolute()
                    assert Path(given).samefile(path.parent / file)
            else:
                assert stated[name] == value


def test_what_was_chosen_stands_in_every_copy(copied, shipped, monkeypatch):
    """Snapshot, tenant and hypothesis are those given; without one there is not a hypothesis."""
    monkeypatch.chdir(ROOT / "data")
    snapshot = "snapshots/brennan-2026-05-03.sqlite"
    folder, copies = copied(snapshot, "0042")
    chosen = {"snapshot": str(shipped("brennan-2026-05-03")), "tenant": "0042", "hypothesis": ""}

    assert folder.name == "brennan-2026-05-03-0042"
    for path in SHIPPED:
        stated = parameters(folder / path.name)
        assert {n: stated[n] for n in chosen.keys() & stated.keys()} == {
            n: chosen[n] for n in chosen.keys() & stated.keys()
        }
    assert parameters(copied(snapshot, "brennan", str(BRENNAN))[0] / MAIN)["hypothesis"] == str(
        BRENNAN
    )
    assert all(copy.fresh and not copy.other for copy in copies)


def test_only_the_parameters_of_a_copy_differ(copied, shipped):
    """All other cells, their ids and the order of the parameters are as shipped."""
    folder, _ = copied(str(shipped("local-dev")))
    for path in SHIPPED:
        ours, theirs = (nbformat.read(p, as_version=4) for p in (folder / path.name, path))
        different = [
            mine.metadata.get("tags")
            for mine, other in zip(ours.cells, theirs.cells, strict=True)
            if mine != other
        ]
        assert different == [["parameters"]]
        assert ours.metadata == theirs.metadata


def test_what_the_user_made_of_a_copy_is_kept(copied):
    """A second run writes to nothing that is there, whatever it is, and adds what is missing."""
    folder, _ = copied()
    edited, missing = folder / MAIN, folder / "missing.ipynb"
    edited.write_text("not even a notebook {")
    (folder / "own.ipynb").write_text("{}")

    _, copies = copied()
    (kept,) = [copy for copy in copies if copy.path == edited]
    assert (kept.fresh, kept.other) == (False, {})
    assert edited.read_text() == "not even a notebook {"

    edited.unlink()
    edited.symlink_to(missing)
    copied()
    assert not missing.exists()

    edited.unlink()
    _, copies = copied()
    assert [copy.path for copy in copies if copy.fresh] == [edited]
    assert (folder / "own.ipynb").read_text() == "{}"


def test_a_kept_copy_that_says_otherwise_is_named(copied, shipped):
    """Where a kept copy's parameters are not those chosen, what it has is told."""
    folder, _ = copied(str(shipped("brennan-2026-05-02")))
    text = (folder / MAIN).read_text()
    (folder / MAIN).write_text(text.replace('\\"brennan\\"', '\\"kestrel\\"'))

    _, copies = copied(str(shipped("brennan-2026-05-02")))
    assert {copy.path.name: copy.other for copy in copies if copy.other} == {
        MAIN: {"tenant": "kestrel"}
    }


@pytest.mark.parametrize(
    "name",
    [
        "quo'te\"d",
        "a # b",
        "back\\slash \\u0041",
        "{{7*7}}",
        "Müller 🦊",
        "bidi \u202e name",
        "two\nlines",
        "<img src=x onerror=alert(1)>",
    ],
)
def test_any_file_name_is_written_as_it_is(copied, shipped, tmp_path, name):
    """The parameters cell is Python that gives exactly the path, and does nothing else."""
    path = tmp_path / f"{name}.sqlite"
    path.write_bytes(shipped("local-dev").read_bytes())

    folder, _ = copied(str(path))
    assert folder.name == name
    assert parameters(folder / MAIN)["snapshot"] == str(path)


@pytest.mark.parametrize(("name", "folder"), [(".a", "a"), ("..", "snapshot"), (".", "snapshot")])
def test_the_folder_lies_below_the_user_s_own(shipped, tmp_path, name, folder):
    """No file name makes it a hidden folder, or one outside."""
    path = tmp_path / f"{name}.sqlite"
    path.write_bytes(shipped("local-dev").read_bytes())
    assert choose(str(path), None, None).name == folder


def test_a_hostile_tenant_has_a_plain_folder_and_its_own_text(captured):
    """The folder's name is plain; the parameter is what was typed."""
    name = "../</script><img src=x onerror=alert(1)>\u202e"
    snapshot = captured({name: {"OPENAI_API_KEY": "k"}})
    choice = choose(str(snapshot.path), name, None)
    assert choice.parameters["tenant"] == name
    assert choice.name.startswith(f"{snapshot.name}-")
    assert not set(choice.name) & set("/\\<>\u202e")


def test_without_the_example_s_tenant_there_is_another(captured):
    """On any other database the notebooks start with its first tenant by id."""
    snapshot = captured({"zebra": {}, "acme": {}})
    assert choose(str(snapshot.path), None, None).parameters["tenant"] == "id-acme"
    assert choose(str(captured({}).path), None, None).parameters["tenant"] == "brennan"


def test_what_cannot_be_used_is_refused_before_anything_is_copied(shipped, tmp_path):
    """A missing snapshot, an unknown tenant, a hypothesis that is none: each is one line."""
    snapshot = str(shipped("brennan-2026-05-02"))
    with refused(SnapshotError, "no such snapshot", tmp_path / "gone.sqlite"):
        choose(str(tmp_path / "gone.sqlite"), None, None)
    with refused(TenantError, "no tenant 'brenan'") as caught:
        choose(snapshot, "brenan", None)
    assert "did you mean brennan" in str(caught.value)
    with refused(InputError, "no such file", tmp_path / "gone.yaml"):
        choose(snapshot, None, str(tmp_path / "gone.yaml"))


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    """A file where the folder should be is named, and stays."""
    (tmp_path / "file").write_text("mine")
    with refused(ReportError, "cannot be written", tmp_path / "file" / "x"):
        copy_notebooks(tmp_path / "file" / "x", {})
    assert (tmp_path / "file").read_text() == "mine"


def test_an_installed_atomlab_brings_the_example_along(tmp_path):
    """In a wheel every path that a notebook names by default leads to a file of the wheel."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    for path in SHIPPED:
        assert f"atomlab/notebooks/{path.name}" in names
        named = [each for value in parameters(path).values() for each in str(value).split(",")]
        wanted = [value for value in named if value.startswith("../")]
        assert {f"atomlab/{value[3:]}" for value in wanted} <= names


def test_a_snapshot_is_its_own_good_day_until_another_is_named(copied, shipped):
    """The shipped good day lacks its tenants: the notebook would stop at the first cell."""
    example = str(ROOT / "data" / "snapshots" / "brennan-2026-05-03.sqlite")
    own = str(Path(shipped("local-dev")).resolve())
    for chosen, good in ((own, own), (None, example)):
        folder, _ = copied(chosen)
        assert parameters(folder / "what_changed.ipynb")["good"] == good
