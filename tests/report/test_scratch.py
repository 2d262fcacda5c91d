"""Scratch folders: gone with their process, or with the next one after it was killed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

from atomlab.report.scratch import scratch_folder

SCRATCH = """
import sys, time
from atomlab.report.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "file").touch()
    print(folder, flush=True)
    time.sleep(60)
"""


def test_what_a_killed_process_left_goes_with_the_next(short_path, monkeypatch):
    """Its folder goes; those that are in use, and the user's, stay."""
    monkeypatch.setattr(tempfile, "tempdir", str(short_path))
    kept = [".atomlab-mine", "atomlab-12345678"]
    for name in kept:
        (short_path / name).mkdir()
    (short_path / ".atomlab-mine" / "notes").touch()
    run = [sys.executable, "-c", SCRATCH]
    environment = {**os.environ, "TMPDIR": str(short_path)}
    with (
        subprocess.Popen(run, stdout=subprocess.PIPE, env=environment, text=True) as killed,
        subprocess.Popen(run, stdout=subprocess.PIPE, env=environment, text=True) as other,
    ):
        left, used = (Path(each.stdout.readline().strip()) for each in (killed, other))
        killed.kill()
        killed.wait()
        assert left.exists()
        with scratch_folder() as own:
            assert stat.S_IMODE(own.stat().st_mode) == 0o700
            names = sorted([*kept, used.name, own.name])
            assert sorted(path.name for path in short_path.iterdir()) == names
        other.kill()
    assert not own.exists()
