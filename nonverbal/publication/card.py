"""The dataset card, README.md: what the hub reads (YAML) and what people read (Markdown), filled from the run."""

import html
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from datasets import DatasetInfo, Features, SplitDict, SplitInfo
from datasets.info import DatasetInfosDict
from huggingface_hub import DatasetCard, DatasetCardData

SPLITS = ("train", "validation", "test")
SIZES = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M"}
COLUMNS = {
    "channel_id": "of the video",
    "video_id": "of the video, at its platform",
    "segment_id": "number of the clip in the video",
    "duration": "where the clip lies in the video, HH:MM:SS ~ HH:MM:SS",
    "fps": "frames a second",
    "conversation": "utterances, with speaker (0 or 1), text and times, and their words with times",
    "facial_expression": "156 numbers a frame of the speaker's face: expression 0:50, head rotation 50:53, jaw 53:56, "
    "shape 56:156",
    "body_language": "179 numbers a frame of the speaker's body: root 0:3, 21 joints 3:66, left hand 66:111, "
    "right hand 111:156, jaw, shape and expression 156:179; rotations are axis-angle in radians",
    "speaker_bbox": "box of the speaker a frame: left, top, right, bottom, in pixels of the clip",
    "harmful_utterance_id": "utterances that are flagged harmful",
}


def card(facts: Path, files: list[Path], template: Path, card: Path) -> None:
    """Write the card.

    Args:
        facts: of the run.
        files: published, named SPLIT-SHARD.parquet, in the folder data beside the card.
        template: Jinja template of the text.
        card: README.md to write.
    """
    known = json.loads(facts.read_text("utf-8"))
    values = {
        "name": known["name"], "version": known["version"], "date": known["date"],
        "source": (known["address"] or ".").removeprefix("https://huggingface.co/datasets/"),
        "statements": known["statements"], "removal": known["removal"], "licence": licence(known["licence"]),
        "faults": [escaped(fault) for fault in (*known["stand_ins"], *known["faults"])],
        "statistics": _statistics(known["statistics"]), "splits": _splits(known["splits"]),
        "columns": _columns(known["columns"]), "models": _models(known["columns"]), "funnel": _funnel(known["funnel"]),
        "rights": "\n\n".join(_table([title, "videos"], counts.items()) for title, counts in known["rights"].items()),
        "checked": " to ".join(dict.fromkeys(known["checked"])),
    }  # fmt: skip
    text = DatasetCard.from_template(card_data(known, files), template_path=str(template), **values)
    card.write_text(f"{text}".rstrip() + "\n", "utf-8")


def card_data(facts: dict[str, Any], files: Sequence[Path]) -> DatasetCardData:
    """The card's YAML: licence, languages, and where which split lies, with its columns, rows and bytes."""
    sizes = split_sizes(files)
    rows = sum(count for count, _ in sizes.values())
    data = DatasetCardData(
        pretty_name=facts["name"], language=facts["languages"], tags=TAGS, annotations_creators=["machine-generated"],
        size_categories=[next((name for most, name in SIZES.items() if rows < most), "n>1M")],
        configs=[
            {
                "config_name": "default",
                "data_files": [{"split": name, "path": f"data/{name}-*.parquet"} for name in sizes],
            }
        ],
        **hub_licence(facts["licence"]),
    )  # fmt: skip
    DatasetInfosDict({"default": info(files, sizes)}).to_dataset_card_data(data)
    return data


TAGS = ["nonverbal-communication", "conversation", "facial-expression", "gesture", "croissant"]


def hub_licence(licence: str | None) -> dict[str, Any]:
    """A licence in the hub's words; it knows the usual ones by their SPDX identifier in small letters."""
    return {"license": licence.lower()} if licence else {"license": "other", "license_name": "none-given"}


def licence(name: str | None) -> str:
    """What is given on the annotations, for people."""
    if name:
        return (
            f"What the workflow made, the annotations, is given under [{name}](https://spdx.org/licenses/{name}.html)."
        )
    return "No licence is given on the annotations: ask before you use or pass them on."


def split_sizes(files: Sequence[Path]) -> dict[str, tuple[int, int]]:
    """Rows and bytes of each split that has any row."""
    found: dict[str, tuple[int, int]] = {}
    for name in SPLITS:
        parts = [path for path in files if path.name.startswith(f"{name}-")]
        rows = sum(pq.read_metadata(path).num_rows for path in parts)
        if rows:
            found[name] = rows, sum(path.stat().st_size for path in parts)
    return found


def info(files: Sequence[Path], sizes: dict[str, tuple[int, int]]) -> DatasetInfo:
    """What `datasets` knows of the files without opening them."""
    size = sum(part for _, part in sizes.values())
    return DatasetInfo(
        features=Features.from_arrow_schema(pq.read_schema(files[0]).remove_metadata()),
        splits=SplitDict({name: SplitInfo(name, size, rows) for name, (rows, size) in sizes.items()}),
        download_size=size, dataset_size=size,
    )  # fmt: skip


def escaped(text: object) -> str:
    """Text from elsewhere as Markdown that shows it on one line and does nothing else."""
    line = html.escape(" ".join(str(text).split()), quote=False)
    return re.sub(r"([\\`*_\[\]|~#!$])", r"\\\1", line)


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    cells = [[f"{cell:,}" if isinstance(cell, int | float) else escaped(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *cells))


def _statistics(values: dict[str, Any]) -> str:
    numbers = {name.replace("_", " "): value for name, value in values.items() if isinstance(value, int | float)}
    return _table(["counted", "number"], numbers.items())


def _splits(splits: dict[str, dict[str, int]]) -> str:
    names = [name for name in SPLITS if name in splits]
    return _table(["split", "clips", "videos", "channels"], [[name, *splits[name].values()] for name in names])


def _columns(columns: dict[str, dict[str, Any]]) -> str:
    return _table(["column", "holds"], [[name, COLUMNS[name]] for name, one in columns.items() if one["published"]])


def _models(columns: dict[str, dict[str, Any]]) -> str:
    rows = [
        [name, "yes" if one["published"] else "no: left out", model["name"], model["licence"]]
        for name, one in columns.items()
        for model in one["models"] or [{"name": "none", "licence": ""}]
        if name not in ("channel_id", "video_id", "segment_id", "duration", "fps")
    ]
    return _table(["column", "published", "model", "licence"], rows)


def _funnel(rows: list[dict[str, Any]]) -> str:
    names = ["filter", "unit", "in", "kept", "reason", "dropped"]
    return _table(names, [[row[name] for name in names] for row in rows])
