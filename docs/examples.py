"""What the documentation's examples run on, and how they are run.

The site shows what this gives (`building`), and the tests compare it with what the pages say.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gzip
import io
import json
import os
import runpy
import shlex
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml

from atomlab.cli import main
from tests.diagnosis.made import KEY, Made, capture_made
from tests.small import chat

ROOT = Path(__file__).parents[1]

# A platform of seven models; each tenant has a cause that no tenant of a shipped snapshot has.
_MODELS: dict[str, dict[str, Any]] = {
    "openai/gpt-4o": chat("openai"),
    "openai/gpt-4o-mini": chat("openai", supports_function_calling=False),
    "deepseek/deepseek-chat": chat("deepseek"),
    "groq/llama-3-70b": chat("groq", max_input_tokens=6_000),
    "mistral/mistral-large": chat("mistral"),
    "cohere/command-r": chat("cohere"),
    "ai21/jamba": chat("ai21"),
}
_REGISTRY = [
    {"id": name, "api_key_env_var": f"{name.upper()}_API_KEY", **more}
    for name, more in {
        "openai": {},
        "deepseek": {},
        "groq": {},
        "mistral": {"health_score": 0.3},
        "cohere": {},
    }.items()
]
_RULES = {
    "name": "example",
    "based_on": "hosted-2026-05",
    "llm_providers": ["openai", "deepseek", "groq", "mistral"],
    "placeholder_prefixes": ["your-"],
}
_CATALOG = [
    {"model_id": "openai/gpt-4o", "capabilities": ["chat", "vision"]},
    {
        "model_id": "deepseek/deepseek-chat",
        "capabilities": ["chat"],
        "exclude_from_general_routing": True,
    },
]
_TENANTS = {
    "narrow": Made("team", rows={"GROQ_API_KEY": KEY}),
    "unhealthy": Made("team", rows={"MISTRAL_API_KEY": KEY}),
    "excluded": Made("team", rows={"DEEPSEEK_API_KEY": KEY}),
    "placeholder": Made("team", rows={"OPENAI_API_KEY": "your-key-goes-here"}),
    "cohere": Made("team", rows={"COHERE_API_KEY": KEY}),
    "jamba": Made("team", rows={"AI21_API_KEY": KEY}),
    "chatty": Made("team", rows={"GROQ_API_KEY": KEY, "OPENAI_API_KEY": KEY}),
    "toolless": Made("free", "managed", rows={"OPENAI_API_KEY": KEY}),
}
_REQUESTS = """tenant,complexity,tools,at
brennan,moderate,false,2026-05-02T08:00:01Z
brennan,moderate,false,2026-05-02T08:03:20Z
brennan,advanced,false,2026-05-02T08:04:02Z
fjord,simple,true,2026-05-02T08:05:03Z
nobody,simple,false,2026-05-02T08:06:00Z
"""
_PRICES = {
    "example": _MODELS,
    "empty-cache": {"pricing": {}},
    "broken-entry": {**_MODELS, "lost/model": chat("lost", litellm_provider=None)},
}


@contextlib.contextmanager
def furnished() -> Iterator[None]:
    """Be in a folder of its own with what the examples talk about, 80 columns wide."""
    settings = {"ATOM_DB": "production.db", "COLUMNS": "80", "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory(prefix="atomlab-docs-") as folder:
        shutil.copytree(_template(), folder, symlinks=True, dirs_exist_ok=True)
        with contextlib.chdir(folder), patch.dict(os.environ, settings):
            yield


@functools.cache
def _template() -> Path:
    """Return a folder, kept while this process runs, with a clone's data, a database, prices."""
    folder = Path(tempfile.mkdtemp(prefix="atomlab-docs-"))
    atexit.register(shutil.rmtree, folder)
    for name in ("data", "notebooks"):
        (folder / name).symlink_to(ROOT / name)
    for path in (ROOT / "data" / "pricing").glob("*.gz"):
        (folder / "ai_pricing_cache.json").write_bytes(gzip.decompress(path.read_bytes()))
    claims = ROOT / "data" / "hypotheses" / "brennan-minimax.yaml"
    (folder / "mine.yaml").write_bytes(claims.read_bytes())
    build = runpy.run_path(str(ROOT / "data" / "build.py"))
    build["build_database"](folder / "production.db", build["TENANTS"])
    _capture_made(folder / "made")
    (folder / "requests.csv").write_text(_REQUESTS)
    return folder


def _capture_made(folder: Path) -> None:
    """Capture the platform of seven models, once for each of the price caches."""
    folder.mkdir()
    registry, rules, catalog = (folder / name for name in ("registry", "rules", "catalog"))
    registry.write_text(json.dumps({"providers": _REGISTRY}))
    rules.write_text(yaml.safe_dump(_RULES))
    catalog.write_text(json.dumps(_CATALOG))
    for name, prices in _PRICES.items():
        (folder / name).mkdir()
        options = {"rules": str(rules), "providers": registry, "catalog": catalog}
        capture_made(folder / name, _TENANTS, prices, **options).close()
        (folder / name / "made.sqlite").rename(folder / f"{name}.sqlite")


def run(command: str) -> tuple[int, str]:
    """Return the exit code of a command line, and what a terminal shows, in its order."""
    words, _, target = command.partition(" > ")
    terminal, output = io.StringIO(), io.StringIO()
    called = shlex.split(words)
    if called[0] != "atomlab":
        return _run_other(called)
    with (
        patch.object(sys, "argv", called),
        patch.object(sys.modules["__main__"], "__package__", None),  # help names the program
        contextlib.redirect_stderr(terminal),
        contextlib.redirect_stdout(output if target else terminal),
    ):
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        else:
            raise RuntimeError(f"it did not end with an exit code: {command}")
    if target:
        Path(target).write_text(output.getvalue(), encoding="utf-8")
    return code, terminal.getvalue()


def _run_other(words: list[str]) -> tuple[int, str]:
    """Do what these programs do, of which the examples need no more."""
    match words:
        case ["cp", source, target]:
            shutil.copy(source, target)
        case ["sqlite3", database, "<", script]:
            with contextlib.closing(sqlite3.connect(database)) as db:
                db.executescript(Path(script).read_text(encoding="utf-8"))
        case _:
            raise ValueError(f"no example may call {words[0]}")
    return 0, ""
