"""The incident document's five tests, by name, on the snapshot of the incident.

Test 5 writes, so it runs on a scratch copy; the document's own remark, that the tests fail on a
local database and would pass on production, is why they name the snapshot that they run on.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from atomlab import BYOKHandler, Request, Snapshot, TenantSetting
from atomlab.evidence.snapshot import Scratch

BRENNAN = "31c06fc4-db22-4740-83ea-48ac14f25810"


class TestMinimaxClientInitRootCause:
    @pytest.fixture
    def db(self, before: Snapshot) -> Iterator[Scratch]:
        with before.scratch() as scratch:
            yield scratch.session

    @pytest.fixture
    def byok_handler(self, db):
        return BYOKHandler(BRENNAN, db=db)

    def setting(self, db, setting_key):
        return (
            db.query(TenantSetting)
            .filter(TenantSetting.tenant_id == BRENNAN, TenantSetting.setting_key == setting_key)
            .first()
        )

    def test_brennan_has_minimax_2_7_key_not_minimax_key(self, db):
        """MINIMAX_2_7_API_KEY exists, MINIMAX_API_KEY does not."""
        minimax_2_7_key = self.setting(db, "MINIMAX_2_7_API_KEY")
        minimax_key = self.setting(db, "MINIMAX_API_KEY")

        assert minimax_2_7_key is not None
        assert minimax_key is None  # the root cause

    def test_byok_handler_initializes_minimax_2_7_but_not_minimax(self, byok_handler):
        """The key that exists makes a client; the one that does not makes none."""
        clients = byok_handler.clients

        has_minimax_2_7 = "minimax_2_7" in clients
        has_minimax = "minimax" in clients
        assert has_minimax_2_7
        assert not has_minimax

    def test_model_ranking_filters_out_minimax_models(self, byok_handler):
        """The prefix `minimax` is not an available provider, `minimax_2_7` is."""
        available_providers = list(byok_handler.clients.keys())

        can_be_used = {}
        for model_id in ["minimax/gpt-4", "minimax_2_7/gpt-4"]:
            prefix = model_id.split("/")[0]
            can_be_used[model_id] = prefix in available_providers

        assert can_be_used == {"minimax/gpt-4": False, "minimax_2_7/gpt-4": True}

        # The same by the ranking itself, for the models that the pricing cache has
        ranking = byok_handler.explain(Request(complexity="moderate"))
        for model_id in ["minimax/MiniMax-M2", "minimax/MiniMax-M2.5"]:
            (reason,) = ranking.reasons(model_id)
            assert (reason.code, reason.observed) == ("client", "minimax")

    def test_rank_models_raises_error_when_no_models_pass_filters(self, byok_handler):
        """The ranking raises the exact error from the production logs."""
        with pytest.raises(ValueError) as exc_info:  # noqa: PT011 - as the document has it
            byok_handler.rank_models_by_pricing(complexity="moderate")

        assert str(exc_info.value) == "No models available from dynamic pricing"

    def test_fix_add_minimax_api_key_resolves_issue(self, db):
        """Adding MINIMAX_API_KEY with the same value makes the client, and the ranking works."""
        minimax_2_7_key = self.setting(db, "MINIMAX_2_7_API_KEY")
        new_setting = TenantSetting(
            tenant_id=BRENNAN,
            setting_key="MINIMAX_API_KEY",
            setting_value=minimax_2_7_key.setting_value,
        )
        db.add(new_setting)
        db.commit()

        # Re-initialize BYOKHandler
        byok_handler = BYOKHandler(BRENNAN, db=db)
        clients = byok_handler.clients
        assert "minimax" in clients
        assert byok_handler.rank_models_by_pricing("moderate")[0]["provider"] == "minimax"
