"""atomlab proves why a tenant of ATOM gets "No models available from dynamic pricing".

What it does, in the order in which one usually asks:

    capture(source, out)                         copy a database: redacted, sealed, proven
    open_snapshot(path)                          open such a copy, for all that follows
    diagnose(snapshot, tenant)                   why each kind of request finds no model
    verify(snapshot, hypothesis)                 whether what somebody claims is true
    plan_fix(diagnosis, dialect)                 the easiest fix, as SQL with its rollback
    compare_fixes(snapshot, tenant, complexity)  what each fix cures, costs and touches
    confirm(snapshot, tenant, log, fixed_at)     whether it is over, by the worker's log
    compare(good, bad)                           which difference of two days did it
    what_if(snapshot)                            what a change would flip, made in memory
    survey(snapshot)                             which tenants are affected, by which cause
    replay(snapshot, requests)                   what recorded requests would get
    lint(snapshot)                               what breaks the next tenant

What they return shows itself: in a line anywhere, in Jupyter as a card. Data flows one way, and so
do the imports: evidence → decision → diagnosis → report. All other names:

    evidence    open_shards, load_pricing, load_registry, load_rules, read_log,
                Snapshot, Tenant, TenantSetting
    decision    BYOKManager, BYOKHandler, Request, rank, Ranking, FILTERS,
                Platform, load_platform, NoModelsAvailableError
    diagnosis   triage, investigate, load_hypothesis, compare_options
    fleet       tenants, fleet
    notebooks   case_tables, change_tables, fleet_tables, figures, recovery_figures, Findings,
                managed_of
    errors      AtomlabError (all that atomlab raises when it could not look)

Importing atomlab is cheap: each name loads its module when it is first used.
"""

# Nothing is imported here, not even what Python brings: see `process`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from atomlab.byok.clients import BYOKHandler as BYOKHandler
    from atomlab.byok.filters import FILTERS as FILTERS
    from atomlab.byok.keys import BYOKManager as BYOKManager
    from atomlab.byok.platform import Platform as Platform
    from atomlab.byok.platform import load_platform as load_platform
    from atomlab.byok.ranking import Ranking as Ranking
    from atomlab.byok.ranking import rank as rank
    from atomlab.byok.request import Request as Request
    from atomlab.capturing.capture import capture as capture
    from atomlab.diagnosis.comparison import compare as compare_fixes  # noqa: F401
    from atomlab.diagnosis.confirm import confirm as confirm
    from atomlab.diagnosis.diagnose import diagnose as diagnose
    from atomlab.diagnosis.fixes import plan_fix as plan_fix
    from atomlab.diagnosis.hypothesis import load_hypothesis as load_hypothesis
    from atomlab.diagnosis.investigation import investigate as investigate
    from atomlab.diagnosis.lint import lint as lint
    from atomlab.diagnosis.options import compare_options as compare_options
    from atomlab.diagnosis.triage import triage as triage
    from atomlab.diagnosis.verify import verify as verify
    from atomlab.errors import AtomlabError as AtomlabError
    from atomlab.errors import NoModelsAvailableError as NoModelsAvailableError
    from atomlab.evidence.inputs.pricing import load_pricing as load_pricing
    from atomlab.evidence.inputs.registry import load_registry as load_registry
    from atomlab.evidence.inputs.rules import load_rules as load_rules
    from atomlab.evidence.inputs.worker_log import read_log as read_log
    from atomlab.evidence.schema import Tenant as Tenant
    from atomlab.evidence.schema import TenantSetting as TenantSetting
    from atomlab.evidence.shards import open_shards as open_shards
    from atomlab.evidence.snapshot import Snapshot as Snapshot
    from atomlab.evidence.snapshot import open_snapshot as open_snapshot
    from atomlab.fleets.flips import compare as compare
    from atomlab.fleets.frames import fleet as fleet
    from atomlab.fleets.frames import tenants as tenants
    from atomlab.fleets.replay import replay as replay
    from atomlab.fleets.survey import survey as survey
    from atomlab.fleets.what_if import what_if as what_if
    from atomlab.show import case_tables as case_tables
    from atomlab.show import change_tables as change_tables
    from atomlab.show import figures as figures
    from atomlab.show import fleet_tables as fleet_tables
    from atomlab.show import recovery_figures as recovery_figures
    from atomlab.show.cards import Findings as Findings
    from atomlab.show.words import managed_of as managed_of

