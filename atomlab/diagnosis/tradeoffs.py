"""Pros and cons of an option, as far as running it for every tenant shows them."""

from __future__ import annotations

from atomlab.diagnosis.options import Option
from atomlab.text import count, printable


def pros(option: Option) -> list[str]:
    """Return the pros of the option, each a sentence without its full stop."""
    tried = len(option.cures) + len(option.leaves)
    found = []
    if option.cures:
        found.append(f"cures {len(option.cures)} of {count(tried, 'failing kind')} of request")
    if not option.touched:
        found.append("changes nothing for other tenants")
    if option.kind == "data":
        found.append("needs no change of code or configuration")
    if set(option.edits) == {"copy-key"}:
        found.append("needs no new key: the tenant already has it")
    if option.kind == "code":
        found.append("nobody has to change the tenant's settings")
    return found


def cons(option: Option) -> list[str]:
    """Return its cons, each a sentence without its full stop."""
    found = []
    if option.leaves:
        found.append(f"does not cure {', '.join(option.leaves)} requests")
    for winner in dict.fromkeys(option.unable.values()):
        kinds = ", ".join(name for name, its in option.unable.items() if its == winner)
        found.append(f"{kinds} requests get a model that cannot serve: {printable(winner, 200)}")
    if option.touched:
        found.append(f"changes decisions for {count(len(option.touched), 'other tenant')}")
    if option.kind == "data":
        found.append("somebody has to change the tenant's settings")
    if {"new-credential", "repair-row"} & set(option.edits):
        found.append("needs a new credential, which only the tenant can get")
    if option.kind == "code":
        found.append("needs a release, and leaves the settings as they are")
    if option.kind == "platform":
        found.append("changes the platform's rules or data, for every tenant")
    return found
