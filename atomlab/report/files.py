"""A report's files, written all together or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path


def write_all(folder: Path, texts: Mapping[str, str]) -> None:
    """Write each text to the file of that name in `folder`, none if one cannot be written.

    What was there before is then as it was. Lone surrogates become escapes. Raises OSError.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as new:
        for name, text in texts.items():
            Path(new, name).write_text(text, encoding="utf-8", errors="backslashreplace")
        for name in texts:
            Path(new, name).replace(folder / name)
