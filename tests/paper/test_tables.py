import itertools
import json
from pathlib import Path

import pandas as pd
import pytest

from nonverbal.paper.comparison import MISSING
from nonverbal.paper.table1 import table1
from nonverbal.paper.table2 import table2
from nonverbal.paper.table3 import table3
from nonverbal.paper.table4 import table4

PUBLISHED = Path(__file__).resolve().parents[2] / "resources" / "paper"
BACKENDS = {"face": "open_face", "body": "mediapipe_ik"}


def cells(files) -> pd.DataFrame:
    return (
        pd.read_csv(files["csv"], na_values=MISSING)
        .fillna({"group": ""})
        .set_index(["row", "group", "metric"])
        .sort_index()
    )


def test_table1_has_our_row_and_counts_hours_as_the_paper_does(statistics, files):
    table1(statistics, PUBLISHED / "table1.csv", 600.0, BACKENDS, **files)
    venus = cells(files).loc[("VENUS (Kim et al. 2025)", "conversation")]
    assert venus.loc["hours", "ours"] == pytest.approx(3)
    assert venus.loc["dialogues", "difference"] == 18 - 89459
    assert "not FLAME" in files["md"].read_text() and "not FLAME" in files["tex"].read_text()
    assert cells(files).drop("VENUS (Kim et al. 2025)", level=0)["ours"].isna().all()


def test_table2_has_every_published_number_beside_ours(statistics, files):
    table2(statistics, PUBLISHED / "table2.csv", BACKENDS, **files)
    table = cells(files)
    assert len(table) == 11 and table[["published", "ours", "difference"]].notna().all(axis=None)
    assert table.loc[("VENUS", "", "turns"), "difference"] == 84 - 1114328


def test_table2_of_an_empty_dataset_has_no_means(statistics, files):
    statistics.write_text(statistics.read_text().replace('"turns": 84', '"turns": 0'))
    table2(statistics, PUBLISHED / "table2.csv", BACKENDS, **files)
    ours = cells(files).droplevel([0, 1])["ours"]
    assert ours["turns"] == 0 and ours[[name for name in ours.index if "mean" in name]].isna().all()


def test_table3_compares_the_coded_form_and_adds_the_formulas(tokenizer, files):
    paths = [[tokenizer[part]] for part in ("face", "body")]
    trained = {part: {"ours": "ours"} for part in ("face", "body")}
    table3(*paths, PUBLISHED / "table3.csv", {}, trained, BACKENDS, **files)
    ours = cells(files).loc[("Ours", "ours")]
    assert ours.loc["face_vmse", ["published", "ours", "difference"]].tolist() == pytest.approx(
        [0.05106, 0.05, -0.00106]
    )
    assert ours.loc["body_lvd", "ours"] == pytest.approx(4e-4)
    assert ours.loc["face_vmse_formula", "ours"] == pytest.approx(1e-6) and pd.isna(
        ours.loc["face_vmse_formula", "published"]
    )
    assert ours.loc["face_utilisation", "ours"] == 0.25
    assert cells(files).loc[("GT", "reference", "face_diversity"), ["published", "ours"]].tolist() == [9.3323, 2.2]
    assert cells(files).loc[("mean frame", "constant", "body_vmse"), "ours"] == pytest.approx(0.15)
    assert cells(files).loc["Ng et al. 2023"]["ours"].isna().all()
    assert "some face mesh" in files["md"].read_text()


def test_table3_gives_rows_their_means_and_deviations_and_shares_a_training(tokenizer, files, tmp_path):
    rows = {
        "ng_2023": {"label": "Ng et al. 2023", "group": "baseline"}, "dim_8": {"label": "8", "group": "dim"},
        "fsq": {"label": "finite scalar quantizer", "group": "quantizer"},
    }  # fmt: skip
    trained = {"face": {"ours": "ours", "ng_2023": "ng_2023", "dim_8": "ours", "fsq": "fsq"}}
    trained["body"] = trained["face"] | {"dim_8": "dim_8"}
    paths = {part: [] for part in trained}
    for part, of in trained.items():
        result = json.loads(tokenizer[part].read_text())
        for row, repeat in itertools.product(dict.fromkeys(of.values()), (1, 0, 2)):
            scale = (1 + list(rows).index(row) if row in rows else 1) * (1 + 0.1 * repeat)
            model = result["model"] | {"vmse_coded": 0.05 * scale}
            paths[part].append(tmp_path / f"{part}_{row}_{repeat}.json")
            paths[part][-1].write_text(json.dumps(result | {"row": row, "repeat": repeat, "model": model}))
    table3(paths["face"], paths["body"], PUBLISHED / "table3.csv", rows, trained, BACKENDS, **files)
    table = cells(files)
    assert table.loc[("Ours", "ours", "face_vmse"), ["ours", "deviation"]].tolist() == pytest.approx([0.055, 0.005])
    ng = table.loc[("Ng et al. 2023", "baseline", "face_vmse")]
    assert ng[["published", "ours"]].tolist() == pytest.approx([0.05787, 0.055])
    assert table.loc[("8", "dim", "face_vmse"), "ours"] == table.loc[("Ours", "ours", "face_vmse"), "ours"]
    assert table.loc[("8", "dim", "body_vmse"), "ours"] == pytest.approx(0.11)
    assert table.loc[("finite scalar quantizer", "quantizer", "face_vmse"), "ours"] == pytest.approx(0.165)
    assert table.loc[("L2", "loss")]["ours"].isna().all()
    text = files["md"].read_text()
    assert "0.55 ± 0.05" in text and "3 trainings with seeds of their own" in text


