"""The documentation: every command is in it, every link leads somewhere, every example is true."""

from __future__ import annotations

import contextlib
import gzip
import importlib.util
import io
import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import typer

from atomlab.cli import app, main
from tests.conftest import ROOT
from tests.manual import Manual, spelled, tables

DOCS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
PAGES = [*DOCS, ROOT / "notebooks" / "README.md", ROOT / "data" / "README.md"]
COMMANDS = Manual(ROOT / "docs" / "commands.md")
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
UNRUN = ("atomlab lab ", "--all-affected ", "make ", "export ")  # a server; slow; not atomlab


def each_page(pages: list[Path]) -> Any:
    names = [str(path.relative_to(ROOT)) for path in pages]
    return pytest.mark.parametrize("page", [*map(Manual, pages)], ids=names)


def commands(group: Any = None, path: str = "atomlab") -> Iterator[tuple[str, Any]]:
    """Give each command of the command line with its full name, groups left out."""
    for name, command in (group or typer.main.get_command(app)).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


CALLS = dict(commands())
each_command = pytest.mark.parametrize("name", CALLS)


def spellings(command: Any) -> dict[tuple[str, ...], Any]:
    """Return a command's parameters by all their spellings, arguments in capitals."""
    found = {}
    for p in command.params:
        named = [p.name.upper()] if p.param_type_name == "argument" else p.opts + p.secondary_opts
        found[tuple(sorted(named))] = p
    return found


def default(parameter: Any) -> str:
    """Return a parameter's default as the documentation writes it."""
    if parameter.required:
        return "required"
    if parameter.secondary_opts and parameter.default is not None:
        return (parameter.opts if parameter.default else parameter.secondary_opts)[0]
    return (
        "–" if parameter.default is None or parameter.default is False else str(parameter.default)
    )


def documented(name: str, head: str) -> list[list[Any]]:
    """Return the rows of a command's table whose first column is headed so."""
    found = list(tables(COMMANDS.sections()[name]))
    (rows,) = [rows for rows in found if rows[0][0].content == head]
    return rows[1:]


def test_every_command_has_its_section():
    """The sections of the reference are the commands, in the order of its list."""
    titles = [title for title in COMMANDS.sections() if title.startswith("atomlab ")]
    assert sorted(titles) == sorted(CALLS)
    listed = [row[0].children[1].content for row in next(tables(COMMANDS.tokens))[1:]]
    assert [f"atomlab {name}" for name in listed] == titles


@each_command
def test_every_argument_and_option_is_in_the_table(name):
    """All spellings of each, its default, its choices; and nothing that does not exist."""
    said = {tuple(sorted(spelled(row[0]))): row for row in documented(name, "argument or option")}
    real = spellings(CALLS[name])
    assert sorted(said) == sorted(real)

    hints = get_type_hints(CALLS[name].callback)
    for spelling, parameter in real.items():
        _, stated, meaning = said[spelling]
        assert stated.content.strip("`") == default(parameter)
        kinds = [hints[parameter.name], *get_args(hints[parameter.name])]
        choices = [c for kind in kinds if get_origin(kind) is Literal for c in get_args(kind)]
        assert set(choices) <= set(spelled(meaning))


@each_command
def test_the_usage_line_names_them_all(name):
    """The usage line begins a section and names every argument, every option, nothing else."""
    usage = next(t for t in COMMANDS.sections()[name] if t.type == "code_block").content
    real = spellings(CALLS[name])
    assert usage.startswith(f"{name} ")
    assert set(OPTION.findall(usage)) == {s for each in real for s in each if s.startswith("-")}
    for (argument, *_), parameter in real.items():
        if parameter.param_type_name == "argument":
            assert (f"[{argument}]" in usage) == (not parameter.required)
            assert argument in usage


@each_command
def test_its_exit_codes_are_named(name):
    """Each command says when it ends with 0, 1 and 2, and of the others when, if ever."""
    codes = [row[0].content for row in documented(name, "exit code")]
    assert codes[:3] == ["0", "1", "2"]
    assert set(codes[3:]) <= {"3", "4"}


@each_page(PAGES)
def test_every_link_leads_to_a_file_and_a_heading(page):
    """No relative link is dead, nor is its `#anchor`; a picture says what it shows."""
    for address, _ in page.links():
        file, _, anchor = address.partition("#")
        target = (page.path.parent / file) if file else page.path
        assert target.exists(), address
        assert not anchor or anchor in Manual(target).anchors(), address
    assert all(len(told) > 20 for _, told in page.pictures())


@each_page(PAGES)
def test_every_option_that_is_shown_exists(page):
    """Whatever is set as code and begins with `atomlab` names a command, and its options."""
    lines = [line for code in page.code() for line in code.replace("\n  ", " ").splitlines()]
    for line in lines:
        words = line.removeprefix("$ ").removeprefix(".venv/bin/")
        if not words.startswith("atomlab ") or words.startswith("atomlab COMMAND"):
            continue
        real = [name for name in CALLS if f"{words} ".startswith(f"{name} ")]
        allowed = {s for name in real for each in spellings(CALLS[name]) for s in each}
        if not real:
            root = typer.main.get_command(app)
            allowed = {s for each in spellings(root) for s in each}
            assert words.split()[1] in {*allowed, "--help", "snapshot"}, line
        assert set(OPTION.findall(words.split(" > ")[0])) <= allowed | {"-h", "--help"}, line


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[int, str]]:
    """Return a function that runs an example, in a folder with what the examples talk about.

    It gives the exit code and what a terminal shows, stdout and stderr in their order.
    """
    for name in ("data", "notebooks"):
        (tmp_path / name).symlink_to(ROOT / name)
    for path in (ROOT / "data" / "pricing").glob("*.gz"):
        (tmp_path / "ai_pricing_cache.json").write_bytes(gzip.decompress(path.read_bytes()))
    claims = ROOT / "data" / "hypotheses" / "brennan-minimax.yaml"
    (tmp_path / "mine.yaml").write_bytes(claims.read_bytes())
    build = importlib.util.spec_from_file_location("docs_build", ROOT / "data" / "build.py")
    module = importlib.util.module_from_spec(build)
    build.loader.exec_module(module)
    module.build_database(tmp_path / "production.db", module.TENANTS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATOM_DB", "production.db")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the kernels of reports

    def run(command: str) -> tuple[int, str]:
        words, _, target = command.partition(" > ")
        terminal, output = io.StringIO(), io.StringIO()
        monkeypatch.setattr(sys, "argv", shlex.split(words))
        with (
            contextlib.redirect_stderr(terminal),
            contextlib.redirect_stdout(output if target else terminal),
            pytest.raises(SystemExit) as stop,
        ):
            main()
        if target:
            Path(target).write_text(output.getvalue(), encoding="utf-8")
        return stop.value.code or 0, terminal.getvalue()

    return run


@each_page(DOCS)
def test_every_example_is_what_it_prints(page, shell):
    """A page's commands, run one after the other, print what is shown, `…` aside.

    What is quoted there is an answer in the findings that they have left.
    """
    code = 0
    for example in page.examples():
        if example.command == "echo $?":
            assert example.shown == (str(code),)
        elif not any(unrun in f"{example.command} " for unrun in UNRUN):
            assert example.command.startswith("atomlab "), example.command
            code, output = shell(example.command)
            assert example.matches(output), f"$ {example.command}\n{output}"
    answers = {json.loads(path.read_text())["answer"] for path in Path().glob("*/findings.json")}
    assert set(page.quotations()) <= answers
