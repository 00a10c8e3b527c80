"""The page in a real browser: on a desktop and a phone, light and dark, by keyboard, offline, on paper."""

import time

import pytest
from PIL import Image

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
FOCUSABLE = "[...document.querySelectorAll(`a[href], summary, video[controls], [tabindex='0']`)]"


def until(tab, condition: str, seconds: float = 60) -> None:
    """Waits; playwright's own way needs eval, which the page's policy forbids."""
    ends = time.monotonic() + seconds
    while not tab.evaluate(condition):
        assert time.monotonic() < ends, condition
        tab.wait_for_timeout(50)


@pytest.fixture(params=[(size, scheme) for size in SIZES for scheme in ("light", "dark")], ids="-".join)
def view(request, browser, page):
    """The page, and what the browser said and asked for meanwhile."""
    size, scheme = request.param
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    tab = context.new_page()
    said, asked = [], []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(page.as_uri())
    until(tab, "[...document.images].every(one => one.complete && one.naturalWidth)")
    yield tab, said, asked
    context.close()


def test_it_shows_without_error_network_or_sideways_scrolling(view, page, tmp_path):
    tab, said, asked = view
    shot = tmp_path / "page.png"
    tab.screenshot(path=shot, full_page=True)
    with Image.open(shot) as image:
        assert image.height > 3000 and len(image.convert("RGB").getcolors(10**6)) > 50  # it is drawn
    assert said == []
    assert [address for address in asked if not address.startswith("data:")] == [page.as_uri()]
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.evaluate("[...document.querySelectorAll('video')].every(one => !one.error)")


def test_a_figure_is_large_enough_to_read_and_scrolls_where_it_must(browser, page):
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    tab.goto(page.as_uri())
    width = "document.querySelector('.plate.wide img').getBoundingClientRect().width"
    natural = "document.querySelector('.plate.wide img').width"
    assert tab.evaluate(f"{width} >= Math.min(500, {natural})")
    tab.emulate_media(media="print")
    assert tab.evaluate(f"{width} <= innerWidth")
    tab.close()


def test_a_video_plays_and_has_words(browser, page):
    tab = browser.new_page()
    tab.goto(page.as_uri())
    tab.evaluate("video = document.querySelector('video'); video.muted = true; void video.play()")
    until(tab, "video.currentTime > 0.1")
    assert tab.evaluate("video.duration") == pytest.approx(1, abs=0.1)
    tab.evaluate("video.textTracks[0].mode = 'showing'")
    until(tab, "video.textTracks[0].cues?.length === 1")
    tab.close()


def test_all_is_reached_by_keyboard_and_seen_to_be(view):
    tab, _, _ = view
    tab.evaluate(f"{FOCUSABLE}.forEach((one, n) => one.dataset.n = n)")
    wanted = set(tab.evaluate(f"{FOCUSABLE}.filter(one => one.checkVisibility()).map(one => one.dataset.n)"))
    reached = []
    for _ in range(3 * len(wanted)):  # a video has several places
        tab.keyboard.press("Tab")
        number = tab.evaluate("document.activeElement.dataset.n ?? ''")
        if not number:
            break
        reached.append(number)
        assert tab.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2
    assert set(reached) == wanted
    assert list(dict.fromkeys(reached)) == sorted(wanted, key=int)  # in the order of the page


def test_the_skip_link_leads_past_the_contents(view):
    tab, _, _ = view
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    assert tab.evaluate("document.activeElement.getBoundingClientRect().top") >= 0  # it comes into sight
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_details_open_by_keyboard(view):
    tab, _, _ = view
    tab.focus("details summary")
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.querySelector('details').open")


def test_paper_shows_what_is_folded(browser, page):
    tab = browser.new_page()
    tab.goto(page.as_uri())
    table = "<details><table id=t><tr><td>1</td></tr></table></details>"
    tab.evaluate(f"document.querySelector('main').insertAdjacentHTML('beforeend', '{table}')")
    seen = "document.querySelector('#t').checkVisibility({contentVisibilityAuto: true})"
    assert not tab.evaluate(seen)
    tab.emulate_media(media="print")
    until(tab, seen)
    assert not tab.evaluate("document.querySelector('nav').checkVisibility()")
    tab.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing(browser, page, size, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe: make setup installs it")
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, bypass_csp=True
    )  # axe is a script, which the page itself lets none in
    tab = context.new_page()
    tab.goto(page.as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = axe.Axe().run(tab).response["violations"]
    context.close()
    assert [(one["id"], one["nodes"][0]["html"][:150]) for one in found] == []
