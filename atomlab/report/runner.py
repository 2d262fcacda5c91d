"""Run a notebook with papermill into a report: all of it, or nothing but the failed notebook."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atomlab.errors import InputError, ReportError
from atomlab.report.findings import findings_in
from atomlab.report.kernel import running_kernel
from atomlab.report.parameters import check_parameters, declared_parameters
from atomlab.text import printable

if TYPE_CHECKING:
    from atomlab.evidence.schema import Tenant

_PACKAGE = Path(__file__).parents[1]
_INVESTIGATION = "root_cause_verification"


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


def investigation_parameters(given: Mapping[str, str]) -> dict[str, Any]:
    """Return further parameters of the investigation notebook, in their declared types.

    Raises InputError for one that it does not declare, that does not fit, or that an argument of
    `report_investigations` gives.
    """
    from atomlab.byok.request import Request

    notebook = shipped_notebook(_INVESTIGATION)
    if owned := [name for name in ("snapshot", "tenant", "hypothesis") if name in given]:
        raise InputError(f"parameter {owned[0]} cannot be given here", todo="use its own option")
    values = check_parameters(given, declared_parameters(_read(notebook), notebook), notebook)
    if complexity := values.get("complexity"):
        Request(complexity=complexity)
    return values


def report_investigations(
    snapshot: str,
    tenants: Sequence[str],
    hypothesis: str | None,
    out: Path,
    parameters: Mapping[str, Any],
    timeout_s: float,
) -> Iterator[tuple[Tenant, Report]]:
    """Make a report for each tenant and yield it: in `out`, or in a folder each for several.

    What can be checked without a kernel is checked for all of them first. Raises AtomlabError.
    """
    from atomlab.diagnosis.hypothesis import load_hypothesis
    from atomlab.evidence.snapshot import open_snapshot

    if hypothesis:
        load_hypothesis(hypothesis)
    with open_snapshot(snapshot) as evidence:
        found = list({tenant.id: tenant for tenant in map(evidence.tenant, tenants)}.values())
    folders = [out] if len(found) == 1 else [out / name for name in folder_names(found)]
    for tenant, folder in zip(found, folders, strict=True):
        values = {
            **parameters,
            "snapshot": str(Path(snapshot).resolve()),
            "tenant": tenant.id,
            "hypothesis": str(Path(hypothesis).resolve()) if hypothesis else "",
        }
        notebook = shipped_notebook(_INVESTIGATION)
        yield tenant, run_report(notebook, values, folder, timeout_s=timeout_s, progress=True)


def folder_names(tenants: Sequence[Tenant]) -> list[str]:
    """Return a folder's name for each tenant: plain, and all different, whatever ids hold.

    It is the subdomain (else the id), with a hash of the id where that had to be changed or is
    another tenant's too.
    """
    wanted = [tenant.subdomain or tenant.id for tenant in tenants]
    plain = [re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:60].lstrip(".-") for name in wanted]
    uses = Counter(name.lower() for name in plain)  # some file systems ignore case
    return [
        name
        if name == original and uses[name.lower()] == 1
        else f"{name or 'tenant'}-{sha256(tenant.id.encode()).hexdigest()[:12]}"
        for tenant, original, name in zip(tenants, wanted, plain, strict=True)
    ]


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
                progress_bar={"desc": printable(folder.name), "unit": "cell"}
                if progress
                else False,
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
