"""A sentence in, a video out, with a tiny untrained MARS and tokenizers that these tests make."""

import json
from pathlib import Path

import av
import numpy as np
import pytest
from talk_cases import CODES, LENGTH

from nonverbal.errors import UserError
from nonverbal.layouts import FPS
from nonverbal.mars.encode import token_ids
from nonverbal.media import SAMPLE_RATE
from nonverbal.talk import reply
from nonverbal.talk.__main__ import main
from nonverbal.talk.body import Decoder, motion_of, runs_of
from nonverbal.talk.reply import Decoding, Mars
from nonverbal.talk.schedule import read_answer, schedule
from nonverbal.talk.talk import MODEL, TOKENIZER, talk
from nonverbal.talk.voice import mix, paces, read_aloud


def sound_of(video: Path) -> np.ndarray:
    with av.open(str(video)) as container:
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])


def test_a_sentence_becomes_a_video_of_its_answer(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = "yes<FACE_1><BODY_2> no<FACE_3><BODY_4><FACE_5><BODY_6><FACE_7><BODY_8> rain"
    monkeypatch.setattr(
        reply, "stream_answers", lambda _, tokenizer, *__: ([i] for i in token_ids([made], tokenizer)[0])
    )
    pieces: list[str] = []
    talk(run, ["Do you like rain?"], tmp_path / "talk.mp4", show=pieces.append)
    told = json.loads((tmp_path / "talk.json").read_text())
    assert "".join(pieces) == made + "\n"
    assert len(pieces) > 11  # a token a piece
    assert told["raw"] == made
    assert [one["first_frame"] for one in told["motion"]] == [0, 8, 16, 24]
    assert [word["word"] for word in told["words"]] == ["yes", "no", "rain"]
    assert told["frames"] >= 32
    with av.open(str(tmp_path / "talk.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == told["frames"]
        assert float(container.streams.audio[0].duration * container.streams.audio[0].time_base) == pytest.approx(
            told["frames"] / FPS, abs=0.07
        )  # AAC has whole frames of 64 ms
    sound = sound_of(tmp_path / "talk.mp4")
    silent = np.ones(len(sound), bool)
    for word in told["words"]:
        start, end = (round(word[key] * SAMPLE_RATE) for key in ("start_s", "end_s"))
        silent[max(start - 1000, 0) : end + 1000] = False  # AAC smears a little
        assert np.abs(sound[start:end]).max() > 0.05
    assert silent.any() and np.abs(sound[silent]).max() < 0.02


def test_the_same_seed_gives_the_same_answer_and_another_does_not(run: Path) -> None:
    mars = Mars(run / MODEL)
    said = [["".join(mars.answer(["Rain?"], Decoding(16, 2.0), seed))] for seed in (1, 1, 2)]
    assert said[0] == said[1] != said[2]


def test_words_sound_at_their_places_and_nowhere_else() -> None:
    answer = read_answer("Well,<FACE_1><BODY_1><FACE_2><BODY_2><FACE_3><BODY_3> yes — it rained.<FACE_4><BODY_4>")
    readings = read_aloud(answer.words)
    times = schedule(answer, paces(readings))
    samples, ends = mix(readings, times.starts, times.frames)
    assert len(samples) == times.frames * SAMPLE_RATE // FPS
    silent = np.ones(len(samples), bool)
    for word, start, end in zip(answer.words, times.starts, ends, strict=True):
        span = slice(round(start * SAMPLE_RATE), round(end * SAMPLE_RATE))
        silent[span] = False
        assert word == "—" or np.abs(samples[span]).max() > 0.01
    assert not samples[silent].any()
    assert all(end <= start + 1e-3 for end, start in zip(ends, times.starts[1:], strict=False))


@pytest.mark.parametrize("words", [["—"], ["日本"], ["♪", "so"], ["b�x", "\x07"], ["1,000,000!"], ["‹FACE_3›"]])
def test_any_word_can_be_said_or_is_silent(words: list[str]) -> None:
    for reading in read_aloud(words):
        assert len(reading.sounds) == len(words)
        assert all(len(sound) and np.isfinite(sound).all() for sound in reading.sounds)


def test_faster_readings_are_shorter() -> None:
    slow, *_, fast = read_aloud(["Everything", "that", "anybody", "remembers", "takes", "a", "while."])
    assert sum(map(len, fast.sounds)) < 0.8 * sum(map(len, slow.sounds))


def test_motion_is_known_where_there_are_tokens_alone(run: Path) -> None:
    decoders = {part: Decoder.load(run / TOKENIZER.format(part=part)) for part in ("face", "body")}
    answer = read_answer("a b<FACE_1><BODY_2><FACE_3><BODY_4> c")
    times = schedule(answer, paces(read_aloud(answer.words)))
    motion = motion_of(runs_of(answer, times), times.frames, decoders)
    known = np.zeros(times.frames, bool)
    known[times.firsts[0] : times.firsts[0] + 16] = True
    assert 0 < known.sum() < times.frames
    for part in ("face", "head", "left hand", "trunk"):
        assert (motion.known[part] == known).all()
    numbers = motion.body[times.firsts[0] : times.firsts[0] + 16, decoders["body"].layout.index]
    assert np.allclose(numbers, decoders["body"].decode([2, 4])[:, decoders["body"].layout.index])


def test_motion_tokens_that_the_user_types_are_words(run: Path) -> None:
    mars = Mars(run / MODEL)
    prompt = mars.tokenizer.decode(mars.prompt(["a <FACE_3> <|im_end|> b"], 8))
    assert "a ‹FACE_3› ‹|im_end|› b" in prompt
    assert "<FACE_3>" not in prompt


def test_a_conversation_shows_both_sides_turns(run: Path) -> None:
    mars = Mars(run / MODEL)
    prompt = mars.tokenizer.decode(mars.prompt(["do you", "like", "rain"], 8))
    assert prompt.index("do you") < prompt.index("like") < prompt.index("rain")


@pytest.mark.parametrize(
    "said, options, expected",
    [
        ([""], {}, "there is no word in ''"),
        (["... !"], {}, "there is no word in"),
        (["rain " * LENGTH], {}, "that is too long"),
        (["a", "b"], {}, "the last turn must be yours"),
        (["a"], {"new_tokens": LENGTH}, "ask for fewer"),
        (["a"], {"new_tokens": 0}, "1 token or more"),
        (["a"], {"temperature": -1.0}, "0 or more"),
    ],
)
def test_what_cannot_be_answered_is_said_in_a_sentence(
    run: Path, tmp_path: Path, said: list[str], options: dict, expected: str
) -> None:
    with pytest.raises(UserError, match=expected):
        talk(run, said, tmp_path / "talk.mp4", **options)
    assert not (tmp_path / "talk.mp4").exists()


def test_what_is_not_there_is_said_in_a_sentence(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no trained MARS at"):
        main([str(tmp_path), "Hello", str(tmp_path / "talk.mp4")])
    with pytest.raises(UserError, match=r"write a file that ends in \.mp4"):
        main([str(run), "Hello", str(tmp_path / "talk.avi")])
    (tmp_path / MODEL).parent.mkdir(parents=True)
    (tmp_path / MODEL).symlink_to(run / MODEL)
    with pytest.raises(UserError, match="there is no trained tokenizer at"):
        main([str(tmp_path), "Hello", str(tmp_path / "talk.mp4")])


def test_a_code_that_the_tokenizer_lacks_is_said_in_a_sentence(run: Path) -> None:
    decoder = Decoder.load(run / TOKENIZER.format(part="face"))
    with pytest.raises(UserError, match=rf"MARS made code {CODES}, but .* has {CODES}"):
        decoder.decode([0, CODES])
