"""Diarization: the networks are the published ones, pieces follow the sound, speakers are counted."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pyannote.core import Annotation, Segment
from pyannote.metrics.diarization import DiarizationErrorRate

from nonverbal.media import SAMPLE_RATE, Recording, read_audio, run_ffmpeg, write_audio
from nonverbal.models import model_path
from nonverbal.schema import read_table, write_table
from nonverbal.speech import embedded_diarizer
from nonverbal.speech.clustering import (
    Evidence,
    cluster,
    groups_after,
    in_order,
    join_evidence,
    merge_groups,
    steps_by_likeness,
    steps_to_count,
)
from nonverbal.speech.diarize import diarize, load_diarizer
from nonverbal.speech.embedded_diarizer import partials, without_rumble
from nonverbal.speech.keep_two_speakers import decide
from nonverbal.speech.pieces import Piece, agreement, audible, find_pieces, frame_time, runs, stitch
from nonverbal.speech.pyannet import FRAME_STEP, WINDOW, load_inert, load_pyannet, local_scores, window_starts
from nonverbal.speech.turns import Turn, join_turns, summarise
from nonverbal.speech.voices import mel_frames


@pytest.fixture(scope="module")
def diarizer(speech_settings):
    return load_diarizer(speech_settings.diarize)


@pytest.fixture(scope="module")
def pyannet():
    return load_pyannet(model_path("pyannet"))


def error_rate(truth, found, collar=0.25):
    annotations = []
    for turns in (truth, found):
        one = Annotation()
        for index, turn in enumerate(turns):
            one[Segment(turn.start_s, turn.end_s), index] = str(turn.speaker)
        annotations.append(one.support())
    return DiarizationErrorRate(collar=collar)(*annotations)


def test_a_man_and_a_woman_are_two_speakers_at_the_right_times(diarizer, two_voices):
    found = diarizer(two_voices.samples)
    assert {turn.speaker for turn in found} == {0, 1}
    assert error_rate(two_voices.turns, found) < 0.05


@pytest.mark.parametrize("voice", ["en-us+iven", "en-us+anika"])
def test_one_voice_is_one_speaker(diarizer, voice):
    from nonverbal.demo.settings import Voice
    from nonverbal.demo.voice import speak

    parts = [
        np.pad(speak(line, Voice(name=voice)).samples, (0, 4800))
        for line in ("Go ahead, I am ready for anything.", "Exactly, that is when you find something new.")
    ]
    assert {turn.speaker for turn in diarizer(np.concatenate(parts))} == {0}


def test_the_same_sound_gives_the_same_turns(diarizer, two_voices):
    assert diarizer(two_voices.samples) == diarizer(two_voices.samples)


@pytest.mark.parametrize("samples", [0, 1, 400, 160_000])
def test_silence_of_any_length_has_no_speakers(diarizer, samples):
    assert diarizer(np.zeros(samples, np.float32)) == []


def test_noise_is_nobody(diarizer):
    noise = np.random.default_rng(0).normal(0, 0.01, 5 * SAMPLE_RATE).astype(np.float32)
    assert diarizer(noise) == []


def run_rule(folder, settings, people=()):
    rows = [{"clip_id": clip_id, "pictures": 10, "at_once": n, "persons": n} for clip_id, n in people]
    write_table(folder / "people.parquet", "people", rows)
    paths = [folder / name for name in ("clips.parquet", "", "people.parquet", "t.parquet", "s.parquet")]
    diarize(*paths, settings)


def test_rule_writes_one_row_a_kept_clip(shard, speech_settings, two_voices):
    folder = shard(clips=[{}, {"clip_id": "v_001", "kept": False, "reason": "too_short", "audio": ""}])
    run_rule(folder, speech_settings.diarize, [("v_000", 2)])
    speakers = read_table(folder / "s.parquet", "speakers")
    assert speakers["clip_id"].tolist() == ["v_000"]
    assert speakers["speakers"].tolist() == speakers["people"].tolist() == [2]
    assert speakers["speech_s"][0] == pytest.approx(sum(t.end_s - t.start_s for t in two_voices.turns), abs=0.8)
    assert set(read_table(folder / "t.parquet", "turns")["clip_id"]) == {"v_000"}


def test_steady_bass_is_taken_away_and_a_deep_voice_is_not():
    second, generator = np.arange(SAMPLE_RATE) / SAMPLE_RATE, np.random.default_rng(0)
    voice = np.tile(np.sin(2 * np.pi * 110 * second) * (second < 0.5), 4) * 0.1
    hiss = generator.normal(0, 0.01, 4 * SAMPLE_RATE)
    bass = np.tile(np.sin(2 * np.pi * 80 * second), 4) * 0.1
    plain, humming = (voice + hiss).astype(np.float32), (voice + hiss + bass).astype(np.float32)
    assert without_rumble(plain, 200, 18) is plain
    assert np.std(without_rumble(humming, 200, 18)) < 0.2 * np.std(humming)


def test_voices_are_found_through_steady_bass(diarizer, two_voices):
    time = np.arange(len(two_voices.samples)) / SAMPLE_RATE
    bass = 0.12 * sum(np.sin(2 * np.pi * hz * time) for hz in (55, 82.5, 110))
    found = diarizer((two_voices.samples + bass).astype(np.float32))
    assert error_rate(two_voices.turns, found) < 0.2


def test_two_women_are_heard_as_two_where_their_mouths_move(shared_media, diarizer, speech_settings, tmp_path):
    wav = tmp_path / "women.wav"
    run_ffmpeg("-i", str(shared_media / "two_women_mandarin_50s.mp4"), "-ar", "16000", "-ac", "1", str(wav))
    found = diarizer(Recording(wav), 2)
    assert {turn.speaker for turn in found} == {0, 1}
    assert decide({"loudness_dbfs": -20.0, **summarise(found)}, speech_settings.keep_two_speakers)["kept"]
    said = {
        second: {t.speaker for t in found if t.start_s <= second < t.end_s} for second in (2.5, 6, 18, 28, 32.5, 46)
    }
    # Seen in the picture: one alone moves her lips at 6, 18, 28 and 46 s; the other at 2.5 and 32.5 s.
    assert said[6] == said[18] == said[28] == said[46] and len(said[6]) == 1
    assert said[2.5] == said[32.5] and said[2.5] and said[2.5] != said[6]


def test_blocks_of_a_long_sound_are_one_conversation(diarizer, two_voices, monkeypatch):
    monkeypatch.setattr(embedded_diarizer, "BLOCK", 4 * SAMPLE_RATE)
    found = diarizer(two_voices.samples, 2)
    assert {turn.speaker for turn in found} == {0, 1}
    assert error_rate(two_voices.turns, found) < 0.1


@pytest.mark.parametrize("speakers", [1, 2])
def test_known_number_of_speakers(diarizer, two_voices, speakers):
    assert len({turn.speaker for turn in diarizer(two_voices.samples, speakers=speakers)}) == speakers


def test_recording_reads_what_is_asked(tmp_path, two_voices):
    write_audio(tmp_path / "a.wav", two_voices.samples)
    recording, whole = Recording(tmp_path / "a.wav"), read_audio(tmp_path / "a.wav")
    assert len(recording) == len(whole) == 160_000
    assert (recording[1000:2000] == whole[1000:2000]).all()
    assert len(recording[159_999:200_000]) == 1 and len(recording[200_000:]) == 0


def test_rule_on_an_empty_shard_writes_empty_tables(shard, speech_settings):
    folder = shard(clips=[])
    run_rule(folder, speech_settings.diarize)
    assert len(read_table(folder / "t.parquet", "turns")) == len(read_table(folder / "s.parquet", "speakers")) == 0


def test_sinc_filters_pass_their_band_and_stop_the_rest(pyannet):
    filters = pyannet.sincnet.conv1d[0].filterbank
    gain = torch.fft.rfft(filters.kernels()[:40, 0], 4096).abs()
    frequency = torch.linspace(0, SAMPLE_RATE / 2, gain.shape[1])
    low = 50 + filters.low_hz_.abs()[:, 0]
    high = (low + 50 + filters.band_hz_.abs()[:, 0]).clamp(max=SAMPLE_RATE / 2)
    peak = frequency[gain.argmax(dim=1)]
    assert ((peak > low - 60) & (peak < high + 60)).all()
    far = (frequency < low[:, None] - 200) | (frequency > high[:, None] + 200)
    assert (torch.where(far, gain, 0).amax(dim=1) < 0.05 * gain.amax(dim=1)).all()


def test_network_hears_two_people_where_two_speak(pyannet, two_voices):
    scores = local_scores(pyannet, torch.from_numpy(two_voices.samples[:WINDOW]), WINDOW, 8)
    assert scores.shape == (1, 293, 3)
    assert ((scores[0] > 0.5).float().mean(dim=0) > 0.1).sum() == 2


def test_checkpoint_objects_are_not_built():
    held = load_inert(model_path("pyannet"))
    assert type(held["pyannote.audio"]["specifications"]).__module__ != "pyannote.audio.core.task"
    assert all(isinstance(value, torch.Tensor) for value in held["state_dict"].values())


@given(samples=st.integers(0, 400_000), step=st.integers(270, WINDOW))
def test_windows_cover_the_sound(samples, step):
    starts = window_starts(samples, step)
    assert starts[0] == 0 and starts[-1] + WINDOW >= samples
    assert len(starts) == 1 or starts[-2] + WINDOW < samples


def test_stitching_undoes_any_order_of_local_speakers():
    generator = np.random.default_rng(0)
    truth = (generator.random((400, 3)) < 0.02).cumsum(axis=0) % 2 * 0.9
    truth[:60, 1:] = 0
    windows = []
    for index in range(11):
        order = generator.permutation(3) if index else [0, 1, 2]
        windows.append(truth[index * 30 : index * 30 + 100][:, order])
    assert np.allclose(stitch(np.array(windows), 30), truth)


@given(st.lists(st.booleans(), max_size=60))
def test_runs_are_the_true_stretches(values):
    active = np.array(values, dtype=bool)
    again = np.zeros(len(values), dtype=bool)
    for start, end in runs(active):
        assert active[start:end].all()
        again[start:end] = True
    assert (again == active).all()
    assert all(first[1] < second[0] for first, second in itertools.pairwise(runs(active)))


def test_audible_finds_a_pause_but_not_a_short_dip():
    sound = np.random.default_rng(0).normal(0, 0.1, 3 * SAMPLE_RATE)
    sound[16_000:24_000] *= 1e-3
    sound[40_000:40_640] *= 1e-3
    loud = audible(sound.astype(np.float32), quiet_db=35, longest_gap_s=0.08)
    assert len(loud) == pytest.approx(300, abs=1)
    assert runs(loud) == [(0, pytest.approx(101, abs=2)), (pytest.approx(149, abs=2), len(loud))]


def test_pieces_are_cut_at_pauses_and_end_with_the_sound():
    tracks = np.zeros((293, 3))
    tracks[:200, 1] = 0.9
    loud = np.ones(250, dtype=bool)
    loud[100:130] = False
    pieces = find_pieces(tracks, loud, 0.5)
    assert [piece.track for piece in pieces] == [1, 1]
    assert pieces[0].end_s == pytest.approx(1.0, abs=0.03)
    assert pieces[1].start_s == pytest.approx(1.3, abs=0.03)
    assert pieces[1].end_s <= 2.5 + FRAME_STEP / SAMPLE_RATE


def test_agreement_counts_windows_that_hear_both():
    scores = np.zeros((2, 100, 3))
    scores[0, :40, 0] = scores[0, 50:90, 1] = 1  # the first window hears two speakers,
    scores[1, 20:60, 2] = 1  # the second, 30 frames later, only the later piece
    shared, same = agreement([Piece(0, 40, 0), Piece(50, 90, 1)], scores, 30, 0.5)
    assert shared.tolist() == [[1, 1], [1, 2]]
    assert same.tolist() == [[1, 0], [0, 2]]


def unit_vectors(degrees):
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1)


def evidence(degrees, seconds, apart=()):
    count = len(degrees)
    shared, same = np.ones((count, count)), np.ones((count, count))
    for first, second in apart:
        same[first, second] = same[second, first] = 0
    seconds = np.array(seconds, dtype=float)
    return Evidence(unit_vectors(np.array(degrees, dtype=float)) * seconds[:, None], seconds, shared, same)


def groups(given, settings, people=0, speakers=None):
    count = len(given.seconds)
    merges = merge_groups(given, 1.2, settings)
    steps = steps_by_likeness(merges, people, settings.people) if speakers is None else steps_to_count(merges, speakers)
    return groups_after(count, merges[:steps])


def test_alike_voices_merge_and_others_do_not(speech_settings):
    assert groups(evidence([0, 5, 60, 65], [5, 5, 5, 5]), speech_settings.diarize.same_voice) == [[0, 1], [2, 3]]


def test_alike_voices_that_one_window_tells_apart_are_two(speech_settings):
    same_voice = speech_settings.diarize.same_voice
    assert groups(evidence([0, 20], [5, 5]), same_voice) == [[0, 1]]
    assert groups(evidence([0, 20], [5, 5], apart=[(0, 1)]), same_voice) == [[0], [1]]


def test_short_speech_needs_less_likeness(speech_settings):
    same_voice = speech_settings.diarize.same_voice
    assert len(groups(evidence([0, 50], [8, 8]), same_voice)) == 2
    assert len(groups(evidence([0, 50], [0.4, 8]), same_voice)) == 1


def test_people_seen_tip_the_scales(speech_settings):
    same_voice = speech_settings.diarize.same_voice.model_copy(update={"cosine": 0.8, "people": 0.1})
    likely_one, likely_two, surely_one, surely_two = 33, 42, 10, 60  # degrees: cosines 0.84, 0.74, 0.98, 0.5
    for degrees, alone, with_one, with_two in (
        (likely_one, 1, 1, 2), (likely_two, 2, 2, 2), (surely_one, 1, 1, 1), (surely_two, 2, 2, 2),
    ):  # fmt: skip
        for people, count in ((0, alone), (1, with_one), (2, with_two)):
            assert len(groups(evidence([0, degrees], [9, 9]), same_voice, people)) == count, (degrees, people)


@pytest.mark.parametrize("speakers", [1, 2, 3, 4])
def test_a_known_number_of_speakers_is_kept_to(speech_settings, speakers):
    given = evidence([0, 3, 30, 33, 60, 63, 90], [5] * 7)
    assert len(groups(given, speech_settings.diarize.same_voice, speakers=speakers)) == speakers


def test_evidence_of_parts_is_joined_without_shared_windows():
    joined = join_evidence([evidence([0, 10], [1, 2]), evidence([50], [3])])
    assert joined.seconds.tolist() == [1, 2, 3] and joined.voices.shape == (3, 2)
    assert joined.shared[:2, 2].tolist() == [0, 0] and joined.shared[2, 2] == 1


def test_pieces_too_short_to_count_join_the_most_similar(speech_settings):
    labels = cluster(evidence([60, 0, 62, 3], [0.3, 5, 5, 0.8]), 0.5, 1.2, speech_settings.diarize.same_voice)
    assert labels.tolist() == [0, 1, 0, 1]


def test_speech_that_is_all_short_is_still_somebody(speech_settings):
    labels = cluster(evidence([0, 80], [0.2, 0.3]), 0.5, 1.2, speech_settings.diarize.same_voice)
    assert labels.tolist() == [0, 0]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=20))
def test_in_order_renumbers_by_first_appearance(labels):
    new = in_order(np.array(labels)).tolist()
    assert list(dict.fromkeys(new)) == list(range(len(set(labels))))
    assert all((new[i] == new[j]) == (labels[i] == labels[j]) for i in range(len(new)) for j in range(i))


@given(start=st.integers(0, 3000), length=st.integers(1, 3000), mels=st.integers(1, 9000))
def test_partials_cover_a_piece_with_spans_the_encoder_knows(start, length, mels):
    spans = partials(Piece(start, start + length, 0), mels)
    assert all(0 <= first < last <= mels and last - first <= 200 for first, last in spans)
    assert all(second[0] <= first[1] for first, second in itertools.pairwise(spans))


def test_mel_energy_of_a_tone_is_in_its_band():
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(SAMPLE_RATE) / SAMPLE_RATE) * 0.1
    mels = mel_frames(tone)
    assert mels.shape == (101, 40)
    assert set(mels[5:-5].argmax(dim=1).tolist()) == {13}  # 1000 Hz = 15 of 45.2 slaney mels, 41 steps of 1.1
    assert torch.allclose(mel_frames(tone * 0.01), mels * (10**-1.5 / (0.1 * 2**-0.5)) ** 2, rtol=1e-3, atol=1e-4)


turns_lists = st.lists(
    st.builds(
        lambda speaker, start, length: Turn(speaker, start / 10, (start + length) / 10),
        st.integers(0, 2), st.integers(0, 100), st.integers(1, 40),
    ),
    max_size=12,
)  # fmt: skip


@given(turns_lists)
def test_joined_turns_keep_all_speech_and_never_overlap_themselves(turns):
    joined = join_turns(turns, 0.3)
    for speaker in {turn.speaker for turn in turns}:
        own = [turn for turn in joined if turn.speaker == speaker]
        assert all(first.end_s < second.start_s for first, second in itertools.pairwise(own))
        for turn in turns:
            if turn.speaker == speaker:
                assert any(one.start_s <= turn.start_s and turn.end_s <= one.end_s for one in own)


def test_a_gap_in_which_another_speaks_ends_a_turn():
    alone = [Turn(0, 0, 1), Turn(0, 1.2, 2)]
    assert join_turns(alone, 0.3) == [Turn(0, 0, 2)]
    between = [*alone, Turn(1, 1.0, 1.2)]
    assert join_turns(between, 0.3) == [Turn(0, 0, 1), Turn(1, 1.0, 1.2), Turn(0, 1.2, 2)]


@given(turns_lists)
def test_summary_agrees_with_counting_moments(turns):
    joined = join_turns(turns, 0.0)
    found = summarise(joined)
    moments = np.arange(0.005, 15, 0.01)
    active = sum(((moments > turn.start_s) & (moments < turn.end_s)).astype(int) for turn in joined)
    assert found["speakers"] == len({turn.speaker for turn in turns})
    assert found["speech_s"] == pytest.approx((np.asarray(active) >= 1).sum() * 0.01 if turns else 0, abs=0.02)
    assert found["overlap_s"] == pytest.approx((np.asarray(active) >= 2).sum() * 0.01 if turns else 0, abs=0.02)
    assert 0 <= found["second_share"] <= 0.5


def test_frame_times_grow_by_the_step():
    assert frame_time(0) == pytest.approx(0.0225)
    assert frame_time(101) - frame_time(1) == pytest.approx(100 * FRAME_STEP / SAMPLE_RATE)
