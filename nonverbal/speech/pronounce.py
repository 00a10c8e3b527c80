"""How a word may sound when the dictionary does not have it: English letters to phones, longest match first.

Rough on purpose: forced alignment needs about the right number and kind of phones, not the right word.
"""

import re
import unicodedata

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SYMBOLS = {"%": "percent", "&": "and", "+": "plus", "=": "equals", "@": "at"}
SOUNDS = {
    "tion": "SH AH N", "sion": "ZH AH N", "ough": "AO", "eigh": "EY", "igh": "AY", "tch": "CH", "sch": "S K",
    "dge": "JH", "ch": "CH", "sh": "SH", "th": "TH", "ph": "F", "wh": "W", "ck": "K", "ng": "NG", "qu": "K W",
    "kn": "N", "wr": "R", "gh": "G", "ee": "IY", "ea": "IY", "oo": "UW", "ou": "AW", "ow": "OW", "ai": "EY",
    "ay": "EY", "ey": "IY", "oa": "OW", "oi": "OY", "oy": "OY", "au": "AO", "aw": "AO", "ie": "IY", "ei": "IY",
    "er": "ER", "ar": "AA R", "or": "AO R", "ir": "ER", "ur": "ER", "a": "AE", "b": "B", "c": "K", "d": "D",
    "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH", "j": "JH", "k": "K", "l": "L", "m": "M", "n": "N",
    "o": "AA", "p": "P", "q": "K", "r": "R", "s": "S", "t": "T", "u": "AH", "v": "V", "w": "W", "x": "K S",
    "y": "IY", "z": "Z",
}  # fmt: skip
GRAPHEME = re.compile("|".join(sorted(SOUNDS, key=len, reverse=True)))
SOFT = {"c": "S", "g": "JH"}  # before e, i, y


def spoken_forms(word: str) -> list[str]:
    """The dictionary words that a written word is read as: lower case letters and apostrophes, digits by name.

    "Well-known," -> ["well", "known"]; "42%" -> ["four", "two", "percent"]; "Zoë" -> ["zoe"].
    """
    plain = unicodedata.normalize("NFKD", word.lower().replace("’", "'"))
    found = re.findall(r"[a-z']+|[0-9]|[%&+=@]", "".join(c for c in plain if not unicodedata.combining(c)))
    read = [DIGITS[int(one)] if one.isdigit() else SYMBOLS.get(one, one.strip("'")) for one in found]
    return [one for one in read if one]


def guess_phones(word: str) -> str:
    """Phones of the en-us set for lower case letters, e.g. "blorkish" -> "B L AO R K IH SH"."""
    letters = re.sub(r"(.)\1+", r"\1", word.replace("'", ""))
    silent_e = len(letters) > 3 and letters.endswith("e") and letters[-2] not in "aeiouy"
    phones = []
    for match in GRAPHEME.finditer(letters[:-1] if silent_e else letters):
        following = letters[match.end() : match.end() + 1]
        soft = match[0] in SOFT and following and following in "eiy"
        phones.append(SOFT[match[0]] if soft else SOUNDS[match[0]])
    return " ".join(phones) or "AH"
