"""A notebook's execution by papermill, which saves it as it goes and says which cell it is at."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError

from atomlab.errors import ReportError
from atomlab.report.files import PARTIAL, ReportFolder
from atomlab.report.kernel import last_words

KEPT_EVERY_S = 1.0
_TODO = "open that notebook and look"

# What papermill logs of a failure is in the error that is raised.
logging.getLogger("papermill").addHandler(logging.NullHandler())


class Execution:
    """One run of a notebook in a kernel: the `notebook` as far as it came, also in PARTIAL.

    `at` names what is running: a cell by its id and the heading above it, or the kernel's start.
    """

    def __init__(
        self,
        path: Path,
        files: ReportFolder,
        kernel: Any,
        on_cell: Callable[[int, int], None] | None = None,
    ) -> None:
        try:
            nbformat.validate(nbformat.read(path, as_version=4))
        except Exception as error:  # of any kind, for what is not a notebook at all
            what = str(error).split("\n")[0] or type(error).__name__
            raise ReportError(
                f"is not a valid notebook ({what})", where=path, todo="repair it in JupyterLab"
            ) from None
        self.files, self.notebook, self.at = files, nbformat.v4.new_notebook(), "the kernel's start"
        self.partial = files.path / PARTIAL
        self._path, self._kernel, self._on_cell = path, kernel, on_cell
        self._timer: asyncio.TimerHandle | None = None

    @property
    def text(self) -> str:
        """The notebook as its file says it."""
        return str(nbformat.writes(self.notebook))

    def keep(self) -> None:
        """Write the notebook to PARTIAL; raise ReportError if it cannot be written."""
        self.files.write({PARTIAL: self.text})

    def run(self, values: Mapping[str, Any]) -> None:
        """Execute the notebook with these parameters; raise ReportError, naming what failed.

        Meanwhile PARTIAL has it as far as it came, at most a second behind.
        """
        try:
            papermill.execute_notebook(
                str(self._path),
                None,
                parameters=dict(values),
                engine_name=_Engine.__name__,
                kernel_name="python3",
                language="python",
                progress_bar=False,
                start_timeout=86_400,  # the report's own deadline comes first
                km=self._kernel,
                execution=self,
            )
        except PapermillExecutionError as error:
            what = f"{self.at} failed: {error.ename}: {error.evalue}"
            raise ReportError(what, todo=_TODO) from None
        except DeadKernelError:
            raise ReportError(f"the kernel died in {self.at}", todo=_TODO) from None
        except RuntimeError as error:  # of jupyter_client, before the first cell
            what = f"the kernel did not start ({last_words(self._kernel) or error})"
            raise ReportError(what, todo=_TODO) from None
        finally:
            if self._timer:
                self._timer.cancel()
        self.at = "the making of the page"

    def cell_started(self, cell: Any, cell_index: int) -> None:  # noqa: ARG002
        """Note that the cell at this place is running."""
        self.at = self._named(cell_index)
        if self._on_cell:
            self._on_cell(cell_index, len(self.notebook.cells))
        if self._timer is None:
            self._keep_each_second()

    def _keep_each_second(self) -> None:
        with suppress(ReportError):  # else the report itself will say so
            self.keep()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(KEPT_EVERY_S, self._keep_each_second)

    def _named(self, place: int) -> str:
        """Return a cell's id and the heading above it."""
        before = [c.source for c in self.notebook.cells[:place] if c.cell_type == "markdown"]
        headings = [source for source in before if source[:1] == "#"]
        heading = headings[-1].splitlines()[0].lstrip("# ") if headings else "the start"
        return f"cell {self.notebook.cells[place].get('id', '?')!r} under {heading!r}"


class _Engine(NBClientEngine):  # type: ignore[misc]
    """papermill's own engine, watched."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, execution: Execution, **options: Any
    ) -> None:
        execution.notebook = nb_man.nb
        execution.keep()
        super().execute_managed_notebook(
            nb_man, kernel_name, on_cell_start=execution.cell_started, **options
        )


papermill_engines.register(_Engine.__name__, _Engine)
