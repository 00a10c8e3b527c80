from pathlib import Path

import numpy as np
import pytest

from nonverbal.collect import clips as module
from nonverbal.collect.channels import channels
from nonverbal.collect.clips import clips
from nonverbal.collect.download import download
from nonverbal.collect.keep_people import keep_people
from nonverbal.collect.settings import Channels, Clips, Download, KeepPeople, Thumbnails
from nonverbal.collect.thumbnails import thumbnails
from nonverbal.media import decode_frames, read_audio
from nonverbal.schema import read_rows, write_table

ROW = {
    "channel_id": "c", "title": "", "width": 160, "height": 120, "fps": 25.0, "captions": "", "caption_language": "",
    "language": "", "licence": "", "captions_origin": "", "availability": "", "checked": "", "sha256": "",
    "kept": True, "reason": "", "detail": "",
}  # fmt: skip


@pytest.fixture
def run(tmp_path):
    """Runs the rule's function on (id, file, seconds); its rows and the folder of clips."""

    def go(videos: list[tuple[str, Path, float]], settings: Clips) -> tuple[list[dict], Path]:
        media = tmp_path / "downloaded"
        media.mkdir(exist_ok=True)
        rows = []
        for video_id, file, seconds in videos:
            target = media / f"{video_id}.mp4"
            target.write_bytes(file.read_bytes())
            rows.append(ROW | {"video_id": video_id, "path": target.name, "duration_s": seconds, "sha256": str(file)})
        write_table(tmp_path / "download.parquet", "download", rows)
        clips(tmp_path / "download.parquet", media, tmp_path / "clips.parquet", tmp_path / "media", settings)
        return read_rows(tmp_path / "clips.parquet", "clips"), tmp_path / "media"

    return go


def test_rest_is_a_row_and_every_video_has_one(run, video):
    settings = Clips(skip_s=1, length_s=2)
    rows, media = run([("-whole-rest", video, 6.0), ("too_short__", video, 2.5), ("only_start_", video, 0.5)], settings)
    found = [(row["clip_id"], row["start_s"], row["end_s"], row["frames"], row["reason"]) for row in rows]
    assert found == [
        ("-whole-rest_000", 1, 3, 50, ""), ("-whole-rest_001", 3, 5, 50, ""), ("-whole-rest_002", 5, 6, 0, "too_short"),
        ("too_short___000", 1, 2.5, 0, "too_short"), ("only_start__000", 0.5, 0.5, 0, "too_short"),
    ]  # fmt: skip
    assert [row["segment_id"] for row in rows] == [0, 1, 2, 0, 0]
    assert sorted(file.name for file in media.iterdir()) == [
        "-whole-rest_000.mp4", "-whole-rest_000.wav", "-whole-rest_001.mp4", "-whole-rest_001.wav",
    ]  # fmt: skip
    kept = rows[0]
    assert (kept["video"], kept["audio"], kept["width"], kept["height"]) == (
        "-whole-rest_000.mp4", "-whole-rest_000.wav", 160, 120,
    )  # fmt: skip
    assert kept["loudness_dbfs"] == pytest.approx(-21.07, abs=0.1)  # lavfi's sine has amplitude 1/8


def test_video_without_rest_has_no_row_too_many(run, video):
    rows, _ = run([("v", video, 6.0)], Clips(skip_s=0, length_s=3))
    assert [row["reason"] for row in rows] == ["", ""]


def test_no_video_at_all_makes_empty_outputs(run):
    rows, media = run([], Clips(skip_s=0, length_s=3))
    assert rows == []
    assert list(media.iterdir()) == []


