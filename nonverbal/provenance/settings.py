"""Settings of the provenance stage."""

from pydantic import Field

from nonverbal.settings import Settings


class Prices(Settings):
    """What your cluster charges, in your currency; 0 where it charges nothing."""

    cpu_hour: float = Field(ge=0)
    """An hour of one core."""
    gpu_hour: float = Field(ge=0)
    """An hour of one GPU."""
    stored_gb: float = Field(ge=0)
    """A gigabyte kept for as long as the run's results are."""


class Budget(Settings):
    """What a run will cost, and did."""

    videos: int = Field(gt=0)
    """Videos to plan for (paper: 27,128)."""
    source_hours: float = Field(gt=0)
    """Hours of their media (unpublished)."""
    kept_hours: float = Field(gt=0)
    """Hours of the clips kept (paper: 14,910)."""
    prices: Prices
