"""PostgreSQL as a source: one consistent moment of it, and nothing of it disturbed."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from atomlab.byok.fidelity import proven_capture

KEY = "sk-" + "5" * 40
TENANTS = {
    "acme": {"OPENAI_API_KEY": KEY, "TIMEZONE": "UTC", "deepseek-api-key": KEY},
    "zeta": {},
    "beta": {"GROQ_API_KEY": "", "MISTRAL_API_KEY": "   ", "GEMINI_API_KEY": "gAAAAA" + "x" * 60},
}


def contents(snapshot):
    """Return what a snapshot holds of the tenants; times are the databases' own."""
    rows = snapshot.session.execute(
        text("SELECT id, tenant_id, setting_key, setting_value FROM tenant_settings")
    )
    tenants = snapshot.session.execute(text("SELECT * FROM tenants"))
    return sorted(map(tuple, rows)), sorted(map(tuple, tenants))


def test_capture_from_postgres_equals_one_from_sqlite(
    make_postgres, make_database, prices, tmp_path
):
    """The same rows give the same snapshot, whichever database holds them."""
    same = {"pricing": prices, "key_file": tmp_path / "fingerprints.key"}
    with (
        proven_capture(make_postgres(TENANTS), tmp_path / "pg.sqlite", **same) as pg,
        proven_capture(str(make_database(TENANTS)), tmp_path / "lite.sqlite", **same) as lite,
    ):
        assert contents(pg) == contents(lite)
        pg.verify()
        assert pg.manifest["source"]["kind"] == "postgresql"
        assert pg.manifest["source"]["isolation"] == "repeatable read, read only"
        assert abs(pg.manifest["source"]["clock_offset_s"]) < 2


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_url_may_have_any_of_the_usual_schemes(make_postgres, tmp_path, scheme):
    """All the ways to write a PostgreSQL URL open it through psycopg 3."""
    url = make_postgres(TENANTS).replace("postgresql", scheme, 1)
    with proven_capture(url, tmp_path / "out.sqlite") as snapshot:
        assert snapshot.manifest["fidelity"]["tenants"] == 3


def test_capture_can_be_narrowed(make_postgres, tmp_path):
    """Only the named tenants are read."""
    url = make_postgres(TENANTS)
    with proven_capture(url, tmp_path / "out.sqlite", tenants=["beta", "Zeta"]) as snapshot:
        assert [row[0] for row in contents(snapshot)[1]] == ["id-beta", "id-zeta"]
