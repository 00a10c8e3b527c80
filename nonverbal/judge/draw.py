"""Draw the units that people judge: at random, so many of those kept and of those dropped for each reason.

Each unit has a random number of its own, the same in every run with the same seed, and those with the lowest are
drawn (permanent random numbers: Ohlsson 1995). So the first units of a stratum are a random sample of it wherever
people stop, and after a changed threshold most of the drawn units are drawn again, whose judgements then still count.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from nonverbal.collect.settings import Network
from nonverbal.collect.sources import local_path
from nonverbal.collect.thumbnails import PLACES, NoPicture, decode_picture, fetch_picture, frames_at
from nonverbal.judge.questions import IDS, QUESTIONS, Shard, decided
from nonverbal.judge.settings import Asked, Draw
from nonverbal.layouts import FPS
from nonverbal.progress import track
from nonverbal.schema import read_arrow, read_rows, write_table
from nonverbal.shards import digest
from nonverbal.speech.settings import KeepLanguage

log = logging.getLogger("nonverbal")
STRATUM = ["kept", "reason"]
BOX = ("x0", "y0", "x1", "y1")
AROUND_S = 0.3  # of sound before and after an utterance
WIDEST = 640  # pixels of a picture
GIVE_UP = 10  # thumbnails in a row that are gone: there is no network, and each would be waited for


def draw(
    channels: list[Path], clips: list[Path], keep_people: list[Path], keep_two_speakers: list[Path],
    keep_language: list[Path], keep_visible: list[Path], keep_safe: list[Path], utterances: list[Path],
    safety: list[Path], crops: list[Path], face: list[Path], units: Path, strata: Path, pictures: Path,
    settings: Draw, network: Network, people: int, spoken: KeepLanguage, seed: int,
) -> None:  # fmt: skip
    """Write the sample, and how large the strata are that it is from.

    Args:
        channels, ..., face: tables of those names, a shard each; face is the smoothed one.
        units: table judge_units to write.
        strata: table judge_strata to write.
        pictures: folder to write, the thumbnails of the drawn videos.
        settings: questions, and how many units of each.
        network: how thumbnails are fetched again, as no rule keeps them.
        people: that a thumbnail must show.
        spoken: the language that clips must be in.
        seed: of the draw.
    """
    columns = {
        "channels": channels, "clips": clips, "keep_people": keep_people, "keep_two_speakers": keep_two_speakers,
        "keep_language": keep_language, "keep_visible": keep_visible, "keep_safe": keep_safe,
        "utterances": utterances, "safety": safety, "crops": crops, "face": face,
    }  # fmt: skip
    shards = [dict(zip(columns, paths, strict=True)) for paths in zip(*columns.values(), strict=True)]
    words = {"people": "a person" if people < 2 else f"{people} or more people", "language": spoken.language}
    pictures.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    counts: list[dict[Any, Any]] = []
    for name, question in QUESTIONS.items():
        sample, sizes = chosen(name, shards, getattr(settings.questions, name), seed)
        ask = question.ask.format(**words)
        counts += sizes.assign(question=name, ask=ask).to_dict("records")
        rows += [unit | {"ask": ask} for unit in shown(name, sample, shards, settings)]
    write_table(strata, "judge_strata", counts)
    network = network.model_copy(update={"retries": 1})  # the filter had them: what is gone now stays so
    silent = 0
    for row in track([row for row in rows if row["unit"] == "video"], "thumbnails"):
        row["picture"] = _picture(row, shards, network, pictures) if silent < GIVE_UP else ""
        silent = 0 if row["picture"] else silent + 1
    if silent >= GIVE_UP:
        log.warning("%d thumbnails in a row could not be had; force rule draw where there is a network", silent)
    write_table(units, "judge_units", [finished(row) for row in rows])


def chosen(name: str, shards: Sequence[Shard], asked: Asked, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The units drawn for a question, and the strata: kept, reason, units, drawn.

    Returns:
        IDS, kept, reason, shard (its position), rank (0 for the first of its stratum), place (when it is shown).
    """
    sample = pd.DataFrame()
    sizes: list[pd.Series] = []
    for position, shard in enumerate(shards):
        for rows in decided(name, shard):
            sizes.append(rows.groupby(STRATUM).size())
            least = _first(rows.assign(number=numbers(rows, f"{seed} {name}"), shard=position), asked)
            sample = _first(pd.concat([sample, least]), asked) if len(sample) else least
    sample["rank"] = sample.groupby(STRATUM).cumcount()
    taken = sample.groupby(STRATUM).size()
    # All strata are shown evenly mixed, so that neither order nor stopping early tells one from another.
    size = sample.groupby(STRATUM)["rank"].transform("size")
    spread = (sample["rank"] + sample["number"] / 2**64) / size
    sample["place"] = spread.rank(method="first").astype(int) - 1
    table = pd.concat(sizes).groupby(level=STRATUM).sum().rename("units").to_frame()
    table["drawn"] = taken.reindex(table.index, fill_value=0)
    return sample, table.reset_index()


def numbers(rows: pd.DataFrame, salt: str) -> pd.Series:
    """The random number of each unit, uint64, by its ids and a text alone."""
    return pd.util.hash_pandas_object(rows[IDS], index=False, hash_key=digest(salt).ljust(16, "0"))


def _first(rows: pd.DataFrame, asked: Asked) -> pd.DataFrame:
    """The units of each stratum with the lowest numbers, as many as are asked."""
    strata = rows.groupby(STRATUM)
    least = [part.nsmallest(asked.kept if part["kept"].iloc[0] else asked.dropped, "number") for _, part in strata]
    return pd.concat([rows.head(0), *least]).sort_values(["number", *IDS], kind="stable")


