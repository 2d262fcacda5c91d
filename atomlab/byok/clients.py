"""Client initialization and ranking, as the platform does them (source: docs/platform.md)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from atomlab.byok.keys import BYOKManager, log_missing
from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.ranking import Ranking, rank
from atomlab.byok.request import Request
from atomlab.errors import NoModelsAvailableError
from atomlab.evidence.tenants import plan_and_mode
from atomlab.shown import Listed, Several, Shown

logger = logging.getLogger("atomlab.byok")


@dataclass(frozen=True, repr=False)
class Client(Shown):
    """A provider's client, as far as it matters here: it was built. Nothing calls a provider."""

    provider_id: str


class BYOKHandler(Shown):
    """The platform's handler for one tenant: its clients, and the ranking of models for them.

    On a snapshot everything is read from `db`; on any other database give the `platform`, and
    keys are judged by their raw values. Raises InputError for such a database without it, and
    TenantError for an id that no tenant has.
    """

    def __init__(
        self,
        tenant_id: str,
        db: Session,
        *,
        platform: Platform | None = None,
        byok_manager: BYOKManager | None = None,
        workspace_id: str = "default",
    ) -> None:
        self.tenant_id, self.workspace_id, self._db = tenant_id, workspace_id, db
        self.platform = platform or load_platform(db)
        self.byok_manager = byok_manager or self.platform.manager()
        self._plan, self._mode = plan_and_mode(db, tenant_id)
        self._clients_dict: dict[str, Client] = {}
        self._initialize_clients()

    def _facts(self) -> Mapping[str, object]:
        return {
            "tenant_id": self.tenant_id,
            "clients": Several(self.clients),
            "platform": self.platform,
        }

    @property
    def clients(self) -> dict[str, Client]:
        """The clients by provider id, in client order."""
        return self._clients_dict

    def rank_models_by_pricing(
        self, complexity: str = "moderate", **request: Any
    ) -> list[dict[str, Any]]:
        """Return the candidates, best first, each a dict with provider, model and its scores.

        `request` are the other fields of Request. A fallback's answer has provider and model only.
        Raises NoModelsAvailableError, with the platform's exact message, if nobody answers.
        """
        ranking = self.explain(Request(complexity=complexity, **request))
        if ranking.error:
            raise NoModelsAvailableError(ranking.summary(), message=ranking.error)
        if ranking.fallback:
            return [{"provider": ranking.fallback.provider, "model": ranking.fallback.model}]
        return Listed(asdict(candidate) for candidate in ranking.candidates())

    def explain(self, request: Request) -> Ranking:
        """Return the ranking for `request`; an empty one is a finding, not an error."""
        asked = request.of_tenant(self._mode)
        return rank(self.platform, tuple(self.clients), asked, self._plan)

    def _initialize_clients(self) -> None:
        for lookup in self.byok_manager.lookups(self.tenant_id, self._db):
            if lookup.provider not in self.platform.rules.llm_providers:
                continue
            if not lookup.client:
                log_missing(lookup.provider)
                logger.debug("No key found for %s in %s", lookup.provider, self.workspace_id)
                continue
            self._clients_dict[lookup.provider] = Client(lookup.provider)
