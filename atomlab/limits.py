"""Limits: how much of each thing is read, far above what any platform has.

A file from a stranger may hold anything. Within these limits every command ends soon; what is
beyond them is refused with a line that names the limit.
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
# Of the repairs that may explain an error those that are run, as far as that judges so many models
# anew: a defect's own may need the price map matched again, others do not.
DEFECTS, FIX_SETS = (100, 2_000_000), (500, 5_000_000)
RULES = 2_000  # words and numbers of an edition
CLAIMS = 100  # of a hypothesis
TEXT = 2 << 20  # characters of a text in a snapshot: a name, its rules, a part of its manifest
SETTING_NAME = 255  # characters of a setting's name; the platform's own limit


def most_run(limit: tuple[int, int], models: int) -> int:
    """Return how many repairs are run at most on a price map of so many models."""
    most, judged = limit
    return min(most, judged // max(models, 1))


def check_size(things: Sized, most: int, what: str, where: object) -> None:
    """Raise InputError if a file has more things than are read."""
    if len(things) > most:
        raise InputError(beyond(len(things), most, what), where=where, todo="check the file")


def beyond(number: int, most: int, what: str) -> str:
    """Return the sentence that there are too many of something."""
    return f"it has {number:,} {what}, more than the {most:,} that are read"
