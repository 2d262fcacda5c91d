"""The documentation: every command is in it, every link leads somewhere, every example is true."""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import typer

import atomlab
from atomlab.cli import app
from atomlab.verdicts import CAUSES
from docs.building import RUN, as_read, llms
from docs.examples import furnished, run
from tests.conftest import ROOT
from tests.manual import CALLS, Example, Manual, spelled, tables

DOCS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
PAGES = [*DOCS, ROOT / "notebooks" / "README.md", ROOT / "data" / "README.md"]
COMMANDS = Manual(ROOT / "docs" / "commands.md")
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
# A server; slow; not atomlab; a made million.
UNRUN = ("atomlab lab ", "--all-affected ", "make ", "export ", "made.db", " made.sqlite ")
WRITE = os.environ.get("DOCS") == "write"


def each_page(pages: list[Path]) -> Any:
    names = [str(path.relative_to(ROOT)) for path in pages]
    return pytest.mark.parametrize("page", [*map(Manual, pages)], ids=names)


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


def test_the_start_page_lists_every_page():
    """Each page stands once in its lists, of which `llms.txt` is made, and once in its contents."""
    start = Manual(ROOT / "docs" / "index.md")
    pages = sorted({path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"})
    assert sorted(address for address, _ in start.links() if address.endswith(".md")) == pages
    listed = [t.content.split("\n\n")[1].split() for t in start.tokens if t.type == "fence"]
    assert sorted(f"{name}.md" for names in listed for name in names) == pages
    made = llms(start.path.read_text(encoding="utf-8"))
    assert made.startswith("# atomlab\n\n> ")
    assert len(re.findall(r"^- \[[^]]+\]\([\w-]+\.html\): .+$", made, flags=re.M)) == len(pages)
    assert "```" not in made


def test_the_readme_is_short():
    """At most 120 lines: two commands, a picture, five words explained, four links to read on."""
    readme = Manual(ROOT / "README.md")
    assert len(readme.path.read_text(encoding="utf-8").splitlines()) <= 120
    assert len(readme.pictures()) == 1
    shown = [line for code in readme.code() for line in code.splitlines()]
    assert {line for line in shown if line.startswith("$ make ")} == {
        "$ make report",
        "$ make test",
    }
    (words,) = tables(readme.sections()["Five words"])
    named = [row[0].children[2].content for row in words[1:]]
    assert named == ["affected", "confirmed", "placebo", "fix set", "edition"]
    lists = [token.type for token in readme.sections()["Read on"]]
    assert lists.count("list_item_open") == 4


def test_every_public_name_is_in_the_reference():
    """The API page documents each name of `atomlab.__all__`, and no other, once."""
    text = as_read((ROOT / "docs" / "api.md").read_text(encoding="utf-8"))
    named = re.findall(r"^\.\. \w+:: (atomlab\S+)$", text, flags=re.M)
    real = [getattr(atomlab, name) for name in atomlab.__all__]
    modules = [value.__name__ for value in real if isinstance(value, ModuleType)]
    others = [n for n in atomlab.__all__ if not isinstance(getattr(atomlab, n), ModuleType)]
    assert sorted(named) == sorted([*modules, *(f"atomlab.{name}" for name in others)])


def test_the_help_of_every_command_is_shown():
    """The page of help texts has each command's, as the command prints it."""
    text = as_read((ROOT / "docs" / "help.md").read_text(encoding="utf-8"))
    assert re.findall(r"^## (.+)$", text, flags=re.M) == list(CALLS)
    assert [*re.findall(r"^Usage: (atomlab[a-z -]*[a-z])", text, flags=re.M)] == list(CALLS)


def test_every_cause_code_has_its_section():
    """Each code has an example, which, run, gives a confirmed cause of this code, and a fix."""
    parts = re.split(r"^### (.+)$", (ROOT / "docs" / "causes.md").read_text(), flags=re.M)[1:]
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    assert sorted(sections) == sorted(CAUSES)
    with furnished():
        for code, text in sections.items():
            (command,) = re.findall(r"^atomlab .+$", text, flags=re.M)
            (decided,) = printed(command)["diagnoses"]
            found = {cause["code"]: cause["verdict"] for cause in decided["causes"]}
            assert found[code] == "confirmed", command
            assert "**Fix:** " in text


def printed(command: str) -> Any:
    """Return the document that a command prints with `--json`."""
    run(f"{command} --json > printed.json")
    return json.loads(Path("printed.json").read_text())


FORMS = {
    "atomlab.diagnosis/1": (
        "diagnose data/snapshots/brennan-2026-05-02.sqlite --tenant brennan",
        "diagnose made/empty-cache.sqlite --tenant narrow",
    ),
    "atomlab.verification/1": (
        "verify data/snapshots/brennan-2026-05-02.sqlite data/hypotheses/brennan-minimax.yaml",
    ),
    "atomlab.why/1": (
        "why data/logs/brennan-before-fix.log --snapshot data/snapshots/brennan-2026-05-02.sqlite",
        "why 'No models available from dynamic pricing'",
    ),
    "atomlab.fleet/1": ("fleet data/snapshots/brennan-2026-05-02.sqlite",),
    "atomlab.replay/1": (
        "fleet data/snapshots/brennan-2026-05-02.sqlite --requests requests.csv --skip-bad"
        " --with-fix brennan",
        "fleet data/snapshots/brennan-2026-05-02.sqlite --requests requests.csv --skip-bad",
    ),
    "atomlab.compare/1": (
        "compare data/snapshots/brennan-2026-05-03.sqlite data/snapshots/brennan-2026-05-02.sqlite"
        " --tenant brennan",
        "compare data/snapshots/brennan-2026-05-03.sqlite data/snapshots/brennan-2026-05-02.sqlite",
    ),
    "atomlab.what-if/1": (
        "what-if data/snapshots/brennan-2026-05-02.sqlite --add-key openai",
        "what-if data/snapshots/brennan-2026-05-02.sqlite --tenant brennan"
        " --copy-key MINIMAX_API_KEY=MINIMAX_2_7_API_KEY",
    ),
    "atomlab.lint/1": ("lint data/snapshots/brennan-2026-05-02.sqlite",),
}


def fields(value: Any, path: str = "") -> Iterator[str]:
    """Give the path of each value in a document that is no object and no list of objects."""
    if isinstance(value, dict) and value:
        for name, below in value.items():
            yield from fields(below, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for below in value:
            yield from fields(below, f"{path}[]")
    else:
        yield path


@pytest.mark.parametrize("form", FORMS)
def test_every_field_of_a_document_is_named(form):
    """Each field of the JSON stands in the table of its form, and the table names no other."""
    (rows,) = tables(Manual(ROOT / "docs" / "json.md").sections()[form])
    below = {name: "…" in row[1].content for row in rows[1:] for name in spelled(row[0])}
    with furnished():
        documents = [printed(f"atomlab {command}") for command in FORMS[form]]
    real = {path for document in documents for path in fields(document)}

    def says(name: str, path: str) -> bool:
        return path == name or (below[name] and re.match(rf"{re.escape(name)}[.\[]", path))

    assert {document["schema"] for document in documents} == {form}
    assert [path for path in real if not any(says(name, path) for name in below)] == []
    assert [name for name in below if not any(says(name, path) for path in real)] == []


@pytest.mark.slow
@each_page([path for path in DOCS if RUN.search(path.read_text(encoding="utf-8"))])
def test_every_example_of_the_site_can_be_made(page):
    """What the site is to run runs, and prints the lines that are to be shown of it."""
    text = page.path.read_text(encoding="utf-8")
    commands = [line for found in RUN.finditer(text) for line in found["lines"].splitlines()]
    with furnished():
        made = as_read(text)
    assert re.findall(r"^\$ (.+)$", made, flags=re.M) == commands
    assert "{run}" not in made


@each_page(DOCS)
def test_every_example_is_what_it_prints(page):
    """A page's commands, run one after the other, print what is shown, `…` aside.

    What is quoted there is an answer in the findings that they have left. `DOCS=write` writes
    into the page what is printed now.
    """
    code, text = 0, page.path.read_text(encoding="utf-8")
    with furnished():
        for example in page.examples():
            if any(unrun in f"{example.command} " for unrun in UNRUN):
                continue
            if example.command == "echo $?":
                output = f"{code}\n"
            else:
                code, output = run(example.command)
            if WRITE and not example.matches(output):
                text = text.replace(example.text, example.renewed(output).text, 1)
            assert WRITE or example.matches(output), f"$ {example.command}\n{output}"
        found = [json.loads(path.read_text())["answer"] for path in Path().glob("*/findings.json")]
    for quotation in page.quotations() if page.path.name != "index.md" else ():
        if WRITE:
            text = text.replace(quotation, *difflib.get_close_matches(quotation, found, 1, 0))
        assert WRITE or quotation in found
    if WRITE:
        page.path.write_text(text, encoding="utf-8")


@each_page(DOCS)
def test_every_piece_of_python_runs(page):
    """What a page has as Python runs, on the incident; it may end as the platform does."""
    names = {
        "tenant": "brennan",
        "complexity": "",
        "snapshot": "data/snapshots/brennan-2026-05-02.sqlite",
    }
    for token in page.tokens:
        if token.type == "fence" and token.info == "python":
            with furnished(), contextlib.suppress(atomlab.NoModelsAvailableError):
                exec(token.content, {**names})


def test_an_example_is_renewed_where_it_differs():
    """What is printed now takes the place of what was shown; what was left out stays so."""
    shown = ("first line", "…", "cause     a, confirmed (role)", "fix …", "last")
    now = "first line\nmore\nmore\ncause     a: confirmed\nfix it now\nplacebo\nlast\n"
    renewed = Example("atomlab diagnose", shown).renewed(now)
    assert renewed.shown == ("first line", "…", "cause     a: confirmed", "fix …", "…", "last")
    assert renewed.matches(now)
    assert Example("x", ("as it is", "…")).renewed("as it is\nand on\n").shown == ("as it is", "…")
