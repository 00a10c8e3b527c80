from pathlib import Path

import pytest
import yaml
from PIL import Image

from nonverbal.layouts import FLAME_FACE, OPEN_FACE
from nonverbal.mars.settings import Mars
from nonverbal.paper.figure2 import base_lines, base_name, decoded, figure2, frames_of, tokenizer
from nonverbal.paper.style import UNSEEN, shown
from nonverbal.tokenizers.settings import Tokenizer

ROOT = Path(__file__).resolve().parents[2]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
FACE, BODY = (Tokenizer.model_validate(CONFIG["tokenizers"][part]) for part in ("face", "body"))
MARS = Mars.model_validate(CONFIG["mars"])


def test_sizes_are_those_of_the_config():
    assert tokenizer(FACE, 512)[:2] == ["512 codes of 8 numbers", "8 frames a token"]
    assert tokenizer(BODY, 512)[0] == "512 codes of 16 numbers"
    levels = FACE.model_copy(update={"codebook": FACE.codebook.model_copy(update={"levels": (8, 8, 8)})})
    assert tokenizer(levels, 512)[0] == "512 codes, 8 x 8 x 8 levels"
    assert "+ 512 tokens <FACE_i>" in base_lines(MARS, FACE, BODY) and base_name(MARS) == "Llama-3.2-1B-Instruct"
    assert decoded(FACE, OPEN_FACE)[1] == "of 51 numbers,"


def test_a_stand_in_is_called_so():
    assert frames_of("face", OPEN_FACE, "open_face") == [
        "open face, 51 numbers",
        "= 48 + 3, 25 Hz",
        "open_face (stand-in)",
    ]
    assert frames_of("face", FLAME_FACE, "emoca")[-1] == "emoca (paper's)"


def test_figure_is_a_page_wide_and_the_same_again(tmp_path):
    made = []
    for name in ("one", "two"):
        outputs = [tmp_path / f"{name}.{kind}" for kind in ("png", "pdf")]
        figure2(FACE, BODY, 512, MARS, {"face": "open_face", "body": "mediapipe_ik", "base": "tiny"}, *outputs)
        made.append([path.read_bytes() for path in outputs])
    assert made[0] == made[1] and Image.open(tmp_path / "one.png").width == 2100


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\n b\tc", "a b c"), ("日本 $x$", f"{UNSEEN * 2} $x$"), ("abcdef", "abc…"), ("Grüße", "Grü…"), ("", "")],
)
def test_texts_are_what_the_font_can_write(text, expected):
    assert shown(text, 4 if expected.endswith("…") else 0) == expected
