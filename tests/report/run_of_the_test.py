"""A results folder of the test's own: a few tables, figures, scores and a sample, each with the record of a job."""

import json
from pathlib import Path

import pandas as pd
from PIL import Image

from nonverbal.media import run_ffmpeg
from nonverbal.paper.markup import Block, markdown
from nonverbal.report.report import report
from nonverbal.report.settings import Report
from nonverbal.schema import TABLES, write_table

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = """<script>alert("1")</script> "quoted" & 'single' <img src=x onerror=alert(2)>"""
SETTINGS = Report(picture_px=600, video_px=320, video_s=1, videos_mb=5)
DECISIONS = {"keep_people": {"score": 0.5}, "keep_two_speakers": {"speaker_share": 0.05}}
KEPT = {"kept": True, "reason": "", "detail": ""}
MADE = {
    "paper/table1.md": "table1", "paper/table2.md": "table2", "paper/figure1.png": "figure1", "paper/new.png": "new",
    "dataset/funnel/funnel.parquet": "funnel", "views/samples": "samples",
}  # fmt: skip


def make(results: Path) -> list[Path]:
    """Fill the folder; returns what rule `report` would be given."""
    for folder in ("paper", "views/samples", "dataset/statistics"):
        (results / folder).mkdir(parents=True)
    rows = [["VENUS", "hours", "14,910", "0.1", "-14,909.9"], ["VENUS", "videos", "27,128", "not available", "–"]]
    block = Block("Published and ours", ["dataset", "metric", "published", "ours", "difference"], rows)
    titles = Block("Titles", ["title", "share"], [[HOSTILE, "10"]])
    for name in ("table1", "table2"):
        (results / f"paper/{name}.md").write_text(markdown("A table", [block, titles], [f"A note: {HOSTILE}"]))
    (results / "paper/table1.csv").write_text("row\n")
    for name in ("figure1", "new"):
        Image.new("RGBA", (900, 300), (0, 114, 178, 255)).save(results / f"paper/{name}.png", dpi=(300, 300))
    counts = {"channels": 5, "dialogues": 42, "backends": {"face": "open_face (not FLAME)"}}
    (results / "dataset/statistics/statistics.json").write_text(json.dumps(counts))
    _tables(results)
    _sample(results / "views/samples", "v_000_1")
    for path, rule in MADE.items():
        record(results, rule, path)
    (results / "ro-crate-metadata.json").write_text(json.dumps({"@graph": [{"@id": "#job/table1/all"}]}))
    (results / "provenance/ledger.parquet").touch()
    shown = [path for place in ("paper", "dataset", "speech", "collect") for path in (results / place).rglob("*.*")]
    return [*shown, results / "views/samples"]


def _tables(results: Path) -> None:
    step = {"stage": "collect", "filter": "download", "unit": "video", "in": 20, "kept": 17}
    funnel = [step | {"reason": reason, "dropped": count} for reason, count in (("not_found", 2), ("truncated", 1))]
    write_table(results / "dataset/funnel/funnel.parquet", "funnel", funnel)
    confidence = [0.1, 0.9, float("nan"), 0.95]
    words = [
        {"clip_id": "v_000", "word_index": n, "word": "word", "start_s": n / 1, "end_s": n + 0.5, "confidence": sure,
         "interpolated": False}
        for n, sure in enumerate(confidence)
    ]  # fmt: skip
    write_table(results / "speech/transcribe/00000/transcript.parquet", "transcript", words)
    said = {"clip_id": "v_000", "utterance_id": 1, "speaker": 0, "start_s": 1.0, "end_s": 3.0}
    write_table(
        results / "speech/utterances/00000/utterances.parquet", "utterances", [said | {"text": HOSTILE, "words": 2}]
    )
    spoken = [
        said | {"word_index": n, "word": word, "interpolated": False, "start_s": 1.0 + n / 2, "end_s": 1.4 + n / 2}
        for n, word in enumerate(("<b>first</b>", "second"))
    ]
    write_table(results / "speech/utterances/00000/words.parquet", "words", spoken)
    blank = {name: "" if kind == "string" else 0 for name, kind in _kinds("download").items()}
    video = blank | {"video_id": "v", "title": HOSTILE, "licence": "CC-BY"} | KEPT
    write_table(results / "collect/download/00000/download.parquet", "download", pd.DataFrame([video]))


def _kinds(table: str) -> dict[str, str]:
    return {one.name: str(one.type) for one in TABLES[table]}


def _sample(folder: Path, name: str) -> None:
    Image.new("RGB", (60, 40), "white").save(folder / f"{name}.png")
    for ending, colour in ((".mp4", "red"), (".overlay.mp4", "blue")):
        run_ffmpeg(
            "-f", "lavfi", "-i", f"color={colour}:rate=25:size=160x90:duration=2", "-f", "lavfi", "-i",
            "sine=duration=2", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac",
            str(folder / f"{name}{ending}"),
        )  # fmt: skip


def record(results: Path, rule: str, path: str) -> None:
    """Write what a job would have written of itself."""
    job = {
        "rule": rule, "wildcards": {}, "function": f"nonverbal.paper.{rule}.{rule}", "results": str(results),
        "inputs": {f"{results}/collect/channels/channels.parquet": "a" * 64, "/home/somebody/secret.csv": "b" * 64}
        | {f"{results}/speech/many/{n:05d}.parquet": "d" * 64 for n in range(50)},
        "outputs": {f"{results}/{path}": "c" * 64}, "params": {"settings": {"clips": 7}}, "models": {"anny": {}},
        "config": {"models": "/home/somebody/models", "paper.figure3.frames": 10}, "seed": 7, "cpu_s": 3.0,
        "git": {"commit": "0123456789abcdef", "dirty": True}, "python": "3.11.7", "started": 1e9, "ended": 1e9 + 5,
    }  # fmt: skip
    place = results / "provenance/jobs" / rule / "all.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(job))


def write_page(results: Path, parts: list[Path], settings: Report = SETTINGS, published: bool = False) -> Path:
    """The page of the folder."""
    page = results / "report/report.html"
    code = ROOT / "nonverbal/report"
    report(
        parts=parts, crate=results / "ro-crate-metadata.json",
        captions=sorted((ROOT / "resources/report").glob("*.rst")), template=code / "page.html",
        style=code / "style.css", page=page, settings=settings, decisions=DECISIONS, published=published,
    )  # fmt: skip
    return page
