"""Settings of the report."""

from pydantic import Field

from nonverbal.settings import Settings


class Report(Settings):
    """How much the page may hold."""

    picture_px: int = Field(ge=200)
    """Width of embedded pictures at most; the page links to the files in full size."""
    video_px: int = Field(ge=160)
    """Width of embedded videos at most."""
    video_s: float = Field(gt=0)
    """Seconds of a video that are embedded."""
    videos_mb: float = Field(ge=0)
    """Megabytes of all embedded videos; of those beyond it the page has a picture and a link."""
