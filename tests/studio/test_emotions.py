"""Emotions of turns: what labels count, how often each is, and which go together."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from nonverbal.config import SCHEMA
from nonverbal.errors import UserError
from nonverbal.schema import read_table, write_table
from nonverbal.studio.emotion_frequencies import emotion_frequencies, read_reference, shares
from nonverbal.studio.emotion_pairs import emotion_pairs, jaccard, pairs, together
from nonverbal.studio.emotions import WordList, ZeroShot, emotions
from nonverbal.studio.labels import read_actors, turns
from nonverbal.studio.settings import ZERO_SHOT, Emotions

ROOT = SCHEMA.parents[1]
SETTINGS = Emotions.model_validate(yaml.safe_load((ROOT / "config.yaml").read_text())["studio"]["emotions"])
WORDS = ROOT / SETTINGS.words


def turn(dialogue, side, label="", told="", camera="left", segment=0):
    scores = [{"label": told, "score": 1.0}] if told else []
    return {
        "clip_id": f"{dialogue}_{camera}", "dialogue_id": dialogue, "segment": segment, "side": side, "text": "…",
        "emotion_label": label, "scores": scores, "backend": "word_list",
    }  # fmt: skip


@pytest.fixture
def judged(tmp_path):
    """Writes turns as a table, and whose they are, and reads them as the evaluations do."""

    def read(*rows, actors=""):
        write_table(tmp_path / "emotions.parquet", "emotions", list(rows))
        (tmp_path / "actors.csv").write_text("dialogue_id,side,actor,gender\n" + actors)
        return turns([tmp_path / "emotions.parquet"], [tmp_path / "actors.csv"])

    return read


def test_other_is_not_joy(judged):
    # the published sample: 29 of 127 labels are "Other", which its makers' code counted as joy
    sample = [turn("d", "left", "Other", "joy", segment=i) for i in range(29)]
    sample += [turn("d", "left", "joy", segment=29 + i) for i in range(98)]
    found = shares(judged(*sample))
    assert found["other", "all"] == pytest.approx(100 * 29 / 127)
    assert found["joy", "all"] == pytest.approx(100 * 98 / 127)


def test_a_label_is_counted_under_its_own_name_whatever_it_is(judged):
    rows = judged(turn("d", "left", " Joy "), turn("d", "left", "愤怒"), turn("d", "left", "no such emotion"))
    assert rows["label"].tolist() == ["joy", "愤怒", "no such emotion"]


def test_the_script_decides_then_the_classifier_and_else_nothing(judged):
    rows = judged(turn("d", "left", "Anger", "joy"), turn("d", "right", "", "fear"), turn("d", "left"))
    assert rows["label"].tolist() == ["anger", "fear", ""]
    assert shares(rows) == {("anger", "all"): 50, ("fear", "all"): 50}  # what nobody knows is left out


def test_a_dialogue_of_two_cameras_counts_once(judged):
    both = [turn("d", side, label, camera=camera) for camera in ("left", "right")
            for side, label in (("left", "joy"), ("right", "anger"))]  # fmt: skip
    assert len(judged(*both)) == 2
    assert len(judged(*both, turn("e", "left", "joy", camera="right"))) == 3  # its other camera is missing


def test_men_and_women_by_the_channel_not_the_camera(judged):
    # the right camera's file holds both actors' turns: the left actor stays the man
    rows = judged(
        turn("d", "left", "joy", camera="right"), turn("d", "left", "anger", camera="right"),
        turn("d", "right", "joy", camera="right"), turn("e", "left", "fear"),
        actors="d,left,tomas,man\nd,right,lena,woman\ne,left,kim,\n",
    )  # fmt: skip
    found = shares(rows)
    assert rows["group"].tolist() == ["men", "men", "women", ""]
    assert (found["joy", "all"], found["joy", "men"], found["joy", "women"]) == (50, 50, 100)
    assert found["fear", "men"] == 0 and shares(rows[rows["group"] == "men"]).keys() == {
        (label, group) for label in ("joy", "anger") for group in ("all", "men")
    }


@pytest.mark.parametrize(
    "text, expected",
    [("dialogue_id,side\nd,left\n", "must have the columns"),
     ("dialogue_id,side,actor,gender\nd,up,a,man\n", "d: write left or right"),
     ("dialogue_id,side,actor,gender\nd,left,a,M\n", "man, woman or nothing"),
     ("dialogue_id,side,actor,gender\nd,left,a,man\nd,left,b,woman\n", "d: write one gender of who stands left"),
     ("", "is no CSV"), ('dialogue_id,side,actor,gender\n"d,left,a,man\n', "is no CSV")],
)  # fmt: skip
def test_a_wrong_file_of_actors_is_one_sentence(tmp_path, text, expected):
    (tmp_path / "actors.csv").write_text(text)
    with pytest.raises(UserError, match=expected):
        read_actors([tmp_path / "actors.csv"])


def test_the_reference_must_name_its_source(tmp_path):
    def read(*rows):
        (tmp_path / "r.csv").write_text("\n".join(["emotion,group,percent,source", *rows]))
        return read_reference([tmp_path / "r.csv"])

    assert read("Joy,men,30,a survey")[["row", "metric", "value"]].to_numpy().tolist() == [["joy", "men", 30.0]]
    wrong = {
        "joy,men,30,": "column source", "joy,boys,30,x": "men or women", "joy,men,130,x": "0 to 100",
        "joy,men,few,x": "0 to 100", "joy,men,3,x\nJoy,men,4,x": "one percentage",
    }  # fmt: skip
    for row, expected in wrong.items():
        with pytest.raises(UserError, match=expected):
            read(row)
    (tmp_path / "bad.csv").write_text("emotion,percent\njoy,3\n")
    with pytest.raises(UserError, match="must have the columns"):
        read_reference([tmp_path / "bad.csv"])


def written(folder: Path, name: str) -> list[Path]:
    return [folder / f"{name}.{suffix}" for suffix in ("csv", "md", "tex", "png", "pdf")]


def test_frequencies_beside_a_reference_and_without_one(judged, tmp_path):
    judged(turn("d", "left", "joy"), turn("d", "right", "Other", "joy"), actors="d,left,a,man\nd,right,b,woman\n")
    (tmp_path / "reference.csv").write_text(
        "emotion,group,percent,source\njoy,men,30,a survey\npride,men,5,a survey\npride,women,6,a survey\n"
    )
    inputs, files = ([tmp_path / "emotions.parquet"], [tmp_path / "actors.csv"]), written(tmp_path, "frequencies")
    emotion_frequencies(*inputs, [tmp_path / "reference.csv"], *files)
    table = pd.read_csv(files[0]).set_index(["row", "metric"])
    assert table.loc[("joy", "men"), ["published", "ours", "difference"]].astype(float).tolist() == [30, 100, 70]
    assert float(table.loc[("pride", "women"), "ours"]) == 0  # nobody was proud, which is known
    assert "Published: a survey." in files[1].read_text() and "0 of" not in files[1].read_text()
    emotion_frequencies(*inputs, [], *files)
    assert set(pd.read_csv(files[0])["published"]) == {"not available"}
    assert "No published value" in files[1].read_text() and "1 turns with a script's label, the same of 0" in (
        files[1].read_text()
    )
    assert Image.open(files[3]).width == 990  # a column, 3.3 inches at 300 dpi
    assert files[4].read_bytes().startswith(b"%PDF")


def test_pairs_are_counted_by_dialogue(judged):
    rows = judged(
        turn("d", "left", "joy"), turn("d", "right", "anger"), turn("d", "left", "joy", segment=2),
        turn("e", "left", "joy"), turn("e", "right", "fear"), turn("f", "left", "joy"), turn("f", "right"),
    )  # fmt: skip
    labels, counts = together(rows)
    assert labels == ["joy", "anger", "fear"]
    assert counts.tolist() == [[3, 1, 1], [1, 1, 0], [1, 0, 1]]  # twice joy in one dialogue is one; f has joy alone
    assert np.allclose(jaccard(counts), [[1, 1 / 3, 1 / 3], [1 / 3, 1, 0], [1 / 3, 0, 1]])
    assert pairs(labels, counts)[["emotion", "with", "both"]].to_numpy().tolist() == [
        ["joy", "anger", 1], ["joy", "fear", 1], ["anger", "fear", 0],
    ]  # fmt: skip


@pytest.mark.parametrize("labels", [[], ["joy"], [r"$\frac$", "=1|<b>"], [f"emotion {i}" for i in range(20)]])
def test_both_are_drawn_of_any_labels(judged, tmp_path, labels):
    rows = [turn("d", "left", label, segment=i) for i, label in enumerate(labels)]
    judged(*(rows or [turn("d", "left")]))
    inputs = [tmp_path / "emotions.parquet"]
    emotion_frequencies(inputs, [], [], *written(tmp_path, "frequencies"))
    emotion_pairs(inputs, *written(tmp_path, "pairs"))
    assert len(pd.read_csv(tmp_path / "pairs.csv")) == len(labels) * (len(labels) - 1) // 2


def test_words_are_looked_up_and_none_is_no_emotion():
    classify = WordList(WORDS, SETTINGS.labels)
    assert classify(["Thank you, I am so happy and glad!"]) == [{"gratitude": 1 / 3, "joy": 2 / 3}]
    assert classify(["", "The lamp is yellow."]) == [{}, {}]


def test_a_list_of_words_for_other_labels_is_a_mistake(tmp_path):
    (tmp_path / "words.csv").write_text("emotion,words\nenvy,jealous\n")
    with pytest.raises(UserError, match="add envy"):
        WordList(tmp_path / "words.csv", SETTINGS.labels)
    (tmp_path / "words.csv").write_text("emotion\njoy\n")
    with pytest.raises(UserError, match="columns emotion and words"):
        WordList(tmp_path / "words.csv", SETTINGS.labels)


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> Path:
    """A network of the registered one's kind, small, of random weights."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaForSequenceClassification

    folder = tmp_path_factory.mktemp("models") / ZERO_SHOT
    words = ["<s>", "<pad>", "</s>", "<unk>", "the", "speaker", "feels", "joy", "anger", "happy", "."]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        sep_token="</s>", cls_token="<s>", model_max_length=64,
    ).save_pretrained(folder)  # fmt: skip
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=70, type_vocab_size=1, pad_token_id=1, id2label={0: "entailment", 1: "not_entailment"},
        label2id={"entailment": 0, "not_entailment": 1},
    )  # fmt: skip
    XLMRobertaForSequenceClassification(config).save_pretrained(folder)
    return folder


