"""Media as people and phones make them: each comes out right or is dropped with a reason, and none ends the run."""

from pathlib import Path

import av
import numpy as np
import pytest

from nonverbal.collect.clips import clips
from nonverbal.collect.cut import Plan, can_copy
from nonverbal.collect.download import download
from nonverbal.collect.settings import Clips, Download
from nonverbal.media import SAMPLE_RATE, MediaError, decode_frames, read_audio, run_ffmpeg
from nonverbal.schema import read_rows, write_table

SIZE = "160x96"
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
LOSSLESS = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "pcm_s16le")


def picture(seconds=3, rate="25", size=SIZE, source="testsrc2"):
    return "-f", "lavfi", "-i", f"{source}=r={rate}:s={size}:d={seconds}"


def sound(expression="0.5*sin(2*PI*440*t)", seconds=3, rate=44100, layout="mono"):
    return "-f", "lavfi", "-i", f"aevalsrc='{expression}':s={rate}:c={layout}:d={seconds}"


@pytest.fixture
def make(tmp_path):
    """Makes a file with ffmpeg: `make("name.mp4", arguments...)`."""

    def go(name: str, *arguments: str) -> Path:
        run_ffmpeg(*arguments, str(tmp_path / name))
        return tmp_path / name

    return go


@pytest.fixture
def through(tmp_path, network):
    """Takes own files through download and clips of 2 s: both tables' rows of each, and the folder of clips."""

    def go(*files: Path) -> tuple[list[dict], list[dict], Path]:
        names = {"channel_id": "c", "title": "", "uploaded": "", "duration_s": 0.0, "thumbnail_url": ""}
        kept = {"kept": True, "reason": "", "detail": ""}
        videos = [{"video_id": f.name.split(".")[0], "url": f.as_uri(), **names, **kept} for f in files]
        write_table(tmp_path / "videos.parquet", "channels", videos)
        write_table(tmp_path / "people.parquet", "keep_people", [{"video_id": v["video_id"], **kept} for v in videos])
        inputs = tmp_path / "videos.parquet", tmp_path / "people.parquet"
        settings = Download(max_height=720, caption_languages=("en",), licences=None, drop_unreachable=False)
        fetched = tmp_path / "download.parquet", tmp_path / "downloaded"
        download(*inputs, *fetched, settings, network)
        made = tmp_path / "clips.parquet", tmp_path / "media"
        clips(*fetched, *made, Clips(skip_s=0, length_s=2))
        return read_rows(fetched[0], "download"), read_rows(made[0], "clips"), made[1]

    return go


def level(samples: np.ndarray, frequency: float) -> float:
    """Amplitude of a tone."""
    wave = np.exp(-2j * np.pi * frequency * np.arange(len(samples)) / SAMPLE_RATE)
    return 2 * float(np.abs(np.mean(samples * wave)))


def test_each_file_has_a_row_and_a_reason(make, through):
    files = [
        make("no_sound.mp4", *picture(), *X264),
        make("no_sound_in_track.mp4", *picture(), *sound(), "-af", "atrim=end=0", *X264),
        make("no_video.m4a", *sound(), "-c:a", "aac"),
        make("cover_only.m4a", *sound(), *picture(0.04), "-c:v", "mjpeg", "-disposition:v", "attached_pic"),
        make("one_second.mp4", *picture(1), *sound(seconds=1), *X264),
        make("one_frame.mp4", *picture(0.04), *sound(), *X264),
    ]
    fetched, cut, media = through(*files)
    assert {row["video_id"]: row["reason"] for row in fetched} == {
        "no_sound": "no_audio_stream", "no_sound_in_track": "no_audio_stream", "no_video": "no_video_stream",
        "cover_only": "no_video_stream", "one_second": "", "one_frame": "",
    }  # fmt: skip
    assert {row["video_id"]: row["reason"] for row in cut} == {"one_second": "too_short", "one_frame": "too_short"}
    assert list(media.iterdir()) == []


PLAYLISTS = {
    "concat.mkv": "ffconcat version 1.0\nfile good.mp4\n",
    "hls.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{url}\n#EXT-X-ENDLIST\n",
    "stream.ts": "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\ngood.mp4\n#EXT-X-ENDLIST\n",
    "session.mov": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
    "dash.webm": '<?xml version="1.0"?><MPD><Period><BaseURL>{url}</BaseURL></Period></MPD>',
}