# Where each name comes from: a module and a name in it, or a whole module.
_HOMES = {
    "AtomlabError": "atomlab.errors:AtomlabError",
    "BYOKHandler": "atomlab.byok.clients:BYOKHandler",
    "BYOKManager": "atomlab.byok.keys:BYOKManager",
    "FILTERS": "atomlab.byok.filters:FILTERS",
    "Findings": "atomlab.show.cards:Findings",
    "NoModelsAvailableError": "atomlab.errors:NoModelsAvailableError",
    "Platform": "atomlab.byok.platform:Platform",
    "Ranking": "atomlab.byok.ranking:Ranking",
    "Request": "atomlab.byok.request:Request",
    "Snapshot": "atomlab.evidence.snapshot:Snapshot",
    "Tenant": "atomlab.evidence.schema:Tenant",
    "TenantSetting": "atomlab.evidence.schema:TenantSetting",
    "capture": "atomlab.capturing.capture:capture",
    "case_tables": "atomlab.show.case_tables:",
    "change_tables": "atomlab.show.change_tables:",
    "compare": "atomlab.fleets.flips:compare",
    "compare_fixes": "atomlab.diagnosis.comparison:compare",
    "compare_options": "atomlab.diagnosis.options:compare_options",
    "confirm": "atomlab.diagnosis.confirm:confirm",
    "diagnose": "atomlab.diagnosis.diagnose:diagnose",
    "figures": "atomlab.show.figures:",
    "fleet": "atomlab.fleets.frames:fleet",
    "fleet_tables": "atomlab.show.fleet_tables:",
    "investigate": "atomlab.diagnosis.investigation:investigate",
    "lint": "atomlab.diagnosis.lint:lint",
    "load_hypothesis": "atomlab.diagnosis.hypothesis:load_hypothesis",
    "load_platform": "atomlab.byok.platform:load_platform",
    "load_pricing": "atomlab.evidence.inputs.pricing:load_pricing",
    "load_registry": "atomlab.evidence.inputs.registry:load_registry",
    "load_rules": "atomlab.evidence.inputs.rules:load_rules",
    "managed_of": "atomlab.show.words:managed_of",
    "open_shards": "atomlab.evidence.shards:open_shards",
    "open_snapshot": "atomlab.evidence.snapshot:open_snapshot",
    "plan_fix": "atomlab.diagnosis.fixes:plan_fix",
    "rank": "atomlab.byok.ranking:rank",
    "read_log": "atomlab.evidence.inputs.worker_log:read_log",
    "recovery_figures": "atomlab.show.recovery_figures:",
    "replay": "atomlab.fleets.replay:replay",
    "survey": "atomlab.fleets.survey:survey",
    "tenants": "atomlab.fleets.frames:tenants",
    "triage": "atomlab.diagnosis.triage:triage",
    "verify": "atomlab.diagnosis.verify:verify",
    "what_if": "atomlab.fleets.what_if:what_if",
}
__all__ = list(_HOMES)


if not TYPE_CHECKING:  # else any name would pass for one of the package

    def __getattr__(name: str) -> "Any":
        if name not in _HOMES:
            raise AttributeError(f"module 'atomlab' has no attribute {name!r}")
        from pkgutil import resolve_name

        value = globals()[name] = resolve_name(_HOMES[name])
        return value


def __dir__() -> list[str]:
    return __all__
