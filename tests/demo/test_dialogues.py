"""The synthetic corpus: the same bytes from a seed, readable as published records, and of the structure it claims."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from nonverbal.dataset.settings import KeepSafe, Split
from nonverbal.demo.dialogues import cast, dialogues, said
from nonverbal.demo.manners import Causes
from nonverbal.demo.motion import AGREEING, CHEERFUL
from nonverbal.demo.settings import Dialogues
from nonverbal.layouts import FPS, JOINTS, OPEN_FACE, floor_frame
from nonverbal.schema import TABLES, read_table
from nonverbal.tokenizers.frames import frames
from nonverbal.tokenizers.read_records import read_records
from nonverbal.tokenizers.settings import Frames
from nonverbal.tokenizers.split_records import split_records

SMALL = Dialogues(hours=0.05, channels=4, clip_s=40, utterance_s=6)
LONG = Dialogues(hours=1, channels=4, clip_s=300, utterance_s=21.9)
SPLIT = Split(validation=0.25, test=0.25, by="channel", persons=None)
BACKENDS = {"face": "open_face", "body": "mediapipe_ik"}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dialogues") / "records"
    dialogues(folder, SMALL, SPLIT, seed=3)
    return folder


@pytest.fixture(scope="module")
def told():
    """(utterance before or None, utterance, motion, style) of a few minutes."""
    found = []
    for clip in range(3):
        persons = cast(clip, clip, seed=5)
        utterances, motions = said(clip, clip, LONG, seed=5)
        for before, one, motion in zip([None, *utterances[:-1]], utterances, motions, strict=True):
            found.append((before, one, motion, persons[one.speaker]))
    return found


def test_the_same_seed_makes_the_same_bytes_and_another_does_not(records, tmp_path):
    dialogues(tmp_path / "again", SMALL, SPLIT, seed=3)
    dialogues(tmp_path / "other", SMALL, SPLIT, seed=4)
    for name in ("train.parquet", "validation.parquet", "test.parquet"):
        assert (tmp_path / "again" / name).read_bytes() == (records / name).read_bytes()
        assert (tmp_path / "other" / name).read_bytes() != (records / name).read_bytes()


def test_records_have_the_schema_and_words_lie_in_their_utterances(records):
    for path in records.iterdir():
        file = pq.ParquetFile(path)
        assert (file.schema_arrow.names, file.schema_arrow.types) == (TABLES["records"].names, TABLES["records"].types)
        for row in file.read().to_pylist():
            talk = row["conversation"]
            assert row["fps"] == FPS
            assert len(set(talk["speaker"][::2])) == 1 == len(set(talk["speaker"][1::2]))
            ends = zip(talk["words"], talk["start_time"], talk["end_time"], strict=True)
            for words, start, end in ends:
                times = np.array([words["start_time"], words["end_time"]])
                assert (times.min(), times.max()) == (start, end)
                assert (np.diff(times.T.ravel()) >= 0).all()
            for field in ("facial_expression", "body_language"):
                first = np.array([floor_frame(start) for start in talk["start_time"]])
                last = np.array([floor_frame(end) for end in talk["end_time"]])
                of, frame = np.array(row[field]["utt_id"]), np.array(row[field]["frame"])
                assert ((first[of] <= frame) & (frame <= last[of])).all()


def test_stage_tokenizers_reads_them_without_a_drop_and_no_channel_is_in_two_splits(records, tmp_path):
    names = ("face", "body", "words", "utterances", "safety", "keep_utterances", "records")
    tables = {name: tmp_path / f"{name}.parquet" for name in names}
    read_records(records, **tables, shard="00000", shards=1, backends=BACKENDS)
    split = tmp_path / "split.parquet"
    split_records([tables["records"]], split, tmp_path / "keep.parquet", KeepSafe(harmful_s=3), SPLIT, seed=1)
    clips = read_table(split, "split")
    assert len(clips) == SMALL.clips
    assert read_table(tables["keep_utterances"], "keep_utterances")["kept"].all()
    assert clips.groupby("channel_id")["split"].nunique().max() == 1
    assert set(clips["split"]) == {"train", "validation", "test"}
    for part, backend in BACKENDS.items():
        paths = {name: tmp_path / f"{part}-{name}" for name in ("frames", "index", "scale")}
        frames(part, [tables[part]], split, **paths, settings=Frames(longest_gap=7, least_std=0.01), backend=backend)
        index = read_table(paths["index"], "sequences_index")
        assert index["frames"].sum() > 0.8 * SMALL.clips * SMALL.clip_s * FPS  # nearly all the time, somebody speaks


def test_nobody_is_in_two_splits():
    styles = [person.head.tobytes() for clip in range(8) for person in cast(clip, clip % 4, seed=3)]
    assert len(set(styles)) == 4 + 8  # a host a channel, a guest a clip


def test_utterances_are_as_long_as_asked_with_a_long_tail(told):
    seconds = np.concatenate(
        [[one.end_s - one.start_s for one in said(clip, clip, LONG, seed=9)[0]] for clip in range(12)]
    )
    assert seconds.mean() == pytest.approx(LONG.utterance_s, rel=0.2)
    assert (seconds < 5).mean() > 0.1
    assert seconds.max() > 3 * seconds.mean()


def track(motion, name):
    return motion.face[:, OPEN_FACE.index[OPEN_FACE.labels.index(name)]]


def pitch(motion):
    return motion.body[:, 3 * JOINTS.index("head")]


def after(values, one, vocabulary, seconds):
    """Range of a track in the seconds after each word of a vocabulary, and after each other word."""
    spans = ([], [])
    for word in one.words:
        at = floor_frame(word.start_s) - floor_frame(one.start_s)
        part = values[at : at + round(seconds * FPS)]
        if len(part) == round(seconds * FPS):
            spans[word.text.strip(".?") not in vocabulary].append(np.ptp(part))
    return spans


def test_heads_nod_after_words_of_agreement_and_smiles_follow_laughter(told):
    for values, vocabulary, seconds in ((pitch, AGREEING, 0.6), (lambda m: track(m, "mouthSmileLeft"), CHEERFUL, 0.8)):
        there, elsewhere = [], []
        for _, one, motion, _ in told:
            found = after(values(motion), one, vocabulary, seconds)
            there += found[0]
            elsewhere += found[1]
        assert np.mean(there) > 1.5 * np.mean(elsewhere)


def test_the_jaw_opens_while_a_word_sounds_and_shuts_in_pauses(told):
    spoken, paused = [], []
    for _, one, motion, _ in told:
        jaw, speaking = track(motion, "jawOpen"), np.zeros(len(motion.face), bool)
        for word in one.words:
            speaking[floor_frame(word.start_s - one.start_s) : floor_frame(word.end_s - one.start_s) + 2] = True
        spoken.append(jaw[speaking])
        paused.append(jaw[~speaking])
    assert np.concatenate(spoken).mean() > 4 * np.concatenate(paused).mean()


def test_hands_beat_on_stressed_words_alone(told):
    beats = elsewhere = 0.0
    for _, one, motion, style in told:
        causes = Causes(one, np.random.default_rng(0))  # draws other beats: half of these words are stressed
        elbow = motion.body[:, 3 * JOINTS.index("right_elbow" if style.right else "left_elbow") + 1]
        content = causes.bumps(causes.starts, 0.14, 0.24) > 0.5
        beats += np.abs(np.diff(elbow))[content[1:]].sum() / max(content[1:].sum(), 1)
        elsewhere += np.abs(np.diff(elbow))[~content[1:]].sum() / max((~content[1:]).sum(), 1)
    assert beats > 1.15 * elsewhere


def test_an_answer_moves_by_what_was_asked(told):
    def start(answer, values):
        return np.mean([values(motion)[:25].mean() for _, one, motion, _ in told if one.answer == answer])

    smile, brows = (lambda name: lambda motion: track(motion, name))("mouthSmileLeft"), "browInnerUp"
    assert start("laugh", smile) > start("tell", smile) + 0.3
    assert (
        start("comfort", lambda motion: track(motion, brows)) > start("tell", lambda motion: track(motion, brows)) + 0.2
    )
    nods = {
        answer: np.mean([
            np.ptp(pitch(motion)[:50]) for _, one, motion, _ in told if one.answer == answer and len(motion.body) > 50
        ])
        for answer in ("agree", "tell")
    }  # fmt: skip
    assert nods["agree"] > 1.3 * nods["tell"]


def test_people_mirror_the_smile_of_who_spoke_before(told):
    level = {id(one): np.median(track(motion, "mouthSmileLeft")) / style.smile for _, one, motion, style in told}
    pairs = [(level[id(before)], level[id(one)]) for before, one, _, _ in told if before and one.answer == "tell"]
    assert np.corrcoef(np.array(pairs).T)[0, 1] > 0.4


def test_trackers_lose_faces_and_hands_but_not_much(told):
    for _, _, motion, _ in told:
        assert motion.face.shape == (len(motion.body), 156)
    seen = np.concatenate([motion.face_seen for _, _, motion, _ in told])
    hand = np.concatenate([motion.body[:, 3 * JOINTS.index("left_index1")] for _, _, motion, _ in told])
    assert 0.9 < seen.mean() < 1
    assert 0.85 < np.isfinite(hand).mean() < 1


def test_more_channels_than_clips_end_with_a_sentence():
    with pytest.raises(ValidationError, match="3 clips cannot fill 4 channels: write more hours"):
        Dialogues(hours=0.1, channels=4, clip_s=120, utterance_s=6)
