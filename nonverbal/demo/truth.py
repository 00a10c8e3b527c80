"""One table of what the embedded backends got right, stage by stage, against the demonstration's truth."""

import logging
from collections.abc import Sequence
from pathlib import Path

from nonverbal.demo.known import Known
from nonverbal.demo.score import Score, write_scores
from nonverbal.demo.score_cues import body_scores, condition_scores, face_scores, position_scores, valid_scores
from nonverbal.demo.score_filters import filter_scores
from nonverbal.demo.score_seen import assignment_score, seen_scores
from nonverbal.demo.score_speech import diarization_scores, word_scores
from nonverbal.demo.score_studio import studio_scores
from nonverbal.demo.true_cues import true_cues

log = logging.getLogger("nonverbal")


def truth(
    known: list[Path], channels: Path, keep_people: list[Path], download: list[Path], clips: list[Path],
    keep_two_speakers: list[Path], keep_language: list[Path], keep_visible: list[Path], keep_safe: list[Path],
    turns: list[Path], transcript: list[Path], languages: list[Path], words: list[Path], utterances: list[Path],
    tracks: list[Path], active_speaker: list[Path], crops: list[Path], face: list[Path], body: list[Path],
    csv: Path, md: Path, length_s: float, side_voices: Sequence[Path] = (), side_turns: Sequence[Path] = (),
    side_heard: Sequence[Path] = (), script_lines: Sequence[Path] = (), published: Sequence[Path] = (),
    scripts: Sequence[Path] = (),
) -> None:  # fmt: skip
    """Score every stage and write the table.

    Args:
        known: the truth folders of the corpus.
        channels, ..., body: tables of those names, of all shards; face and body are the smoothed ones.
        csv, md: files to write.
        length_s: seconds a clip.
        side_voices, side_turns, side_heard, script_lines, published: tables of those names, where there are recordings.
        scripts: what the actors were given.
    """
    corpus = Known(known, channels, clips)
    decisions = {
        "channels": [channels], "keep_people": keep_people, "download": download, "clips": clips,
        "keep_two_speakers": keep_two_speakers, "keep_language": keep_language, "keep_visible": keep_visible,
        "keep_safe": keep_safe,
    }  # fmt: skip
    studio = {
        "side_voices": side_voices, "side_turns": side_turns, "side_heard": side_heard, "script_lines": script_lines,
        "published": published,
    }  # fmt: skip
    faces = true_cues(corpus, utterances, crops, face, "face")
    bodies = true_cues(corpus, utterances, crops, body, "body")
    scores = [
        *filter_scores(corpus, decisions, length_s),
        *diarization_scores(corpus, turns),
        *word_scores(corpus, transcript, languages, words),
        *studio_scores(corpus, studio, scripts),
        *seen_scores(corpus, tracks, active_speaker),
        assignment_score(corpus, utterances, crops),
        *face_scores(faces),
        *body_scores(bodies),
        *position_scores(bodies),
        *valid_scores(faces, bodies),
        *condition_scores(faces, bodies),
    ]
    write_scores(scores, csv, md)
    report(scores)


def report(scores: list[Score]) -> None:
    """Log what fell short."""
    short = [score for score in scores if score.reached == "no"]
    log.info(
        "%d of %d targets reached",
        sum(score.reached == "yes" for score in scores),
        sum(bool(s.reached) for s in scores),
    )
    for score in short:
        log.warning("%s, %s: %.4g, target %s", score.stage, score.metric, score.value, score.target)
