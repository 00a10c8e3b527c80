"""Settings of the speech stage."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from nonverbal.models import registered
from nonverbal.settings import Settings

FetchedModel = Annotated[str, AfterValidator(registered)]


class People(Settings):
    """F3 measure: the people seen, which tell how many may speak."""

    backend: Literal["mediapipe"]
    """mediapipe: full-range face detector."""
    lowest_score: float = Field(ge=0, le=1)
    """Detections below are not counted."""
    most_pictures: int = Field(gt=0)
    """Pictures of a clip that are looked at, of its key frames."""
    least_pictures: int = Field(gt=0)
    """A clip with fewer key frames is decoded whole, for so many pictures."""
    least_share: float = Field(ge=0, le=1)
    """Who is in a smaller share of the pictures is not counted."""
    same_person: float = Field(gt=0, lt=1)
    """Cosine of descriptors from which on two faces are one person."""


class SameVoice(Settings):
    """When two groups of speech pieces are one speaker (measured on synthetic dialogues and telephone sound)."""

    cosine: float = Field(gt=0, lt=1)
    """Cosine of two voices, from which on they are one, where there is much speech of both."""
    allowance: float = Field(ge=0, lt=1)
    """Less cosine than that is asked of short speech: this much less of none at all ..."""
    allowance_s: float = Field(gt=0)
    """... and 63 % less of that for each of so many seconds of speech."""
    apart: float = Field(ge=0)
    """More cosine that is asked where the segmentation network hears the two as different speakers."""
    people: float = Field(ge=0, lt=1)
    """More cosine that is asked before there are fewer speakers than people seen."""


class Pyannote(Settings):
    """A published pipeline of pyannote.audio, with the thresholds it was published with."""

    pipeline: Literal["speaker-diarization-3.0", "speaker-diarization-3.1", "speaker-diarization-community-1"]
    """Name on the hub, and in resources/models.yaml (paper: 3.0)."""
    batch: int = Field(gt=0)
    """Windows or voice embeddings at a time."""
    num_speakers: int | None = Field(gt=0)
    """How many speakers there are; null: they are counted (paper)."""
    min_speakers: int | None = Field(gt=0)
    """Least number of speakers; null: none."""
    max_speakers: int | None = Field(gt=0)
    """Greatest number of speakers; null: none."""

    @model_validator(mode="after")
    def _bounds_fit(self) -> Self:
        if self.min_speakers and self.max_speakers and self.min_speakers > self.max_speakers:
            raise ValueError("min_speakers must not be greater than max_speakers")
        return self

    @property
    def repositories(self) -> list[str]:
        """Registry names of the pipeline and of the networks that it names."""
        if self.pipeline == "speaker-diarization-community-1":
            return [self.pipeline]  # holds its networks
        return [self.pipeline, "segmentation-3.0", "wespeaker-voxceleb-resnet34-LM"]


class Hearing(Settings):
    """A step whose backend is the embedded one or one of the paper's, which share an environment and want a GPU."""

    backend: str
    """Which; each step names its own."""

    @property
    def family(self) -> str:
        """Environment of the backend."""
        return "speech" if self.backend == "embedded" else "whisperx"

    @property
    def gpus(self) -> int:
        """That a job of the backend wants."""
        return int(self.backend != "embedded")


class Diarize(Hearing):
    """F3 measure: who speaks when."""

    backend: Literal["embedded", "pyannote"]
    """embedded: PyanNet segmentation + GE2E voice embeddings + clustering, from installed packages; pyannote: a
    pipeline of pyannote.audio (paper), which needs its environment and models that are fetched."""
    step_s: float = Field(gt=0, le=2.5)
    """From one five-second window to the next."""
    batch: int = Field(gt=0)
    """Windows and voice embeddings at a time."""
    rumble_hz: float = Field(gt=0, lt=1000)
    """Steady sound below this is taken away: louder than the voices, it hides them from the networks."""
    rumble_db: float = Field(gt=0)
    """It is steady where its quiet moments are no further than this below the loud parts of the whole sound."""
    onset: float = Field(gt=0, lt=1)
    """Probability above which a local speaker speaks."""
    quiet_db: float = Field(gt=0)
    """Sound that is so far below the loud parts of the clip is a pause."""
    longest_gap_s: float = Field(ge=0)
    """Shorter pauses inside a speaker's turn are part of the turn."""
    anchor_s: float = Field(ge=0)
    """Shorter pieces of speech do not take part in counting the speakers."""
    least_speaker_s: float = Field(ge=0)
    """A speaker with less speech than this is not counted; the speech goes to the most similar other."""
    same_voice: SameVoice
    pyannote: Pyannote
    """Read where backend is pyannote, instead of the other keys."""

    @property
    def models(self) -> list[str]:
        """Models to fetch."""
        return self.pyannote.repositories if self.backend == "pyannote" else []


