"""Figures of the tokenizers: codes by use, curves and errors by group, from what evaluate_tokenizer writes."""

import json
from pathlib import Path

import numpy as np
import pytest

from nonverbal.layouts import FLAME_FACE, OPEN_FACE, SMPLX_BODY, Layout
from nonverbal.schema import write_table
from nonverbal.tokenizers.codebooks import codebooks, drawn, sorted_use
from nonverbal.tokenizers.reconstruction import read_curves, reconstruction

ROWS = {"guo_2024": {"label": "Guo", "group": "baseline"}, "dim_8": {"label": "8", "group": "dim"}}
TRAINED = {part: {"ours": "ours", "guo_2024": "guo_2024", "dim_8": "ours"} for part in ("face", "body")}


def result(layout: Layout, row: str, repeat: int, counts: list[list[int]]) -> dict:
    errors = {f"mae_{group}": 0.1 * (1 + repeat) for group in layout.trained}
    return {
        "row": row, "repeat": repeat, "layout": layout.name, "model": errors,
        "constant_median": dict.fromkeys(errors, 0.4),
        "codebook": {"counts": counts, "used": 3.0, "perplexity": 2.5},
    }  # fmt: skip


def decoded(path: Path, layout: Layout, frames: int = 40) -> Path:
    truth = np.tile(np.linspace(0, 0.5, frames, dtype=np.float32)[:, None], layout.dim)
    truth[5:8] = np.nan
    rows = [
        {"clip_id": "a_000", "utterance_id": 1, "frame": 10 + i, "truth": list(truth[i]), "made": [0.25] * layout.dim}
        for i in range(frames)
    ]
    write_table(path, "decoded", rows)
    return path


def measured(folder: Path, layout: Layout) -> list[Path]:
    paths = []
    for row, counts in (("ours", [[5, 0, 1, 2]]), ("guo_2024", [[4, 4, 0, 0], [0, 0, 0, 8]])):
        for repeat in range(2):
            paths.append(folder / f"{layout.name}-{row}-{repeat}.json")
            paths[-1].write_text(json.dumps(result(layout, row, repeat, counts)))
    return paths


def test_codes_are_sorted_by_use_in_even_shares_over_seeds_and_quantizers() -> None:
    one = result(OPEN_FACE, "ours", 0, [[0, 6, 2, 0]])
    assert sorted_use([one]) == pytest.approx([3, 1, 0, 0])
    two = result(OPEN_FACE, "ours", 1, [[1, 1, 1, 1], [0, 0, 4, 0]])
    assert sorted_use([one, two]) == pytest.approx(np.mean([[3, 1, 0, 0], [1, 1, 1, 1], [4, 0, 0, 0]], axis=0))


def test_figures_show_ours_and_the_baselines() -> None:
    assert drawn(ROWS) == {"ours": "ours", "guo_2024": "Guo"}


@pytest.mark.parametrize("face", [OPEN_FACE, FLAME_FACE], ids=["open_face", "flame"])
def test_both_figures_are_drawn_and_the_same_bytes_again(face: Layout, tmp_path: Path) -> None:
    paths = [measured(tmp_path, layout) for layout in (face, SMPLX_BODY)]
    shown = [decoded(tmp_path / f"{layout.name}.parquet", layout) for layout in (face, SMPLX_BODY)]
    made = []
    for number in range(2):
        files = [tmp_path / f"{name}{number}.{kind}" for name in "cr" for kind in ("png", "pdf")]
        codebooks(*paths, ROWS, TRAINED, *files[:2])
        reconstruction(*paths, *shown, ROWS, TRAINED, *files[2:])
        made.append([file.read_bytes() for file in files])
    assert made[0] == made[1] and all(made[0])


def test_curves_are_in_readable_units_with_gaps_where_nothing_is_known(tmp_path: Path) -> None:
    jaw, smile = read_curves(decoded(tmp_path / "f.parquet", OPEN_FACE), OPEN_FACE)
    nod, _ = read_curves(decoded(tmp_path / "b.parquet", SMPLX_BODY), SMPLX_BODY)
    assert (jaw[0], smile[0], nod[0]) == ("jaw opens", "smile", "head nods, °")
    assert jaw[1][-1] == pytest.approx(39 / 25)
    assert jaw[2][-1] == pytest.approx(0.5) and nod[2][-1] == pytest.approx(np.degrees(0.5))
    assert np.isnan(jaw[2][5:8]).all() and np.isfinite(jaw[3]).all()
