"""An answer in time: the model's own order comes back, no word is lost, and none is said over another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonverbal.layouts import FPS
from nonverbal.mars.interleave import interleave, motion_events, render, word_events
from nonverbal.talk.schedule import Answer, Pace, read_answer, runs, schedule

USUAL = Pace(0.36, 0.2)


@st.composite
def answers(draw: st.DrawFn) -> tuple[Answer, list[Pace]]:
    """Any number of words before, between and after any number of pairs, and how long each word takes."""
    counts = draw(st.lists(st.integers(0, 9), min_size=1, max_size=8))
    before = [slot for slot, count in enumerate(counts) for _ in range(count)]
    least = [draw(st.floats(0.02, 0.8)) for _ in before]
    paces = [Pace(short * draw(st.floats(1, 3)), short) for short in least]
    pairs = [(draw(st.integers(0, 9)), draw(st.integers(0, 9))) for _ in counts[1:]]
    return Answer([f"w{i}" for i in range(len(before))], before, pairs), paces


def text_of(answer: Answer, starts: list[float], firsts: list[int]) -> str:
    """The answer at these times as stage mars writes it."""
    face, body = (
        motion_events(part, [(first, [pair[i]]) for first, pair in zip(firsts, answer.pairs, strict=True)])
        for i, part in enumerate(("face", "body"))
    )
    return render(interleave(word_events(zip(answer.words, starts, strict=True)), face, body))


@given(answers())
def test_words_and_pairs_in_time_are_the_models_text_again(made: tuple[Answer, list[Pace]]) -> None:
    answer, paces = made
    times = schedule(answer, paces)
    assert read_answer(text_of(answer, times.starts, times.firsts)) == answer


@given(answers())
def test_each_word_has_the_time_it_needs_and_pairs_last_eight_frames(made: tuple[Answer, list[Pace]]) -> None:
    answer, paces = made
    times = schedule(answer, paces)
    for start, after, pace in zip(times.starts, times.starts[1:], paces, strict=False):
        assert after >= start + pace.least - 1e-9
    assert all(after >= first + 8 for first, after in zip(times.firsts, times.firsts[1:], strict=False))
    ends = [
        *(first + 8 for first in times.firsts[-1:]),
        *(FPS * (start + paces[-1].usual) for start in times.starts[-1:]),
    ]
    assert times.frames >= max(ends, default=0) - 1e-3 and times.frames < max(ends, default=0) + 1


def test_motion_is_the_clock_where_speech_has_the_time() -> None:
    answer = read_answer("well<FACE_1><BODY_1><FACE_2><BODY_2> yes it<FACE_3><BODY_3><FACE_4><BODY_4> is")
    times = schedule(answer, [USUAL] * 4)
    assert times.firsts == [0, 8, 16, 24]
    assert [round(start * FPS, 2) for start in times.starts] == [0, 11, 16, 29]  # the second of two waits for the first
    assert times.frames == 38  # the last word ends at 1.52 s


def test_more_words_than_can_be_said_between_two_pairs_open_a_gap() -> None:
    answer = read_answer("a<FACE_1><BODY_1> b c d e f g<FACE_2><BODY_2><FACE_3><BODY_3>")
    times = schedule(answer, [USUAL] * 7)
    assert times.firsts[1] == 54  # g begins at 6 x 0.36 s = frame 54
    assert runs(times.firsts) == [range(0, 1), range(1, 3)]
    assert [round(after - start, 6) for start, after in zip(times.starts[1:], times.starts[2:], strict=False)] == [
        0.36
    ] * 5


@pytest.mark.parametrize(
    "text, words, before, pairs",
    [
        ("", [], [], []),
        ("only words", ["only", "words"], [0, 0], []),
        ("<FACE_7><BODY_9>", [], [], [(7, 9)]),
        ("<SOT>a<FACE_1><BODY_2> b<EOT>", ["a", "b"], [0, 1], [(1, 2)]),
        ("a<BODY_2> b<FACE_1> c<FACE_1><BODY_3>d", ["a", "b", "c", "d"], [0, 0, 0, 1], [(1, 3)]),
    ],
)
def test_an_answer_is_taken_apart(text: str, words: list[str], before: list[int], pairs: list) -> None:
    assert read_answer(text) == Answer(words, before, pairs)


def test_nothing_takes_no_time() -> None:
    assert schedule(Answer([], [], []), []).frames == 0
    assert runs([]) == []
