"""A run that made no mistake, then one mistake at a time: each must cost exactly the score that it should."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.spatial.transform import Rotation

from nonverbal.demo.known import Known
from nonverbal.demo.score import Score
from nonverbal.demo.score_speech import plain
from nonverbal.demo.true_cues import joint_positions
from nonverbal.demo.truth import truth
from nonverbal.demo.truth_files import FRAMES, Body, SpokenTurn, Truth, Word, read_truth, write_truth
from nonverbal.layouts import BODY_FEATURES, FACE_FEATURES, JOINTS, OPEN_FACE
from nonverbal.schema import TABLES, write_table

SKIP_S, CLIP_S, LENGTH_S = 2.0, 4.0, 11.0
BAD = {
    "early": ("channels", "before_first_date"),
    "missing": ("download", "not_found"),
    "alone": ("keep_two_speakers", "one_speaker"),
}
PARTS = ("face", "left_forearm", "right_forearm", "left_hand", "right_hand")
PICTURES = {"visible": True, "shot": "wide", "head_turn": 5.0, **{f"{part}_seen": 1.0 for part in PARTS}}
RNG = np.random.default_rng(1)
BODIES = [Body(RNG.normal(scale=0.1, size=(52, 3)).tolist(), angle) for angle in (0.3, 0.4)]


def spoken(person: int, start_s: float) -> SpokenTurn:
    words = [
        Word(text, start_s + 0.3 * i, start_s + 0.3 * i + 0.3)
        for i, text in enumerate(("Well,", f"it's{person}", "so."))
    ]
    return SpokenTurn(person, words[0].start_s, words[-1].end_s, " ".join(w.text for w in words), words)


def true_frames(turns: list[SpokenTurn], rng: np.random.Generator) -> pa.Table:
    rows = []
    for frame in range(round(LENGTH_S * 25)):
        for person in (0, 1):
            speaking = any(t.person == person and t.start_s <= (frame + 0.5) / 25 < t.end_s for t in turns)
            x = 100 + 200 * person
            rows.append(
                {"frame": frame, "person": person, "speaking": speaking, **PICTURES}
                | dict(zip(("face_x0", "face_y0", "face_x1", "face_y1"), (x, 50, x + 40, 100), strict=True))
                | dict(
                    zip(("person_x0", "person_y0", "person_x1", "person_y1"), (x - 40, 40, x + 80, 300), strict=True)
                )
                | {"actions": rng.random(OPEN_FACE.dim), "body": 0.3 * rng.normal(size=BODY_FEATURES)}
            )
    return pa.Table.from_pylist(rows, schema=FRAMES)


class Run:
    """The corpus and the tables of a run without a mistake; `write` hands them to the files the score reads."""

    def __init__(self, folder: Path) -> None:
        self.folder, rng = folder, np.random.default_rng(0)
        self.turns = [spoken(i % 2, 0.5 + 1.2 * i) for i in range(8)]
        self.frames = {}
        for key in ("good", "shared", *BAD):
            channels = ["a", "b"] if key == "shared" else ["a"]
            table, reason = BAD.get(key, ("", ""))
            self.frames[key] = true_frames(self.turns, rng)
            known = Truth(key, key, key, channels, ["x", "y"], "en", LENGTH_S, table, reason, self.turns, BODIES)
            write_truth(folder / "truth" / key, known, self.frames[key])
        self.tables = {"channels": self.listed(), "clips": self.clips()}
        self.decide()
        self.hear()
        self.see()

    def listed(self) -> pd.DataFrame:
        listed = [("a", key) for key in ("good", "shared", *BAD)] + [("b", "shared")]
        rows = [
            {
                "video_id": f"id_{key}", "channel_id": channel, "url": f"http://localhost/pages/{key}.html",
                "title": key, "uploaded": "", "duration_s": LENGTH_S, "thumbnail_url": "",
                "reason": "duplicate" if channel == "b" else "before_first_date" if key == "early" else "",
            }
            for channel, key in listed
        ]  # fmt: skip
        return decided(rows)

    def clips(self) -> pd.DataFrame:
        rows = []
        for key in ("good", "shared", "alone"):
            for i in range(3):  # the last is the rest: 1 s
                start = SKIP_S + i * CLIP_S
                rows.append({
                    "clip_id": f"id_{key}_{i:03d}", "video_id": f"id_{key}", "channel_id": "a", "segment_id": i,
                    "start_s": start, "end_s": min(start + CLIP_S, LENGTH_S), "frames": 100, "width": 640,
                    "height": 360, "video": "", "audio": "", "loudness_dbfs": -20.0,
                    "reason": "" if i < 2 else "too_short",
                })  # fmt: skip
        return decided(rows)

    def decide(self) -> None:
        videos = [{"video_id": f"id_{key}", "reason": ""} for key in ("good", "shared", "missing", "alone")]
        self.tables["keep_people"] = decided(videos)
        extra = {c: "" for c in TABLES["download"].names if c not in ("video_id", "kept", "reason", "detail")}
        numbers = dict.fromkeys(("duration_s", "fps"), 1.0) | dict.fromkeys(("width", "height"), 1)
        self.tables["download"] = decided(
            [extra | numbers | row | {"reason": "not_found" if "missing" in row["video_id"] else ""} for row in videos]
        )
        kept = self.tables["clips"].query("kept")["clip_id"]
        self.tables["keep_two_speakers"] = decided(
            [{"clip_id": c, "reason": "one_speaker" if "alone" in c else ""} for c in kept]
        )
        self.good = [c for c in kept if "alone" not in c]
        for name in ("keep_language", "keep_visible", "keep_safe"):
            self.tables[name] = decided([{"clip_id": c, "reason": ""} for c in self.good])

    def hear(self) -> None:
        turns, words, utterances = [], [], []
        for clip in self.good:
            start = SKIP_S + CLIP_S * int(clip[-1])
            for number, turn in enumerate(t for t in self.turns if t.end_s > start and t.start_s < start + CLIP_S):
                times = {"start_s": max(turn.start_s - start, 0), "end_s": min(turn.end_s - start, CLIP_S)}
                turns.append({"clip_id": clip, "speaker": 1 - turn.person, **times})
                said = [w for w in turn.words if start <= (w.start_s + w.end_s) / 2 < start + CLIP_S]
                utterance = {"clip_id": clip, "utterance_id": number, "speaker": 1 - turn.person}
                utterances.append({**utterance, "text": turn.text, **times, "words": len(said)})
                words += [
                    {"word_index": 0, "word": w.text, "start_s": w.start_s - start, "end_s": w.end_s - start}
                    | utterance
                    | {"confidence": 1.0, "interpolated": False}
                    for w in said
                ]
        self.tables |= {name: pd.DataFrame(rows) for name, rows in (("turns", turns), ("utterances", utterances))}
        for name in ("transcript", "words"):
            self.tables[name] = pd.DataFrame(words)[TABLES[name].names]
        language = {"language": "en", "score": 1.0, "source": "container", "words": 9, "words_source": "captions"}
        self.tables["languages"] = pd.DataFrame([{"clip_id": clip, **language} for clip in self.good])

    def see(self) -> None:
        parts = []
        for clip in self.good:
            first = round(25 * (SKIP_S + CLIP_S * int(clip[-1])))
            seen = self.frames[clip.split("_")[1]].to_pandas()
            seen = seen[seen["frame"].between(first, first + 99)]
            parts.append(seen.assign(clip_id=clip, frame=seen["frame"] - first))
        seen = pd.concat(parts, ignore_index=True)
        seen = seen.assign(track_id=seen["person"], score=np.where(seen["speaking"], 1.0, -1.0), mouth_open=0.1)
        seen = seen.assign(face=seen["score"], speaker=1 - seen["person"], confidence=0.9)
        seen["shot"], seen["camera"], seen["facing"] = 0, 0, 0.0
        seen["descriptor"] = [np.zeros(32, np.float32)] * len(seen)
        self.tables["tracks"] = seen[TABLES["tracks"].names]
        self.tables["active_speaker"] = seen[TABLES["active_speaker"].names]
        rows = seen.merge(self.tables["utterances"].rename(columns={"speaker": "said"}), on="clip_id")
        inside = rows["frame"].between(rows["start_s"] * 25, rows["end_s"] * 25) & (rows["person"] == 1 - rows["said"])
        rows = rows[inside].assign(speaker=lambda table: table["said"], valid=True, reason="", confidence=1.0)
        self.tables["crops"] = rows[TABLES["crops"].names]
        for name, features in (("face", self.face(rows["actions"])), ("body", list(rows["body"]))):
            self.tables[name] = rows.assign(features=features)[TABLES[name].names]

    @staticmethod
    def face(actions: pd.Series) -> list[np.ndarray]:
        features = np.full((len(actions), FACE_FEATURES), np.nan, np.float32)
        features[:, OPEN_FACE.index] = np.stack(actions.to_list())
        return list(features)

    def score(self) -> pd.DataFrame:
        paths = {}
        for name, table in self.tables.items():
            write_table(self.folder / f"{name}.parquet", name, table)
            paths[name] = [self.folder / f"{name}.parquet"]
        paths["channels"] = paths["channels"][0]
        csv, md = self.folder / "truth.csv", self.folder / "truth.md"
        known = sorted((self.folder / "truth").iterdir())
        truth(known=known, **paths, csv=csv, md=md, length_s=CLIP_S)
        return pd.read_csv(csv, keep_default_na=False).set_index("metric")


def decided(rows: list[dict]) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    return table.assign(kept=table["reason"] == "", detail="")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def value(table: pd.DataFrame, metric: str) -> float:
    return float(table.loc[metric, "value"])


def test_a_run_without_a_mistake_has_every_target(run):
    table = run.score()
    assert (table["reached"] != "no").all(), table[table["reached"] == "no"]
    assert set(table["stage"]) == {"filters", "bad videos", "speech", "speakers", "cues", "cues by condition"}
    assert value(table, "diarization error rate, collar 0 s") == pytest.approx(0, abs=1e-9)
    assert 0.3 < float(table.loc["diarization error rate, collar 0 s", "baseline"]) < 0.9
    assert value(table, "word error rate, words from captions") == 0
    assert value(table, "error of word starts, median") == pytest.approx(0, abs=1e-6)
    assert value(table, "jawOpen: correlation") == pytest.approx(1, abs=1e-6)
    assert value(table, "left elbow: mean angle") == pytest.approx(0, abs=0.1)
    assert 10 < float(table.loc["left elbow: mean angle", "baseline"]) < 60
    assert (table["n"] > 0).all()
    assert "| active speaker, frames of visible faces | 1 |" in (run.folder / "truth.md").read_text()


def test_the_shared_video_is_a_duplicate_and_rests_are_too_short(run):
    table = run.score()
    assert table.loc[["channels: recall of drops", "clips: recall of drops"], "n"].tolist() == [2, 3]
    assert value(table, "early: dropped by channels as before_first_date") == 1


def test_a_good_clip_dropped_costs_precision_and_the_end(run):
    run.tables["keep_language"].loc[0, ["kept", "reason"]] = [False, "other_language"]
    for name in ("keep_visible", "keep_safe"):
        run.tables[name] = run.tables[name].iloc[1:]
    table = run.score()
    assert value(table, "keep_language: precision of drops") == 0
    assert value(table, "clips of good videos kept to the end") == pytest.approx(3 / 4)
    assert table.loc["clips of good videos kept to the end", "reached"] == "no"


def test_a_whole_clip_called_too_short_is_missed(run):
    run.tables["clips"].loc[0, ["kept", "reason"]] = [False, "too_short"]
    gone = run.tables["clips"].loc[0, "clip_id"]
    for name in ("keep_two_speakers", "keep_language", "keep_visible", "keep_safe"):
        run.tables[name] = run.tables[name][run.tables[name]["clip_id"] != gone]
    table = run.score()
    assert value(table, "clips: precision of drops") == pytest.approx(3 / 4)
    assert value(table, "clips of good videos kept to the end") == pytest.approx(3 / 4)
    assert value(table, "good videos with a clip at the end") == 1


def test_a_bad_video_dropped_for_another_reason_is_wrong(run):
    run.tables["download"].loc[2, "reason"] = "unavailable"
    table = run.score()
    assert value(table, "missing: dropped by download as not_found") == 0
    assert value(table, "download: recall of drops") == 0 and value(table, "download: precision of drops") == 0


def test_a_bad_video_that_is_kept_costs_recall(run):
    run.tables["keep_two_speakers"] = decided(
        [{"clip_id": c, "reason": ""} for c in run.tables["keep_two_speakers"]["clip_id"]]
    )
    table = run.score()
    assert value(table, "keep_two_speakers: recall of drops") == 0
    assert "keep_two_speakers: precision of drops" in table.index
    assert table.loc["keep_two_speakers: precision of drops", "value"] == "not available"


def test_words_lost_changed_and_late(run):
    transcript = run.tables["transcript"]
    count = len(transcript)
    transcript.loc[0, "word"] = "nonsense"
    transcript["start_s"] += 0.03
    run.tables["transcript"] = transcript.drop(index=5)
    table = run.score()
    assert value(table, "word error rate, words from captions") == pytest.approx(2 / count)
    assert value(table, "error of word starts, median") == pytest.approx(30, abs=0.01)
    assert table.loc["error of word starts, median", "n"] == count - 2


def test_words_of_the_other_speaker(run):
    run.tables["words"]["speaker"] = 0
    table = run.score()
    said = "words given to who says them"
    assert value(table, said) == float(table.loc[said, "baseline"]) < 0.8 and table.loc[said, "reached"] == "no"


def test_active_speaker_that_always_says_no_is_no_better_than_chance(run):
    run.tables["active_speaker"]["score"] = -1.0
    row = run.score().loc["active speaker, frames of visible faces"]
    assert float(row["value"]) == float(row["baseline"]) and row["reached"] == "no"


def test_faces_not_found_and_false_faces(run):
    tracks = run.tables["tracks"]
    tracks.loc[tracks["person_x0"] > 200, ["face_y0", "face_y1"]] += 200  # a lamp instead of the second person's face
    table = run.score()
    assert value(table, "visible faces found") == pytest.approx(0.5)
    assert value(table, "tracks that show a face") == pytest.approx(0.5)


def test_crops_of_the_wrong_person(run):
    crops = run.tables["crops"]
    left = crops["face_x0"] < 200
    crops.loc[left, ["face_x0", "face_x1"]] += 200
    row = run.score().loc["crops of who speaks"]
    assert float(row["value"]) == pytest.approx(1 - left.mean(), abs=1e-3) and float(row["baseline"]) == 0.5


def test_constant_cues_are_no_better_than_the_mean(run):
    face = np.stack(run.tables["face"]["features"].to_list())
    run.tables["face"]["features"] = list(np.tile(face.mean(0), (len(face), 1)).astype(np.float32))
    run.tables["body"]["features"] = [np.zeros(BODY_FEATURES, np.float32)] * len(face)
    table = run.score()
    row = table.loc["all facial actions: mean absolute error"]
    assert float(row["value"]) == pytest.approx(float(row["baseline"]), rel=1e-3)
    assert value(table, "jawOpen: correlation") == pytest.approx(0, abs=1e-3)
    assert value(table, "head: mean angle") > 0.95 * float(table.loc["head: mean angle", "baseline"])


def test_actions_the_backend_does_not_know_count_nowhere(run):
    face = np.stack(run.tables["face"]["features"].to_list())
    face[:, OPEN_FACE.index[OPEN_FACE.labels.index("tongueOut")]] = np.nan
    run.tables["face"]["features"] = list(face)
    table = run.score()
    assert value(table, "all facial actions: mean absolute error") == pytest.approx(0, abs=1e-6)
    assert table.loc["tongueOut: correlation", ["value", "reached"]].tolist() == ["not available", "no"]


def test_a_constant_offset_is_told_from_motion(run):
    body = np.stack(run.tables["body"]["features"].to_list())
    elbow = slice(54, 57)
    turned = Rotation.from_rotvec([0.5, 0, 0]) * Rotation.from_rotvec(body[:, elbow])
    body[:, elbow] = turned.as_rotvec()
    run.tables["body"]["features"] = list(body)
    table = run.score()
    assert value(table, "left elbow: mean angle") == pytest.approx(np.degrees(0.5), rel=1e-3)
    assert value(table, "left elbow: mean angle, offset removed") == pytest.approx(0, abs=0.5)


def test_unknown_hands_do_not_count(run):
    body = run.tables["body"]
    unknown = np.where((np.arange(BODY_FEATURES) >= 111) & (np.arange(BODY_FEATURES) < 156), np.nan, 0.0)
    rows = [row + unknown if i % 2 else row for i, row in enumerate(body["features"])]
    body["features"] = [np.asarray(row, np.float32) for row in rows]
    table = run.score()
    right, left = (table.loc[f"{side} hand, 15 joints: mean angle"] for side in ("right", "left"))
    assert right["reached"] == left["reached"] == "yes"
    assert (left["n"], right["n"]) == (len(body), -(-len(body) // 2))


def unseen(run, person, **values):
    """Rewrite the truth: what is seen of a person in all frames of all videos."""
    for key in run.frames:
        folder = run.folder / "truth" / key
        frames = run.frames[key].to_pandas()
        frames.loc[frames["person"] == person, list(values)] = list(values.values())
        write_truth(folder, read_truth(folder), pa.Table.from_pandas(frames, schema=FRAMES, preserve_index=False))


@pytest.mark.parametrize("value_", [{"head_turn": 80.0}, {"face_seen": 0.3}])
def test_a_face_that_could_not_be_seen_is_falsely_called_valid(run, value_):
    unseen(run, 0, **value_)
    table = run.score()
    row, faces = table.loc["face: falsely called valid"], run.tables["face"]
    share = (faces["speaker"] == 1).mean()  # person 0 is called speaker 1
    assert float(row["value"]) == pytest.approx(share, abs=1e-4) == float(row["baseline"]) and row["reached"] == "no"
    assert value(table, "face: called valid where it shows") == 1


def test_what_is_not_called_valid_is_no_mistake_but_is_missed(run):
    unseen(run, 0, left_hand_seen=0.2, left_forearm_seen=0.2)
    body = run.tables["body"]
    unknown = np.zeros(BODY_FEATURES)
    unknown[66:111] = unknown[3 * JOINTS.index("left_elbow") :][:3] = np.nan
    body["features"] = [np.asarray(row + unknown, np.float32) for row in body["features"]]
    table = run.score()
    for part in ("left arm", "left hand"):
        assert value(table, f"{part}: called valid") == value(table, f"{part}: called valid where it shows") == 0
        assert table.loc[f"{part}: falsely called valid", ["value", "n"]].tolist() == ["not available", 0]
    assert value(table, "right hand: falsely called valid") == 0
    assert table.loc["right elbow: mean angle, hand in view", "n"] == len(body)
    assert "left elbow: mean angle, hand out of view" not in table.index


def test_another_persons_face_is_falsely_called_valid(run):
    run.tables["crops"][["face_x0", "face_x1"]] += np.where(run.tables["crops"][["face_x0"]] < 200, 200, -200)
    assert value(run.score(), "face: falsely called valid") == 1


def test_positions_follow_the_arm_and_the_jaw_its_angle(run):
    body = np.stack(run.tables["body"]["features"].to_list())
    elbow = slice(3 * JOINTS.index("left_elbow"), 3 * JOINTS.index("left_elbow") + 3)
    body[:, elbow] = (Rotation.from_rotvec(body[:, elbow]) * Rotation.from_rotvec([0, 0, np.pi])).as_rotvec()
    run.tables["body"]["features"] = list(body)
    jaw = OPEN_FACE.index[OPEN_FACE.labels.index("jawOpen")]
    for features in run.tables["face"]["features"]:
        features[jaw] += 0.1
    table = run.score()
    assert value(table, "left elbow: mean distance") == pytest.approx(0, abs=1e-4)
    assert value(table, "left wrist: mean distance") > 1 > 1e-4 > value(table, "right wrist: mean distance")
    assert np.degrees(0.03) < value(table, "jaw: mean angle") < np.degrees(0.04)


def test_joints_hang_from_the_chest():
    rest = np.cumsum(np.full((len(JOINTS), 3), 0.1), axis=0)
    features = np.zeros((2, BODY_FEATURES))
    features[0, :3], features[1, 3 * JOINTS.index("left_shoulder")] = 1.0, np.nan
    found = joint_positions(features, rest)
    assert found[0] == pytest.approx(rest - rest[JOINTS.index("spine3")])  # how the trunk is turned does not matter
    known = np.isfinite(found[1]).all(axis=1)
    assert known[JOINTS.index("left_shoulder")] and not known[JOINTS.index("left_elbow")]
    assert not known[JOINTS.index("left_index3")] and known[JOINTS.index("right_index3")]


def test_a_corpus_without_what_is_seen_is_scored_without_it(run):
    unseen(run, 0, **dict.fromkeys((name for name in PICTURES if name.endswith(("seen", "turn"))), np.nan))
    unseen_ = run.score()
    assert unseen_.loc["face: falsely called valid", "n"] < len(run.tables["face"])


def test_frames_count_from_the_clip(run):
    paths = [run.folder / f"{name}.parquet" for name in ("channels", "clips")]
    for path in paths:
        write_table(path, path.stem, run.tables[path.stem])
    known = Known(sorted((run.folder / "truth").iterdir()), paths[0], [paths[1]])
    first = known.frames.query("clip_id == 'id_good_001' and frame == 0 and person == 1").iloc[0]
    raw = run.frames["good"].to_pandas().query("frame == 150 and person == 1").iloc[0]
    assert np.array_equal(first["actions"], raw["actions"])


def test_targets():
    goal = Score("s", "m", 0.95, 0.5, "more", 0.95, "", 3)
    assert (goal.target, goal.reached) == ("≥ 0.95", "yes")
    chance = Score("s", "m", 0.5, 0.5, "more", float("nan"), "", 3)
    assert (chance.target, chance.reached) == ("> 0.5", "no")
    lost = Score("s", "m", float("nan"), 0.5, "less", 0.1, "", 0)
    assert (lost.target, lost.reached) == ("≤ 0.1", "no")
    assert Score("s", "m", 1.0, float("nan"), "less", float("nan"), "", 1).reached == ""


def test_words_are_compared_without_case_and_punctuation():
    assert [plain(word) for word in ("Hello,", "it's", "—", "'tis'", "A.B")] == ["hello", "it's", "", "tis", "ab"]
