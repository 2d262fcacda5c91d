"""Fix: a script and its rollback, and who has to act."""

from __future__ import annotations

from contextlib import chdir

import pytest


def test_fix_prints_a_script_and_nothing_else(run, shipped):
    """Stdout is the script, its rollback commented out; what it cures is said on stderr."""
    code, out, err = run("fix", shipped("brennan-2026-05-02"), "--tenant", "brennan")
    assert code == 0
    script, undo = out.split("-- To undo it")
    assert "INSERT INTO tenant_settings" in script
    assert "\nCOMMIT;" in script
    assert all(line.startswith("--") or not line for line in undo.splitlines()[1:])
    assert "to cure simple, moderate, complex requests" in err
    assert "advanced requests need another fix" in err


def test_fix_writes_the_script_and_its_rollback(run, error, shipped, tmp_path):
    """With --out both scripts are files, the command's own and whole."""
    given = ("fix", shipped("brennan-2026-05-02"), "--tenant", "brennan", "--dialect", "sqlite")
    code, out, _ = run(*given, "--out", tmp_path / "fix.sql")
    assert code == 0
    assert len(out.splitlines()) == 2
    assert "INSERT INTO" in (tmp_path / "fix.sql").read_text()
    assert "DELETE FROM" in (tmp_path / "fix.rollback.sql").read_text()


@pytest.mark.parametrize("there", ["fix.sql", "fix.rollback.sql"])
def test_fix_replaces_scripts_only_when_told(run, error, shipped, tmp_path, there):
    """An earlier script, or its rollback, stays as it is without --overwrite."""
    given = ("fix", shipped("brennan-2026-05-02"), "--tenant", "brennan")
    (tmp_path / there).write_text("mine")
    with chdir(tmp_path):
        line = error(*given, "--out", "fix.sql")
        assert there in line
        assert "exists already and is kept" in line
        assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
        assert run(*given, "--out", "fix.sql", "--overwrite")[0] == 0
    assert "COMMIT;" in (tmp_path / there).read_text()


@pytest.mark.parametrize(
    ("out", "what"),
    [
        ("none/fix.sql", "no such folder"),
        (".", "is not a regular file"),
        ("", "is not a regular file"),
        ("/", "is not a regular file"),
        ("snapshot.sqlite", "is one of the files to read and is kept"),
    ],
)
def test_fix_writes_no_script_where_none_belongs(error, shipped, tmp_path, out, what):
    """Folders, and the snapshot itself, are one clear line."""
    snapshot = tmp_path / "snapshot.sqlite"
    snapshot.write_bytes(shipped("brennan-2026-05-02").read_bytes())
    with chdir(tmp_path):
        given = ("fix", "snapshot.sqlite", "--tenant", "brennan", "--overwrite", "--out", out)
        assert what in error(*given)
    assert snapshot.read_bytes() == shipped("brennan-2026-05-02").read_bytes()


def test_fix_says_that_an_earlier_script_is_not_of_this_fix(run, shipped, tmp_path):
    """Where the fix is not SQL, an old script is left, and named as what it is."""
    old = tmp_path / "fix.sql"
    old.write_text("of another tenant")
    given = ("fix", shipped("brennan-2026-05-02"), "--tenant", "nettle", "--overwrite")
    code, _, err = run(*given, "--out", old)
    assert code == 3
    assert err.splitlines()[0] == f"warning: {old} is an earlier script, not of this fix"
    assert old.read_text() == "of another tenant"


@pytest.mark.parametrize(
    ("tenant", "code"), [("glacier", 3), ("cobalt", 0), ("northwind", 3), ("delta", 3)], ids=str
)
def test_fix_exits_by_what_it_could_do(run, shipped, tenant, code):
    """A fix by hand is not fixed (3), nothing to fix is done (0), but for a winner without chat."""
    got, out, err = run("fix", shipped("brennan-2026-05-02"), "--tenant", tenant)
    assert (got, out) == (code, "")
    assert err.startswith("fix: ")


def test_a_fix_that_is_no_cure_is_not_fixed(run, captured, write_json):
    """Its script is printed, and removes the error; that a speech model then wins ends with 3."""
    model = {"litellm_provider": "groq", "max_input_tokens": 9_000, "mode": "audio_speech"}
    prices = write_json({"groq/tts": model | {"input_cost_per_token": 1e-7}}, "speech.json")
    snapshot = captured({"acme": {"GROQ_KEY": "a-key"}}, pricing=prices)
    given = ("fix", snapshot.path, "--tenant", "acme", "--complexity", "simple")
    code, out, err = run(*given)
    assert code == 3
    assert "INSERT INTO" in out
    assert "groq/tts is not a chat model" in err


def test_a_fix_of_what_is_undecided_is_inconclusive(run, captured):
    """Without prices nobody knows whether anything is to be fixed: 4, and no script."""
    bare = captured({"acme": {"MINIMAX_2_7_API_KEY": "k"}}, pricing=None)
    code, out, err = run("fix", bare.path, "--tenant", "acme")
    assert (code, out) == (4, "")
    assert err.startswith("fix: the snapshot holds no pricing cache, so nothing can be decided")
