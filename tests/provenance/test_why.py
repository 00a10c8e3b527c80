"""The chain from a cell of a table: made of the files that it was computed from, and of no others."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from nonverbal import models
from nonverbal.errors import UserError
from nonverbal.paper import table3, table4
from nonverbal.provenance.cells import value
from nonverbal.provenance.why import Why

ROOT = Path(__file__).resolve().parents[2]
PAPER = ROOT / "resources" / "paper"
ROWS = {"ng_2023": {"label": "Ng et al. 2023", "group": "baseline"}, "dim_64": {"label": "64", "group": "dim"},
        "size_64": {"label": "64", "group": "size"}}  # fmt: skip
SHARED = {"ours": "ours", "ng_2023": "ng_2023", "dim_64": "dim_64", "size_64": "ours"}  # row -> where it was trained


def parquet(rows: list[dict]) -> bytes:
    buffer = io.BytesIO()
    pd.DataFrame(rows).to_parquet(buffer)
    return buffer.getvalue()


def result(part: str, row: str, repeat: int) -> dict:
    """What evaluate_tokenizer measures; every number is another."""
    start = 100 * (part == "body") + 10 * [*SHARED].index(row) + repeat
    numbers = {key: start + i / 32 for i, key in enumerate(sorted({*table3.CODED.values(), *table3.OWN.values()}))}
    return {
        "part": part, "row": row, "repeat": repeat, "split": "test", "runs": 2, "frames": 50, "mesh": "a mesh",
        "reference": {key: -number for key, number in numbers.items()}, "model": numbers,
        "constant_mean": {key: number / 2 for key, number in numbers.items()},
        "codebook": {"utilisation": 0.5, "perplexity": start},
    }  # fmt: skip


def tables(folder: Path, table, **arguments) -> str:
    """The CSV that a table's own function writes."""
    files = {name: folder / f"table.{name}" for name in ("csv", "md", "tex")}
    table(**arguments, **files)
    return files["csv"].read_text()


@pytest.fixture(scope="module")
def run(quick_run, tmp_path_factory):
    """Records of a run as the workflow would write them, from the channel list to tables 3 and 4."""
    (finished, monkeypatch), tmp_path = quick_run, tmp_path_factory.mktemp("tables")
    job = finished.job
    video = {"video_id": "v1", "channel_id": "c1", "url": "https://example.org/v1"}
    listed = {"source": "channels.csv:2", "entries": 1}
    job(
        "channels",
        ["source"],
        {"collect/channels.parquet": parquet([video]), "collect/sources.parquet": parquet([listed])},
        "a",
    )
    split = [
        {"clip_id": f"v1_{i}", "video_id": "v1", "channel_id": "c1", "group": "c1", "split": "test"} for i in range(2)
    ]
    job("split", ["collect/channels.parquet"], {"dataset/split.parquet": parquet(split)}, "a")
    for part, model in (("face", "face_net"), ("body", "body_net")):
        weights = tmp_path / f"{model}.bin"
        weights.write_text(model)
        monkeypatch.setattr(models, "used", {model: weights})
        monkeypatch.setattr(models, "describe", lambda name: {"source": name, "revision": "1", "licence": "MIT"})
        monkeypatch.setattr(models, "place", lambda name, path: str(path))
        job(part, ["collect/channels.parquet"], {f"cues/{part}/00000/{part}.parquet": part}, "a")
    monkeypatch.setattr(models, "used", {})
    raw = [f"cues/{part}/00000/{part}.parquet" for part in ("face", "body")]
    job("smooth", raw, {f"cues/smooth/00000/{part}.parquet": part for part in ("face", "body")}, "a")
    measured: dict[str, list[str]] = {"face": [], "body": []}
    for part in measured:
        sources, wildcards = [f"cues/smooth/00000/{part}.parquet", "dataset/split.parquet"], {"part": part}
        job("frames", sources, {f"frames/{part}/frames.npy": part}, "a", wildcards=wildcards)
        for row in dict.fromkeys(SHARED.values()):
            for repeat in (0, 1):
                name, wildcards = f"{part}/{row}/{repeat}", {"part": part, "row": row, "repeat": str(repeat)}
                trained, scores = f"train_tokenizer/{name}/model.pt", f"evaluate_tokenizer/{name}.json"
                frames = f"frames/{part}/frames.npy"
                job("train_tokenizer", [frames], {trained: name}, "a", wildcards=wildcards)
                job("evaluate_tokenizer", [frames, trained], {scores: json.dumps(result(part, row, repeat))}, "a",
                    wildcards=wildcards)  # fmt: skip
                measured[part].append(scores)
    params = {"rows": ROWS, "trained": dict.fromkeys(measured, SHARED)}
    paths = {part: [finished.results / name for name in names] for part, names in measured.items()}
    csv = tables(tmp_path, table3.table3, published_csv=PAPER / "table3.csv", backends={}, **paths, **params)
    job("table3", [*measured["face"], *measured["body"]], {"paper/table3.csv": csv}, "a", params=params)
    _mars(finished, tmp_path)
    return finished


