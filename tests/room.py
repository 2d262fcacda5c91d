"""Command lines in a process whose home, temporary and working folders are one folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.refusals import is_one_line


@dataclass(frozen=True)
class Step:
    """A command line, the exit code that it must have, and what is around it."""

    code: int
    arguments: Sequence[object]
    env: Mapping[str, str] = field(default_factory=dict)
    file_bytes: int = -1  # no file may grow larger; -1: any size


@dataclass(frozen=True)
class Done:
    """What a command line left on its terminal."""

    step: Step
    code: str
    out: str
    err: str

    @property
    def shown(self) -> bytes:
        """All that it printed."""
        return f"{self.out}\n{self.err}".encode("utf-8", "surrogateescape")

    def check(self) -> None:
        """Assert that it ended as it should, an error being one line."""
        told = (self.step.arguments, self.out[-500:], self.err[-2000:])
        assert self.code == str(self.step.code), told
        if self.step.code in (1, 2):
            last = self.err.rstrip("\n").rpartition("\n")[2]
            assert last.startswith("atomlab: "), told
            assert is_one_line(last), told
            assert "Traceback" not in self.err, told


_RUNNER = r"""
import json, os, resource, sys, traceback
from atomlab.cli import main
for arguments, env, file_bytes in json.load(sys.stdin):
    before = dict(os.environ)
    os.environ.update(env)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, -1))
    sys.argv = ["atomlab", *arguments]
    code = "traceback"
    try:
        main()
    except SystemExit as stop:
        code = stop.code or 0
    except BaseException:
        traceback.print_exc()
    resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
    os.environ.clear()
    os.environ.update(before)
    for stream in (sys.stdout, sys.stderr):
        print(f"\n=== {code} ===", file=stream, flush=True)
"""


class Room:
    """A folder that is home, temporary folder and working folder of what runs in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("home", "tmp"):
            (folder / name).mkdir(parents=True)
        temporary = str(folder / "tmp")
        self.env = {
            **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
            **dict.fromkeys(("TMPDIR", "TEMP", "TMP", "SQLITE_TMPDIR"), temporary),
            "HOME": str(folder / "home"),
            "PYTHONMALLOC": "pymalloc",  # the development mode's own is slow with a megabyte
            "PYTHONIOENCODING": "utf-8:surrogateescape",
        }

    def start(self, script: str, *arguments: str) -> subprocess.Popen[str]:
        """Return Python, in its development mode, as it runs a script here."""
        return subprocess.Popen(
            [sys.executable, "-X", "dev", "-c", script, *arguments],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="surrogateescape",
        )

    def run(self, steps: Sequence[Step], umask: int = 0o022) -> list[Done]:
        """Run command lines one after the other, and return what became of each."""
        given = [([*map(str, s.arguments)], dict(s.env), s.file_bytes) for s in steps]
        with self.start(f"import os; os.umask({umask})\n{_RUNNER}") as process:
            streams = process.communicate(json.dumps(given), timeout=120)
        outs, errs = (re.split(r"\n=== (\w+) ===\n", stream) for stream in streams)
        assert len(outs) == len(errs) == 2 * len(steps) + 1, streams[1][-3000:]
        return [Done(s, outs[2 * n + 1], outs[2 * n], errs[2 * n]) for n, s in enumerate(steps)]
