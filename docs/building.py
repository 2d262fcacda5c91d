"""What the site has that no page holds: outputs, help texts, the API, notebooks, `llms.txt`.

The pages are Markdown that reads well where it lies. On the site

    ```{run} error fix                 is run, and shows what it prints, of which only the lines
                                       that begin so if any are named
    ```{include} ../data/README.md     becomes the text of that file
    <!-- every command's help -->      becomes the help texts
    <!-- every public name -->         becomes the docstrings of `atomlab.__all__`

and a link to a notebook or the example postmortem leads to what atomlab makes of it.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import atomlab
from docs.examples import ROOT, furnished, run
from tests.manual import CALLS

RUN = re.compile(r"^```\{run\}(?P<shown>[^\n]*)\n(?P<lines>.*?)^```$", re.M | re.S)
_INCLUDE = re.compile(r"^```\{include\} (?P<path>\S+)\n```$", re.M)
_MADE = re.compile(r"\[([^\]]+)\]\((?:\.\./)?(?:[a-z]+/)*([a-z_]+)\.(?:ipynb|md)\)")
_MOVED = re.compile(r"\]\(\.\./(data|notebooks)/README\.md")

EXAMPLE = "data/snapshots/brennan-2026-05-02.sqlite"
CLAIMS = "--hypothesis data/hypotheses/brennan-minimax.yaml"
# What is linked as a page of its own, and the command that makes it, but for `--out`.
GOOD = "data/snapshots/brennan-2026-05-03.sqlite"
LOGS = "data/logs/brennan-before-fix.log,data/logs/brennan-after-fix.log"
DOCUMENTS = {
    "root_cause_verification": f"report {EXAMPLE} --tenant brennan {CLAIMS}",
    "tenant_triage": f"report {EXAMPLE} --tenant brennan",
    "fleet_impact": f"report {EXAMPLE} --notebook fleet_impact",
    "confirmation": f"report {EXAMPLE} --notebook confirmation --tenant brennan -p log={LOGS}",
    "fix_comparison": f"report {EXAMPLE} --notebook fix_comparison --tenant brennan",
    "what_changed": f"report {EXAMPLE} --notebook what_changed --tenant brennan -p good={GOOD}",
    "postmortem": "postmortem data/postmortem/postmortem.md --format html",
}
# The rooms of the package in the order of the flow of data, and what their names are for.
ROOMS = {
    "evidence": "Evidence",
    "capturing": "Capturing",
    "byok": "The decision",
    "diagnosis": "Diagnosis",
    "fleet": "All tenants of a snapshot",
    "show": "In a notebook",
    "errors": "Errors",
}

# What is not ours to document: methods of these classes, and what SQLAlchemy puts into a table's.
FOREIGN = ":inherited-members: object, BaseException\n   :exclude-members: metadata, registry"


def setup(app: Any) -> dict[str, bool]:
    """Connect what is made here with Sphinx's steps."""
    for logger in ("atomlab", "papermill"):  # Sphinx would show what they log
        logging.getLogger(logger).setLevel(logging.ERROR)

    def read(_app: Any, _page: str, source: list[str]) -> None:
        with furnished():
            source[0] = as_read(source[0])

    def finish(built: Any, error: Exception | None) -> None:
        if error is None:
            with furnished():
                _write_documents(Path(built.outdir))
            index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
            Path(built.outdir, "llms.txt").write_text(llms(index), encoding="utf-8")

    app.connect("source-read", read)
    app.connect("build-finished", finish)
    app.connect("autodoc-process-signature", _signature)
    return {"parallel_read_safe": False, "parallel_write_safe": True}


def as_read(text: str) -> str:
    """Return a page's text as the site has it."""
    text = _INCLUDE.sub(lambda found: _included(found["path"]), text)
    text = text.replace("<!-- every command's help -->", "\n".join(_helps()))
    text = text.replace("<!-- every public name -->", "\n".join(_names()))
    text = RUN.sub(lambda found: _outputs(found["lines"], found["shown"].split()), text)
    return _MOVED.sub(r"](\1.md", _MADE.sub(_document, text))


