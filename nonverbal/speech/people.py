"""F3 measure: how many people a clip shows, which helps to tell how many speak."""

from pathlib import Path

import numpy as np
import pandas as pd

from nonverbal.media import sample_frames
from nonverbal.schema import read_table
from nonverbal.shards import Rows, map_units
from nonverbal.speakers.descriptor import describe
from nonverbal.speakers.faces import BACKENDS, FaceFinder
from nonverbal.speakers.persons import persons
from nonverbal.speech.settings import People


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
    rows = pd.DataFrame(faces, columns=["frame", "descriptor"]).rename_axis("track_id").reset_index()
    least = max(1, int(np.ceil(settings.least_share * len(pictures))))  # pictures
    together = rows.groupby("frame").size().sort_values(ascending=False)
    seen = rows.assign(person=persons(rows, settings.same_person)).groupby("person")["frame"].nunique()
    at_once = int(together.iloc[least - 1]) if len(together) >= least else 0
    return {"pictures": len(pictures), "at_once": at_once, "persons": int((seen >= least).sum())}
