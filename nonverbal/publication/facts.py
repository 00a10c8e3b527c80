"""What a card and the metadata say of the dataset: counted on the run, nothing written by hand but statements."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import yaml

from nonverbal.dataset.backends import describe
from nonverbal.paper.stand_ins import STAND_INS
from nonverbal.publication.settings import Publication
from nonverbal.schema import read_arrow, read_table

HUB = "https://huggingface.co/datasets"
# Columns of the table of downloads that say what a video may be used for.
RIGHTS = {
    "licence": "licence that the platform or the file states",
    "availability": "who may see the video",
    "captions_origin": "whose captions are used",
}
UNTOLD = "not stated"
MOST_VALUES = 20


def facts(
    columns: Path, statistics: Path, funnel: Path, split: Path, quality: Path, download: list[Path], words: list[Path],
    languages: list[Path], safety: list[Path], statements: Path, facts: Path, backends: dict[str, str],
    settings: Publication,
) -> None:  # fmt: skip
    """Collect them.

    Args:
        columns: what may be published.
        statistics, funnel, split: the dataset's.
        quality: CSV of the cues' quality.
        download, words, languages, safety: the shards' tables of those names.
        statements: YAML of what holds for every run: uses, limits, biases, people.
        facts: JSON to write.
        backends: step -> the backend that did it.
        settings: name, version, licence, contact, repository.
    """
    table = read_table(split, "split")
    clips = set(table["clip_id"])
    downloaded = read_table(download, "download")
    downloaded = downloaded[downloaded["video_id"].isin(table["video_id"])]
    values = {
        "name": settings.name, "version": settings.version, "date": datetime.now(UTC).date().isoformat(),
        "licence": settings.licence, "maker": maker(settings), "address": address(settings),
        "removal": removal(settings),
        "languages": languages_of(languages, clips),
        "columns": json.loads(columns.read_text()),
        "statistics": json.loads(statistics.read_text()),
        "splits": splits(table),
        "funnel": read_table(funnel, "funnel").to_dict("records"),
        "rights": rights(downloaded), "checked": checked(downloaded),
        "stand_ins": [_sentence(STAND_INS[item]) for item in backends.items() if item in STAND_INS],
        "faults": [*_words(words, languages, clips), *_cues(quality), *_split(table), *_harm(safety, clips)],
        "statements": yaml.safe_load(statements.read_text()),
    }  # fmt: skip
    facts.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", "utf-8")


def address(settings: Publication) -> str | None:
    """Of the dataset's page, where a repository is named."""
    return f"{HUB}/{settings.push.repository}" if settings.push.repository else None


def maker(settings: Publication) -> str:
    """Who gives the dataset away: the owner of its repository."""
    return settings.push.repository.split("/")[0] if settings.push.repository else "not named"


def removal(settings: Publication) -> str:
    """Where to ask to be removed."""
    if settings.contact:
        return f"Write to {settings.contact}, naming the channel, the video, or who is to be seen in it and when."
    if settings.push.repository:
        return f"Open a discussion at {address(settings)}/discussions, naming the channel or the video."
    return "No contact is named yet: these files are not meant to be passed on."


def languages_of(paths: list[Path], clips: set[str]) -> list[str]:
    """Languages of the clips, ISO 639-1, most frequent first."""
    table = _of(read_table(paths, "languages"), clips)
    return [str(name) for name in table.loc[table["language"] != "", "language"].value_counts().index]


def splits(clips: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Clips, videos and channels of each split."""
    return {
        str(name): {
            "clips": len(part),
            "videos": int(part["video_id"].nunique()),
            "channels": int(part["channel_id"].nunique()),
        }
        for name, part in clips.groupby("split")
    }


def rights(download: pd.DataFrame) -> dict[str, dict[str, int]]:
    """What each column that says what a video may be used for holds: value -> videos, most frequent first."""
    found = {}
    for name, title in RIGHTS.items():
        counts = download[name].replace("", UNTOLD).value_counts()
        shown = {str(value): int(count) for value, count in counts[:MOST_VALUES].items()}
        rest = int(counts[MOST_VALUES:].sum())
        found[title] = shown | ({f"{len(counts) - MOST_VALUES} others": rest} if rest else {})
    return found


def checked(download: pd.DataFrame) -> list[str]:
    """First and last day on which that was read, where it is known."""
    days = sorted(set(download["checked"]) - {""})
    return [days[0], days[-1]] if days else []


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _words(words: list[Path], languages: list[Path], clips: set[str]) -> list[str]:
    """Where words come from, and how many have no time of their own."""
    spread = pd.concat([_of(_some(path, "words", "interpolated"), clips)["interpolated"] for path in words])
    sources = _of(read_table(languages, "languages"), clips)["words_source"].value_counts()
    told = ", ".join(f"{name} ({count:,} clips)" for name, count in sources.items())
    return [
        f"Words come from {told}, with the errors of that source; nobody has read them.",
        f"{spread.mean():.1%} of the {len(spread):,} words were not found in the sound; their times are spread evenly.",
    ] if len(spread) else []  # fmt: skip


def _cues(quality: Path) -> list[str]:
    """How much of each group of a face or body is known."""
    table = pd.read_csv(quality)
    groups = table[table["used"] == "yes"]
    told = ", ".join(f"{part} {group} {known:.0%}" for part, group, known in groups[["part", "group", "known"]].values)
    return (
        [f"Numbers that are known, of frames in which the speaker is seen: {told}; the others are NaN."] if told else []
    )


def _split(clips: pd.DataFrame) -> list[str]:
    """Who may be in two splits."""
    units = {group.partition(":")[0] for group in clips["group"]}
    finest = next((unit for unit in ("clip", "video", "channel") if unit in units), "channel")
    shared = {
        "clip": "a video, and so its people,",
        "video": "the host of a channel",
        "channel": "a guest of two channels",
    }
    return [f"Splits are by {finest}: {shared[finest]} may be in two of them."]


def _harm(safety: list[Path], clips: set[str]) -> list[str]:
    """What is left of harmful speech."""
    flagged = pd.concat([_of(_some(path, "safety", "harmful", "backend"), clips) for path in safety])
    backends = " and ".join(sorted(map(describe, flagged["backend"].unique())))
    return [
        f"{flagged['harmful'].sum():,} of {len(flagged):,} utterances are flagged harmful by {backends} and left in, "
        "listed in harmful_utterance_id; it misses some and flags others wrongly."
    ] if len(flagged) else []  # fmt: skip


def _some(path: Path, name: str, *columns: str) -> pd.DataFrame:
    return read_arrow(path, name, columns=["clip_id", *columns]).to_pandas()


def _of(table: pd.DataFrame, clips: set[str]) -> pd.DataFrame:
    return table[table["clip_id"].isin(clips)]
