"""Decide: which line of the script each segment is."""

from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from nonverbal.schema import read_rows, write_table
from nonverbal.studio.names import SIDES
from nonverbal.studio.recordings import recordings
from nonverbal.studio.script import Dialogue, likeness, read_script
from nonverbal.studio.settings import ScriptLines

Row = dict[str, Any]
ORDER = 0.05  # what a line at the same place of the dialogue is worth, in cosine: it decides between lines as alike
NO_LINE: Row = {
    "similarity": 0.0, "script_id": "", "topic_label": "", "utterance_id": "", "speaker_id": -1, "emotion_label": "",
    "text": "",
}  # fmt: skip


def script_lines(sides: Path, side_heard: Path, scripts: list[Path], script_lines: Path, settings: ScriptLines) -> None:
    """Match the segments of each recording with the lines of its dialogue.

    Args:
        sides: table of that name.
        side_heard: table of that name.
        scripts: JSON files, perhaps none.
        script_lines: table to write, one row a segment.
        settings: least similarity.
    """
    script = {key: dialogue for path in scripts for key, dialogue in read_script(path).items()}
    heard = sorted(read_rows(side_heard, "side_heard"), key=lambda row: row["segment"])
    rows = []
    for clip_id, recorded in recordings(sides).items():
        segments = [row for row in heard if row["clip_id"] == clip_id]
        dialogue = find_dialogue(recorded["dialogue_id"], segments, script, settings.least_similarity)
        rows += match(segments, dialogue, settings.least_similarity)
    write_table(script_lines, "script_lines", rows)


def find_dialogue(dialogue_id: str, segments: list[Row], script: dict[str, Dialogue], least: float) -> Dialogue | None:
    """The dialogue of the recording's name, else the one whose text is most like all that was heard; None: none is.

    Args:
        dialogue_id: <date>_<md5> of the recording.
        segments: rows of table `side_heard`.
        script: all dialogues by id.
        least: similarity below which a text is not the recording's.
    """
    if dialogue_id in script or not script:
        return script.get(dialogue_id)
    candidates = list(script.values())
    texts = [" ".join(line.text for line in dialogue.lines) for dialogue in candidates]
    scores = likeness([" ".join(row["asr"] for row in segments)], texts)[0]
    return candidates[int(scores.argmax())] if scores.max() >= least else None


def match(segments: list[Row], dialogue: Dialogue | None, least: float) -> list[Row]:
    """The `script_lines` rows of one recording's segments.

    Args:
        segments: rows of table `side_heard`, in order of time.
        dialogue: of the script; None where there is none.
        least: similarity that a match must have.
    """
    heads = [{name: row[name] for name in ("clip_id", "segment", "side")} for row in segments]
    if dialogue is None or not dialogue.lines:
        nothing = _dropped("no_script", "the script has no dialogue for this recording")
        return [head | NO_LINE | nothing for head in heads]
    scores = likeness([row["asr"] for row in segments], [line.text for line in dialogue.lines])
    actors = [SIDES.index(row["side"]) for row in segments]
    line_of = assign(scores, actors, [line.speaker_id for line in dialogue.lines], least)
    return [
        head | _decision(row, scores[i], line_of.get(i), dialogue, least)
        for i, (head, row) in enumerate(zip(heads, segments, strict=True))
    ]


def assign(scores: np.ndarray, actors: list[int], speakers: list[int], least: float) -> dict[int, int]:
    """One line a segment and one segment a line, of the greatest total similarity; order decides between equals.

    The script does not say which of its speakers stands left: the way round that fits the text better is taken.

    Args:
        scores: similarity, [segments, lines].
        actors: 0 or 1 for each segment.
        speakers: 0 or 1 for each line.
        least: similarity that a pair must have.

    Returns:
        Segment -> line, both by position.
    """
    place, written = (np.linspace(0, 1, count)[: scores.shape[axis]] for axis, count in enumerate(scores.shape))
    worth = scores + ORDER * (1 - np.abs(place[:, None] - written))
    ways = []
    for left in (0, 1):
        same = np.equal.outer(np.array(actors), (np.array(speakers) + left) % 2)
        allowed = np.where(same & (scores >= least), worth, 0.0)
        pairs = [(int(i), int(j)) for i, j in zip(*linear_sum_assignment(allowed, maximize=True), strict=True)]
        ways.append((float(allowed[tuple(zip(*pairs, strict=True))].sum()), [p for p in pairs if allowed[p] > 0]))
    return dict(max(ways, key=lambda way: way[0])[1])


def _decision(row: Row, scores: np.ndarray, line: int | None, dialogue: Dialogue, least: float) -> Row:
    at = int(scores.argmax()) if line is None else line
    similarity = float(scores[at])
    found = NO_LINE | {"similarity": similarity, "script_id": dialogue.script_id, "topic_label": dialogue.topic_label}
    if line is not None:
        chosen = dialogue.lines[line]
        return found | vars(chosen) | {"kept": True, "reason": "", "detail": f"similarity {similarity:.2f}"}
    if not row["asr"]:
        return found | _dropped("no_words", "no word was recognised")
    if similarity < least:
        return found | _dropped("not_in_script", f"similarity {similarity:.2f} at best; {least:g} is needed")
    best = dialogue.lines[at]
    return found | _dropped(
        "line_taken", f"line {best.utterance_id} ({similarity:.2f}) is another segment's or actor's"
    )


def _dropped(reason: str, detail: str) -> Row:
    return {"kept": False, "reason": reason, "detail": detail}
