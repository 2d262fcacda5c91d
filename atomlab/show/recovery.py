"""Whether it is over, on the terminal: each kind of request, what it rests on, the answer last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from atomlab.diagnosis.fixes import in_words
from atomlab.show.palette import terminal_colour
from atomlab.show.terminal import console, print_line, print_text
from atomlab.text import count, printable

if TYPE_CHECKING:
    from atomlab.diagnosis.confirm import FixCheck
    from atomlab.diagnosis.recovery import Recovery


def print_recovery(found: FixCheck) -> None:
    """Print what the log covers, each kind of request with its verdict, and the whole's."""
    out = console()
    for file in found.coverage.files:
        span = (
            f"{file.first:%Y-%m-%d %H:%M:%S} to {file.last:%Y-%m-%d %H:%M:%S} UTC"
            if (file.first and file.last)
            else "no times"
        )
        lines = f"{count(file.lines, 'line')}, lowest level {file.lowest_level or 'not named'}"
        print_line(out, f"log {printable(file.file, 400)}: {span}, {lines}", "dim")
    fix = printable(in_words(found.fix.edits, found.diagnosis), 400)
    print_line(out, f"fix at {found.fixed_at:%Y-%m-%d %H:%M:%S %Z}: {fix}")
    for each in found.recoveries:
        for line in _lines(each):
            print_text(out, line)
    whole = Text(f"{printable(found.diagnosis.tenant.name)}: ", "bold")
    colour = terminal_colour(found.verdict)
    print_text(out, whole.append(found.verdict, f"bold {colour}"))


def _lines(each: Recovery) -> list[Text]:
    """Return the verdict on a kind of request, what is missing, and the jobs that were counted."""
    head = Text(f"{each.complexity}: ", "bold").append(
        each.verdict, f"bold {terminal_colour(each.verdict)}"
    )
    lines = [head.append(f", {each.why}", "not bold")]
    if each.missing:
        lines.append(Text(f"  missing: {each.missing}"))
    before = f"before the fix {each.failed_before} of {count(each.jobs_before, 'job')} failed"
    after = ", ".join(f"{number} {ending}" for ending, number in sorted(each.counted.items()))
    left_out = f"; {each.between} around it left out" if each.between else ""
    lines.append(Text(f"  {before}; after it: {after or 'no job'}{left_out}", "dim"))
    for job in each.cited[:3]:
        numbers = ", ".join(str(line.line) for line in job.lines if line.file == job.lines[0].file)
        where = f"{printable(job.lines[0].file)}:{numbers}" if job.lines else "no line"
        lines.append(Text(f"  job {printable(job.id)} {job.ending}: {where}", "dim"))
    return lines
