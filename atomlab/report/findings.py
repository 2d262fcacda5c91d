"""Where notebooks of one's own that were written for earlier versions find `Findings`."""

from __future__ import annotations

from atomlab.show.cards import Findings as Findings