def _mars(run, folder: Path) -> None:
    job = run.job
    job(
        "sequences",
        ["train_tokenizer/face/ours/0/model.pt", "train_tokenizer/body/ours/0/model.pt"],
        {"mars/train.jsonl": "s"},
        "a",
    )
    job("base", ["mars/train.jsonl"], {"mars/base/model": "b"}, "a")
    for row in ("ours", "text_only"):
        job(
            "train_mars",
            ["mars/base/model", "mars/train.jsonl"],
            {f"mars/train/{row}/model": row},
            "a",
            wildcards={"row": row},
        )
        scores = {"nll_face": 3.5, "ppl_all": 7.0} if row == "ours" else {"ppl_all": 9.0}
        content = {
            "row": row,
            "repeat": 0,
            "scores": dict.fromkeys((*table4.PUBLISHED.values(), *table4.OWN.values())) | scores,
        }
        job("evaluate_ablation", [f"mars/train/{row}/model"], {f"mars/evaluate/{row}.json": json.dumps(content)}, "a",
            wildcards={"row": row})  # fmt: skip
    settings = {name: {"nll_face": number, "ppl_all": 50 + number} for name, number in
                (("zero_shot", 6.5), ("trained", 3.5), ("trained_without_context_motion", 4.5))}  # fmt: skip
    nlls = {"nll_face": 4.25, "nll_body": 4.125}
    metrics = {"settings": settings, "uniform": nlls, "unigram": {name: nll + 1 for name, nll in nlls.items()},
               "codes": {"face": 64, "body": 64}, "not_available": {}}  # fmt: skip
    inputs = ["mars/base/model", "mars/train/ours/model", "mars/train.jsonl"]
    job("evaluate_mars", inputs, {"mars/metrics.json": json.dumps(metrics)}, "a")
    aligned = {"true": 0.5, "zero_shot": 0.25, "trained": 0.75}
    of_settings = {name: dict.fromkeys(table4.MOTION, number) for name, number in aligned.items()}
    moved = {"answers": 2, "settings": of_settings}
    job("generate", inputs, {"mars/generated.jsonl": "g"}, "a")
    tokenizers = [f"train_tokenizer/{part}/ours/0/model.pt" for part in ("face", "body")]
    job("evaluate_motion", ["mars/generated.jsonl", *tokenizers], {"mars/motion.json": json.dumps(moved)}, "a")
    made = ["mars/metrics.json", "mars/motion.json", "mars/evaluate/ours.json", "mars/evaluate/text_only.json"]
    csv = tables(folder, table4.table4, published_csv=PAPER / "table4.csv", backends={}, base="tiny",
                 metrics=run.results / made[0], motion=run.results / made[1],
                 ablations=[run.results / name for name in made[2:]])  # fmt: skip
    job("table4", made, {"paper/table4.csv": csv}, "a", params={"base": "tiny"})


def why(run, table: int, address: str) -> Why:
    return Why(f"{run.results}/paper/table{table}.csv:{address}", run.root)


def behind(answer: Why, run) -> set[str]:
    """The artifacts behind a cell, in the results folder."""
    return {str(Path(path).relative_to(run.results)) for _, paths in answer.chain.jobs for path in paths}


def test_a_cell_of_table_3_goes_back_to_its_own_part_and_row(run):
    answer = why(run, 3, "ours:face_vmse")
    made = behind(answer, run)
    assert {path for path in made if "tokenizer" in path} == {
        f"{step}_tokenizer/face/ours/{repeat}{end}" for repeat in (0, 1) for step, end in
        (("train", "/model.pt"), ("evaluate", ".json"))
    }  # fmt: skip
    assert {"cues/face/00000/face.parquet", "dataset/split.parquet", "collect/sources.parquet"} - made == {
        "collect/sources.parquet"  # which no other job read
    }
    assert not any("body" in path for path in made)
    assert value(answer.origin, answer.read) == pytest.approx(answer.cell.ours)
    text = "\n".join(answer.lines())
    assert "computed again" in text and "as in the table" in text and "NOT" not in text and "CHANGED" not in text
    assert "seed 3" in text and "test: 2 clips of 1 videos of 1 channels" in text
    assert "v1 (c1) https://example.org/v1" in text and "channels.csv:2: 1 entries" in text
    assert "face_net" in text and "body_net" not in text
    assert str(run.source) in text


