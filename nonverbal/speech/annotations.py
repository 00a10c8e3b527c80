"""Transcripts for annotators: RTTM, WebVTT, Praat TextGrid and ELAN of every kept clip."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from nonverbal.layouts import FPS
from nonverbal.schema import kept_ids, read_table
from nonverbal.speech.annotation_files import Annotated, Span, Speaker, write_eaf, write_rttm, write_textgrid, write_vtt


def annotations(clips: Path, media: Path, turns: Path, keep_language: Path, words: Path, annotations: Path) -> None:
    """Write CLIP_ID.rttm, .vtt, .TextGrid and .eaf of every clip that keep_language kept, also where nothing is said.

    Args:
        clips: table clips.
        media: the folder of its files, to which the ELAN files link.
        turns: table turns.
        keep_language: decision table whose kept clips are the units.
        words: table words.
        annotations: the folder to write; it appears when all files are in it.
    """
    rows = read_table(clips, "clips").set_index("clip_id").to_dict("index")
    spoken = dict(list(read_table(turns, "turns").groupby("clip_id")))
    said = dict(list(read_table(words, "words").groupby("clip_id")))
    partial = annotations.with_name(f".{annotations.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for clip_id in kept_ids(keep_language, "keep_language"):
        clip = rows[clip_id]
        found = annotate(clip_id, round(1000 * clip["frames"] / FPS), spoken.get(clip_id), said.get(clip_id))
        write_rttm(partial / f"{clip_id}.rttm", found)
        write_vtt(partial / f"{clip_id}.vtt", found)
        write_textgrid(partial / f"{clip_id}.TextGrid", found)
        files = [os.path.relpath(media / clip[kind], annotations) for kind in ("video", "audio")]
        write_eaf(partial / f"{clip_id}.eaf", found, files)
    shutil.rmtree(annotations, ignore_errors=True)
    partial.rename(annotations)


def annotate(clip_id: str, length_ms: int, spoken: pd.DataFrame | None, said: pd.DataFrame | None) -> Annotated:
    """Turns, utterances and words of one clip by speaker, in whole milliseconds.

    Args:
        clip_id: the clip.
        length_ms: its length.
        spoken: its rows of table turns; None: it has none.
        said: its rows of table words; None: it has none.
    """
    turns: dict[int, list[Span]] = {}
    utterances: dict[int, list[list[Span]]] = {}
    if said is not None:
        for number in said["speaker"].unique().tolist():
            own = said[said["speaker"] == number].sort_values("word_index")
            words = pd.Series(spans(own["start_s"], own["end_s"], own["word"], length_ms))
            utterances[number] = [list(part) for _, part in words.groupby(own["utterance_id"].to_numpy(), sort=False)]
    if spoken is not None:
        for name, number in name_speakers(spoken, said).items():
            own = spoken[spoken["speaker"] == name].sort_values("start_s")
            turns[number] = spans(own["start_s"], own["end_s"], pd.Series(f"speaker{number}", own.index), length_ms)
    everyone = sorted({0, *turns, *utterances})
    people = [Speaker(f"speaker{number}", turns.get(number, []), utterances.get(number, [])) for number in everyone]
    return Annotated(clip_id, length_ms, people)


def spans(start_s: pd.Series, end_s: pd.Series, texts: pd.Series, length_ms: int) -> list[Span]:
    """Spans of one speaker on a grid of milliseconds: in order, inside the clip, 1 ms or longer, none over another.

    Annotation tiers hold no overlapping and no empty intervals, whatever the transcriber gives.

    Args:
        start_s, end_s: seconds, in order of start.
        texts: of each.
        length_ms: of the clip; it holds as many milliseconds as there are spans.
    """
    order = np.arange(len(texts))
    start = np.maximum.accumulate(np.rint(1000 * start_s.to_numpy()).astype(int) - order) + order
    start = np.clip(start, order, length_ms - (len(order) - order))
    end = np.clip(np.rint(1000 * end_s.to_numpy()).astype(int), start + 1, np.append(start[1:], length_ms))
    return [Span(text, int(a), int(b)) for text, a, b in zip(texts, start, end, strict=True)]


def name_speakers(spoken: pd.DataFrame, said: pd.DataFrame | None) -> dict[int, int]:
    """Number in table words of each diarized speaker: whose words its turns cover most; those without words follow.

    Args:
        spoken: rows of table turns of a clip.
        said: rows of table words of the same clip, or None.
    """
    names = sorted(spoken["speaker"].unique().tolist())
    if said is None:
        return dict(zip(names, range(len(names)), strict=True))
    talkers = sorted(said["speaker"].unique().tolist())
    ends = np.minimum.outer(spoken["end_s"].to_numpy(), said["end_s"].to_numpy())
    starts = np.maximum.outer(spoken["start_s"].to_numpy(), said["start_s"].to_numpy())
    common = pd.DataFrame(np.maximum(ends - starts, 0), index=spoken["speaker"], columns=said["speaker"])
    shared = common.groupby(level=0).sum().T.groupby(level=0).sum().T.loc[names, talkers].to_numpy()
    found = {names[row]: talkers[column] for row, column in zip(*linear_sum_assignment(-shared), strict=True)}
    rest = iter(range(max(talkers) + 1, max(talkers) + 1 + len(names)))
    return {name: found[name] if name in found else next(rest) for name in names}
