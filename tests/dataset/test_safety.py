from pathlib import Path

import pytest

from nonverbal.dataset.safety import PhraseList, safety, score_utterances
from nonverbal.dataset.settings import Safety
from nonverbal.errors import UserError
from nonverbal.schema import read_table


@pytest.fixture
def phrases(tmp_path: Path) -> Path:
    path = tmp_path / "phrases.txt"
    path.write_text("# comment\nI will kill you\nbuild a bomb\n")
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Nobody should BUILD -- a bomb!", 1.0),
        ("We build abominable things", 0.0),
        ("rebuild a bomb shelter", 0.0),
        ("# comment", 0.0),
        ("", 0.0),
    ],
)
def test_whole_words_without_case_or_punctuation(phrases: Path, text: str, expected: float) -> None:
    assert score_utterances([text], PhraseList(phrases)) == [expected]


def test_a_phrase_across_two_utterances_marks_the_one_that_ends_it(phrases: Path) -> None:
    assert score_utterances(["Hello. I will", "kill you!", "Oh no."], PhraseList(phrases)) == [0.0, 1.0, 0.0]
    assert score_utterances(["kill you!", "I will"], PhraseList(phrases)) == [0.0, 0.0]


def test_every_utterance_of_kept_clips_is_scored_and_says_by_what(
    shard: dict[str, Path], phrases: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out" / "safety.parquet"
    settings = Safety(backend="word_list", phrases=str(phrases))
    safety(shard["utterances"], shard["keep_visible"], phrases, output, settings)
    table = read_table(output, "safety")
    assert len(table) == 9
    assert table.loc[table["harmful"], "utterance_id"].tolist() == [2, 2, 2]
    assert set(table["backend"]) == {"word_list (not a safety model)"}


def test_an_empty_list_is_told_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "empty.txt"
    path.write_text("# nothing\n")
    with pytest.raises(UserError, match=r"dataset\.safety\.phrases.*write one a line"):
        PhraseList(path)


def test_the_list_of_the_project_is_read() -> None:
    path = Path(__file__).resolve().parents[2] / "resources" / "harmful_phrases.txt"
    scores = score_utterances(["I'll kill you.", "What a nice podcast about killing time."], PhraseList(path))
    assert scores == [1.0, 0.0]
