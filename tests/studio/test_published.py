"""The published layout, to the letter, and cuts that show the right frames."""

import json
from pathlib import Path

import av
import numpy as np
import pytest
from studio_media import NAME, make_recording

from nonverbal.media import SAMPLE_RATE, read_audio, run_ffmpeg, write_audio
from nonverbal.schema import write_table
from nonverbal.studio.published import asr_entries, cut_segment, diarization_lines, frame_times, muted, published

SOUND = 0.1 * np.random.default_rng(0).standard_normal((6 * SAMPLE_RATE, 2))


def pictures(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]


@pytest.fixture(scope="module")
def long_take(tmp_path_factory):
    """6 s with one key frame, and frames stored out of order."""
    return make_recording(tmp_path_factory.mktemp("take") / "take.mp4", SOUND)


@pytest.mark.parametrize("start, end", [(0, 2), (1.32, 2.5), (3.013, 4.487), (5.0, 6.0)])
def test_a_copy_begins_at_the_very_frame_and_ends_at_most_three_late(long_take, tmp_path, start, end):
    frames, copied = cut_segment(long_take, tmp_path / "a.mp4", start, end, frame_times(long_take))
    whole, found = pictures(long_take), pictures(tmp_path / "a.mp4")
    first = int(np.ceil(start * 25 - 0.05))
    wanted = whole[first : int(np.ceil(end * 25 - 0.05))]
    assert copied
    assert len(wanted) <= frames == len(found) <= len(wanted) + 3
    assert all((a == b).all() for a, b in zip(wanted, found, strict=False))
    with av.open(str(tmp_path / "a.mp4")) as container:
        sound = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
    assert sound.shape[0] == 2
    assert sound.shape[1] / SAMPLE_RATE == pytest.approx(end - start, abs=0.15)


def test_what_cannot_be_copied_is_encoded_and_marked(tmp_path):
    source = tmp_path / "a.mkv"
    make_recording(source, SOUND[: 3 * SAMPLE_RATE], "-c:v", "libvpx", "-deadline", "realtime")  # no codec of MP4
    frames, copied = cut_segment(source, tmp_path / "a.mp4", 0.52, 1.6, frame_times(source))
    assert not copied
    assert 27 <= frames == len(pictures(tmp_path / "a.mp4")) <= 28


def test_nothing_to_cut_leaves_no_file(tmp_path, long_take):
    assert cut_segment(long_take, tmp_path / "a.mp4", 100, 101, frame_times(long_take)) == (0, False)
    assert not (tmp_path / "a.mp4").exists()


def test_muting_leaves_the_actor_alone():
    sound = np.ones(4 * SAMPLE_RATE, np.float32)
    turns = [
        {"start_s": 0.5, "end_s": 1.0, "reason": "too_short"}, {"start_s": 2.0, "end_s": 3.5, "reason": ""},
        {"start_s": 1.0, "end_s": 2.0, "reason": "cross_talk"},
    ]  # fmt: skip
    alone = muted(sound, turns)
    assert alone.sum() == 2 * SAMPLE_RATE
    assert not alone[SAMPLE_RATE : 2 * SAMPLE_RATE].any()


def test_log_and_json_are_as_published():
    voices = [{"start_s": 1.0, "end_s": 2.5, "voice": 1}, {"start_s": 0.25, "end_s": 1, "voice": 0}]
    assert diarization_lines(voices) == [
        "start=0.250s stop=1.000s speaker_SPEAKER_00", "start=1.000s stop=2.500s speaker_SPEAKER_01",
    ]  # fmt: skip
    heard = [
        {"segment": 2, "start_s": 3.00049, "end_s": 4.5, "asr": "", "asr_flag": False},
        {"segment": 0, "start_s": 0.25, "end_s": 1.75, "asr": "你好", "asr_flag": True},
    ]
    assert asr_entries(heard) == [
        {"idx": 0, "start": 0.25, "end": 1.75, "asr": "你好", "asr_flag": True},
        {"idx": 2, "start": 3.0, "end": 4.5, "asr": "", "asr_flag": False},
    ]


