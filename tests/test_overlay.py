import subprocess
import sys

import av
import numpy as np
import pytest

from nonverbal.errors import UserError
from nonverbal.media import VideoWriter, decode_frames, write_audio
from nonverbal.overlay import HEIGHT, PALETTE, Painter, find, overlay
from nonverbal.schema import write_table

FRAMES, WIDTH, PICTURE = 30, 320, 180
SHARD = "00001"


def boxes(kind: str, *corners: float) -> dict:
    return {f"{kind}_{name}": corner for name, corner in zip(("x0", "y0", "x1", "y1"), corners, strict=True)}


@pytest.fixture
def results(tmp_path):
    """A run with one clip of two persons; the one on the right speaks all the time."""
    clips = tmp_path / "results" / "collect" / "clips" / SHARD
    (clips / "media").mkdir(parents=True)
    with VideoWriter(clips / "media" / "v_000.mp4", WIDTH, PICTURE) as writer:
        for _ in range(FRAMES):
            writer.write(np.full((PICTURE, WIDTH, 3), 40, dtype=np.uint8))
    write_audio(clips / "media" / "v_000.wav", np.sin(np.arange(16000 * FRAMES // 25) / 8) / 2)
    clip = {
        "clip_id": "v_000", "video_id": "v", "channel_id": "", "segment_id": 0, "start_s": 0.0, "end_s": FRAMES / 25,
        "frames": FRAMES, "width": WIDTH, "height": PICTURE, "video": "v_000.mp4", "audio": "v_000.wav",
        "loudness_dbfs": -9.0, "kept": True, "reason": "", "detail": "",
    }  # fmt: skip
    write_table(clips / "clips.parquet", "clips", [clip])
    return tmp_path / "results"


@pytest.fixture
def complete(results):
    """The same with everything found that can be drawn."""
    places = {0: 80, 1: 240}
    person = {
        t: boxes("face", x - 15, 40, x + 15, 70) | boxes("person", x - 60, 20, x + 60, 170) for t, x in places.items()
    }
    tracks = [
        {
            "clip_id": "v_000",
            "shot": 0,
            "camera": 0,
            "facing": 0.0,
            "track_id": t,
            "frame": f,
            "score": 0.9,
            "mouth_open": 0.1,
            "descriptor": [0.1] * 32,
        }
        | person[t]
        for t in places
        for f in range(FRAMES)
    ]
    scores = [
        {
            "clip_id": "v_000",
            "track_id": t,
            "frame": f,
            "score": 2.0 * t - 1,
            "person": t,
            "face": 2.0 * t - 1,
            "speaker": 1 - t,
            "confidence": 0.9,
        }
        for t in places
        for f in range(FRAMES)
    ]
    crops = [
        {"clip_id": "v_000", "utterance_id": 0, "speaker": 0, "frame": f, "track_id": 1, "score": 0.9} | person[1]
        for f in range(FRAMES)
    ]
    words = [
        {
            "clip_id": "v_000", "utterance_id": 0, "word_index": i, "speaker": 0, "word": word, "start_s": i / 5,
            "end_s": i / 5 + 0.2, "interpolated": False,
        }
        for i, word in enumerate(["naïve", "你好", "the", "end"])
    ]  # fmt: skip
    run = {
        "clip_id": "v_000", "utterance_id": 0, "speaker": 0, "split": "test", "first_frame": 0, "frames": 16,
        "tokens": [5, 500],
    }  # fmt: skip
    write_table(results / "speakers" / "tracks" / SHARD / "tracks.parquet", "tracks", tracks)
    write_table(results / "speakers" / "active_speaker" / SHARD / "active_speaker.parquet", "active_speaker", scores)
    write_table(results / "speakers" / "crops" / SHARD / "crops.parquet", "crops", crops)
    write_table(results / "speech" / "utterances" / SHARD / "words.parquet", "words", words)
    write_table(results / "tokenizers" / "tokenize" / "face.parquet", "tokens", [run])
    return results


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
    command = [sys.executable, "-m", "nonverbal.overlay", str(results), "w_000", str(tmp_path / "out.mp4")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr and done.stderr.count("\n") == 1
