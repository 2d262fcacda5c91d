"""The explorer's page in a real browser: what it shows, its keyboard, links and silence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import atomlab
from atomlab.report.explorer import explorer_page
from atomlab.show.explorer import case_data, sentence
from tests.browser.conftest import HOSTILE, PHONE, photograph
from tests.browser.test_explorer_decides import engine_in
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

BRENNAN = ROOT / "data" / "snapshots" / "brennan-2026-05-02.sqlite"
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
NAMELESS = """() => [...document.querySelectorAll('input, select, textarea, button')]
    .filter(e => !(e.labels?.length || e.textContent.trim())).length"""


@pytest.fixture(scope="module")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that writes the explorer of a tenant of a snapshot."""

    def make(tenant: str = "brennan", snapshot: Path = BRENNAN) -> Path:
        path = tmp_path_factory.mktemp("explorer") / "explore.html"
        with atomlab.open_snapshot(snapshot) as opened:
            path.write_text(explorer_page(case_data(atomlab.triage(opened, tenant))), "utf-8")
        return path

    return make


@pytest.fixture(scope="module")
def brennan(page_of: Any) -> Path:
    """Return the explorer of the incident."""
    return page_of()


def said(page: Any) -> str:
    return str(page.locator(".said").text_content())


def test_the_incident_from_key_to_cure(show, brennan):
    """No models; with the key MiniMax-M2.5; for advanced requests none; with OpenAI's one again."""
    page, watch = show(brennan)
    assert said(page).startswith('The platform raises "No models available from dynamic pricing".')
    page.get_by_label("Kind", exact=True).select_option("moderate")
    page.get_by_role("switch", name="MINIMAX_API_KEY").check()
    assert said(page).startswith("The winner is minimax/MiniMax-M2.5, through minimax.")
    page.get_by_label("Kind", exact=True).select_option("advanced")
    assert said(page).startswith("The platform raises")
    page.get_by_role("switch", name="OPENAI_API_KEY").check()
    assert said(page).startswith("The winner is gpt-5-nano, through openai.")
    why = page.get_by_role("table").last.locator("tbody tr td:last-child").all_text_contents()
    assert why[:2] == ["same value score, later in the price map", "lower value score"]
    with atomlab.open_snapshot(BRENNAN) as snapshot:
        ranked = atomlab.rank(
            atomlab.load_platform(snapshot.session),
            ("openai", "minimax", "minimax_2_7"),
            atomlab.Request("advanced", managed=False),
        )
    assert said(page) == sentence(ranked)
    assert page.locator(".clients li").all_text_contents() == [
        "openaiserves 155 models",
        "minimaxserves 9 models",
        "minimax_2_7serves 0 models",
    ]
    page.get_by_role("button", name="As captured").click()
    assert said(page).startswith("The platform raises")
    assert watch.heard == []


def test_the_address_carries_the_question(show, brennan):
    """A link opens the same state; what the page does not know is left out."""
    page, watch = show(brennan)
    page.get_by_role("switch", name="OPENAI_API_KEY").check()
    page.get_by_label("Kind", exact=True).select_option("advanced")
    link = page.url
    assert "#on=OPENAI_API_KEY&kind=advanced" in link
    found = said(page)
    page.evaluate("location.hash = ''")
    page.wait_for_function("!document.querySelector('[role=switch].x') && location.hash === ''")
    assert said(page) != found
    page.goto(link)
    assert said(page) == found
    page.goto(f"{link}&plan=none-such&on={quote('<img src=x>')}&managed=maybe&tools=7")
    assert said(page) == found
    assert watch.heard == []


def test_in_another_pages_frame_it_decides_all_the_same(chromium, brennan):
    """A preview of a mail has no address to keep the question in, and nothing fails for it."""
    page = chromium.new_page()
    heard: list[str] = []
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.set_content("<iframe sandbox='allow-scripts'></iframe>")
    page.evaluate(
        "html => { document.querySelector('iframe').srcdoc = html; }",
        brennan.read_text(encoding="utf-8"),
    )
    framed = page.frame_locator("iframe")
    framed.get_by_role("switch", name="OPENAI_API_KEY").check()
    assert str(framed.locator(".said").text_content()).startswith("The winner is ")
    assert heard == []
    page.close()


def test_the_keyboard_is_enough(show, brennan):
    """Every switch is an input that is reached in the order of the page, and shows its focus."""
    page, _ = show(brennan)
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.labels?.[0]?.textContent ?? ''"))
    inputs = page.locator("input, select, textarea").evaluate_all(
        "all => all.map(e => e.labels[0].textContent)"
    )
    assert [text for text in reached if text][: len(inputs)] == inputs
    switch = page.get_by_role("switch", name="MINIMAX_API_KEY")
    switch.focus()
    page.keyboard.press("Space")
    assert switch.is_checked()
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    assert page.evaluate(NAMELESS) == 0