def test_a_playlist_is_no_media_and_what_it_names_is_not_opened(make, through, site, tmp_path):
    good = make("good.mp4", *picture(), *sound(), *X264)
    files = []
    for name, text in PLAYLISTS.items():
        files.append(tmp_path / name)
        files[-1].write_text(text.format(url=f"{site.url}/secret.ts"))
    with av.open(str(files[0])) as believed:  # as ffmpeg is by itself
        assert believed.format.name == "concat" and len(believed.streams) == 2
    fetched, _, media = through(good, *files)
    assert {row["reason"] for row in fetched if row["video_id"] != "good"} == {"not_media"}
    assert len(fetched) == 6 and not site.asked
    with pytest.raises(MediaError, match="ffmpeg: "):
        run_ffmpeg("-i", str(files[0]), str(tmp_path / "out.mp4"))
    assert sorted({file.name.split("_")[0] for file in media.iterdir()}) == ["good"]


def test_odd_pictures_are_clips_of_50_frames(make, through):
    files = {
        "ten_bit.mp4": ("161x97", "-pix_fmt", "yuv420p10le", *X264),
        "hevc.mp4": ("161x97", "-pix_fmt", "yuv420p10le", "-c:v", "libx265", "-x265-params", "log-level=none"),
        "rgb.mkv": ("161x97", "-pix_fmt", "bgr0", "-c:v", "ffv1"),
        "grey.mp4": (SIZE, "-pix_fmt", "gray", *X264),
        "tiny.mp4": ("2x2", *X264),
        "old.avi": (SIZE, "-c:v", "mpeg4", "-c:a", "mp3"),
    }
    made = [make(name, *picture(2, size=size), *sound(seconds=2), *how) for name, (size, *how) in files.items()]
    for rate in ("1", "120"):
        made.append(make(f"rate_{rate}.mp4", *picture(2, rate), *sound(seconds=2), *X264))
    _, cut, media = through(*made)
    kept = [row for row in cut if row["kept"]]
    assert [row["video_id"] for row in kept] == [file.stem for file in made]
    for row in kept:
        frames = list(decode_frames(media / row["video"]))
        assert len(frames) == 50
        assert frames[0].shape[0] % 2 == frames[0].shape[1] % 2 == 0
        assert level(read_audio(media / row["audio"]), 440) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 96000])
def test_sound_of_any_rate_keeps_its_pitch_and_length(make, through, rate):
    _, cut, media = through(make("v.mkv", *picture(2), *sound(seconds=2, rate=rate), *LOSSLESS))
    samples = read_audio(media / cut[0]["audio"])
    assert len(samples) == 2 * SAMPLE_RATE
    assert level(samples, 440) == pytest.approx(0.5, rel=0.02)
    assert np.sqrt(2 * np.mean(samples**2)) == pytest.approx(0.5, rel=0.02)  # and there is nothing else


@pytest.mark.parametrize(
    ("layout", "expression", "audible"),
    [
        ("5.1", "0|0|0.5*sin(2*PI*440*t)|0.5*sin(2*PI*60*t)|0|0", 0.1),  # speech of films is in the centre
        ("7.1", "0|0|0.5*sin(2*PI*440*t)|0.5*sin(2*PI*60*t)|0|0|0|0", 0.1),
        ("stereo", "0.5*sin(2*PI*440*t)|0", 0.2),  # a microphone in one ear
    ],
)
def test_speech_in_one_channel_of_many_is_heard(make, through, layout, expression, audible):
    sounds = sound(expression, 2, 48000, layout)
    _, cut, media = through(make("v.mkv", *picture(2), *sounds, *LOSSLESS))
    samples = read_audio(media / cut[0]["audio"])
    assert level(samples, 440) > audible
    assert level(samples, 60) < 0.01  # the bass channel is left out


def test_sound_shorter_than_the_picture_is_followed_by_silence(make, through):
    _, cut, media = through(make("v.mkv", *picture(4), *sound(seconds=1), *LOSSLESS))
    first, second = (read_audio(media / row["audio"]) for row in cut if row["kept"])
    assert level(first[:SAMPLE_RATE], 440) == pytest.approx(0.5, rel=0.02)
    assert not first[SAMPLE_RATE + 160 :].any() and not second.any()
    assert cut[1]["loudness_dbfs"] == -120


