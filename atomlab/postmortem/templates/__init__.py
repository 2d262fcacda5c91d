"""The templates of postmortems: the Markdown's, and the page's."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
