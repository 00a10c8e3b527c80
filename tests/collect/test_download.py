import errno
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from yt_dlp.downloader.http import HttpFD
from yt_dlp.extractor.peertube import PeerTubeIE

from nonverbal.collect import download as module
from nonverbal.collect.captions import choose, store
from nonverbal.collect.download import download
from nonverbal.collect.probe import language_code
from nonverbal.collect.settings import Download
from nonverbal.errors import UserError
from nonverbal.media import run_ffmpeg
from nonverbal.schema import read_rows, write_table

HOSTILE = "$(touch pwned); `id` %(title)s ../../etc/passwd ünïcødé 日本語"
SETTINGS = Download(max_height=720, caption_languages=("en",), licences=None, drop_unreachable=False)


@pytest.fixture
def run(tmp_path, network):
    """Runs the rule's function on (id, url) pairs; rows by id, and the media folder."""

    def go(addresses: dict[str, str], settings: Download = SETTINGS) -> tuple[dict[str, dict], Path]:
        folder = tmp_path / "100% out"
        row = {
            "channel_id": "c", "title": HOSTILE, "uploaded": "", "duration_s": None, "thumbnail_url": "", "kept": True,
            "reason": "", "detail": "",
        }  # fmt: skip
        listed = [row | {"video_id": video_id, "url": url} for video_id, url in addresses.items()]
        decisions = [{name: row[name] for name in ("video_id", "kept", "reason", "detail")} for row in listed]
        write_table(folder / "videos.parquet", "channels", listed)
        write_table(folder / "people.parquet", "keep_people", decisions)
        inputs = folder / "videos.parquet", folder / "people.parquet"
        download(*inputs, folder / "download.parquet", folder / "media", settings, network)
        return {r["video_id"]: r for r in read_rows(folder / "download.parquet", "download")}, folder / "media"

    return go


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_every_kind_of_video_over_http(site, run, video, tmp_path):
    data = video.read_bytes()
    site.episode("good", data)
    site.episode("gone", 404)
    site.episode("forbidden", 403)
    site.episode("text", b"this is not a video at all\n" * 99)
    site.episode("cut", data[: len(data) * 6 // 10])
    site.files["/nothing.html"] = ("text/html", b"<html><title>no video</title></html>")
    wanted = ["good", "gone", "forbidden", "text", "cut", "nothing", "absent"]
    rows, media = run({name: f"{site.url}/{name}.html" for name in wanted})
    assert {name: row["reason"] for name, row in rows.items()} == {
        "good": "", "gone": "not_found", "forbidden": "unavailable", "text": "not_media", "cut": "truncated",
        "nothing": "not_media", "absent": "not_found",
    }  # fmt: skip
    good = rows["good"]
    assert (good["path"], good["captions"], good["caption_language"]) == ("good.mp4", "good.vtt", "en")
    assert (good["captions_origin"], rows["gone"]["captions_origin"]) == ("uploader", "")
    assert (good["width"], good["height"], good["fps"], good["language"]) == (160, 120, 25.0, "en")
    assert good["duration_s"] == pytest.approx(6, abs=0.05)
    assert good["title"] == HOSTILE
    assert names(media) == ["good.mp4", "good.vtt"]
    assert (media / "good.mp4").read_bytes() == data
    assert all(row["detail"] for row in rows.values())
    assert not list(tmp_path.rglob("pwned"))
    assert names(media.parent) == ["download.parquet", "media", "people.parquet", "videos.parquet"]


def test_a_playlist_that_a_server_sends_as_a_video_opens_nothing(site, run, video):
    site.episode("list", b"ffconcat version 1.0\nfile list.vtt\n", kind="video/x-matroska")
    site.episode("stream", f"#EXTM3U\n#EXTINF:3,\n{site.url}/secret.ts\n#EXT-X-ENDLIST\n".encode())
    site.files["/secret.ts"] = ("video/mp2t", video.read_bytes())
    rows, _ = run({name: f"{site.url}/{name}.html" for name in ("list", "stream")})
    assert {name: row["reason"] for name, row in rows.items()} == {"list": "not_media", "stream": "not_media"}
    assert "/secret.ts" not in site.asked


def test_server_that_closes_early_is_truncated(site, run, video):
    site.episode("early", video.read_bytes())
    site.cut_at["/early.mp4"] = 1000
    rows, media = run({"early": f"{site.url}/early.html"})
    assert rows["early"]["reason"] == "truncated"
    assert names(media) == []


def test_captions_that_are_missing_or_broken_cost_no_video(site, run, video):
    site.episode("broken", video.read_bytes(), captions="<html>oops</html>")
    site.episode("gone", video.read_bytes())
    site.files["/gone.vtt"] = ("text/vtt", 404)
    site.episode("german", video.read_bytes(), language="de-AT")
    rows, media = run({name: f"{site.url}/{name}.html" for name in ("broken", "gone", "german")})
    assert {name: (row["kept"], row["captions"], row["caption_language"]) for name, row in rows.items()} == {
        "broken": (True, "", ""), "gone": (True, "", ""), "german": (True, "german.vtt", "de"),
    }  # fmt: skip
    assert names(media) == ["broken.mp4", "german.mp4", "german.vtt", "gone.mp4"]


def test_server_that_does_not_answer_fails_the_job_after_the_others(site, run, video):
    site.episode("good", video.read_bytes())
    site.episode("busy", 503)
    addresses = {name: f"{site.url}/{name}.html" for name in ("busy", "good")}
    with pytest.raises(UserError, match=r"1 of 2 could not be done now \(first busy: .*503"):
        run(addresses)
    fetched = site.asked["/good.mp4"]
    site.files["/busy.mp4"] = ("video/mp4", video.read_bytes())
    rows, _ = run(addresses)
    assert [row["kept"] for row in rows.values()] == [True, True]
    assert site.asked["/good.mp4"] == fetched


def test_unreachable_can_be_made_a_row(run):
    rows, _ = run({"nobody": "http://127.0.0.1:9/x.html"}, SETTINGS.model_copy(update={"drop_unreachable": True}))
    assert rows["nobody"]["reason"] == "unavailable"
    assert "does not answer" in rows["nobody"]["detail"]


def test_full_disk_fails_the_job(site, run, video, monkeypatch):
    site.episode("good", video.read_bytes())

    def full(self, name, mode):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(HttpFD, "sanitize_open", full)
    with pytest.raises(OSError, match="No space left") as error:
        run({"good": f"{site.url}/good.html"})
    assert error.value.errno == errno.ENOSPC


def test_killed_download_goes_on_where_it_was(site, run, video, monkeypatch):
    for name in ("first", "second"):
        site.episode(name, video.read_bytes())
    addresses = {name: f"{site.url}/{name}.html" for name in ("first", "second")}
    real = module.fetch

    def killed(row, *others):
        if row["video_id"] == "second":
            raise KeyboardInterrupt
        return real(row, *others)

    monkeypatch.setattr(module, "fetch", killed)
    with pytest.raises(KeyboardInterrupt):
        run(addresses)
    asked = site.asked["/first.mp4"]
    assert (asked > 0, site.asked["/second.mp4"]) == (True, 0)
    monkeypatch.setattr(module, "fetch", real)
    rows, media = run(addresses)
    assert site.asked["/first.mp4"] == asked
    assert names(media) == ["first.mp4", "first.vtt", "second.mp4", "second.vtt"]
    assert [row["kept"] for row in rows.values()] == [True, True]


def test_own_files_are_linked_with_their_captions(run, tmp_path, video):
    folder = tmp_path / "own $(files)"
    folder.mkdir()
    talk = folder / "talk [1].mp4"
    talk.write_bytes(video.read_bytes())
    (folder / "talk [1].en.srt").write_text("1\n00:00:01,000 --> 00:00:02,500\nHello there\n")
    silent, sound = folder / "silent.mkv", folder / "sound.mp4"
    run_ffmpeg("-i", str(video), "-an", "-c", "copy", str(silent))
    run_ffmpeg("-i", str(video), "-vn", "-c", "copy", str(sound))
    (folder / "empty.mp4").write_bytes(b"")
    files = {"talk": talk, "silent": silent, "sound": sound, "empty": folder / "empty.mp4", "absent": folder / "no.mp4"}
    rows, media = run({name: file.as_uri() for name, file in files.items()})
    assert {name: row["reason"] for name, row in rows.items()} == {
        "talk": "", "silent": "no_audio_stream", "sound": "no_video_stream", "empty": "not_media",
        "absent": "not_found",
    }  # fmt: skip
    assert (rows["talk"]["captions"], rows["talk"]["caption_language"]) == ("talk.vtt", "en")
    assert "00:01.000 --> 00:02.500\nHello there" in (media / "talk.vtt").read_text()
    assert (media / "talk.mp4").samefile(talk)
    assert names(media) == ["talk.mp4", "talk.vtt"]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_any_truncated_container_is_seen(run, tmp_path, video, suffix):
    whole, part = tmp_path / f"whole{suffix}", tmp_path / f"part{suffix}"
    codecs = ["-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"] if suffix == ".webm" else ["-c", "copy"]
    run_ffmpeg("-i", str(video), *codecs, str(whole))
    data = whole.read_bytes()
    part.write_bytes(data[: len(data) // 2])
    rows, media = run({"whole": whole.as_uri(), "part": part.as_uri()})
    assert {name: row["reason"] for name, row in rows.items()} == {"whole": "", "part": "truncated"}
    assert names(media) == [f"whole{suffix}"]


def test_caption_choice():
    assert choose(["de", "en-US", "fr"], ["en", "de"]) == "en-US"
    assert choose(["de", "fr", "live_chat"], ["en"]) == "de"
    assert choose(["live_chat"], ["en"]) is None
    assert choose([], ["en"]) is None
    assert choose(["eng", "fr"], ["en"]) == "eng"


def test_language_codes():
    tags = ["en", "eng", "en-US", "zh_Hans", "cmn", "und", "", "deu", "x"]
    assert [language_code(tag) for tag in tags] == ["en", "en", "en", "zh", "", "", "", "de", ""]


def test_byte_order_mark_and_windows_lines_are_taken_off(tmp_path):
    assert store(b"\xef\xbb\xbfWEBVTT\r\n\r\n00:01.000 --> 00:02.000\r\nhi\r\n", "vtt", tmp_path, "v") == "v.vtt"
    assert (tmp_path / "v.vtt").read_bytes() == b"WEBVTT\n\n00:01.000 --> 00:02.000\nhi\n"
    assert store(b"no subtitles", "srt", tmp_path, "w") == ""
    assert names(tmp_path) == ["v.vtt"]


LICENSED = SETTINGS.model_copy(update={"licences": ("Attribution - Share Alike", "cc by 4.0")})
UUID = "9c9de5e8-0a1e-484a-b099-e80766180a6d"


def test_licence_and_permission_are_those_of_the_site_and_of_today(site, run, video, peertube):
    peertube(site, video, "Attribution - Share Alike")
    rows, media = run({"good": f"peertube:site:{UUID}"}, LICENSED)
    good = rows["good"]
    assert (good["kept"], good["licence"]) == (True, "Attribution - Share Alike")
    assert good["checked"] in {str(datetime.now(UTC).date()), str(datetime.now(UTC).date() - timedelta(days=1))}
    assert names(media) == ["good.mp4"]


def test_licence_that_is_no_text_is_readable(site, run, video, peertube):
    peertube(site, video, "CC\ud800 BY\u202e\n")
    assert run({"odd": f"peertube:site:{UUID}"})[0]["odd"]["licence"] == "CC\ufffd BY"


def test_video_of_a_licence_that_is_not_allowed_is_a_row_and_is_not_fetched(site, run, video, peertube):
    peertube(site, video, "Attribution - Non Commercial")
    rows, media = run({"other": f"peertube:site:{UUID}"}, LICENSED)
    assert (rows["other"]["reason"], rows["other"]["kept"]) == ("licence", False)
    assert rows["other"]["detail"] == "its licence, 'Attribution - Non Commercial', is not allowed"
    assert names(media) == [] and not site.asked["/video.mp4"]
    assert run({"other": f"peertube:site:{UUID}"})[0]["other"]["kept"]  # all are allowed as long as none is listed


def test_licence_that_no_site_tells_is_the_containers_or_none(site, run, video, tmp_path):
    site.episode("untold", video.read_bytes())
    run_ffmpeg("-i", str(video), "-c", "copy", "-metadata", "copyright=CC BY 4.0", str(tmp_path / "told.mp4"))
    site.episode("told", (tmp_path / "told.mp4").read_bytes())
    addresses = {name: f"{site.url}/{name}.html" for name in ("told", "untold")} | {"own": video.absolute().as_uri()}
    rows, media = run(addresses, LICENSED)
    assert {name: (row["reason"], row["licence"]) for name, row in rows.items()} == {
        "told": ("", "CC BY 4.0"), "untold": ("licence", ""), "own": ("licence", ""),
    }  # fmt: skip
    assert names(media) == ["told.mp4", "told.vtt"] and rows["untold"]["detail"] == "no licence is told"
    rows, _ = run(addresses, LICENSED.model_copy(update={"licences": ("",)}))
    assert [name for name, row in rows.items() if row["kept"]] == ["untold", "own"]


@pytest.fixture
def peertube(monkeypatch):
    """Makes a site answer as a PeerTube does, one of the sites whose licence yt-dlp reads."""

    def serve(site, video, licence: str) -> None:
        api = f"/api/v1/videos/{UUID}"
        monkeypatch.setattr(PeerTubeIE, "_API_BASE", f"{site.url}/%.0sapi/v1/videos/%s/%s")
        files = [{"fileUrl": f"{site.url}/video.mp4", "resolution": {"id": 120, "label": "120p"}, "size": 1}]
        told = {"name": "a talk", "licence": {"id": 2, "label": licence}, "files": files}
        site.files[f"{api}/"] = ("application/json", json.dumps(told).encode())
        site.files["/video.mp4"] = ("video/mp4", video.read_bytes())

    return serve