FLASH = "between(t,1.2,1.4)"  # white and loud at the same time


def in_step(media: Path, row: dict) -> float:
    """Seconds from the flash to the beep."""
    bright = np.array([frame.mean() > 128 for frame in decode_frames(media / row["video"])])
    loud = np.abs(read_audio(media / row["audio"])) > 0.1
    assert bright.any() and loud.any()
    return float(np.argmax(loud) / SAMPLE_RATE - np.argmax(bright) / 25)


@pytest.mark.parametrize(
    ("name", "picture_late", "sound_late", "options"),
    [
        ("variable.mp4", 0, 0, ("-vf", "select='not(mod(n,7))+lt(mod(n,30),8)'", "-fps_mode", "vfr")),
        ("variable.mkv", 0, 0, ("-vf", "select='not(mod(n,5))+lt(n,40)'", "-fps_mode", "vfr")),
        ("sound_late.mp4", 0, 0.7, ()),
        ("picture_late.mp4", 0.7, 0, ()),
        ("picture_late.ts", 0.7, 0, ()),
        ("both_late.mkv", 5000, 5000, ()),  # a piece of a broadcast: its clock started long ago
    ],
)
def test_picture_and_sound_stay_in_step(make, through, name, picture_late, sound_late, options):
    white = f"color=white:r=60:s={SIZE}:d=3,lutyuv=y=16:enable='not({FLASH})',format=yuv420p"
    source = make(
        name, "-itsoffset", str(picture_late), "-f", "lavfi", "-i", white,
        "-itsoffset", str(sound_late), *sound(f"if({FLASH},0.5*sin(2*PI*440*t),0)"), *options, *X264,
        *(("-copyts",) if picture_late == sound_late else ()),
    )  # fmt: skip
    fetched, cut, media = through(source)
    assert fetched[0]["reason"] == ""
    assert cut[0]["frames"] == 50
    frame = 0.12 if name.startswith("variable") else 0.045  # the source itself shows no picture for so long
    assert in_step(media, cut[0]) == pytest.approx(sound_late - picture_late, abs=frame)


CORNERS = "color=black:r=25:s=96x160:d=2,drawbox=0:0:48:80:red:fill,drawbox=48:80:48:80:blue:fill,format=yuv420p"


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_phone_held_any_way_gives_an_upright_picture(make, through, turn):
    spin = {90: "transpose=clock", 180: "hflip,vflip", 270: "transpose=cclock"}[turn]  # what the sensor sees
    stored = make("stored.mp4", "-f", "lavfi", "-i", f"{CORNERS},{spin}", *sound(seconds=2), *X264, "-g", "25")
    phone = make("phone.mp4", "-display_rotation", str(turn), "-i", str(stored), "-c", "copy")
    _, cut, media = through(phone)
    frame = next(decode_frames(media / cut[0]["video"])).astype(int)
    assert frame.shape == (160, 96, 3)
    assert frame[40, 24, 0] > 200 and frame[40, 24, 2] < 60  # red above, left
    assert frame[120, 72, 2] > 200 and frame[120, 72, 0] < 60  # blue below, right


def combed(path: Path) -> float:
    """How much lines differ from those of the other field, beside how much they differ from their own field's."""
    lines = np.stack(list(decode_frames(path))[10:40]).astype(float).mean(axis=-1)
    between = np.abs(lines[:, 1:-1] - lines[:, 2:]).mean()
    within = np.abs(lines[:, :-2] - lines[:, 2:]).mean()
    return float(between / within)


def test_interlaced_video_is_made_whole(make, through):
    bars = "nullsrc=r=50:s=160x96:d=3,geq=lum='255*lt(mod(X+6*N+Y/4,40),20)':cb=128:cr=128,format=yuv420p"
    x264 = ("-c:v", "libx264", "-flags", "+ildct+ilme", "-x264-params", "tff=1", "-g", "25", "-c:a", "aac")
    source = make("v.mp4", "-f", "lavfi", "-i", bars, *sound(), "-vf", "interlace=scan=tff:lowpass=off", *x264)
    assert combed(source) > 2
    assert not can_copy(source, Plan(0, 50, 1))
    _, cut, media = through(source)
    assert cut[0]["frames"] == 50
    assert combed(media / cut[0]["video"]) < 1
