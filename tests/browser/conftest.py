"""A real browser, what it must not do, and what it looks at: hostile snapshots, labs, reports."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

import atomlab
from tests.conftest import ATOM_SCHEMA, PRICES, ROOT
from tests.labs import ATOMLAB

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SCREEN, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 812}
INCIDENT = (
    *(ROOT / "data" / "snapshots" / "brennan-2026-05-02.sqlite", "--tenant", "brennan"),
    *("--hypothesis", ROOT / "data" / "hypotheses" / "brennan-minimax.yaml"),
)
SCREENSHOTS = ROOT / "reports" / "screenshots"

MARKUP = "</script><img src=x onerror=alert(1)>"
SHORT = f"{MARKUP}{{{{7*7}}}}$\\href{{javascript:alert(4)}}{{x}}$"
# The tenants of the hostile snapshot by id. Each runs code, asks another host, or spoils the page
# where it is not escaped.
HOSTILE = {
    "short": f"{SHORT}\u202egnp.exe\x1b[31m",
    "megabyte": f"{SHORT}\u202egnp.exe\x1b[31m" + "M" * 1_000_000,
    "remote": "![x](http://198.51.100.7/x.png)<img src='http://198.51.100.7/y.png'>",
    "style": "<style>*{display:none!important}</style>",
    "attribute": '" onmouseover="alert(2)" autofocus onfocus=\'alert(3)\'',
    "link": "[x](javascript:alert(1))",
    "formula": "=cmd|' /C calc'!A0",
}


@dataclass
class Watch:
    """What a page did that nobody asked it to do: all of it in `heard`, which has to stay empty.

    `allowed` are the beginnings of the addresses that it may ask.
    """

    allowed: tuple[str, ...]
    heard: list[str] = field(default_factory=list)

    def over(self, page: Any) -> None:
        """Listen to the page from now on."""
        page.on("dialog", self._dialog)
        page.on("pageerror", lambda error: self.heard.append(f"error: {error}"))
        page.on("console", self._console)
        page.on("request", lambda request: self._asked(request.url))
        page.on("websocket", lambda socket: self._asked(socket.url))
        page.on("popup", lambda popup: self.heard.append(f"popup: {popup.url}"))

    def _dialog(self, dialog: Any) -> None:
        self.heard.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.heard.append(f"{message.type}: {message.text[:300]}")

    def _asked(self, url: str) -> None:
        if not url.startswith(self.allowed):
            self.heard.append(f"request: {url[:300]}")


@pytest.fixture(scope="package")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return the system's Chromium, headless; nothing that it asks for leaves this machine."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium on the path: install Debian's package chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=CHROMIUM,
            env={**os.environ, "HOME": str(tmp_path_factory.mktemp("chromium"))},
            args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a snapshot whose tenants, plans and a model have hostile names; none finds a model."""
    folder = tmp_path_factory.mktemp("hostile")
    db = sqlite3.connect(folder / "platform.db")
    db.executescript(ATOM_SCHEMA)
    for tenant, name in HOSTILE.items():
        db.execute(
            "INSERT INTO tenants VALUES (?, ?, ?, ?, 'byok', '', NULL)",
            (tenant, name, f"{name} {tenant}", MARKUP),
        )
        db.execute(
            "INSERT INTO tenant_settings (id, tenant_id, setting_key, setting_value)"
            " VALUES (?, ?, 'MINIMAX_2_7_API_KEY', ?)",
            (tenant, tenant, f"sk-{tenant}"),
        )
    db.commit()
    db.close()
    prices = folder / "prices.json"
    evil = {f"minimax/{MARKUP}": PRICES["minimax/MiniMax-M2.5"]}
    prices.write_text(json.dumps(PRICES | evil), encoding="utf-8")
    made = folder / "hostile.sqlite"
    atomlab.capture(str(folder / "platform.db"), made, pricing=prices).close()
    return made


@pytest.fixture(scope="session")
def hostile_claims(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a hypothesis on the hostile snapshot whose title and a statement are hostile too."""
    shipped = ROOT / "data" / "hypotheses" / "brennan-minimax.yaml"
    document = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    document["title"] = f"{MARKUP} {HOSTILE['link']}"
    del document["tenant"]  # a template, for any tenant
    document["claims"][0]["statement"] = HOSTILE["remote"]
    path = tmp_path_factory.mktemp("claims") / "hostile.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


@pytest.fixture
def show(chromium: Any) -> Iterator[Callable[..., tuple[Any, Watch]]]:
    """Return a function that opens a page, and gives it with what it did besides."""
    contexts = []

    def open_page(
        path: Path, scheme: str = "light", viewport: dict[str, int] = SCREEN
    ) -> tuple[Any, Watch]:
        contexts.append(chromium.new_context(viewport=viewport, color_scheme=scheme))
        page, watch = contexts[-1].new_page(), Watch((path.as_uri(), "data:"))
        watch.over(page)
        page.goto(path.as_uri())
        return page, watch

    yield open_page
    for context in contexts:
        context.close()


def made(out: Path, *arguments: object) -> list[Path]:
    """Return the pages that `atomlab report` leaves in `out`, but for those with a script."""
    done = subprocess.run(
        [*ATOMLAB, "report", *map(str, arguments), "--out", str(out)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return sorted(path for path in out.rglob("*.html") if path.name != "explore.html")


def photograph(page: Any, *names: str) -> None:
    """Keep a picture of the whole page, to be looked at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{'-'.join(names)}.png", full_page=True)
