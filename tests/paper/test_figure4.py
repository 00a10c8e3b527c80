"""Figure 4 from a run that this test makes: answers drawn by the seed, true ones with their measured times."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from nonverbal.errors import UserError
from nonverbal.layouts import OPEN_FACE, SMPLX_BODY
from nonverbal.paper import figure4 as drawing
from nonverbal.paper.figure4 import Example, broken, cells, draw, figure4, imagined, key_frame, page, questions, truth
from nonverbal.paper.settings import Figure4
from nonverbal.schema import write_table
from nonverbal.talk.body import Decoder
from nonverbal.tokenizers.model import MotionTokenizer, save_model
from nonverbal.tokenizers.motion import Scale
from nonverbal.tokenizers.settings import Codebook, Losses, Network, Tokenizer
from nonverbal.views.figure import Figures

UNTRAINED = Tokenizer(
    codebook=Codebook(
        size=8, dim=4, decay=0.9, commitment=0.02, dead_below=0, normalised=True, initialisation="random",
        gradient="straight_through", temperature=0, quantizers=1, dropout=False, levels=(),
    ),
    network=Network(width=16, depth=1, downsampling=8),
    losses=Losses(reconstruction="l1", velocity=0, by_group=False, groups={}, velocity_groups={}),
)  # fmt: skip
KEY = ("v_000", 0, 1)


def answer(setting: str, raw: str, clip: str = "v_000", left_out: str = "") -> dict:
    return {"setting": setting, "clip_id": clip, "utterances": [0, 1], "raw": raw, "left_out": left_out}


def write_lines(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def tables(tmp_path: Path) -> dict:
    """An answer of frames 50 to 89: two words, a run of face tokens from frame 50 and two of body tokens."""
    words = [
        {"clip_id": "v_000", "utterance_id": number, "word_index": i, "speaker": 1, "word": word, "start_s": start,
         "end_s": start + 0.3, "interpolated": False}
        for i, (number, word, start) in enumerate([(0, "well", 0.2), (1, "yes", 2.1), (1, "$it$ <b>日", 3.3)])
    ]  # fmt: skip
    write_table(tmp_path / "words.parquet", "words", words)
    runs = {"face": [(1, 50, [1, 2, 3])], "body": [(1, 66, [4]), (1, 82, [5]), (0, 0, [6])]}
    for part, found in runs.items():
        rows = [
            {"clip_id": "v_000", "utterance_id": number, "speaker": 1, "split": "test", "first_frame": first,
             "frames": 8 * len(codes), "tokens": codes}
            for number, first, codes in found
        ]  # fmt: skip
        write_table(tmp_path / f"{part}.parquet", "tokens", rows)
    return {"words": [tmp_path / "words.parquet"], "tokens": {part: tmp_path / f"{part}.parquet" for part in runs}}


def test_the_true_answer_has_its_measured_times(tables: dict) -> None:
    told = truth(KEY, **tables)
    assert [(word, round(start, 6)) for word, start in told.words] == [("yes", 0.1), ("$it$ <b>日", 1.3)]
    assert told.tokens == {"face": [(0, [1, 2, 3])], "body": [(16, [4]), (32, [5])]}
    assert told.frames == 41  # the last word ends in frame 90


def test_answers_are_drawn_by_the_seed_alone(tmp_path: Path) -> None:
    clips = [f"v_{i:03d}" for i in range(20)]
    rows = [answer(setting, f"{setting} {clip}", clip) for setting in ("zero_shot", "trained") for clip in clips]
    rows += [answer(setting, "", "w_000", "too long") for setting in ("zero_shot", "trained")]
    path = write_lines(tmp_path / "g.jsonl", rows)
    chosen = draw(path, 3, seed=1)
    assert chosen == draw(path, 3, seed=1) != draw(path, 3, seed=2)
    assert all(texts == (f"zero_shot {key[0]}", f"trained {key[0]}") for key, texts in chosen.items())
    assert len(draw(path, 50, seed=1)) == 20  # what was left out is none
    with pytest.raises(UserError, match="there is no answer to draw"):
        draw(write_lines(tmp_path / "none.jsonl", []), 3, seed=1)


def test_words_of_a_turn_are_without_its_motion(tmp_path: Path) -> None:
    messages = [{"content": text} for text in ("system", "do<FACE_1><BODY_1> you?", "yes")]
    path = write_lines(tmp_path / "t.jsonl", [{"clip_id": "v_000", "utterances": [0, 1], "messages": messages}])
    assert questions(path) == {KEY: "do you?"}


def test_a_picture_shows_a_token_where_there_is_one() -> None:
    known = np.zeros(30, bool)
    known[[12, 13, 18]] = True
    assert key_frame(known, 10, 20) == 13  # the middle is 14.5
    assert key_frame(known, 0, 10) == 4
    assert key_frame(known, 25, 50) == 27  # of what is left
    assert key_frame(known, 30, 40) is None


def test_cells_are_cut_at_the_end_of_what_is_shown() -> None:
    assert cells([(0, [7]), (94, [8, 9])], 4) == [(0, 0.32, 7), (3.76, 4, 8)]


def test_long_texts_are_cut() -> None:
    assert broken("one two three", 8, 2) == ["one two", "three"]
    lines = broken("one two three four five", 9, 2)
    assert len(lines) == 2 and lines[1].endswith("…") and max(map(len, lines)) <= 9


@pytest.fixture(scope="session")
def figures() -> Figures:
    return Figures()


@pytest.fixture
def tokenizers(tmp_path: Path) -> list[Path]:
    torch.manual_seed(0)
    paths = [tmp_path / f"{part}.pt" for part in ("face", "body")]
    for path, layout in zip(paths, (OPEN_FACE, SMPLX_BODY), strict=True):
        scale = Scale(layout, np.zeros(layout.dim, np.float32), np.full(layout.dim, 0.1, np.float32))
        save_model(path, MotionTokenizer(layout.dim, UNTRAINED), UNTRAINED, path.stem, scale)
    return paths


@pytest.mark.parametrize(
    "made, expected",
    [
        ("", {"(no word)"}),
        ("Haha,", {"Haha,"}),
        ("<FACE_1><BODY_2>", {"1", "2", "(no word)"}),
        ("a<FACE_1><BODY_2> b $c$ 日<FACE_3><BODY_4>" + " word" * 30, {"a", "$c$", "□", "3", "word"}),
    ],
)
def test_any_answer_can_be_drawn(
    tables: dict, tokenizers: list[Path], figures: Figures, made: str, expected: set[str]
) -> None:
    example = Example("do you? " * 40, truth(KEY, **tables), imagined(made), "so")
    decoders = {part: Decoder.load(path) for part, path in zip(("face", "body"), tokenizers, strict=True)}
    drawn = page([example], decoders, figures, Figure4(answers=1, seconds=3, pictures=2))
    texts = {text.get_text() for axes in drawn.axes for text in axes.texts}
    assert texts >= {"true", "MARS", "FACE", "BODY", "yes", "$it$ <b>□", "untrained: so"} | expected


def test_the_same_inputs_give_the_same_bytes(
    tables: dict, tokenizers: list[Path], figures: Figures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "Figures", lambda _: figures)
    generated = write_lines(tmp_path / "g.jsonl", [answer("zero_shot", "\n"), answer("trained", "a<FACE_1><BODY_2>")])
    messages = [{"content": text} for text in ("system", "do you?", "yes")]
    test = write_lines(tmp_path / "t.jsonl", [{"clip_id": "v_000", "utterances": [0, 1], "messages": messages}])
    inputs = generated, test, tables["words"], list(tables["tokens"].values()), tokenizers
    for name in ("one", "two"):
        outputs = [tmp_path / f"{name}.{kind}" for kind in ("png", "pdf")]
        figure4(*inputs, Figure4(answers=2, seconds=1, pictures=2), 7, tmp_path / "models", *outputs)
    for kind in ("png", "pdf"):
        assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()


def test_a_generated_answer_keeps_its_order_in_time() -> None:
    told = imagined("well<FACE_1><BODY_2><FACE_3><BODY_4> yes")
    assert told.tokens == {"face": [(0, [1, 3])], "body": [(0, [2, 4])]}
    assert [word for word, _ in told.words] == ["well", "yes"]
    assert told.words[1][1] > 8 / 25
