"""Progress on stderr: which cell a report is at, or how many reports of a batch are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from atomlab.text import printable


@contextmanager
def showing_cells(subject: str) -> Iterator[Callable[[int, int], None]]:
    """Give what moves the bar of one report; it appears with the first cell."""
    bar = _progress("cells")
    task = bar.add_task(printable(subject, 40), total=None)

    def show(place: int, cells: int) -> None:
        bar.start()
        bar.update(task, completed=place, total=cells)

    try:
        yield show
        bar.update(task, completed=bar.tasks[task].total)
    finally:
        if bar.live.is_started:  # stopping what was not started would print an empty line
            bar.stop()


@contextmanager
def showing_batch(reports: int) -> Iterator[Callable[[], None]]:
    """Give what counts a report that has ended; where no bar can move, each tenth has a line."""
    with _progress("ended") as bar:
        task = bar.add_task("all reports", total=reports)

        def show() -> None:
            before = bar.tasks[task].completed
            bar.advance(task)
            ended = bar.tasks[task].completed
            tenth = ended * 10 // reports > before * 10 // reports
            if tenth and ended < reports and not bar.console.is_terminal:
                bar.console.print(f"{ended:.0f} of {reports} reports have ended", highlight=False)

        yield show


def _progress(unit: str) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
