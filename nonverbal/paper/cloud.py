"""Word clouds in the house's font and colours, the same from the same words."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from matplotlib.font_manager import FontProperties, findfont
from wordcloud import WordCloud

from nonverbal.paper.style import STYLE, UNSEEN, shown

DPI, LEAST_PT, MOST_PT = 300, 6.5, 26
LONGEST = 18  # letters of a word; one that did not fit would end the cloud


def cloud(
    sizes: Mapping[str, float], width: float, height: float, colour: Callable[[str], str], seed: int
) -> np.ndarray | None:
    """A cloud of words as large as their sizes, uint8 RGB at 300 dpi; None where no word can be written.

    Args:
        sizes: of each word; one whose script the font lacks is left out.
        width, height: inches.
        colour: of a word.
        seed: of the places.
    """
    written = {shown(word, LONGEST): word for word in sizes if UNSEEN not in shown(word, LONGEST)}
    if not written:
        return None
    made = WordCloud(
        font_path=Path(findfont(FontProperties(family=STYLE["font.family"]))).as_posix(),
        width=round(width * DPI),
        height=round(height * DPI),
        background_color="white",
        prefer_horizontal=1,
        relative_scaling=0.6,
        min_font_size=round(LEAST_PT / 72 * DPI),
        max_font_size=round(MOST_PT / 72 * DPI),
        margin=9,
        random_state=seed,
        color_func=lambda word, **_: colour(written[word]),
    )
    return made.generate_from_frequencies({word: sizes[of] for word, of in written.items()}).to_array()