def test_a_screen_reader_finds_its_way(show, brennan):
    """A live region for the decision, named sections, and tables whose cells have headings."""
    page, _ = show(brennan)
    assert page.locator("[role=status][aria-live=polite] .said").count() == 1
    assert page.locator("h1").count() == page.locator("main").count() == 1
    names = [h.text_content() for h in page.locator("section > h2").all()]
    assert names == ["Keys and request", "Clients", "Models", "Take it along"]
    for table in page.locator("table").all():
        assert table.locator("caption").text_content()
        heads = table.locator("thead th[scope=col]").count()
        for row in table.locator("tbody tr").all():
            assert row.locator("th[scope=row]").count() == 1
            assert row.locator("td").count() == heads - 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_and_can_be_read(show, brennan, scheme, width):
    """Nothing is cut off on a phone; dark where the reader's screen is."""
    page, watch = show(brennan, scheme, {**PHONE, "width": width})
    assert page.evaluate(WIDER) <= 0
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    photograph(page, "explorer", scheme, str(width))
    assert watch.heard == []


def test_still_where_motion_is_not_wanted(chromium, brennan):
    """No transition is left."""
    context = chromium.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(brennan.as_uri())
    moving = "e => getComputedStyle(e).transitionDuration"
    assert page.get_by_role("switch").first.evaluate(moving) == "0s"
    context.close()


def test_the_policy_blocks_what_is_not_the_pages(chromium, brennan, tmp_path):
    """A script, a handler or a picture that gets into the file all the same does nothing."""
    html = brennan.read_text(encoding="utf-8")
    evil = "<script>window.hit = 1</script><img src=x onerror='window.hit = 2'>"
    far = "<img src='http://198.51.100.7/x.png'><style>* { display: none }</style>"
    path = tmp_path / "evil.html"
    path.write_text(html.replace("</body>", f"{evil}{far}</body>"), encoding="utf-8")
    page = chromium.new_page()
    asked: list[str] = []
    refusals: list[str] = []
    page.on("requestfinished", lambda request: asked.append(request.url))
    page.on("console", lambda message: refusals.append(message.text))
    page.goto(path.as_uri())
    page.wait_for_timeout(200)
    assert page.evaluate("window.hit") is None
    assert page.locator(".said").is_visible()
    assert asked == [path.as_uri()]
    assert len([text for text in refusals if "Content Security Policy" in text]) >= 4
    page.close()


@pytest.mark.parametrize("tenant", [name for name in HOSTILE if name != "megabyte"])
def test_hostile_names_are_text(show, page_of, hostile, tenant):
    """Of tenants, plans and models; nothing runs, nothing is asked for, nothing is hidden."""
    page, watch = show(page_of(tenant, hostile))
    page.get_by_role("switch", name="MINIMAX_API_KEY").check()
    page.get_by_label("Mode", exact=True).select_option("managed")
    assert page.locator("h1").is_visible()
    assert page.locator("img, main script, main style, main a").count() == 0
    text = page.locator("body").inner_text()
    assert not set(text) & {"\u202e", "\x1b"}
    if tenant == "short":
        assert "{{7*7}}" in text
    assert "</script>" in page.get_by_label("Plan", exact=True).inner_text()
    assert watch.heard == []


@pytest.fixture(scope="module")
def engine(chromium: Any) -> Iterator[Any]:
    """Return a page that has what the module exports."""
    with engine_in(chromium) as page:
        yield page


FLIPS = """states => states.map(state => {
    const world = explorer.unpack(window.data), on = world.keys.map(key => key.on);
    for (const name of state.flip) {
        const place = world.keys.findIndex(key => key.name === name);
        on[place] = 1 - on[place];
    }
    const asked = { ...world.start, ...state.ask, on };
    return [explorer.hypothesis(world, asked), explorer.todo(world, asked)];
})"""


@pytest.mark.parametrize(
    ("tenant", "flip", "ask", "kinds"),
    [
        ("brennan", ["MINIMAX_API_KEY"], {}, {"key_absent", "client_absent", "fix_resolves"}),
        ("brennan", ["OPENAI_API_KEY"], {"kind": "advanced"}, {"key_absent", "ranking_raises"}),
        ("brennan", ["MINIMAX_2_7_API_KEY"], {}, {"key_present", "client_present"}),
        ("brennan", [], {}, {"client_present", "ranking_raises"}),
        ("brennan", ["OPENAI_API_KEY", "GROQ_API_KEY"], {"managed": True, "plan": 2}, set()),
        ("northwind", [], {"tools": True}, {"client_present"}),
        ("northwind", ["MISTRAL_API_KEY"], {"kind": "complex"}, {"key_absent"}),
    ],
)
def test_a_change_as_a_hypothesis_is_confirmed(engine, run, tmp_path, tenant, flip, ask, kinds):
    """`atomlab verify` takes the file, and every claim in it holds."""
    with atomlab.open_snapshot(BRENNAN) as snapshot:
        data = case_data(atomlab.triage(snapshot, tenant))
    ((claims, todo),) = engine.evaluate(
        f"([data, states]) => {{ window.data = data; return ({FLIPS})(states); }}",
        [data, [{"flip": flip, "ask": ask}]],
    )
    path = tmp_path / "claims.yaml"
    path.write_text(claims, encoding="utf-8")
    loaded = atomlab.load_hypothesis(path)
    assert kinds <= {claim.kind for claim in loaded.claims}
    code, out, err = run("verify", BRENNAN, path)
    assert code == 0, f"{claims}\n{out}{err}"
    assert claims.isascii()
    if "fix_resolves" in kinds:
        assert "INSERT INTO tenant_settings" in todo
    assert "sk-" not in todo
