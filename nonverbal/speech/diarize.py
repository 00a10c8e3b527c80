"""F3 measure: who speaks when in each clip (paper: pyannote, run once a clip)."""

from pathlib import Path

from nonverbal.media import read_audio
from nonverbal.schema import read_table
from nonverbal.shards import Rows, map_units
from nonverbal.speech.settings import Diarize
from nonverbal.speech.turns import Diarizer, summarise


def diarize(clips: Path, media: Path, turns: Path, speakers: Path, settings: Diarize) -> None:
    """Diarize every kept clip of a shard.

    Args:
        clips: table clips.
        media: the folder that its audio lies in.
        turns: table turns, to write.
        speakers: table speakers, to write; one row a clip, also where nobody speaks.
        settings: config section speech.diarize.
    """
    table = read_table(clips, "clips")
    audio = table[table["kept"]].set_index("clip_id")["audio"]
    diarizer = load_diarizer(settings) if len(audio) else None

    def one(clip_id: str) -> dict[str, Rows]:
        assert diarizer is not None
        found = diarizer(read_audio(media / audio[clip_id]))
        return {
            "turns": [{"clip_id": clip_id, **turn._asdict()} for turn in found],
            "speakers": [{"clip_id": clip_id, **summarise(found)}],
        }

    key = [settings.model_dump(mode="json"), table.to_dict("records")]
    map_units(audio.index, one, {"turns": turns, "speakers": speakers}, key, "diarize")


def load_diarizer(settings: Diarize) -> Diarizer:
    """The diarizer that `settings.backend` names; its networks are loaded here and nowhere else."""
    match settings.backend:
        case "embedded":
            from nonverbal.speech.embedded_diarizer import EmbeddedDiarizer

            return EmbeddedDiarizer(settings)
