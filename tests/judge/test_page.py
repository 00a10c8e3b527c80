"""The page in a real browser: on a desktop and a phone, by keyboard and by touch."""

import json
import threading

import pytest
from judge_cases import HOSTILE

from nonverbal.judge.serve import Server
from nonverbal.judge.sitting import Sitting

DRAWN = """(id) => {
    const canvas = document.getElementById(id), data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return data.some((value, place) => place % 4 === 3 && value > 0);
}"""  # noqa: E501 - whether a canvas holds anything


@pytest.fixture(params=[(1200, 800, False), (390, 780, True)], ids=["desktop", "phone"])
def tab(request, browser, made, tmp_path):
    """The page with a name given, in a window and on a phone; what the console said must be nothing."""
    width, height, phone = request.param
    with Server(Sitting(made, tmp_path), 0) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        context = browser.new_context(viewport={"width": width, "height": height}, has_touch=phone, is_mobile=phone)
        context.set_default_timeout(10_000)
        page, said = context.new_page(), []
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(server.address)
        page.wait_for_selector("#enter:not([hidden])")
        assert not page.is_visible("#question") and not page.is_visible("#undo")  # there is nothing to do yet
        page.fill("#name", "ada")
        page.keyboard.press("Enter")
        page.wait_for_selector("#task:not([hidden])")
        yield page
        context.close()
        server.shutdown()
    assert said == []


def choose(tab, question: str) -> None:
    tab.select_option("#question", question)
    tab.wait_for_function("(name) => unit && unit.question === name", arg=question)


def test_keys_judge_undo_and_keep_what_was_said(tab, tmp_path):
    choose(tab, "safe")
    for key, count in (("y", "1 of 5"), ("n", "2 of 5"), ("u", "3 of 5"), ("z", "2 of 5")):
        tab.keyboard.press(key)
        tab.wait_for_function("(said) => document.getElementById('count').textContent === said", arg=count)
    said = [json.loads(line)["verdict"] for line in (tmp_path / "ada.jsonl").read_text().splitlines()]
    assert said == ["yes", "no", "unsure", "undone"]
    tab.reload()  # goes on where it was, without asking for the name again
    tab.wait_for_selector("#task:not([hidden])")
    choose(tab, "safe")
    assert tab.inner_text("#count") == "2 of 5"


def test_buttons_are_large_and_nothing_scrolls_sideways(tab):
    for question in ("safe", "words", "face"):
        choose(tab, question)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        boxes = [one.bounding_box() for one in tab.query_selector_all("[data-verdict]")]
        assert all(box["height"] >= 44 and box["width"] >= 44 for box in boxes)
    before = tab.inner_text("#count")
    tab.click("[data-verdict=yes]")
    tab.wait_for_function("(said) => document.getElementById('count').textContent !== said", arg=before)


def test_hostile_words_are_text(tab):
    choose(tab, "safe")
    assert tab.evaluate("document.getElementById('text').textContent") == HOSTILE
    assert tab.evaluate("document.querySelectorAll('img').length") == 1


def test_a_movie_plays_with_a_box_about_who_is_said_to_speak(tab):
    choose(tab, "speaker")
    tab.wait_for_function("() => movie.videoWidth === 160 && movie.duration > 0.5")
    tab.wait_for_function(DRAWN, arg="box")
    tab.keyboard.press("r")
    tab.wait_for_function("() => movie.currentTime > 0.1 || movie.ended")


def test_a_frame_has_a_box_and_is_shown_from_near_by(tab):
    choose(tab, "face")
    tab.wait_for_function("() => picture.naturalWidth === 160")
    tab.wait_for_function(DRAWN, arg="box")
    tab.wait_for_function(DRAWN, arg="near")


def test_what_is_gone_is_told_and_the_end_too(tab):
    choose(tab, "two_speakers")
    assert "can't be shown: their media are gone" in tab.inner_text("#count")
    for _ in range(3):
        if tab.is_visible("#task"):
            before = tab.inner_text("#count")
            tab.keyboard.press("y")
            tab.wait_for_function("(said) => document.getElementById('count').textContent !== said", arg=before)
    assert not tab.is_visible("#task")
    assert "Nothing is left to judge here" in tab.inner_text("#message")
