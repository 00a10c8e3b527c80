import json
from pathlib import Path

import pandas as pd
import pytest

from nonverbal.dataset.statistics import sentences, statistics, turns, unique_words

PAPER = (
    "channels", "videos", "nonverbal_expressions", "dialogues", "turns", "sentences", "unique_words",
    "mean_turns_per_dialogue", "mean_utterance_words", "mean_utterance_seconds", "mean_frames_per_utterance",
)  # fmt: skip


def test_counts_of_a_known_shard(shard: dict[str, Path], tmp_path: Path) -> None:
    inputs = {name: [shard[name]] for name in ("utterances", "words", "face", "body")}
    statistics(**inputs, split=shard["split"], statistics=tmp_path / "s.json", backends={"safety": "word_list"})
    found = json.loads((tmp_path / "s.json").read_text())
    assert [found[name] for name in PAPER] == [1, 2, 120, 3, 9, 12, 8, 3.0, 3.0, 0.867, 6.667]
    assert found["clips_by_split"] == {"test": 1, "train": 2}
    assert found["backends"] == {"safety": "word_list (not a safety model)"}


def test_clips_outside_the_dataset_are_not_counted(shard: dict[str, Path], tmp_path: Path) -> None:
    from nonverbal.schema import read_table, write_table

    split = read_table(shard["split"], "split")
    write_table(tmp_path / "less.parquet", "split", split[split["video_id"] == "v2"])
    inputs = {name: [shard[name]] for name in ("utterances", "words", "face", "body")}
    statistics(**inputs, split=tmp_path / "less.parquet", statistics=tmp_path / "s.json", backends={})
    found = json.loads((tmp_path / "s.json").read_text())
    assert (found["dialogues"], found["turns"], found["nonverbal_expressions"]) == (1, 3, 40)


def test_a_pause_makes_an_utterance_but_not_a_turn() -> None:
    talk = [("a", 0, 0.0), ("a", 0, 9.0), ("a", 1, 12.0), ("b", 1, 0.0)]
    rows = [{"clip_id": c, "utterance_id": i, "speaker": s, "start_s": t} for i, (c, s, t) in enumerate(talk)]
    assert turns(pd.DataFrame(rows)) == 3


@pytest.mark.parametrize(
    ("text", "number"),
    [("", 0), ("Yes", 1), ("Yes. No", 2), ("Yes! No? 'Maybe...'", 3), ("3.5 percent.", 1), ("...", 0)],
)
def test_sentences(text: str, number: int) -> None:
    assert sentences(text) == number


def test_words_are_counted_without_case_and_punctuation() -> None:
    assert unique_words(["Well,", "well", "--", "don't", "“Don't”"]) == {"well", "don't"}
