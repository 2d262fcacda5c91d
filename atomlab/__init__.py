"""atomlab proves why a tenant of ATOM gets "No models available from dynamic pricing".

Data flows one way, and so do the imports: evidence → decision → diagnosis → report.

    evidence    open_snapshot, capture, load_pricing, load_registry, load_rules
    decision    BYOKManager, BYOKHandler, Request, rank, FILTERS, NoModelsAvailableError
    diagnosis   diagnose, verify, investigate, compare_options, lint, load_hypothesis
    errors      AtomlabError (all that atomlab raises when it could not look)

Importing atomlab is cheap: each name loads its module when it is first used.
"""

# Nothing is imported here, not even what Python brings: see `process`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from atomlab.byok.clients import BYOKHandler
    from atomlab.byok.filters import FILTERS
    from atomlab.byok.keys import BYOKManager
    from atomlab.byok.platform import Platform, load_platform
    from atomlab.byok.ranking import Ranking, rank
    from atomlab.byok.request import Request
    from atomlab.capturing.capture import capture
    from atomlab.diagnosis.diagnose import diagnose
    from atomlab.diagnosis.hypothesis import load_hypothesis
    from atomlab.diagnosis.investigation import investigate
    from atomlab.diagnosis.lint import lint
    from atomlab.diagnosis.options import compare_options
    from atomlab.diagnosis.verify import verify
    from atomlab.errors import AtomlabError, NoModelsAvailableError
    from atomlab.evidence.inputs.pricing import load_pricing
    from atomlab.evidence.inputs.registry import load_registry
    from atomlab.evidence.inputs.rules import load_rules
    from atomlab.evidence.schema import Tenant, TenantSetting
    from atomlab.evidence.snapshot import Snapshot, open_snapshot

_HOMES = {
    "AtomlabError": "atomlab.errors",
    "BYOKHandler": "atomlab.byok.clients",
    "BYOKManager": "atomlab.byok.keys",
    "FILTERS": "atomlab.byok.filters",
    "NoModelsAvailableError": "atomlab.errors",
    "Platform": "atomlab.byok.platform",
    "Ranking": "atomlab.byok.ranking",
    "Request": "atomlab.byok.request",
    "Snapshot": "atomlab.evidence.snapshot",
    "Tenant": "atomlab.evidence.schema",
    "TenantSetting": "atomlab.evidence.schema",
    "capture": "atomlab.capturing.capture",
    "compare_options": "atomlab.diagnosis.options",
    "diagnose": "atomlab.diagnosis.diagnose",
    "investigate": "atomlab.diagnosis.investigation",
    "lint": "atomlab.diagnosis.lint",
    "load_hypothesis": "atomlab.diagnosis.hypothesis",
    "load_platform": "atomlab.byok.platform",
    "load_pricing": "atomlab.evidence.inputs.pricing",
    "load_registry": "atomlab.evidence.inputs.registry",
    "load_rules": "atomlab.evidence.inputs.rules",
    "open_snapshot": "atomlab.evidence.snapshot",
    "rank": "atomlab.byok.ranking",
    "verify": "atomlab.diagnosis.verify",
}

__all__ = [
    "FILTERS",
    "AtomlabError",
    "BYOKHandler",
    "BYOKManager",
    "NoModelsAvailableError",
    "Platform",
    "Ranking",
    "Request",
    "Snapshot",
    "Tenant",
    "TenantSetting",
    "capture",
    "compare_options",
    "diagnose",
    "investigate",
    "lint",
    "load_hypothesis",
    "load_platform",
    "load_pricing",
    "load_registry",
    "load_rules",
    "open_snapshot",
    "rank",
    "verify",
]


def __getattr__(name: str) -> "Any":
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module 'atomlab' has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    value = getattr(importlib.import_module(module), attribute or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
