"""The demonstration in the terminal: the verdict, the answer, and what to try next."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from atomlab.show.argument import print_answer
from atomlab.show.palette import terminal_colour
from atomlab.show.terminal import console, print_line, print_text
from atomlab.text import count, joined, printable

if TYPE_CHECKING:
    from atomlab.diagnosis.findings import Summary
    from atomlab.diagnosis.verify import Verification


def print_demo(
    answer: Summary, tested: Verification, snapshot: Path, captured_at: str, *, reported: bool
) -> None:
    """Print what the incident is, the verdict on its claims, the answer, the next commands."""
    out = console()
    about = f"{answer.title}. The incident of {captured_at[:10]}."
    print_text(out, Text(printable(about, 300), "bold"))
    held = sum(claim.verdict == "confirmed" for claim in tested.claims)
    tried = count(len(tested.claims), "claim")
    verdict = Text(f"verdict: {tested.verdict}", f"bold {terminal_colour(tested.verdict)}")
    verdict.append(f"; {held} of {tried} of the incident document hold on that day", "not bold")
    print_text(out, verdict)
    out.print()
    print_answer(answer)
    out.print()
    looking = f"diagnose {shlex.quote(_short(snapshot))} --tenant {shlex.quote(tested.tenant)}"
    following = {
        "the evidence": looking,
        **({} if reported else {"the report": "demo --out brennan"}),
        "the notebooks": "lab",
        "a database of your own": "capture --help",
    }
    print_text(out, Text(f"Next, {joined(following)}:", "bold"))
    for command in following.values():
        print_line(out, f"  atomlab {printable(command, 4096)}")


def _short(path: Path) -> str:
    """Return a path as it is shortest to type from the current folder."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
