"""A small made corpus for the mars stage: two people take turns, and each motion code follows the word being said."""

import logging
import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from nonverbal.layouts import PARTS, floor_frame
from nonverbal.mars.base import base
from nonverbal.mars.sequences import sequences
from nonverbal.mars.settings import Base, Sequences, Tiny, Training
from nonverbal.schema import TABLES, write_table

CODES = 16
WORDS = ("yes", "no", "maybe", "really", "rain", "sun", "music", "film")


@dataclass(frozen=True)
class Corpus:
    """Where the tables and the records made from them lie."""

    root: Path

    @property
    def tables(self) -> dict[str, list[Path] | Path]:
        shards = [self.root / f"{shard:05d}" for shard in range(2)]
        many = {name: [shard / f"{name}.parquet" for shard in shards] for name in ("words", "utterances", "safety")}
        return many | {name: self.root / f"{name}.parquet" for name in (*PARTS, "split")}

    @property
    def records(self) -> dict[str, Path]:
        return {split: self.root / f"{split}.jsonl" for split in ("train", "validation", "test")}

    @property
    def outputs(self) -> dict[str, Path | list[Path]]:
        """All that `sequences` writes."""
        parquet = [path.with_suffix(".parquet") for path in self.records.values()]
        return {
            **self.records,
            "tables": [p.with_name(f"chats_{p.name}") for p in parquet],
            "answers": self.root / "answers.parquet",
        }

    def make(self, codes: int = 512, **settings: int | bool | None) -> None:
        """Run `sequences` on the tables, with the paper's settings but those given."""
        chosen = Sequences.model_validate({"context_turns": 1, "turn_marks": False} | settings)
        sequences(**self.tables, **self.outputs, settings=chosen, face_codes=codes, body_codes=codes)


class Tables:
    """Rows of all tables that `sequences` reads; `write` fills what a test did not say."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict]] = {name: [] for name in ("words", "utterances", "safety", *PARTS, "split")}

    def clip(self, clip_id: str, split: str) -> None:
        self.rows["split"].append({"clip_id": clip_id, "video_id": clip_id[:-4], "split": split})

    def utterance(
        self,
        clip_id: str,
        number: int,
        words: list[tuple[str, float]],
        end_s: float,
        speaker: int | None = None,
        harmful: bool = False,
        start_s: float = 0.0,
        runs: dict[str, list[tuple[int, list[int]]]] | None = None,
    ) -> None:
        """Words with their starts; `runs` of codes by part."""
        key = {"clip_id": clip_id, "utterance_id": number, "speaker": number % 2 if speaker is None else speaker}
        times = {"start_s": words[0][1] if words else start_s, "end_s": end_s}
        self.rows["utterances"].append(key | times | {"text": " ".join(word for word, _ in words)})
        self.rows["safety"].append(key | times | {"harmful": harmful})
        for word, start in words:
            index = sum(row["clip_id"] == clip_id for row in self.rows["words"])
            self.rows["words"].append(key | {"word_index": index, "word": word, "start_s": start, "end_s": start + 0.1})
        for part, parts in (runs or {}).items():
            for first, codes in parts:
                self.rows[part].append(
                    key | {"first_frame": first, "frames": 8 * len(codes), "tokens": codes, "split": ""}
                )

    def write(self, root: Path) -> Corpus:
        corpus = Corpus(root)
        clips = [row["clip_id"] for row in self.rows["split"]]
        for name in ("words", "utterances", "safety"):
            for shard, path in enumerate(corpus.tables[name]):
                mine = [row for row in self.rows[name] if row["clip_id"] in clips[shard::2]]
                write_table(path, name, [complete(name, row) for row in mine])
        for part in PARTS:
            write_table(corpus.tables[part], "tokens", [complete("tokens", row) for row in self.rows[part]])
        write_table(corpus.tables["split"], "split", [complete("split", row) for row in self.rows["split"]])
        return corpus


def complete(table: str, row: dict) -> dict:
    """The table's columns, those the row lacks as an empty value of their type."""
    empty = {"string": "", "int64": 0, "double": 0.0, "bool": False}
    return {field.name: row.get(field.name, empty.get(str(field.type))) for field in TABLES[table]}


def talk(tables: Tables, clip_id: str, rng: random.Random, utterances: int = 4) -> None:
    """A conversation in which the code of a group is the place of the last word in WORDS (body: doubled)."""
    start = 0.4
    for number in range(utterances):
        words = [(rng.choice(WORDS), round(start + 0.4 * i, 3)) for i in range(rng.randint(4, 7))]
        end = words[-1][1] + 0.3
        frames = range(floor_frame(start), floor_frame(end) + 1, 8)
        said = [max((s, w) for w, s in words if floor_frame(s) <= frame)[1] for frame in frames]
        codes = [WORDS.index(word) for word in said]
        runs = {"face": [(frames[0], codes)], "body": [(frames[0], [2 * code for code in codes])]}
        tables.utterance(clip_id, number, words, end, runs=runs)
        start = end + 0.4


@pytest.fixture
def tables() -> Tables:
    return Tables()


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """24 conversations of four utterances, with their records."""
    made, rng = Tables(), random.Random(1)
    for i in range(24):
        clip_id = f"video{i:06d}_000"
        made.clip(clip_id, "test" if i % 4 == 3 else "validation" if i % 8 == 6 else "train")
        talk(made, clip_id, rng)
    corpus = made.write(tmp_path_factory.mktemp("mars"))
    corpus.make(CODES)
    return corpus


@pytest.fixture(scope="session")
def base_settings() -> Base:
    return Base(name="tiny", new_rows="mean", tiny=Tiny(layers=1, width=32, heads=2, vocabulary=400))


@pytest.fixture(scope="session")
def training() -> Training:
    return Training(
        length=256, batch=8, micro_batch=4, epochs=3, learning_rate=3e-3, weight_decay=0.1, warm_up=0.1, clip=1.0,
        loss="all", packing=False, lora=None, attention="sdpa", gradient_checkpointing=False, liger=True, processes=1,
        nodes=1, fsdp=False, threads=1, checkpoint_steps=4, validation=100, patience=None,
    )  # fmt: skip


@pytest.fixture(scope="session")
def tiny(corpus: Corpus, base_settings: Base, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an untrained tiny model."""
    logging.getLogger("nonverbal").setLevel(logging.INFO)
    folder = tmp_path_factory.mktemp("base")
    sizes = {"face_codes": CODES, "body_codes": CODES, "turn_marks": False, "length": 256}
    base(corpus.records["train"], [], [], folder / "model", folder / "base.json", base_settings, **sizes, seed=5)
    return folder / "model"
