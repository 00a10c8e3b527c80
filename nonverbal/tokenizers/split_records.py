"""The splits of published records: train and test as published, a validation split of channels held out of train."""

import logging
from collections import Counter
from pathlib import Path

import pandas as pd

from nonverbal.dataset.settings import KeepSafe, Split
from nonverbal.dataset.split import assign
from nonverbal.errors import UserError
from nonverbal.schema import read_table, write_table

log = logging.getLogger("nonverbal")


def split_records(
    records: list[Path], split: Path, keep_records: Path, safe: KeepSafe, settings: Split, seed: int
) -> None:
    """Decide on every record, and assign those that are kept to a split.

    A channel that the release has in both train and test stays in both, and the frames rule warns of it.

    Args:
        records: the shards' tables published_records.
        split: table to write, ordered by clip id.
        keep_records: decisions to write.
        safe: harmful seconds above which all clips of a video are dropped, as rule keep_safe does.
        settings: share of the published training clips that is held out, where the release has no validation split.
        seed: decides between channels of one size.

    Raises:
        UserError: no record is kept.
    """
    table = read_table(records, "published_records")
    seconds = table["harmful_s"].groupby(table["video_id"]).transform("sum")
    harmful = table["kept"] & (seconds > safe.harmful_s)
    table.loc[harmful, "detail"] = [
        f"{total:.1f} s of harmful speech in the video, {safe.harmful_s:g} s allowed" for total in seconds[harmful]
    ]
    table.loc[harmful, "reason"] = "harmful"
    table["kept"] &= ~harmful
    write_table(keep_records, "keep_records", table[["clip_id", "kept", "reason", "detail"]])
    dropped = table.loc[~table["kept"], "reason"].value_counts().to_dict()
    kept = table[table["kept"]].sort_values("clip_id").reset_index(drop=True)
    log.info("split_records: %d records kept, dropped %s", len(kept), dropped)
    if kept.empty:
        raise UserError(f"config key sources: no published record can be used; dropped {dropped}, see {keep_records}")
    kept["split"] = held_out(kept, settings.validation, seed)
    kept["group"] = "channel:" + kept["channel_id"]
    divided = kept.groupby("group")["split"].transform("nunique") > 1  # by the release itself
    kept.loc[divided, "group"] += " of " + kept.loc[divided, "split"]
    write_table(split, "split", kept[["clip_id", "video_id", "channel_id", "group", "split"]])


def held_out(kept: pd.DataFrame, validation: float, seed: int) -> pd.Series:
    """The split of each record: as published, save for the training channels that are held out for validation."""
    train = kept["split"] == "train"
    if validation == 0 or (kept["split"] == "validation").any():
        return kept["split"]
    sizes = dict(Counter(kept.loc[train, "channel_id"]))
    if len(sizes) < 2:
        log.warning("split_records: %d channel(s) in train, too few to hold one out for validation", len(sizes))
        return kept["split"]
    chosen = assign(sizes, {"train": 1 - validation, "validation": validation, "test": 0}, seed)
    return kept["split"].mask(train, kept["channel_id"].map(chosen)).astype(str)
