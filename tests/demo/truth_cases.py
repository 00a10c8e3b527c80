"""A run of the demonstration that made no mistake, in tables a test can change."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nonverbal.demo.truth import truth
from nonverbal.demo.truth_files import FRAMES, Body, SpokenTurn, Truth, Word, write_truth
from nonverbal.layouts import BODY_FEATURES, FACE_FEATURES, OPEN_FACE
from nonverbal.schema import TABLES, write_table

SKIP_S, CLIP_S, LENGTH_S = 2.0, 4.0, 11.0
BAD = {
    "early": ("channels", "before_first_date"),
    "missing": ("download", "not_found"),
    "alone": ("keep_two_speakers", "one_speaker"),
}
PARTS = ("face", "left_forearm", "right_forearm", "left_hand", "right_hand")
PICTURES = {"visible": True, "shot": "wide", "head_turn": 5.0, **{f"{part}_seen": 1.0 for part in PARTS}}
RNG = np.random.default_rng(1)
BODIES = [Body(RNG.normal(scale=0.1, size=(52, 3)).tolist(), angle) for angle in (0.3, 0.4)]


def spoken(person: int, start_s: float) -> SpokenTurn:
    words = [
        Word(text, start_s + 0.3 * i, start_s + 0.3 * i + 0.3)
        for i, text in enumerate(("Well,", f"it's{person}", "so."))
    ]
    return SpokenTurn(person, words[0].start_s, words[-1].end_s, " ".join(w.text for w in words), words)


def true_frames(turns: list[SpokenTurn], rng: np.random.Generator) -> pa.Table:
    rows = []
    for frame in range(round(LENGTH_S * 25)):
        for person in (0, 1):
            speaking = any(t.person == person and t.start_s <= (frame + 0.5) / 25 < t.end_s for t in turns)
            x = 100 + 200 * person
            rows.append(
                {"frame": frame, "person": person, "speaking": speaking, **PICTURES}
                | dict(zip(("face_x0", "face_y0", "face_x1", "face_y1"), (x, 50, x + 40, 100), strict=True))
                | dict(
                    zip(("person_x0", "person_y0", "person_x1", "person_y1"), (x - 40, 40, x + 80, 300), strict=True)
                )
                | {"actions": rng.random(OPEN_FACE.dim), "body": 0.3 * rng.normal(size=BODY_FEATURES)}
            )
    return pa.Table.from_pylist(rows, schema=FRAMES)


class Run:
    """The corpus and the tables of a run without a mistake; `write` hands them to the files the score reads."""

    def __init__(self, folder: Path) -> None:
        self.folder, rng = folder, np.random.default_rng(0)
        self.turns = [spoken(i % 2, 0.5 + 1.2 * i) for i in range(8)]
        self.frames = {}
        for key in ("good", "shared", *BAD):
            channels = ["a", "b"] if key == "shared" else ["a"]
            table, reason = BAD.get(key, ("", ""))
            self.frames[key] = true_frames(self.turns, rng)
            known = Truth(key, key, key, channels, ["x", "y"], "en", LENGTH_S, table, reason, self.turns, BODIES)
            write_truth(folder / "truth" / key, known, self.frames[key])
        self.tables = {"channels": self.listed(), "clips": self.clips()}
        self.decide()
        self.hear()
        self.see()

    def listed(self) -> pd.DataFrame:
        listed = [("a", key) for key in ("good", "shared", *BAD)] + [("b", "shared")]
        rows = [
            {
                "video_id": f"id_{key}", "channel_id": channel, "url": f"http://localhost/pages/{key}.html",
                "title": key, "uploaded": "", "duration_s": LENGTH_S, "thumbnail_url": "",
                "reason": "duplicate" if channel == "b" else "before_first_date" if key == "early" else "",
            }
            for channel, key in listed
        ]  # fmt: skip
        return decided(rows)

    def clips(self) -> pd.DataFrame:
        rows = []
        for key in ("good", "shared", "alone"):
            for i in range(3):  # the last is the rest: 1 s
                start = SKIP_S + i * CLIP_S
                rows.append({
                    "clip_id": f"id_{key}_{i:03d}", "video_id": f"id_{key}", "channel_id": "a", "segment_id": i,
                    "start_s": start, "end_s": min(start + CLIP_S, LENGTH_S), "frames": 100, "width": 640,
                    "height": 360, "video": "", "audio": "", "loudness_dbfs": -20.0,
                    "reason": "" if i < 2 else "too_short",
                })  # fmt: skip
        return decided(rows)

    def decide(self) -> None:
        videos = [{"video_id": f"id_{key}", "reason": ""} for key in ("good", "shared", "missing", "alone")]
        self.tables["keep_people"] = decided(videos)
        extra = {c: "" for c in TABLES["download"].names if c not in ("video_id", "kept", "reason", "detail")}
        numbers = dict.fromkeys(("duration_s", "fps"), 1.0) | dict.fromkeys(("width", "height"), 1)
        self.tables["download"] = decided(
            [extra | numbers | row | {"reason": "not_found" if "missing" in row["video_id"] else ""} for row in videos]
        )
        kept = self.tables["clips"].query("kept")["clip_id"]
        self.tables["keep_two_speakers"] = decided(
            [{"clip_id": c, "reason": "one_speaker" if "alone" in c else ""} for c in kept]
        )
        self.good = [c for c in kept if "alone" not in c]
        for name in ("keep_language", "keep_visible", "keep_safe"):
            self.tables[name] = decided([{"clip_id": c, "reason": ""} for c in self.good])

    def hear(self) -> None:
        turns, words, utterances = [], [], []
        for clip in self.good:
            start = SKIP_S + CLIP_S * int(clip[-1])
            for number, turn in enumerate(t for t in self.turns if t.end_s > start and t.start_s < start + CLIP_S):
                times = {"start_s": max(turn.start_s - start, 0), "end_s": min(turn.end_s - start, CLIP_S)}
                turns.append({"clip_id": clip, "speaker": 1 - turn.person, **times})
                said = [w for w in turn.words if start <= (w.start_s + w.end_s) / 2 < start + CLIP_S]
                utterance = {"clip_id": clip, "utterance_id": number, "speaker": 1 - turn.person}
                utterances.append({**utterance, "text": turn.text, **times, "words": len(said)})
                words += [
                    {"word_index": 0, "word": w.text, "start_s": w.start_s - start, "end_s": w.end_s - start}
                    | utterance
                    | {"confidence": 1.0, "interpolated": False}
                    for w in said
                ]
        self.tables |= {name: pd.DataFrame(rows) for name, rows in (("turns", turns), ("utterances", utterances))}
        for name in ("transcript", "words"):
            self.tables[name] = pd.DataFrame(words)[TABLES[name].names]
        language = {"language": "en", "score": 1.0, "source": "container", "words": 9, "words_source": "captions"}
        self.tables["languages"] = pd.DataFrame([{"clip_id": clip, **language} for clip in self.good])

    def see(self) -> None:
        parts = []
        for clip in self.good:
            first = round(25 * (SKIP_S + CLIP_S * int(clip[-1])))
            seen = self.frames[clip.split("_")[1]].to_pandas()
            seen = seen[seen["frame"].between(first, first + 99)]
            parts.append(seen.assign(clip_id=clip, frame=seen["frame"] - first))
        seen = pd.concat(parts, ignore_index=True)
        seen = seen.assign(track_id=seen["person"], score=np.where(seen["speaking"], 1.0, -1.0), mouth_open=0.1)
        seen = seen.assign(face=seen["score"], speaker=1 - seen["person"], confidence=0.9)
        seen["shot"], seen["camera"], seen["facing"] = 0, 0, 0.0
        seen["descriptor"] = [np.zeros(32, np.float32)] * len(seen)
        self.tables["tracks"] = seen[TABLES["tracks"].names]
        self.tables["active_speaker"] = seen[TABLES["active_speaker"].names]
        rows = seen.merge(self.tables["utterances"].rename(columns={"speaker": "said"}), on="clip_id")
        inside = rows["frame"].between(rows["start_s"] * 25, rows["end_s"] * 25) & (rows["person"] == 1 - rows["said"])
        rows = rows[inside].assign(speaker=lambda table: table["said"], valid=True, reason="", confidence=1.0)
        self.tables["crops"] = rows[TABLES["crops"].names]
        for name, features in (("face", self.face(rows["actions"])), ("body", list(rows["body"]))):
            self.tables[name] = rows.assign(features=features)[TABLES[name].names]

    @staticmethod
    def face(actions: pd.Series) -> list[np.ndarray]:
        features = np.full((len(actions), FACE_FEATURES), np.nan, np.float32)
        features[:, OPEN_FACE.index] = np.stack(actions.to_list())
        return list(features)

    def score(self) -> pd.DataFrame:
        paths = {}
        for name, table in self.tables.items():
            write_table(self.folder / f"{name}.parquet", name, table)
            paths[name] = [self.folder / f"{name}.parquet"]
        paths["channels"] = paths["channels"][0]
        csv, md = self.folder / "truth.csv", self.folder / "truth.md"
        known = sorted((self.folder / "truth").iterdir())
        truth(known=known, **paths, csv=csv, md=md, length_s=CLIP_S)
        return pd.read_csv(csv, keep_default_na=False).set_index("metric")


def decided(rows: list[dict]) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    return table.assign(kept=table["reason"] == "", detail="")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def value(table: pd.DataFrame, metric: str) -> float:
    return float(table.loc[metric, "value"])