def publish(tmp_path: Path, long_take: Path, side: str) -> Path:
    """What `published` writes of one camera of a take with three turns; the right channel is twice as loud."""
    clip, video = "abc_000", "abc"
    sounds = tmp_path / "sounds_left"
    sounds.mkdir()
    for i, name in enumerate(("left", "right")):
        write_audio(sounds / f"{video}_{name}.wav", SOUND[:, i] * (i + 1))
    decision = {"kept": True, "reason": "", "detail": ""}
    times = {"left": [(0.0, 1.5), (3.0, 4.2)], "right": [(1.6, 2.9)]}
    order = sorted((start, end, name) for name, spans in times.items() for start, end in spans)
    turns = [
        {"clip_id": clip, "side": name, "segment": i, "voice": 0, "start_s": start, "end_s": end,
         "loudness_dbfs": -20.0}
        for i, (start, end, name) in enumerate(order)
    ]  # fmt: skip
    write_table(tmp_path / "sides.parquet", "sides", [
        {"video_id": video, "clip_id": clip, "dialogue_id": NAME, "side": side, "left": f"{video}_left.wav",
         "right": f"{video}_right.wav", "left_dbfs": -20.0, "right_dbfs": -20.0, "likeness": 0.0, **decision},
    ])  # fmt: skip
    write_table(tmp_path / "turns.parquet", "side_turns", [turn | decision for turn in turns])
    write_table(tmp_path / "voices.parquet", "side_voices", [
        {name: turn[name] for name in ("clip_id", "side", "voice", "start_s", "end_s", "loudness_dbfs")}
        | {"other_dbfs": -40.0}
        for turn in turns
    ])  # fmt: skip
    write_table(tmp_path / "heard.parquet", "side_heard", [
        {name: turn[name] for name in ("clip_id", "side", "segment", "start_s", "end_s")}
        | {"asr": f"turn {turn['segment']}", "asr_flag": True, "language": "en", "language_score": 1.0,
           "language_source": "container", "words_source": "decoded"}
        for turn in turns
    ])  # fmt: skip
    absent = {"channel_id": NAME, "title": f"{NAME}_{side}", "duration_s": 6.0, "width": 96, "height": 64, "fps": 25.0}
    names = (
        "captions",
        "caption_language",
        "captions_origin",
        "language",
        "licence",
        "availability",
        "checked",
        "sha256",
    )
    texts = dict.fromkeys(names, "")
    write_table(tmp_path / "download.parquet", "download", [
        {"video_id": video, "path": long_take.name, **absent, **texts, **decision}
    ])  # fmt: skip
    files = tmp_path / "files"
    published(
        *(tmp_path / "sides.parquet", sounds, tmp_path / "voices.parquet", tmp_path / "turns.parquet"),
        *(tmp_path / "heard.parquet", tmp_path / "download.parquet", long_take.parent),
        *(tmp_path / "published.parquet", files),
    )
    return files


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_layout_is_the_published_one_and_numbers_agree(tmp_path, long_take, side):
    files = publish(tmp_path, long_take, side)
    name = f"{NAME}_{side}"
    expected = [f"{name}/video_segments/{i:06d}.mp4" for i in range(3)]
    expected += [f"{name}/wav_left_segments/{i:06d}.wav" for i in (0, 2)] + [f"{name}/wav_right_segments/000001.wav"]
    for channel in ("left", "right"):
        ends = (".wav", "_mute.wav", "_speaker_diarization.log", "_speaker_diarization_asr.json")
        expected += [f"{name}/{name}_{channel}{end}" for end in ends]
    assert sorted(str(path.relative_to(files)) for path in files.rglob("*") if path.is_file()) == sorted(expected)
    for i, channel in enumerate(("left", "right")):
        entries = json.loads((files / name / f"{name}_{channel}_speaker_diarization_asr.json").read_text())
        stems = {path.stem for path in (files / name / f"wav_{channel}_segments").iterdir()}
        assert {f"{entry['idx']:06d}" for entry in entries} == stems
        for entry in entries:
            assert list(entry) == ["idx", "start", "end", "asr", "asr_flag"]
            part = read_audio(files / name / f"wav_{channel}_segments" / f"{entry['idx']:06d}.wav")
            begin = round(entry["start"] * SAMPLE_RATE)
            assert np.allclose(part, SOUND[begin : begin + len(part), i] * (i + 1), atol=1e-3)
            assert len(frame_times(files / name / "video_segments" / f"{entry['idx']:06d}.mp4", decode=True)) in range(
                round((entry["end"] - entry["start"]) * 25) - 1, round((entry["end"] - entry["start"]) * 25) + 5
            )


def test_a_recording_with_a_rotation_keeps_it(tmp_path, long_take):
    run_ffmpeg("-display_rotation", "90", "-i", str(long_take), "-c", "copy", str(tmp_path / "turned.mp4"))
    _, copied = cut_segment(tmp_path / "turned.mp4", tmp_path / "a.mp4", 1, 2, frame_times(tmp_path / "turned.mp4"))
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert copied
        assert next(container.decode(video=0)).rotation in (90, -90)