def test_undecodable_and_shorter_than_declared_are_rows(run, tmp_path, video):
    broken = tmp_path / "broken.mp4"
    data = bytearray(video.read_bytes())
    data[-60000:] = np.random.default_rng(0).bytes(60000)
    broken.write_bytes(bytes(data[:40]) + b"\0" * 2000)
    rows, media = run([("broken", broken, 6.0), ("short", video, 10.0)], Clips(skip_s=0, length_s=3))
    reasons = {row["clip_id"]: row["reason"] for row in rows}
    assert reasons == {
        "broken_000": "undecodable", "broken_001": "undecodable",
        "short_000": "", "short_001": "", "short_002": "undecodable", "short_003": "too_short",
    }  # fmt: skip
    assert all(row["detail"] for row in rows)
    assert sorted(file.stem for file in media.glob("*.mp4")) == ["short_000", "short_001"]


def test_killed_job_goes_on_and_makes_the_same(run, video, monkeypatch):
    videos = [("a", video, 6.0), ("b", video, 6.0)]
    real, done = module.cut_video, []

    def killed(row, *others):
        done.append(row["video_id"])
        if done.count("b") == 1 and row["video_id"] == "b":
            raise KeyboardInterrupt
        return real(row, *others)

    monkeypatch.setattr(module, "cut_video", killed)
    with pytest.raises(KeyboardInterrupt):
        run(videos, Clips(skip_s=0, length_s=3))
    rows, media = run(videos, Clips(skip_s=0, length_s=3))
    assert done == ["a", "b", "b"]
    first = {file.name: file.read_bytes() for file in media.iterdir()}
    monkeypatch.setattr(module, "cut_video", real)
    again, media = run(videos, Clips(skip_s=0, length_s=3))
    assert again == rows
    assert {file.name: file.read_bytes() for file in media.iterdir()} == first
    assert not list(media.parent.glob(".*"))


def test_own_files_go_through_the_whole_stage(shared_media, tmp_path, network):
    lists = tmp_path / "sources.parquet", tmp_path / "channels.parquet", [tmp_path / "00000.parquet"]
    everything = Channels(first_date=None, last_date=None, videos_per_channel=300)
    channels([shared_media], *lists, [str(shared_media)], everything, network)
    listed = {row["title"]: row["video_id"] for row in read_rows(lists[1], "channels")}
    assert set(listed) == {"two_women_mandarin_50s", "torso_no_face_23s", "sintel_10s"}
    women, torso, film = (listed[name] for name in ("two_women_mandarin_50s", "torso_no_face_23s", "sintel_10s"))
    videos, scores, people = lists[2][0], tmp_path / "thumbnails.parquet", tmp_path / "keep_people.parquet"
    thumbnails(videos, scores, Thumbnails(backend="mediapipe", lowest_score=0.3), network)
    keep_people(scores, people, KeepPeople(people=1, score=0.5))
    decisions = {row["video_id"]: row["reason"] for row in read_rows(people, "keep_people")}
    assert decisions[women] == ""
    assert decisions[torso] == "no_people"
    keep_people(scores, people, KeepPeople(people=0, score=0.5))
    settings = Download(max_height=720, caption_languages=("en",), licences=None, drop_unreachable=False)
    download(videos, people, tmp_path / "download.parquet", tmp_path / "downloaded", settings, network)
    found = {row["video_id"]: row for row in read_rows(tmp_path / "download.parquet", "download")}
    assert (found[women]["width"], found[women]["height"], found[women]["fps"]) == (362, 640, 24.0)
    assert found[film]["reason"] == "no_audio_stream"
    cut = Clips(skip_s=2, length_s=10)
    clips(tmp_path / "download.parquet", tmp_path / "downloaded", tmp_path / "clips.parquet", tmp_path / "media", cut)
    rows = read_rows(tmp_path / "clips.parquet", "clips")
    kept = [row for row in rows if row["kept"]]
    assert {name: sum(row["video_id"] == name for row in kept) for name in (women, torso)} == {women: 4, torso: 2}
    assert sorted(row["video_id"] for row in rows if row["reason"] == "too_short") == sorted([women, torso])
    for row in kept:
        assert sum(1 for _ in decode_frames(tmp_path / "media" / row["video"])) == row["frames"] == 250
        assert len(read_audio(tmp_path / "media" / row["audio"])) == 160000
        assert -40 < row["loudness_dbfs"] < -10
