"""The explorer of a decision, as a page of its own and as a widget in JupyterLab."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from markupsafe import Markup

from atomlab.byok.request import Request
from atomlab.diagnosis.case import TenantCase
from atomlab.errors import ReportError
from atomlab.evidence.snapshot import open_snapshot
from atomlab.report.templates import FOLDER, render
from atomlab.show.explorer import case_data, tenant_data
from atomlab.show.palette import css_variables

_STARTS = (
    'const data = JSON.parse(document.getElementById("data").textContent);\n'
    'mount(document.getElementById("explorer"), data, { hash: true });\n'
)
_DARK = '[data-jp-theme-light="false"] .explorer'


def explorer_of(findings: Mapping[str, Any], snapshot: str) -> str | None:
    """Return the explorer's page for the tenant and request of findings on a snapshot's file.

    None for findings about no single tenant, or made on another snapshot. Raises ReportError for
    findings of another form.
    """
    tenant, request = findings.get("diagnosis", {}).get("tenant"), findings.get("request")
    if not (snapshot and tenant and request):
        return None
    try:
        asked, made_on = Request(**request), findings["snapshot"]["sha256"]
        with open_snapshot(snapshot) as evidence:
            if evidence.sha256 != made_on:
                return None
            return explorer_page(tenant_data(evidence, evidence.tenant(tenant["id"]), asked))
    except (LookupError, TypeError, AttributeError) as error:
        raise ReportError(
            f"the findings are not in the form atomlab.findings/1 ({error!r})",
            todo="let the notebook's last cell evaluate atomlab.Findings(case)",
        ) from None


def explorer_page(data: dict[str, Any]) -> str:
    """Return the explorer as one file that asks for nothing: its only script is allowed by hash.

    `data` is what `case_data` returns. In it `<` is escaped, so that no name ends the script.
    """
    script = f"{_text('explore.js')}\n{_STARTS}"
    held = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    return render(
        "report/explore.html",
        styles=["explore.css"],
        tenant=data["tenant"],
        data=Markup(held),  # noqa: S704 - nothing in it ends a script
        script=Markup(script),  # noqa: S704 - a file of ours
        script_hash=f"sha256-{b64encode(sha256(script.encode()).digest()).decode()}",
    )


def widget_of(case: TenantCase) -> Any:
    """Return the explorer of a case as a widget, which decides in the browser, without a kernel."""
    import traitlets
    from anywidget import AnyWidget

    class Explorer(AnyWidget):
        _esm = _text("explore.js")
        _css = css_variables(".explorer", _DARK) + _text("explore.css")
        data = traitlets.Dict().tag(sync=True)

    return Explorer(data=case_data(case))


def _text(name: str) -> str:
    return (FOLDER / "report" / name).read_text(encoding="utf-8")
