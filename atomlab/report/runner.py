"""Run a notebook with papermill into a report: all of it, or nothing but the failed notebook."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atomlab.errors import InputError, ReportError
from atomlab.report.findings import findings_in
from atomlab.report.kernel import running_kernel
from atomlab.report.parameters import check_parameters, declared_parameters

_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Report:
    """What a run left: `verdict`, and the three files in `folder`."""

    verdict: str
    folder: Path

    @property
    def html(self) -> Path:
        """The report itself, one self-contained file."""
        return self.folder / "report.html"

    @property
    def notebook(self) -> Path:
        """The executed notebook."""
        return self.folder / "notebook.ipynb"

    @property
    def findings(self) -> Path:
        """The findings as JSON."""
        return self.folder / "findings.json"


def shipped_notebook(name: str) -> Path:
    """Return the path of a shipped notebook: beside the package in a clone, within it installed."""
    places = (_PACKAGE.parent / "notebooks", _PACKAGE / "notebooks")
    for place in places:
        if (path := place / f"{name}.ipynb").is_file():
            return path
    raise ReportError(f"no shipped notebook {name!r}", todo="reinstall atomlab")


def run_report(
    notebook: Path,
    parameters: Mapping[str, Any],
    folder: Path,
    *,
    timeout_s: float = 300,
    progress: bool = False,
) -> Report:
    """Run `notebook` with `parameters` and leave its report in `folder`; return what it found.

    `timeout_s` bounds the whole run. Raises InputError for parameters that the notebook does not
    declare, before anything runs; ReportError if the folder cannot be written, a cell fails or
    time runs out: then the notebook as far as it came is kept as `notebook.failed.ipynb`, and
    what an earlier run left stays as it was.
    """
    source = _read(notebook)
    values = check_parameters(parameters, declared_parameters(source, notebook), notebook)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        workspace = Path(tempfile.mkdtemp(dir=folder, prefix=".run-"))
    except OSError as error:
        raise ReportError(
            f"cannot be written ({error.strerror})", where=folder, todo="name another folder"
        ) from None
    try:
        return _run(notebook, values, folder, workspace, timeout_s, progress)
    except OSError as error:
        raise ReportError(
            f"cannot be written ({error.strerror})", where=folder, todo="make room and try again"
        ) from None
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


def _run(
    notebook: Path,
    values: Mapping[str, Any],
    folder: Path,
    workspace: Path,
    timeout_s: float,
    progress: bool,
) -> Report:
    made = Report("", workspace)
    deadline = time.monotonic() + timeout_s
    with running_kernel() as kernel:
        # The kernel boots while these, the slowest imports of all, are loaded.
        import papermill
        from nbclient.exceptions import CellTimeoutError, DeadKernelError
        from papermill.exceptions import PapermillExecutionError

        from atomlab.report.html import to_html

        try:
            executed = papermill.execute_notebook(
                str(notebook),
                str(made.notebook),
                parameters=dict(values),
                progress_bar={"desc": folder.name, "unit": "cell"} if progress else False,
                kernel_name="python3",
                km=kernel,
                timeout_func=lambda _cell: max(deadline - time.monotonic(), 0.1),
            )
            findings = findings_in(executed)
        except PapermillExecutionError as error:
            what = f"{{cell}} failed: {error.ename}: {error.evalue}"
            raise _failed(what, made.notebook, folder) from None
        except CellTimeoutError:
            what = f"{{cell}} was still running after {timeout_s:g} seconds in all"
            raise _failed(what, made.notebook, folder) from None
        except DeadKernelError:
            raise _failed("the kernel died in {cell}", made.notebook, folder) from None
        except ReportError as error:
            raise _failed(error.what, made.notebook, folder) from None
    made.html.write_text(to_html(executed, findings), encoding="utf-8")
    made.findings.write_text(json.dumps(findings, indent=1) + "\n", encoding="utf-8")
    report = Report(str(findings["verdict"]), folder)
    for name in ("notebook", "findings", "html"):
        getattr(made, name).replace(getattr(report, name))
    (folder / "notebook.failed.ipynb").unlink(missing_ok=True)
    return report


def _read(notebook: Path) -> dict[str, Any]:
    try:
        document = json.loads(notebook.read_text(encoding="utf-8"))
        return document if document["cells"] else {}
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError("is no notebook", where=notebook, todo="check the path") from None


def _failed(what: str, partial: Path, folder: Path) -> ReportError:
    """Keep the partial notebook and return the error, with the failing cell's name for `{cell}`."""
    kept = folder / "notebook.failed.ipynb"
    partial.replace(kept)
    cell = _failing_cell(json.loads(kept.read_text(encoding="utf-8")))
    return ReportError(
        what.replace("{cell}", cell, 1), where=kept, todo="open that notebook and look"
    )


def _failing_cell(notebook: Mapping[str, Any]) -> str:
    """Return a name for the cell that failed or did not finish: its heading and its id."""
    heading = "the start"
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown" and source.startswith("#"):
            heading = source.splitlines()[0].lstrip("# ")
        if cell["cell_type"] == "code":
            about = cell["metadata"]
            replied = "shell.execute_reply" in about.get("execution", {})
            if not replied or about.get("papermill", {}).get("exception"):
                return f"cell {cell.get('id', '?')!r} under {heading!r}"
    return "a cell"
