import subprocess
import sys

import av
import numpy as np
import pytest
from views_cases import FRAMES, PICTURE, WIDTH

from nonverbal.errors import UserError
from nonverbal.media import decode_frames
from nonverbal.views.found import PALETTE, find
from nonverbal.views.overlay import HEIGHT, Painter, overlay


def colours_in(picture: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(int(value) for value in colour) for colour in np.unique(picture.reshape(-1, 3), axis=0)}


def draw(results, number: int) -> np.ndarray:
    return Painter(find(results, "v_000"), WIDTH, PICTURE).draw(
        number, np.full((PICTURE, WIDTH, 3), 40, dtype=np.uint8)
    )


def test_boxes_are_where_the_persons_are_and_the_speaker_is_framed_thickly(complete):
    picture = draw(complete, 3)
    left, right = (np.all(picture[:HEIGHT] == colour, axis=2) for colour in PALETTE[:2])
    assert left[4 * 55, 4 * 65] and right[4 * 55, 4 * 225]
    assert not left[4 * 55, 4 * 65 + 2] and right[4 * 55, 4 * 225 + 2]
    assert np.flatnonzero(left.any(axis=0)).max() < 4 * 142 < 4 * 178 < np.flatnonzero(right.any(axis=0)).min() + 4


def test_words_take_the_speakers_colour_when_they_are_spoken(complete):
    speaker = np.array(PALETTE[1])

    def inked(number: int) -> int:
        return int(np.all(draw(complete, number)[HEIGHT : HEIGHT + 32] == speaker, axis=2).sum())

    assert 0 < inked(1) < inked(6) < inked(11)


def test_tokens_are_shown_for_the_frames_they_cover(complete):
    lines = [draw(complete, number)[HEIGHT + 64 :] for number in (7, 8, 16)]
    assert lines[0].any() and (lines[0] != lines[1]).any() and not lines[2].any()


def test_a_clip_of_which_nothing_is_known_yet_is_shown_as_it_is(results):
    assert colours_in(draw(results, 0)) == {(40, 40, 40), (0, 0, 0)}


def test_the_video_has_every_frame_and_the_sound(complete, tmp_path):
    out = tmp_path / "out" / "overlay.mp4"
    overlay(complete, "v_000", out)
    assert [frame.shape[0] for frame in decode_frames(out)] == [HEIGHT + 128] * FRAMES
    with av.open(str(out)) as container:
        assert [stream.codec_context.name for stream in container.streams.audio] == ["aac"]
        loudest = max(np.abs(frame.to_ndarray()).max() for frame in container.decode(audio=0))
    assert loudest > 0.3
    assert [path.name for path in out.parent.iterdir()] == ["overlay.mp4"]


def test_an_unknown_clip_is_one_sentence(results, tmp_path):
    with pytest.raises(UserError, match="no clip 'w_000'"):
        overlay(results, "w_000", tmp_path / "out.mp4")
    command = [sys.executable, "-m", "nonverbal.views", "overlay", str(results), "w_000", str(tmp_path / "out.mp4")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr and done.stderr.count("\n") == 1
