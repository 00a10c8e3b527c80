"""From a sentence to the video of its answer."""

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from nonverbal.errors import UserError
from nonverbal.layouts import PARTS
from nonverbal.talk.body import Decoder, motion_of, runs_of
from nonverbal.talk.film import Scene
from nonverbal.talk.reply import Decoding, Mars
from nonverbal.talk.schedule import Answer, Schedule, read_answer, schedule
from nonverbal.talk.voice import mix, paces, read_aloud
from nonverbal.views.figure import Figures

log = logging.getLogger("nonverbal")
LONGEST = 512  # tokens of an answer (paper)
MODEL = "mars/train_mars/ours/0/model"
TOKENIZER = "tokenizers/train_tokenizer/{part}/ours/0/model.pt"


def talk(
    results: Path,
    said: Sequence[str],
    out: Path,
    temperature: float = 0.0,
    seed: int = 0,
    new_tokens: int | None = None,
    models: Path | None = None,
    show: Callable[[str], None] = lambda _: None,
) -> None:
    """Write the video of MARS's answer, and OUT.json: its words and tokens with their times.

    Args:
        results: folder of a run that trained MARS.
        said: the user's sentence; or turns, the user's and MARS's in turn, the user's last.
        out: .mp4 to write.
        temperature: of the draws; 0 is greedy.
        seed: of the draws.
        new_tokens: longest answer; None for a quarter of what the model reads and writes, at most the paper's 512.
        models: folder of models, of which FLAME and SMPL-X are shown if they are there.
        show: called with each piece of the answer as it is made.

    Raises:
        UserError: there is no trained MARS, or it cannot answer that, or says nothing.
    """
    if out.suffix != ".mp4":
        raise UserError(f"{out} is no name for a video; write a file that ends in .mp4")
    if temperature < 0 or (new_tokens is not None and new_tokens < 1):
        raise UserError("the temperature is 0 or more, and an answer has 1 token or more")
    mars = Mars(results / MODEL)
    decoders = {part: load_decoder(results / TOKENIZER.format(part=part)) for part in PARTS}
    decoding = Decoding(new_tokens or min(LONGEST, mars.length // 4), temperature)
    text = ""
    for piece in mars.answer(said, decoding, seed):
        show(piece)
        text += piece
    show("\n")
    answer = read_answer(text)
    if not answer.words and not answer.pairs:
        raise UserError("MARS answered nothing; try --temperature 1, or another sentence or seed")
    if not answer.pairs:
        log.info("the answer has no motion token: the avatar stays at rest, in grey")
    readings = read_aloud(answer.words)
    times = schedule(answer, paces(readings))
    samples, ends = mix(readings, times.starts, times.frames)
    motion = motion_of(runs_of(answer, times), times.frames, decoders)
    Scene(said[-1], answer, times, ends, motion, Figures(models)).write(out, samples)
    out.with_suffix(".json").write_text(
        json.dumps(told(text, answer, times, ends), indent=1, ensure_ascii=False) + "\n"
    )


def load_decoder(path: Path) -> Decoder:
    """A part's tokenizer.

    Raises:
        UserError: there is none.
    """
    if not path.is_file():
        raise UserError(f"there is no trained tokenizer at {path}: run `snakemake tokenizers`, or `make demo`, first")
    return Decoder.load(path)


def told(text: str, answer: Answer, times: Schedule, ends: list[float]) -> dict:
    """The answer with its times: words in seconds, pairs by their first frame."""
    words = zip(answer.words, times.starts, ends, strict=True)
    pairs = zip(times.firsts, answer.pairs, strict=True)
    return {
        "raw": text,
        "frames": times.frames,
        "words": [{"word": word, "start_s": round(start, 3), "end_s": round(end, 3)} for word, start, end in words],
        "motion": [{"first_frame": first, "face": face, "body": body} for first, (face, body) in pairs],
    }
