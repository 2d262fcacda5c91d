"""Evidence: what a statement rests on."""

from __future__ import annotations

from dataclasses import dataclass, field

HASH_SHOWN = 12  # characters of a snapshot's hash in a row of evidence; above the rows it is whole


@dataclass(frozen=True)
class Evidence:
    """What a number leads to: a finding (with the hash of its snapshot), or a source.

    `place` is a findings file and a JSON Pointer into it, or the source in people's words; it and
    the snapshot tell one piece of evidence from another.
    """

    place: str
    says: str = field(compare=False)
    snapshot: str = ""


@dataclass(frozen=True)
class Statement:
    """A text and the evidence that it cites; with `missing`, what people still have to write."""

    text: str = ""
    cites: tuple[Evidence, ...] = ()
    missing: str = ""


def sourced(text: str | None, source: str | None, missing: str = "") -> Statement:
    """Return what people state, citing its source; without a text, what they have to write."""
    if text is None:
        return Statement(missing=missing)
    said = "stated by people, not measured"
    return Statement(text, (Evidence(source, said),) if source else ())