class KeepTwoSpeakers(Settings):
    """F3 decide: exactly two speakers."""

    enabled: bool
    """false keeps every clip."""
    silence_dbfs: float
    """A clip whose loudness is below this is silent."""
    least_speech_s: float = Field(ge=0)
    """A clip with less speech than this has none."""
    speaker_share: float = Field(ge=0, le=0.5)
    """Who has less than this share of the speech is no speaker but an interjection, an echo or noise ..."""
    speaker_turn_s: float = Field(ge=0)
    """... and so is who never speaks for so long without a pause."""
    overlap_share: float = Field(gt=0, le=1)
    """More of the speech than this must not be of two at once."""


class Precision(Settings):
    """Numbers that CTranslate2 computes with."""

    gpu: Literal["float16", "bfloat16", "int8_float16", "float32"]
    """On a GPU (paper: float16)."""
    cpu: Literal["int8", "float32"]
    """Where there is none."""


class WhisperX(Settings):
    """Whisper on stretches of speech, word times from a wav2vec2 network (paper: large-v3, float16, batch 32)."""

    model: FetchedModel
    """Row of resources/models.yaml: a Whisper network in CTranslate2's format."""
    precision: Precision
    batch: int = Field(gt=0)
    """Stretches of speech at a time."""
    stretch_s: float = Field(gt=0, le=30)
    """Speech is cut into stretches up to this length."""
    language_windows: int = Field(gt=0)
    """Windows of 30 s of speech that are heard, at most, until one tells its language clearly (paper: 1)."""
    align: dict[Annotated[str, Field(pattern="^[a-z]{2,3}$")], FetchedModel]
    """Language (ISO 639-1) -> row of resources/models.yaml, a wav2vec2 network that reads its letters; words of other
    languages are spread over their stretch."""


class Transcribe(Hearing):
    """F4 measure: language, words with times."""

    backend: Literal["embedded", "whisperx"]
    """embedded: the uploader's captions force-aligned by pocketsphinx; pocketsphinx decoding without captions;
    whisperx: Whisper and wav2vec2 (paper), which need their environment and models that are fetched."""
    padding_s: float = Field(ge=0)
    """Sound before and after captions in which their words are looked for."""
    longest_lateness_s: float = Field(ge=0)
    """Captions of a clip that all come late or early by up to this much are moved back; 0 trusts their times."""
    longest_chunk_s: float = Field(gt=0)
    """Captions that follow each other closely are aligned together up to this length."""
    edge_gain: float = Field(ge=0)
    """Scaled log-likelihood by which the sound must prefer another word at the clip's edge to the one that the
    caption's times suggest."""
    text_words: int = Field(gt=0)
    """Fewer caption words say nothing about the language."""
    text_score: float = Field(gt=0, le=1)
    """Probability from which on the captions' text overrules what they are labelled."""
    whisperx: WhisperX
    """Read where backend is whisperx, instead of the other keys."""

    @property
    def models(self) -> list[str]:
        """Models to fetch."""
        return [self.whisperx.model, *sorted(set(self.whisperx.align.values()))] if self.backend == "whisperx" else []


class KeepLanguage(Settings):
    """F4 decide."""

    enabled: bool
    """false keeps every clip."""
    language: str = Field(pattern="^[a-z]{2}$")
    """ISO 639-1 code of the language kept (paper: en)."""
    score: float = Field(ge=0, le=1)
    """Least score of the language decision."""


class Utterances(Settings):
    """P2: consecutive words of one speaker are one utterance."""

    longest_pause_s: float = Field(gt=0)
    """A pause longer than this ends an utterance even if the speaker goes on."""
    flip_margin: float = Field(ge=0, le=1)
    """A single word between two of the other speaker is its own speaker's only if this much more of it lies in that
    speaker's turns."""


class Speech(Settings):
    """Diarization, language, transcript, utterances."""

    people: People
    diarize: Diarize
    keep_two_speakers: KeepTwoSpeakers
    transcribe: Transcribe
    keep_language: KeepLanguage
    utterances: Utterances
