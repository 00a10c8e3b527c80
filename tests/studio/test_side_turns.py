"""The loudest-speaker rule."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonverbal.schema import as_table
from nonverbal.studio.settings import SideTurns
from nonverbal.studio.side_turns import decide, loudness, segments

PAPER = SideTurns(longest_gap_s=1.0, least_turn_s=1.0, cross_talk_db=None)
OURS = PAPER.model_copy(update={"cross_talk_db": 6})


def voice(start, end, who=0, dbfs=-20.0, other=-38.0, side="left"):
    return {
        "clip_id": "a_000", "side": side, "voice": who, "start_s": start, "end_s": end, "loudness_dbfs": dbfs,
        "other_dbfs": other,
    }  # fmt: skip


def spans(rows, reason=""):
    return [(row["start_s"], row["end_s"]) for row in rows if row["reason"] == reason]


def test_the_loudest_voice_is_the_actor_even_if_it_speaks_less():
    rows = decide([voice(0, 2), voice(2, 9, who=1, dbfs=-38, other=-20)], PAPER)
    assert spans(rows) == [(0, 2)]
    assert spans(rows, "cross_talk") == [(2, 9)]


def test_loudness_is_of_power_over_time():
    assert loudness([voice(0, 1, dbfs=-20), voice(1, 2, dbfs=-120)])[0] == pytest.approx(-23.01, abs=0.01)


@pytest.mark.parametrize("gap, count", [(0.99, 1), (1.0, 2)])
def test_gaps_below_a_second_are_closed(gap, count):
    assert len(spans(decide([voice(0, 2), voice(2 + gap, 5)], PAPER))) == count


def test_short_turns_are_dropped_after_gaps_are_closed():
    rows = decide([voice(0, 0.6), voice(1.0, 1.5), voice(4, 4.99), voice(8, 9)], PAPER)
    assert spans(rows) == [(0, 1.5), (8, 9)]
    assert spans(rows, "too_short") == [(4, 4.99)]


def test_what_is_louder_on_the_other_channel_is_cross_talk_even_of_the_same_voice():
    voices = [voice(0, 2), voice(3, 5, dbfs=-38, other=-20)]
    assert len(spans(decide(voices, PAPER))) == 2
    assert spans(decide(voices, OURS)) == [(0, 2)]


def test_segments_count_in_time_over_both_sides():
    rows = segments([voice(4, 6, side="right"), voice(0, 2), voice(8, 9.5), voice(2.5, 2.9, side="right")], PAPER)
    assert [(row["segment"], row["side"], row["kept"]) for row in rows] == [
        (0, "left", True), (-1, "right", False), (1, "right", True), (2, "left", True),
    ]  # fmt: skip
    as_table("side_turns", rows)


def test_a_channel_where_nobody_is_heard_has_no_rows():
    assert segments([], PAPER) == []


turn = st.builds(
    lambda start, length, who, dbfs, other, side: voice(start, start + length, who, dbfs, other, side),
    st.floats(0, 60), st.floats(0.05, 8), st.integers(0, 2), st.floats(-60, -3), st.floats(-60, -3),
    st.sampled_from(["left", "right"]),
)  # fmt: skip


@given(st.lists(turn, max_size=12))
def test_kept_segments_of_a_side_are_long_enough_and_far_apart(voices):
    rows = segments(voices, OURS)
    kept = [row for row in rows if row["kept"]]
    assert [row["segment"] for row in kept] == list(range(len(kept)))
    for side in ("left", "right"):
        own = spans([row for row in kept if row["side"] == side])
        assert all(end - start >= 1 for start, end in own)
        assert all(later[0] - earlier[1] >= 1 for earlier, later in pairwise(own))