def shown(name: str, sample: pd.DataFrame, shards: Sequence[Shard], settings: Draw) -> Iterator[dict[str, Any]]:
    """The drawn units with what people are shown of them, less the sentence and the thumbnails."""
    question = QUESTIONS[name]
    for position, part in sample.groupby("shard"):
        shard = shards[int(str(position))]
        clips = {} if question.unit == "video" else _by_id(shard["clips"], "clips", part)
        said = _by_id(shard["utterances"], "utterances", part) if question.unit == "utterance" else {}
        boxes = _boxes(shard["crops"], part) if question.boxed else {}
        for row in part.to_dict("records"):
            clip = clips.get(row["clip_id"], {})
            utterance = said.get((row["clip_id"], row["utterance_id"]), {})
            of_clip = boxes.get((row["clip_id"], row["utterance_id"]), {})
            spans = _spans(question.unit, row, clip, utterance, settings) if question.seen else []
            wanted = [row["frame"]] if question.unit == "frame" else sorted(of_clip)
            media = {"video": clip.get("video", ""), "audio": clip.get("audio", "")} if question.seen else {}
            yield {
                "question": name, "unit": question.unit, "text": utterance.get("text", ""), "spans": spans,
                "boxes": [_relative(frame, of_clip[frame], clip) for frame in wanted if frame in of_clip],
                "of_video": [clip.get(key) for key in ("start_s", "end_s", "video_id")],
                "folder": shard["clips"].parent.name, "picture": "", "video": "", "audio": "",
                **{key: row[key] for key in (*IDS, *STRATUM, "rank", "place", "shard")}, **media,
            }  # fmt: skip


def finished(row: dict[str, Any]) -> dict[str, Any]:
    """A row of table judge_units: its key is a digest of all that people are shown and of nothing that was decided."""
    said = ("question", "ask", "text", "spans", "boxes", "of_video", "picture", *IDS)
    row["key"] = digest([row[name] for name in said])
    return {name: value for name, value in row.items() if name not in ("of_video", "shard")}


def _by_id(path: Path, name: str, part: pd.DataFrame) -> dict[Any, dict[str, Any]]:
    """A table's rows of the drawn clips, by clip and, where it has them, utterance."""
    wanted = set(part["clip_id"])
    rows = [row for row in read_rows(path, name) if row["clip_id"] in wanted]
    return {(row["clip_id"], row["utterance_id"]) if name == "utterances" else row["clip_id"]: row for row in rows}


def _boxes(path: Path, part: pd.DataFrame) -> dict[tuple[str, int], dict[int, list[float]]]:
    """Face boxes in pixels by utterance and frame."""
    columns = ["clip_id", "utterance_id", "frame", *(f"face_{side}" for side in BOX)]
    found: dict[tuple[str, int], dict[int, list[float]]] = {}
    for clip_id in part["clip_id"].unique():
        for row in read_arrow(path, "crops", columns=columns, clip_id=clip_id).to_pylist():
            place = found.setdefault((clip_id, row["utterance_id"]), {})
            place[row["frame"]] = [row[f"face_{side}"] for side in BOX]
    return found


def _relative(frame: int, box: list[float], clip: dict[str, Any]) -> dict[str, float]:
    """A box as parts of the picture's width and height."""
    sides = zip(BOX, box, (clip["width"], clip["height"]) * 2, strict=True)
    return {"frame": frame} | {name: round(value / size, 4) for name, value, size in sides}


def _spans(
    unit: str, row: Mapping[Any, Any], clip: dict[str, Any], utterance: dict[str, Any], settings: Draw
) -> list[dict[str, float]]:
    """What is shown of a clip, in its seconds: an utterance whole, a clip in pieces, a frame as a point of time."""
    if unit == "video":
        return []
    length = clip["end_s"] - clip["start_s"]
    if unit == "frame":
        places = [(row["frame"] / FPS, row["frame"] / FPS)]
    elif unit == "utterance":
        places = [(max(utterance["start_s"] - AROUND_S, 0), min(utterance["end_s"] + AROUND_S, length))]
    elif length <= settings.parts * settings.part_s:
        places = [(0, length)]
    else:
        gap = length / settings.parts
        starts = [gap * (i + 0.5) - settings.part_s / 2 for i in range(settings.parts)]
        places = [(start, start + settings.part_s) for start in starts]
    return [{"start_s": round(start, 3), "end_s": round(end, 3)} for start, end in places]


def _picture(row: dict[str, Any], shards: Sequence[Shard], network: Network, folder: Path) -> str:
    """Write a video's thumbnail, at most WIDEST pixels wide; its file's name, "" where there is none any more."""
    (entry,) = [
        entry for entry in read_rows(shards[row["shard"]]["channels"], "channels")
        if entry["video_id"] == row["video_id"]
    ]  # fmt: skip
    try:
        if entry["url"].startswith("file:"):
            picture = np.hstack(frames_at(local_path(entry["url"]), PLACES))
        else:
            picture = decode_picture(fetch_picture(entry["url"], entry["thumbnail_url"], network))
    except NoPicture as error:
        log.warning("%s: no thumbnail to judge: %s", row["video_id"], error)
        return ""
    scale = min(1.0, WIDEST / picture.shape[1])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR))[1].tobytes()
    name = f"{digest(data.hex())}.jpg"
    (folder / name).write_bytes(data)
    return name
