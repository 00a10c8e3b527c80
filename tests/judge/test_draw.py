"""The draw: random, stratified, the same again, and of nothing that tells what was decided."""

import pandas as pd
import pytest
from judge_cases import NAMES, clip, decision, drawn, settings, write_shard

from nonverbal.judge import draw as module
from nonverbal.judge.draw import _spans, numbers
from nonverbal.judge.questions import QUESTIONS
from nonverbal.schema import read_rows, read_table, write_table


def keys(folder, question=None) -> set[str]:
    table = read_table(folder / "units.parquet", "judge_units")
    return set(table["key"] if question is None else table.loc[table["question"] == question, "key"])


def test_every_stratum_is_counted_and_drawn_from_up_to_its_size(results):
    strata = read_table(results / "judge/draw/strata.parquet", "judge_strata").set_index(["question", "reason"])
    assert strata.loc[("two_speakers", "one_speaker"), ["units", "drawn"]].tolist() == [1, 1]
    assert strata.loc[("two_speakers", ""), ["units", "drawn"]].tolist() == [4, 3]
    assert strata.loc[("face", "unsure"), ["units", "drawn"]].tolist() == [16, 2]
    assert strata.loc[("people", "no_people"), ["units", "drawn"]].tolist() == [2, 2]
    assert ("people", "no_thumbnail") not in strata.index  # there is nothing to look at
    units = read_table(results / "judge/draw/units.parquet", "judge_units")
    assert set(units["question"]) == set(NAMES) == set(QUESTIONS)
    assert units["key"].is_unique
    assert (units.groupby("question")["place"].agg(lambda places: sorted(places)) ==
            units.groupby("question").size().map(lambda n: list(range(n)))).all()  # fmt: skip


def test_words_and_speakers_are_of_clips_that_were_kept(results):
    units = read_table(results / "judge/draw/units.parquet", "judge_units")
    assert "b_000" not in set(units.loc[units["question"].isin(["words", "speaker", "face"]), "clip_id"])
    (one,) = [row for row in read_rows(results / "judge/draw/units.parquet", "judge_units")
              if row["question"] == "speaker" and row["rank"] == 0]  # fmt: skip
    assert len(one["boxes"]) == 10
    assert one["boxes"][0]["x0"] == pytest.approx(0.25)
    assert one["spans"][0]["start_s"] == pytest.approx(max(one["utterance_id"] - 0.3, 0))


def test_the_same_seed_draws_the_same_and_another_does_not(results):
    first = keys(results / "judge/draw")
    assert keys(drawn(results, settings())) == first
    assert keys(drawn(results, settings(), seed=8)) != first


def test_how_a_run_is_cut_into_shards_changes_no_draw(tmp_path):
    videos = list("abcdefghij")
    write_shard(tmp_path / "one", "00000", videos)
    for i, half in enumerate((videos[5:], videos[:5])):
        write_shard(tmp_path / "two", f"0000{i}", half)
    whole, halves = (keys(drawn(tmp_path / name, settings()), "words") for name in ("one", "two"))
    assert whole == halves


def test_a_changed_threshold_draws_most_units_again_under_the_same_keys(results):
    first = keys(results / "judge/draw", "two_speakers")
    path = results / "speech/keep_two_speakers/00001/keep_two_speakers.parquet"
    rows = [{"clip_id": id, **decision(id != "c_000", "one_speaker")} for id in ("c_000", "d_000", "e_000")]
    write_table(path, "keep_two_speakers", rows)
    assert len(first & keys(drawn(results, settings()), "two_speakers")) >= len(first) - 1


def test_every_unit_is_drawn_as_often():
    units = pd.DataFrame({"video_id": "", "clip_id": [f"v{i}" for i in range(20)], "utterance_id": -1, "frame": -1})
    counts = sum((numbers(units, f"{seed} words").rank() <= 5).to_numpy().astype(int) for seed in range(200))
    assert counts.sum() == 1000
    assert counts.min() >= 25  # 50 of 200 each, standard deviation 6
    assert counts.max() <= 75


def test_pictures_of_own_files_are_drawn_and_those_that_are_gone_stop_nothing(results):
    units = read_table(results / "judge/draw/units.parquet", "judge_units").query("question == 'people'")
    pictures = units.set_index("video_id")["picture"]
    assert {name for name in pictures if name} == {path.name for path in (results / "judge/draw/pictures").iterdir()}
    assert pictures.get("00000nobody") == ""


def test_without_a_network_few_thumbnails_are_waited_for(results, monkeypatch, caplog):
    asked = []
    monkeypatch.setattr(module, "_picture", lambda *given: asked.append(given) or "")
    monkeypatch.setattr(module, "GIVE_UP", 3)
    drawn(results, settings())
    assert len(asked) == 3 and "5 thumbnails in a row could not be had" in caplog.text


def test_long_clips_are_shown_in_pieces_spread_over_them():
    row, long = {"clip_id": "a_000"}, clip("a_000", length_s=600)
    spans = _spans("clip", row, long, {}, settings(parts=3, part_s=10))
    assert [(span["start_s"], span["end_s"]) for span in spans] == [(95, 105), (295, 305), (495, 505)]
    assert _spans("clip", row, clip("a_000", length_s=25), {}, settings(parts=3, part_s=10)) == [
        {"start_s": 0, "end_s": 25}
    ]


def test_a_question_that_nothing_is_asked_of_has_strata_and_no_units(results):
    out = drawn(results, settings(kept=0, dropped=0))
    assert keys(out) == set()
    assert (read_table(out / "strata.parquet", "judge_strata")["drawn"] == 0).all()


def test_a_run_without_any_unit_is_drawn_from(tmp_path):
    write_shard(tmp_path, "00000", [])
    out = drawn(tmp_path, settings())
    assert read_table(out / "units.parquet", "judge_units")["question"].tolist() == ["people"]  # the one that is nobody
