"""Tokens a second of preparing MARS's samples: chat template, tokenizer, packing, and batches of packed sequences.

Run from the repository's root: python benchmarks/mars_records.py [--minutes 600] [--length 4096]
Dialogues are made: words of the demonstration's kind, 2.5 a second, and a FACE and a BODY token each 8 frames, in turns
of about 20 s, in the paper's single exchange (each turn is tokenized as context and as answer) and with all of the clip
as context. Rates are tokens of the samples made, a second; `both` is what a training waits for, the last of a second of
processor time, which does not depend on what else the machine does. TOKENIZERS_PARALLELISM=true uses all cores.
"""

import argparse
import random
import time
from collections.abc import Iterator

from nonverbal.layouts import PARTS
from nonverbal.mars.base import add_motion_tokens, tiny_model, tiny_tokenizer
from nonverbal.mars.encode import Encoded, encode_records
from nonverbal.mars.interleave import interleave, motion_events, render, word_events
from nonverbal.mars.packing import collate, pack
from nonverbal.mars.sequences import Turn, decide
from nonverbal.mars.settings import Sequences, Tiny

WORDS_A_SECOND, TURN_S, CLIP_S, CODES = 2.5, 20.0, 600.0, 512
LETTERS = "etaoinshrdlu"


def conversation(rng: random.Random, vocabulary: list[str]) -> list[Turn]:
    """A clip of two people who take turns."""
    turns: list[Turn] = []
    start = 0.0
    while start < CLIP_S:
        end = start + rng.uniform(0.2, 1.8) * TURN_S
        words = [
            (rng.choice(vocabulary), start + i / WORDS_A_SECOND) for i in range(int((end - start) * WORDS_A_SECOND))
        ]
        groups = range(int(start * 25), int(end * 25), 8)
        face, body = (motion_events(part, [(groups[0], rng.choices(range(CODES), k=len(groups)))]) for part in PARTS)
        text = render(interleave(word_events(words), face, body))
        turns.append(Turn(len(turns), len(turns) % 2, text, len(words), len(face), len(body), False))
        start = end
    return turns


def records(clips: list[list[Turn]], context_turns: int | None) -> Iterator[dict]:
    """All records of the clips."""
    settings = Sequences(context_turns=context_turns, turn_marks=False)
    for number, turns in enumerate(clips):
        for i in range(len(turns)):
            _, record = decide(f"clip{number}", turns, i, "train", settings)
            if record:
                yield record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=600, help="of dialogue")
    parser.add_argument("--length", type=int, default=4096)
    args = parser.parse_args()
    rng = random.Random(0)
    vocabulary = ["".join(rng.choices(LETTERS, k=rng.randint(2, 9))) for _ in range(2000)]
    clips = [conversation(rng, vocabulary) for _ in range(max(1, args.minutes * 60 // int(CLIP_S)))]
    tokenizer = tiny_tokenizer(iter(vocabulary), 2048)
    small = Tiny(layers=1, width=32, heads=2, vocabulary=2048)
    add_motion_tokens(
        tiny_model(small, tokenizer, args.length, 0), tokenizer, dict.fromkeys(PARTS, CODES), False, "tiny"
    )
    print("| context | samples | tokens | tokenizing | packing, batches | both | a CPU second | sequences | filled |")
    print("|---|---|---|---|---|---|---|---|---|")
    for context in (1, None):
        made = list(records(clips, context))
        began, processor = time.perf_counter(), time.process_time()
        samples = [one for _, one in encode_records(made, tokenizer, args.length) if isinstance(one, Encoded)]
        encoded = time.perf_counter()
        packs = pack(samples, args.length)
        for i in range(0, len(packs), 8):
            collate(packs[i : i + 8], tokenizer.pad_token_id)
        packed = time.perf_counter()
        tokens = sum(len(one.ids) for one in samples)
        spans = encoded - began, packed - encoded, packed - began, time.process_time() - processor
        speeds = " | ".join(f"{tokens / span:,.0f}" for span in spans)
        filled = tokens / (len(packs) * args.length)
        name = "one turn" if context else "all of the clip"
        print(f"| {name} | {len(samples)} | {tokens:,} | {speeds} | {len(packs)} | {filled:.1%} |", flush=True)


if __name__ == "__main__":
    main()
