"""The process: nothing of the current folder runs in it, and it ends with a line whenever told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from atomlab import process
from atomlab.__main__ import run
from tests.attacks import tries
from tests.conftest import ROOT
from tests.refusals import is_one_line

SLOW = pytest.mark.slow
# As the script that pip makes: what Python looks at first is the script's own folder.
SCRIPT = """import re
import sys
from atomlab.__main__ import run
if __name__ == "__main__":
    sys.exit(run())
"""
SNAPSHOT = ROOT / "data" / "snapshots" / "brennan-2026-05-02.sqlite"
HYPOTHESIS = ROOT / "data" / "hypotheses" / "brennan-minimax.yaml"
INCIDENT = ("report", SNAPSHOT, "--tenant", "brennan", "--hypothesis", HYPOTHESIS)
COMMANDS = {
    "help": ("--help",),
    "version": ("--version",),
    "show": ("snapshot", "show", SNAPSHOT),
    "diagnose": ("diagnose", SNAPSHOT, "--tenant", "brennan"),
    "fleet": ("fleet", SNAPSHOT, "--csv", "fleet.csv"),
    "replay": ("fleet", SNAPSHOT, "--requests", "gone.csv"),
    "verify": ("verify", SNAPSHOT, HYPOTHESIS),
    "lint": ("lint", SNAPSHOT),
    "fix": ("fix", SNAPSHOT, "--tenant", "brennan"),
    "report": INCIDENT,
    "batch": ("report", SNAPSHOT, "--tenant", "brennan", "--tenant", "nettle", "--jobs", "2"),
    "capture": ("capture", "gone.db", "--out", "made.sqlite"),
    "postmortem": ("postmortem", "gone.json"),
    "lab": ("lab", "--no-browser", "--port", "8970"),
}
OTHERS = """IPython atomlab click comm ipykernel ipykernel_launcher jinja2 matplotlib
    matplotlib_inline nbclient nbconvert nbformat nh3 numpy pandas papermill psutil pydantic rich
    sitecustomize sqlalchemy tornado traitlets typer usercustomize yaml zmq""".split()  # noqa: SIM905
# What `python -m` loads from the current folder before anything of atomlab: only -P keeps it out.
BEFORE = """__future__ _abc _collections _functools _operator atomlab collections contextlib
    functools importlib itertools keyword operator reprlib runpy types warnings""".split()  # noqa: SIM905


def hostile_files(ran: Path, without: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield name and content of what a folder of evidence may hold to run code, or be obeyed."""
    code = f"open({str(ran)!r}, 'a').write(__name__ + '\\n')\nraise SystemExit(__name__)\n"
    for name in sorted({*sys.stdlib_module_names, *OTHERS} - {*without}):
        yield f"{name}.py", code
    for name in ("pandas", "nbformat", "json", "atomlab"):
        if name not in without:
            yield f"{name}/__init__.py", code
    for name in ("ipython", "ipython_kernel", "jupyter", "jupyter_server", "jupyter_nbconvert"):
        yield f"{name}_config.py", code
        yield f"{name}_config.json", "{"
    for name in ("ipython_config.py", "ipython_kernel_config.py", "startup/00.py", "startup/0.ipy"):
        yield f".ipython/profile_default/{name}", code
        yield f"profile_default/{name}", code
    for place in ("", "share/jupyter/nbconvert/templates/base/", ".local/share/jupyter/nbconvert/"):
        for name in ("index.html.j2", "display_priority.j2", "null.j2"):
            yield f"{place}{name}", "HIJACKED"
    for place in ("", ".config/matplotlib/"):
        yield f"{place}matplotlibrc", "figure.facecolor: red\nsvg.fonttype: none\nno such key\n"
    yield ".env", "PYTHONSTARTUP=json.py\n"
    yield "kernels/python3/kernel.json", json.dumps({"argv": ["touch", str(ran)]})


@pytest.fixture
def hostile(tmp_path: Path):
    """Return a function that makes such a folder, and the file that names what ran in it."""

    def make(without: tuple[str, ...] = ()) -> tuple[Path, Path]:
        folder, ran = tmp_path / "evidence", tmp_path / "ran"
        for name, content in hostile_files(ran, without):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)
        return folder, ran

    return make


