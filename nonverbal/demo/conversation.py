"""What two people of a synthetic dialogue say, and when: a small grammar of prompts and answers.

An utterance takes up the one before it (`answer`), goes on with sentences, and ends with what it asks of the other
(`prompt`). The answer follows from the prompt by ANSWERS. Warmth and energy, which only motion shows, are passed on:
people mirror each other.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from nonverbal.demo.voice import Mark

# How the next utterance takes up a prompt, with what probability.
ANSWERS = {
    "start": {"tell": 1.0},
    "agreement": {"agree": 0.8, "deny": 0.2},
    "question": {"tell": 1.0},
    "joke": {"laugh": 0.9, "tell": 0.1},
    "grief": {"comfort": 0.9, "tell": 0.1},
    "pause": {"hum": 0.6, "tell": 0.4},
    "go_on": {"tell": 1.0},  # after a hum
}
PROMPTS = {"agreement": 0.28, "question": 0.20, "joke": 0.22, "grief": 0.14, "pause": 0.16}
BRIEF = 0.25  # of the answers that are more than a hum, those that say nothing else
SHORT = 0.20, 0.8  # share of hums and brief answers among all utterances, and their mean seconds, as counted
BEYOND_S = 2.5  # that opening and closing sentences add to what was drawn, as counted
SPREAD = 0.8  # standard deviation of the logarithm of the others' lengths
MIRRORED = 0.8  # of the other's warmth and energy
SYLLABLE_S, PAUSE_S, GAP_S = 0.19, (0.25, 0.6), (0.1, 0.7)  # of speech; between sentences; between utterances

SAD = {"sorry", "sad", "alone", "hurt", "lost", "gone", "terrible"}
DENYING = {"no", "not", "never", "wrong", "hardly"}
COUNTING = {"one": 1, "two": 2, "three": 3, "four": 4}
WIDE = {"huge", "big", "wide", "whole"}
NARROW = {"tiny", "small", "little", "narrow"}

WORDS = {
    "noun": "garden market kitchen river train bridge school film game book story letter team coat doctor table window",
    "place": "city village harbour station library theatre valley museum office",
    "verb": "saw built found made bought opened left remembered watched cooked painted carried",
    "adjective": "old new busy quiet strange slow cold warm simple strong modern open",
    "happy": "lovely wonderful funny delicious beautiful amazing great happy",
    "size": "huge big wide whole tiny small little narrow",
    "count": "one two three four",
    "who": "we they she he i",
}
VOCABULARY = {kind: words.split() for kind, words in WORDS.items()}
SENTENCES = {
    "plain": (
        "{who} {verb} the {adjective} {noun}", "then {who} {verb} it in the {place}", "the {noun} was {adjective}",
        "there was a {size} {noun} in the {place}", "it took {count} days to the {place}",
        "{who} had {count} of them and a {size} {noun}", "and the {noun} in the {place} was {adjective}",
    ),
    "warm": (
        "it was {happy} and we had to laugh", "i love the {happy} {noun}", "what a {happy} {place} it was",
        "yes it was {happy}", "that is true and it was {happy}",
    ),
    "cold": (
        "i am so sorry about the {noun}", "{who} lost the {adjective} {noun}", "she was sad and alone in the {place}",
        "it was never {adjective}", "they did not see the {noun}", "it was terrible and it hurt",
    ),
    "agreement": ("do you think so too", "is the {noun} not {adjective}", "did you see that too in the {place}"),
    "question": ("what did you do in the {place}", "how was the {noun} for you", "where was the {noun}"),
    "joke": ("and then the {noun} fell on the {noun} haha", "so the {noun} was in the {noun} haha how funny"),
    "grief": ("and so {who} lost the {noun}", "now the {noun} is gone and i am sad"),
    "agree": ("yes exactly", "yeah that is right", "absolutely", "sure that is true", "definitely yes"),
    "deny": ("no i never saw that", "no that is wrong", "no it was hardly so"),
    "laugh": ("haha", "haha how funny", "haha that is amazing"),
    "comfort": ("i am so sorry", "how sad", "that is terrible"),
    "hum": ("yeah", "right", "yep", "i see", "sure"),
    "tell": ("well", "so", "you see"),
}  # fmt: skip
ASKING = {"agreement", "question"}


@dataclass(frozen=True)
class Utterance:
    """What one person says without a break, in seconds from the start of the clip.

    Attributes:
        speaker: 0 or 1.
        answer: how it takes up the utterance before it, a word of ANSWERS' values.
        prompt: what it asks of the next, a key of ANSWERS.
        warmth, energy: 0..1; smiles and gestures follow them.
        words: with their times.
    """

    speaker: int
    answer: str
    prompt: str
    warmth: float
    energy: float
    words: list[Mark]

    @property
    def start_s(self) -> float:
        """When its first word begins."""
        return self.words[0].start_s

    @property
    def end_s(self) -> float:
        """When its last word ends."""
        return self.words[-1].end_s


def dialogue(length_s: float, utterance_s: float, tempo: Sequence[float], rng: np.random.Generator) -> list[Utterance]:
    """Utterances in turn until the clip is full; the last one may be cut at a word.

    Args:
        length_s: of the clip.
        utterance_s: mean length of an utterance.
        tempo: of each of the two speakers, 1 is 5.3 syllables a second.
        rng: draws everything.
    """
    said: list[Utterance] = []
    now, prompt, speaker = GAP_S[0], "start", int(rng.integers(2))
    warmth, energy = (float(mood) for mood in rng.uniform(0, 1, 2))
    share, short_s = SHORT
    mean_s = max((utterance_s - share * short_s) / (1 - share) - BEYOND_S, short_s)
    while now < length_s - 2:
        answer = _pick(ANSWERS[prompt], rng)
        warmth, energy = _mirrored(warmth, rng), _mirrored(energy, rng)
        warmth = {"laugh": max(warmth, 0.75), "comfort": min(warmth, 0.15)}.get(answer, warmth)
        brief = answer == "hum" or (answer not in ("tell", "deny") and rng.random() < BRIEF)
        prompt = "go_on" if brief else _pick(PROMPTS, rng)
        target_s = 0.0 if brief else rng.lognormal(np.log(mean_s) - SPREAD**2 / 2, SPREAD)
        words = _words(answer, prompt, warmth, now, target_s, tempo[speaker], rng)
        words = [word for word in words if word.end_s <= length_s]
        said.append(Utterance(speaker, answer, prompt, warmth, energy, words))
        now, speaker = words[-1].end_s + rng.uniform(*GAP_S), 1 - speaker
    return said


def _pick(chances: dict[str, float], rng: np.random.Generator) -> str:
    return str(rng.choice(list(chances), p=list(chances.values())))


def _mirrored(mood: float, rng: np.random.Generator) -> float:
    return float(np.clip(MIRRORED * mood + (1 - MIRRORED) * rng.uniform(-0.5, 1.5), 0, 1))


def _words(
    answer: str, prompt: str, warmth: float, start_s: float, target_s: float, tempo: float, rng: np.random.Generator
) -> list[Mark]:
    """An opening, sentences of the mood until the target is reached, and the closing that prompts the other."""
    words = _sentence(answer, start_s, tempo, rng)
    moods = {"warm": 0.45 * warmth, "cold": 0.35 * (1 - warmth)}
    moods["plain"] = 1 - sum(moods.values())
    while words[-1].end_s < start_s + target_s:
        words += _sentence(_pick(moods, rng), words[-1].end_s + rng.uniform(*PAUSE_S), tempo, rng)
    if target_s and prompt in SENTENCES:
        words += _sentence(prompt, words[-1].end_s + rng.uniform(*PAUSE_S), tempo, rng)
    return words


def _sentence(kind: str, start_s: float, tempo: float, rng: np.random.Generator) -> list[Mark]:
    """One of a kind's sentences with its blanks filled, spoken from a moment on."""
    pattern = SENTENCES[kind][rng.integers(len(SENTENCES[kind]))]
    words, now = [], start_s
    for blank in pattern.split():
        options = VOCABULARY.get(blank.strip("{}"), [blank]) if blank.startswith("{") else [blank]
        word = options[rng.integers(len(options))]
        end_s = now + max(len(syllables(word)), 1) * SYLLABLE_S / tempo * rng.uniform(0.85, 1.15)
        words.append(Mark(word, round(now, 3), round(end_s, 3)))
        now = end_s + rng.uniform(0, 0.04)
    last = words[-1]
    return [*words[:-1], Mark(last.text + ("?" if kind in ASKING else "."), last.start_s, last.end_s)]


@lru_cache(maxsize=4096)
def syllables(word: str) -> tuple[str, ...]:
    """The vowel of each syllable of a word, as far as its spelling tells: "river" has i and e."""
    return tuple(group[0].replace("y", "i") for group in re.findall("[aeiouy]+", _spoken(word)))


def _spoken(word: str) -> str:
    """A word without a final e that is not heard."""
    letters = word.strip(".?")
    return letters[:-1] if re.search("[aeiouy][^aeiouy]+e$", letters) else letters
