"""Table 5: what MARS is trained on: the prompt that explains the tokens, and a record of this run, turn by turn."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from nonverbal.layouts import PARTS
from nonverbal.mars.interleave import MOTION, parse
from nonverbal.paper.markup import escaped
from nonverbal.schema import read_arrow

TITLE = "Table 5. What MARS is trained on: a record of this run"
OURS = "The prompt is this project's own; it says the same of the tokens as the paper's. The paper has no number here."
COUNTED = {
    "answer": "In training the loss counts the tokens of the last turn alone.",
    "all": "In training the loss counts the tokens of all turns.",
}
FENCE = re.compile(r"`{3,}")
NONE = "not available: no answer of the training split makes a record"


def table5(train: Path, loss: str, csv: Path, md: Path, tex: Path) -> None:
    """Write table 5.

    Args:
        train: the training split's records, table `chats`.
        loss: which tokens count in training, as the config says.
        csv: one row a turn: clip_id, utterances shown, role, numbers of words and of face and body tokens, content.
        md, tex: the same to read; contents are verbatim.
    """
    turns = rows(example(train))
    turns.to_csv(csv, index=False, lineterminator="\n")
    notes = [OURS, COUNTED[loss]]
    md.write_text(markdown(turns, notes))
    tex.write_text(latex(turns, notes))


def example(train: Path) -> dict[str, Any] | None:
    """The first record of which each turn has words, faces and bodies; else the first; None where there is none."""
    read_arrow(train, "chats", columns=["clip_id"])  # checked
    first = None
    for batch in pq.ParquetFile(train).iter_batches(batch_size=256):
        for record in batch.to_pylist():
            said = [parse(message["content"]) for message in record["messages"][1:]]
            if all(line.text and line.face and line.body for line in said):
                return record
            first = first or record
    return first


def rows(record: dict[str, Any] | None) -> pd.DataFrame:
    """One row a turn."""
    columns = ["clip_id", "utterances", "role", "words", *(f"{part}_tokens" for part in PARTS), "content"]
    found = []
    for role, content in ((message["role"], message["content"]) for message in record["messages"]) if record else ():
        line = parse(content) if role != "system" else None  # its <FACE_i> is no token
        counts = (len(line.text.split()), len(line.face), len(line.body)) if line else (len(content.split()), 0, 0)
        shown = " ".join(map(str, record["utterances"])) if record else ""
        found.append((record["clip_id"] if record else "", shown, role, *counts, content))
    return pd.DataFrame(found, columns=columns)


def head(row: dict[Any, Any]) -> str:
    """What a turn holds."""
    if row["role"] == "system":
        return f"system: {row['words']} words"
    return f"{row['role']}: {row['words']} words, {row['face_tokens']} face tokens, {row['body_tokens']} body tokens"


def markdown(turns: pd.DataFrame, notes: list[str]) -> str:
    """A heading and a fenced block a turn; the fence is longer than any in the text."""
    parts = [f"# {TITLE}\n"]
    if turns.empty:
        parts.append(f"{NONE}\n")
    for row in turns.to_dict("records"):
        longest = max((len(found) for found in FENCE.findall(row["content"])), default=2)
        fence = "`" * (longest + 1)
        parts.append(f"## {head(row)}\n\n{fence}text\n{row['content']}\n{fence}\n")
    parts.append("## Notes\n\n" + "".join(f"* {note}\n" for note in _from(turns, notes)))
    return "\n".join(parts)


def latex(turns: pd.DataFrame, notes: list[str]) -> str:
    """A table float that needs booktabs; lines may break after each token."""
    body = [rf"{escaped(head(row))} & {_breakable(row['content'])} \\" for row in turns.to_dict("records")]
    caption = escaped(" ".join([TITLE + ".", *_from(turns, notes)]))
    lines = [
        r"\begin{table*}[t]", r"\centering\small", rf"\caption{{{caption}}}",
        r"\label{tab:input}", r"\begin{tabular}{@{}p{0.14\linewidth}p{0.82\linewidth}@{}}", r"\toprule",
        "\n\\midrule\n".join(body) or rf"\multicolumn{{2}}{{l}}{{{escaped(NONE)}}} \\",
        r"\bottomrule", r"\end{tabular}", r"\end{table*}", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _breakable(content: str) -> str:
    """The text with each motion token in typewriter, behind which a line may break."""
    pieces = []
    end = 0
    for found in MOTION.finditer(content):
        pieces += [escaped(content[end : found.start()]), rf"\texttt{{{escaped(found[0])}}}\allowbreak{{}}"]
        end = found.end()
    return "".join([*pieces, escaped(content[end:])])


def _from(turns: pd.DataFrame, notes: list[str]) -> list[str]:
    if turns.empty:
        return notes
    first = turns.iloc[0]
    return [*notes, f"The record is of clip {first['clip_id']}, utterances {first['utterances']}."]