def test_table4_keeps_what_is_not_available(mars_metrics, mars_motion, ablations, files):
    table4(mars_metrics, mars_motion, ablations, PUBLISHED / "table4.csv", "tiny", BACKENDS | {"base": "tiny"}, **files)
    table = cells(files)
    assert table.loc[("LLaMA 3.2 1B", "MARS", "nll_face"), "difference"] == pytest.approx(4.1 - 8.676)
    assert pd.isna(table.loc[("LLaMA 3.2 1B", "MARS", "meteor"), "ours"])
    assert table.loc[("LLaMA 3.2 1B", "uniform guess of a code", "nll_body_given_kind"), "ours"] == pytest.approx(
        6.2383, abs=1e-4
    )
    text = files["md"].read_text()
    assert "Ours has no meteor: WordNet is not installed." in text and "a tiny Llama trained from scratch" in text


def test_table4_gives_ablations_their_means_and_says_where_mars_is_better(mars_metrics, mars_motion, ablations, files):
    table4(mars_metrics, mars_motion, ablations, PUBLISHED / "table4.csv", "tiny", BACKENDS, **files)
    table = cells(files).loc["LLaMA 3.2 1B"]
    assert table.loc[("MARS", "nll_face"), ["ours", "deviation"]].tolist() == pytest.approx([4.1, 0.2 / 2**0.5])
    assert table.loc[("trained on shuffled motion", "nll_body_given_kind"), "ours"] == pytest.approx(2.8)
    assert "nll_face" not in table.loc["trained on text only"].index
    text = files["md"].read_text()
    assert "code frequencies of the training answers in 2 of 2, trained on shuffled motion in 1 of 2" in text


def test_table4_shows_motion_where_there_is_any(mars_metrics, mars_motion, ablations, files):
    table4(mars_metrics, mars_motion, ablations, PUBLISHED / "table4.csv", "tiny", BACKENDS, **files)
    table = cells(files).loc["LLaMA 3.2 1B"]
    assert table.loc[("MARS", "beat_alignment"), "ours"] == 0.6 and table.loc[("MARS", "face_frechet"), "ours"] == 1.5
    assert pd.isna(table.loc[("zero-shot", "body_variance"), "ours"])
    assert "face_frechet" not in table.loc["true answers"].index
    panel = next(block for block in files["md"].read_text().split("\n\n") if "beat alignment by chance" in block)
    assert "true answers, through the tokenizers" in panel and "not available" in panel


def test_table4_puts_a_model_of_the_paper_in_its_row_and_others_in_their_own(
    mars_metrics, mars_motion, ablations, files
):
    table4(mars_metrics, mars_motion, ablations, PUBLISHED / "table4.csv", "Qwen2.5-3B-Instruct", {}, **files)
    assert cells(files).loc[("Qwen 2.5 3B", "MARS", "ppl"), ["published", "ours"]].notna().all()
    table4(mars_metrics, mars_motion, ablations, PUBLISHED / "table4.csv", "models/mine", {}, **files)
    row = cells(files).loc[("models/mine", "MARS", "ppl")]
    assert pd.isna(row["published"]) and row["ours"] > 0


def test_tables_are_the_same_bytes_again(mars_metrics, mars_motion, ablations, files):
    made = []
    for _ in range(2):
        table4(mars_metrics, mars_motion, ablations, PUBLISHED / "table4.csv", "tiny", BACKENDS, **files)
        made.append([path.read_bytes() for path in files.values()])
    assert made[0] == made[1]
