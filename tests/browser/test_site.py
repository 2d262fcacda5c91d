"""The documentation's site as it is built: complete, without a network, on a screen and a phone."""

from __future__ import annotations

import functools
import http.server
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from docs.building import DOCUMENTS
from tests.browser.conftest import PHONE, SCREEN, Watch
from tests.conftest import ROOT

pytestmark = pytest.mark.slow
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "srcset"}


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the site, built as `make docs` does, warnings being errors."""
    folder = tmp_path_factory.mktemp("site")
    (line,) = re.findall(r"-m (sphinx .+)", (ROOT / "Makefile").read_text())
    words = line.replace("docs/_build/", f"{folder}/").split()
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


class Addresses(HTMLParser):
    """What a page loads, what it links to, and the names of its places."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.ids.add(named.get("id") or "")
        if named.get(LOADED.get(tag, "")):
            self.loaded.append(str(named[LOADED[tag]]))
        if tag == "a" and named.get("href"):
            self.linked.append(str(named["href"]))


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[Path, Addresses]:
    """Return every page of the site with its addresses."""
    return {path: Addresses(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def test_every_page_and_document_is_there(site, pages):
    """Each page of docs/ is a page of the site; so is what atomlab made for it."""
    wanted = {f"{path.stem}.html" for path in (ROOT / "docs").glob("*.md")}
    wanted |= {f"made/{name}.html" for name in DOCUMENTS}
    assert wanted <= {str(path.relative_to(site)) for path in pages}
    linked = {link for found in pages.values() for link in found.linked}
    assert {f"made/{name}.html" for name in DOCUMENTS} <= linked


def test_no_page_loads_anything_from_elsewhere(site, pages):
    """Scripts, styles, pictures and fonts are in the folder; only links in the text lead out."""
    loaded = [address for found in pages.values() for address in found.loaded]
    for path in site.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        loaded += re.findall(r"url\(\s*['\"]?([^'\")]+)", text) + re.findall(r"@import[^;]+", text)
    assert len(loaded) > len(pages)
    assert [a for a in loaded if re.match(r"(\w+:)?//|@import", a)] == []


def test_every_link_inside_the_site_leads_somewhere(site, pages):
    """Each relative link has its file, and its place there; those of `llms.txt` as well."""
    listed = re.findall(r"\]\(([^)]+)\)", (site / "llms.txt").read_text(encoding="utf-8"))
    assert listed
    links = [(site / "index.html", link) for link in listed]
    links += [(path, link) for path, found in pages.items() for link in found.linked]
    for page, link in links:
        parts = urlsplit(link)
        if not parts.scheme and link != "#":
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            assert target.is_file(), (page, link)
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].ids, (page, link)


@pytest.fixture(scope="session")
def served(site: Path) -> Iterator[str]:
    """Return the address of the site as `python -m http.server` gives it."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("way", ["file", "http"])
def test_a_search_finds_pages_without_a_network(way, site, served, chromium):
    """From a file and from a server on this machine; nothing else is asked, nothing fails."""
    start = site.as_uri() if way == "file" else served
    page, watch = chromium.new_page(), Watch((start, "data:"))
    watch.over(page)
    page.goto(f"{start}/index.html")
    page.locator("input[name=q]").fill("placebo")
    page.locator("input[name=q]").press("Enter")
    page.locator("#search-results", has_text="Search finished").wait_for()
    found = page.locator("#search-results li a").all_inner_texts()
    page.wait_for_timeout(300)  # for the extracts, which a server gives
    page.close()
    assert {"How a verdict is reached", "Glossary"} <= set(found)
    assert watch.heard == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [SCREEN, PHONE], ids=["screen", "phone"])
def test_pages_fit_and_follow_the_scheme(viewport, scheme, site, chromium):
    """No page is wider than the window; the ground is light or dark as the reader wants it."""
    context = chromium.new_context(viewport=viewport, color_scheme=scheme)
    page, watch = context.new_page(), Watch((site.as_uri(), "data:"))
    watch.over(page)
    for path in site.glob("*.html"):
        page.goto(path.as_uri())
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= viewport["width"], path.name
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (int(re.findall(r"\d+", ground)[0]) > 128) == (scheme == "light"), path.name
    context.close()
    assert watch.heard == []
