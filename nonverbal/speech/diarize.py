"""F3 measure: who speaks when in each clip (paper: pyannote, run once a clip)."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from nonverbal.media import Recording
from nonverbal.models import fetched
from nonverbal.provenance.hashes import hash_path
from nonverbal.schema import read_table
from nonverbal.shards import Rows, map_units
from nonverbal.speech.given import given
from nonverbal.speech.hub_packages import prepare
from nonverbal.speech.settings import Diarize
from nonverbal.speech.turns import Diarizer, summarise


def diarize(
    clips: Path, media: Path, people: Path, turns: Path, speakers: Path, settings: Diarize,
    studio: Sequence[Path] = (), models: Sequence[Path] = (),
) -> None:  # fmt: skip
    """Diarize every kept clip of a shard.

    Args:
        clips: table clips.
        media: the folder that its audio lies in.
        people: table people.
        turns: table turns, to write.
        speakers: table speakers, to write; one row a clip, also where nobody speaks.
        settings: config section speech.diarize.
        studio: tables turns and speakers of clips that are taken as they are, or nothing.
        models: folders of the fetched models that its backend needs.
    """
    table = read_table(clips, "clips")
    audio = table[table["kept"]].set_index("clip_id")["audio"]
    known = given(studio, ("turns", "speakers"))
    faces = read_table(people, "people").set_index("clip_id")
    seen = faces[["at_once", "persons"]].max(axis=1)
    diarizer = load_diarizer(settings, models) if set(audio.index) - set(known) else None

    def one(clip_id: str) -> Mapping[str, Rows]:
        if clip_id in known:
            return known[clip_id]
        assert diarizer is not None
        found = diarizer(Recording(media / audio[clip_id]), int(seen[clip_id]))
        return {
            "turns": [{"clip_id": clip_id, **turn._asdict()} for turn in found],
            "speakers": [{"clip_id": clip_id, "people": int(seen[clip_id]), **summarise(found)}],
        }

    key = [settings.model_dump(mode="json"), table.to_dict("records"), seen.to_dict(), list(map(hash_path, studio))]
    map_units(audio.index, one, {"turns": turns, "speakers": speakers}, key, "diarize")


def load_diarizer(settings: Diarize, models: Iterable[Path] = ()) -> Diarizer:
    """The diarizer that `settings.backend` names; its networks are loaded here and nowhere else.

    Raises:
        UserError: its packages or models are not there.
    """
    match settings.backend:
        case "embedded":
            from nonverbal.speech.embedded_diarizer import EmbeddedDiarizer

            return EmbeddedDiarizer(settings)
        case "pyannote":
            prepare("pyannote.audio", "speech.diarize.backend")
            from nonverbal.speech.pyannote_diarizer import PyannoteDiarizer

            return PyannoteDiarizer(settings.pyannote, fetched(models))
