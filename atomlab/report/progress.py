"""Progress on stderr: which report is at which cell, and what came of those that ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from atomlab.report.planning import Task
from atomlab.text import printable


class Watch:
    """A bar for each report that is being made, and one for all of them if there are several."""

    def __init__(self, progress: Progress, reports: int | None) -> None:
        self._progress, self._bars = progress, dict[Path, TaskID]()
        self._all: TaskID | None = None
        if reports is not None:
            progress.start()
            self._all = progress.add_task("all reports", total=reports, unit="made")

    def cell(self, task: Task, place: int, cells: int) -> None:
        """Show that the task is at the cell at `place` of `cells`."""
        if task.folder not in self._bars:
            self._progress.start()
            told = printable(task.subject, 40)
            self._bars[task.folder] = self._progress.add_task(told, total=cells, unit="cells")
        self._progress.update(self._bars[task.folder], completed=place, total=cells)

    def ended(self, task: Task, result: str) -> None:
        """Show what came of the task: of one its bar stays, of several the line."""
        bar = self._bars.pop(task.folder, None)
        if self._all is None:
            if bar is not None:
                self._progress.update(bar, completed=self._progress.tasks[bar].total)
            return
        if bar is not None:
            self._progress.remove_task(bar)
        told = Text(f"{printable(task.subject, 40)}: {result}")
        self._progress.console.print(told, soft_wrap=True)
        self._progress.advance(self._all)


@contextmanager
def watching(reports: int | None = None) -> Iterator[Watch]:
    """Yield the watch over one report, or over a batch of so many.

    On a terminal the bars move; elsewhere they are shown as they are at the end.
    """
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeElapsedColumn(),
    )
    progress = Progress(*columns, console=Console(stderr=True))
    try:
        yield Watch(progress, reports)
    finally:
        if progress.tasks:  # else nothing was shown, and stopping would show an empty line
            progress.stop()
