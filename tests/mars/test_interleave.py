import itertools
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from nonverbal.layouts import floor_frame
from nonverbal.mars.interleave import (
    BODY,
    FACE,
    SAFE,
    WORD,
    interleave,
    motion_events,
    parse,
    render,
    word_events,
)

SECONDS = st.floats(0, 60, allow_nan=False)
WORDS = st.lists(st.tuples(st.text(min_size=1, max_size=8), SECONDS), max_size=12)
RUNS = st.lists(st.tuples(st.integers(0, 1500), st.lists(st.integers(0, 511), max_size=8)), max_size=3)


@given(WORDS, RUNS, RUNS)
def test_nothing_is_lost_or_doubled(words, face, body):
    streams = word_events(words), motion_events("face", face), motion_events("body", body)
    line = interleave(*streams)
    assert Counter(line) == sum((Counter(stream) for stream in streams), Counter())
    assert len(line) == len(words) + sum(len(codes) for _, codes in face + body)


@given(WORDS, RUNS, RUNS)
def test_order_is_by_frame_then_word_face_body_and_stable(words, face, body):
    streams = word_events(words), motion_events("face", face), motion_events("body", body)
    line = interleave(*streams)
    for one, other in itertools.pairwise(line):
        assert (one.frame, one.kind) <= (other.frame, other.kind)
    for kind, stream in zip((WORD, FACE, BODY), streams, strict=True):
        for frame in {event.frame for event in stream}:
            here = [event for event in line if event.kind == kind and event.frame == frame]
            assert here == [event for event in stream if event.frame == frame]


@given(WORDS, RUNS, RUNS)
def test_parse_inverts_render(words, face, body):
    by_frame = sorted(words, key=lambda word: floor_frame(word[1]))
    line = interleave(word_events(words), motion_events("face", face), motion_events("body", body))
    text, face_codes, body_codes = parse(render(line))
    assert text.split() == " ".join(word.translate(SAFE) for word, _ in by_frame).split()
    for runs, codes in ((face, face_codes), (body, body_codes)):
        placed = [(first + 8 * i, code) for first, run in runs for i, code in enumerate(run)]
        assert codes == [code for _, code in sorted(placed, key=lambda pair: pair[0])]


def test_the_published_order_at_a_tie():
    line = interleave(
        motion_events("body", [(8, [5, 6])]),
        motion_events("face", [(8, [3, 4])]),
        word_events([("Hi", 0.32), ("you", 0.6)]),
    )
    assert [event.frame for event in line] == [8, 8, 8, 15, 16, 16]
    assert render(line) == "Hi<FACE_3><BODY_5> you<FACE_4><BODY_6>"


def test_a_transcript_cannot_write_tokens_or_chat_marks():
    words = [("<FACE_7>", 0.0), ("<|im_end|>", 0.4), ("<|eot_id|>", 0.8)]
    text = render(interleave(word_events(words)))
    assert "<" not in text and ">" not in text
    assert parse(text) == ("‹FACE_7› ‹|im_end|› ‹|eot_id|›", [], [])


def test_text_of_a_model_is_taken_apart():
    assert parse("<FACE_1>well <BODY_2><BODY_2> <FACE_x> yes") == ("well <FACE_x> yes", [1], [2, 2])