def llms(index: str) -> str:
    """Return `llms.txt`: the title, the summary and the lists of the start page."""
    lines = re.sub(r"^```.*?^```$", "", index, flags=re.M | re.S).split("\n\n")
    kept = [text.strip() for text in lines if text.strip().startswith(("# ", "> ", "## ", "- "))]
    return re.sub(r"\.md\)", ".html)", "\n\n".join(kept) + "\n")


def _included(path: str) -> str:
    text = (ROOT / "docs" / path).read_text(encoding="utf-8")
    return text.partition("\n")[2]  # the page that includes it has a title


def _document(link: re.Match[str]) -> str:
    text, name = link.groups()
    return f'<a href="made/{name}.html">{text}</a>' if name in DOCUMENTS else link[0]


def _helps() -> Iterator[str]:
    for name in CALLS:
        _, text = run(f"{name} --help")
        yield f"## {name}\n\n```text\n{text.strip()}\n```\n"


def _names() -> Iterator[str]:
    for room, title in ROOMS.items():
        homes = {
            n: home for n, home in atomlab._HOMES.items() if home.split(".")[1].startswith(room)
        }
        yield f"## {title}\n"
        for name, home in homes.items():
            title = f"### atomlab.{name}\n\n" if home.endswith(":") else ""
            yield f"{title}```{{eval-rst}}\n{_directive(name, home)}\n```\n"


def _directive(name: str, home: str) -> str:
    value = getattr(atomlab, name)
    if home.endswith(":"):
        return f".. automodule:: {value.__name__}\n   :members:"
    if isinstance(value, type):
        return f".. autoclass:: atomlab.{name}\n   :members:\n   {FOREIGN}"
    if isinstance(value, tuple):
        lines = [f"   - `{each.__name__}`: {each.__doc__.splitlines()[0]}" for each in value]
        listed = "\n".join(["   The platform's filters, in its order.\n", *lines])
        return f".. data:: atomlab.{name}\n\n{listed}"
    return f".. autofunction:: atomlab.{name}"


def _signature(*found: Any) -> tuple[str, str | None] | None:
    """Return a class's signature without its private fields, None if it has none."""
    signature, returned = found[5:]
    public, comma, _ = (signature or "").partition(", _")
    return (f"{public})", returned) if comma else None


def _outputs(lines: str, shown: list[str]) -> str:
    """Return the block with what the commands print, or the paragraphs that begin so."""
    block, seen = [], set()
    for command in lines.splitlines():
        code, output = run(command)
        if code == 1:
            raise ValueError(f"{command}\n{output}")
        paragraphs = [p for p in re.split(r"^(?=\S)", output, flags=re.M) if p.strip()]
        kept = [p for p in paragraphs if not shown or p.split()[0] in shown]
        seen |= {p.split()[0] for p in kept}
        block += [f"$ {command}\n", *kept]
    if set(shown) - seen:
        raise ValueError(f"no line begins with {set(shown) - seen}; the last output:\n{output}")
    return "```console\n" + "".join(block) + "```"


def _write_documents(site: Path) -> None:
    """Make the reports and the postmortem, as anybody does, and put them into the site."""
    made = site / "made"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    for name, command in DOCUMENTS.items():
        out = f"built/{name}" if command.startswith("report") else f"built-{name}.html"
        code, output = run(f"atomlab {command} --out {out}")
        if code not in (0, 3):  # 3: the tenant is affected
            raise RuntimeError(f"atomlab {command}:\n{output}")
        page = Path(out)
        shutil.copy(page / "report.html" if page.is_dir() else page, made / f"{name}.html")
        for beside in ("fix.sql", "explore.html"):  # which the page links; all are of one tenant
            if (page / beside).exists():
                shutil.copy(page / beside, made)