@pytest.mark.parametrize("row", ["ours", "ng_2023", "ng_et_al_2023", "dim/64", "size_64"])
@pytest.mark.parametrize("part", ["face", "body"])
def test_every_row_of_table_3_is_computed_again(run, row, part):
    for metric in (*table3.CODED, *table3.OWN, *table3.CODEBOOK):
        answer = why(run, 3, f"{row}:{part}_{metric}")
        assert value(answer.origin, answer.read) == pytest.approx(answer.cell.ours)
        trained = {path.split("/")[2] for path in behind(answer, run) if path.startswith("train_tokenizer")}
        assert trained == {SHARED.get(row.replace("/", "_"), "ng_2023")}


def test_what_needs_no_tokenizer_names_none(run):
    for address in ("gt:face_diversity", "constant/mean_frame:face_vmse"):
        answer = why(run, 3, address)
        assert value(answer.origin, answer.read) == pytest.approx(answer.cell.ours)
        assert not any(path.startswith("train") for path in behind(answer, run))
        assert "frames/face/frames.npy" in behind(answer, run)
        assert "Checkpoints" not in "\n".join(answer.lines())


@pytest.mark.parametrize(
    ("row", "checkpoints"),
    [
        ("zero_shot", {"base"}),
        ("mars", {"base", "train/ours"}),
        ("mars_context_without_motion", {"base", "train/ours"}),
        ("trained_on_text_only", {"base", "train/text_only"}),
        ("uniform_guess_of_a_code", set()),
        ("code_frequencies_of_the_training_answers", set()),
        ("true_answers", set()),
    ],
)
def test_a_cell_of_table_4_goes_back_to_its_own_model(run, row, checkpoints):
    metric = {"trained_on_text_only": "ppl", "true_answers": "beat_alignment"}.get(row, "nll_face")
    answer = why(run, 4, f"{row}:{metric}")
    assert value(answer.origin, answer.read) == pytest.approx(answer.cell.ours)
    made = behind(answer, run)
    assert {
        path.removeprefix("mars/").removesuffix("/model") for path in made if path.endswith("/model")
    } == checkpoints
    tokenizers = {path for path in made if path.startswith("train_tokenizer")}
    assert len(tokenizers) == (0 if row.startswith("uniform") else 2)


@pytest.mark.parametrize(
    ("table", "address", "sentence"),
    [
        (3, "nobody:face_vmse", r"has no row 'nobody'; its rows are .*dim/64.*ours.*size/64"),
        (3, "ours:vmse", r"has no column 'vmse' in row 'ours'; its columns are face_vmse, .*body_vmse"),
        (3, "64:face_vmse", r"has several rows '64'; write one of dim/64, size/64"),
        (3, "ours", "names no cell; write TABLE.csv:ROW:COLUMN"),
        (9, "ours:face_vmse", "there is no table .*table9.csv"),
    ],
)
def test_a_wrong_address_is_told_what_there_is(run, table, address, sentence):
    with pytest.raises(UserError, match=sentence):
        why(run, table, address)


def test_a_number_that_only_the_paper_has_says_so(run):
    answer = why(run, 3, "guo_et_al_2024:face_vmse")
    text = "\n".join(answer.lines())
    assert answer.origin is None and "published: 0.05474 m" in text and "not run" in text


def test_a_file_that_changed_is_marked_and_a_number_that_differs_is_told(run):
    path = run.results / "evaluate_tokenizer/face/ours/0.json"
    before = path.read_text()
    content = json.loads(before)
    content["model"]["vmse_coded"] += 1
    path.write_text(json.dumps(content))
    text = "\n".join(why(run, 3, "ours:face_vmse").lines())
    path.write_text("no JSON")
    unread = "\n".join(why(run, 3, "ours:face_vmse").lines())
    path.write_text(before)
    assert "cannot be read" in unread
    assert "(CHANGED since)" in text and "NOT what the table holds" in text


def test_a_row_that_is_not_known_is_found_by_its_value(run):
    path = run.results / "paper/table4.csv"
    text = path.read_text().replace("uniform guess of a code", "another guess")
    run.job("table4", ["mars/metrics.json"], {"paper/table4.csv": text}, "a", params={"base": "tiny"})
    answer = why(run, 4, "another_guess:nll_face")
    assert answer.origin.numbers == [(f"{run.results}/mars/metrics.json", "uniform.nll_face")]


def test_the_command_line_prints_the_chain_or_one_sentence(run):
    command = [sys.executable, "-m", "nonverbal.provenance", "why"]
    cell = f"{run.results}/paper/table3.csv:ours"
    good = subprocess.run([*command, f"{cell}:face_vmse"], capture_output=True, text=True, cwd=ROOT)
    assert good.returncode == 0 and "Checkpoints" in good.stdout, good.stderr
    bad = subprocess.run([*command, f"{cell}:x"], capture_output=True, text=True, cwd=ROOT)
    assert (
        bad.returncode == 1 and bad.stdout == "" and "its columns are" in bad.stderr and "Traceback" not in bad.stderr
    )
