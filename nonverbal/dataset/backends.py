"""What the embedded backends are not: said wherever their numbers stand in for those of the paper's models."""

NOTES = {
    "word_list": "not a safety model",
    "open_face": "facial actions and jaw of an open face model, not FLAME",
    "flame": "fitted to landmarks, not by EMOCA",
    "mediapipe_ik": "rotations in SMPL-X convention of a kinematic body fitted to landmarks, not OSX",
}


def describe(backend: str) -> str:
    """A backend's name, with what it is not."""
    return f"{backend} ({NOTES[backend]})" if backend in NOTES else backend
