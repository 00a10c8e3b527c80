"""Some utterances of a run to look at: overlay, avatar video, contact sheet, and motion files for other programs."""

from pathlib import Path

import pandas as pd

from nonverbal.layouts import FPS
from nonverbal.progress import track
from nonverbal.schema import read_arrow
from nonverbal.views.avatar import film
from nonverbal.views.bvh import write_bvh
from nonverbal.views.figure import Figures
from nonverbal.views.found import TABLES_OF, read
from nonverbal.views.glb import write_glb
from nonverbal.views.motion import motions_of
from nonverbal.views.overlay import paint
from nonverbal.views.settings import Samples
from nonverbal.views.sheet import save_sheet

FRAME = ["clip_id", "utterance_id", "frame"]


def samples(
    clips: list[Path], media: list[Path], utterances: list[Path], words: list[Path], tracks: list[Path],
    active_speaker: list[Path], crops: list[Path], face: list[Path], body: list[Path], samples: Path,
    models: Path, settings: Samples,
) -> None:  # fmt: skip
    """Make CLIP_UTTERANCE.mp4 (avatar), .overlay.mp4, .png, .bvh and .glb of the utterances of which most is known.

    Args:
        clips, utterances, words, tracks, active_speaker, crops: tables of those names, a shard each.
        media: folders of the clips' videos, a shard each.
        face, body: the smoothed tables, a shard each.
        samples: folder to write.
        models: folder of models, of which FLAME and SMPL-X are shown if they are there.
        settings: how many, and how long.
    """
    columns = zip(tracks, active_speaker, crops, utterances, words, face, body, strict=True)
    shards = [dict(zip(TABLES_OF, paths, strict=True)) for paths in columns]
    samples.mkdir(parents=True, exist_ok=True)
    chosen = longest(face, body, settings)
    if not chosen:
        return
    figures = Figures(models)
    for clip_id, utterance_id in track(chosen, "samples"):
        places = zip(clips, media, shards, strict=True)
        found = next(filter(None, (read(clip_id, *place) for place in places)))
        name = f"{clip_id}_{utterance_id}"
        (motion,) = motions_of(found, utterance_id)
        film(found, utterance_id, figures, samples / f"{name}.mp4")
        paint(found, utterance_id, samples / f"{name}.overlay.mp4")
        save_sheet(found, utterance_id, motion, figures, samples / f"{name}.png")
        write_bvh(samples / f"{name}.bvh", motion, figures.anny.person.avatar.rest_joints.numpy())
        write_glb(samples / f"{name}.glb", motion, figures.anny, {"clip_id": clip_id, "utterance_id": utterance_id})


def longest(face: list[Path], body: list[Path], settings: Samples) -> list[tuple[str, int]]:
    """Clip and utterance of those with most frames in which face and body are known, at most one a clip."""
    parts = [valid(one, "face").merge(valid(other, "body"), on=FRAME) for one, other in zip(face, body, strict=True)]
    frames = pd.concat([part.groupby(FRAME[:2]).size().rename("frames").reset_index() for part in parts])
    frames = frames[frames["frames"] <= settings.longest_s * FPS]
    best = frames.sort_values(["frames", *FRAME[:2]], ascending=[False, True, True]).drop_duplicates("clip_id")
    return list(best[FRAME[:2]].head(settings.utterances).itertuples(index=False, name=None))


def valid(path: Path, name: str) -> pd.DataFrame:
    """The frames of which anything is known."""
    rows = read_arrow(path, name, columns=[*FRAME, "valid"]).to_pandas()
    return rows.loc[rows["valid"], FRAME]