def test_the_network_is_asked_for_each_label_and_answers_alike_in_any_batch(network):
    texts = ["happy", "", "the speaker feels happy " * 40]
    found = [ZeroShot(network, SETTINGS.model_copy(update={"batch": batch}))(texts) for batch in (1, 7)]
    for scores in found:
        assert scores[1] == {}
        assert scores[0].keys() == set(SETTINGS.labels) and sum(scores[0].values()) == pytest.approx(1)
    for one, other in zip(*found, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


@pytest.fixture
def recorded_turns(tmp_path) -> list[Path]:
    """Tables of a recording with a scripted turn and one that is not."""
    kept = {"kept": True, "reason": "", "detail": ""}
    place = {"clip_id": "v_000", "side": "left"}
    write_table(tmp_path / "sides.parquet", "sides", [{
        "video_id": "v", **place, "dialogue_id": "20240512_ab", "left": "l", "right": "r", "left_dbfs": -20.0,
        "right_dbfs": -20.0, "likeness": 0.0, **kept,
    }])  # fmt: skip
    write_table(tmp_path / "heard.parquet", "side_heard", [
        {**place, "segment": i, "start_s": 2.0 * i, "end_s": 2.0 * i + 1, "asr": text, "asr_flag": True,
         "language": "en", "language_score": 1.0, "language_source": "container", "words_source": "decoded"}
        for i, text in enumerate(["i am sore", "what a wonderful day"])
    ])  # fmt: skip
    line = {**place, "segment": 0, "similarity": 0.9, "script_id": "7", "topic_label": "t", "utterance_id": "0",
            "speaker_id": 0, "emotion_label": "Guilt", "text": "I am sorry."}  # fmt: skip
    no_line = line | {
        "segment": 1,
        "emotion_label": "",
        "text": "",
        "kept": False,
        "reason": "not_in_script",
        "detail": "",
    }
    write_table(tmp_path / "lines.parquet", "script_lines", [line | kept, no_line])
    return [tmp_path / f"{name}.parquet" for name in ("sides", "heard", "lines")]


def test_a_line_is_judged_as_written_and_other_turns_as_heard(recorded_turns, tmp_path):
    emotions(*recorded_turns, WORDS, [], tmp_path / "emotions.parquet", SETTINGS)
    rows = read_table(tmp_path / "emotions.parquet", "emotions")
    assert rows["text"].tolist() == ["I am sorry.", "what a wonderful day"]
    assert rows["emotion_label"].tolist() == ["Guilt", ""]
    assert turns([tmp_path / "emotions.parquet"])["label"].tolist() == ["guilt", "joy"]


def test_the_networks_scores_go_into_the_table(recorded_turns, network, tmp_path):
    settings = SETTINGS.model_copy(update={"backend": "zero_shot"})
    assert settings.models == [ZERO_SHOT] and settings.gpus == 1 and not SETTINGS.models
    emotions(*recorded_turns, WORDS, [network], tmp_path / "emotions.parquet", settings)
    rows = read_table(tmp_path / "emotions.parquet", "emotions")
    assert rows["scores"].map(len).tolist() == [18, 18] and set(rows["backend"]) == {"zero_shot"}
