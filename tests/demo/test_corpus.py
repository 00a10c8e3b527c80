import hashlib
import re
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from nonverbal.demo.settings import load_corpus
from nonverbal.demo.timeline import make_timeline
from nonverbal.demo.truth_files import read_all, read_frames, read_truth
from nonverbal.errors import UserError
from nonverbal.media import MediaError, decode_frames

SPEC = Path(__file__).resolve().parents[2] / "demo" / "corpus.yaml"
LENGTH_S = 4.5
# Some seconds of videos of the real script; espeak-ng keeps a state, so each rendering is a process of its own.
PROGRAM = """
import sys
from pathlib import Path
from nonverbal.demo.corpus import corpus
from nonverbal.demo.settings import load_corpus
spec, root, length = load_corpus(Path(sys.argv[1])), Path(sys.argv[2]), float(sys.argv[3])
for video in sys.argv[4:]:
    settings = spec.videos[video].model_copy(update={"length_s": length})
    corpus(root / "media" / video, root / "truth" / video, video, settings, ["x"], 7)
"""


def render(root, *videos):
    subprocess.run([sys.executable, "-c", PROGRAM, str(SPEC), str(root), str(LENGTH_S), *videos], check=True)
    return root


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return render(tmp_path_factory.mktemp("made"), "trains-bridge", "truncated", "silent")


@pytest.fixture
def bridge(made):
    return made / "media" / "trains-bridge", made / "truth" / "trains-bridge"


def sound(path):
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)])


def test_the_same_seed_gives_the_same_bytes(made, tmp_path):
    def digests(root):
        files = sorted(file for file in root.glob("*/trains-bridge/*") if file.is_file())
        return {str(file.relative_to(root)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    assert len(digests(made)) == 5  # video, captions, thumbnail; turns and frames
    assert digests(render(tmp_path, "trains-bridge")) == digests(made)


def test_picture_and_sound_have_the_length(bridge):
    media, _ = bridge
    frames = list(decode_frames(media / "trains-bridge.mp4"))
    assert len(frames) == round(LENGTH_S * 25) and frames[0].shape == (360, 640, 3)
    with av.open(str(media / "trains-bridge.mp4")) as container:
        assert container.streams.audio[0].duration * container.streams.audio[0].time_base == pytest.approx(
            LENGTH_S, 0.1
        )


def test_the_truth_says_who_is_heard_when(bridge):
    media, folder = bridge
    truth, frames = read_truth(folder), read_frames(folder)
    assert truth.kept and truth.people == ["helen", "piotr"] and truth.channels == ["x"]
    words = [word for turn in truth.turns for word in turn.words]
    assert " ".join(word.text for word in words) == " ".join(turn.text for turn in truth.turns)
    loud = np.abs(sound(media / "trains-bridge.mp4"))
    inside = [loud[int(word.start_s * 16_000) : int(word.end_s * 16_000)].mean() for word in words]
    assert min(inside) > 5 * loud[: int(0.25 * 16_000)].mean()  # nobody speaks at the start
    for row in frames.itertuples():
        middle = (row.frame + 0.5) / 25
        heard = {turn.person for turn in truth.turns if turn.start_s <= middle < turn.end_s}
        assert row.speaking == (row.person in heard)


def test_captions_hold_the_words_without_names(bridge):
    media, folder = bridge
    text = (media / "trains-bridge.vtt").read_text(encoding="utf-8")
    assert text.startswith("WEBVTT\n\n")
    cues = re.findall(r"^\d\d:\d\d:\d\d\.\d{3} --> \d\d:\d\d:\d\d\.\d{3}\n(.+)$", text, re.M)
    assert " ".join(cues) == " ".join(turn.text for turn in read_truth(folder).turns)
    assert all(len(cue.split()) <= 6 for cue in cues)


def test_face_boxes_lie_on_faces(bridge):
    """Inside the box of a visible face there is skin, eyes and lips: it differs from the wall."""
    media, folder = bridge
    frames, truth = list(decode_frames(media / "trains-bridge.mp4")), read_frames(folder)
    wall = np.array(frames[0][5, 320], float)
    visible = truth[truth["visible"]]
    assert set(visible["person"]) == {0, 1}
    for row in visible.iloc[::20].itertuples():
        box = frames[row.frame][int(row.face_y0) : int(row.face_y1), int(row.face_x0) : int(row.face_x1)]
        middle = box[len(box) // 3 : -len(box) // 3].reshape(-1, 3)
        assert (np.abs(middle - wall).sum(axis=1) > 60).mean() > 0.7
        assert row.person_x0 <= row.face_x0 and row.person_y0 <= row.face_y0
    hidden = truth[truth["person_x0"].isna()]
    assert not hidden["visible"].any()


def test_the_truth_says_what_could_be_seen_and_how_people_are_built(bridge):
    frames, truth = read_frames(bridge[1]), read_truth(bridge[1])
    wide = frames[frames["shot"] == "wide"]
    assert wide["face_seen"].min() > 0.9 and wide["head_turn"].between(0, 40).all()
    assert wide["left_hand_seen"].max() > 0.8
    hidden = frames[frames["person_x0"].isna()]
    assert (hidden[["face_seen", "left_hand_seen", "right_forearm_seen"]] == 0).all(axis=None)
    assert [np.shape(body.joints) for body in truth.bodies] == [(52, 3), (52, 3)]
    assert all(0.25 < body.jaw_angle < 0.5 for body in truth.bodies)


def test_the_thumbnail_is_a_picture_of_the_size_of_the_video(bridge):
    assert cv2.imread(str(bridge[0] / "trains-bridge.jpg")).shape == (360, 640, 3)


def test_bad_videos_are_bad(made):
    media = made / "media"
    with pytest.raises(MediaError):
        list(decode_frames(media / "truncated" / "truncated.mp4"))
    assert np.abs(sound(media / "silent" / "silent.mp4")).max() < 1e-4
    assert not (media / "silent" / "silent.vtt").exists()


def test_all_truths_are_read_by_key(made):
    truths = read_all(made / "truth")
    assert list(truths) == ["silent", "trains-bridge", "truncated"]
    assert (truths["silent"].expected_table, truths["silent"].expected_reason) == ("keep_two_speakers", "silent")
    assert truths["trains-bridge"].guid == load_corpus(SPEC).videos["trains-bridge"].guid


def test_a_video_without_a_line_that_fits_is_a_mistake():
    video = load_corpus(SPEC).videos["trains-bridge"].model_copy(update={"length_s": 1.0})
    with pytest.raises(UserError, match=r"the first line.*does not fit into 1\.0 s"):
        make_timeline(video, np.random.default_rng(0))
