"""Transcription: captions are read, aligned to the sound or interpolated; language is told from what is written."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonverbal.media import SAMPLE_RATE
from nonverbal.schema import read_table
from nonverbal.speech.align import align_cues, chunks, climb, interpolate, lateness, within
from nonverbal.speech.captions import Cue, cues_within, plain_words, read_cues, seconds
from nonverbal.speech.embedded_transcriber import EmbeddedTranscriber
from nonverbal.speech.language import classify, identify
from nonverbal.speech.pocketsphinx_words import Aligner, PcmStream, Word, pcm
from nonverbal.speech.pronounce import guess_phones, spoken_forms
from nonverbal.speech.transcribe import transcribe
from nonverbal.speech.transcript import Spoken

ENGLISH = ("the", "wind", "came", "from", "the", "north", "and", "the", "water", "was", "very", "cold")
GERMAN = ("der", "Wind", "kam", "aus", "dem", "Norden", "und", "das", "Wasser", "war", "sehr", "kalt")


@pytest.fixture(scope="module")
def aligner():
    return Aligner()


@pytest.fixture
def settings(speech_settings):
    return speech_settings.transcribe


def test_aligned_words_start_where_they_are_said(aligner, two_voices, settings):
    found = align_cues(two_voices.samples, two_voices.cues, aligner.align, settings)
    truth = [word for word, _, _ in two_voices.words]
    assert [word.word for word in found][: len(truth) - 2] == truth[: len(found)][: len(truth) - 2]
    assert abs(len(found) - len(truth)) <= 1  # the word at the edge may be cut
    errors = [abs(word.start_s - start) for word, (_, start, _) in zip(found, two_voices.words, strict=False)]
    assert np.median(errors) < 0.04
    assert np.percentile(errors, 90) < 0.25
    assert not any(word.interpolated for word in found)


def test_a_clip_cut_out_of_the_middle_gets_only_its_own_words(aligner, two_voices, settings):
    start, end = 2.08, 8.4  # between "one" and "of", between "maps?" and "Exactly,"
    sound = two_voices.samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
    found = align_cues(sound, cues_within(two_voices.cues, start, end), aligner.align, settings)
    truth = [(word, at - start) for word, at, _ in two_voices.words if start < at < end]
    assert [word.word for word in found] == [word for word, _ in truth]
    assert np.median([abs(word.start_s - at) for word, (_, at) in zip(found, truth, strict=True)]) < 0.04


def test_alignment_does_not_depend_on_what_was_aligned_before(aligner, two_voices):
    rng = np.random.default_rng(0)
    for _ in range(5):
        noisy = (two_voices.samples + rng.normal(0, 2e-3, len(two_voices.samples))).astype(np.float32)
        first, second = ((noisy[: round(c.end_s * SAMPLE_RATE)], c.words) for c in two_voices.cues[:2])
        aligner.align(noisy[:SAMPLE_RATE], ("Blorkish!",))
        aligner.align(*second)
        assert aligner.align(*first) == Aligner().align(*first)  # the score and every time


def test_an_unknown_word_is_aligned_by_a_guess_and_marked(aligner, two_voices):
    speech = two_voices.samples[: 3 * SAMPLE_RATE]
    aligned = aligner.align(speech, ("Blorkish", "question", "comes"))
    assert aligned is not None
    assert [word.interpolated for word in aligned[1]] == [True, False, False]


def test_words_that_cannot_be_in_the_sound_are_not_forced(aligner):
    assert aligner.align(np.zeros(800, np.float32), ("impossible", "sentences")) is None
    assert aligner.align(np.zeros(SAMPLE_RATE, np.float32), ("...",)) is None


def test_a_chunk_that_cannot_be_aligned_is_interpolated(settings):
    cue = Cue(1.0, 3.0, ("one", "three"))
    found = align_cues(np.zeros(5 * SAMPLE_RATE, np.float32), [cue], lambda sound, words: None, settings)
    assert [(word.word, word.interpolated) for word in found] == [("one", True), ("three", True)]
    assert found[0].start_s == 1.0 and found[1].end_s == 3.0


cue_lists = st.lists(
    st.builds(
        lambda start, length, words: Cue(start, start + length, tuple("ab" * n for n in words)),
        st.floats(-5, 12), st.floats(0.2, 8), st.lists(st.integers(1, 5), min_size=1, max_size=6),
    ),
    max_size=6,
).map(lambda cues: sorted(cues, key=lambda cue: (cue.start_s, cue.end_s)))  # fmt: skip


def evenly(sound, words):
    """An aligner that spreads words over the sound and likes as few as possible."""
    length = len(sound) / SAMPLE_RATE
    spans = [(i * length / len(words), (i + 1) * length / len(words)) for i in range(len(words))]
    return -float(len(words)), [Word(word, *span, None, False) for word, span in zip(words, spans, strict=True)]


@given(cues=cue_lists)
def test_words_are_in_order_and_inside_the_clip(speech_settings, cues):
    chosen = speech_settings.transcribe.model_copy(update={"edge_gain": 0, "longest_lateness_s": 0})
    inside = [cue for cue in cues if cue.end_s > 0 and cue.start_s < 10]
    found = align_cues(np.zeros(10 * SAMPLE_RATE, np.float32), inside, evenly, chosen)
    assert all(0 <= word.start_s < word.end_s <= 10 for word in found)
    assert all(first.start_s <= second.start_s for first, second in itertools.pairwise(found))
    whole = [cue for cue in inside if cue.start_s >= 0 and cue.end_s <= 10]
    assert len(found) >= sum(len(cue.words) for cue in whole)


def test_chunks_join_close_cues_and_share_the_gap_between(settings):
    cues = [Cue(-1, 1, ("a",)), Cue(1.1, 2, ("b",)), Cue(2.2, 3, ("c",)), Cue(3.7, 5, ("d",)), Cue(5.1, 5.5, ("e",))]
    found = chunks(cues, 5.2, settings)
    assert [[word for cue in chunk.cues for word in cue.words] for chunk in found] == [["a"], ["b", "c"], ["d"], ["e"]]
    assert [(chunk.start_s, chunk.end_s) for chunk in found] == [
        (0, pytest.approx(1.05)), (pytest.approx(1.05), pytest.approx(3.3)),
        (pytest.approx(3.4), pytest.approx(5.05)), (pytest.approx(5.05), 5.2),
    ]  # fmt: skip


@given(st.integers(-5, 5), st.integers(-5, 5))
def test_climbing_finds_the_top_of_a_hill(start, top):
    assert climb(lambda at: -abs(at - top), start, -5, 5, 0.5) == top
    assert climb(lambda at: -abs(at - top), start, -5, 5, 1.5) == start


def test_interpolation_gives_long_words_more_time():
    first, second = interpolate(Cue(0, 3, ("a", "word")))
    assert second.end_s - second.start_s == pytest.approx(2.5 * (first.end_s - first.start_s))
    assert within([first, second], 0.5)[0].end_s == 0.5


def test_captions_are_read_without_markup_sounds_and_repeats(tmp_path):
    path = tmp_path / "v.vtt"
    path.write_text(
        "WEBVTT\nKind: captions\n\nNOTE 00:00 --> is no cue\n\n1\n00:00:01.000 --> 00:00:02.500 align:start\n"
        "<v Ann>- Hello &amp; <c.loud>welcome</c>!\n\n00:02.500 --> 00:04.000\n- Hello & welcome!\n[music] Thanks\n\n"
        "01:00:00.000 --> 01:00:01.000\n♪ (applause) ♪\n"
    )
    assert read_cues(path) == [Cue(1.0, 2.5, ("Hello", "welcome!")), Cue(2.5, 4.0, ("Thanks",))]
    path.write_text("WEBVTT\r\n\r\n00:01.000 --> 00:02.000\r\nJOHN SMITH: Oh, no.\r\n")
    assert read_cues(path) == [Cue(1.0, 2.0, ("Oh,", "no."))]


def test_seconds_of_time_stamps():
    assert seconds("01:02:03.500") == 3723.5
    assert seconds("02:03.500") == 123.5


def test_cues_within_a_clip_have_its_times():
    cues = [Cue(0, 2, ("a",)), Cue(1, 3, ("b",)), Cue(11, 13, ("c",)), Cue(12, 13, ("d",))]
    assert cues_within(cues, 2, 12) == [Cue(-1, 1, ("b",)), Cue(9, 11, ("c",))]


@given(st.text(max_size=40))
def test_plain_words_survive_any_text(text):
    assert all(any(c.isalnum() for c in word) and word.split() == [word] for word in plain_words([text]))


@pytest.mark.parametrize(
    ("word", "forms"),
    [
        ("Well-known,", ["well", "known"]), ("don’t", ["don't"]), ("42%", ["four", "two", "percent"]),
        ("Zoë", ["zoe"]), ("'quoted'", ["quoted"]), ("日本", []), ("…", []),
    ],
)  # fmt: skip
def test_spoken_forms(word, forms):
    assert spoken_forms(word) == forms


def test_guessed_phones():
    assert guess_phones("blorkish") == "B L AO R K IH SH"
    assert guess_phones("cite") == "S IH T"
    assert guess_phones("'") == "AH"


@given(st.text("abcdefghijklmnopqrstuvwxyz'", min_size=1, max_size=15))
def test_every_word_has_phones_that_the_model_knows(word):
    known = set(KNOWN_PHONES.split())
    assert set(guess_phones(word).split()) <= known and guess_phones(word)


KNOWN_PHONES = "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH"


def test_text_tells_its_language():
    assert classify(" ".join(GERMAN))[0] == "de" and classify(" ".join(ENGLISH))[0] == "en"


@pytest.mark.parametrize(
    ("container", "captions", "words", "code", "source", "written"),
    [
        ("en", "", [], "en", "container", ""),
        ("en", "en", ENGLISH, "en", "container", "en"),
        ("", "en", ENGLISH, "en", "captions", "en"),
        ("", "en", GERMAN, "de", "captions_text", "de"),  # mislabelled track
        ("en", "", GERMAN, "de", "captions_text", "de"),  # mislabelled file
        ("en", "en", GERMAN, "de", "captions_text", "de"),
        ("de", "en", ENGLISH, "de", "container", "en"),  # a translation
        ("", "", ENGLISH, "en", "captions_text", "en"),
        ("", "", ["ja"], "", "none", ""),
        ("", "fr", ["ja"], "fr", "captions", "fr"),
    ],
)
def test_language_is_told_by_tags_and_text(settings, container, captions, words, code, source, written):
    found = identify(container, captions, words, settings)
    assert (found.code, found.source, found.written) == (code, source, written)
    assert found.score == 0.0 if source == "none" else found.score >= settings.text_score


def test_other_languages_keep_their_captions_with_interpolated_times(settings):
    sound = np.zeros(6 * SAMPLE_RATE, np.float32)
    found = EmbeddedTranscriber(settings)(Spoken(sound, [Cue(1, 5, GERMAN)], "", "de"))
    assert [word.word for word in found.words] == list(GERMAN)
    assert all(word.interpolated for word in found.words)
    assert (found.words_source, found.language.code) == ("captions_interpolated", "de")


def test_translated_captions_are_not_what_was_said(settings):
    sound = np.zeros(6 * SAMPLE_RATE, np.float32)
    found = EmbeddedTranscriber(settings)(Spoken(sound, [Cue(1, 5, ENGLISH)], "de", "en"))
    assert (found.words, found.words_source, found.language.code) == ([], "none", "de")


def test_without_captions_speech_is_decoded_and_the_language_stays_open(settings, two_voices):
    found = EmbeddedTranscriber(settings)(Spoken(two_voices.samples[: round(3.9 * SAMPLE_RATE)], [], "", ""))
    assert (found.words_source, found.language.code, found.language.source) == ("decoded", "", "none")
    assert len(found.words) > 3
    assert found.words[-1].end_s > 3.7  # speech that goes on to the end is not lost
    assert all(word.confidence is not None and 0 <= word.confidence <= 1 for word in found.words)


def test_real_speech_is_aligned_in_full(aligner, shared_media, settings):
    from nonverbal.media import read_audio

    path = sorted((shared_media / "librispeech").glob("*.wav"))[0]
    words = tuple(path.with_name(path.stem + ".normalized.txt").read_text().split())
    sound = resampled(path, read_audio)
    found = align_cues(sound, [Cue(0, len(sound) / SAMPLE_RATE, words)], aligner.align, settings)
    assert [word.word for word in found] == list(words)
    assert not all(word.interpolated for word in found)
    assert all(0.02 < word.end_s - word.start_s < 1.5 for word in found)


def resampled(path, read_audio):
    """The sound of a file at 16 kHz mono, whatever it is written as."""
    import tempfile
    from pathlib import Path

    from nonverbal.media import run_ffmpeg

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "sound.wav"
        run_ffmpeg("-i", str(path), "-ac", "1", "-ar", str(SAMPLE_RATE), "-c:a", "pcm_s16le", str(target))
        return read_audio(target)


def test_rule_takes_the_captions_of_the_video_at_the_time_of_the_clip(shard, settings, two_voices):
    folder = shard(download=[{"captions": "v.vtt", "caption_language": "en"}])
    stamps = [(cue.shifted(-2.0), " ".join(cue.words)) for cue in two_voices.cues]
    text = [f"00:{c.start_s:06.3f} --> 00:{c.end_s:06.3f}\n{words}\n" for c, words in stamps]
    (folder / "v.vtt").write_text("\n".join(["WEBVTT\n", *text]))
    paths = [folder / name for name in ("clips.parquet", "", "download.parquet", "", "t.parquet", "l.parquet")]
    transcribe(*paths, settings)
    words, language = read_table(folder / "t.parquet", "transcript"), read_table(folder / "l.parquet", "languages")
    assert words["word"][:5].tolist() == ["The", "next", "question", "comes", "from"]
    assert words["start_s"][0] == pytest.approx(two_voices.words[0][1], abs=0.1)
    assert words["word_index"].tolist() == list(range(len(words)))
    assert language[["language", "source", "words_source"]].values.tolist() == [["en", "captions", "captions_aligned"]]
    assert language["words"].tolist() == [len(words)]


@pytest.mark.parametrize("late_s", [-0.6, 0.6])
def test_captions_that_are_all_late_or_early_are_moved_back(aligner, two_voices, settings, late_s):
    moved = [cue.shifted(-late_s) for cue in two_voices.cues]
    assert lateness(two_voices.samples, moved, aligner.align, settings) == pytest.approx(late_s, abs=0.06)
    found = align_cues(two_voices.samples, moved, aligner.align, settings)
    said = two_voices.words[: len(found)]
    assert len(said) > len(two_voices.words) - 2  # the last is cut off
    assert [word.word for word in found] == [word for word, _, _ in said]
    assert np.median([abs(word.start_s - at) for word, (_, at, _) in zip(found, said, strict=True)]) < 0.04


def test_lateness_is_the_median_of_captions_and_nothing_for_one(settings):
    def align(sound, words):
        return 0.0, [Word(word, 0.5 * i, 0.5 * i + 0.4, None, False) for i, word in enumerate(words)]

    cues = [
        Cue(1.0 + 0.5 * i, 1.4 + 0.5 * i, ("word",)) for i in range(4)
    ]  # heard from 0 s on: chunks start 1 s before
    assert lateness(np.zeros(5 * SAMPLE_RATE, np.float32), cues, align, settings) == pytest.approx(1.0)
    assert lateness(np.zeros(5 * SAMPLE_RATE, np.float32), cues[:1], align, settings) == 0


def test_sound_is_read_bit_by_bit_and_a_second_of_silence_follows():
    samples = np.linspace(-1, 1, 1000).astype(np.float32)
    stream = PcmStream(samples)
    data = b"".join(iter(lambda: stream.read(480), b""))
    assert data == pcm(samples) + bytes(2 * SAMPLE_RATE)
