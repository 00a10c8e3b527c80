import re

import pandas as pd

from nonverbal.mars.sequences import SYSTEM_PROMPT
from nonverbal.paper.table5 import NONE, table5
from nonverbal.schema import write_table

HOSTILE = 'say <b>&amp; `rm -rf`, 100 % $x_1$ \\end{tabular} ```` "日本" | ok<FACE_3><BODY_4>'


def chat(clip: str, user: str, answer: str) -> dict:
    contents = zip(("system", "user", "assistant"), (SYSTEM_PROMPT, user, answer), strict=True)
    messages = [{"role": role, "content": content} for role, content in contents]
    return {"clip_id": clip, "utterances": [4, 5], "messages": messages}


def made(tmp_path, records: list[dict], loss: str = "answer") -> dict[str, str]:
    write_table(tmp_path / "train.parquet", "chats", records)
    files = {kind: tmp_path / f"table5.{kind}" for kind in ("csv", "md", "tex")}
    table5(tmp_path / "train.parquet", loss, **files)
    return {kind: path.read_text() for kind, path in files.items()}


def test_a_record_with_motion_in_every_turn_is_shown_with_its_counts(tmp_path):
    still = chat("a_000", "no motion", "none<FACE_1><BODY_2>")
    text = made(tmp_path, [still, chat("b_001", "hi you<FACE_3><BODY_4><FACE_5>", "yes<FACE_1><BODY_2>")])
    table = pd.read_csv(tmp_path / "table5.csv")
    assert table["clip_id"].unique().tolist() == ["b_001"] and table["utterances"].unique().tolist() == ["4 5"]
    counts = table.set_index("role")[["words", "face_tokens", "body_tokens"]]
    assert counts.loc["user"].tolist() == [2, 2, 1] and counts.loc["assistant"].tolist() == [1, 1, 1]
    assert SYSTEM_PROMPT in text["md"] and "user: 2 words, 2 face tokens, 1 body tokens" in text["md"]
    assert "hi you<FACE_3><BODY_4><FACE_5>" in text["md"] and "the last turn alone" in text["tex"]


def test_hostile_words_stay_as_they_are(tmp_path):
    text = made(tmp_path, [chat("a_000", HOSTILE, HOSTILE)], loss="all")
    assert pd.read_csv(tmp_path / "table5.csv")["content"].iloc[1] == HOSTILE
    fences = re.findall(r"^(`+)(?:text)?$", text["md"], re.MULTILINE)
    assert [len(fence) for fence in fences] == [3, 3, 5, 5, 5, 5] and text["md"].count(HOSTILE) == 2
    body = text["tex"].split(r"\toprule")[1]
    assert r"\textbackslash{}end\{tabular\}" in body and body.count(r"\end{tabular}") == 1
    assert "[U+65E5][U+672C]" in body and r"100 \% \$x\_1\$" in body and r"\texttt{\textless{}FACE\_3" in body


def test_without_records_it_says_so(tmp_path):
    text = made(tmp_path, [])
    assert NONE in text["md"] and NONE in text["tex"] and len(pd.read_csv(tmp_path / "table5.csv")) == 0
