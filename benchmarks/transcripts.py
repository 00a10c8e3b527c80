"""How right words and their times are: the embedded transcriber with captions of many faults, and without any.

Run from the repository's root: python benchmarks/transcripts.py [--media FOLDER] [--clips 12]
Two kinds of sound. `synthetic`: dialogues of two espeak-ng voices, cut to 10 s, whose word times are exactly known.
`real`: four LibriSpeech sentences and an old speech (librispeech/*.wav and .normalized.txt, jfk_11s.flac in FOLDER);
nobody has set their word times by hand, so starts are compared with the forced alignment of the exact text as one
caption: that says what a fault costs, not how good the alignment is. Errors of starts are of words that are right.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import jiwer
import numpy as np
import yaml

from nonverbal.demo.score_speech import Heard, matched, plain
from nonverbal.demo.settings import Voice
from nonverbal.demo.voice import speak
from nonverbal.media import SAMPLE_RATE, read_audio, run_ffmpeg
from nonverbal.speech.captions import Cue
from nonverbal.speech.embedded_transcriber import EmbeddedTranscriber
from nonverbal.speech.settings import Transcribe
from nonverbal.speech.transcript import Spoken

ROOT = Path(__file__).resolve().parents[1]
LENGTH_S = 10.0
CUE_WORDS = 6
JFK = "And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country."
VOICES = (
    ("en-us+iven", "en-us+anika"), ("en-us+Michael", "en-us+shelby"), ("en-us+edward", "en-us+Alicia"),
    ("en-us+Andy", "en-us+Annie"), ("en-us+Storm", "en-us+belinda"), ("en-us+max", "en-us+linda"),
)  # fmt: skip
LINES = (
    "The next question comes from one of our listeners.",
    "Go ahead, I am ready for anything.",
    "Do you believe that machines will ever draw better maps?",
    "Exactly, that is when you find something new.",
    "So tell me, which seeds did you plant first?",
    "The frost here can return until the middle of May.",
    "My father repaired clocks, and nobody in the village was ever late.",
    "What would you say to somebody who starts tomorrow?",
    "Read slowly, write every day, and throw half of it away.",
    "We recorded this conversation before the river rose.",
)


@dataclass(frozen=True)
class Clip:
    """Sound, its true words in time, and captions without a fault."""

    samples: np.ndarray
    words: list[Heard]
    cues: list[Cue]


def synthetic(count: int) -> Iterator[Clip]:
    """Dialogues that begin and end anywhere in a line."""
    generator = np.random.default_rng(0)
    for number in range(count):
        order = generator.permutation(len(LINES))
        voices, sound, marks = VOICES[number % len(VOICES)], [], []
        now = 0.0
        for turn, line in enumerate(order):
            speech = speak(LINES[line], Voice(name=voices[turn % 2]))
            marks += [(mark.text, now + mark.start_s, now + mark.end_s) for mark in speech.words]
            pause = np.zeros(round(generator.uniform(0.1, 0.5) * SAMPLE_RATE), np.float32)
            sound += [0.6 * speech.samples, pause]
            now += (len(speech.samples) + len(pause)) / SAMPLE_RATE
        begin = generator.uniform(0.2, 3)
        samples = np.concatenate(sound)[round(begin * SAMPLE_RATE) :][: round(LENGTH_S * SAMPLE_RATE)]
        marks = [(text, start - begin, end - begin) for text, start, end in marks]
        inside = [Heard(plain(text), 0, start) for text, start, end in marks if 0 <= (start + end) / 2 < LENGTH_S]
        groups = [marks[i : i + CUE_WORDS] for i in range(0, len(marks), CUE_WORDS)]
        cues = [Cue(group[0][1], group[-1][2], tuple(text for text, *_ in group)) for group in groups]
        yield Clip(samples, inside, [cue for cue in cues if cue.end_s > 0 and cue.start_s < LENGTH_S])


def real(media: Path, transcriber: EmbeddedTranscriber) -> Iterator[Clip]:
    """The recordings with their text; times are those of its alignment as one caption."""
    texts = {path: path.with_suffix(".normalized.txt") for path in sorted((media / "librispeech").glob("*.wav"))}
    named = {path: text.read_text().strip() for path, text in texts.items()} | {media / "jfk_11s.flac": JFK}
    for path, text in named.items():
        with tempfile.TemporaryDirectory() as folder:
            run_ffmpeg("-i", str(path), "-ar", str(SAMPLE_RATE), "-ac", "1", f"{folder}/sound.wav")
            samples = read_audio(Path(folder) / "sound.wav")
        whole = [Cue(0, len(samples) / SAMPLE_RATE, tuple(text.split()))]
        words = transcriber(Spoken(samples, whole, "en", "en")).words
        groups = [words[i : i + CUE_WORDS] for i in range(0, len(words), CUE_WORDS)]
        cues = [Cue(group[0].start_s, group[-1].end_s, tuple(word.word for word in group)) for group in groups]
        yield Clip(samples, [Heard(plain(word.word), 0, word.start_s) for word in words], cues)


Fault = Callable[[list[Cue], np.random.Generator], list[Cue]]


def moved(by_s: float, spread_s: float) -> Fault:
    """Every caption earlier or later."""
    return lambda cues, generator: [cue.shifted(-by_s - generator.normal(0, spread_s)) for cue in cues]


def words_changed(change: Callable[[str, np.random.Generator], tuple[str, ...]]) -> Fault:
    """Every tenth word becomes other words, or none."""

    def fault(cues: list[Cue], generator: np.random.Generator) -> list[Cue]:
        changed = [
            [word for old in cue.words for word in (change(old, generator) if generator.random() < 0.1 else (old,))]
            for cue in cues
        ]
        return [replace(cue, words=tuple(words)) for cue, words in zip(cues, changed, strict=True) if words]

    return fault


def joined(cues: list[Cue], generator: np.random.Generator) -> list[Cue]:
    """One caption for everything, as transcripts without times have it."""
    return [Cue(cues[0].start_s, cues[-1].end_s, tuple(word for cue in cues for word in cue.words))]


def rolled(cues: list[Cue], generator: np.random.Generator) -> list[Cue]:
    """Captions that stay until the next one comes."""
    ends = [cue.start_s for cue in cues[1:]] + [cues[-1].end_s]
    return [replace(cue, end_s=max(cue.end_s, end)) for cue, end in zip(cues, ends, strict=True)]


OTHER = ("really", "well", "people", "again", "something", "the", "know")
FAULTS: dict[str, Fault] = {
    "exact, six words each": lambda cues, generator: cues,
    "one for all": joined,
    "each stays until the next": rolled,
    "moved by 0.2 s (standard deviation)": moved(0, 0.2),
    "0.5 s late": moved(0.5, 0),
    "0.5 s early": moved(-0.5, 0),
    "one word in ten left out": words_changed(lambda word, generator: ()),
    "one word in ten another": words_changed(lambda word, generator: (str(generator.choice(OTHER)),)),
    "one word in ten said twice": words_changed(lambda word, generator: (word, word)),
    "moved by 0.2 s, one word in ten another": lambda cues, generator: FAULTS["one word in ten another"](
        moved(0, 0.2)(cues, generator), generator
    ),
    "none: decoded": lambda cues, generator: [],
}


def measure(clips: list[Clip], fault: Fault, transcriber: EmbeddedTranscriber) -> str:
    """Cells of the table: words, word error rate, starts, processor time a minute."""
    generator = np.random.default_rng(1)
    truth, found, errors = [], [], []
    started = time.process_time()
    for clip in clips:
        cues = fault(clip.cues, generator)
        result = transcriber(Spoken(clip.samples, cues, "en", "en" if cues else ""))
        heard = [Heard(plain(word.word), 0, word.start_s) for word in result.words]
        heard = [one for one in heard if one.word]
        errors += [abs(a.start_s - b.start_s) for a, b in matched(clip.words, heard)]
        truth.append(" ".join(one.word for one in clip.words))
        found.append(" ".join(one.word for one in heard))
    spent = (time.process_time() - started) / (sum(len(clip.samples) for clip in clips) / SAMPLE_RATE / 60)
    median, most = 1000 * np.percentile(errors, (50, 95)) if errors else (np.nan, np.nan)
    words = sum(len(clip.words) for clip in clips)
    rate = jiwer.wer(truth, found)
    return f"{words} | {rate:.3f} | {median:.0f} ms | {most:.0f} ms | {spent:.1f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, default=ROOT.parent / "shared" / "media")
    parser.add_argument("--clips", type=int, default=12, help="synthetic ones")
    parser.add_argument("--only", default="", help="part of a row's name")
    args = parser.parse_args()
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    transcriber = EmbeddedTranscriber(Transcribe.model_validate(config["speech"]["transcribe"]))
    sounds = {"synthetic": list(synthetic(args.clips))}
    if args.media.is_dir():
        sounds["real"] = list(real(args.media, transcriber))
    print("| sound | captions | words | word error rate | starts, median | 95 % within | processor time a minute |")
    print("|---|---|---|---|---|---|---|")
    for sound, clips in sounds.items():
        for name, fault in FAULTS.items():
            if args.only in f"{sound} {name}":
                print(f"| {sound} | {name} | {measure(clips, fault, transcriber)} |", flush=True)


if __name__ == "__main__":
    main()