def start(
    folder: Path, arguments: tuple[object, ...], how: tuple[str, ...] = (), **env: str
) -> subprocess.Popen[str]:
    """Return the command as it runs in `folder`, started by pip's script if not said otherwise."""
    script = folder.parent / "bin" / "atomlab"
    script.parent.mkdir(exist_ok=True)
    script.write_text(SCRIPT)
    return subprocess.Popen(
        [sys.executable, *(how or [str(script)]), *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def pages(folder: Path) -> Mapping[str, str]:
    """Return the pages of the reports below a folder."""
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("report.html")}


@pytest.fixture(scope="module", params=["report", pytest.param("batch", marks=SLOW)])
def clean(request, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Mapping[str, str]]:
    """Return a command, and the pages that it made in a folder where nothing else is."""
    folder = tmp_path_factory.mktemp("clean") / "empty"
    folder.mkdir()
    with start(folder, (*COMMANDS[request.param], "--out", "out")) as command:
        _, err = command.communicate(timeout=120)
    assert command.returncode in (0, 3), err
    return request.param, pages(folder / "out")


# How Python is started, what its environment names, and which files are not in the folder.
WAYS = {
    "script": ((), {}, ()),
    "home": ((), {"HOME": ".", "IPYTHONDIR": ".ipython", "PYTHONSTARTUP": "json.py"}, ()),
    "matplotlib": (
        (),
        {"MATPLOTLIBRC": ".", "MPLCONFIGDIR": ".", "JUPYTER_PATH": "share/jupyter"},
        (),
    ),
    "jupyter": ((), {"JUPYTER_CONFIG_DIR": ".", "JUPYTER_DATA_DIR": "share/jupyter"}, ()),
    "-m": (("-m", "atomlab"), {}, tuple(BEFORE)),
    "-P -m": (("-P", "-m", "atomlab"), {}, ()),
    "PYTHONPATH": (
        (),
        {"PYTHONPATH": "."},
        (*sys.stdlib_module_names, "atomlab", "sitecustomize"),
    ),
}


@pytest.mark.attack("7 code and settings of a stranger's folder")
@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=() if way == "script" else SLOW) for way in WAYS]
)
def test_nothing_of_the_current_folder_runs_in_a_report(way, hostile, clean):
    """One report, and two at once, are what they are elsewhere, whatever lies where one stands."""
    how, named, without = WAYS[way]
    folder, ran = hostile(without)
    env = {name: str(folder / value) for name, value in named.items()}
    if "PYTHONPATH" in env:
        env["PYTHONPATH"] += f"{os.pathsep}{os.pathsep}{ROOT}"
    name, expected = clean
    with start(folder, (*COMMANDS[name], "--out", "../out"), how, **env) as command:
        _, err = command.communicate(timeout=120)
    assert command.returncode in (0, 3), err
    assert "no such key" not in err
    assert not ran.exists(), ran.read_text()
    found = pages(folder.parent / "out")
    assert found == expected
    assert found
    assert not [page for page in found.values() if "may import" in page]


OWN = """import helper, json, os, pandas
from atomlab.diagnosis.findings import MIME
assert pandas.DataFrame and open('data.txt').read() == 'beside'
assert os.environ.get('PYTHONSAFEPATH') is None
found = {'schema': 'atomlab.findings/1', 'verdict': 'confirmed', 'answer': helper.__file__}
display({MIME: found, 'text/plain': ''}, raw=True)
"""


@pytest.mark.parametrize("name", ["report", pytest.param("batch", marks=SLOW)])
def test_a_notebook_of_one_s_own_has_its_folder_and_the_page_says_so(tmp_path, name):
    """It reads and imports what lies beside it, wherever it is called; alone and in batches."""
    folder, elsewhere = tmp_path / "mine", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (elsewhere / "helper.py").write_text("raise SystemExit")
    (folder / "helper.py").write_text("")
    (folder / "data.txt").write_text("beside")
    declared = new_code_cell(
        "snapshot: str = ''  # s\ntenant: str = ''  # t", metadata={"tags": ["parameters"]}
    )
    nbformat.write(new_notebook(cells=[declared, new_code_cell(OWN)]), folder / "mine.ipynb")
    asked = ("--notebook", "../mine/mine.ipynb", "--out", "out")
    arguments = [a for a in COMMANDS[name] if a not in ("--hypothesis", HYPOTHESIS)]
    with start(elsewhere, (*arguments, *asked)) as command:
        _, err = command.communicate(timeout=120)
    assert command.returncode == 0, err
    made = pages(elsewhere / "out").values()
    assert made
    for text in made:
        assert str(folder / "helper.py") in text
        assert "it may import Python files of its own folder" in text
    assert {path.name for path in folder.rglob("*")} == {"data.txt", "helper.py", "mine.ipynb"}


def test_the_path_has_neither_the_current_folder_nor_what_could_stand_before(monkeypatch, tmp_path):
    """What PYTHONPATH names comes last; where atomlab and what is installed are stays in place."""
    python = [p for p in sys.path if p and Path(p) != ROOT and p != str(tmp_path)]
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), "/named", str(ROOT), *python])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["/named", str(ROOT), ""]))
    monkeypatch.chdir(tmp_path)
    assert process.safe_path() == [str(ROOT), *python, "/named"]
    monkeypatch.chdir(ROOT)
    assert process.safe_path() == [str(ROOT), str(tmp_path), str(ROOT), *python, "/named"]


# At each of these another part of Python or of atomlab loads.
MOMENTS_MS = (0, 5, 10, 20, 30, 40, 60, 80, 120, 160, 240, 320, 400)


