"""A notebook's execution by papermill, which keeps it as it goes and says which cell it is at."""

from __future__ import annotations

import asyncio
import logging
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from atomlab.errors import ReportError
from atomlab.report.files import PARTIAL, ReportFolder
from atomlab.report.kernel import last_words


@contextmanager
def _without(module: str) -> Iterator[None]:
    """Let imports of `module` fail meanwhile, unless it is loaded already."""
    hidden = module not in sys.modules
    if hidden:
        sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hidden:
            del sys.modules[module]


# With this module jsonschema could check IRIs, of which a notebook has none, and compiles their
# grammar when it is imported: a fifth of a report's time.
with _without("rfc3987_syntax"):
    import nbformat
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.engines import NBClientEngine, papermill_engines
    from papermill.exceptions import PapermillExecutionError

OnCell = Callable[[int, int], None]
KEPT_EVERY_S = 1.0

# What papermill and nbclient log of a failure is in the error that is raised.
logging.getLogger("papermill").addHandler(logging.NullHandler())


def execute(
    notebook: Path,
    values: Mapping[str, Any],
    kernel: Any,
    files: ReportFolder,
    started: float,
    timeout_s: float,
    on_cell: OnCell | None = None,
) -> Any:
    """Return `notebook` as executed with `values`, within `timeout_s` since `started` (monotonic).

    Meanwhile PARTIAL holds it as far as it came, a second behind at most; `on_cell` is told the
    place of each cell and how many there are. Raises ReportError if it is no valid notebook, or
    a cell, which is named, fails, outlives the kernel or the time, or PARTIAL cannot be
    written.
    """
    _check(notebook)
    run = _Run(files, on_cell)
    deadline = started + timeout_s
    try:
        return papermill.execute_notebook(
            str(notebook),
            None,
            parameters=dict(values),
            engine_name=_Engine.__name__,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            start_timeout=math.ceil(max(deadline - time.monotonic(), 0)),
            timeout_func=lambda _cell: max(deadline - time.monotonic(), 0.1),
            km=kernel,
            run=run,
        )
    except PapermillExecutionError as error:
        run.reach_the_cell_that_failed()
        told = f"{{cell}} failed: {error.ename}: {error.evalue}"
    except CellTimeoutError:
        told = f"{{cell}} was still running after {timeout_s:g} seconds in all"
    except DeadKernelError:
        told = "the kernel died in {cell}"
    except RuntimeError as error:  # of jupyter_client, before the first cell
        told = f"the kernel did not start ({last_words(kernel) or error})"
        if time.monotonic() >= deadline:
            told = f"the kernel had not started after {timeout_s:g} seconds in all"
    finally:
        run.cancel_timer()
    with suppress(ReportError):  # then what was kept last has to do
        run.keep()
    what = told.replace("{cell}", run.cell, 1)
    raise ReportError(what, where=files.path / PARTIAL, todo="open that notebook and look")


# What nbformat raises for what is no notebook at all, beside its own error.
_ODD = (ValueError, AssertionError, LookupError, TypeError, AttributeError)


def _check(notebook: Path) -> None:
    try:
        read = nbformat.read(notebook, as_version=4)
        nbformat.validate(read)
        read.metadata.get("papermill", {}).items()
    except (nbformat.ValidationError, *_ODD) as error:
        what = str(error).split("\n")[0] or type(error).__name__
        raise ReportError(
            f"is no valid notebook ({what})", where=notebook, todo="mend it in JupyterLab"
        ) from None


def as_text(notebook: Any) -> str:
    """Return the notebook as its file says it."""
    return str(nbformat.writes(notebook))


class _Run:
    """One run: the notebook as far as it came, in memory and in PARTIAL.

    `cell` names the cell that was reached: its id, and the heading above it.
    """

    def __init__(self, files: ReportFolder, on_cell: OnCell | None) -> None:
        self._files, self._on_cell = files, on_cell
        self.cell, self.notebook = "the first cell", nbformat.v4.new_notebook()
        self._timer: asyncio.TimerHandle | None = None

    def cell_started(self, cell: Any, cell_index: int) -> None:
        """Note that the cell at this place is next; keep what the cells before it put out."""
        self.cell = _named(cell, self.notebook.cells[:cell_index])
        if self._on_cell:
            self._on_cell(cell_index, len(self.notebook.cells))
        if self._timer is None:
            self._keep_again()

    def reach_the_cell_that_failed(self) -> None:
        """Let `cell` name the first with an error: those that may raise do not stop a run."""
        for place, cell in enumerate(self.notebook.cells):
            if any(output.output_type == "error" for output in cell.get("outputs", ())):
                self.cell = _named(cell, self.notebook.cells[:place])
                return

    def keep(self) -> None:
        """Write the notebook as far as it came; raise ReportError if it cannot be written."""
        self._files.write({PARTIAL: as_text(self.notebook)})

    def cancel_timer(self) -> None:
        """Keep it no longer."""
        if self._timer:
            self._timer.cancel()

    def _keep_again(self) -> None:
        with suppress(ReportError):  # else the report itself will say so
            self.keep()
        self._timer = asyncio.get_running_loop().call_later(KEPT_EVERY_S, self._keep_again)


def _named(cell: Any, before: Sequence[Any]) -> str:
    """Return the cell's id and the heading above it."""
    sources = [c.source for c in before if c.cell_type == "markdown"]
    headings = [source for source in sources if source[:1] == "#"]
    heading = headings[-1].splitlines()[0].lstrip("# ") if headings else "the start"
    return f"cell {cell.get('id', '?')!r} under {heading!r}"


class _Engine(NBClientEngine):  # type: ignore[misc]
    """papermill's own engine, watched."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, run: _Run, **options: Any
    ) -> None:
        run.notebook = nb_man.nb
        run.keep()
        super().execute_managed_notebook(
            nb_man, kernel_name, on_cell_start=run.cell_started, **options
        )


papermill_engines.register(_Engine.__name__, _Engine)
