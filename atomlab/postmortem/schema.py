"""The parts of `atomlab.findings/1` that a postmortem is made of, by their names in it."""

from atomlab.diagnosis.findings import CauseRecord as Cause
from atomlab.diagnosis.findings import OutcomeRecord as Diagnosed
from atomlab.diagnosis.findings import RepairRecord as Repaired
from atomlab.diagnosis.findings import TenantFindings as Findings
from atomlab.diagnosis.findings import TenantRecord as Tenant

__all__ = ["Cause", "Diagnosed", "Findings", "Repaired", "Tenant"]
