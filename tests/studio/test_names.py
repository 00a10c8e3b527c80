"""Names of recordings, and how sources of kind studio are listed."""

import shutil

import pytest
from studio_media import NAME

from nonverbal.collect.channels import list_source
from nonverbal.collect.settings import Channels, Network
from nonverbal.collect.sources import expand
from nonverbal.studio.names import recording, whole_clip
from nonverbal.studio.settings import StudioSource

CHANNELS = Channels(first_date="2015-01-01", last_date="2023-12-31", videos_per_channel=1)


def test_the_name_says_dialogue_and_side():
    assert recording(f"{NAME}_left") == (NAME, "left")
    assert recording("2024-05-12_ab12_right") == ("2024-05-12_ab12", "right")
    assert whole_clip("abc") == "abc_000"


@pytest.mark.parametrize(
    "stem",
    [
        "", "left", f"{NAME}_Left", f"{NAME}_middle", NAME, f"{NAME}_left ", f"x{NAME}_left", "20240512__left",
        f"{NAME}_left_left", "a/../20240512_ab_left", "20240512_ab\n_left",
    ],
)  # fmt: skip
def test_other_names_are_no_recordings(stem):
    assert recording(stem) is None


def listed(folder):
    sources = expand([StudioSource(kind="studio", folder=str(folder))])
    network = Network(timeout_s=1, retries=0)
    return [row for source in sources for row in list_source(source, CHANNELS, network)["channels"]]


def test_both_cameras_are_one_channel_and_the_side_is_in_the_name_alone(tmp_path):
    folder = tmp_path / "takes_left" / "2024_right"
    folder.mkdir(parents=True)
    for side, content in (("left", b"a"), ("right", b"b")):
        (folder / f"{NAME}_{side}.mp4").write_bytes(content)
    (folder / "rehearsal_left.mp4").write_bytes(b"c")
    (folder / "notes.txt").write_text("no video")
    rows = {row["title"]: row for row in listed(tmp_path)}
    assert {row["channel_id"] for title, row in rows.items() if title.startswith(NAME)} == {NAME}
    bad = rows.pop("rehearsal_left")
    assert (bad["kept"], bad["reason"]) == (False, "bad_name")
    assert [recording(title).side for title in sorted(rows)] == ["left", "right"]


def test_a_link_is_named_by_itself_not_by_what_it_points_to(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "x.mp4").write_bytes(b"a")
    (tmp_path / "studio").mkdir()
    (tmp_path / "studio" / f"{NAME}_right.mp4").symlink_to(tmp_path / "store" / "x.mp4")
    (row,) = listed(tmp_path / "studio")
    assert row["url"].endswith("_right.mp4")


def test_the_same_file_for_both_sides_is_a_duplicate(tmp_path, recorded):
    for side in ("left", "right"):
        shutil.copy(recorded, tmp_path / f"{NAME}_{side}.mp4")
    sources = expand([StudioSource(kind="studio", folder=str(tmp_path))])
    settings = CHANNELS.model_copy(update={"videos_per_channel": 9})
    rows = list_source(sources[0], settings, Network(timeout_s=1, retries=0))["channels"]
    assert [row["reason"] for row in rows] == ["", "duplicate"]


def test_an_empty_folder_lists_nothing(tmp_path):
    (source,) = expand([StudioSource(kind="studio", folder=str(tmp_path))])
    found = list_source(source, CHANNELS, Network(timeout_s=1, retries=0))
    assert found["sources"][0]["reason"] == "empty"
