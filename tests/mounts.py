"""Folders that are full or cannot be written, really."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """Give a file system of its own in `folder`, or skip the test where that is not allowed."""
    command = ["mount", "-t", "tmpfs", *options, "none", folder]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"this system lets nobody mount a small disk: {made.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[str]:
    """Let nobody write to a folder, not even root; give the reason that the system then gives."""
    if os.geteuid():
        folder.chmod(0o500)
        yield "Permission denied"
        folder.chmod(0o700)
        return
    content = {path.name: path.read_bytes() for path in folder.iterdir()}
    with mounted(folder):
        for name, was in content.items():
            (folder / name).write_bytes(was)
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        yield "Read-only file system"
