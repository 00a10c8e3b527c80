"""F4 decide: keep clips in the wanted language."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nonverbal.schema import kept_ids, read_table, write_table
from nonverbal.speech.settings import KeepLanguage

FROM = {
    "container": "by the language tag of the file",
    "captions": "by the label of the caption track",
    "captions_text": "by the text of the captions, which are not labelled so",
    "script": "by the text of the script",
    "sound": "by its sound",
}
UNKNOWN = (
    "Neither the file nor captions name a language, and the embedded transcriber cannot tell one from sound: tag the "
    "file, add captions, or turn the filter off (--config 'speech={keep_language: {enabled: false}}')."
)
WORDS = {
    "captions_aligned": "words are the captions', aligned to the sound",
    "captions_interpolated": "words are the captions', spread over their time",
    "script_aligned": "words are the script's, aligned to the sound",
    "script_interpolated": "words are the script's, spread over their time",
    "decoded": "words are decoded from the sound",
    "no_speech": "no speech is heard",
    "none": "there are no captions, and this language cannot be decoded",
}


def keep_language(languages: Path, keep_two_speakers: Path, keep_language: Path, settings: KeepLanguage) -> None:
    """Decide on every clip that keep_two_speakers kept.

    Args:
        languages: table languages.
        keep_two_speakers: decision table whose kept clips are the units.
        keep_language: table to write.
        settings: config section speech.keep_language.
    """
    found = {row["clip_id"]: row for row in read_table(languages, "languages").to_dict("records")}
    units = kept_ids(keep_two_speakers, "keep_two_speakers")
    rows = [{"clip_id": clip_id, **decide(found[clip_id], settings)} for clip_id in units]
    write_table(keep_language, "keep_language", rows)


def unknown(found: Mapping[Any, Any]) -> str:
    """Why there is no language."""
    return "No language is known" if found["words_source"] == "no_speech" else UNKNOWN.rstrip(".")


def decide(found: Mapping[Any, Any], settings: KeepLanguage) -> dict[str, object]:
    """The decision on one clip, told with what it rests on."""
    language, score = found["language"], found["score"]
    named = f"Language {language} {FROM[found['source']]} (score {score:.2f})" if language else unknown(found)
    words = ", or ".join(WORDS[source] for source in found["words_source"].split("+"))
    detail = f"{named}; {found['words']} words: {words}."
    if not settings.enabled:
        return {"kept": True, "reason": "", "detail": f"The filter is off. {detail}"}
    checks = (
        ("language_undetermined", not language or score < settings.score),
        ("other_language", language != settings.language),
        ("no_words", found["words"] == 0),
    )
    reason = next((reason for reason, dropped in checks if dropped), "")
    return {"kept": not reason, "reason": reason, "detail": detail}
