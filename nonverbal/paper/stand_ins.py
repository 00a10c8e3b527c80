"""What stood in for the paper's models, said under every table that it touches."""

from collections.abc import Mapping

# (step, backend) -> how it differs from what the paper used; a backend that is not here is the paper's.
STAND_INS = {
    ("thumbnails", "mediapipe"): "people in thumbnails by a face detector, not YOLO",
    ("diarize", "embedded"): "speakers by networks that installed packages hold, not pyannote",
    ("transcribe", "embedded"): "words from captions aligned, or decoded, by pocketsphinx, not WhisperX",
    ("tracks", "mediapipe"): "faces by mediapipe and persons around them, not YOLO",
    ("active_speaker", "motion"): "active speakers by mouth motion and sound, not Light-ASD",
    ("face", "open_face"): "faces are actions and jaw of an open face model, not FLAME parameters",
    ("face", "flame"): "faces are FLAME parameters fitted to landmarks, not by EMOCA",
    ("body", "mediapipe_ik"): "bodies are joint rotations of a kinematic body fitted to landmarks, not by OSX",
    ("safety", "word_list"): "harmful speech by a word list, not WildGuard",
    ("sentiment", "vader"): "sentiment by VADER, words with valences and rules, not TweetNLP's RoBERTa",
    ("base", "tiny"): "the language model is a tiny Llama trained from scratch, in the rows of LLaMA 3.2 1B",
}


def notes(backends: Mapping[str, str]) -> list[str]:
    """One sentence on all stand-ins among `backends` (step -> backend), none where every step is the paper's."""
    found = [STAND_INS[item] for item in backends.items() if item in STAND_INS]
    return [f"Ours is made with stand-ins: {'; '.join(found)}."] if found else []
