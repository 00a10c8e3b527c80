import numpy as np
import pandas as pd
import pytest

from nonverbal.cues.quality import quality
from nonverbal.schema import write_table


def scores(group, part, known, raw, frames=10, utterance=0):
    return {
        "clip_id": "a_000", "utterance_id": utterance, "part": part, "group": group, "frames": frames, "known": known,
        "confidence": 0.9, "jitter_raw": raw, "jitter_published": raw / 2, "jitter_adaptive": raw / 4,
    }  # fmt: skip


def made(folder, rows):
    write_table(folder / "quality.parquet", "quality", rows)
    files = {kind: folder / f"quality.{kind}" for kind in ("csv", "md", "png", "pdf")}
    quality([folder / "quality.parquet"], "adaptive", **files)
    assert all(file.stat().st_size for file in files.values())
    return pd.read_csv(files["csv"]), files["md"].read_text()


def test_utterances_count_by_their_frames_and_turns_are_degrees(tmp_path):
    table, text = made(tmp_path, [
        scores("upper_body", "body", 0.8, 0.1), scores("upper_body", "body", 0.4, 0.4, frames=30, utterance=1),
        scores("jaw", "face", 1.0, 0.2), scores("jaw", "face", 1.0, np.nan, utterance=1),
        scores("shape", "face", 0.0, np.nan),
    ])  # fmt: skip
    arms = table[table["group"] == "upper_body"].set_index("method")
    assert arms["before"].to_numpy() == pytest.approx(np.degrees((0.1 * 10 + 0.4 * 30) / 40), rel=1e-4)
    assert arms["share"].to_dict() == pytest.approx({"published": 0.5, "adaptive": 0.25})
    assert arms["known"].iloc[0] == pytest.approx(0.5) and arms["used"].to_dict() == {
        "published": "no",
        "adaptive": "yes",
    }
    jaw = table[table["group"] == "jaw"]
    assert (jaw["unit"] == "units").all() and jaw["before"].to_numpy() == pytest.approx(0.2)
    assert "shape" not in set(table["group"]) and "| jaw |" in text


def test_a_run_that_saw_nobody_has_an_empty_table_and_a_figure_that_says_so(tmp_path):
    table, _ = made(tmp_path, pd.DataFrame(columns=list(scores("jaw", "face", 1.0, 1.0))).astype({"known": float}))
    assert table.empty
