"""Limits: how much of each thing is read, far more than any platform has.

A file from a stranger may hold anything. Within these limits every command ends soon; a
file beyond them is refused with a line that names the limit.
"""

from __future__ import annotations

from collections.abc import Sized

from atomlab.errors import InputError

PRICES = 500_000  # entries of a price map
MODELS = 500_000  # of a model catalogue
CAPABILITIES = 1_000  # of a model
PROVIDERS = 1_000  # of a registry
PAIRS = 50_000_000  # of a provider and a model, each of which is judged
KEY_SETTINGS = 2_000  # of one tenant, and variables of a worker
LINES = 100_000  # of a worker's environment, or entries
# How many repairs are tried at most, and how many models these may judge in all. A repair of a
# defect costs more: the price map may have to be matched again.
DEFECTS, FIX_SETS = (100, 2_000_000), (500, 5_000_000)
RULES = 2_000  # words and numbers of an edition
CLAIMS = 100  # of a hypothesis
TEXT = 2 << 20  # characters of a text in a snapshot: a name, its rules, a part of its manifest
SETTING_NAME = 255  # characters of a setting's name; the platform's own limit


def most_run(limit: tuple[int, int], models: int) -> int:
    """Return how many repairs are tried at most with a price map of this many models."""
    most, judged = limit
    return min(most, judged // max(models, 1))


def check_size(things: Sized, most: int, what: str, where: object) -> None:
    """Raise InputError if a file has more things than are read."""
    if len(things) > most:
        raise InputError(beyond(len(things), most, what), where=where, todo="check the file")


def beyond(number: int, most: int, what: str) -> str:
    """Return the sentence that there are too many of something."""
    return f"it has {number:,} {what}, more than the {most:,} that are read"
