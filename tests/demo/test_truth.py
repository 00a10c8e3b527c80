"""A run that made no mistake, then one mistake at a time: each must cost exactly the score that it should."""

import numpy as np
import pytest
from truth_cases import decided, value

from nonverbal.demo.known import Known
from nonverbal.demo.score import Score
from nonverbal.demo.score_speech import plain
from nonverbal.schema import write_table


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
