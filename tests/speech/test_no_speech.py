"""Sound in which nobody speaks, or hardly any: what is written down of it stays within the clip."""

import numpy as np
import pytest

from nonverbal.media import SAMPLE_RATE, write_audio
from nonverbal.schema import read_table
from nonverbal.speech.transcribe import transcribe


def music(seconds: float) -> np.ndarray:
    """Chords of plucked strings, two a second."""
    time = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    bars = []
    for bar in range(round(2 * seconds)):
        root = 110 * 2 ** ((0, 5, 7, 3)[bar // 2 % 4] / 12)
        notes = [root * ratio for ratio in (1, 1.25, 1.5, 2)]
        bars.append(sum(np.sin(2 * np.pi * k * f * time) / k for f in notes for k in (1, 2, 3)) * np.exp(-4 * time))
    return (0.05 * np.concatenate(bars)).astype(np.float32)


SOUNDS = {
    "silence": np.zeros(10 * SAMPLE_RATE, np.float32),
    "music": music(10),
    "a second of music": music(1),
    "a millisecond": np.zeros(16, np.float32),
}
CAPTIONS = "WEBVTT\n\n00:02.000 --> 00:02.900\nNobody says these words.\n"


@pytest.mark.parametrize("captions", ["", CAPTIONS])
@pytest.mark.parametrize("name", SOUNDS)
def test_words_of_clips_without_speech_lie_in_the_clip(shard, speech_settings, name, captions):
    samples = SOUNDS[name]
    written = {"captions": "v.vtt", "caption_language": "en"} if captions else {}
    folder = shard(clips=[{"end_s": 2 + len(samples) / SAMPLE_RATE}], download=[written])
    write_audio(folder / "v_000.wav", samples)
    (folder / "v.vtt").write_text(captions)
    clips, download, transcript, languages = (folder / f"{n}.parquet" for n in ("clips", "download", "words", "told"))
    transcribe(clips, folder, download, folder, transcript, languages, speech_settings.transcribe)
    words = read_table(transcript, "transcript")
    assert ((words["start_s"] >= 0) & (words["start_s"] < words["end_s"])).all()
    assert (words["end_s"] <= len(samples) / SAMPLE_RATE).all()
    assert captions or name == "music" or words.empty
    assert read_table(languages, "languages")["language"].tolist() == ["en" if captions else ""]
