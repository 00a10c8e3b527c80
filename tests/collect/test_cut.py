import wave

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonverbal.collect.cut import Plan, can_copy, cut, cuts_at_keys, decoded_frames, loudness_dbfs, packed_frames, plan
from nonverbal.media import MediaError, decode_frames, read_audio, run_ffmpeg, write_audio

BAR, BARS = 16, 12
# Frame N shows N in binary as dark and bright bars; the tone starts at 3 s.
COUNTER = f"geq=lum='255*mod(floor(N/pow(2,floor(X/{BAR}))),2)':cb=128:cr=128"
TONE = "aevalsrc='if(gte(t,3),0.5*sin(2*PI*440*t),0)':s=44100:d="


def make(path, seconds, *options, rate="25", before_sound=(), size=f"{BAR * BARS}x32"):
    run_ffmpeg(
        "-f", "lavfi", "-i", f"nullsrc=r={rate}:s={size}:d={seconds},{COUNTER},format=yuv420p",
        *before_sound, "-f", "lavfi", "-i", TONE + str(seconds),
        "-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac", *options, str(path),
    )  # fmt: skip
    return path


def numbers(path):
    """The numbers that the frames show."""
    lit = [frame[16, BAR // 2 :: BAR].mean(axis=1) > 127 for frame in decode_frames(path)]
    return [int(sum(1 << bit for bit in np.flatnonzero(bars))) for bars in lit]


def times(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [float(frame.pts * stream.time_base) for frame in container.decode(stream)]


KEYS = ("-g", "25", "-sc_threshold", "0")


@pytest.mark.parametrize(
    ("options", "copied"), [(KEYS, True), (("-g", "40"), False), ((*KEYS, "-flags", "-cgop"), None)]
)
def test_every_frame_is_where_it_was(tmp_path, options, copied):
    source = make(tmp_path / "source.mp4", 7.4, *options)
    wanted = plan(7.4, 1, 2)
    assert wanted == Plan(1, 50, 3)
    if copied is not None:
        assert can_copy(source, wanted) == copied
    folder = tmp_path / "100% %d clips"
    folder.mkdir()
    cut(source, folder, ["v_000", "v_001", "v_002"], wanted)
    for number in range(3):
        clip = folder / f"v_{number:03d}.mp4"
        assert numbers(clip) == list(range(25 + 50 * number, 75 + 50 * number))
        assert times(clip) == pytest.approx([frame / 25 for frame in range(50)])
        assert packed_frames(clip) == (50, BAR * BARS, 32)
        assert len(read_audio(folder / f"v_{number:03d}.wav")) == 32000
    tone = np.abs(read_audio(folder / "v_001.wav")) > 0.1
    assert not np.abs(read_audio(folder / "v_000.wav"))[:31000].max() > 0.05
    assert int(np.argmax(tone)) < 160  # the tone starts at 3 s, where clip 1 does: within 10 ms
    assert sorted(file.name for file in folder.iterdir()) == [
        f"v_{n:03d}.{kind}" for n in range(3) for kind in ("mp4", "wav")
    ]


def test_clips_are_the_same_bytes_each_time(tmp_path):
    source = make(tmp_path / "source.mp4", 3, rate="30")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        cut(source, tmp_path / name, ["v_000"], Plan(0, 50, 1))
    for file in ("v_000.mp4", "v_000.wav"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.parametrize("rate", ["24", "30000/1001", "50", "10"])
def test_other_frame_rates_show_the_frame_of_that_time(tmp_path, rate):
    source = make(tmp_path / "source.mkv", 5, rate=rate)
    cut(source, tmp_path, ["v_000", "v_001"], Plan(1, 50, 2))
    top, _, bottom = rate.partition("/")
    fps = int(top) / int(bottom or 1)
    for number in range(2):
        shown = np.array(numbers(tmp_path / f"v_{number:03d}.mp4"))
        assert len(shown) == 50
        at = 1 + 2 * number + np.arange(50) / 25
        late = at - shown / fps  # the frame on screen at that time, to half a frame of the new clock
        assert -0.021 <= late.min() <= late.max() <= 1 / fps + 0.021


def test_odd_sizes_non_square_pixels_and_rotation_come_out_upright_and_even(tmp_path):
    source = make(tmp_path / "source.mp4", 2, "-vf", "scale=75:33,setsar=2,format=yuv444p", "-profile:v", "high444")
    cut(source, tmp_path, ["a_000"], Plan(0, 25, 1))
    assert packed_frames(tmp_path / "a_000.mp4") == (25, 150, 32)
    upright, phone = make(tmp_path / "upright.mp4", 2, *KEYS), tmp_path / "phone.mp4"
    run_ffmpeg("-display_rotation", "90", "-i", str(upright), "-c", "copy", str(phone))
    assert (can_copy(upright, Plan(0, 25, 1)), can_copy(phone, Plan(0, 25, 1))) == (True, False)
    cut(phone, tmp_path, ["b_000"], Plan(0, 25, 1))
    assert packed_frames(tmp_path / "b_000.mp4") == (25, 32, BAR * BARS)


def test_sound_that_starts_late_or_ends_early_stays_with_the_picture(tmp_path):
    source = make(tmp_path / "source.mkv", 6, "-c:a", "pcm_s16le", before_sound=("-itsoffset", "0.5"))
    cut(source, tmp_path, ["v_000", "v_001", "v_002"], Plan(0, 50, 3))
    onset = int(np.argmax(np.abs(read_audio(tmp_path / "v_001.wav")) > 0.1))
    assert onset == pytest.approx(1.5 * 16000, abs=160)  # 3 s of the tone's own clock, half a second late
    short = tmp_path / "short.mkv"
    run_ffmpeg("-i", str(source), "-t", "1", "-i", str(source), "-map", "0:v", "-map", "1:a", "-c", "copy", str(short))
    run_ffmpeg("-i", str(source), "-af", "atrim=end=3", "-c:v", "copy", "-c:a", "pcm_s16le", str(short))
    cut(short, tmp_path, ["w_000", "w_001", "w_002"], Plan(0, 50, 3))
    assert len(read_audio(tmp_path / "w_002.wav")) == 32000
    assert not read_audio(tmp_path / "w_002.wav").any()


def test_variable_frame_rate_becomes_constant(tmp_path):
    source = make(tmp_path / "source.mkv", 4, "-vf", "select='not(mod(n\\,3))+lt(n\\,30)'", "-fps_mode", "vfr")
    assert not can_copy(source, Plan(0, 50, 1))
    cut(source, tmp_path, ["v_000"], Plan(0, 50, 1))
    shown = numbers(tmp_path / "v_000.mp4")
    assert len(shown) == 50
    assert np.abs(np.array(shown) - np.arange(50)).max() <= 2


def test_copy_of_broken_packets_is_encoded_instead(tmp_path):
    source = make(tmp_path / "source.mp4", 3, *KEYS)
    with av.open(str(source)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.is_keyframe][1]
    data = bytearray(source.read_bytes())
    data[packet.pos + packet.size // 2 : packet.pos + packet.size] = bytes(packet.size - packet.size // 2)
    source.write_bytes(bytes(data))
    assert can_copy(source, Plan(0, 75, 1))
    assert decoded_frames(source) == 0
    cut(source, tmp_path, ["v_000"], Plan(0, 75, 1))
    assert decoded_frames(tmp_path / "v_000.mp4") == 75


def test_cut_points_between_key_frames_or_off_the_frame_clock_are_not_copied():
    packets = [(frame / 25, frame % 25 == 0) for frame in range(200)]
    assert cuts_at_keys(packets, Plan(1, 50, 3))
    assert not cuts_at_keys(packets, Plan(1, 60, 2))
    assert not cuts_at_keys(packets, Plan(1.01, 50, 1))
    assert not cuts_at_keys(packets, Plan(8, 50, 1))
    assert not cuts_at_keys([], Plan(0, 50, 1))
    late = [(time + 0.04, key) for time, key in packets]
    assert not cuts_at_keys(late, Plan(1, 50, 3))
    gap = [packet for number, packet in enumerate(packets) if number != 10]
    assert not cuts_at_keys(gap, Plan(0, 5, 1))
    open_group = [*packets[:24], packets[25], packets[24], *packets[26:]]  # frame 24 is decoded after the key frame
    assert not cuts_at_keys(open_group, Plan(1, 50, 1))


@given(st.floats(0, 4000), st.floats(0, 120), st.floats(0.04, 900))
def test_plan_never_takes_more_than_there_is(duration, skip, length):
    wanted = plan(duration, skip, length)
    end = skip * 25 + wanted.frames * wanted.clips
    assert wanted.clips >= 0
    assert wanted.clips == 0 or end <= duration * 25 + 0.5 + 1e-6
    assert end + wanted.frames > duration * 25 - 1e-6


def test_what_is_no_video_is_a_media_error(tmp_path):
    (tmp_path / "x.mp4").write_text("no video")
    with pytest.raises((MediaError, av.error.FFmpegError)):
        cut(tmp_path / "x.mp4", tmp_path, ["v_000"], Plan(0, 25, 1))


def test_loudness_is_the_root_mean_square(tmp_path):
    time = np.arange(16000) / 16000
    write_audio(tmp_path / "sine.wav", np.sin(2 * np.pi * 440 * time))
    write_audio(tmp_path / "none.wav", np.zeros(16000))
    assert loudness_dbfs(tmp_path / "sine.wav") == pytest.approx(-3.01, abs=0.01)
    assert loudness_dbfs(tmp_path / "none.wav") == -120
    with wave.open(str(tmp_path / "none.wav")) as handle:
        assert handle.getframerate() == 16000
