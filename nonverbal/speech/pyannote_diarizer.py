"""Diarization by a published pipeline of pyannote.audio, read from local folders; overlapping turns stay."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from pyannote.audio import Pipeline
from pyannote.audio.core.plda import PLDA

from nonverbal.errors import UserError
from nonverbal.media import SAMPLE_RATE
from nonverbal.progress import Heartbeat
from nonverbal.speech.hub_packages import nothing_but_weights
from nonverbal.speech.settings import Pyannote
from nonverbal.speech.turns import Sound, Turn, annotated_turns

NETWORKS = ("segmentation", "embedding", "plda")


class PyannoteDiarizer:
    """Callable: samples -> turns; loads its networks once."""

    def __init__(self, settings: Pyannote, models: Mapping[str, Path]) -> None:
        with nothing_but_weights("speech.diarize.backend"):
            self.pipeline = Pipeline.from_pretrained(local_pipeline(models[settings.pipeline], models))
        self.pipeline.to(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
        self.pipeline.segmentation_batch_size = self.pipeline.embedding_batch_size = settings.batch
        self.speakers = settings.model_dump(include={"num_speakers", "min_speakers", "max_speakers"})

    def __call__(self, samples: Sound, people: int = 0) -> list[Turn]:
        """Who speaks when in 16 kHz mono sound, [samples]; the people seen do not count."""
        if not len(samples):
            return []
        sound = {"waveform": torch.from_numpy(samples[:])[None], "sample_rate": SAMPLE_RATE}
        output = self.pipeline(sound, hook=Heartbeat("diarize").step, **self.speakers)
        return annotated_turns(output.speaker_diarization, len(samples) / SAMPLE_RATE)


def local_pipeline(folder: Path, models: Mapping[str, Path]) -> dict[str, Any]:
    """The `config.yaml` of a published pipeline, with local folders for the networks that it names.

    Args:
        folder: of the pipeline.
        models: folders by name, among them those of networks that are repositories of their own.

    Raises:
        UserError: a network is not among them.
    """
    config = yaml.safe_load((folder / "config.yaml").read_text())
    networks = config["pipeline"]["params"]
    for name in NETWORKS:
        if name in networks:
            networks[name] = _place(networks[name], folder, models)
    # pyannote.audio 4 fetches this for pipelines that came before it and never use it
    networks.setdefault("plda", PLDA.__new__(PLDA))
    return config


def _place(named: str, folder: Path, models: Mapping[str, Path]) -> dict[str, Any]:
    owner, name = named.split("@")[0].rsplit("/", 1)
    if owner == "$model":
        return {"checkpoint": str(folder), "subfolder": name, "strict": False}
    if name not in models:
        raise UserError(
            f"config key speech.diarize.pyannote.pipeline: {folder / 'config.yaml'} names the network {named}, which "
            "is not in resources/models.yaml; take the file as it was published"
        )
    return {"checkpoint": str(models[name]), "strict": False}
