"""A report's files, written all together or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path


def write_all(folder: Path, contents: Mapping[str, str | bytes]) -> None:
    """Write each content to the file of that name in `folder`, none if one cannot be written.

    What was there before is then as it was. A text is written as UTF-8, with lone surrogates as
    escapes. Raises OSError.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as new:
        for name, content in contents.items():
            if isinstance(content, str):
                content = content.encode("utf-8", "backslashreplace")
            Path(new, name).write_bytes(content)
        for name in contents:
            Path(new, name).replace(folder / name)