def early_signals() -> Iterator[tuple[str, tuple[str, int, int]]]:
    """Yield name, and command, signal and moment, of each try to stop a command as it starts."""
    for name in COMMANDS:
        for number in (signal.SIGTERM, signal.SIGINT):
            for moment in MOMENTS_MS:
                yield f"{name} {number:d} {moment}", (name, number, moment)


def stopped(folder: Path, name: str, number: int, moment_ms: float) -> tuple[int, str, str]:
    """Return exit code, output and errors of a command that is told to end at a moment."""
    with start(folder, COMMANDS[name], TMPDIR=str(folder)) as command:
        time.sleep(moment_ms / 1000)
        command.send_signal(number)
        out, err = command.communicate(timeout=60)
    return command.returncode, out, err


@pytest.mark.attack("13 signals in the first moments")
def test_whenever_it_is_told_to_end_there_is_a_line(tmp_path):
    """From atomlab's first line on it is 130 and one line; before that, what Python does.

    That moment differs, so none of Python's own is a failure; but atomlab's is no such moment.
    """
    folder = tmp_path / "empty"
    folder.mkdir()
    lines = 0
    for told, (name, number, moment) in tries(early_signals(), 12):
        code, _, err = stopped(folder, name, number, moment)
        begun = "atomlab/cli/" in err or "process.py" in err
        if code in (0, 1, 3) or code == -number:
            assert not begun, (told, err)
        else:
            assert (code, is_one_line(err.removesuffix("\n"))) == (130, True), (told, err)
            late = "was asked to end before it was done" in err  # a report keeps what has run
            assert err == "atomlab: interrupted\n" or (name in ("report", "batch") and late), told
            lines += 1
    assert lines > 5
    assert list(folder.iterdir()) == []


@pytest.mark.attack("13 signals in the first moments")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("module", ["typer", "yaml", "sqlalchemy", "numpy", "atomlab.cli"])
def test_it_ends_in_the_middle_of_an_import(module, number, tmp_path):
    """Whatever is being loaded: an exception there could be taken for a missing module."""
    early = (
        "import sys, _signal\n"
        "class Early:\n"
        "    def find_spec(self, name, *_):\n"
        f"        name == {module!r} and _signal.raise_signal({number:d})\n"
        "sys.meta_path.insert(0, Early())\n"
        "from atomlab.__main__ import run\n"
        "run()\n"
    )
    how = ("-c", early)
    with start(tmp_path, COMMANDS["verify"], how) as command:
        out, err = command.communicate(timeout=60)
    assert (command.returncode, out, err) == (130, "", "atomlab: interrupted\n")


def small_memories() -> Iterator[tuple[str, tuple[str, int]]]:
    """Yield name, and command and limit in megabytes, of each try with too little memory."""
    for name in COMMANDS:
        most = 1023 if name in ("report", "batch", "lab") else 255
        for limit in (16, 20, 24, 32, 48, 64, 96, 128, 192, 255, 256, 400, 600, 800, 1023):
            if limit <= most:
                yield f"{name} {limit}", (name, limit)


def limited(folder: Path, name: str, megabytes: int) -> tuple[int, str, str]:
    """Return exit code, output and errors of a command that may have so much memory."""
    size = megabytes * process.MEGABYTE
    script = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({size}, {size}))\n{SCRIPT}"
    with start(folder, COMMANDS[name], ("-c", script)) as command:
        out, err = command.communicate(timeout=60)
    return command.returncode, out, err


@pytest.mark.attack("13 too little memory")
def test_where_memory_does_not_suffice_it_says_so_itself(tmp_path):
    """One line that names the limit, whatever is asked; no library's words, nothing begun."""
    for told, (name, megabytes) in tries(small_memories(), 9):
        code, out, err = limited(tmp_path, name, megabytes)
        assert (code, out) == (1, ""), told
        assert err.startswith(f"atomlab: not enough memory; the limit is {megabytes} MB;"), told
        assert is_one_line(err.removesuffix("\n")), told
    assert [path.name for path in tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("name", "megabytes"),
    [("verify", 256), ("show", 256), pytest.param("report", 1024, marks=SLOW)],
)
def test_what_is_asked_for_suffices(name, megabytes, tmp_path):
    """With the memory that the line names, a command does what it does with more."""
    code, _, err = limited(tmp_path, name, megabytes)
    assert code == 0, err
    assert "memory" not in err


def test_memory_that_ends_on_the_way_is_a_line_too(monkeypatch, capsys):
    """An allocation that fails in the middle of a command is no fault of atomlab's."""

    def fails():
        raise MemoryError

    monkeypatch.setattr("atomlab.cli.main", fails)
    monkeypatch.setattr("atomlab.process.start", lambda: None)
    with pytest.raises(SystemExit) as stop:
        run()
    assert stop.value.code == 1
    assert (
        capsys.readouterr().err == "atomlab: not enough memory; make more room, or ask for less\n"
    )
