from fractions import Fraction

import cv2
import numpy as np
import pytest

from nonverbal.collect.settings import Thumbnails
from nonverbal.collect.thumbnails import FaceDetector, NoPicture, decode_picture, frames_at, measure, thumbnails
from nonverbal.media import run_ffmpeg
from nonverbal.schema import read_rows, write_table


def brightness(picture):
    return [float(picture.mean())]


def test_picture_of_the_listing_is_fetched(site, network, jpeg):
    site.files["/t.jpg"] = ("image/jpeg", jpeg)
    row = measure("v", f"{site.url}/v.html", f"{site.url}/t.jpg", brightness, network)
    assert (row["people"], row["error"]) == (1, "")
    assert row["best_score"] == pytest.approx(127, abs=1)
    assert site.asked == {"/t.jpg": 1}


def test_page_names_the_picture_where_the_listing_does_not(site, network, jpeg):
    site.episode("v", b"")
    site.files["/v.jpg"] = ("image/jpeg", jpeg)
    assert measure("v", f"{site.url}/v.html", "", brightness, network)["error"] == ""
    assert site.asked["/v.jpg"] == 1
    assert site.asked["/v.mp4"] == 0


@pytest.mark.parametrize(
    ("body", "error"), [(404, "status 404"), (b"<html>", "are no picture"), (b"", "are no picture"), (503, "503")]
)
def test_missing_or_broken_picture_is_a_row_with_an_error(site, network, body, error):
    site.files["/t.jpg"] = ("image/jpeg", body)
    row = measure("v", f"{site.url}/v.html", f"{site.url}/t.jpg", brightness, network)
    assert row["people"] == 0
    assert error in row["error"]


def test_truncated_jpeg_never_ends_the_run(jpeg):
    for size in (1, 10, len(jpeg) // 2):
        try:
            assert decode_picture(jpeg[:size]).ndim == 3
        except NoPicture as error:
            assert "no picture" in str(error)


def test_own_file_gives_upright_frames(video, tmp_path):
    upright = frames_at(video, (Fraction(1, 4), Fraction(3, 4)))
    assert [picture.shape for picture in upright] == [(120, 160, 3)] * 2
    turned = tmp_path / "phone.mp4"
    run_ffmpeg("-display_rotation", "90", "-i", str(video), "-c", "copy", str(turned))
    wanted = tmp_path / "wanted.png"
    run_ffmpeg("-i", str(turned), "-frames:v", "1", str(wanted))  # ffmpeg turns by itself
    (frame,) = frames_at(turned, (Fraction(0),))
    difference = np.abs(frame.astype(int) - cv2.imread(str(wanted))[..., ::-1].astype(int))
    assert frame.shape == (160, 120, 3)
    assert difference.mean() < 3


def test_file_that_is_no_video_is_a_row_with_an_error(tmp_path, network):
    (tmp_path / "x.mp4").write_bytes(b"text")
    row = measure("v", (tmp_path / "x.mp4").as_uri(), "", brightness, network)
    assert "no picture can be decoded" in row["error"]
    row = measure("v", (tmp_path / "absent.mp4").as_uri(), "", brightness, network)
    assert "no picture can be decoded" in row["error"]


def test_faces_are_found_where_there_are_faces(shared_media, network):
    with FaceDetector(0.3) as detect:
        rows = {
            name: measure(name, (shared_media / name).as_uri(), "", detect, network)
            for name in ("two_women_mandarin_50s.mp4", "torso_no_face_23s.mp4", "sintel_10s.mp4")
        }
    assert rows["two_women_mandarin_50s.mp4"]["people"] == 2
    assert rows["two_women_mandarin_50s.mp4"]["best_score"] > 0.8
    assert rows["torso_no_face_23s.mp4"]["people"] == 0
    assert rows["sintel_10s.mp4"]["error"] == ""


def test_table_has_a_row_a_video(tmp_path, network, video):
    listed = {
        "channel_id": "c", "url": video.as_uri(), "title": "", "uploaded": "", "duration_s": None, "thumbnail_url": "",
        "kept": True, "reason": "", "detail": "",
    }  # fmt: skip
    write_table(tmp_path / "in.parquet", "channels", [listed | {"video_id": name} for name in ("b", "a")])
    thumbnails(
        tmp_path / "in.parquet", tmp_path / "out.parquet", Thumbnails(backend="mediapipe", lowest_score=0.3), network
    )
    rows = read_rows(tmp_path / "out.parquet", "thumbnails")
    assert [(row["video_id"], row["people"]) for row in rows] == [("b", 0), ("a", 0)]
