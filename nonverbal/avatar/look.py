"""How a person of the renderer looks, as settings."""

from pydantic import Field

from nonverbal.settings import Settings

Colour = tuple[float, float, float]  # RGB in 0..1


class Look(Settings):
    """How a person looks; colours are RGB in 0..1."""

    phenotype: dict[str, float] = Field(default_factory=dict)
    """Anny's phenotype parameters in 0..1."""
    skin: Colour = (0.83, 0.62, 0.52)
    hair: Colour = (0.16, 0.10, 0.07)
    iris: Colour = (0.25, 0.17, 0.10)
    shirt: Colour = (0.20, 0.30, 0.48)
    long_hair: bool = False
    """Hair down to the neck."""
    short_sleeves: bool = False
    """Forearms bare."""
