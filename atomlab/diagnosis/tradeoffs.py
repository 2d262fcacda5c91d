"""What speaks for an option and what against it, as far as running it for every tenant shows."""

from __future__ import annotations

from atomlab.diagnosis.options import Option
from atomlab.text import count, printable


def pros(option: Option) -> list[str]:
    """Return what speaks for the option, each a sentence without its full stop."""
    tried = len(option.cures) + len(option.leaves)
    told = []
    if option.cures:
        told.append(f"cures {len(option.cures)} of {count(tried, 'failing kind')} of request")
    if not option.touched:
        told.append("changes no decision of another tenant")
    if option.kind == "data":
        told.append("no code and no configuration of the platform changes")
    if set(option.edits) == {"copy-key"}:
        told.append("needs no new credential: the tenant holds the key already")
    if option.kind == "code":
        told.append("nobody has to change the tenant's settings")
    return told


def cons(option: Option) -> list[str]:
    """Return what speaks against the option, each a sentence without its full stop."""
    told = []
    if option.leaves:
        told.append(f"does not cure {', '.join(option.leaves)} requests")
    for winner in dict.fromkeys(option.unable.values()):
        kinds = ", ".join(name for name, its in option.unable.items() if its == winner)
        told.append(f"{kinds} requests get a model that cannot serve: {printable(winner, 200)}")
    if option.touched:
        told.append(f"changes decisions of {count(len(option.touched), 'other tenant')}")
    if option.kind == "data":
        told.append("somebody has to change the tenant's settings")
    if {"new-credential", "repair-row"} & set(option.edits):
        told.append("needs a new credential, which only the tenant can get")
    if option.kind == "code":
        told.append("needs a release, and leaves the settings as they are")
    if option.kind == "platform":
        told.append("changes the platform's rules or data, for every tenant")
    return told
