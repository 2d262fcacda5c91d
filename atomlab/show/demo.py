"""The demonstration in the terminal: the verdict, the answer, and what to try next."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from atomlab.show.argument import print_answer
from atomlab.show.palette import terminal_colour
from atomlab.show.terminal import console, print_line, print_text
from atomlab.text import count, printable

if TYPE_CHECKING:
    from atomlab.diagnosis.findings import Summary
    from atomlab.diagnosis.verify import Verification


def print_demo(answer: Summary, tested: Verification, snapshot: Path, captured_at: str) -> None:
    """Print what the incident is, the verdict on its claims, the answer, the next commands."""
    out = console()
    about = f"{answer.title}. The incident of {captured_at[:10]}."
    print_text(out, Text(printable(about, 300), "bold"))
    held = sum(claim.verdict == "confirmed" for claim in tested.claims)
    tried = count(len(tested.claims), "claim")
    verdict = Text(f"{held} of {tried} of the incident document hold on the snapshot of that day.")
    print_text(out, verdict)
    colour = terminal_colour(tested.verdict)
    print_line(out, f"verdict: {tested.verdict}", f"bold {colour}")
    out.print()
    print_answer(answer)
    out.print()
    told = "Next: the evidence, the report, the notebooks, and a database of your own:"
    print_text(out, Text(told, "bold"))
    looking = f"diagnose {shlex.quote(_short(snapshot))} --tenant {shlex.quote(tested.tenant)}"
    for command in (looking, "demo --out brennan", "lab", "capture --help"):
        print_line(out, f"  atomlab {printable(command, 4096)}")


def _short(path: Path) -> str:
    """Return a path as it is shortest to type from the current folder."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
