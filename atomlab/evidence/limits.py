"""Limits: how much of each thing is read, far above what any platform has.

A file from a stranger may hold anything. Within these limits every command ends soon; what is
beyond them is refused with a line that names the limit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sized

from atomlab.errors import InputError
from atomlab.evidence.schema import FORMATS

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

_AT_MOST = {
    "providers": ("SELECT count(*) FROM providers", PROVIDERS, "providers"),
    "pricing": ("SELECT count(*) FROM pricing", PRICES, "prices"),
    "model_catalog": ("SELECT count(*) FROM model_catalog", MODELS, "models in the catalogue"),
    "environment": ("SELECT count(*) FROM environment", KEY_SETTINGS, "variables"),
    "tenant_settings": (
        "SELECT count(*) AS n FROM tenant_settings GROUP BY tenant_id ORDER BY n DESC LIMIT 1",
        KEY_SETTINGS,
        "key settings of one tenant",
    ),
}


def most_run(limit: tuple[int, int], models: int) -> int:
    """Return how many repairs are run at most on a price map of so many models."""
    most, judged = limit
    return min(most, judged // max(models, 1))


def check_sizes(connection: sqlite3.Connection, version: int) -> None:
    """Raise ValueError, saying what there is too much of, if a snapshot is beyond the limits."""
    for table in ("manifest", *FORMATS[version][1]):
        columns = [name for name, *_ in connection.execute(f"SELECT * FROM {table}").description]  # noqa: S608
        at_most = {name: SETTING_NAME if name == "setting_key" else TEXT for name in columns}
        too_long = " OR ".join(f"length({name}) > {most}" for name, most in at_most.items())
        if connection.execute(f"SELECT 1 FROM {table} WHERE {too_long}").fetchone():  # noqa: S608
            raise ValueError(f"table {table} has a text that is too long")
    for table, (query, most, what) in _AT_MOST.items():
        if table in FORMATS[version][1]:
            [number] = connection.execute(query).fetchone() or [0]
            if number > most:
                raise ValueError(beyond(number, most, what))


def check_size(things: Sized, most: int, what: str, where: object) -> None:
    """Raise InputError if a file has more things than are read."""
    if len(things) > most:
        raise InputError(beyond(len(things), most, what), where=where, todo="check the file")


def beyond(number: int, most: int, what: str) -> str:
    """Return the sentence that there are too many of something."""
    return f"it has {number:,} {what}, more than the {most:,} that are read"
