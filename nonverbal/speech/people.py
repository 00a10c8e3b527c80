"""F3 measure: how many people a clip shows, which helps to tell how many speak."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage

from nonverbal.media import sample_frames
from nonverbal.schema import read_table
from nonverbal.shards import Rows, map_units
from nonverbal.speakers.descriptor import describe
from nonverbal.speakers.faces import BACKENDS, FaceFinder
from nonverbal.speech.settings import People

UNLIKE = 2.0  # cosine distance of opposites


def people(clips: Path, media: Path, people: Path, settings: People) -> None:
    """Count the people in pictures spread over each kept clip of a shard.

    Args:
        clips: table clips.
        media: the folder that its videos lie in.
        people: table people, to write.
        settings: config section speech.people.
    """
    table = read_table(clips, "clips")
    video = table[table["kept"]].set_index("clip_id")["video"]
    finder = BACKENDS[settings.backend](settings.lowest_score) if len(video) else None

    def one(clip_id: str) -> dict[str, Rows]:
        assert finder is not None
        pictures = sample_frames(media / video[clip_id], settings.most_pictures, settings.least_pictures)
        return {"people": [{"clip_id": clip_id, **count_people(pictures, finder, settings)}]}

    key = [settings.model_dump(mode="json"), table.to_dict("records")]
    map_units(video.index, one, {"people": people}, key, "people")


def count_people(pictures: list[np.ndarray], finder: FaceFinder, settings: People) -> dict[str, int]:
    """The row of a clip, without its id.

    Args:
        pictures: uint8 RGB [height, width, 3].
        finder: of faces.
        settings: which detections count, and who is one person.
    """
    faces = [
        (number, describe(picture, box))
        for number, picture in enumerate(pictures)
        for box, score in zip(*finder.detect(picture), strict=True)
        if score >= settings.lowest_score
    ]
    rows = pd.DataFrame(faces, columns=["picture", "looks"])
    least = max(1, int(np.ceil(settings.least_share * len(pictures))))  # pictures
    together = rows.groupby("picture").size().sort_values(ascending=False)
    at_once = int(together.iloc[least - 1]) if len(together) >= least else 0
    seen = rows.assign(person=told_apart(rows, settings.same_person)).groupby("person")["picture"].nunique()
    return {"pictures": len(pictures), "at_once": at_once, "persons": int((seen >= least).sum())}


def told_apart(faces: pd.DataFrame, same_person: float) -> np.ndarray:
    """The person of each face, by mean likeness; two faces of one picture are unlike.

    Args:
        faces: columns picture and looks, a descriptor.
        same_person: cosine from which on faces are one person.
    """
    if len(faces) < 2:
        return np.arange(len(faces))
    looks, picture = np.stack(faces["looks"].tolist()), faces["picture"].to_numpy()
    unlike = np.where(picture[:, None] == picture, UNLIKE, 1 - looks @ looks.T)
    tree = linkage(unlike[np.triu_indices(len(faces), 1)].clip(min=0), "average")
    return fcluster(tree, 1 - same_person, "distance")
